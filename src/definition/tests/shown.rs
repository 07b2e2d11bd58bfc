//! The amount of a record that is a sum over its rows.

use rust_decimal::Decimal;

use super::site::{mistakes, site};
use super::*;
use crate::domain::{Facts, Fault};

/// A line of goods: 5000 pieces at 20.00 a thousand, less 10 %.
const GOODS: &[(&str, &str)] = &[
    ("LineType", "1"),
    ("MPrice", "#20.00"),
    ("MPriceUom", "TH"),
    ("MOrderUom", "EA"),
    ("MConvFactPrcUm", "#1000"),
    ("MMulDivPrc", "D"),
    ("MDiscPct1", "#10"),
    ("MOrderQty", "#5000"),
];

const CHARGE: &[(&str, &str)] = &[("LineType", "5"), ("NMscChargeValue", "#12.34")];

/// A comment in whose columns no number is searched for.
const COMMENT: &[(&str, &str)] = &[("LineType", "6"), ("MPrice", "see drawing"), ("MOrderQty", "#3"), ("NComment", "as agreed")];

/// An order with these lines, numbered as they come.
fn order(plan: &Plan, currency: &str, lines: &[&[(&str, &str)]]) -> Document {
    let numbers: Vec<String> = (1..=lines.len()).map(|n| format!("#{n}")).collect();
    let keyed = lines.iter().zip(&numbers).map(|(line, n)| [&[("PurchaseOrder", "PO1"), ("Line", n.as_str())], *line].concat());
    let keyed: Vec<Vec<(&str, &str)>> = keyed.collect();
    let rows: Vec<&[(&str, &str)]> = keyed.iter().map(Vec::as_slice).collect();
    let root = [("PurchaseOrder", "PO1"), ("OrderStatus", "4"), ("Currency", currency), ("OrderEntryDate", "@2026-01-31")];
    document(plan, &root, &[&rows])
}

/// The displayed values of an order with these lines, by the shipped definitions.
fn facts(currency: &str, lines: &[&[(&str, &str)]]) -> Facts {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "purchase_order");
    plan.facts(&"EDU1".into(), &order(plan, currency, lines), &definitions.code_lists)
}

/// The amount, digit by digit, with its currency.
fn amount(currency: &str, lines: &[&[(&str, &str)]]) -> Option<String> {
    let Facts { amount, currency, dated, .. } = facts(currency, lines);
    assert_eq!(dated, "2026-01-31".parse().ok());
    assert!(amount.is_some() || currency.is_none());
    amount.map(|amount| format!("{} {amount}", currency.unwrap_or_default()))
}

fn with<'a>(line: &[(&'a str, &'a str)], other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = line.iter().filter(|(name, _)| !other.iter().any(|(own, _)| own == name));
    kept.chain(other).copied().collect()
}

#[test]
fn an_order_counts_its_goods_at_their_price_per_unit_and_its_charges_and_no_comment() {
    assert_eq!(amount("ZAR", &[GOODS]), Some("ZAR 90.00".into()));
    assert_eq!(amount("ZAR", &[CHARGE]), Some("ZAR 12.34".into()));
    assert_eq!(amount("ZAR", &[GOODS, COMMENT, CHARGE, GOODS]), Some("ZAR 192.34".into()));
    assert_eq!(amount("ZAR", &[COMMENT]), Some("ZAR 0.00".into()));
    assert_eq!(amount("ZAR", &[]), Some("ZAR 0.00".into()));
    // rounded once: three times a third of a cent is a cent
    let third = with(GOODS, &[("MPrice", "#0.01"), ("MConvFactPrcUm", "#3"), ("MDiscPct1", "#0"), ("MOrderQty", "#1")]);
    assert_eq!(amount("ZAR", &[&third, &third, &third]), Some("ZAR 0.01".into()));
    assert_eq!(amount("ZAR", &[&third]), Some("ZAR 0.00".into()));
    // in the decimals of the currency
    let foreign = with(GOODS, &[("MForeignPrice", "#2.46914")]);
    assert_eq!(amount("KWD", &[&foreign]), Some("KWD 11.111".into()));
    assert_eq!(amount("JPY", &[&foreign]), Some("JPY 11".into()));
    assert_eq!(amount("X-9", &[&foreign]), Some("X-9 11.11".into()));
}

