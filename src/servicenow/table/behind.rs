//! Finds the rows behind answers that may hide them, and rows whose write had no answer: by sys_id, then by the key column.

use std::time::Duration;

use tracing::{debug, warn};

use super::step::{Step, Why, key_column, must_show, refused};
use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::domain::version::VersionThere;
use crate::retry;
use crate::servicenow::compare::{differences_found, same_fields};
use crate::servicenow::error::ServiceNowError;
use crate::servicenow::outcome::{Found, How, OutRecord, Outcome, rejection};
use crate::servicenow::query::{self, columns};
use crate::servicenow::token::TokenSource;
use crate::servicenow::transport::Transport;
use crate::servicenow::wire::Words;

/// Queries for a row that an earlier attempt may have created; it may not be readable at once.
const CHECKS: usize = 3;

/// The pause between two such queries.
const CHECK_PAUSE: Duration = Duration::from_millis(500);

/// Reads the rows behind answers that may hide them. A 403 can follow a committed write, and the refusal of a second insert with the same
/// sys_id is a 403 too. A 404 is also the answer for a hidden row. A row may come back unchanged.
pub(super) async fn check(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan, records: &[OutRecord], steps: &mut [Step]) {
    let due: Vec<usize> = (0..steps.len()).filter(|at| matches!(steps[*at], Step::Check { .. })).collect();
    if due.is_empty() {
        return;
    }
    let asked: Vec<&OutRecord> = due.iter().map(|at| &records[*at]).collect();
    let located = locate_patiently(transport, tokens, target, &asked).await;
    for (position, at) in due.into_iter().enumerate() {
        let Step::Check { why, updating } = &steps[at] else { continue };
        let found = located.as_ref().map(|located| located[position].as_ref());
        steps[at] = behind(target, &records[at], why, updating.as_ref(), found);
    }
}

/// The next step, by the row that exists.
fn behind(
    target: &TargetPlan,
    record: &OutRecord,
    why: &Why,
    updating: Option<&SysId>,
    found: Result<Option<&Found>, &ServiceNowError>,
) -> Step {
    let done = |outcome| Step::Done(Ok(outcome));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let said = why.line(target, record);
            return done(Outcome::Unknown {
                message: format!("{said}, and Tieline could not read whether the row is there: {}", error.chain()).into(),
            });
        }
    };
    let other = found.and_then(|found| foreign(target, record, found));
    match (found, why, updating) {
        (Some(found), ..) if other.is_some() => done(belongs(target, record, &found.sys_id, &other.unwrap_or_default(), Some(why))),
        (Some(found), ..) if holds(target, record, found) => {
            debug!(delivery = record.delivery.0, "the answer did not say so, but the row holds this version");
            let how = if updating.is_some() { How::Updated } else { How::Inserted };
            done(Outcome::Confirmed {
                sys_id: found.sys_id.clone(),
                table: target.table.clone(),
                how,
                partial: differences_found(target, must_show(target, record, how).iter(), &found.fields),
                said: Some(why.line(target, record).into()),
            })
        }
        (Some(found), Why::Refused(_), None) => Step::Update(found.sys_id.clone()),
        // the known row is not visible, and another row has the key
        (Some(found), Why::Unseen(_), Some(known)) if !known.names(&found.sys_id) => Step::Update(found.sys_id.clone()),
        (_, Why::Unseen(words), known) => done(unseen(target, record, known, words)),
        (_, Why::Old(version), known) => done(old(target, record, known, version)),
        (_, Why::Refused(words), None) if was_ours(record) => done(hidden_own(target, record, words)),
        (_, Why::Refused(words), _) => done(refused(target, &words.line())),
    }
}

/// Whether a row was created for this record with our own sys_id.
fn was_ours(record: &OutRecord) -> bool {
    record.sys_id.as_ref().is_some_and(|known| known.names(&record.derived_sys_id))
}

/// An invisible row of ours, while a new one with its sys_id is refused: it exists and is hidden, if the message says so.
fn hidden_own(target: &TargetPlan, record: &OutRecord, words: &Words) -> Outcome {
    let id = &record.derived_sys_id;
    let said = format!(
        "row {id} of `{}` is no longer visible, and ServiceNow refused to create it again under its sys_id: {}",
        target.table,
        words.line()
    );
    if words.say("unique") || words.say("duplicate") {
        let next_step = NextStep::RowHidden { column: key_column(target), key: record.source_key.clone() };
        return Outcome::Rejected { message: said.into(), field: None, next_step };
    }
    let (_, field, next_step) = rejection(&words.line(), &columns(target));
    Outcome::Rejected { message: said.into(), field, next_step }
}

