//! Finds rows. The instance ignores a clause with an unknown column and returns unrelated rows, so the row's own value decides.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::warn;

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::version::VersionThere;

use super::error::ServiceNowError;
use super::outcome::{Found, OutRecord};
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The longest address sent, in bytes.
const URL_LIMIT: usize = 1800;

/// The longest `sysparm_fields`; beyond it all columns are requested.
const FIELDS_LIMIT: usize = 900;

/// The most values in one query.
const VALUES_LIMIT: usize = 100;

/// Concurrent queries.
const AT_ONCE: usize = 4;

/// The most rows of a query for one value.
const SINGLE_LIMIT: usize = 200;

/// The ASCII characters that are percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// What to do about rows that the instance counts and does not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HiddenRows {
    /// Find the values that they have.
    Find,
    /// Nothing.
    Ignore,
}

/// Percent-encoding for a query string.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A query for rows of one table whose column has one of some values.
pub(super) struct Query<'a> {
    pub(super) table: &'a str,
    pub(super) column: &'a str,
    /// More conditions, each with a leading `^`.
    pub(super) extra: String,
    /// Such as `ORDERBYsys_id`.
    pub(super) order: &'a str,
    /// The requested columns besides `sys_id`.
    pub(super) fields: &'a [&'a str],
    /// The number of rows that one value may have.
    pub(super) per_value: usize,
}

impl Query<'_> {
    fn path(&self, condition: &str, limit: usize) -> String {
        let condition = encode(&format!("{condition}{}^{}", self.extra, self.order));
        let mut fields = vec!["sys_id"];
        for field in std::iter::once(&self.column).chain(self.fields) {
            if !fields.contains(field) {
                fields.push(field);
            }
        }
        let fields = encode(&fields.join(","));
        let fields = if fields.len() > FIELDS_LIMIT { String::new() } else { format!("&sysparm_fields={fields}") };
        format!(
            "/api/now/table/{}?sysparm_query={condition}&sysparm_limit={limit}{fields}&sysparm_display_value=false\
             &sysparm_exclude_reference_link=true",
            encode(self.table)
        )
    }

    /// Every row with one of the values, each once. The comparison is exact, whatever the instance considers equal.
    pub(super) async fn rows(&self, transport: &Transport, tokens: &dyn TokenSource, values: &[&str]) -> Result<Vec<Row>, ServiceNowError> {
        Ok(self.ask(transport, tokens, values, HiddenRows::Ignore).await?.0)
    }

    /// The same, and the values for which the instance counts more rows than it returns: an access rule hides some.
    pub(super) async fn rows_and_hidden(
        &self,
        transport: &Transport,
        tokens: &dyn TokenSource,
        values: &[&str],
    ) -> Result<(Vec<Row>, HashSet<String>), ServiceNowError> {
        self.ask(transport, tokens, values, HiddenRows::Find).await
    }

    async fn ask(
        &self,
        transport: &Transport,
        tokens: &dyn TokenSource,
        values: &[&str],
        hidden_rows: HiddenRows,
    ) -> Result<(Vec<Row>, HashSet<String>), ServiceNowError> {
        // an invalid id in the ledger, stored before ids were checked, is not the id of a row
        let usable = |value: &&str| !value.is_empty() && (self.column != "sys_id" || SysId::new(value).is_some());
        let wanted: HashSet<&str> = values.iter().copied().filter(usable).collect();
        let mut ordered: Vec<&str> = wanted.iter().copied().collect();
        ordered.sort_unstable();
        let (plain, special): (Vec<&str>, Vec<&str>) = ordered.into_iter().partition(|value| is_plain(value));
        let room = URL_LIMIT.saturating_sub(transport.settings().instance_url.as_str().len() + self.path("", 9999).len()).max(200);
        let groups = groups(&plain, room);
        let many = futures_util::stream::iter(&groups).map(|group| self.ask_many(transport, tokens, group, hidden_rows)).buffered(AT_ONCE);
        let mut answers: Vec<Answered> = many.try_collect().await?;
        let single = futures_util::stream::iter(&special).map(|value| self.ask_one(transport, tokens, value)).buffered(AT_ONCE);
        answers.extend(single.try_collect::<Vec<_>>().await?);
        let hidden: HashSet<String> = answers.iter().flat_map(|answer| answer.hidden.iter().cloned()).collect();
        let mut rows: Vec<Row> = answers.into_iter().flat_map(|answer| answer.rows).collect();
        if !rows.is_empty() && rows.iter().all(|row| row.text(self.column).is_none()) {
            return Err(ServiceNowError::UnknownColumn { table: self.table.into(), column: self.column.into() });
        }
        let mut seen = HashSet::new();
        let own = |row: &Row| row.text(self.column).is_some_and(|value| wanted.contains(value));
        rows.retain(|row| own(row) && row.filled("sys_id").is_some_and(|id| seen.insert(id.to_owned())));
        Ok((rows, hidden))
    }

    async fn ask_many(
        &self,
        transport: &Transport,
        tokens: &dyn TokenSource,
        group: &[&str],
        hidden_rows: HiddenRows,
    ) -> Result<Answered, ServiceNowError> {
        if let [value] = group {
            return self.ask_one(transport, tokens, value).await;
        }
        let limit = group.len() * self.per_value + 20;
        let (rows, total) = transport.read_counted(tokens, &self.path(&format!("{}IN{}", self.column, group.join(",")), limit)).await?;
        let mut answer = Answered { hidden: Vec::new(), rows };
        // the limit counts invisible rows, and rows that differ only in case: missing values are requested one by one
        let missing = |value: &&&str| !answer.rows.iter().any(|row| row.text(self.column) == Some(**value));
        let cut = answer.rows.len() >= limit && answer.rows.iter().any(|row| row.text(self.column).is_some());
        if cut || (hidden_rows == HiddenRows::Find && shows_less(answer.rows.len(), total)) {
            let missing: Vec<&str> = group.iter().filter(missing).copied().collect();
            for value in missing {
                let one = self.ask_one(transport, tokens, value).await?;
                answer.rows.extend(one.rows);
                answer.hidden.extend(one.hidden);
            }
        }
        Ok(answer)
    }

    async fn ask_one(&self, transport: &Transport, tokens: &dyn TokenSource, value: &str) -> Result<Answered, ServiceNowError> {
        let condition = match safe_prefix(value) {
            None => format!("{}={value}", self.column),
            Some("") => return Ok(Answered::default()),
            Some(prefix) => format!("{}STARTSWITH{prefix}", self.column),
        };
        let (rows, total) = transport.read_counted(tokens, &self.path(&condition, SINGLE_LIMIT)).await?;
        let hidden = shows_less(rows.len(), total.map(|total| total.min(SINGLE_LIMIT as u64)));
        Ok(Answered { rows, hidden: if hidden { vec![value.to_owned()] } else { Vec::new() } })
    }
}

