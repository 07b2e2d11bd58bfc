//! The results of small definitions: discounts and conversions, lists, counts, marks of gone records, invalid dates, and the form in which
//! a value is compared. Each is tested on both sides of its limit.

use super::once::well;
use super::*;
use crate::definition::plan::Form;
use crate::domain::warning::WarningKind;

const ENTITY: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\n\
                      columns = [\"Kind\", \"Price\", \"Discount\", \"Flag\", \"Quantity\", \"Factor\", \"Way\", \"Currency\", \"Bought\"]\n\
                      dates = [\"Bought\"]\n\
                      [[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Kind\", \"Fitted\", \"Cost\"]\n\
                      dates = [\"Fitted\"]\n";

fn header(fields: &str) -> String {
    format!("[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = {{}}\n[header.fields]\n{fields}\n")
}

/// An asset `A1` with these values, and parts `1`, `2` ….
fn asset(plan: &Plan, root: &[(&str, &str)], parts: &[&[(&str, &str)]]) -> Document {
    let root = [&[("Asset", "A1")], root].concat();
    let numbers: Vec<String> = (1..=parts.len()).map(|n| n.to_string()).collect();
    let keyed: Vec<Vec<(&str, &str)>> =
        parts.iter().zip(&numbers).map(|(part, n)| [&[("Asset", "A1"), ("Part", n.as_str())], *part].concat()).collect();
    let rows: Vec<&[(&str, &str)]> = keyed.iter().map(Vec::as_slice).collect();
    document(plan, &root, &[&rows])
}

/// The records of the profile, or the error.
fn made(profile: &str, root: &[(&str, &str)], parts: &[&[(&str, &str)]]) -> Result<Mapped, String> {
    let definitions = well(ENTITY, profile);
    let plan = plan(&definitions, "asset");
    plan.map(&"EDU1".into(), &asset(plan, root, parts), &definitions.code_lists).map_err(|error| error.to_string())
}

/// The text of one field.
fn one(form: &str, root: &[(&str, &str)]) -> Result<String, String> {
    made(&header(&format!("u_it = {form}")), root, &[]).map(|mapped| field_of(&mapped, "u_it").to_owned())
}

#[test]
fn a_discount_that_is_a_value_is_off_what_its_flag_says() {
    let form = "{ from = \"Price\", as = \"decimal(2)\", less_value = { value = \"Discount\", flag = \"Flag\", unit = [\"U\"], \
                line = [\"L\"], quantity = \"Quantity\" } }";
    let price = |discount: &str, flag: &str, quantity: &str| {
        one(form, &[("Price", "#100"), ("Discount", discount), ("Flag", flag), ("Quantity", quantity)])
    };
    assert_eq!(price("#10", "U", "#4").as_deref(), Ok("90.00"));
    assert_eq!(price("#10", " U ", "#4").as_deref(), Ok("90.00"), "blanks around a flag say nothing");
    assert_eq!(price("#10", "L", "#4").as_deref(), Ok("97.50"), "a quarter of it off each");
    assert_eq!(price("#0", "?", "#4").as_deref(), Ok("100.00"), "no discount needs no flag");
    assert!(price("#10", "L", "#0").expect_err("off how many?").contains("the line has no quantity"));
    assert!(price("#10", "V", "#4").expect_err("off what?").contains("the definition does not say what such a discount reduces"));
}

#[test]
fn what_is_multiplied_by_one_needs_no_direction() {
    let form = "{ from = \"Price\", as = \"decimal(2)\", convert = { factor = \"Factor\", way = \"Way\" } }";
    let rate = |factor: &str, way: &str| one(form, &[("Price", "#100"), ("Factor", factor), ("Way", way)]);
    assert_eq!(rate("#4", "M").as_deref(), Ok("400.00"));
    assert_eq!(rate("#4", "D").as_deref(), Ok("25.00"));
    assert_eq!(rate("#1", "").as_deref(), Ok("100.00"));
    assert!(rate("#4", "").expect_err("which way?").contains("neither `M` (multiply) nor `D` (divide)"));
}

#[test]
fn an_amount_is_written_with_its_currency_where_that_is_wanted() {
    let values = [("Price", "#100.5"), ("Currency", "USD")];
    let with = "{ from = \"Price\", as = \"decimal(2)\", currency = \"Currency\", with_currency = true }";
    assert_eq!(one(with, &values).as_deref(), Ok("USD;100.50"));
    assert_eq!(one("{ from = \"Price\", as = \"decimal(2)\", currency = \"Currency\" }", &values).as_deref(), Ok("100.50"));
    let unknown = [("Price", "#100.5"), ("Currency", "??")];
    let refused = one(with, &unknown).expect_err("an unknown code is not written");
    assert!(refused.contains("Currency") && refused.contains("??"), "{refused}");
    // without a written code, an unknown one removes no digit
    assert_eq!(one("{ from = \"Price\", as = \"amount\", currency = \"Currency\" }", &unknown).as_deref(), Ok("100.50"));
    let yen = [("Price", "#100"), ("Currency", "JPY")];
    assert_eq!(one("{ from = \"Price\", as = \"amount\", currency = \"Currency\" }", &yen).as_deref(), Ok("100"));
    assert_eq!(one("{ from = \"Price\", as = \"decimal(2)\", currency = \"Currency\" }", &yen).as_deref(), Ok("100.00"));
}

#[test]
fn a_number_is_computed_where_any_part_of_it_is() {
    let computed = |rest: &str| {
        let definitions = well(ENTITY, &header(&format!("u_it = {{ from = \"Price\", as = \"decimal(2)\"{rest} }}")));
        match &plan(&definitions, "asset").targets[0].fields[0].source {
            plan::FieldSource::Number(number) => number.is_computed(),
            other => panic!("{other:?}"),
        }
    };
    assert!(!computed(""));
    assert!(!computed(", currency = \"Currency\""));
    for rest in [
        ", convert = { factor = \"Factor\", way = \"Way\" }",
        ", times = \"Quantity\"",
        ", less_value = { value = \"Discount\", flag = \"Flag\" }",
        ", less_percent = [\"Discount\"]",
    ] {
        assert!(computed(rest), "{rest}");
    }
}

#[test]
fn a_conversion_from_or_into_the_companys_currency_needs_it() {
    let needs = |units: &str| {
        let form = format!(
            "u_it = {{ from = \"Price\", as = \"decimal(2)\", convert = {{ factor = \"Factor\", way = \"Way\", units = [{units}] }} }}"
        );
        plan(&well(ENTITY, &header(&form)), "asset").needs_own_currency()
    };
    assert!(!needs("\"Kind\", \"Currency\""));
    assert!(needs("\"@currency\", \"Currency\""));
    assert!(needs("\"Currency\", \"@currency\""));
}

#[test]
fn of_several_values_where_one_is_wanted_five_are_shown() {
    let several = |count: usize| {
        let kinds: Vec<String> = (1..=count).map(|n| format!("K{n}")).collect();
        let rows: Vec<Vec<(&str, &str)>> = kinds.iter().map(|kind| vec![("Kind", kind.as_str())]).collect();
        let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
        let mapped = made(&header("u_it = { only = \"parts.Kind\" }"), &[], &rows).expect("mapped");
        (field_of(&mapped, "u_it").to_owned(), mapped.warnings.into_iter().map(|warning| (warning.kind, warning.text)).collect::<Vec<_>>())
    };
    assert_eq!(several(0), (String::new(), vec![]));
    assert_eq!(several(1), ("K1".to_owned(), vec![]));
    let said = |text: &str| (String::new(), vec![(WarningKind::Several, format!("takes one value, and there are {text}"))]);
    assert_eq!(several(5), said("5, so it stays empty: K1, K2, K3, K4, K5"));
    assert_eq!(several(6), said("6, so it stays empty: K1, K2, K3, K4, K5, …"));
}

#[test]
fn a_count_counts_the_rows_that_are_sent() {
    let counted = |only_if: &str| {
        let profile = format!(
            "{}[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = {{}}\n{only_if}\n[parts.fields]\nu_part = \"Part\"\n",
            header("u_it = { count = \"parts\" }")
        );
        let mapped = made(&profile, &[], &[&[("Kind", "A")], &[("Kind", "B")], &[("Kind", "A")]]).expect("mapped");
        (field_of(&mapped, "u_it").to_owned(), mapped.records.len() - 1)
    };
    assert_eq!(counted(""), ("3".to_owned(), 3));
    assert_eq!(counted("only_if = [{ column = \"Kind\", one_of = [\"A\"] }]"), ("2".to_owned(), 2));
    assert_eq!(counted("only_if = [{ column = \"Kind\", not = [\"A\"] }]"), ("1".to_owned(), 1));
}

#[test]
fn the_word_that_clears_a_column_is_no_text_for_an_import_set() {
    let with = |write: &str, form: &str| {
        let profile = header(&format!("u_it = {form}")).replace("write = \"table\"", &format!("write = \"{write}\""));
        made(&profile, &[("Kind", "NULL"), ("Flag", "NULL")], &[]).map(|mapped| field_of(&mapped, "u_it").to_owned())
    };
    assert_eq!(with("table", "\"Kind\"").as_deref(), Ok("NULL"));
    assert_eq!(with("import_set", "{ constant = \"NULL\" }").as_deref(), Ok("NULL"), "whoever writes it means it");
    for (form, columns) in [
        ("\"Kind\"", "Kind"),
        ("{ concat = [\"Kind\", \"Bought\"] }", "Kind, Bought"),
        ("{ first = [{ if = { Asset = \"A1\" }, from = \"Kind\" }, { constant = \"\" }] }", "u_it"),
    ] {
        let said = with("import_set", form).expect_err(form);
        assert!(said.contains("the command to clear the column") && said.contains(&format!("{columns} = `NULL`")), "{said}");
    }
}

#[test]
fn a_date_that_is_none_names_the_field_that_takes_it() {
    let profile = format!(
        "{}[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = {{}}\n[parts.fields]\nu_part = \"Part\"\n\
         u_fitted = {{ from = \"Fitted\", as = \"date\" }}\n",
        header("u_kind = \"Kind\"\nu_bought = { from = \"Bought\", as = \"date\" }")
    );
    let definitions = well(ENTITY, &profile);
    let plan = plan(&definitions, "asset");
    let refused = |root: &[(&str, &str)], part: &[(&str, &str)]| {
        let document = asset(plan, root, &[part]);
        plan.map(&"EDU1".into(), &document, &definitions.code_lists)
            .map(|_| ())
            .map_err(|error| (error.block.to_string(), error.field, error.column.to_string()))
    };
    assert_eq!(refused(&[("Bought", "@2026-01-31")], &[("Fitted", "@2026-01-31")]), Ok(()));
    assert_eq!(refused(&[("Bought", " ")], &[]), Ok(()), "a blank is no date and no mistake");
    assert_eq!(refused(&[("Bought", "soon")], &[]), Err(("header".into(), "u_bought".into(), "Bought".into())));
    let (block, field, column) = refused(&[], &[("Fitted", "late")]).expect_err("no date");
    assert_eq!((block.as_str(), field.as_str()), ("parts", "u_fitted"));
    assert!(column.starts_with("Fitted of row `"), "{column}");
}

#[test]
fn what_was_decides_the_case_of_what_is_gone() {
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n\
                   [[header.gone]]\nname = \"sold\"\nif = { Kind = [\"S\", \"T\"] }\nfields = { u_state = \"sold\" }\n\
                   [[header.gone]]\nname = \"free\"\nif = { Price = 0 }\nfields = { u_state = \"free\" }\n\
                   [[header.gone]]\nname = \"lost\"\nfields = { u_state = \"lost\" }\n\
                   [header.fields]\nu_state = { constant = \"here\" }\n";
    let definitions = well(ENTITY, profile);
    let plan = plan(&definitions, "asset");
    for (kind, price, case) in
        [("S", "#1", "sold"), ("T", "#0", "sold"), ("U", "#0", "free"), ("U", "#0.01", "lost"), ("ST", "#1", "lost"), ("", "", "lost")]
    {
        let marks = plan.gone_marks(&asset(plan, &[("Kind", kind), ("Price", price)], &[]));
        assert_eq!(marks.case.as_deref(), Some(case), "{kind} {price}");
        assert_eq!(marks.blocks["header"]["u_state"], case, "{kind} {price}");
    }
}

#[test]
fn a_field_is_compared_by_what_its_columns_hold() {
    let profile = header(
        "u_date = { from = \"Bought\", as = \"date\" }\nu_plain = \"Bought\"\nu_number = { from = \"Price\", as = \"decimal(2)\" }\n\
         u_key = \"Kind\"\nu_same = { first = [{ if = { Kind = \"A\" }, from = \"Bought\" }, { from = \"Bought\" }] }\n\
         u_mixed = { first = [{ if = { Kind = \"A\" }, from = \"Bought\" }, { from = \"Price\", as = \"decimal(2)\" }] }\n\
         u_joined = { concat = [\"Kind\", \"Price\"] }",
    );
    let definitions = well(ENTITY, &profile);
    let target = &plan(&definitions, "asset").targets[0];
    for (field, form) in [
        ("u_date", Form::Date),
        ("u_plain", Form::Date),
        ("u_number", Form::Number),
        ("u_key", Form::Unsaid),
        ("u_same", Form::Date),
        ("u_mixed", Form::Unsaid),
        ("u_joined", Form::Text),
        ("u_source_key", Form::Text),
        ("u_source_version", Form::Number),
        ("u_unknown", Form::Unsaid),
    ] {
        assert_eq!(target.form(field), form, "{field}");
    }
}

#[test]
fn a_code_of_three_capitals_is_a_currency_where_the_list_says_so() {
    let list = "otherwise = \"iso\"\n[codes]\nR = \"ZAR\"\n";
    let site = super::site::site(&[("lookups/currency.toml", list)]);
    let definitions = load(Some(site.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let code = |text: &str| definitions.code_lists.resolve("currency", &"EDU1".into(), text).ok().map(|code| code.into_owned());
    for (text, expected) in [
        ("R", Some("ZAR")),
        ("EUR", Some("EUR")),
        ("", Some("")),
        ("EU", None),
        ("EURO", None),
        ("eur", None),
        ("EU1", None),
        ("E R", None),
    ] {
        assert_eq!(code(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_part_of_a_column_names_no_record_where_the_list_leaves_it_out() {
    let entity = "[root]\ntable = \"GenMaster\"\nkey = [\"Section\"]\ncolumns = [\"Section\", \"Description\"]\n\
                  exclude = { Section = [\"00\"], Description = [\"11\"] }\n\
                  derive = { from = \"GlCode\", separator = \"-\", part = 2, column = \"Section\" }\n";
    let definitions = well(entity, super::once::PROFILE);
    let part = plan(&definitions, "asset").read.key_part().expect("a part");
    assert_eq!(part.none, ["00"], "what is left out by another column may name a record");
    for (code, key) in [("10-20-30", Some("20")), ("10-00-30", None), ("10-11-30", Some("11")), ("10", None), ("10- -30", None)] {
        assert_eq!(part.of(code), key.map(Value::text), "{code}");
    }
    assert!(plan(&well(ENTITY, &header("u_it = \"Kind\"")), "asset").read.key_part().is_none());
}

#[test]
fn a_value_of_servicenows_goes_back_as_the_column_takes_it() {
    use crate::definition::plan::Back;
    assert_eq!(Back::Text.value(" Foundry  "), Ok(" Foundry".to_owned()));
    for (text, flag) in [("true", "Y"), ("1", "Y"), (" true ", "Y"), ("false", "N"), ("0", "N"), ("", "N")] {
        assert_eq!(Back::Flag.value(text).as_deref(), Ok(flag), "{text}");
    }
    for text in ["yes", "2", "Y"] {
        assert!(Back::Flag.value(text).expect_err(text).contains("neither `true` nor `false`"));
    }
}

#[test]
fn the_sys_id_of_a_new_row_is_made_of_key_and_block_alone() {
    let id = record::derived_sys_id("EDU1/asset/A1", "header");
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    assert_eq!(id, record::derived_sys_id("EDU1/asset/A1", "header"));
    let others = [("EDU1/asset/A2", "header"), ("EDU1/asset/A1", "parts"), ("A1", "headerEDU1/asset/")];
    assert!(others.iter().all(|(key, block)| record::derived_sys_id(key, block) != id));
}

#[test]
fn the_kinds_of_a_changed_tables_columns_are_those_that_were_named() {
    use crate::definition::plan::ColumnKind;
    let entity = format!(
        "{ENTITY}[[change]]\ntable = \"AssetLog\"\nkey = [\"Id\"]\nany_of = [\"At\"]\nnumbers = [\"Id\"]\ntouches = {{ Asset = \"Of\" }}\n"
    );
    let definitions = well(&entity, &header("u_it = \"Kind\""));
    let kinds = plan(&definitions, "asset").read.changes[0].kinds();
    assert_eq!((kinds.of("At"), kinds.of("Id"), kinds.of("Of")), (ColumnKind::Date, ColumnKind::Number, ColumnKind::AsReceived));
}
