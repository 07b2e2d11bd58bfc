//! The rows of a table that carry Tieline's keys, with the values that are compared with SYSPRO.

use std::collections::{BTreeMap, HashSet};

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;

use super::error::ServiceNowError;
use super::group_sums::{GroupSums, SumColumns};
use super::paging::{self, ListPosition, wrong};
use super::query::Query;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// A row as ServiceNow stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// The row.
    pub sys_id: SysId,
    /// The value of its key column.
    pub source_key: String,
    /// Its values by field of the target. A field whose column the instance does not return is not there.
    pub values: BTreeMap<String, String>,
    /// The user who changed it last.
    pub updated_by: Option<String>,
    /// When, in UTC, as the instance writes it.
    pub updated_at: Option<String>,
}

/// A page of such rows.
#[derive(Debug, Clone)]
pub struct StoredPage {
    /// The rows that the user may see.
    pub rows: Vec<StoredRow>,
    /// The rows received, with those of other keys.
    pub seen: u64,
    /// Their sums.
    pub sums: GroupSums,
    /// The rows that the instance counts from this page's start on, hidden ones included.
    pub total: Option<u64>,
    /// The position of the next page; `None`: this was the last page.
    pub next: Option<ListPosition>,
}

const BY: &str = "sys_updated_by";
const AT: &str = "sys_updated_on";

/// The columns asked for, the key column first.
struct Columns<'a> {
    key: &'a str,
    asked: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(target: &'a TargetPlan, table: &str) -> Result<Self, ServiceNowError> {
        let tie_out = &target.tie_out;
        let missing = || ServiceNowError::UnknownColumn { table: table.to_owned(), column: "key_column".into() };
        let key = target.key_column.as_deref().and_then(|key| tie_out.column(key)).ok_or_else(missing)?;
        let own = target.fields.iter().filter_map(|field| tie_out.column(&field.name));
        let mut asked = vec!["sys_id", key, BY, AT];
        for column in own {
            if !asked.contains(&column) {
                asked.push(column);
            }
        }
        Ok(Self { key, asked })
    }

    /// Reads a row; `None`: it carries another key than `own` accepts.
    fn read(&self, target: &TargetPlan, table: &str, row: &Row, own: impl Fn(&str) -> bool) -> Result<Option<StoredRow>, ServiceNowError> {
        let Some(sys_id) = row.filled("sys_id").and_then(SysId::new) else {
            return Err(wrong(table, "a row has no valid sys_id, so it cannot be compared".into()));
        };
        let Some(key) = row.text(self.key).filter(|key| own(key)) else { return Ok(None) };
        let value = |name: &str| Some((name.to_owned(), row.text(target.tie_out.column(name)?)?.to_owned()));
        Ok(Some(StoredRow {
            sys_id,
            source_key: key.to_owned(),
            values: target.fields.iter().filter_map(|field| value(&field.name)).collect(),
            updated_by: row.filled(BY).map(str::to_owned),
            updated_at: row.filled(AT).map(str::to_owned),
        }))
    }

    /// A condition on a missing column is ignored, and unrelated rows come back without the column.
    fn check(&self, table: &str, rows: &[Row]) -> Result<(), ServiceNowError> {
        if !rows.is_empty() && rows.iter().all(|row| row.text(self.key).is_none()) {
            return Err(ServiceNowError::UnknownColumn { table: table.to_owned(), column: self.key.to_owned() });
        }
        Ok(())
    }
}

/// One page of rows whose keys start with `prefix`.
pub(super) async fn page(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    prefix: &str,
    at: ListPosition,
) -> Result<StoredPage, ServiceNowError> {
    let columns = Columns::of(target, table)?;
    // a `^` would start another condition; the rows' own values decide in any case
    let asked = prefix.split('^').next().unwrap_or_default();
    let conditions = vec![format!("{}STARTSWITH{asked}", columns.key)];
    let page = paging::page(&transport.thorough(), tokens, table, conditions, &columns.asked, at).await?;
    columns.check(table, &page.rows)?;
    let (mut rows, mut sums, summed) = (Vec::with_capacity(page.rows.len()), GroupSums::default(), SumColumns::of(target));
    for row in &page.rows {
        if let Some(summed) = &summed {
            sums.add(summed, row);
        }
        rows.extend(columns.read(target, table, row, |key| key.starts_with(prefix))?);
    }
    let limit = transport.settings().list_limit;
    if page.next.as_ref().is_some_and(|next| next.hidden() > limit) {
        return Err(wrong(table, format!("more than {limit} rows in a row (`servicenow.list_limit`) may not be seen")));
    }
    Ok(StoredPage { seen: page.rows.len() as u64, rows, sums, total: page.total, next: page.next })
}

/// The rows with these keys, and the keys of which the instance counts more rows than it shows.
pub(super) async fn by_keys(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    keys: &[String],
) -> Result<(Vec<StoredRow>, HashSet<String>), ServiceNowError> {
    let columns = Columns::of(target, table)?;
    let query =
        Query { table, column: columns.key, extra: String::new(), order: "ORDERBYsys_id", fields: &columns.asked[2..], per_value: 4 };
    let values: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (found, hidden) = query.rows_and_hidden(&transport.thorough(), tokens, &values).await?;
    let wanted: HashSet<&str> = values.into_iter().collect();
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        rows.extend(columns.read(target, table, row, |key| wanted.contains(key))?);
    }
    Ok((rows, hidden))
}

/// What is asked of the rows of a table, as a text: rows that were read with another one cannot stand for these.
pub(super) fn asked(target: &TargetPlan) -> String {
    let columns = target.fields.iter().map(|field| (&field.name, target.tie_out.column(&field.name)));
    format!("{:?} {:?} {:?}", target.key_column, columns.collect::<Vec<_>>(), target.tie_out)
}