/// The result of one query.
#[derive(Default)]
struct Answered {
    rows: Vec<Row>,
    /// Values with more rows counted than returned.
    hidden: Vec<String>,
}

/// Whether the instance counts more rows than it returned: it counts before it applies access rules.
fn shows_less(rows: usize, total: Option<u64>) -> bool {
    total.is_some_and(|total| total > rows as u64)
}

/// Whether a value may be used in an `IN` list.
fn is_plain(value: &str) -> bool {
    !value.contains(',') && safe_prefix(value).is_none() && value.trim() == value
}

/// For a value with characters of the query language: the part of it that is safe in a query.
fn safe_prefix(value: &str) -> Option<&str> {
    const SCRIPT: &str = "javascript:";
    if value.get(..SCRIPT.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCRIPT)) {
        return Some(&value[..SCRIPT.len() - 1]);
    }
    value.find('^').map(|at| &value[..at])
}

/// Values in groups whose encoded list is at most `room` bytes.
fn groups<'a>(values: &[&'a str], room: usize) -> Vec<Vec<&'a str>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut left = 0;
    for value in values {
        let size = encode(value).len() + 3;
        match groups.last_mut().filter(|group| size <= left && group.len() < VALUES_LIMIT) {
            Some(group) => {
                group.push(value);
                left -= size;
            }
            None => {
                groups.push(vec![value]);
                left = room.saturating_sub(size);
            }
        }
    }
    groups
}

/// The columns of a target that a query requests.
pub(super) fn columns(target: &TargetPlan) -> Vec<&str> {
    let own = target.key_column.iter().chain(&target.version_column).chain(&target.natural_key);
    own.map(String::as_str).chain(target.fields.iter().map(|field| field.name.as_str())).collect()
}

