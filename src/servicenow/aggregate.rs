//! Counts and adds up rows in groups, through the Aggregate API (`/api/now/stats`).
//!
//! Releases until 2025 refuse with 403 when the user may not read every row of the query; later ones count hidden rows too. Values are
//! texts. Source: the Aggregate API pages of the Zurich and Australia releases.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::net::Method;

use super::error::ServiceNowError;
use super::query::encode;
use super::token::TokenSource;
use super::transport::{Transport, what};

/// A key that more than one row carries.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Repeated {
    /// The value of the key column, as one of the rows has it.
    pub key: String,
    /// The number of rows.
    pub rows: u64,
    /// The rows, as far as they may be read.
    pub sys_ids: Vec<String>,
}

/// How many rows of a table have keys with a prefix, and which keys more than one row carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uniqueness {
    /// The rows that were looked at.
    pub rows: u64,
    /// The keys of several rows.
    pub repeated: Vec<Repeated>,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    count: Option<String>,
    #[serde(default)]
    sum: BTreeMap<String, String>,
    #[serde(default)]
    max: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct GroupField {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Group {
    stats: Stats,
    #[serde(default)]
    groupby_fields: Vec<GroupField>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counted {
    Groups(Vec<Group>),
    One(Group),
}

#[derive(Deserialize)]
struct Answer {
    result: Counted,
}

/// Counts the rows whose `column` starts with `prefix`, and groups them by the column: two requests, whatever the number of rows.
pub(super) async fn uniqueness(
    transport: &Transport,
    tokens: &dyn TokenSource,
    table: &str,
    column: &str,
    prefix: &str,
) -> Result<Uniqueness, ServiceNowError> {
    let query = format!("{column}STARTSWITH{}", prefix.split('^').next().unwrap_or_default());
    let path = |more: &str| format!("/api/now/stats/{}?sysparm_query={}&sysparm_count=true{more}", encode(table), encode(&query));
    let count = |group: &Group| group.stats.count.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
    let wrong = |path: &str, problem: &str| ServiceNowError::BadAnswer {
        what: what(&Method::GET, path),
        status: 200,
        problem: problem.to_owned().into(),
    };
    let all = path("");
    let rows = match ask(transport, tokens, &all).await? {
        Counted::One(group) => count(&group),
        Counted::Groups(groups) => groups.first().and_then(count),
    };
    let rows = rows.ok_or_else(|| wrong(&all, "it has no count"))?;
    let having = encode(&format!("count^{column}^>^1"));
    let grouped = path(&format!("&sysparm_group_by={}&sysparm_having={having}", encode(column)));
    let groups = match ask(transport, tokens, &grouped).await? {
        Counted::Groups(groups) => groups,
        // an instance that ignores the grouping answers one sum
        Counted::One(_) => return Err(wrong(&grouped, "its rows are not grouped")),
    };
    let mut repeated = Vec::new();
    for group in groups {
        let key = group.groupby_fields.first().map(|field| field.value.clone()).filter(|key| !key.is_empty());
        let (Some(key), Some(rows)) = (key, count(&group)) else { return Err(wrong(&grouped, "a group has no key or no count")) };
        // an instance that ignores the condition answers every group
        if rows > 1 && key.starts_with(prefix) {
            repeated.push(Repeated { key, rows, sys_ids: Vec::new() });
        }
    }
    repeated.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Uniqueness { rows, repeated })
}

/// How often a row was changed.
const CHANGES: &str = "sys_mod_count";
/// When it was changed last.
const CHANGED: &str = "sys_updated_on";

/// The number of rows whose `column` starts with one of these prefixes, the sum of their changes and the time of the last one, as a text.
/// `None`: the instance leaves one of them out, or there are no rows. An instance that ignores a condition answers for more rows: then the
/// text changes more often.
pub(super) async fn change_vector(
    transport: &Transport,
    tokens: &dyn TokenSource,
    table: &str,
    column: &str,
    prefixes: &[String],
) -> Result<Option<String>, ServiceNowError> {
    let starts = prefixes.iter().map(|prefix| format!("{column}STARTSWITH{}", prefix.split('^').next().unwrap_or_default()));
    let path = format!(
        "/api/now/stats/{}?sysparm_query={}&sysparm_count=true&sysparm_sum_fields={CHANGES}&sysparm_max_fields={CHANGED}",
        encode(table),
        encode(&starts.collect::<Vec<_>>().join("^OR")),
    );
    let Counted::One(Group { stats, .. }) = ask(transport, tokens, &path).await? else { return Ok(None) };
    let told = |of: &BTreeMap<String, String>, name: &str| of.get(name).filter(|text| !text.trim().is_empty()).cloned();
    let parts = (stats.count, told(&stats.sum, CHANGES), told(&stats.max, CHANGED));
    let (Some(count), Some(changes), Some(changed)) = parts else { return Ok(None) };
    Ok(Some(format!("{count} rows, {changes} changes, {changed}")))
}

/// One group of an answer.
pub(super) struct GroupOf {
    /// The number of its rows.
    pub(super) count: Option<u64>,
    /// The sums, by column.
    pub(super) sum: BTreeMap<String, String>,
    /// What its rows have in common, by column.
    pub(super) by: BTreeMap<String, String>,
}

/// The groups of an answer.
pub(super) async fn groups(transport: &Transport, tokens: &dyn TokenSource, path: &str) -> Result<Vec<GroupOf>, ServiceNowError> {
    let groups = match ask(transport, tokens, path).await? {
        Counted::Groups(groups) => groups,
        // an instance that ignores the grouping answers one sum
        Counted::One(group) => vec![group],
    };
    let of = |group: Group| GroupOf {
        count: group.stats.count.as_deref().and_then(|text| text.trim().parse().ok()),
        sum: group.stats.sum,
        by: group.groupby_fields.into_iter().map(|one| (one.field, one.value)).collect(),
    };
    Ok(groups.into_iter().map(of).collect())
}

async fn ask(transport: &Transport, tokens: &dyn TokenSource, path: &str) -> Result<Counted, ServiceNowError> {
    Ok(transport.thorough().read_json::<Answer>(tokens, path).await?.result)
}
