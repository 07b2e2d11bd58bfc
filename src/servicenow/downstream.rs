//! The state of rows after they were written: a transform or a workflow may fail long after the answer.
//!
//! A poll requests a page of rows at once, in one query or a few: by sys_id in the target table, or by key in the staging table, whose rows
//! an instance deletes after seven days.

use std::collections::HashMap;

use crate::definition::plan::{TargetPlan, WatchPlan, WatchRow};
use crate::domain::version::VersionText;
use crate::redact::Quoted;

use super::error::ServiceNowError;
use super::query::Query;
use super::staging;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// A value of `failed` that matches any non-empty text.
const ANY: &str = "*";

/// A record that is polled.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The value of its key column.
    pub source_key: String,
    /// The delivered version.
    pub version: VersionText,
    /// Its row in the target table; may be empty.
    pub sys_id: String,
}

/// The state in its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Later {
    /// ServiceNow has finished successfully; holds the value of the row.
    Done(Quoted),
    /// It failed, in ServiceNow's words.
    Failed(Quoted),
    /// It has not finished.
    Open,
    /// The row does not exist (any more), or is not visible.
    Vanished,
    /// The state cannot be read: the column is not visible.
    Silent(Quoted),
}

/// Polls records; the results are in the order of the records.
pub(super) async fn poll(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    watch: &WatchPlan,
    records: &[Arrived],
) -> Result<Vec<Later>, ServiceNowError> {
    match watch.row {
        WatchRow::Target => by_sys_id(transport, tokens, target, watch, records).await,
        WatchRow::Staging => by_key(transport, tokens, target, watch, records).await,
    }
}

async fn by_sys_id(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    watch: &WatchPlan,
    records: &[Arrived],
) -> Result<Vec<Later>, ServiceNowError> {
    let fields: Vec<&str> = watch.column.iter().chain(&watch.message).map(String::as_str).collect();
    let query = Query {
        table: &target.target_table,
        column: "sys_id",
        extra: String::new(),
        order: "ORDERBYsys_id",
        fields: &fields,
        per_value: 1,
    };
    let ids: Vec<&str> = records.iter().map(|record| record.sys_id.as_str()).filter(|id| !id.is_empty()).collect();
    let rows = query.rows(transport, tokens, &ids).await?;
    let rows: HashMap<&str, &Row> = rows.iter().filter_map(|row| Some((row.filled("sys_id")?, row))).collect();
    Ok(records.iter().map(|record| rows.get(record.sys_id.as_str()).map_or(Later::Vanished, |row| of_column(watch, row))).collect())
}

async fn by_key(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    watch: &WatchPlan,
    records: &[Arrived],
) -> Result<Vec<Later>, ServiceNowError> {
    let Some(key_column) = target.key_column.as_deref() else { return Ok(vec![Later::Vanished; records.len()]) };
    let mut fields = vec!["sys_import_state", "sys_import_state_comment"];
    fields.extend(watch.column.iter().chain(&watch.message).chain(&target.version_column).map(String::as_str));
    let keys: Vec<&str> = records.iter().map(|record| record.source_key.as_str()).collect();
    let by_key = staging::rows_by_key(transport, tokens, target, key_column, &keys, fields).await?;
    let later = |record: &Arrived| {
        let mut rows = by_key.get(&record.source_key).into_iter().flatten();
        // a row of an earlier release has only the version number; records delivered before are found by it
        let newest = rows.find(|row| staging::of_version(target, row, &record.version).unwrap_or(true));
        newest.map_or(Later::Vanished, |row| of_staging(watch, row))
    };
    Ok(records.iter().map(later).collect())
}

/// The transform comes first; the column shows whether there is more to wait for.
fn of_staging(watch: &WatchPlan, row: &Row) -> Later {
    let state = row.filled("sys_import_state").unwrap_or_default().to_ascii_lowercase();
    match state.as_str() {
        "error" | "skipped" => {
            let words = row.filled("sys_import_state_comment").or_else(|| said(watch, row));
            Later::Failed(words.map_or_else(|| format!("the transform ended as `{state}`").into(), Quoted::of))
        }
        "pending" => Later::Open,
        _ if watch.column.is_some() => of_column(watch, row),
        "inserted" | "updated" | "ignored" => Later::Done(format!("sys_import_state = {state}").into()),
        "" => Later::Silent("the row comes without `sys_import_state`: the column may not be read".into()),
        _ => Later::Open,
    }
}

fn said<'r>(watch: &WatchPlan, row: &'r Row) -> Option<&'r str> {
    watch.message.as_deref().and_then(|column| row.filled(column))
}

fn of_column(watch: &WatchPlan, row: &Row) -> Later {
    let Some(column) = watch.column.as_deref() else { return Later::Open };
    let Some(value) = row.text(column) else {
        return Later::Silent(format!("the row comes without `{column}`: the column does not exist, or may not be read").into());
    };
    let among = |texts: &[String]| texts.iter().any(|text| text.eq_ignore_ascii_case(value.trim()));
    if among(&watch.done) {
        return Later::Done(format!("{column} = {value}").into());
    }
    // an error column holds free text, not a fixed set of values
    let any = watch.failed.iter().any(|text| text == ANY) && !value.trim().is_empty();
    if any || among(&watch.failed) {
        let said = said(watch, row).map_or_else(|| format!("{column} = {value}"), |words| format!("{column} = {value}: {words}"));
        return Later::Failed(said.into());
    }
    Later::Open
}
