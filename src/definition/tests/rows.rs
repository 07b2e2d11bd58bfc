//! The checks of an entity's file: allowed names, what is counted from where, and which keys exclude each other. Each check is tested on
//! both sides of its limit.

use super::once::{PROFILE, ROOT, said_of, said_of_both, well};
use super::site::{mistakes, site};
use super::*;

/// The text is accepted with this profile.
fn taken(entity: &str) -> Definitions {
    well(entity, PROFILE)
}

/// The single mistake of a text.
fn one(entity: &str) -> String {
    let found = said_of(entity);
    assert_eq!(found.len(), 1, "{entity}\n{found:#?}");
    found.concat()
}

#[test]
fn names_of_tables_and_columns_are_letters_digits_underlines_and_plus_signs() {
    for name in ["A", "z9", "Ap_Invoice", "ApSupplier+", "0", "_"] {
        let entity = ROOT.replace("AssetMaster", name);
        assert_eq!(plan(&taken(&entity), "asset").read.root.table, name);
        let entity = ROOT.replace("[\"Description\"]", &format!("[\"Description\", \"{name}\"]"));
        assert_eq!(plan(&taken(&entity), "asset").read.root.columns, ["Asset", "Description", name]);
    }
    for name in ["", "A B", "A-B", "A.B", "A'", "A(1)", "A/B", "\u{c4}", "A,", "A*"] {
        for (entity, key, what) in [
            (ROOT.replace("AssetMaster", name), "root.table", "a table"),
            (ROOT.replace("[\"Description\"]", &format!("[\"Description\", \"{name}\"]")), "root.columns", "a column"),
            (format!("{ROOT}optional = [\"{name}\"]\n"), "root.optional", "a column"),
            (format!("{ROOT}[[join]]\ntable = \"{name}\"\ncolumns = [\"Extra\"]\n"), "join.1.table", "a table"),
            (format!("{ROOT}[[child]]\nname = \"parts\"\ntable = \"P\"\nkey = [\"Asset\", \"{name}\"]\n"), "child.1.key", "a column"),
        ] {
            let said = one(&entity);
            assert!(said.contains(&format!("`{key}`: `{name}` cannot be the name of {what}")), "{said}");
        }
    }
}

#[test]
fn a_name_of_a_wrong_type_is_reported_by_its_type_alone() {
    let child = |name: &str, table: &str| format!("[[child]]\nname = {name}\ntable = {table}\nkey = [\"Asset\", \"Part\"]\n");
    for (entity, key) in [
        (ROOT.replace("\"AssetMaster\"", "7"), "root.table"),
        (format!("{ROOT}[[join]]\ntable = 7\ncolumns = [\"Extra\"]\n"), "join.1.table"),
        (format!("{ROOT}{}", child("\"parts\"", "7")), "child.1.table"),
        (format!("{ROOT}{}", child("7", "\"P\"")), "child.1.name"),
        (ROOT.replace("[\"Description\"]", "7"), "root.columns"),
        (ROOT.replace("[\"Asset\"]", "7"), "root.key"),
    ] {
        let said = one(&entity);
        assert!(said.contains(&format!("`{key}`: must be a ")), "{said}");
    }
    // two that could not be read are not two equal names
    let two = said_of(&format!("{ROOT}{}{}", child("7", "\"P\""), child("8", "\"Q\"")));
    assert_eq!(two.len(), 2, "{two:#?}");
}

#[test]
fn a_child_has_a_name_of_its_own() {
    let children = |names: &[&str]| {
        names
            .iter()
            .fold(ROOT.to_owned(), |text, name| format!("{text}[[child]]\nname = \"{name}\"\ntable = \"P\"\nkey = [\"Asset\", \"Part\"]\n"))
    };
    assert_eq!(plan(&taken(&children(&["parts", "moves", "heade"])), "asset").read.children.len(), 3);
    for (names, said) in [
        (&["header"][..], "`child.1.name`: `header` cannot name a child"),
        (&["Description"], "`child.1.name`: `Description` cannot name a child"),
        (&["Asset"], "`child.1.name`: `Asset` cannot name a child"),
        (&["parts", "moves", "parts"], "`child.3.name`: there are two children named `parts`"),
    ] {
        let found = one(&children(names));
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn a_key_names_each_column_once_and_at_least_one() {
    assert_eq!(plan(&taken(&ROOT.replace("[\"Asset\"]", "[\"Branch\", \"Asset\"]")), "asset").read.root.key, ["Branch", "Asset"]);
    let empty = one(&ROOT.replace("[\"Asset\"]", "[]"));
    assert!(empty.contains("`root.key`: must name at least one column"), "{empty}");
    let twice = one(&ROOT.replace("[\"Asset\"]", "[\"Asset\", \"Asset\"]"));
    assert!(twice.contains("`root.key`: the column `Asset` is named twice"), "{twice}");
}

#[test]
fn columns_that_could_not_be_read_are_reported_once_and_not_by_each_field() {
    let profile = format!("{PROFILE}u_more = \"Place\"\nu_asset = \"Asset\"\n");
    for columns in ["7", "\"Description\"", "{ Description = \"1\" }"] {
        let found = said_of_both(&ROOT.replace("[\"Description\"]", columns), &profile);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("`root.columns`: must be a list of texts"), "{found:#?}");
    }
    // a mistake that leaves the columns known does not hide the fields' own mistakes
    let found = said_of_both(&format!("colour = 1\n{ROOT}"), &profile);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("unknown key") && found[1].contains("`AssetMaster` is not read with a column `Place`"), "{found:#?}");
    let found = said_of_both("root = 7\n", &profile);
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_reference_to_an_entity_with_a_broken_key_is_not_reported_again() {
    let profile = format!("{PROFILE}u_owner = {{ from = \"Asset\", reference = \"owner\" }}\n");
    let found = |key: &str| {
        let owner = format!("[root]\ntable = \"Owner\"\nkey = {key}\n");
        mistakes(
            site(&[("entities/asset.toml", ROOT), ("profiles/apo/asset.toml", &profile), ("entities/owner.toml", &owner)]).path(),
            &["asset".into()],
        )
    };
    for (key, said) in [
        ("7", "must be a list of texts"),
        ("[]", "must name at least one column"),
        ("[\"Owner\", 7]", "must be a text, got the number `7`"),
    ] {
        let found = found(key);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(&format!("entities/owner.toml:3: `root.key`: {said}")), "{found:#?}");
    }
    let found = found("[\"Owner\", \"Part\"]");
    assert!(found[0].contains("the key of `owner` has 2 parts (`Owner`, `Part`), got `Asset`"), "{found:#?}");
}

