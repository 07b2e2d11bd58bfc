//! Values in the shipped definitions: cancelled rows, the currency of amounts, and that no digit is lost without a warning.

use super::site::site;
use super::*;
use crate::domain::warning::WarningKind;
use rust_decimal::Decimal;

/// An order with one line.
fn order(plan: &Plan, header: &[(&str, &str)], line: &[(&str, &str)]) -> Document {
    let header = [&[("PurchaseOrder", "PO1"), ("Supplier", "S1"), ("OrderStatus", "4"), ("Currency", "ZAR")], header].concat();
    let line = [&[("PurchaseOrder", "PO1"), ("Line", "#1"), ("LineType", "1")], line].concat();
    // the last value of a name is used
    let last = |values: &[(&str, &str)]| -> Vec<(String, String)> {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (name, text) in values {
            kept.retain(|(other, _)| other != name);
            kept.push(((*name).to_owned(), (*text).to_owned()));
        }
        kept
    };
    let (header, line) = (last(&header), last(&line));
    let header: Vec<(&str, &str)> = header.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let line: Vec<(&str, &str)> = line.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    document(plan, &header, &[&[&line]])
}

/// The line's field, or why the order cannot be mapped.
fn line_field(profile: &str, name: &str, header: &[(&str, &str)], line: &[(&str, &str)]) -> Result<String, String> {
    let definitions = shipped(profile);
    let plan = plan(&definitions, "purchase_order");
    let mapped = plan.map(&"EDU1".into(), &order(plan, header, line), &definitions.code_lists).map_err(|error| error.to_string())?;
    Ok(field(&mapped.records[1], name).to_owned())
}

fn price(profile: &str, header: &[(&str, &str)], line: &[(&str, &str)]) -> Result<String, String> {
    line_field(profile, if profile == "apo" { "cost" } else { "u_unit_price" }, header, line)
}

#[test]
fn an_order_cancelled_by_its_flag_is_cancelled_with_its_lines() {
    for (profile, name) in [("apo", "status"), ("s2p", "u_po_status")] {
        let definitions = shipped(profile);
        let plan = plan(&definitions, "purchase_order");
        let status = |header: &[(&str, &str)], line: &[(&str, &str)]| {
            let mapped = map(&definitions, "purchase_order", &order(plan, header, line));
            let of_line = mapped.records[1].fields.get("status").map(str::to_owned);
            (field(&mapped.records[0], name).to_owned(), of_line.unwrap_or_else(|| "-".into()))
        };
        let line = |text: &str| if profile == "apo" { text.to_owned() } else { "-".to_owned() };
        assert_eq!(status(&[("CancelledFlag", "Y")], &[]), ("canceled".into(), line("canceled")), "{profile}");
        assert_eq!(status(&[("CancelledFlag", "Y")], &[("MCompleteFlag", "Y")]), ("canceled".into(), line("canceled")));
        assert_eq!(status(&[("OrderStatus", "*")], &[]), ("canceled".into(), line("canceled")));
        assert_eq!(status(&[("CancelledFlag", "N")], &[("MCompleteFlag", "Y")]), ("ordered".into(), line("received")));
        assert_eq!(status(&[("CancelledFlag", " ")], &[]), ("ordered".into(), line("ordered")));
    }
}

#[test]
fn a_foreign_order_has_its_foreign_price() {
    let both = [("MPrice", "#1850"), ("MForeignPrice", "#100"), ("NMscChargeValue", "#185"), ("NMscChargeFor", "#10")];
    for profile in ["apo", "s2p"] {
        assert_eq!(price(profile, &[("Currency", "USD")], &both).as_deref(), Ok("100.00"), "{profile}");
        assert_eq!(price(profile, &[("Currency", "$")], &both).as_deref(), Ok("100.00"), "{profile}");
        assert_eq!(price(profile, &[("Currency", "R")], &both).as_deref(), Ok("1850.00"), "{profile}: R is ZAR");
        assert_eq!(price(profile, &[("Currency", "")], &both).as_deref(), Ok("1850.00"), "{profile}");
        assert_eq!(line_field(profile, "u_charge_value", &[("Currency", "USD")], &both).as_deref(), Ok("10.00"));
        assert_eq!(line_field(profile, "u_charge_value", &[], &both).as_deref(), Ok("185.00"));
        let refused = price(profile, &[("Currency", "USD")], &[("MPrice", "#1850")]).expect_err("which price?");
        assert!(refused.contains("MPrice = `1850`") && refused.contains("USD") && refused.contains("MForeignPrice"), "{refused}");
    }
}

