//! Writes through the Import Set API, and looks up unknown outcomes. [`super::import_answer`] reads an answer; [`super::import_verify`]
//! checks what an answer says without proof.

use std::collections::BTreeMap;

use crate::definition::plan::TargetPlan;
use crate::net::Method;

use super::batch::perform;
use super::compare::{differences, same_fields};
use super::error::ServiceNowError;
use super::import_answer::{Answered, read, rejected};
use super::import_verify::{ignored, second_rows, verify};
use super::outcome::{Found, How, OutRecord, Outcome, RecordResult, Settled, rejection};
use super::query::{self, columns, encode};
use super::staging::{self, staged};
use super::token::TokenSource;
use super::transport::{Judged, Op, Transport, unknown_table};
use super::wire::{Row, Words};
use crate::domain::SysId;
use crate::domain::json_text::object;
use crate::redact::Quoted;

pub(super) async fn send(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<RecordResult>, ServiceNowError> {
    let path = format!("/api/now/import/{}", encode(&target.table));
    let op = |record: &OutRecord| Op {
        method: Method::POST,
        path: path.clone(),
        body: object(staged(target, record).iter()).into_bytes(),
        alone: record.alone,
    };
    let judged = perform(transport, tokens, records.iter().map(op).collect()).await;
    let mut answered = Vec::with_capacity(records.len());
    let mut refused = Vec::new();
    for (at, judged) in judged.into_iter().enumerate() {
        answered.push(match judged {
            Judged::Done(document) => read(target, &document),
            Judged::Refused { status, words } => Answered::Final(match unknown_table(target, status, &words) {
                Some(error) => Err(error),
                None => {
                    if status == 403 {
                        refused.push((at, words.clone()));
                    }
                    Ok(rejected(target, &format!("status {status}: {}", words.line())))
                }
            }),
            other => Answered::Final(other.without_verdict()),
        });
    }
    let mut verdicts = verify(transport, tokens, target, records, answered).await;
    unhide(transport, tokens, target, records, &refused, &mut verdicts).await;
    Ok(verdicts)
}

/// A 403 can follow a committed write: the row is searched for before the refusal counts. If the rows cannot be read for a temporary
/// reason, it is unknown whether the record was written. If they can never be read, the refusal counts, and the message says that the rows
/// could not be read.
async fn unhide(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    refused: &[(usize, Words)],
    verdicts: &mut [RecordResult],
) {
    let asked: Vec<OutRecord> = refused.iter().map(|(at, _)| records[*at].clone()).collect();
    if asked.is_empty() {
        return;
    }
    match settle(transport, tokens, target, &asked).await {
        Ok(settled) => {
            for ((at, words), settled) in refused.iter().zip(settled) {
                match settled {
                    Settled::Confirmed { sys_id, table, partial, said } => {
                        let table = table.unwrap_or_else(|| target.target_table.clone());
                        verdicts[*at] = Ok(Outcome::Confirmed { sys_id, table, how: How::Updated, partial, said });
                    }
                    Settled::StillPending => {
                        verdicts[*at] =
                            Ok(Outcome::Unknown { message: format!("refused ({}), but the row is staged", words.line()).into() });
                    }
                    Settled::Unknown { reason } if target.key_column.is_some() => {
                        if let Ok(Outcome::Rejected { message, .. }) = &mut verdicts[*at] {
                            *message = format!("{message}; Tieline could not read whether it was written: {reason}").into();
                        }
                    }
                    _ => {}
                }
            }
        }
        Err(error) => {
            let why = error.chain();
            for (at, words) in refused {
                let message = format!("refused ({}), and Tieline could not read whether the row is there: {why}", words.line());
                verdicts[*at] = Ok(Outcome::Unknown { message: message.into() });
            }
        }
    }
}

/// What the staging rows of one key show about one version.
enum Staged {
    /// The final result.
    Final(Settled),
    /// The row into which it was transformed decides.
    InRow {
        /// The table of that row, if the staging row names it.
        table: Option<String>,
        /// The transform ignored the record, with these words.
        ignored: Option<Quoted>,
    },
}

/// Reads the staging rows first (they keep the verdict for seven days), then the target row. A refused read counts when it is refused
/// repeatedly.
pub(super) async fn settle(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<Settled>, ServiceNowError> {
    let transport = &transport.thorough();
    let Some(key_column) = target.key_column.as_deref() else {
        let reason = format!("`{}` has no key column in the definition, so its rows cannot be identified", target.table);
        return Ok(vec![Settled::Unknown { reason: reason.into() }; records.len()]);
    };
    let mut staged: Vec<Staged> = (0..records.len()).map(|_| Staged::InRow { table: None, ignored: None }).collect();
    let keys: Vec<&str> = records.iter().map(|record| record.source_key.as_str()).collect();
    let mut fields = vec!["sys_import_state", "sys_import_state_comment", "sys_target_table", "sys_target_sys_id"];
    fields.extend(columns(target));
    let unread = match staging::rows_by_key(transport, tokens, target, key_column, &keys, fields).await {
        Ok(rows) => {
            for (record, staged) in records.iter().zip(&mut staged) {
                let rows = rows.get(record.source_key.as_str()).map_or(&[][..], Vec::as_slice);
                if let Some(said) = staging_verdict(target, record, rows) {
                    *staged = said;
                }
            }
            None
        }
        Err(error) if error.passes() => return Err(error),
        Err(error) => Some(error),
    };
    let mut open: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, one) in staged.iter().enumerate() {
        if let Staged::InRow { table, .. } = one {
            open.entry(table.clone().unwrap_or_else(|| target.target_table.clone())).or_default().push(at);
        }
    }
    for (table, ats) in open {
        // a staging row is no row of the target: where no other table is known, only what the staging rows say counts
        if table.eq_ignore_ascii_case(&target.table) {
            for at in ats {
                let Staged::InRow { ignored, .. } = &staged[at] else { continue };
                let settled = match &unread {
                    Some(error) => Settled::Unknown { reason: error.chain().into() },
                    None => by_row(target, &records[at], &table, None, ignored.as_deref()),
                };
                staged[at] = Staged::Final(settled);
            }
            continue;
        }
        let keys: Vec<String> = ats.iter().map(|at| records[*at].source_key.clone()).collect();
        let found = match query::find_by_key_in(transport, tokens, target, &table, &keys).await {
            Ok(found) => Ok(found),
            Err(error) if error.passes() => return Err(error),
            Err(error) => Err(error),
        };
        for (position, at) in ats.into_iter().enumerate() {
            let Staged::InRow { ignored, .. } = &staged[at] else { continue };
            let settled = match &found {
                Ok(found) => by_row(target, &records[at], &table, found[position].as_ref(), ignored.as_deref()),
                Err(error) if ignored.is_some() => Settled::Unknown {
                    reason: format!("the transform ignored it, and its row could not be read: {}", error.chain()).into(),
                },
                // a target without the key column is common; the staging table has answered, if it could be read
                Err(error) => match &unread {
                    None => Settled::Absent,
                    Some(first) => Settled::Unknown { reason: format!("{}; {}", first.chain(), error.chain()).into() },
                },
            };
            staged[at] = Staged::Final(settled);
        }
    }
    let last = |staged| if let Staged::Final(settled) = staged { settled } else { Settled::Absent };
    let mut settled: Vec<Settled> = staged.into_iter().map(last).collect();
    second_rows(transport, tokens, target, records, &mut settled).await?;
    Ok(settled)
}

/// What the row in the target shows about a record.
fn by_row(target: &TargetPlan, record: &OutRecord, table: &str, found: Option<&Found>, said: Option<&str>) -> Settled {
    if let Some(said) = said {
        return match ignored(target, record, table, found, (!said.is_empty()).then_some(said)) {
            Outcome::Confirmed { sys_id, table, partial, said, .. } => Settled::Confirmed { sys_id, table: Some(table), partial, said },
            Outcome::Conflict { message, next_step } => Settled::Conflict { message, next_step },
            Outcome::Rejected { message, field, next_step } => Settled::Rejected { message, field, next_step },
            _ => Settled::Absent,
        };
    }
    match found {
        Some(found) if by_content(target, record, found) => {
            Settled::Confirmed { sys_id: found.sys_id.clone(), table: Some(table.to_owned()), partial: Vec::new(), said: None }
        }
        _ => Settled::Absent,
    }
}

/// Whether a row of the target has this version: by its version and content hash, or else by its fields.
fn by_content(target: &TargetPlan, record: &OutRecord, found: &Found) -> bool {
    let said = found.version.as_ref().and_then(|there| there.is(&record.version));
    said.unwrap_or_else(|| same_fields(target, record.fields.iter(), &found.fields))
}

/// `None` when they show nothing.
fn staging_verdict(target: &TargetPlan, record: &OutRecord, rows: &[Row]) -> Option<Staged> {
    let version = |row: &&Row| {
        staging::of_version(target, row, &record.version)
            .unwrap_or_else(|| same_fields(target, record.fields.iter(), &query::plain(target, row)))
    };
    let rows: Vec<&Row> = rows.iter().filter(version).collect();
    let state = |row: &Row| row.filled("sys_import_state").unwrap_or_default().to_ascii_lowercase();
    let is = |states: &'static [&str]| move |row: &&&Row| states.contains(&state(row).as_str());
    let table = |row: &Row| row.filled("sys_target_table").map(str::to_owned);
    let comment = |row: &Row| row.filled("sys_import_state_comment").map(Quoted::of);
    if let Some(row) = rows.iter().find(is(&["inserted", "updated"])) {
        let Some(sys_id) = row.text("sys_target_sys_id").and_then(SysId::new) else {
            return Some(Staged::InRow { table: table(row), ignored: None });
        };
        let sent = record.fields.iter().filter(|(_, text)| !text.trim().is_empty());
        let partial = differences(target, sent, row);
        return Some(Staged::Final(Settled::Confirmed { sys_id, table: table(row), partial, said: comment(row) }));
    }
    if let Some(row) = rows.iter().find(is(&["ignored"])) {
        return Some(Staged::InRow { table: table(row), ignored: Some(comment(row).unwrap_or_default()) });
    }
    if rows.iter().any(|row| state(row) == "pending") {
        return Some(Staged::Final(Settled::StillPending));
    }
    let failed = rows.iter().find(is(&["error", "skipped"]))?;
    let words = comment(failed).unwrap_or_else(|| format!("the transform ended as `{}`", state(failed)).into());
    let (message, field, next_step) = rejection(&words, &columns(target));
    Some(Staged::Final(Settled::Rejected { message, field, next_step }))
}
