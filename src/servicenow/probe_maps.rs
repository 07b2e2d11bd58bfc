//! Checks the transform maps of staging tables for `doctor`: which columns they coalesce on, and whether they copy empty fields.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::plan::{ClearWith, TargetPlan, WriteMode};
use crate::domain::next_step::NextStep;

use super::outcome::{ProbeFinding, ProbeVerdict};
use super::query::encode;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The most field maps requested at once.
const ENTRIES: usize = 1000;

/// One finding per staging table.
pub(super) async fn probe(transport: &Transport, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for target in targets.iter().filter(|target| target.write == WriteMode::ImportSet && seen.insert(target.table.as_str())) {
        let (verdict, message, next_step) = match maps(transport, tokens, target).await {
            Some(maps) => judge(target, &maps),
            None => maps_unreadable(target),
        };
        findings.push(ProbeFinding { table: format!("transform map of {}", target.table), verdict, message: message.into(), next_step });
    }
    findings
}

/// A transform map: its name, the staging columns that it coalesces on and copies, and whether it copies empty fields.
struct Map {
    name: String,
    is_active: bool,
    coalesce: BTreeSet<String>,
    /// Whether it coalesces with the case of letters.
    case_sensitive: bool,
    /// The staging columns that its other field maps copy; empty where a script copies them.
    copied: BTreeSet<String>,
    copies_empty: bool,
}

type Said = (ProbeVerdict, String, Option<NextStep>);

fn maps_unreadable(target: &TargetPlan) -> Said {
    let key = target.key_column.as_deref().unwrap_or("the key column");
    (ProbeVerdict::Unknown, "the transform maps may not be read".to_owned(), Some(NextStep::ReadMaps { column: key.to_owned() }))
}

fn judge(target: &TargetPlan, maps: &[Map]) -> Said {
    let key = target.key_column.as_deref().unwrap_or_default();
    if let Some(map) = maps.iter().find(|map| !map.is_active) {
        let message = format!("the map `{}` is not active: what is sent stays in the staging table", map.name);
        return (ProbeVerdict::Failed, message, Some(NextStep::ActivateMap { map: map.name.clone() }));
    }
    for map in maps {
        let columns: Vec<String> = map.coalesce.iter().map(|column| format!("`{column}`")).collect();
        if map.coalesce.is_empty() {
            let message = format!("the map `{}` has no coalesce field: every version of a record gets its own row", map.name);
            return (ProbeVerdict::Failed, message, Some(NextStep::CoalesceOnKey { column: key.to_owned() }));
        }
        if !key.is_empty() && (map.coalesce.len() > 1 || !map.coalesce.contains(key)) {
            let message = format!(
                "the map `{}` coalesces on {}, not on `{key}` alone: two records may share one row, or one record may have two rows",
                map.name,
                columns.join(", ")
            );
            return (ProbeVerdict::Failed, message, Some(NextStep::CoalesceOnKey { column: key.to_owned() }));
        }
        if !map.copies_empty && target.clear_with == ClearWith::Empty {
            let message = format!("the map `{}` does not copy empty fields: values that SYSPRO clears stay in ServiceNow", map.name);
            return (ProbeVerdict::Failed, message, Some(NextStep::CopyEmpty { block: target.block.clone() }));
        }
    }
    for map in maps.iter().filter(|map| !map.copied.is_empty()) {
        let sent = target.version_column.iter().chain(target.fields.iter().map(|field| &field.name));
        let missing: Vec<String> = sent
            .filter(|column| !map.copied.contains(*column) && !map.coalesce.contains(*column))
            .map(|column| format!("`{column}`"))
            .collect();
        if !missing.is_empty() {
            let message = format!("the map `{}` has no field map for {}: they stay in the staging table", map.name, missing.join(", "));
            return (ProbeVerdict::Warning, message, Some(NextStep::AddFieldMaps { map: map.name.clone() }));
        }
    }
    let name = |map: &Map| {
        let case = if map.case_sensitive { ", with the case of letters" } else { "" };
        format!("`{}`{case}{}", map.name, if map.copies_empty { ", which copies empty fields" } else { "" })
    };
    let names: Vec<String> = maps.iter().map(name).collect();
    (ProbeVerdict::Ok, format!("coalesces on `{key}`: {}", names.join("; ")), None)
}

/// The active maps into the target table, or all maps where none is active; `None` when they are not visible.
async fn maps(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan) -> Option<Vec<Map>> {
    let query = encode(&format!("source_table={}^ORDERBYsys_id", target.table));
    let fields = "sys_id,name,source_table,target_table,active,copy_empty_fields";
    let rows = read(transport, tokens, "sys_transform_map", &query, fields, 50).await?;
    // an unknown condition is ignored, so the row's own values decide
    let own = |row: &&Row| row.text("source_table") == Some(&target.table);
    let is_active = |row: &Row| row.text("active") != Some("false");
    let all: Vec<&Row> = rows.iter().filter(own).collect();
    let active: Vec<&Row> = all.iter().copied().filter(|row| is_active(row)).collect();
    // a map that is not active explains why nothing arrives, where there is no other
    let own = if active.is_empty() { all } else { active };
    let onto: Vec<&Row> = own.iter().copied().filter(|row| row.text("target_table") == Some(&target.target_table)).collect();
    let chosen = if onto.is_empty() { own } else { onto };
    let ids: Vec<&str> = chosen.iter().filter_map(|row| row.filled("sys_id")).collect();
    if ids.is_empty() {
        return None;
    }
    let query = encode(&format!("mapIN{}^ORDERBYsys_id", ids.join(",")));
    let fields = "sys_id,map,source_field,target_field,coalesce,coalesce_case_sensitive";
    let entries = read(transport, tokens, "sys_transform_entry", &query, fields, ENTRIES).await?;
    // a list that is truncated, or lacks the columns, proves nothing about missing entries
    if entries.len() >= ENTRIES || entries.iter().any(|row| row.text("map").is_none() || row.text("coalesce").is_none()) {
        return None;
    }
    let mut by_map: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &entries {
        by_map.entry(row.text("map").unwrap_or_default()).or_default().push(row);
    }
    let map = |row: &&Row| {
        let entries = row.filled("sys_id").and_then(|id| by_map.get(id)).map_or(&[][..], Vec::as_slice);
        let is = |row: &Row, column: &str| row.text(column) == Some("true");
        let (coalescing, others): (Vec<&Row>, Vec<&Row>) = entries.iter().copied().partition(|entry| is(entry, "coalesce"));
        let sources = |rows: &[&Row]| rows.iter().map(|row| row.text("source_field").unwrap_or_default().to_owned()).collect();
        Map {
            name: row.text("name").unwrap_or_default().to_owned(),
            is_active: is_active(row),
            coalesce: sources(&coalescing),
            case_sensitive: !coalescing.is_empty() && coalescing.iter().all(|entry| is(entry, "coalesce_case_sensitive")),
            copied: sources(&others),
            copies_empty: is(row, "copy_empty_fields"),
        }
    };
    Some(chosen.iter().map(map).collect())
}

async fn read(transport: &Transport, tokens: &dyn TokenSource, table: &str, query: &str, fields: &str, limit: usize) -> Option<Vec<Row>> {
    let path = format!(
        "/api/now/table/{table}?sysparm_query={query}&sysparm_fields={fields}&sysparm_limit={limit}&sysparm_display_value=false\
         &sysparm_exclude_reference_link=true"
    );
    transport.read(tokens, &path).await.ok()
}
