//! The public methods of compiled definitions.

use std::collections::BTreeMap;

use super::site::site;
use super::*;
use crate::definition::plan::{AlignPlan, Back, ColumnKind, Filter};
use crate::domain::merge::Rule;

#[test]
fn a_condition_is_written_for_a_company() {
    let filter = Filter::new("Company eq '{company}' and JnlStatus eq 'P'");
    assert_eq!(filter.of(&"EDU1".into()), "Company eq 'EDU1' and JnlStatus eq 'P'");
    assert_eq!(filter.of(&"O'N".into()), "Company eq 'O''N' and JnlStatus eq 'P'");
}

#[test]
fn the_kinds_of_a_childs_columns_stand_in_their_order_with_what_is_carried_behind() {
    let definitions = shipped("apo");
    for entity in ["invoice", "gl_posting", "purchase_order"] {
        for child in &plan(&definitions, entity).read.children {
            let kinds: Vec<(&str, ColumnKind)> = child.column_names().zip(child.kinds()).collect();
            assert_eq!(
                kinds.len(),
                child.table.columns.len() + child.via.as_ref().map_or(0, |via| via.carry.len()),
                "{entity} {}",
                child.name
            );
            let date = |name: &str| {
                let own = child.table.columns.iter().any(|column| column == name);
                let named = if own { &child.table.dates } else { &child.via.as_ref().expect("carried").table.dates };
                named.iter().any(|column| column == name)
            };
            for (name, kind) in kinds {
                assert_eq!(kind == ColumnKind::Date, date(name), "{entity} {} {name}", child.name);
            }
        }
    }
}

