//! A mistake is reported once, and not again by later checks; valid parts are kept as written.

use super::site::{mistakes, site};
use super::*;
use crate::definition::plan::{Cut, WriteMode};

pub(super) const PROFILE: &str = r#"
[header]
table = "x_asset"
write = "table"
key_column = "u_source_key"
[header.fields]
u_name = "Description"
"#;

/// The mistakes of an entity `asset` with this text, and a profile that is right.
pub(super) fn said_of(entity: &str) -> Vec<String> {
    said_of_both(entity, PROFILE)
}

pub(super) fn said_of_both(entity: &str, profile: &str) -> Vec<String> {
    let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    mistakes(site.path(), &["asset".into()])
}

/// The plan of an entity `asset` without a mistake.
pub(super) fn well(entity: &str, profile: &str) -> Definitions {
    let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

pub(super) const ROOT: &str = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Description\"]\n";

#[test]
fn a_schedule_of_a_wrong_type_is_reported_once() {
    let found = said_of(&format!("schedule = 7\n{ROOT}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("entities/asset.toml:1: `schedule`: must be a text, got the number `7`"), "{found:#?}");
}

#[test]
fn the_key_of_a_derived_list_is_reported_once() {
    let root = |key: &str| {
        format!(
            "[root]\ntable = \"GenMaster\"\n{key}\ncolumns = [\"Section\", \"Description\"]\n\
             derive = {{ from = \"GlCode\", separator = \"-\", part = 2, column = \"Section\" }}\n"
        )
    };
    // of a wrong type, or missing: neither is reported as a wrong key too
    for (key, said) in [("key = 7", "entities/asset.toml:3: `root.key`: must be a list"), ("", "`root`: the key `key` is missing")] {
        let found = said_of(&root(key));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(said), "{found:#?}");
    }
    for key in ["key = [\"Description\"]", "key = [\"Section\", \"Description\"]"] {
        let found = said_of(&root(key)).join("\n");
        assert!(found.contains("entities/asset.toml:3: `root.key`: must be the derived column `Section` alone"), "{found}");
    }
    assert!(well(&root("key = [\"Section\"]"), PROFILE).plan(&"asset".into()).expect("an entity").read.root.derive.is_some());
}

#[test]
fn how_a_part_is_cut_is_reported_once_and_kept_as_it_is_written() {
    let root = |cut: &str| {
        format!(
            "[root]\ntable = \"GenMaster\"\nkey = [\"Section\"]\ncolumns = [\"Section\", \"Description\"]\n\
             derive = {{ from = \"GlCode\", {cut}, column = \"Section\" }}\n"
        )
    };
    for (cut, said) in [
        ("separator = 7, part = 2", "`root.derive.separator`: must be a text"),
        ("separator = \"\", part = 2", "`root.derive.separator`: must not be empty"),
        ("separator = \"-\", part = 0", "`root.derive.part`: parts are counted from 1, got `0`"),
        ("start = 0, length = 2", "`root.derive.start`: starts are counted from 1, got `0`"),
        ("start = 1, length = 0", "`root.derive.length`: lengths are counted from 1, got `0`"),
        ("separator = \"-\", length = 2", "`root.derive`: needs `separator` and `part`, or `start` and `length`"),
    ] {
        let found = said_of(&root(cut));
        assert_eq!(found.len(), 1, "{cut}: {found:#?}");
        assert!(found[0].contains(said), "{cut}: {found:#?}");
    }
    for (cut, expected) in [
        ("separator = \"-\", part = 2", Cut::Part { separator: "-".into(), part: 2 }),
        ("start = 3, length = 4", Cut::Span { start: 3, length: 4 }),
    ] {
        let definitions = well(&root(cut), PROFILE);
        let derive = definitions.plan(&"asset".into()).expect("an entity").read.root.derive.clone().expect("derived");
        assert_eq!((derive.cut, derive.from.as_str(), derive.column_out.as_str()), (expected, "GlCode", "Section"));
    }
}

#[test]
fn each_block_is_written_the_way_that_its_profile_says() {
    for (write, expected) in [("table", WriteMode::Table), ("import_set", WriteMode::ImportSet)] {
        let definitions = well(ROOT, &PROFILE.replace("\"table\"", &format!("\"{write}\"")));
        let target = &definitions.plan(&"asset".into()).expect("an entity").targets[0];
        assert_eq!((target.write, target.table.as_str(), target.target_table.as_str()), (expected, "x_asset", "x_asset"));
    }
    let staged = PROFILE.replace("write = \"table\"", "write = \"import_set\"\ntarget_table = \"x_asset_target\"");
    let definitions = well(ROOT, &staged);
    let target = &definitions.plan(&"asset".into()).expect("an entity").targets[0];
    assert_eq!((target.table.as_str(), target.target_table.as_str()), ("x_asset", "x_asset_target"));
}

#[test]
fn the_columns_that_touch_a_record_are_in_the_order_of_its_key() {
    let entity = |touches: &str| {
        format!(
            "[root]\ntable = \"AssetMaster\"\nkey = [\"Branch\", \"Asset\", \"Part\"]\ncolumns = [\"Description\"]\n\
             [[change]]\ntable = \"AssetLog\"\nkey = [\"Id\"]\nany_of = [\"Changed\"]\ntouches = {touches}\n"
        )
    };
    let expected = [("Branch", "B"), ("Asset", "A"), ("Part", "P")].map(|(root, own)| (root.to_owned(), own.to_owned()));
    for touches in [
        "{ Branch = \"B\", Asset = \"A\", Part = \"P\" }",
        "{ Part = \"P\", Branch = \"B\", Asset = \"A\" }",
        "{ Asset = \"A\", Part = \"P\", Branch = \"B\" }",
    ] {
        let definitions = well(&entity(touches), PROFILE);
        assert_eq!(definitions.plan(&"asset".into()).expect("an entity").read.changes[0].touches, expected, "{touches}");
    }
}

#[test]
fn a_version_column_may_be_named_or_left_out() {
    let profile = |line: &str| PROFILE.replace("[header.fields]", &format!("{line}\n[header.fields]"));
    for (line, column) in
        [("", Some("u_source_version")), ("version_column = \"\"", None), ("version_column = \"u_revision\"", Some("u_revision"))]
    {
        let definitions = well(ROOT, &profile(line));
        let target = &definitions.plan(&"asset".into()).expect("an entity").targets[0];
        assert_eq!(target.version_column.as_deref(), column, "{line}");
    }
}

#[test]
fn a_block_without_fields_is_a_mistake_unless_nothing_is_written() {
    let none = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n";
    let found = said_of_both(ROOT, none);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("profiles/apo/asset.toml:1: `header.fields`: there is no field"), "{found:#?}");
    let unwritten = format!("{ROOT}[[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\n");
    let profile = "[header]\nwrite = \"none\"\n[parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n\
                   [parts.fields]\nu_part = \"Part\"\n";
    assert_eq!(well(&unwritten, profile).plan(&"asset".into()).expect("an entity").targets.len(), 1);
}

/// An entity whose changes may be written to SYSPRO, and its profile.
fn both_ways(setup: &str) -> (String, String) {
    let entity = format!(
        "{}[setup]\nobject = \"ASTSET\"\nclass = \"setup\"\naction = \"update\"\n\
         template = \"<A><Key><Asset>{{Asset}}</Asset></Key><Description>{{Description}}</Description></A>\"\n{setup}",
        ROOT.replace("[\"Description\"]", "[\"Description\", \"Place\", \"Value\"]")
    );
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\nnatural_key = [\"u_asset\"]\n\
                   [header.fields]\nu_asset = \"Asset\"\nu_name = \"Description\"\nu_place = \"Place\"\n\
                   u_value = { from = \"Value\", as = \"decimal(2)\" }\n[header.align]\nrule = \"review\"\n";
    (entity, profile.to_owned())
}

#[test]
fn what_is_not_written_back_is_named_and_nothing_else() {
    let (entity, profile) = both_ways("");
    let notes = well(&entity, &profile).notes;
    let of_asset: Vec<&String> = notes.iter().filter(|note| note.contains("`asset`: changes of")).collect();
    assert_eq!(of_asset.len(), 2, "neither the key nor what the template takes: {notes:#?}");
    assert!(of_asset[0].contains("changes of `u_place`") && of_asset[0].contains("has no `{Place}`"), "{notes:#?}");
    assert!(of_asset[1].contains("changes of `u_value`") && of_asset[1].contains("cannot be converted back"), "{notes:#?}");
}

#[test]
fn the_parameters_of_an_object_are_kept_as_they_are_written() {
    let parameters = "<B><ValidateOnly>{ValidateOnly}</ValidateOnly><Extra>1</Extra></B>";
    let (entity, profile) = both_ways(&format!("parameters = \"{parameters}\"\n"));
    let definitions = well(&entity, &profile);
    let call = definitions.plan(&"asset".into()).expect("an entity").setup.as_ref().expect("a write-back");
    assert_eq!(call.parameters, parameters);
    // of a wrong type: reported once
    let (entity, profile) = both_ways("parameters = 7\n");
    let found = said_of_both(&entity, &profile);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("`setup.parameters`: must be a text, got the number `7`"), "{found:#?}");
}

/// Every value of a file, as the path to it.
fn places(value: &toml::Value, path: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                path.push(name.clone());
                places(value, path, all);
                path.pop();
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            for (at, value) in items.iter().enumerate() {
                path.push(at.to_string());
                places(value, path, all);
                path.pop();
            }
        }
        _ => all.push(path.clone()),
    }
}

