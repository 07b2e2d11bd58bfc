//! Finds documents of a page whose content differs only because the definition reads other columns now. Their new content is stored. What
//! differs is sent when a person says so, under the limit for changed definitions.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable};
use serde_json::value::RawValue;

use super::super::{Conn, Tx};
use super::mapping::MappingInForce;
use super::page::{Intake, Resend};
use super::versions::Known;
use crate::domain::history::FAULTS;
use crate::domain::ids::DocumentId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = BigInt)]
    id: DocumentId,
    #[diesel(sql_type = Text)]
    content: String,
    #[diesel(sql_type = Nullable<Text>)]
    columns: Option<String>,
}

/// Known documents that SYSPRO did not change, by their numbers. A document that the definition in force mapped without its columns is not
/// included: nobody would learn that it must be sent.
pub(super) fn by_definition_alone(
    conn: &mut Conn,
    intake: &Intake,
    known: &HashMap<String, Known>,
    mapping: &MappingInForce,
) -> Tx<HashSet<DocumentId>> {
    let Some(columns) = mapping.columns.as_deref().and_then(column_set) else { return Ok(HashSet::new()) };
    if intake.resend != Resend::Nothing || intake.aligned {
        return Ok(HashSet::new());
    }
    let contents: HashMap<DocumentId, &str> = intake
        .documents
        .iter()
        .filter(|document| !document.gone)
        .filter_map(|document| Some((known.get(document.key.as_str())?, document)))
        .filter(|(row, document)| row.may_read_otherwise(document, mapping))
        .map(|(row, document)| (row.id, document.content.as_str()))
        .collect();
    if contents.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<Before> = prepared(include_str!("../sql/version_before.sql"))
        .bind::<Text, _>(intake.flow.company.as_str())
        .bind::<Text, _>(intake.flow.entity.as_str())
        .bind::<Array<BigInt>, _>(contents.keys().copied().collect::<Vec<_>>())
        .load(conn)?;
    // For documents read before the ledger kept the columns, it is not known which ones were read. In a whole read, the contents of the
    // page show it: a column that is empty in all of them counts as not read. Any other read returns records because SYSPRO changed them:
    // they are sent.
    let whole = intake.sweep || intake.backfill.is_some();
    let named: BTreeSet<String> = rows.iter().filter(|row| whole && row.columns.is_none()).flat_map(|row| named_in(&row.content)).collect();
    let alone = |row: &Before| {
        let known = match &row.columns {
            Some(columns) => Some(column_set(columns)?),
            None if whole => None,
            None => return None,
        };
        let (before, now) = (known.as_ref().unwrap_or(&named), contents.get(&row.id)?);
        let both: BTreeSet<&str> = before.intersection(&columns).map(String::as_str).collect();
        the_same_in(&both, &row.content, now).then_some(row.id)
    };
    Ok(rows.iter().filter_map(alone).collect())
}

fn column_set(text: &str) -> Option<BTreeSet<String>> {
    serde_json::from_str(text).ok()
}

type Fields<'a> = HashMap<String, &'a RawValue>;

/// The columns of a content; columns of lines start with their block and a dot.
fn named_in(content: &str) -> Vec<String> {
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(content) else { return Vec::new() };
    let mut all = Vec::new();
    for (name, value) in fields {
        match serde_json::from_str::<Vec<Fields<'_>>>(value.get()) {
            Ok(lines) => all.extend(lines.iter().flat_map(|line| line.keys()).map(|column| format!("{name}.{column}"))),
            Err(_) => all.push(name),
        }
    }
    all
}