#[test]
fn a_price_is_that_of_one_ordered_unit_less_its_discounts() {
    let thousand = [
        ("MPrice", "#20"),
        ("MPriceUom", "TH"),
        ("MOrderUom", "EA"),
        ("MConvFactPrcUm", "#1000"),
        ("MMulDivPrc", "D"),
        ("MDiscPct1", "#10"),
        ("MOrderQty", "#5000"),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let kept = thousand.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        kept.chain(more).copied().collect::<Vec<_>>()
    };
    for profile in ["apo", "s2p"] {
        let price = |line: &[(&str, &str)]| price(profile, &[], line);
        assert_eq!(price(&thousand).as_deref(), Ok("0.018"), "{profile}: 5000 of them are 90.00");
        assert_eq!(
            price(&with(&[("MDiscPct2", "#5"), ("MDiscPct3", "#2.5")])).as_deref(),
            Ok(if profile == "apo" { "0.0167" } else { "0.016673" })
        );
        assert_eq!(price(&with(&[("MMulDivPrc", "M"), ("MConvFactPrcUm", "#12")])).as_deref(), Ok("216.00"));
        assert_eq!(price(&with(&[("MPriceUom", "EA")])).as_deref(), Ok("18.00"), "priced by what is ordered: nothing to convert");
        let unknown = price(&with(&[("MConvFactPrcUm", "#0")])).expect_err("how many?");
        for word in ["MPriceUom", "`TH`", "MOrderUom", "`EA`", "MConvFactPrcUm"] {
            assert!(unknown.contains(word), "{unknown}");
        }
        assert!(price(&with(&[("MMulDivPrc", "")])).expect_err("which way?").contains("neither `M` (multiply) nor `D` (divide)"));
        assert!(price(&with(&[("MDiscPct1", "#100.01")])).expect_err("more than all").contains("MDiscPct1"));
        assert!(
            price(&with(&[("MDiscValFlag", "V"), ("MDiscValue", "#3")]))
                .expect_err("beside a percentage")
                .contains("their order is unknown")
        );
        let value = price(&with(&[("MDiscPct1", "#0"), ("MDiscValFlag", "V"), ("MDiscValue", "#3")])).expect_err("off what?");
        assert!(value.contains("`MDiscValue` = `3.00` with `MDiscValFlag` = `V`") && value.contains("less_value"), "{value}");
    }
}

#[test]
fn what_would_round_to_nothing_fails_by_name_and_a_cut_digit_is_said() {
    assert_eq!(price("apo", &[], &[("MPrice", "#0.0045")]).as_deref(), Ok("0.0045"));
    assert_eq!(price("s2p", &[], &[("MPrice", "#0.00001")]).as_deref(), Ok("0.00001"));
    assert_eq!(line_field("apo", "ordered_quantity", &[], &[("MOrderQty", "#0.004")]).as_deref(), Ok("0.004"));
    assert_eq!(line_field("apo", "received_quantity", &[], &[("MReceivedQty", "#12")]).as_deref(), Ok("12.00"));
    let refused = price("apo", &[], &[("MPrice", "#0.0000004")]).expect_err("it would become nothing");
    assert!(refused.contains("`cost`") && refused.contains("`0.0000004`") && refused.contains("`0.00`"), "{refused}");
    assert!(refused.contains("`as = \"decimal(2..7)\"`"), "more decimals than it has now, and enough: {refused}");
    let refused = line_field("apo", "ordered_quantity", &[], &[("MOrderQty", "#0.00000005")]).expect_err("it would become nothing");
    assert!(refused.contains("`as = \"decimal(2..8)\"`"), "{refused}");

    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let amount = |currency: &str, value: &str| {
        let root = [("Supplier", "S1"), ("Invoice", "I1"), ("Currency", currency), ("OrigInvValue", value), ("ConvRate", "#1")];
        let mapped =
            plan.map(&"EDU1".into(), &document(plan, &root, &[&[]]), &definitions.code_lists).map_err(|error| error.to_string())?;
        let said = mapped.warnings.iter().find(|warning| warning.kind == WarningKind::Rounded).map(|warning| warning.text.clone());
        Ok::<_, String>((field(&mapped.records[0], "u_amount_invoiced").to_owned(), said))
    };
    assert_eq!(amount("KWD", "#12.345"), Ok(("12.345".into(), None)));
    assert_eq!(amount("JPY", "#1850"), Ok(("1850".into(), None)));
    assert_eq!(amount("EUR", "#12.345"), Ok(("12.35".into(), Some("rounded from 12.345 to 12.35".into()))));
    assert_eq!(amount("JPY", "#100.5"), Ok(("101".into(), Some("rounded from 100.50 to 101".into()))));
    assert_eq!(amount("", "#12.3456789"), Ok(("12.3456789".into(), None)), "no currency, no digit cut");
    let refused = amount("JPY", "#0.4").expect_err("it would become nothing");
    assert!(refused.contains("OrigInvValue = `0.4`") && refused.contains("an amount in JPY has 0 decimals"), "{refused}");
}