/// The file with a value of another type in one place.
fn wrong_at(file: &toml::Value, path: &[String]) -> String {
    let mut file = file.clone();
    let mut value = &mut file;
    for name in path {
        value = match value {
            toml::Value::Array(items) => &mut items[name.parse::<usize>().expect("a place in a list")],
            table => table.get_mut(name).expect("a key"),
        };
    }
    *value = match value {
        toml::Value::Integer(_) => toml::Value::String("soon".into()),
        _ => toml::Value::Float(0.5),
    };
    toml::to_string(&file).expect("a file")
}

#[test]
fn every_value_of_a_wrong_type_in_a_shipped_file_is_reported_and_others_are_not() {
    let mut wrong = Vec::new();
    for (path, text) in embedded::FILES.iter().filter(|(path, _)| !path.contains("s2p")) {
        let file = toml::Value::Table(toml::from_str(text).expect("a shipped file"));
        let mut all = Vec::new();
        places(&file, &mut Vec::new(), &mut all);
        for place in all {
            let site = site(&[(path, wrong_at(&file, &place).as_str())]);
            let found = match load(Some(site.path()), "apo", &[], &own()) {
                Ok(_) => 0,
                Err(problems) => problems.len(),
            };
            // a definition that others refer to is missed by each of them
            let referred = ["columns", "key", "dates", "name", "table", "carry", "optional", "write", "from"];
            let most = if place.last().is_some_and(|last| referred.contains(&last.as_str())) { usize::MAX } else { 1 };
            // a condition may be a number
            let least = if place.iter().any(|name| name == "if") { 0 } else { 1 };
            if !(least..=most).contains(&found) {
                wrong.push(format!("{path}: {}: {found}", place.join(".")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
