//! Writing through the Import Set API: the verdict stands in `result`, not in the HTTP status; a failed transform is a 201 too.

use std::collections::BTreeMap;

use tracing::debug;

use crate::definition::plan::TargetPlan;
use crate::net::Method;

use super::batch::perform;
use super::client::{Judged, Op, ServiceNow, Verdict, unknown_table};
use super::compare::same_fields;
use super::error::ServiceNowError;
use super::lookup::{self, columns, encode};
use super::outcome::{How, OutRecord, Outcome, Settled, rejection};
use super::staging;
use super::token::TokenSource;
use super::wire::{Document, Row, Words};

pub(super) async fn send(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<Verdict>, ServiceNowError> {
    let path = format!("/api/now/import/{}", encode(&target.table));
    let op = |record: &OutRecord| Op {
        method: Method::POST,
        path: path.clone(),
        body: serde_json::to_vec(&staged(target, record)).unwrap_or_default(),
        alone: record.alone,
    };
    let judged = perform(sn, tokens, records.iter().map(op).collect()).await;
    let mut verdicts = Vec::with_capacity(records.len());
    let mut refused = Vec::new();
    for (at, judged) in judged.into_iter().enumerate() {
        verdicts.push(match judged {
            Judged::Done(document) => verdict(target, &records[at], &document),
            Judged::Refused { status, words } => match unknown_table(target, status, &words) {
                Some(error) => Err(error),
                None => {
                    if status == 403 {
                        refused.push((at, words.clone()));
                    }
                    Ok(rejected(target, &format!("status {status}: {}", words.line())))
                }
            },
            other => other.without_verdict(),
        });
    }
    unhide(sn, tokens, target, records, &refused, &mut verdicts).await;
    Ok(verdicts)
}

/// A 403 can follow a committed write: look for the row before the refusal is believed.
async fn unhide(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    refused: &[(usize, Words)],
    verdicts: &mut [Verdict],
) {
    let asked: Vec<OutRecord> = refused.iter().map(|(at, _)| records[*at].clone()).collect();
    if asked.is_empty() {
        return;
    }
    match settle(sn, tokens, target, &asked).await {
        Ok(settled) => {
            for ((at, words), settled) in refused.iter().zip(settled) {
                match settled {
                    Settled::Confirmed { sys_id, table } => {
                        let table = table.unwrap_or_else(|| target.target_table.clone());
                        verdicts[*at] = Ok(Outcome::Confirmed { sys_id, table, how: How::Updated, partial: Vec::new() });
                    }
                    Settled::StillPending => {
                        verdicts[*at] = Ok(Outcome::InDoubt { message: format!("refused ({}), but the row is staged", words.line()) });
                    }
                    _ => {}
                }
            }
        }
        // whoever may not read cannot look behind a refusal either
        Err(error) => debug!(error = %error.chain(), "refusals could not be looked behind"),
    }
}

/// What is staged: strings only, as the API asks.
fn staged(target: &TargetPlan, record: &OutRecord) -> BTreeMap<String, String> {
    let mut fields = record.fields.clone();
    if let Some(column) = &target.key_column {
        fields.insert(column.clone(), record.source_key.clone());
    }
    if let Some(column) = &target.version_column {
        fields.insert(column.clone(), record.version.to_string());
    }
    fields
}

fn rejected(target: &TargetPlan, words: &str) -> Outcome {
    let (message, field, next_step) = rejection(words, &columns(target));
    Outcome::Rejected { message, field, next_step }
}

/// The verdict of one answer.
///
/// There is one entry per transform map. The entries of the target table decide (a failure among them before a success), else any
/// failure, else the first entry.
fn verdict(target: &TargetPlan, record: &OutRecord, document: &Document) -> Verdict {
    let doubt = |message: &str| Ok(Outcome::InDoubt { message: message.to_owned() });
    let Some(entries) = document.result.as_ref().filter(|entries| !entries.is_empty()) else {
        return doubt("staged, but the answer has no result of the transform");
    };
    let state = |entry: &Row| entry.filled("status").or_else(|| entry.filled("sys_import_state")).unwrap_or_default().to_ascii_lowercase();
    let own = |entry: &&Row| entry.filled("table").is_some_and(|table| table.eq_ignore_ascii_case(&target.target_table));
    let failed = |entry: &&Row| matches!(state(entry).as_str(), "error" | "skipped");
    let mut owned = entries.iter().filter(own);
    let entry = owned.clone().find(failed).or_else(|| owned.next()).or_else(|| entries.iter().find(failed)).unwrap_or(&entries[0]);

    let words = ["error_message", "status_message", "sys_import_state_comment", "comment"].iter().find_map(|name| entry.filled(name));
    let table = entry.filled("table").unwrap_or(&target.target_table);
    let staging_only = table.eq_ignore_ascii_case(&target.table) && !target.table.eq_ignore_ascii_case(&target.target_table);
    let how = match state(entry).as_str() {
        "inserted" | "insert" => How::Inserted,
        "updated" | "update" => How::Updated,
        "ignored" | "ignore" | "no_change" => How::Unchanged,
        "error" | "skipped" => {
            let words = words.map_or_else(|| format!("the transform answered `{}` without a reason", state(entry)), str::to_owned);
            if words.to_ascii_lowercase().contains("invalid staging table") {
                return Err(ServiceNowError::UnknownTable { table: target.table.clone(), block: target.block.clone(), words });
            }
            return Ok(rejected(target, &words));
        }
        "pending" => return doubt("loaded but not yet transformed"),
        "" if entry.filled("error_message").is_some() => return Ok(rejected(target, words.unwrap_or_default())),
        other => return doubt(&format!("staged with the unknown status `{other}`")),
    };
    // an instance whose rows stay where they were written names the map that did it
    if staging_only && entry.filled("transform_map").is_none() {
        return doubt("loaded but not yet transformed: the answer points at the staging table");
    }
    let linked = || entry.filled("record_link").and_then(|link| link.split('?').next()).and_then(|link| link.rsplit('/').next());
    let sys_id = entry.filled("sys_id").or_else(|| entry.filled("sys_target_sys_id")).or_else(linked);
    let sys_id = sys_id.map(str::to_owned).or_else(|| record.sys_id.clone()).unwrap_or_default();
    Ok(Outcome::Confirmed { sys_id, table: table.to_owned(), how, partial: Vec::new() })
}

/// Staging rows first (they keep the verdict for seven days), then the target row.
pub(super) async fn settle(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<Settled>, ServiceNowError> {
    let Some(key_column) = target.key_column.as_deref() else {
        let reason = format!("`{}` has no key column in the definition, so its rows cannot be told apart", target.table);
        return Ok(vec![Settled::Unknown { reason }; records.len()]);
    };
    let mut settled: Vec<Option<Settled>> = vec![None; records.len()];
    let keys: Vec<&str> = records.iter().map(|record| record.source_key.as_str()).collect();
    let mut fields = vec!["sys_import_state", "sys_import_state_comment", "sys_target_table", "sys_target_sys_id"];
    fields.extend(columns(target));
    let spoken = match staging::rows_by_key(sn, tokens, target, key_column, &keys, fields).await {
        Ok(rows) => {
            for (record, settled) in records.iter().zip(&mut settled) {
                let rows = rows.get(record.source_key.as_str()).map_or(&[][..], Vec::as_slice);
                *settled = staging_verdict(target, record, rows);
            }
            Ok(())
        }
        Err(error) if passing(&error) => return Err(error),
        Err(error) => Err(error),
    };
    let open: Vec<usize> = (0..records.len()).filter(|at| settled[*at].is_none()).collect();
    if !open.is_empty() {
        let keys: Vec<String> = open.iter().map(|at| records[*at].source_key.clone()).collect();
        match lookup::find_by_key(sn, tokens, target, &keys).await {
            Ok(found) => {
                for (at, found) in open.into_iter().zip(found) {
                    settled[at] = Some(match found {
                        Some(found) if found.version == Some(records[at].version) => {
                            Settled::Confirmed { sys_id: found.sys_id, table: None }
                        }
                        Some(found) if found.version.is_none() && same_fields(&records[at].fields, &found.fields) => {
                            Settled::Confirmed { sys_id: found.sys_id, table: None }
                        }
                        _ => Settled::Absent,
                    });
                }
            }
            Err(error) if passing(&error) => return Err(error),
            Err(error) => {
                // a target without the key column is usual; the staging table has spoken, where it could be read
                let open_verdict = match &spoken {
                    Ok(()) => Settled::Absent,
                    Err(first) => Settled::Unknown { reason: format!("{}; {}", first.chain(), error.chain()) },
                };
                open.into_iter().for_each(|at| settled[at] = Some(open_verdict.clone()));
            }
        }
    }
    Ok(settled.into_iter().map(|settled| settled.unwrap_or(Settled::Absent)).collect())
}

fn passing(error: &ServiceNowError) -> bool {
    use crate::retry::Class;
    matches!(error.class(), Class::Transient | Class::Throttled) || matches!(error, ServiceNowError::TokenRefused { .. })
}

/// What the staging rows of one key say of one version; `None` when they say nothing.
fn staging_verdict(target: &TargetPlan, record: &OutRecord, rows: &[Row]) -> Option<Settled> {
    let version = |row: &&Row| {
        staging::of_version(target, row, record.version).unwrap_or_else(|| same_fields(&record.fields, &lookup::found(target, row).fields))
    };
    let rows: Vec<&Row> = rows.iter().filter(version).collect();
    let state = |row: &Row| row.filled("sys_import_state").unwrap_or_default().to_ascii_lowercase();
    let done = rows.iter().find(|row| matches!(state(row).as_str(), "inserted" | "updated" | "ignored"));
    if let Some(row) = done {
        let table = row.filled("sys_target_table").map(str::to_owned);
        return Some(Settled::Confirmed { sys_id: row.filled("sys_target_sys_id").unwrap_or_default().to_owned(), table });
    }
    if rows.iter().any(|row| state(row) == "pending") {
        return Some(Settled::StillPending);
    }
    let failed = rows.iter().find(|row| matches!(state(row).as_str(), "error" | "skipped"))?;
    let words =
        failed.filled("sys_import_state_comment").map_or_else(|| format!("the transform ended as `{}`", state(failed)), str::to_owned);
    let (message, field, next_step) = rejection(&words, &columns(target));
    Some(Settled::Rejected { message, field, next_step })
}