/// The value of the version column, if it is a version.
pub(super) fn version(target: &TargetPlan, row: &Row) -> Option<VersionThere> {
    VersionThere::read(target.version_column.as_deref().and_then(|column| row.filled(column))?)
}

/// The target's columns of a row, as plain values.
pub(super) fn plain(target: &TargetPlan, row: &Row) -> BTreeMap<String, String> {
    columns(target).into_iter().filter_map(|name| row.text(name).map(|value| (name.to_owned(), value.to_owned()))).collect()
}

/// Converts a row to a found row.
pub(super) fn found(target: &TargetPlan, row: &Row) -> Option<Found> {
    let sys_id = SysId::new(row.text("sys_id")?)?;
    Some(Found { sys_id, version: version(target, row), fields: plain(target, row) })
}

pub(super) async fn find_by_key(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    keys: &[String],
) -> Result<Vec<Option<Found>>, ServiceNowError> {
    find_by_key_in(transport, tokens, target, &target.target_table, keys).await
}

/// The same in a table named by an answer.
pub(super) async fn find_by_key_in(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    keys: &[String],
) -> Result<Vec<Option<Found>>, ServiceNowError> {
    Ok(find_by_key_or_hidden(transport, tokens, target, table, keys).await?.0)
}

/// The same, and the keys that some invisible row may have.
pub(super) async fn find_by_key_or_hidden(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    keys: &[String],
) -> Result<(Vec<Option<Found>>, HashSet<String>), ServiceNowError> {
    let Some(column) = target.key_column.as_deref() else { return Ok((vec![None; keys.len()], HashSet::new())) };
    let fields = columns(target);
    let query = Query { table, column, extra: String::new(), order: "ORDERBYsys_id", fields: &fields, per_value: 4 };
    let values: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (rows, hidden) = query.rows_and_hidden(transport, tokens, &values).await?;
    let mut best: HashMap<&str, Found> = HashMap::new();
    for row in &rows {
        let (Some(key), Some(new)) = (row.text(column), found(target, row)) else { continue };
        match best.get(key) {
            Some(old) => {
                warn!(table, key, first = old.sys_id.as_str(), second = new.sys_id.as_str(), "two rows carry one key");
                let number = |found: &Found| found.version.as_ref().map(VersionThere::number);
                if number(&new) > number(old) {
                    best.insert(key, new);
                }
            }
            None => {
                best.insert(key, new);
            }
        }
    }
    Ok((keys.iter().map(|key| best.get(key.as_str()).cloned()).collect(), hidden))
}

/// Rows by sys_id.
pub(super) async fn find_by_id(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    ids: &[&str],
) -> Result<HashMap<String, Found>, ServiceNowError> {
    find_by_id_in(transport, tokens, target, &target.target_table, ids).await
}

/// The same in a table named by an answer.
pub(super) async fn find_by_id_in(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    table: &str,
    ids: &[&str],
) -> Result<HashMap<String, Found>, ServiceNowError> {
    let fields = columns(target);
    let query = Query { table, column: "sys_id", extra: String::new(), order: "ORDERBYsys_id", fields: &fields, per_value: 1 };
    let rows = query.rows(transport, tokens, ids).await?;
    Ok(rows.iter().filter_map(|row| found(target, row)).map(|found| (found.sys_id.as_str().to_owned(), found)).collect())
}

/// The result for the natural key of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Natural {
    /// No row, or the record has no complete natural key.
    Nothing,
    /// A row with this record's key, or without a key.
    Free(Found),
    /// Only rows with other records' keys.
    Taken(Found, String),
    /// Several rows without a key: their sys_ids.
    Several(Vec<Found>),
    /// No row is returned, but the instance counts one more: a hidden row.
    Hidden,
}