/// A known row that is not visible: a second row might be created for a row that is only hidden.
fn unseen(target: &TargetPlan, record: &OutRecord, known: Option<&SysId>, words: &Words) -> Outcome {
    let id = known.map(SysId::as_str).unwrap_or_default();
    Outcome::Rejected {
        message: format!("row {id} of `{}` is no longer visible ({}); no second row was created", target.table, words.line()).into(),
        field: None,
        next_step: NextStep::RowHidden { column: key_column(target), key: record.source_key.clone() },
    }
}

/// A row that came back unchanged.
fn old(target: &TargetPlan, record: &OutRecord, known: Option<&SysId>, version: &VersionThere) -> Outcome {
    let id = known.map(SysId::as_str).unwrap_or_default();
    let column = target.version_column.as_deref().unwrap_or("the version column");
    Outcome::Rejected {
        message: format!(
            "ServiceNow accepted the write and changed nothing: row {id} of `{}` still has `{column}` = {version}, {} was sent",
            target.table, record.version
        )
        .into(),
        field: target.version_column.clone(),
        next_step: NextStep::WriteUndone { table: target.table.clone(), column: column.to_owned() },
    }
}

/// A row with another record's key.
pub(super) fn belongs(target: &TargetPlan, record: &OutRecord, sys_id: &SysId, other: &str, why: Option<&Why>) -> Outcome {
    let said = why.map(|why| format!("{}; ", why.line(target, record))).unwrap_or_default();
    Outcome::Conflict {
        message: format!("{said}row {sys_id} of `{}` belongs to `{other}`, not to `{}`", target.table, record.source_key).into(),
        next_step: NextStep::RowOfOther,
    }
}

/// Like [`locate`], repeated after a pause while a row that an earlier attempt may have created is not readable yet.
async fn locate_patiently(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[&OutRecord],
) -> Result<Vec<Option<Found>>, ServiceNowError> {
    let is_there = |located: &Vec<Option<Found>>| !records.iter().zip(located).any(|(record, found)| record.may_exist && found.is_none());
    retry::until(retry::pauses(CHECK_PAUSE, CHECKS), || locate(transport, tokens, target, records), is_there).await
}

/// The rows of records: by the known sys_id, by the derived one, then by the key column.
pub(super) async fn locate(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[&OutRecord],
) -> Result<Vec<Option<Found>>, ServiceNowError> {
    let derived = transport.settings().derived_sys_id;
    let ids = |record: &'_ OutRecord| -> Vec<String> {
        let own = record.sys_id.clone().map(String::from);
        own.into_iter().chain(derived.then(|| record.derived_sys_id.clone())).collect()
    };
    let all: Vec<String> = records.iter().flat_map(|record| ids(record)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let by_id = if all.is_empty() { Default::default() } else { query::find_by_id(transport, tokens, target, &all).await? };
    let mut located: Vec<Option<Found>> =
        records.iter().map(|record| ids(record).iter().find_map(|id| by_id.get(id.as_str()).cloned())).collect();
    let missing: Vec<usize> = (0..records.len()).filter(|at| located[*at].is_none()).collect();
    let keys: Vec<String> = missing.iter().map(|at| records[*at].source_key.clone()).collect();
    match query::find_by_key(transport, tokens, target, &keys).await {
        Ok(found) => missing.into_iter().zip(found).for_each(|(at, found)| located[at] = found),
        // the query by the derived sys_id has answered already
        Err(error @ ServiceNowError::UnknownColumn { .. }) if derived => {
            warn!(error = %error.chain(), "rows are searched for by sys_id alone")
        }
        Err(error) => return Err(error),
    }
    Ok(located)
}

/// The key of another record, if a row has one.
pub(super) fn foreign(target: &TargetPlan, record: &OutRecord, found: &Found) -> Option<String> {
    let carried = target.key_column.as_ref().and_then(|column| found.fields.get(column));
    carried.filter(|key| !key.trim().is_empty() && **key != record.source_key).cloned()
}

/// Whether a row has this version: by its version if that includes the content hash, and otherwise by its fields. A record that expects
/// values of its row is one of several with the same version: only its fields decide.
pub(super) fn holds(target: &TargetPlan, record: &OutRecord, found: &Found) -> bool {
    let said = found.version.as_ref().filter(|_| record.expects.is_none()).and_then(|there| there.is(&record.version));
    said.unwrap_or_else(|| same_fields(target, record.fields.iter(), &found.fields))
}