#[test]
fn an_order_in_foreign_currency_counts_its_foreign_columns() {
    let goods = with(GOODS, &[("MPrice", "#370"), ("MForeignPrice", "#20.00")]);
    let charge = with(CHARGE, &[("NMscChargeValue", "#185"), ("NMscChargeFor", "#10")]);
    assert_eq!(amount("$", &[&goods, &charge]), Some("$ 100.00".into()));
    // the company's own currency, by any of its names
    for own in ["ZAR", "R", ""] {
        let said = if own.is_empty() { " 1850.00".to_owned() } else { format!("{own} 1850.00") };
        assert_eq!(amount(own, &[&goods, &charge]), Some(said), "{own}");
    }
    // a code in no list is not the company's own
    assert_eq!(amount("X-9", &[&goods, &charge]), Some("X-9 100.00".into()));
    for currency in ["$", "X-9"] {
        // the charge exists only in the company's currency
        let own = with(&charge, &[("NMscChargeFor", "#0")]);
        assert_eq!(amount(currency, &[&goods, &own]), None, "{currency}");
        assert_eq!(amount(currency, &[&goods, CHARGE]), None, "{currency}");
    }
}

#[test]
fn an_order_with_a_line_of_which_no_number_can_be_made_shows_no_amount_and_goes_on() {
    for wrong in [
        &[("MConvFactPrcUm", "#0")][..],
        &[("MMulDivPrc", "?")],
        &[("MPrice", "twenty")],
        &[("MOrderQty", "many")],
        &[("MDiscPct2", "#101")],
        &[("MDiscPct1", "#0"), ("MDiscValFlag", "?"), ("MDiscValue", "#1")],
    ] {
        let line = with(GOODS, wrong);
        assert_eq!(amount("ZAR", &[GOODS, &line, CHARGE]), None, "{wrong:?}");
    }
    // a row without any number
    assert_eq!(amount("ZAR", &[GOODS, &[("LineType", "1"), ("MOrderQty", "#3")]]), None);

    let definitions = shipped("apo");
    let plan = plan(&definitions, "purchase_order");
    let of = |document: &Document| plan.facts(&"EDU1".into(), document, &definitions.code_lists).amount;
    // a line that could not be read, and a duplicated line
    let mut partial = order(plan, "ZAR", &[GOODS]);
    assert_eq!(of(&partial), Some(Decimal::new(9000, 2)));
    partial.faults.push(Fault::of_rows("a row cannot be read".into()));
    assert_eq!(of(&partial), None);
    let mut twice = order(plan, "ZAR", &[GOODS]);
    let row = twice.children[0][0].clone();
    twice.children[0].push(row);
    assert_eq!(of(&twice), None);
    // nothing is computed for a document that crashed the mapping
    assert_eq!(plan.facts_of_root(&order(plan, "ZAR", &[GOODS])).amount, None);
    // the record is not failed for its amount: a quantity is not sent with the price
    let line = with(GOODS, &[("MDiscPct1", "#0"), ("MConvFactPrcUm", "#1"), ("MOrderQty", "")]);
    let odd = order(plan, "ZAR", &[&line, &[("LineType", "1"), ("MOrderQty", "#3")]]);
    assert_eq!(of(&odd), None);
    assert_eq!(map(&definitions, "purchase_order", &odd).records.len(), 3);
}

#[test]
fn a_cancelled_order_and_one_that_is_gone_keep_the_amount_of_their_lines() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "purchase_order");
    let mut document = order(plan, "ZAR", &[GOODS, CHARGE]);
    let status = plan.read.columns.iter().position(|column| column == "OrderStatus").expect("read");
    document.root[status] = Value::text("*");
    let text = plan.content_to_json(&document);
    let last = plan.content_from_json(document.key.clone(), &text).expect("stored content");
    for document in [document, last] {
        assert_eq!(plan.facts(&"EDU1".into(), &document, &definitions.code_lists).amount, Some(Decimal::new(10234, 2)));
    }
}

