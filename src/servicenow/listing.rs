//! Reading a whole table, or what changed in it, in pages that stay whole while rows come and go.
//!
//! Pages go by `sys_id>last^ORDERBYsys_id`: an offset would skip and repeat rows. The instance applies the limit before it hides the rows
//! that the caller may not see, so a short page is not the last one, nor an empty one: the count of all rows tells.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::domain::CompanyId;

use super::client::ServiceNow;
use super::error::ServiceNowError;
use super::lookup::{self, Query, encode};
use super::token::TokenSource;
use super::wire::Row;

/// Rows asked for at a time.
const PAGE: u64 = 1000;

/// The column that tells a change; whole seconds, UTC.
const UPDATED: &str = "sys_updated_on";

/// Where the reading of a list stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPosition {
    /// The last row seen.
    last: String,
    /// Rows beyond it that are there and may not be seen.
    offset: u64,
    /// Rows asked for so far.
    seen: u64,
}

impl ListPosition {
    /// The position behind a row, so many hidden rows further.
    pub fn behind(last: String, hidden: i64) -> Self {
        Self { last, offset: hidden.unsigned_abs(), seen: 0 }
    }

    /// The last row seen, and the hidden rows behind it.
    pub fn parts(&self) -> (String, i64) {
        (self.last.clone(), i64::try_from(self.offset).unwrap_or(i64::MAX))
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The row.
    pub sys_id: String,
    /// When it was last changed, by the instance's clock; `None` where it may not be read.
    pub updated_at: Option<DateTime<Utc>>,
    /// The columns that could be read: a column that is not here is not empty, it is unknown.
    pub fields: BTreeMap<String, String>,
}

/// The columns asked for.
fn columns<'a>(target: &'a TargetPlan, align: &'a AlignPlan) -> Vec<&'a str> {
    let mut columns = vec!["sys_id", UPDATED];
    for name in lookup::columns(target).into_iter().chain(align.inactive.iter().map(|(column, _)| column.as_str())) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns
}

fn listed(row: &Row) -> Option<Listed> {
    let fields = row.0.iter().filter(|(name, _)| !matches!(name.as_str(), "sys_id" | UPDATED));
    Some(Listed {
        sys_id: row.filled("sys_id")?.to_owned(),
        updated_at: row.filled(UPDATED).and_then(instant),
        fields: fields.map(|(name, cell)| (name.clone(), cell.value.clone())).collect(),
    })
}

/// `2026-01-31 10:00:00`, UTC.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|at| at.and_utc())
}

/// The page of rows at a position, and where the next one begins; `None`: this was the last.
pub(super) async fn page(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    align: &AlignPlan,
    company: &CompanyId,
    since: Option<DateTime<Utc>>,
    at: ListPosition,
) -> Result<(Vec<Listed>, Option<ListPosition>), ServiceNowError> {
    let ListPosition { mut last, offset, seen } = at;
    let filter = align.filter.as_ref().map(|filter| filter.replace("{company}", company.as_str()));
    let since = since.map(|at| format!("{UPDATED}>={}", at.format("%Y-%m-%d %H:%M:%S")));
    let mut query: Vec<String> = filter.into_iter().chain(since).collect();
    if !last.is_empty() {
        query.push(format!("sys_id>{last}"));
    }
    query.push("ORDERBYsys_id".into());
    let path = format!(
        "/api/now/table/{}?sysparm_query={}&sysparm_limit={PAGE}&sysparm_offset={offset}&sysparm_fields={}&sysparm_display_value=false\
         &sysparm_exclude_reference_link=true",
        encode(&target.target_table),
        encode(&query.join("^")),
        encode(&columns(target, align).join(",")),
    );
    let (rows, total) = sn.read_counted(tokens, &path).await?;
    let what = || format!("GET /api/now/table/{}", target.target_table);
    let wrong = |problem: String| ServiceNowError::BadAnswer { what: what(), status: 200, problem };
    let rows: Vec<Listed> = rows
        .iter()
        .map(|row| listed(row).ok_or_else(|| wrong("a row has no sys_id, so that the list cannot be read page by page".into())))
        .collect::<Result<_, _>>()?;
    let limit = sn.settings().list_limit;
    if let Some(total) = total.filter(|total| *total > limit) {
        return Err(wrong(format!(
            "it says that the list has {total} rows, more than `servicenow.list_limit` ({limit}); nothing of it is read. Reading again does not help: \
             narrow the list by `filter` in the profile's `[header.align]`, or raise the limit"
        )));
    }
    for row in &rows {
        // an instance that drops the condition would send the same page for ever
        if row.sys_id <= last {
            return Err(wrong(format!("rows do not come in the order of their sys_ids: `{}` after `{last}`", row.sys_id)));
        }
        last.clone_from(&row.sys_id);
    }
    let more = total.map_or(!rows.is_empty(), |total| total > offset + PAGE);
    // rows that may not be seen fill a page too: then the next one is beyond them
    let offset = if rows.is_empty() { offset + PAGE } else { 0 };
    if seen + PAGE > limit {
        return Err(wrong(format!(
            "the list has no end: more than {limit} rows were asked for (`servicenow.list_limit`), and there are more. Reading again does not help: \
             narrow the list by `filter` in the profile's `[header.align]`, or raise the limit"
        )));
    }
    let seen = seen + PAGE;
    Ok((rows, more.then_some(ListPosition { last, offset, seen })))
}

pub(super) async fn by_id(
    sn: &ServiceNow,
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
    let rows = query.rows(sn, tokens, &ids).await?;
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
