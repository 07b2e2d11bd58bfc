//! Reads the answer of the Import Set API for one record. The verdict is in `result`, and not in the HTTP status: a failed transform also
//! answers 201.

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::redact::Quoted;

use super::error::ServiceNowError;
use super::outcome::{How, Outcome, RecordResult, rejection};
use super::query::columns;
use super::wire::{Document, Row};

/// The result of an answer for a record.
#[derive(Debug)]
pub(super) enum Answered {
    /// Final: no further query is needed.
    Final(RecordResult),
    /// A row was written.
    Written {
        /// The row; `None` when the answer does not name it.
        sys_id: Option<SysId>,
        table: String,
        how: How,
        /// The instance's message.
        said: Option<Quoted>,
    },
    /// Nothing was written: nothing had changed, or a script refused the row. The row itself shows which.
    Ignored { sys_id: Option<SysId>, table: String, said: Option<Quoted> },
}

pub(super) fn rejected(target: &TargetPlan, words: &str) -> Outcome {
    let (message, field, next_step) = rejection(words, &columns(target));
    Outcome::Rejected { message, field, next_step }
}

fn state(entry: &Row) -> String {
    entry.filled("status").or_else(|| entry.filled("sys_import_state")).unwrap_or_default().to_ascii_lowercase()
}

fn failed(entry: &Row) -> bool {
    matches!(state(entry).as_str(), "error" | "skipped")
}

/// The message of an entry.
fn words(entry: &Row) -> Option<Quoted> {
    let names = ["error_message", "status_message", "sys_import_state_comment", "comment"];
    let mut said: Vec<&str> = Vec::new();
    for words in names.iter().filter_map(|name| entry.filled(name)) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    (!said.is_empty()).then(|| said.join("; ").into())
}

/// Reads the answer to one staged row.
///
/// There is one entry per transform map. The entries for the target table decide; among them, a failure comes before a success. If no entry
/// is for the target table, any failure decides, and otherwise the first entry. The messages of the other entries are kept beside the
/// verdict.
pub(super) fn read(target: &TargetPlan, document: &Document) -> Answered {
    let doubt = |message: &str| Answered::Final(Ok(Outcome::Unknown { message: message.to_owned().into() }));
    let Some(entries) = document.result.as_ref().filter(|entries| !entries.is_empty()) else {
        return doubt("staged, but the answer has no result of the transform");
    };
    let own = |entry: &&Row| entry.filled("table").is_some_and(|table| table.eq_ignore_ascii_case(&target.target_table));
    let mut owned = entries.iter().filter(own);
    let failure = |entry: &&Row| failed(entry);
    let entry = owned.clone().find(failure).or_else(|| owned.next()).or_else(|| entries.iter().find(failure)).unwrap_or(&entries[0]);

    let table = entry.filled("table").unwrap_or(&target.target_table);
    let staging_only = table.eq_ignore_ascii_case(&target.table) && !target.table.eq_ignore_ascii_case(&target.target_table);
    let how = match state(entry).as_str() {
        "inserted" | "insert" => How::Inserted,
        "updated" | "update" => How::Updated,
        "ignored" | "ignore" | "no_change" => How::Unchanged,
        "error" | "skipped" => {
            let words = words(entry).unwrap_or_else(|| format!("the transform answered `{}` without a reason", state(entry)).into());
            if words.to_ascii_lowercase().contains("invalid staging table") {
                return Answered::Final(Err(ServiceNowError::UnknownTable {
                    table: target.table.clone(),
                    block: target.block.clone(),
                    words,
                }));
            }
            return Answered::Final(Ok(rejected(target, &words)));
        }
        "pending" => return doubt("loaded but not yet transformed"),
        "" if entry.filled("error_message").is_some() => {
            return Answered::Final(Ok(rejected(target, &words(entry).unwrap_or_default())));
        }
        other => return doubt(&format!("staged with the unknown status `{other}`")),
    };
    // on an instance whose rows stay in the staging table, the entry names the map that handled them
    if staging_only && entry.filled("transform_map").is_none() {
        return doubt("loaded but not yet transformed: the answer points at the staging table");
    }
    let linked = || entry.filled("record_link").and_then(|link| link.split('?').next()).and_then(|link| link.rsplit('/').next());
    let sys_id = entry.filled("sys_id").or_else(|| entry.filled("sys_target_sys_id")).or_else(linked);
    let sys_id = match sys_id.map_or(Ok(None), SysId::read) {
        Ok(sys_id) => sys_id,
        Err(error) => return doubt(&format!("the transform ended as `{}`, and its answer cannot be used: {error}", state(entry))),
    };
    let (table, said) = (table.to_owned(), beside(entry, entries));
    match how {
        How::Unchanged => Answered::Ignored { sys_id, table, said },
        how => Answered::Written { sys_id, table, how, said },
    }
}

/// The messages beside a verdict: the entry's own message, and the results of the row in other transform maps.
fn beside(chosen: &Row, entries: &[Row]) -> Option<Quoted> {
    let other = |entry: &Row| {
        let table = entry.filled("table").map(|table| format!(" into `{table}`")).unwrap_or_default();
        let map = entry.filled("transform_map").map_or_else(|| "another transform map".to_owned(), |map| format!("transform map `{map}`"));
        let words = words(entry).unwrap_or_else(|| "no reason given".into());
        format!("{map}{table} ended as `{}`: {words}", state(entry))
    };
    let others = entries.iter().filter(|entry| !std::ptr::eq(*entry, chosen) && failed(entry)).map(other);
    let said: Vec<String> = words(chosen).map(String::from).into_iter().chain(others).collect();
    (!said.is_empty()).then(|| said.join("; ").into())
}