#[test]
fn discounts_of_the_whole_order_are_taken_off_where_the_file_says_so() {
    let (_, shipped) = embedded::FILES.iter().find(|(path, _)| *path == "entities/purchase_order.toml").expect("shipped");
    let (before, shows) = shipped.split_once("[shows.amount]").expect("a sum");
    let shows = shows.replace("\"MDiscPct3\"]", "\"MDiscPct3\", \"root.DiscPct1\"]");
    let text = format!("{before}[shows.amount]{shows}");
    let files = site(&[("entities/purchase_order.toml", &text)]);
    let definitions = load(Some(files.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let plan = plan(&definitions, "purchase_order");
    let mut document = order(plan, "ZAR", &[GOODS, CHARGE]);
    let at = plan.read.columns.iter().position(|column| column == "DiscPct1").expect("read");
    document.root[at] = Value::from_decimal(Decimal::from(50));
    assert_eq!(plan.facts(&"EDU1".into(), &document, &definitions.code_lists).amount, Some(Decimal::new(5734, 2)));
}

/// An entity with lines, whose `[shows]` is the text given; that begins in line 20.
fn claims(shows: &str) -> String {
    let entity = r#"[root]
table = "Claim"
key = ["Claim"]
columns = ["Currency", "Day"]
dates = ["Day"]
[[child]]
name = "lines"
table = "ClaimLine"
key = ["Claim", "Line"]
columns = ["Value", "Foreign", "Worth", "Price", "Own", "Mixed", "Unit", "Due", "Kind"]
dates = ["Due"]
[child.amounts]
Value = "@currency"
Foreign = "root.Currency"
Price = "@currency"
Mixed = "Unit"
Worth = "root.Currency"

[shows]
"#;
    format!("{entity}{shows}\n")
}

const PROFILE: &str = "[header]\ntable = \"x_claim\"\nwrite = \"import_set\"\n[header.fields]\nu_claim = \"Claim\"\n";

#[test]
fn a_wrong_sum_is_refused_with_its_line_and_what_to_write() {
    let told = |shows: &str| {
        let site = site(&[("entities/claim.toml", &claims(shows)), ("profiles/apo/claim.toml", PROFILE)]);
        mistakes(site.path(), &["claim".into()]).join("\n")
    };
    let cases = [
        ("amount = 5", "`shows.amount`: must be a column of the root row, or a table such as `{ sum = \"lines\", each"),
        ("amount = \"Total\"", "`shows.amount`: the root row has no column `Total`; there are `Claim`"),
        ("amount = { each = [{ from = \"Own\" }] }", "`shows.amount`: the key `sum` is missing"),
        (
            "amount = { sum = \"rows\", each = [{ from = \"Own\" }] }",
            "`shows.amount.sum`: the entity has no child `rows`; there are `lines`",
        ),
        ("amount = { sum = \"rows.Own\" }", "`shows.amount.sum`: the entity has no child `rows`; there are `lines`"),
        (
            "amount = { sum = \"lines\" }",
            "`shows.amount`: the key `each` is missing: what a row of `lines` counts, such as `each = [{ from",
        ),
        ("amount = { sum = \"lines\", each = [] }", "`shows.amount.each`: must hold at least one number"),
        (
            "amount = { sum = \"lines.Own\", each = [{ from = \"Own\" }] }",
            "`shows.amount.sum`: `lines.Own` names the column that is added up, and `each` does too: write `sum = \"lines\"` beside `each`",
        ),
        (
            "amount = { sum = \"lines\", from = \"Own\", each = [{ from = \"Own\" }] }",
            "`shows.amount.from`: unknown key; allowed are `sum`, `each`, `only_if`",
        ),
        ("amount = { sum = \"lines.Colour\" }", "`shows.amount.sum`: `ClaimLine` is not read with a column `Colour`"),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Colour\" }] }",
            "`shows.amount.each.1.from`: `ClaimLine` is not read with a column",
        ),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Day\" }] }",
            "`shows.amount.each.1.from`: `ClaimLine` is not read with a column `Day`",
        ),
        ("amount = { sum = \"lines\", each = [{ times = \"Own\" }] }", "`shows.amount.each.1`: the key `from` is missing"),
        ("amount = { sum = \"lines.Due\" }", "`shows.amount.sum`: `Due` holds dates"),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Own\" }, { from = \"Own\", times = \"Size\" }] }",
            "`shows.amount.each.2.times`: `ClaimLine` is not read with a column `Size`",
        ),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Own\", convert = { factor = \"Own\", way = \"Kind\", units = [\"Unit\"] } }] }",
            "`shows.amount.each.1.convert.units`: must name two columns, got `Unit`",
        ),
        (
            "amount = { sum = \"lines.Own\", only_if = [{ column = \"Sort\", not = [\"6\"] }] }",
            "`shows.amount.only_if.1.column`: `ClaimLine` is not read with a column `Sort`",
        ),
        ("amount = { sum = \"lines.Own\", only_if = [{ column = \"Kind\" }] }", "`shows.amount.only_if.1`: needs either `one_of` or `not`"),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Value\", foreign = \"Foreign\" }] }",
            "`shows.amount.each.1.foreign`: needs the currency that distinguishes the two columns: name its column as `currency` of \
             `[shows]`",
        ),
        (
            "amount = { sum = \"lines.Foreign\" }",
            "`shows.amount.sum`: `Foreign` is in `Currency` as `amounts` say, and the sum is in `@currency`: write `currency = \"Currency\"`",
        ),
        (
            "amount = { sum = \"lines.Value\" }\ncurrency = \"Currency\"",
            "`shows.amount.sum`: `Value` is in `@currency` as `amounts` say, and the sum is in `Currency`: name the column that holds it in \
             that currency as `foreign`",
        ),
        (
            "amount = { sum = \"lines.Mixed\" }",
            "`Mixed` is in `Unit` as `amounts` say, and the sum is in `@currency`: rows in currencies of their own",
        ),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Worth\", foreign = \"Foreign\" }] }\ncurrency = \"Currency\"",
            "`shows.amount.each.1.from`: `Worth` is in `Currency`, but a column beside `foreign` must be in the company's own currency",
        ),
        (
            "amount = { sum = \"lines\", each = [{ from = \"Value\", foreign = \"Price\" }] }\ncurrency = \"Currency\"",
            "`shows.amount.each.1.foreign`: `Price` is in `@currency` as `amounts` say, and the sum is in `Currency`: name the column that is",
        ),
        ("amount = { sum = \"lines.Foreign\" }\ncurrency = \"Curency\"", "`shows.currency`: the root row has no column `Curency`"),
        ("currency = \"Currency\"", "`shows.currency`: needs `amount`, which is missing"),
    ];
    for (shows, expected) in cases {
        let found = told(shows);
        assert!(found.contains(expected), "{shows}\n{expected}\nis not among\n{found}");
        assert!(found.contains("entities/claim.toml:20: ") || found.contains("entities/claim.toml:21: "), "{shows}\n{found}");
        assert_eq!(found.lines().count(), 1, "{shows}\n{found}");
    }
    // a mistake in a currency is reported once, and not again for the sum
    let shows = "amount = { sum = \"lines\", each = [{ from = \"Value\", foreign = \"Foreign\" }] }\ncurrency = \"Currency\"";
    for wrong in ["Foreign = 5", "Foreign = \"root.Curency\""] {
        let text = claims(shows).replace("Foreign = \"root.Currency\"", wrong);
        let found = mistakes(site(&[("entities/claim.toml", &text), ("profiles/apo/claim.toml", PROFILE)]).path(), &["claim".into()]);
        assert!(matches!(&found[..], [one] if one.starts_with("entities/claim.toml:14: `child.")), "{found:#?}");
    }
    for right in [
        "amount = { sum = \"lines.Value\" }",
        "amount = { sum = \"lines.Foreign\" }\ncurrency = \"Currency\"",
        "amount = { sum = \"lines\", each = [{ from = \"Value\", foreign = \"Foreign\" }, { from = \"Own\" }] }\ncurrency = \"Currency\"",
    ] {
        let site = site(&[("entities/claim.toml", &claims(right)), ("profiles/apo/claim.toml", PROFILE)]);
        load(Some(site.path()), "apo", &["claim".into()], &own()).unwrap_or_else(|problems| panic!("{right}\n{}", lines(&problems)));
    }
}