#[test]
fn the_columns_that_an_aligned_list_is_asked_by_are_named() {
    let asked = |filter: Option<&str>, inactive: &[(&str, &str)]| {
        let align = AlignPlan {
            rule: Rule::Review,
            fields: Vec::new(),
            change_limit_percent: 10,
            overlap_seconds: 0,
            sweep_hours: 24,
            inactive: inactive.iter().map(|(column, text)| ((*column).to_owned(), (*text).to_owned())).collect(),
            filter: filter.map(ToOwned::to_owned),
        };
        align.asked().into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(asked(None, &[]), Vec::<String>::new());
    assert_eq!(asked(Some("active=true^ORu_state2ISEMPTY^company.name=EDU1"), &[]), ["active", "u_state2", "company"]);
    assert_eq!(asked(Some("^active=true"), &[("u_retired", "true")]), ["active", "u_retired"]);
}

/// The definitions of the shipped files for companies with these currencies.
fn with(currencies: &[(&str, Option<&str>)], files: &[(&str, &str)]) -> Definitions {
    let own: BTreeMap<CompanyId, Option<String>> =
        currencies.iter().map(|(company, code)| ((*company).into(), code.map(ToOwned::to_owned))).collect();
    let site = site(files);
    load(Some(site.path()), "apo", &[], &own).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

#[test]
fn a_companys_own_currency_is_an_iso_code_or_one_that_its_list_makes_into_one() {
    let lists = [("lookups/currency.toml", "[codes]\nR = \"ZAR\"\nRAND = \"South African rand\"\nUSD = \"Dollar\"\n")];
    let mut definitions = with(&[("A", Some("ZAR")), ("B", Some("R")), ("F", Some("USD"))], &lists);
    // neither of these is accepted at start
    definitions.code_lists.set_currency(&"C".into(), "RAND");
    definitions.code_lists.set_currency(&"D".into(), "XYZ");
    let own = |company: &str| definitions.code_lists.own_currency(&company.into()).map(|code| code.into_owned());
    assert_eq!((own("A").as_deref(), own("B").as_deref()), (Ok("ZAR"), Ok("ZAR")));
    assert_eq!(own("F").as_deref(), Ok("USD"), "it is an ISO 4217 code, whatever the list makes of it");
    for (company, said) in [
        ("C", "`RAND` stands for `South African rand`, which is not an ISO 4217 code"),
        ("D", "`XYZ` is not an ISO 4217 code"),
        ("G", "is missing: set `currency` under `[company.G]`"),
    ] {
        let error = own(company).expect_err(company);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_entity_needs_the_companys_currency_only_where_something_written_is_in_it() {
    let entity = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Value\", \"Foreign\", \"Currency\"]\namounts = { Value = \"Currency\" }\n";
    let needs = |field: &str| {
        let profile = format!(
            "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = {{ u_a = \"\" }}\n[header.fields]\nu_a = {field}\n"
        );
        let files = [("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile.as_str())];
        plan(&with(&[("EDU1", Some("ZAR"))], &files), "asset").needs_own_currency()
    };
    for (field, expected) in [
        ("\"Asset\"", false),
        ("{ from = \"Value\", as = \"decimal(2)\" }", false),
        ("{ from = \"Value\", as = \"decimal(2)\", currency = \"@currency\" }", false),
        ("{ from = \"Value\", as = \"amount\", currency = \"Currency\" }", false),
        ("{ from = \"Value\", as = \"amount\", currency = \"@currency\" }", true),
        ("{ from = \"Value\", as = \"decimal(2)\", currency = \"@currency\", with_currency = true }", true),
        ("{ from = \"Value\", as = \"decimal(2)\", currency = \"Currency\", with_currency = true }", false),
        ("{ from = \"Value\", foreign = \"Foreign\", as = \"decimal(2)\", currency = \"Currency\" }", true),
        ("{ currency_of = \"Value\" }", false),
        ("{ concat = [\"Asset\", \"@currency\"] }", true),
        (
            "{ first = [{ if = { Asset = \"A\" }, from = \"Value\", as = \"amount\", currency = \"@currency\" }, { constant = \"0\" }] }",
            true,
        ),
    ] {
        assert_eq!(needs(field), expected, "{field}");
    }
}

#[test]
fn a_field_made_of_the_key_alone_names_the_record_and_the_others_name_the_column_to_change() {
    let entity =
        "[root]\ntable = \"AssetMaster\"\nkey = [\"Branch\", \"Asset\"]\ncolumns = [\"Description\", \"Place\", \"Active\", \"Value\"]\n";
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\nnatural_key = [\"u_asset\"]\n\
                   gone = { u_fixed = \"0\" }\n[header.fields]\nu_asset = \"Asset\"\nu_both = { concat = [\"Branch\", \"Asset\"] }\n\
                   u_mixed = { concat = [\"Asset\", \"Description\"] }\nu_name = \"Description\"\nu_company = { company = true }\n\
                   u_flag = { from = \"Active\", as = \"flag\" }\nu_upper = { from = \"Place\", as = \"upper\" }\n\
                   u_value = { from = \"Value\", as = \"decimal(2)\" }\nu_fixed = { constant = \"1\" }\n\
                   [header.align]\nrule = \"servicenow\"\nfields = { u_name = \"syspro\", u_flag = \"review\" }\n";
    let definitions = with(&[("EDU1", Some("ZAR"))], &[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    let (_, align) = plan(&definitions, "asset").aligned().expect("aligned");
    let found: Vec<(&str, Rule, bool, Option<&str>, Option<Back>)> =
        align.fields.iter().map(|one| (one.name.as_str(), one.rule, one.identity, one.column.as_deref(), one.back)).collect();
    assert_eq!(
        found,
        [
            ("u_asset", Rule::ServiceNow, true, Some("Asset"), None),
            ("u_both", Rule::ServiceNow, true, Some("Branch, Asset"), None),
            ("u_mixed", Rule::ServiceNow, false, Some("Asset, Description"), None),
            ("u_name", Rule::Syspro, false, Some("Description"), Some(Back::Text)),
            ("u_company", Rule::ServiceNow, true, None, None),
            ("u_flag", Rule::Review, false, Some("Active"), Some(Back::Flag)),
            ("u_upper", Rule::ServiceNow, false, Some("Place"), None),
            ("u_value", Rule::ServiceNow, false, None, None),
        ]
    );
}

#[test]
fn a_code_list_is_noted_where_it_names_a_currency_or_a_company_that_there_is_not() {
    let currency = "otherwise = \"iso\"\n[codes]\nR = \"ZAR\"\nEURO = \"EU\"\n[company.EDU1.codes]\n\"$\" = \"AUD\"\nX = \"XX1\"\n\
                    [company.EDU9.codes]\nR = \"ZAR\"\n";
    let tax = "[codes]\nA = \"EU\"\n[company.edu1.codes]\nA = \"B\"\n";
    let notes = with(&[("EDU1", Some("ZAR"))], &[("lookups/currency.toml", currency), ("lookups/tax_code.toml", tax)]).notes;
    let of_lists: Vec<&String> = notes.iter().filter(|note| note.contains("`lookups/")).collect();
    let expected = [
        "`lookups/currency.toml`: `[company.EDU9]` is not used",
        "`lookups/currency.toml`: `EURO` stands for `EU`, which is not a currency of ISO 4217",
        "`lookups/currency.toml`: `X` stands for `XX1`",
        "`lookups/tax_code.toml`: `[company.edu1]` is not used",
    ];
    assert!(of_lists.len() == expected.len() && of_lists.iter().zip(expected).all(|(note, text)| note.starts_with(text)), "{of_lists:#?}");
}

#[test]
fn an_amounts_currency_is_shown_by_its_iso_code_and_stays_as_it_is_where_no_list_has_it() {
    let definitions = with(&[("A", Some("R")), ("B", Some("USD"))], &[]);
    for (company, stored, shown) in
        [("A", "R", "ZAR"), ("A", "", "ZAR"), ("B", "", "USD"), ("B", "$", "USD"), ("A", "R2", "R2"), ("C", "", "company currency")]
    {
        assert_eq!(definitions.code_lists.currency_shown(&company.into(), stored), shown, "{company} {stored}");
    }
}