#[test]
fn ledger_amounts_are_labelled_with_the_companys_currency() {
    let definitions = shipped("apo");
    let invoices = plan(&definitions, "invoice");
    let mapped = map(&definitions, "invoice", &invoice(invoices));
    assert_eq!((field(&mapped.records[0], "u_amount_invoiced"), field(&mapped.records[0], "u_currency")), ("1150.50", "USD"));
    assert_eq!((field(&mapped.records[0], "u_line_total"), field(&mapped.records[0], "u_line_currency")), ("2301.00", "ZAR"));
    assert_eq!((field(&mapped.records[1], "u_line_amount_invoiced"), field(&mapped.records[1], "u_currency")), ("2000.50", "ZAR"));
    let s2p = shipped("s2p");
    let mapped = map(&s2p, "invoice", &invoice(plan(&s2p, "invoice")));
    assert_eq!((field(&mapped.records[0], "u_subtotal"), field(&mapped.records[0], "u_currency")), ("1150.50", "USD"));
    assert_eq!((field(&mapped.records[1], "u_subtotal"), field(&mapped.records[1], "u_currency")), ("2000.50", "ZAR"));
    let postings = plan(&definitions, "gl_posting");
    let row = [("GlYear", "#2026"), ("EntryValue", "#37"), ("CurrencyValue", "#2"), ("PostCurrency", "$")];
    let mapped = map(&definitions, "gl_posting", &document(postings, &[("GlYear", "#2026")], &[&[&row]]));
    let line = &mapped.records[0];
    assert_eq!((field(line, "u_amount"), field(line, "u_currency")), ("37.00", "ZAR"));
    assert_eq!((field(line, "u_document_amount"), field(line, "u_document_currency")), ("2.00", "USD"));
}

/// A document that can be mapped, with the message about its total.
fn difference(root: &[(&str, &str)], lines: &[&str]) -> Option<String> {
    let definitions = shipped("apo");
    let plan = plan(&definitions, "invoice");
    let root = [&[("Supplier", "S1"), ("Invoice", "I1"), ("MulDiv", "M")], root].concat();
    let rows: Vec<[(&str, &str); 2]> =
        lines.iter().enumerate().map(|(i, value)| [("SubEntry", ["#1", "#2", "#3"][i]), ("DistrValue", *value)]).collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(|row| &row[..]).collect();
    let mapped = map(&definitions, "invoice", &document(plan, &root, &[&rows]));
    mapped.warnings.into_iter().find(|warning| warning.kind == WarningKind::Difference).map(|warning| warning.text)
}

#[test]
fn a_total_that_is_not_the_sum_of_its_lines_is_said() {
    let own = [("OrigInvValue", "#100"), ("Currency", "R"), ("ConvRate", "#1")];
    assert_eq!(difference(&own, &["#60", "#40"]), None);
    assert_eq!(difference(&own, &["#60", "#40.01"]).as_deref(), Some("is 100.00 ZAR; its 2 `lines` add up to 100.01 ZAR (`DistrValue`)"));
    let foreign = [("OrigInvValue", "#100"), ("Currency", "EUR"), ("ConvRate", "#18.2531")];
    assert_eq!(difference(&foreign, &["#608.44", "#608.44", "#608.44"]), None, "each line was rounded by itself");
    let said = difference(&foreign, &["#60", "#40"]).expect("in another currency");
    assert_eq!(said, "is 100.00 EUR, which is 1825.31 ZAR at its rate; its 2 `lines` add up to 100.00 ZAR (`DistrValue`)");
    let said = difference(&[("OrigInvValue", "#100"), ("Currency", "EUR")], &["#60"]).expect("no rate");
    assert!(said.starts_with("cannot be compared with its `lines`: `ConvRate` is empty"), "{said}");
}

