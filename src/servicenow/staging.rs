//! Staging rows, which an instance keeps for seven days: each attempt and each version has its own row, under the record's key.

use std::collections::HashMap;

use crate::definition::plan::{CLEAR, ClearWith, TargetPlan};
use crate::domain::version::{VersionText, VersionThere};

use super::error::ServiceNowError;
use super::outcome::{OutRecord, Written};
use super::query::Query;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

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

/// Whether a row is of this version; `None` if it does not show its content hash.
pub(super) fn of_version(target: &TargetPlan, row: &Row, version: &VersionText) -> Option<bool> {
    let text = target.version_column.as_deref().and_then(|column| row.filled(column))?;
    VersionThere::read(text).map_or(Some(false), |there| there.is(version))
}