/// Whether two contents are the same in these columns; columns of lines start with their block and a dot. A content that cannot be read
/// differs from any other.
fn the_same_in(columns: &BTreeSet<&str>, before: &str, now: &str) -> bool {
    let (Ok(before), Ok(now)) = (serde_json::from_str::<Fields<'_>>(before), serde_json::from_str::<Fields<'_>>(now)) else { return false };
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    names.into_iter().all(|name| {
        let (one, other) = (before.get(name).copied(), now.get(name).copied());
        let lines = [one, other].into_iter().flatten().any(|value| value.get().starts_with('['));
        match lines {
            // what was wrong with the document
            true if *name == FAULTS => plain(one) == plain(other),
            true => {
                let prefix = format!("{name}.");
                let own: BTreeSet<&str> = columns.iter().filter_map(|column| column.strip_prefix(prefix.as_str())).collect();
                own.is_empty() || the_same_lines(&own, one, other)
            }
            false => !columns.contains(name.as_str()) || plain(one) == plain(other),
        }
    })
}

fn the_same_lines(columns: &BTreeSet<&str>, before: Option<&RawValue>, now: Option<&RawValue>) -> bool {
    let lines = |raw: Option<&'_ RawValue>| raw.map_or(Ok(Vec::new()), |raw| serde_json::from_str::<Vec<Fields<'_>>>(raw.get()).map(owned));
    let (Ok(before), Ok(now)) = (lines(before), lines(now)) else { return false };
    before.len() == now.len()
        && before.iter().zip(&now).all(|(one, other)| columns.iter().all(|column| one.get(*column) == other.get(*column)))
}

fn owned(lines: Vec<Fields<'_>>) -> Vec<HashMap<String, String>> {
    lines.into_iter().map(|line| line.into_iter().map(|(name, value)| (name, plain(Some(value)).unwrap_or_default())).collect()).collect()
}

/// A value's text: a column that is read as a number by now is the same if its digits are the same.
fn plain(value: Option<&RawValue>) -> Option<String> {
    value.map(|raw| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(before: &str, now: &str) -> bool {
        the_same_in(&["a", "b", "lines.x", "lines.y"].into(), before, now)
    }

    #[test]
    fn what_a_content_names_are_its_columns() {
        let mut named = named_in(r#"{"a":"1","b":2,"lines":[{"x":1},{"y":"","x":2}],"none":[]}"#);
        named.sort();
        named.dedup();
        assert_eq!(named, ["a", "b", "lines.x", "lines.y"]);
        assert!(named_in("no JSON").is_empty());
    }

    #[test]
    fn only_columns_that_were_read_both_times_are_compared() {
        for (before, now) in [
            (r#"{"a":"1"}"#, r#"{"a":"1","c":"new"}"#),
            (r#"{"a":"1","gone":2}"#, r#"{"a":"1"}"#),
            (r#"{"a":"1.50"}"#, r#"{"a":1.50}"#),
            (r#"{"lines":[{"x":1}]}"#, r#"{"lines":[{"x":1,"z":2}]}"#),
            (r#"{"a":"1"}"#, r#"{"a":"1","others":[{"x":1}]}"#),
            (r#"{"a":"1"}"#, r#"{"a":"1","lines":[]}"#),
        ] {
            assert!(same(before, now) && same(now, before), "{before} {now}");
        }
        for (before, now) in [
            (r#"{"a":"1"}"#, r#"{"a":"2","c":"new"}"#),
            (r#"{"a":"1"}"#, r#"{"c":"new"}"#),
            (r#"{"a":"1"}"#, r#"{"a":"1","b":"","c":"new"}"#),
            (r#"{"a":"01"}"#, r#"{"a":1}"#),
            (r#"{"lines":[{"x":1}]}"#, r#"{"lines":[{"x":1},{"x":2}]}"#),
            (r#"{"lines":[{"x":1}]}"#, r#"{"lines":[{"x":1,"y":2}]}"#),
            (r#"{"lines":[{"x":1}]}"#, r#"{}"#),
            (r#"{"a":"1","$faults":[1]}"#, r#"{"a":"1"}"#),
            (r#"{"a":"1"}"#, "no JSON"),
        ] {
            assert!(!same(before, now) && !same(now, before), "{before} {now}");
        }
    }
}
