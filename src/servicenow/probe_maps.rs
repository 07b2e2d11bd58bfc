//! Checks the transform maps of staging tables for `doctor`: whether there is one, which columns it coalesces on, whether it copies empty
//! fields, and whether the table behind has the columns that it fills.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::plan::{ClearWith, TargetPlan, WriteMode};
use crate::domain::next_step::NextStep;

use super::outcome::{ProbeFinding, ProbeVerdict};
use super::probe_behind;
use super::query::encode;
use super::token::TokenSource;
use super::transform_map::Map;
use super::transport::Transport;
use super::wire::Row;

/// The most field maps requested at once.
const ENTRIES: usize = 1000;

/// One finding per staging table, and one per table behind whose columns the dictionary shows. `expected` has the least length of what the
/// maps fill, by staging table and its column.
pub(super) async fn probe(
    transport: &Transport,
    tokens: &dyn TokenSource,
    targets: &[&TargetPlan],
    expected: &BTreeMap<String, BTreeMap<String, usize>>,
) -> Vec<ProbeFinding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for target in targets.iter().filter(|target| target.write == WriteMode::ImportSet && seen.insert(target.table.as_str())) {
        let maps = maps(transport, tokens, target).await;
        let (verdict, message, next_step) = match &maps {
            Maps::Found(maps) => judge(target, maps),
            Maps::Absent => absent(target),
            Maps::Hidden => maps_unreadable(target),
        };
        findings.push(ProbeFinding { table: format!("transform map of {}", target.table), verdict, message: message.into(), next_step });
        if let (Maps::Found(maps), Some(expected)) = (&maps, expected.get(&target.table)) {
            findings.extend(probe_behind::probe(transport, tokens, target, maps, expected).await);
        }
    }
    findings
}

/// The transform maps of a staging table.
enum Maps {
    /// These.
    Found(Vec<Map>),
    /// None, although maps of other tables are visible.
    Absent,
    /// They are not visible.
    Hidden,
}

type Said = (ProbeVerdict, String, Option<NextStep>);

fn maps_unreadable(target: &TargetPlan) -> Said {
    let key = target.key_column.as_deref().unwrap_or("the key column");
    (ProbeVerdict::Unknown, "the transform maps may not be read".to_owned(), Some(NextStep::ReadMaps { column: key.to_owned() }))
}

fn absent(target: &TargetPlan) -> Said {
    let message = format!("`{}` has no transform map: what is sent stays in the staging table", target.table);
    (ProbeVerdict::Failed, message, Some(NextStep::MakeMap { table: target.table.clone() }))
}

fn judge(target: &TargetPlan, maps: &[Map]) -> Said {
    let key = target.key_column.as_deref().unwrap_or_default();
    if target.target_table != target.table && !maps.iter().any(|map| map.target == target.target_table) {
        let tables: BTreeSet<String> = maps.iter().map(|map| format!("`{}`", map.target)).collect();
        let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
        let message =
            format!("no map of `{}` fills `{}`, where the definition expects the records, but {tables}", target.table, target.target_table);
        let step = NextStep::CorrectMapTarget { table: target.table.clone(), target: target.target_table.clone() };
        return (ProbeVerdict::Failed, message, Some(step));
    }
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

/// The active maps into the target table, or all maps where none is active.
async fn maps(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan) -> Maps {
    let query = encode(&format!("source_table={}^ORDERBYsys_id", target.table));
    let fields = "sys_id,name,source_table,target_table,active,copy_empty_fields";
    let Some(rows) = read(transport, tokens, MAPS, &query, fields, 50).await else { return Maps::Hidden };
    // an unknown condition is ignored, so the row's own values decide
    let own = |row: &&Row| row.text("source_table") == Some(&target.table);
    let is_active = |row: &Row| row.text("active") != Some("false");
    let all: Vec<&Row> = rows.iter().filter(own).collect();
    if all.is_empty() {
        // rows that may not be read are left out of the answer
        return if shows_any(transport, tokens, MAPS).await { Maps::Absent } else { Maps::Hidden };
    }
    let active: Vec<&Row> = all.iter().copied().filter(|row| is_active(row)).collect();
    // a map that is not active explains why nothing arrives, where there is no other
    let own = if active.is_empty() { all } else { active };
    let onto: Vec<&Row> = own.iter().copied().filter(|row| row.text("target_table") == Some(&target.target_table)).collect();
    let chosen = if onto.is_empty() { own } else { onto };
    let ids: Vec<&str> = chosen.iter().filter_map(|row| row.filled("sys_id")).collect();
    if ids.is_empty() {
        return Maps::Hidden;
    }
    let query = encode(&format!("mapIN{}^ORDERBYsys_id", ids.join(",")));
    let fields = "sys_id,map,source_field,target_field,coalesce,coalesce_case_sensitive";
    let Some(entries) = read(transport, tokens, FIELD_MAPS, &query, fields, ENTRIES).await else { return Maps::Hidden };
    // a list that is truncated, or lacks the columns, proves nothing about missing entries
    if entries.len() >= ENTRIES || entries.iter().any(|row| row.text("map").is_none() || row.text("coalesce").is_none()) {
        return Maps::Hidden;
    }
    if entries.is_empty() && !shows_any(transport, tokens, FIELD_MAPS).await {
        return Maps::Hidden;
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
        let text = |row: &Row, column: &str| row.text(column).unwrap_or_default().to_owned();
        Map {
            name: text(row, "name"),
            target: text(row, "target_table"),
            fields: entries.iter().map(|entry| (text(entry, "source_field"), text(entry, "target_field"))).collect(),
            is_active: is_active(row),
            coalesce: sources(&coalescing),
            case_sensitive: !coalescing.is_empty() && coalescing.iter().all(|entry| is(entry, "coalesce_case_sensitive")),
            copied: sources(&others),
            copies_empty: is(row, "copy_empty_fields"),
        }
    };
    Maps::Found(chosen.iter().map(map).collect())
}

/// The transform maps of an instance.
const MAPS: &str = "sys_transform_map";
/// Their field maps.
const FIELD_MAPS: &str = "sys_transform_entry";

/// Whether any row of a table is visible.
async fn shows_any(transport: &Transport, tokens: &dyn TokenSource, table: &str) -> bool {
    read(transport, tokens, table, "ORDERBYsys_id", "sys_id", 1).await.is_some_and(|rows| !rows.is_empty())
}

async fn read(transport: &Transport, tokens: &dyn TokenSource, table: &str, query: &str, fields: &str, limit: usize) -> Option<Vec<Row>> {
    let path = format!(
        "/api/now/table/{table}?sysparm_query={query}&sysparm_fields={fields}&sysparm_limit={limit}&sysparm_display_value=false\
         &sysparm_exclude_reference_link=true"
    );
    transport.read(tokens, &path).await.ok()
}
