//! Reads a whole table that may change on both sides, or its changed rows, in pages ([`super::paging`]).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::domain::CompanyId;

use super::error::ServiceNowError;
use super::paging::{self, ListPosition, PAGE, wrong};
use super::query::{self, Query};
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The column with the time of the last change; whole seconds, UTC.
const UPDATED: &str = "sys_updated_on";

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The row.
    pub sys_id: String,
    /// When it was last changed, by the instance's clock; `None` where it may not be read.
    pub updated_at: Option<DateTime<Utc>>,
    /// The columns that could be read: a missing column is not empty, but unknown.
    pub fields: BTreeMap<String, String>,
}

/// The requested columns.
fn columns<'a>(target: &'a TargetPlan, align: &'a AlignPlan) -> Vec<&'a str> {
    let mut columns = vec!["sys_id", UPDATED];
    for name in query::columns(target).into_iter().chain(align.inactive.iter().map(|(column, _)| column.as_str())) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns
}

fn listed(row: &Row) -> Option<Listed> {
    let fields = row.iter().filter(|(name, _)| !matches!(*name, "sys_id" | UPDATED));
    Some(Listed {
        sys_id: row.filled("sys_id")?.to_owned(),
        updated_at: row.filled(UPDATED).and_then(instant),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    })
}

/// `2026-01-31 10:00:00`, UTC.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|at| at.and_utc())
}

/// One page of rows, and the position of the next page; `None`: this was the last page.
pub(super) async fn page(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    align: &AlignPlan,
    company: &CompanyId,
    since: Option<DateTime<Utc>>,
    at: ListPosition,
) -> Result<(Vec<Listed>, Option<ListPosition>), ServiceNowError> {
    let filter = align.filter.as_ref().map(|filter| filter.replace("{company}", company.as_str()));
    let since = since.map(|at| format!("{UPDATED}>={}", at.format("%Y-%m-%d %H:%M:%S")));
    let (table, limit, asked) = (&target.target_table, transport.settings().list_limit, at.seen + PAGE);
    let page = paging::page(transport, tokens, table, filter.into_iter().chain(since).collect(), &columns(target, align), at).await?;
    if let Some(total) = page.total.filter(|total| *total > limit) {
        return Err(wrong(
            table,
            format!(
                "ServiceNow reports {total} rows for the list, more than `servicenow.list_limit` ({limit}); Tieline reads none of them. \
                 Reading again does not help: narrow the list by `filter` in the profile's `[header.align]`, or raise the limit"
            ),
        ));
    }
    if asked > limit {
        return Err(wrong(
            table,
            format!(
                "the list has no end: more than {limit} rows were asked for (`servicenow.list_limit`), and there are more. Reading again does not \
                 help: narrow the list by `filter` in the profile's `[header.align]`, or raise the limit"
            ),
        ));
    }
    Ok((page.rows.iter().filter_map(listed).collect(), page.next))
}

pub(super) async fn by_id(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    align: &AlignPlan,
    sys_ids: &[String],
) -> Result<Vec<Listed>, ServiceNowError> {
    let fields = columns(target, align);
    let query = Query {
        table: &target.target_table,
        column: "sys_id",
        extra: String::new(),
        order: "ORDERBYsys_id",
        fields: &fields,
        per_value: 1,
    };
    let ids: Vec<&str> = sys_ids.iter().map(String::as_str).collect();
    let rows = query.rows(transport, tokens, &ids).await?;
    Ok(rows.iter().filter_map(listed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_utc() {
        assert_eq!(instant("2026-01-31 10:00:01").map(|at| at.to_rfc3339()).as_deref(), Some("2026-01-31T10:00:01+00:00"));
        assert_eq!(instant("31.01.2026"), None);
    }
}
