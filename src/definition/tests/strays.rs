//! Fields of a profile: keys that exclude each other, and a value of a wrong type, which is reported once.

use super::once::{PROFILE, said_of, said_of_both, well};
use super::*;

const ENTITY: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Description\", \"Value\", \"Currency\"]\n\
                      amounts = { Value = \"Currency\" }\n\
                      [[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Cost\"]\n\
                      amounts = { Cost = \"root.Currency\" }\n";

fn profile(field: &str) -> String {
    format!("{PROFILE}u_it = {field}\n")
}

/// The one mistake of a field, from its key on.
fn one(field: &str) -> String {
    let found = said_of_both(ENTITY, &profile(field));
    assert_eq!(found.len(), 1, "{field}\n{found:#?}");
    found[0].split_once(": ").map(|(_, said)| said.to_owned()).expect("a key")
}

#[test]
fn a_value_of_a_wrong_type_in_a_field_is_told_of_once() {
    for (field, key) in [
        ("{ from = 7 }", "from"),
        ("{ from = 7, as = \"date\" }", "from"),
        ("{ from = \"Value\", as = 7 }", "as"),
        ("{ from = \"Value\", as = 7, currency = \"Currency\" }", "as"),
        ("{ from = \"Value\", lookup = 7 }", "lookup"),
        ("{ from = \"Value\", choose = 7 }", "choose"),
        ("{ from = \"Asset\", reference = 7 }", "reference"),
        ("{ from = \"Asset\", reference = \"supplier\", write = 7 }", "write"),
        ("{ from = \"Asset\", reference = \"supplier\", derived = 7 }", "derived"),
        ("{ count = 7 }", "count"),
        ("{ sum = 7 }", "sum"),
        ("{ sum = \"parts.Cost\", as = 7 }", "as"),
        ("{ currency_of = 7 }", "currency_of"),
        ("{ concat = 7 }", "concat"),
        ("{ constant = 7 }", "constant"),
        ("{ company = 7 }", "company"),
        ("{ list = 7 }", "list"),
        ("{ first = [7, { from = \"Asset\" }] }", "first.1"),
        ("{ from = \"Value\", as = \"decimal(2)\", with_currency = 7 }", "with_currency"),
        ("{ from = \"Value\", as = \"decimal(2)\", currency = 7 }", "currency"),
        ("{ from = \"Value\", currency = 7 }", "currency"),
    ] {
        let said = one(field);
        assert!(said.starts_with(&format!("`header.fields.u_it.{key}`: must be ")), "{field}: {said}");
    }
}

#[test]
fn what_means_nothing_beside_a_source_is_refused() {
    for (field, key, said) in [
        ("{ constant = \"1\", lookup = \"currency\" }", ".lookup", "has no effect with `constant`"),
        ("{ from = \"Asset\", reference = \"supplier\", lookup = \"currency\" }", ".lookup", "has no effect with `reference`"),
        ("{ from = \"Asset\", reference = \"supplier\", as = \"trim\" }", ".as", "has no effect with `reference`"),
        ("{ company = true, reference = \"supplier\" }", ".reference", "has no effect with `reference`"),
        ("{ from = \"Asset\", otherwise = \"1\" }", ".otherwise", "has no effect with `from`"),
        ("{ from = \"Asset\", separator = \"-\" }", ".separator", "has no effect with `from`"),
        ("{ company = false }", ".company", "must be `true`, or left out"),
        ("{ from = \"Asset\", reference = \"supplier\", derived = false }", ".derived", "must be `true`, or left out"),
        ("{ from = \"Value\", as = \"decimal(2)\", with_currency = false }", ".with_currency", "must be `true`, or left out"),
        ("{ from = \"Value\", currency = \"Currency\" }", ".currency", "is only for numbers"),
        ("{ from = \"Value\", as = \"trim\", times = \"Value\" }", ".times", "is only for numbers"),
        ("{ sum = \"parts.Cost\", foreign = \"Value\" }", ".foreign", "has no effect with `sum`"),
        ("{ from = \"Value\", as = \"trim\", lookup = \"currency\" }", "", "takes one of `as`, `lookup` and `choose`"),
        ("{ from = \"Value\", write = \"key\" }", "", "`write`, `if_missing` and `derived` need a `reference`"),
        ("{ from = \"Value\", if_missing = \"send\" }", "", "`write`, `if_missing` and `derived` need a `reference`"),
        ("{ from = \"Value\", derived = true }", "", "`write`, `if_missing` and `derived` need a `reference`"),
        ("{ from = \"Value\", lookup = \"colours\" }", ".lookup", "there is no code list `colours`"),
        ("{ count = \"part\" }", ".count", "the entity has no child `part`; there are `parts`"),
        ("{ from = \"Asset\", reference = \"owner\" }", ".reference", "there is no entity `owner`"),
        ("{ from = \"Asset\", reference = \"owner\", derived = true }", ".reference", "there is no entity `owner`"),
        ("{ from = \"Value\", if = { Asset = \"A\" } }", ".if", "is allowed within `first` only"),
    ] {
        let found = one(field);
        assert!(found.starts_with(&format!("`header.fields.u_it{key}`: {said}")), "{field}: {found}");
    }
    for field in [
        "{ from = \"Value\", lookup = \"currency\" }",
        "{ concat = [\"Asset\", \"Value\"], separator = \"-\" }",
        "{ list = \"parts.Cost\", separator = \"-\" }",
        "{ sum = \"parts.Cost\", as = \"decimal(3)\", times = \"Value\" }",
        "{ from = \"Value\", choose = { A = \"B\" }, otherwise = \"C\" }",
        "{ company = true }",
    ] {
        well(ENTITY, &profile(field));
    }
}

