//! Staging rows, which an instance keeps for seven days: each try and each version has one of its own, under the record's key.

use std::collections::HashMap;

use crate::definition::plan::TargetPlan;
use crate::domain::version::{VersionText, VersionThere};

use super::client::ServiceNow;
use super::error::ServiceNowError;
use super::query::Query;
use super::token::TokenSource;
use super::wire::Row;

/// The rows of each key with these fields and their times, the newest first.
pub(super) async fn rows_by_key(
    sn: &ServiceNow,
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
    for row in query.rows(sn, tokens, keys).await? {
        by_key.entry(row.text(key_column).unwrap_or_default().to_owned()).or_default().push(row);
    }
    // a key's rows may have come by several queries
    for rows in by_key.values_mut() {
        rows.sort_by(|a, b| b.text("sys_created_on").cmp(&a.text("sys_created_on")));
    }
    Ok(by_key)
}

/// Whether a row is of this version; `None` where it does not say of which content it is.
pub(super) fn of_version(target: &TargetPlan, row: &Row, version: &VersionText) -> Option<bool> {
    let text = target.version_column.as_deref().and_then(|column| row.filled(column))?;
    VersionThere::read(text).map_or(Some(false), |there| there.is(version))
}
