//! Pages of a table that stay complete while rows come and go.
//!
//! The pages use `sys_id>last^ORDERBYsys_id`, because an offset would skip and repeat rows. The instance applies the limit before it hides
//! the rows that the caller may not see. So a short or empty page need not be the last one: the count of all rows shows it. It is asked for
//! with the first page, and with each page that is not full.

use super::error::ServiceNowError;
use super::query::encode;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// Rows asked for at a time.
pub(super) const PAGE: u64 = 1000;

/// The position in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPosition {
    /// The last row seen.
    last: String,
    /// Rows after it that exist but are not visible.
    offset: u64,
    /// Rows asked for so far.
    pub(super) seen: u64,
}

impl ListPosition {
    /// The position after a row and this many hidden rows.
    pub fn behind(last: String, hidden: i64) -> Self {
        Self { last, offset: hidden.unsigned_abs(), seen: 0 }
    }

    /// The last row seen, and the hidden rows after it.
    pub fn parts(&self) -> (String, i64) {
        (self.last.clone(), i64::try_from(self.offset).unwrap_or(i64::MAX))
    }

    /// The hidden rows after the last row seen.
    pub(super) fn hidden(&self) -> u64 {
        self.offset
    }
}

/// A page of a table's rows, in the order of their sys_ids.
pub(super) struct RowPage {
    /// The visible rows; each has a sys_id.
    pub(super) rows: Vec<Row>,
    /// The number of all rows of the query after the position's last row, as the instance counts them; `None`: it was not asked, or does not
    /// tell.
    pub(super) total: Option<u64>,
    /// The position of the next page; `None`: this was the last page.
    pub(super) next: Option<ListPosition>,
}

/// The error for an answer that cannot be used to read the table.
pub(super) fn wrong(table: &str, problem: String) -> ServiceNowError {
    ServiceNowError::BadAnswer { what: format!("GET /api/now/table/{table}"), status: 200, problem: problem.into() }
}

/// The page of rows at a position that meet all conditions.
pub(super) async fn page(
    transport: &Transport,
    tokens: &dyn TokenSource,
    table: &str,
    conditions: Vec<String>,
    fields: &[&str],
    at: ListPosition,
) -> Result<RowPage, ServiceNowError> {
    let ListPosition { mut last, offset, seen } = at;
    let mut query = conditions;
    if !last.is_empty() {
        query.push(format!("sys_id>{last}"));
    }
    query.push("ORDERBYsys_id".into());
    let path = format!(
        "/api/now/table/{}?sysparm_query={}&sysparm_limit={PAGE}&sysparm_offset={offset}&sysparm_fields={}&sysparm_display_value=false\
         &sysparm_exclude_reference_link=true",
        encode(table),
        encode(&query.join("^")),
        encode(&fields.join(",")),
    );
    // to count the rows takes an instance longer than to read a page of them, and a full page needs no count
    let (mut rows, mut total) = match seen {
        0 => transport.read_counted(tokens, &path).await?,
        _ => transport.read_counted(tokens, &format!("{path}&sysparm_no_count=true")).await?,
    };
    if seen > 0 && (rows.len() as u64) < PAGE {
        // it is the last page, or there are rows that the caller may not see: the count tells
        (rows, total) = transport.read_counted(tokens, &path).await?;
    }
    for row in &rows {
        let Some(sys_id) = row.filled("sys_id") else {
            return Err(wrong(table, "a row has no sys_id, so the table cannot be read page by page".into()));
        };
        // an instance that ignores the condition would send the same page forever
        if sys_id <= last.as_str() {
            return Err(wrong(table, format!("rows do not come in the order of their sys_ids: `{sys_id}` after `{last}`")));
        }
        sys_id.clone_into(&mut last);
    }
    let more = total.map_or(!rows.is_empty(), |total| total > offset + PAGE);
    // invisible rows fill a page too: then the next page starts after them
    let offset = if rows.is_empty() { offset + PAGE } else { 0 };
    let next = more.then_some(ListPosition { last, offset, seen: seen + PAGE });
    Ok(RowPage { rows, total, next })
}
