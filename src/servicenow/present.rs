//! Finds the rows with Tieline's keys: read in pages ([`super::paging`]).

use std::collections::BTreeSet;

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::version::VersionThere;

use super::error::ServiceNowError;
use super::paging::{self, ListPosition, wrong};
use super::query::{self, encode};
use super::token::TokenSource;
use super::transport::Transport;

/// The number of staging rows that are read to find their target tables.
const LANDED: usize = 200;

/// The staging column with the name of the target table.
const TARGET_TABLE: &str = "sys_target_table";

/// A row with a key of Tieline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The row.
    pub sys_id: SysId,
    /// The value of its key column.
    pub source_key: String,
    /// The value of its version column, if it is a version.
    pub version: Option<VersionThere>,
}

/// One page of rows whose keys start with `prefix`, and the position of the next page; `None`: this was the last page.
pub(super) async fn page(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    prefix: &str,
    at: ListPosition,
) -> Result<(Vec<Present>, Option<ListPosition>), ServiceNowError> {
    let Some(column) = target.key_column.as_deref() else {
        return Err(ServiceNowError::UnknownColumn { table: table.to_owned(), column: "key_column".into() });
    };
    // a `^` would start another condition; the rows' own values decide in any case
    let asked = prefix.split('^').next().unwrap_or_default();
    let fields: Vec<&str> = ["sys_id", column].into_iter().chain(target.version_column.as_deref()).collect();
    let page = paging::page(&transport.thorough(), tokens, table, vec![format!("{column}STARTSWITH{asked}")], &fields, at).await?;
    let rows = page.rows;
    // a condition on a missing column is ignored, and all rows of the table come back without the column
    if !rows.is_empty() && rows.iter().all(|row| row.text(column).is_none()) {
        return Err(ServiceNowError::UnknownColumn { table: table.to_owned(), column: column.to_owned() });
    }
    let mut present = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(sys_id) = row.filled("sys_id").and_then(SysId::new) else {
            return Err(wrong(table, "a row has no valid sys_id, so it cannot be compared".into()));
        };
        if let Some(key) = row.text(column).filter(|key| key.starts_with(prefix)) {
            present.push(Present { sys_id, source_key: key.to_owned(), version: query::version(target, row) });
        }
    }
    let limit = transport.settings().list_limit;
    if page.next.as_ref().is_some_and(|next| next.hidden() > limit) {
        return Err(wrong(
            table,
            format!(
                "the list has no end: more than {limit} rows in a row (`servicenow.list_limit`) may not be seen, and it says that there are more. \
                 Reading again does not help: let the application user read the table, or raise the limit"
            ),
        ));
    }
    Ok((present, page.next))
}

/// The tables into which the transforms of a staging table have recently put rows of these keys, according to the staging rows.
pub(super) async fn landed(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    prefix: &str,
) -> Result<BTreeSet<String>, ServiceNowError> {
    let Some(column) = target.key_column.as_deref() else { return Ok(BTreeSet::new()) };
    let asked = prefix.split('^').next().unwrap_or_default();
    let path = format!(
        "/api/now/table/{}?sysparm_query={}&sysparm_limit={LANDED}&sysparm_fields={}&sysparm_display_value=false&sysparm_exclude_reference_link=true",
        encode(&target.table),
        encode(&format!("{column}STARTSWITH{asked}^ORDERBYDESCsys_created_on")),
        encode(&format!("sys_id,{column},{TARGET_TABLE}")),
    );
    let rows = transport.thorough().read(tokens, &path).await?;
    let own = rows.iter().filter(|row| row.text(column).is_some_and(|key| key.starts_with(prefix)));
    Ok(own.filter_map(|row| row.filled(TARGET_TABLE)).map(str::to_owned).collect())
}
