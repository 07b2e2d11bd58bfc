//! `docs/syspro.md` lists the tables that are read: those of the shipped definitions and their variants, and those of the tie-out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tieline::definition::{self, Currencies, ReadPlan};

use crate::servicenow_app::definitions;

const PAGE: &str = include_str!("../../docs/syspro.md");

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Why a plan reads each table.
fn reasons(plan: &ReadPlan) -> BTreeMap<String, Vec<String>> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |table: &str, why: String, may_be_absent: bool| {
        let why = if may_be_absent { format!("{why} (may be absent)") } else { why };
        let of_table = reasons.entry(table.to_owned()).or_default();
        if !of_table.contains(&why) {
            of_table.push(why);
        }
    };
    add(&plan.root.table, "the records".into(), false);
    for join in &plan.joins {
        add(&join.table.table, "more columns of the records".into(), false);
    }
    for child in &plan.children {
        add(&child.table.table, format!("the rows `{}`", child.name), child.may_be_absent);
        if let Some(via) = &child.via {
            add(&via.table.table, format!("leads to the rows `{}`", child.name), child.may_be_absent);
        }
    }
    for change in &plan.changes {
        add(&change.table, "tells what changed".into(), change.may_be_absent);
    }
    reasons
}

/// The rows of the table on the page whose header begins so.
fn rows(header: &str) -> Vec<&'static str> {
    let start = PAGE.find(header).unwrap_or_else(|| panic!("no table `{header}`"));
    PAGE[start..].lines().skip(2).take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_tables_of_the_page_are_those_of_the_shipped_definitions() {
    let mut wanted = BTreeSet::new();
    for profile in ["apo", "s2p"] {
        for plan in &definitions(None, profile).plans {
            for (table, why) in reasons(&plan.read) {
                wanted.insert(format!("| `{table}` | {} | {} |", plan.entity, why.join("; ")));
            }
        }
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    assert_eq!(rows("| table | entity | why |"), wanted, "the rows should be:\n{}", wanted.join("\n"));

    let mut wanted = BTreeSet::new();
    for variant in std::fs::read_dir(root("config/variants/cost_center")).unwrap() {
        let variant = variant.unwrap().path();
        if !variant.is_dir() {
            continue;
        }
        let companies = BTreeMap::new();
        let inspected = definition::inspect(Some(&variant), "apo", &[], Currencies::Of(&companies));
        let name = variant.file_name().unwrap().to_str().unwrap();
        let plan = inspected.definitions.plans.iter().find(|plan| plan.entity.as_str() == "cost_center").unwrap();
        for (table, why) in reasons(&plan.read) {
            wanted.insert(format!("| `{table}` | `{name}` | {} |", why.join("; ")));
        }
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    assert_eq!(rows("| table | variant | why |"), wanted, "the rows should be:\n{}", wanted.join("\n"));
}

/// The texts that follow a call in the sources: `"NAME"` right after `start`.
fn named(sources: &str, start: &str) -> BTreeSet<String> {
    let calls = sources.split(start).skip(1);
    calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)).collect()
}

#[test]
fn the_tables_of_the_tie_out_are_on_the_page() {
    let mut sources = String::new();
    let mut folders = vec![root("src/operations")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut wanted = named(&sources, "SysproTable::new(");
    wanted.extend(named(&sources, ".lines("));
    assert!(wanted.contains("GenTransaction") && wanted.contains("GenJournalDetail"), "{wanted:?}");
    let defaults: toml::Table = std::fs::read_to_string(root("src/config/defaults.toml")).unwrap().parse().unwrap();
    for (section, key) in [("calendar", "table"), ("subledger", "month_table"), ("subledger", "history_table")] {
        let table = defaults[section][key].as_str().unwrap();
        let row = rows("| table | why | setting |").into_iter().find(|row| row.starts_with(&format!("| `{table}` |")));
        assert!(row.is_some_and(|row| row.contains(&format!("`{section}.{key}`"))), "{section}.{key}: {row:?}");
        wanted.insert(table.to_owned());
    }
    let listed: BTreeSet<String> = rows("| table | why | setting |").iter().map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(listed, wanted);
}