#[test]
fn two_long_invoice_numbers_of_one_supplier_stay_two() {
    let definitions = shipped("s2p");
    let plan = plan(&definitions, "invoice");
    let number = |invoice: &str| {
        let root = [("Supplier", "000000000000104"), ("Invoice", invoice), ("Currency", "R"), ("OrigInvValue", "#1")];
        let mapped = map(&definitions, "invoice", &document(plan, &root, &[&[&[("SubEntry", "#1"), ("DistrValue", "#1")]]]));
        let header = field(&mapped.records[0], "u_external_invoice_number").to_owned();
        assert_eq!(field(&mapped.records[1], "u_external_invoice_number"), header, "a line finds its header");
        header
    };
    let (one, two) = (number("INVOICE-2026-0000-01"), number("INVOICE-2026-0000-02"));
    assert_ne!(one, two);
    assert_eq!((one.len(), two.len()), (40, 40));
    assert_eq!(number("INV1"), "EDU1/000000000000104/INV1", "what fits stays as it is");
}

#[test]
fn what_others_refer_to_is_never_cut() {
    let text = include_str!("../../../config/profiles/s2p/invoice.toml");
    let files = [("profiles/apo/invoice.toml", text.replace("identifier = 40", "truncate = 40"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let problems = load(Some(site(&files).path()), "apo", &[], &own()).expect_err("cut keys");
    let text = lines(&problems);
    for block in ["header", "lines"] {
        let expected = format!("`{block}.fields.u_external_invoice_number.truncate`: would cut a key that others refer to");
        assert!(text.contains(&expected) && text.contains("use `identifier = 40`"), "{text}");
    }
    assert_eq!(problems.len(), 2, "{text}");
}

#[test]
fn the_forms_of_a_field_are_checked_with_their_lines() {
    let profile = r#"[header]
table = "x"
write = "import_set"
[header.fields]
u_a = { first = [{ if = { OnHold = "Y" }, constant = "a" }, { if = { OnHold = "N" }, constant = "b" }] }
u_b = { first = [{ constant = "a" }, { constant = "b" }] }
u_c = { first = [{ if = { Nothing = "Y" }, constant = "a" }, { from = "Supplier", reference = "supplier" }] }
u_d = { if = { OnHold = "Y" }, constant = "a" }
u_e = { from = "OnHold", as = "amount" }
u_f = { from = "OnHold", times = "OnHold" }
u_g = { from = "OnHold", as = "decimal(2)", convert = { factor = "OnHold", way = "OnHold", units = ["OnHold"] } }
u_h = { currency_of = "OnHold" }
u_i = { from = "SupplierName", identifier = 12 }
u_j = { from = "OnHold", as = "decimal(2)", with_currency = true }
"#;
    let problems = load(Some(site(&[("profiles/apo/supplier.toml", profile)]).path()), "apo", &[], &own()).expect_err("mistakes");
    let text = lines(&problems);
    for expected in [
        "supplier.toml:5: `header.fields.u_a.first.2`: the last form has no `if`",
        "supplier.toml:6: `header.fields.u_b.first.1`: needs an `if`",
        "supplier.toml:7: `header.fields.u_c.first.1.if`: `ApSupplier` is not read with a column `Nothing`",
        "supplier.toml:7: `header.fields.u_c.first.2`: `first`, `reference` and `header` are not allowed within `first`",
        "supplier.toml:8: `header.fields.u_d.if`: is allowed within `first` only",
        "supplier.toml:9: `header.fields.u_e`: `as = \"amount\"` needs the amount's currency",
        "supplier.toml:10: `header.fields.u_f.times`: is only for numbers",
        "supplier.toml:11: `header.fields.u_g.convert.units`: must name two columns, got `OnHold`",
        "supplier.toml:12: `header.fields.u_h.currency_of`: the currency of `OnHold` is unknown",
        "supplier.toml:13: `header.fields.u_i.identifier`: must be at least 18",
        "supplier.toml:14: `header.fields.u_j`: `with_currency` needs the amount's currency",
    ] {
        assert!(text.contains(expected), "missing: {expected}\namong:\n{text}");
    }
}

#[test]
fn an_amount_may_be_written_with_its_currency() {
    let text = include_str!("../../../config/profiles/apo/invoice.toml");
    let text =
        text.replace(r#"{ from = "OrigInvValue", as = "amount" }"#, r#"{ from = "OrigInvValue", as = "amount", with_currency = true }"#);
    let definitions = load(Some(site(&[("profiles/apo/invoice.toml", &text)]).path()), "apo", &[], &own()).expect("loads");
    let mapped = map(&definitions, "invoice", &invoice(plan(&definitions, "invoice")));
    assert_eq!(field(&mapped.records[0], "u_amount_invoiced"), "USD;1150.50");
}

#[test]
fn a_companys_currency_is_demanded_where_it_is_needed() {
    let companies = [("EDU1".into(), Some("R".to_owned())), ("EDU2".into(), None)].into();
    let problems = load(None, "apo", &[], &companies).expect_err("EDU2 has none");
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    assert_eq!(problems[0].key, "company.EDU2.currency");
    assert!(problems[0].text.contains("`invoice`") && problems[0].text.contains("`[company.EDU2]`"), "{}", problems[0].text);
    load(None, "apo", &["supplier".into(), "gl_account".into()], &companies).expect("nothing needs it");
    let wrong = [("EDU1".into(), Some("XAU".to_owned()))].into();
    assert!(lines(&load(None, "apo", &[], &wrong).expect_err("gold")).contains("not an ISO 4217 code"));
}

proptest! {
    #[test]
    fn any_price_arrives_exactly_or_is_named(units in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=9) {
        let number = Decimal::new(units, scale);
        let definitions = shipped("s2p");
        let plan = plan(&definitions, "purchase_order");
        let document = order(plan, &[], &[("MPrice", &format!("#{number}")), ("MOrderQty", "#1")]);
        match plan.map(&"EDU1".into(), &document, &definitions.code_lists) {
            Ok(mapped) => {
                let cost = Decimal::from_str_exact(field(&mapped.records[1], "u_unit_price")).expect("a number");
                let said = mapped.warnings.iter().any(|warning| warning.field == "u_unit_price" && warning.kind == WarningKind::Rounded);
                prop_assert_eq!(cost == number, !said);
                prop_assert!((cost - number).abs() <= Decimal::new(5, 7));
            }
            Err(error) => {
                prop_assert_eq!(error.field.as_str(), "u_unit_price");
                prop_assert!(number.abs() < Decimal::new(5, 7) && !number.is_zero());
            }
        }
    }

    #[test]
    fn a_lines_value_is_its_price_times_its_quantity(price in 1_i64..100_000_000, by in prop_oneof![Just(1_i64), Just(10), Just(100), Just(1000)], discount in 0_i64..10_000, quantity in 1_i64..1_000_000) {
        let definitions = shipped("s2p");
        let plan = plan(&definitions, "purchase_order");
        let texts = [
            ("MPrice", format!("#{}", Decimal::new(price, 5))),
            ("MPriceUom", "TH".to_owned()),
            ("MOrderUom", "EA".to_owned()),
            ("MConvFactPrcUm", format!("#{by}")),
            ("MMulDivPrc", "D".to_owned()),
            ("MDiscPct1", format!("#{}", Decimal::new(discount, 2))),
            ("MOrderQty", format!("#{}", Decimal::new(quantity, 2))),
        ];
        let line: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let Ok(mapped) = plan.map(&"EDU1".into(), &order(plan, &[], &line), &definitions.code_lists) else { return Ok(()) };
        let number = |name: &str| Decimal::from_str_exact(field(&mapped.records[1], name)).expect("a number");
        let quantity = Decimal::new(quantity, 2);
        let exact = Decimal::new(price, 5) * (Decimal::ONE_HUNDRED - Decimal::new(discount, 2)) * quantity / Decimal::from(100 * by);
        // the price is rounded once, to its sixth decimal
        prop_assert!((number("u_unit_price") * quantity - exact).abs() <= Decimal::new(5, 7) * quantity + Decimal::new(1, 20));
    }
}