#[test]
fn a_table_that_a_company_lacks_is_no_sum_of_nothing() {
    let text = claims("amount = { sum = \"lines.Value\" }").replace("name = \"lines\"\n", "name = \"lines\"\nmay_be_absent = true\n");
    let files = site(&[("entities/claim.toml", &text), ("profiles/apo/claim.toml", PROFILE)]);
    let definitions = load(Some(files.path()), "apo", &["claim".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let plan = plan(&definitions, "claim");
    let of =
        |rows: &[&[(&str, &str)]]| plan.facts(&"EDU1".into(), &document(plan, &[("Claim", "1")], &[rows]), &definitions.code_lists).amount;
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[&[("Claim", "1"), ("Line", "1"), ("Value", "#5")]]), Some(Decimal::new(500, 2)));
}

/// A line of goods or a charge; prices to the fifth decimal, factors by which a division ends.
fn any_line() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let goods = (
        1_i64..10_000_000,
        0_i64..10_000_000,
        prop_oneof![Just(1_i64), Just(8), Just(100), Just(1000)],
        any::<bool>(),
        0_i64..100,
        0_i64..100_000,
    )
        .prop_map(|(price, foreign, factor, divide, discount, quantity)| {
            let number = |units: i64, scale: u32| format!("#{}", Decimal::new(units, scale));
            vec![
                ("LineType", "1".to_owned()),
                ("MPrice", number(price, 2)),
                ("MForeignPrice", number(foreign + 1, 2)),
                ("MPriceUom", "BX".to_owned()),
                ("MOrderUom", "EA".to_owned()),
                ("MConvFactPrcUm", number(factor, 0)),
                ("MMulDivPrc", if divide { "D" } else { "M" }.to_owned()),
                ("MDiscPct1", number(discount, 0)),
                ("MOrderQty", number(quantity, 2)),
            ]
        });
    let charge = (1_i64..1_000_000, 1_i64..1_000_000).prop_map(|(own, foreign)| {
        let number = |units: i64| format!("#{}", Decimal::new(units, 2));
        vec![("LineType", "5".to_owned()), ("NMscChargeValue", number(own)), ("NMscChargeFor", number(foreign))]
    });
    let comment = Just(vec![("LineType", "6".to_owned()), ("NComment", "as agreed".to_owned())]);
    prop_oneof![3 => goods, 2 => charge, 1 => comment]
}

