//! Staging rows, which an instance keeps for seven days: each attempt and each version has its own row, under the record's key.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::definition::plan::{CLEAR, ClearWith, TargetPlan};
use crate::domain::version::{VersionText, VersionThere};

use super::error::ServiceNowError;
use super::outcome::{OutRecord, Written};
use super::query::Query;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The column with the state of a staging row.
const STATE: &str = "sys_import_state";

/// The staged values: only strings, as the API requires.
pub(super) fn staged<'a>(target: &'a TargetPlan, record: &'a OutRecord) -> Written<'a> {
    let mut fields = Written::of(record);
    if target.clear_with == ClearWith::Null {
        record.cleared.iter().for_each(|name| fields.set(name, CLEAR));
    }
    if let Some(column) = &target.key_column {
        fields.set(column, record.source_key.as_str());
    }
    if let Some(column) = &target.version_column {
        fields.set(column, record.version.to_string());
    }
    fields
}

/// The rows of each key with these fields and their times, newest first.
pub(super) async fn rows_by_key(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    key_column: &str,
    keys: &[&str],
    fields: Vec<&str>,
) -> Result<HashMap<String, Vec<Row>>, ServiceNowError> {
    let fields = [vec!["sys_created_on"], fields].concat();
    let query = Query {
        table: &target.table,
        column: key_column,
        extra: String::new(),
        order: "ORDERBYDESCsys_created_on",
        fields: &fields,
        per_value: 8,
    };
    let mut by_key: HashMap<String, Vec<Row>> = HashMap::new();
    for row in query.rows(transport, tokens, keys).await? {
        by_key.entry(row.text(key_column).unwrap_or_default().to_owned()).or_default().push(row);
    }
    // several queries may have returned a key's rows
    for rows in by_key.values_mut() {
        rows.sort_by(|a, b| b.text("sys_created_on").cmp(&a.text("sys_created_on")));
    }
    Ok(by_key)
}

/// The keys whose newest staging row is not processed yet, each with the time in UTC at which it was staged.
pub(super) async fn unprocessed(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    keys: &[String],
) -> Result<HashMap<String, Option<DateTime<Utc>>>, ServiceNowError> {
    let Some(column) = target.key_column.as_deref() else { return Ok(HashMap::new()) };
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = rows_by_key(transport, tokens, target, column, &keys, vec![STATE]).await?;
    let pending = found.into_iter().filter_map(|(key, rows)| {
        let newest = rows.into_iter().next().filter(|row| row.filled(STATE).is_some_and(|state| state.eq_ignore_ascii_case("pending")))?;
        let at = newest.filled("sys_created_on").and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok());
        Some((key, at.map(|at| at.and_utc())))
    });
    Ok(pending.collect())
}

/// Whether a row is of this version; `None` if it does not show its content hash.
pub(super) fn of_version(target: &TargetPlan, row: &Row, version: &VersionText) -> Option<bool> {
    let text = target.version_column.as_deref().and_then(|column| row.filled(column))?;
    VersionThere::read(text).map_or(Some(false), |there| there.is(version))
}