#[test]
fn a_part_of_a_column_is_a_text_whatever_else_the_row_holds() {
    let root = |kinds: &str| {
        format!(
            "[root]\ntable = \"GenMaster\"\nkey = [\"Section\"]\ncolumns = [\"Section\", \"Description\", \"Made\", \"Size\"]\n{kinds}\n\
             derive = {{ from = \"GlCode\", separator = \"-\", part = 2, column = \"Section\" }}\n"
        )
    };
    assert!(plan(&taken(&root("dates = [\"Made\"]\nnumbers = [\"Size\"]")), "asset").read.root.derive.is_some());
    for (kinds, key) in [("dates = [\"Section\"]", "root.dates"), ("numbers = [\"Size\", \"Section\"]", "root.numbers")] {
        let said = one(&root(kinds));
        assert!(said.contains(&format!("`{key}`: `Section` is a part of a text and stays text")), "{said}");
    }
}

#[test]
fn what_a_table_in_between_narrows_by_is_given_with_the_numbers_that_cancel() {
    let via = |rest: &str| {
        format!(
            "{ROOT}[[child]]\nname = \"moves\"\ntable = \"AssetMove\"\nkey = [\"Journal\", \"Entry\"]\ncolumns = [\"Amount\", \"Line\"]\n\
             via = {{ table = \"AssetLink\", on = [\"Journal\"], root = [\"Asset\"]{rest} }}\n"
        )
    };
    let definitions = taken(&via(", net = \"Net_1+\", narrow = { LinkLine = \"Line\" }"));
    let child = &plan(&definitions, "asset").read.children[0];
    let via_read = child.via.as_ref().expect("in between");
    let matching = via_read.matching.as_ref().expect("matching");
    assert_eq!((matching.net.as_str(), &matching.narrow[..]), ("Net_1+", &[("LinkLine".to_owned(), "Line".to_owned())][..]));
    assert_eq!(via_read.table.columns, ["Journal", "Asset", "Net_1+", "LinkLine"]);
    assert_eq!(child.table.columns, ["Journal", "Entry", "Amount", "Line"]);
    for (rest, said) in [
        (", narrow = [\"Line\"]", "`child.1.via.narrow`: needs `net`, which is missing"),
        (", net = \"Net\", carry = [\"Kind\"]", "`child.1.via.carry`: is not allowed with `net`"),
        (", net = \"N-t\"", "`child.1.via.net`: `N-t` cannot be the name of a column"),
        (", net = \"Net\", narrow = { \"L-1\" = \"Line\" }", "`child.1.via.narrow`: `L-1` cannot be the name of a column"),
    ] {
        let found = said_of(&via(rest)).join("\n");
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn a_filters_braces_and_quotes_are_told_apart() {
    let filtered = |filter: &str| ROOT.replace("columns =", &format!("filter = \"{filter}\"\ncolumns ="));
    for filter in ["A eq '{company}'", "A eq '' and B eq '{company}'", "A eq '{x y}'", "A eq '{x'", "A eq '{x-y}'", "A eq 'x' and B eq 1"] {
        taken(&filtered(filter));
    }
    for (filter, said) in [
        ("A eq 'x' and B eq {company}", "`{company}` must be in quotes"),
        ("A eq '{comp_any}'", "`{comp_any}` is not a placeholder"),
        ("A eq '{x' and B eq '{other1}'", "`{other1}` is not a placeholder"),
        ("A eq '{}'", "`{}` is not a placeholder"),
    ] {
        let found = one(&filtered(filter));
        assert!(found.contains(said), "{filter}: {found}");
    }
}