#[test]
fn of_several_forms_each_but_the_last_has_a_condition() {
    let form = |forms: &str| format!("{{ first = [{forms}] }}");
    let when = "if = { Asset = \"A\" }, ";
    well(ENTITY, &profile(&form(&format!("{{ {when}from = \"Value\" }}, {{ from = \"Asset\" }}"))));
    for (forms, at, said) in [
        ("".to_owned(), ".first", "must hold at least one form"),
        (format!("{{ {when}from = \"Value\" }}"), ".first.1", "the last form has no `if`"),
        ("{ from = \"Value\" }, { from = \"Asset\" }".to_owned(), ".first.1", "needs an `if`"),
        ("{ if = {}, from = \"Value\" }, { from = \"Asset\" }".to_owned(), ".first.1", "`if` must name at least one column"),
        (
            format!("{{ {when}first = [{{ from = \"Asset\" }}] }}, {{ from = \"Asset\" }}"),
            ".first.1",
            "`first`, `reference` and `header` are not allowed within `first`",
        ),
        (
            format!("{{ {when}from = \"Asset\", reference = \"supplier\" }}, {{ from = \"Asset\" }}"),
            ".first.1",
            "`first`, `reference` and `header` are not allowed within `first`",
        ),
        (
            format!("{{ {when}header = true }}, {{ from = \"Asset\" }}"),
            ".first.1",
            "`first`, `reference` and `header` are not allowed within `first`",
        ),
        (
            format!("{{ {when}from = \"Value\", truncate = 3 }}, {{ from = \"Asset\" }}"),
            ".first.1",
            "`truncate` and `identifier` belong beside",
        ),
        (
            format!("{{ {when}from = \"Value\", identifier = 99 }}, {{ from = \"Asset\" }}"),
            ".first.1",
            "`truncate` and `identifier` belong beside",
        ),
        (
            "{ if = { Nothing = \"A\" }, from = \"Value\" }, { from = \"Asset\" }".to_owned(),
            ".first.1.if",
            "`AssetMaster` is not read with",
        ),
    ] {
        let found = one(&form(&forms));
        assert!(found.starts_with(&format!("`header.fields.u_it{at}`: {said}")), "{forms}: {found}");
    }
}

#[test]
fn an_amounts_currency_is_found_in_the_root_row_and_in_a_childs() {
    let code = |field: &str| match &plan(&well(ENTITY, &profile(field)), "asset").targets[0].fields[1].source {
        plan::FieldSource::CurrencyCode(plan::Place::Root(at)) => *at,
        other => panic!("{other:?}"),
    };
    for field in ["{ currency_of = \"Value\" }", "{ currency_of = \"root.Value\" }", "{ currency_of = \"parts.Cost\" }"] {
        assert_eq!(code(field), 3, "{field}");
    }
    let lines = |field: &str| {
        format!("{PROFILE}[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_key\"\n[parts.fields]\nu_it = {field}\n")
    };
    for field in ["{ currency_of = \"Cost\" }", "{ currency_of = \"root.Value\" }", "{ currency_of = \"Value\" }"] {
        well(ENTITY, &lines(field));
    }
    assert!(one("{ currency_of = \"Asset\" }").contains("the currency of `Asset` is unknown"));
    assert!(one("{ currency_of = \"part.Cost\" }").contains("the entity has no child `part`"));
}

#[test]
fn a_part_of_a_column_of_a_wrong_type_is_told_of_once() {
    let root = |derive: &str| {
        format!("[root]\ntable = \"GenMaster\"\nkey = [\"Section\"]\ncolumns = [\"Description\"]\nderive = {{ {derive} }}\n")
    };
    for (derive, key) in [
        ("from = \"GlCode\", separator = \"-\", part = \"x\", column = \"Section\"", "part"),
        ("from = \"GlCode\", start = \"x\", length = 2, column = \"Section\"", "start"),
        ("from = \"GlCode\", separator = \"-\", part = 2, column = 7", "column"),
        ("from = 7, separator = \"-\", part = 2, column = \"Section\"", "from"),
    ] {
        let found = said_of(&root(derive));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(&format!("`root.derive.{key}`: must be ")), "{found:#?}");
    }
}

#[test]
fn a_version_column_of_a_wrong_type_is_told_of_once() {
    for key in ["", "key_column = \"u_source_key\"\n"] {
        let profile = PROFILE.replace("key_column = \"u_source_key\"\n", &format!("version_column = 7\n{key}"));
        let found = said_of_both(ENTITY, &profile);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("`header.version_column`: must be a text"), "{found:#?}");
    }
}

#[test]
fn a_name_in_servicenow_is_small_letters_digits_and_underlines() {
    let with = |line: &str| PROFILE.replace("[header.fields]", &format!("{line}\n[header.fields]"));
    for name in ["u_name_2", "x", "9", "_"] {
        well(ENTITY, &PROFILE.replace("x_asset", name));
    }
    for name in ["X_asset", "x-asset", "x asset", "", "x.asset"] {
        for (profile, key) in [
            (PROFILE.replace("x_asset", name), "header.table"),
            (PROFILE.replace("u_source_key", name), "header.key_column"),
            (with(&format!("target_table = \"{name}\"")), "header.target_table"),
            (format!("{PROFILE}\"{name}\" = \"Value\"\n"), "header.fields"),
        ] {
            let found = said_of_both(ENTITY, &profile);
            assert_eq!(found.len(), 1, "{found:#?}");
            assert!(found[0].contains(&format!("`{key}`: `{name}` cannot be a name in ServiceNow")), "{found:#?}");
        }
    }
}