pub(super) async fn natural(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[&OutRecord],
) -> Result<Vec<Natural>, ServiceNowError> {
    let keys: Vec<Option<Vec<&str>>> = records.iter().map(|record| natural_key(target, record)).collect();
    let complete: Vec<&Vec<&str>> = keys.iter().flatten().collect();
    if complete.is_empty() {
        return Ok(vec![Natural::Nothing; records.len()]);
    }
    // the column with the most distinct values goes into the list; columns with a single value become conditions
    let distinct = |at: usize| complete.iter().map(|key| key[at]).collect::<HashSet<_>>();
    let lead = (0..target.natural_key.len()).max_by_key(|at| distinct(*at).len()).unwrap_or_default();
    let mut extra = String::new();
    for (at, column) in target.natural_key.iter().enumerate() {
        let values = distinct(at);
        if let (true, 1, Some(value)) = (at != lead, values.len(), values.iter().next())
            && is_plain(value)
        {
            extra.push_str(&format!("^{column}={value}"));
        }
    }
    let fields = columns(target);
    let (column, per_value) = (&target.natural_key[lead], if target.natural_key.len() > 1 { 50 } else { 4 });
    let query = Query { table: &target.target_table, column, extra, order: "ORDERBYsys_id", fields: &fields, per_value };
    let values: Vec<&str> = complete.iter().map(|key| key[lead]).collect();
    let (rows, hidden) = query.rows_and_hidden(transport, tokens, &values).await?;
    for column in &target.natural_key {
        if !rows.is_empty() && rows.iter().all(|row| row.text(column).is_none()) {
            return Err(ServiceNowError::UnknownColumn { table: target.target_table.clone(), column: column.clone() });
        }
    }
    let mut by_key: HashMap<Vec<&str>, Vec<&Row>> = HashMap::new();
    for row in &rows {
        let key = target.natural_key.iter().map(|column| row.text(column).unwrap_or_default()).collect();
        by_key.entry(key).or_default().push(row);
    }
    let choose = |(record, key): (&&OutRecord, &Option<Vec<&str>>)| {
        let rows = key.as_ref().and_then(|key| by_key.get(key)).map_or(&[][..], Vec::as_slice);
        match choose(target, record, rows) {
            Natural::Nothing | Natural::Taken(..) if key.as_ref().is_some_and(|key| hidden.contains(key[lead])) => Natural::Hidden,
            chosen => chosen,
        }
    };
    Ok(records.iter().zip(&keys).map(choose).collect())
}

fn natural_key<'a>(target: &TargetPlan, record: &'a OutRecord) -> Option<Vec<&'a str>> {
    let value = |column: &String| record.fields.get(column).filter(|value| !value.trim().is_empty());
    if target.natural_key.is_empty() { None } else { target.natural_key.iter().map(value).collect() }
}

fn choose(target: &TargetPlan, record: &OutRecord, rows: &[&Row]) -> Natural {
    let carried = |row: &Row| target.key_column.as_deref().and_then(|column| row.filled(column)).map(str::to_owned);
    if let Some(row) = rows.iter().find(|row| carried(row).as_deref() == Some(record.source_key.as_str())) {
        return found(target, row).map_or(Natural::Nothing, Natural::Free);
    }
    let free: Vec<Found> = rows.iter().filter(|row| carried(row).is_none()).filter_map(|row| found(target, row)).collect();
    match (free.len(), rows.first()) {
        (0, None) => Natural::Nothing,
        (0, Some(row)) => found(target, row).map_or(Natural::Nothing, |found| Natural::Taken(found, carried(row).unwrap_or_default())),
        (1, _) => free.into_iter().next().map_or(Natural::Nothing, Natural::Free),
        _ => Natural::Several(free),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stay_within_the_room_and_special_values_stay_out_of_them() {
        let values: Vec<String> = (0..50).map(|n| format!("EDU1/supplier/{n:04}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let made = groups(&values, 400);
        assert!(made.len() > 2);
        assert_eq!(made.iter().map(Vec::len).sum::<usize>(), 50);
        assert!(made.iter().all(|group| encode(&group.join(",")).len() <= 400));
        assert_eq!(groups(&["a-value-longer-than-the-room"], 5).len(), 1);
        for (value, plain) in [("A1", true), ("A,1", false), ("A^1", false), ("javascript:x", false), (" A", false)] {
            assert_eq!(is_plain(value), plain, "{value}");
        }
        assert_eq!(safe_prefix("EDU1/a^b"), Some("EDU1/a"));
        assert_eq!(safe_prefix("JavaScript:gs.x()"), Some("JavaScript"));
        assert_eq!(encode("a b+c&d"), "a%20b%2Bc%26d");
    }
}
