//! What `tieline servicenow-app` writes for people: the rights that the user needs, and the lists for sites without an application.

use std::collections::{BTreeMap, BTreeSet};

use tieline::definition::plan::WriteMode;
use tieline::servicenow_app::shipped::Shipped;

use crate::servicenow_app::{PROFILES, SCOPE, committed, definitions};

/// A list of the application without a scope: its rows by the header's names.
fn list(profile: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(committed(profile).join("without-scope").join(name)).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// What Tieline does with a table, seen from its own pages: a delivery creates, changes and reads, an import set creates and is read, and what
/// a map fills is read. Only the diagnostics delete.
#[test]
fn the_rights_follow_from_the_definitions() {
    const DOCTOR: &str = "only for the test row of tieline doctor";
    for profile in PROFILES {
        for (directory, is_scoped) in [("definitions", true), ("without-scope/definitions", false)] {
            let mut wanted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
            for target in definitions(Some(&committed(profile).join(directory)), profile).plans.iter().flat_map(|plan| &plan.targets) {
                let here: &[&str] = match target.write {
                    WriteMode::Table => &["read", "create", "write", "delete"],
                    WriteMode::ImportSet => &["read", "create", "delete"],
                };
                wanted.entry(target.table.clone()).or_default().extend(here);
                wanted.entry(target.target_table.clone()).or_default().insert("read");
            }
            if is_scoped {
                let steps = std::fs::read_to_string(committed(profile).join("STEPS.md")).unwrap();
                let access = std::fs::read_to_string(committed(profile).join("src/fluent/access.now.ts")).unwrap();
                for (table, rights) in &wanted {
                    if table.starts_with(SCOPE) {
                        for right in ["read", "create", "write", "delete"] {
                            let has = access.contains(&format!("'acl {table} {right}'"));
                            assert_eq!(has, rights.contains(right), "{table} {right}");
                        }
                        continue;
                    }
                    let lasting = ["read", "create", "write"].into_iter().filter(|right| rights.contains(right));
                    let words: Vec<&str> = lasting.chain(rights.contains("delete").then_some("(delete)")).collect();
                    assert!(steps.contains(&format!("\n| `{table}` | {} |\n", words.join(", "))), "{table}: {steps}");
                }
                assert!(steps.contains("run `tieline doctor --read-only`"), "{steps}");
                continue;
            }
            let rows = list(profile, "rights.csv");
            let found: BTreeMap<String, BTreeSet<&str>> = rows
                .iter()
                .map(|row| {
                    let rights = ["read", "create", "write", "delete"].into_iter().filter(|right| {
                        let cell = row[*right].as_str();
                        assert!(cell.is_empty() || cell == if *right == "delete" { DOCTOR } else { "true" }, "{row:?}");
                        !cell.is_empty()
                    });
                    (row["table"].clone(), rights.collect())
                })
                .collect();
            assert_eq!(found, wanted, "{profile}");
        }
    }
}

/// Who works from the lists alone has made everything that the definitions beside them name.
#[test]
fn the_lists_without_a_scope_are_whole() {
    for profile in PROFILES {
        let of = definitions(Some(&committed(profile).join("without-scope/definitions")), profile);
        let [tables, columns, maps] = ["tables.csv", "columns.csv", "maps.csv"].map(|name| list(profile, name));
        let has_table = |name: &str| tables.iter().any(|row| row["table"] == name);
        let column = |table: &str, name: &str| columns.iter().find(|row| row["table"] == table && row["column"] == name);
        for target in of.plans.iter().flat_map(|plan| &plan.targets) {
            let own = target.key_column.iter().chain(&target.version_column).map(|name| (name.as_str(), None));
            let sent: Vec<_> = own.chain(target.fields.iter().map(|field| (field.name.as_str(), Some(field)))).collect();
            for table in BTreeSet::from([&target.table, &target.target_table]) {
                assert!(has_table(table), "{table} is in no list");
                for (name, field) in &sent {
                    let Some(row) = column(table, name) else {
                        let shipped = Shipped::find(table).unwrap_or_else(|| panic!("{table}.{name} is in no list"));
                        let filled_by_servicenow =
                            *table != target.table && Shipped::find(&target.table).is_some_and(|shipped| !shipped.lacks(name));
                        assert!(field.is_some() && (!shipped.lacks(name) || filled_by_servicenow), "{table}.{name} is in no list");
                        continue;
                    };
                    let length = field.map_or(120, |field| target.extent(field, &of.code_lists).length);
                    let is_key = Some(*name) == target.key_column.as_deref();
                    let is_version = Some(*name) == target.version_column.as_deref();
                    let length = if is_version { 23 } else { length };
                    assert!(row["type"] != "string" || row["max_length"].parse::<usize>().unwrap() >= length, "{row:?}");
                    assert!(!is_key || !row["index"].is_empty(), "{row:?} has no index");
                }
            }
            if target.write == WriteMode::Table {
                continue;
            }
            let of_map: Vec<_> = maps.iter().filter(|row| row["source_table"] == target.table).collect();
            assert!(of_map.iter().all(|row| row["target_table"] == target.target_table && row["copy_empty_fields"] == "true"));
            for (name, _) in &sent {
                let is_listed = of_map.iter().any(|row| row["source_field"] == *name && row["target_field"] == *name);
                assert!(is_listed || column(&target.table, name).is_none(), "{}.{name} is in no map", target.table);
            }
            let coalescing: Vec<_> = of_map.iter().filter(|row| row["coalesce"] == "true").collect();
            assert!(coalescing.len() == 1 && Some(&coalescing[0]["source_field"]) == target.key_column.as_ref(), "{coalescing:?}");
            assert_eq!(coalescing[0]["coalesce_case_sensitive"], "true");
        }
        for row in tables.iter().filter(|row| row["do"] == "create") {
            assert_eq!(row["allow_web_services"], "true", "{row:?}");
        }
    }
}