proptest! {
    #[test]
    fn the_amount_is_the_sum_of_what_the_fields_of_the_profile_give(
        currency in prop_oneof![Just("ZAR"), Just("$")],
        lines in proptest::collection::vec(any_line(), 0..6),
    ) {
        let profile = include_str!("../../../config/profiles/apo/purchase_order.toml");
        // the line's value as the profile offers it, with all its decimals
        let exact = profile.replace("# u_line_total =", "u_line_total =").replace("times = \"MOrderQty\", as = \"amount\"", "times = \"MOrderQty\", as = \"decimal(2..12)\"");
        prop_assert!(exact.contains("\nu_line_total") && exact.contains("decimal(2..12)"));
        // values that would vanish in the unit price are not used here
        let exact = exact.lines().filter(|line| !line.starts_with("cost = ")).collect::<Vec<_>>().join("\n").replace(", cost = \"0\"", "");
        let files = site(&[("profiles/apo/purchase_order.toml", &exact)]);
        let definitions = load(Some(files.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", super::lines(&problems)));
        let plan = plan(&definitions, "purchase_order");
        let lines: Vec<Vec<(&str, &str)>> = lines.iter().map(|line| line.iter().map(|(name, text)| (*name, text.as_str())).collect()).collect();
        let rows: Vec<&[(&str, &str)]> = lines.iter().map(Vec::as_slice).collect();
        let document = order(plan, currency, &rows);
        let mapped = plan.map(&"EDU1".into(), &document, &definitions.code_lists).expect("maps");
        let mut sum = Decimal::ZERO;
        for record in &mapped.records[1..] {
            for name in ["u_line_total", "u_charge_value"] {
                let text = field(record, name);
                sum += if text.is_empty() { Decimal::ZERO } else { Decimal::from_str_exact(text).expect("a number") };
            }
        }
        let sum = sum.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        prop_assert_eq!(plan.facts(&"EDU1".into(), &document, &definitions.code_lists).amount, Some(sum));
    }
}

#[test]
fn the_fiscal_periods_of_a_document_are_those_of_all_its_rows() {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let line = |period: &'static str| [("TrnYear", "#2026"), ("TrnMonth", period)];
    let (first, second) = (line("#4.0"), line("#3"));
    let periods = |root: &[(&str, &str)], lines: &[&[(&str, &str)]]| {
        let of = plan.facts(&"EDU1".into(), &document(plan, root, &[lines]), &definitions.code_lists);
        of.periods.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let root = [("InvoiceYear", "#2026"), ("InvoiceMonth", "#3")];
    assert_eq!(periods(&root, &[&first, &second]), ["2026-03", "2026-04"]);
    assert_eq!(periods(&root, &[]), ["2026-03"]);
    assert_eq!(periods(&[("InvoiceYear", "March")], &[]), Vec::<String>::new());
    let order = super::plan(&definitions, "purchase_order");
    assert!(order.facts(&"EDU1".into(), &document(order, &[], &[]), &definitions.code_lists).periods.is_empty());
}
