//! Writes through the Table API: inserts with a derived sys_id, or updates by sys_id. Handles refusals that may hide a row.

mod behind;
mod step;

use std::collections::{HashMap, HashSet};

use futures_util::future::LocalBoxFuture;
use tracing::{debug, warn};

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::json_text::object;
use crate::domain::next_step::NextStep;
use crate::net::Method;

use super::batch::perform;
use super::compare::{differences, differences_found, same_fields, texts};
use super::error::ServiceNowError;
use super::outcome::{Found, How, OutRecord, Outcome, RecordResult, Settled};
use super::query::{self, Natural, encode};
use super::token::TokenSource;
use super::transport::{Judged, Op, Transport, unknown_table};
use super::wire::{Document, Row};
use behind::{belongs, check, foreign, holds, locate};
use step::{Step, Why, key_column, must_show, refused, written};

/// The most rounds of one record: update, insert after the row is gone, update after the row exists after all, and one in reserve.
const ROUNDS: usize = 4;

/// A `sysparm_fields` longer than this is omitted from a write.
const FIELDS_LIMIT: usize = 900;

/// Knows which rows were written for other records, for tables without a key column that would show it.
pub trait RowOwners {
    /// Which of these sys_ids already belong to records; an error text when that cannot be known now.
    fn owned<'a>(&'a self, sys_ids: Vec<String>) -> LocalBoxFuture<'a, Result<HashSet<String>, String>>;
}

pub(super) async fn send(
    transport: &Transport,
    owners: Option<&dyn RowOwners>,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<RecordResult>, ServiceNowError> {
    let mut steps = first_steps(transport, owners, tokens, target, records).await?;
    read_before_write(transport, tokens, target, records, &mut steps).await?;
    for _ in 0..ROUNDS {
        let due: Vec<usize> = (0..steps.len()).filter(|at| matches!(steps[*at], Step::Insert | Step::Update(_))).collect();
        if due.is_empty() {
            break;
        }
        let mut wanted = Wanted::default();
        let ops = due.iter().map(|at| op(transport, target, &records[*at], &steps[*at], &mut wanted)).collect();
        for (at, judged) in due.into_iter().zip(perform(transport, tokens, ops).await) {
            steps[at] = after(transport, target, &records[at], &steps[at], judged);
        }
        check(transport, tokens, target, records, &mut steps).await;
    }
    let last = |step| match step {
        Step::Done(verdict) => verdict,
        _ => Ok(Outcome::Unknown { message: format!("`{}` kept changing under the write", target.table).into() }),
    };
    Ok(steps.into_iter().map(last).collect())
}

/// Whether the instance answers the queries before a write for such a record.
pub(super) async fn answers_before_write(
    transport: &Transport,
    owners: Option<&dyn RowOwners>,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    record: &OutRecord,
) -> bool {
    first_steps(transport, owners, tokens, target, std::slice::from_ref(record)).await.is_ok()
}

/// Update if a row is known or found, otherwise insert.
async fn first_steps(
    transport: &Transport,
    owners: Option<&dyn RowOwners>,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<Step>, ServiceNowError> {
    let known = |record: &OutRecord| record.sys_id.clone().map_or(Step::Insert, Step::Update);
    let mut steps: Vec<Step> = records.iter().map(known).collect();
    let inserts = |steps: &[Step]| -> Vec<usize> { (0..steps.len()).filter(|at| matches!(steps[*at], Step::Insert)).collect() };

    // without our sys_id, only the key column prevents a second row after a repeat
    let new = inserts(&steps);
    if !transport.settings().derived_sys_id && target.key_column.is_some() && !new.is_empty() {
        let keys: Vec<String> = new.iter().map(|at| records[*at].source_key.clone()).collect();
        let (found, hidden) = query::find_by_key_or_hidden(transport, tokens, target, &target.table, &keys).await?;
        for (at, found) in new.iter().zip(found) {
            let record = &records[*at];
            if let Some(found) = found {
                steps[*at] = Step::Update(found.sys_id);
            } else if hidden.contains(&record.source_key) {
                let column = target.key_column.as_deref().unwrap_or_default();
                steps[*at] = Step::Done(Ok(hidden_row(target, record, &format!("`{column}` = `{}`", record.source_key))));
            }
        }
    }
    let new = inserts(&steps);
    if transport.settings().adopt && !target.natural_key.is_empty() && !new.is_empty() {
        let asked: Vec<&OutRecord> = new.iter().map(|at| &records[*at]).collect();
        let found = query::natural(transport, tokens, target, &asked).await?;
        let owned = owned(owners, records, &new, &found).await?;
        let mut taken: HashMap<SysId, &str> = HashMap::new();
        for (at, natural) in new.iter().zip(found) {
            match natural {
                Natural::Nothing => {}
                Natural::Hidden => steps[*at] = Step::Done(Ok(hidden_row(target, &records[*at], &natural_text(target, &records[*at])))),
                // two companies may both have an account `1000`: each gets its own row
                Natural::Taken(found, other) => {
                    debug!(
                        delivery = records[*at].delivery.0,
                        sys_id = found.sys_id.as_str(),
                        other,
                        "the row belongs to another record; a new one is created"
                    );
                }
                Natural::Free(found) if owned.contains(found.sys_id.as_str()) => {
                    debug!(
                        delivery = records[*at].delivery.0,
                        sys_id = found.sys_id.as_str(),
                        "the row was written for another record; a new one is created"
                    );
                }
                Natural::Free(found) => match taken.get(&found.sys_id) {
                    Some(other) => steps[*at] = Step::Done(Ok(claimed(target, &records[*at], &found, other))),
                    None => {
                        debug!(delivery = records[*at].delivery.0, sys_id = found.sys_id.as_str(), "the row already exists and is updated");
                        taken.insert(found.sys_id.clone(), &records[*at].source_key);
                        steps[*at] = Step::Update(found.sys_id);
                    }
                },
                Natural::Several(found) => steps[*at] = Step::Done(Ok(several(target, &records[*at], &found))),
            }
        }
    }
    Ok(steps)
}

/// Rows that a person may have edited since the decision to write: each is read right before it is written, so that no edit of the same
/// field is lost. An edit between this read and the write is overwritten, because ServiceNow cannot refuse the write.
async fn read_before_write(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    steps: &mut [Step],
) -> Result<(), ServiceNowError> {
    let due: Vec<(usize, SysId)> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| match step {
            Step::Update(id) if records[at].expects.is_some() => Some((at, id.clone())),
            _ => None,
        })
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = due.iter().map(|(_, id)| id.as_str()).collect();
    let rows = query::find_by_id(transport, tokens, target, &ids).await?;
    for (at, id) in due {
        let Some(expects) = &records[at].expects else { continue };
        let withdrawn = |message| Step::Done(Ok(Outcome::Withdrawn { message }));
        let Some(row) = rows.get(id.as_str()) else {
            steps[at] = withdrawn(format!("row {id} of `{}` is gone, or may not be read", target.table).into());
            continue;
        };
        let changed = differences_found(target, texts(expects), &row.fields);
        match changed.first() {
            None => {}
            Some(_) if same_fields(target, records[at].fields.iter(), &row.fields) => {
                steps[at] = Step::Done(Ok(Outcome::Confirmed {
                    sys_id: id,
                    table: target.table.clone(),
                    how: How::Unchanged,
                    partial: Vec::new(),
                    said: None,
                }));
            }
            Some(first) => {
                let now = first.returned.as_deref().unwrap_or_default();
                steps[at] = withdrawn(format!("`{}` of row {id} was `{}` and is now `{now}`", first.field, first.sent).into());
            }
        }
    }
    Ok(())
}

fn natural_text(target: &TargetPlan, record: &OutRecord) -> String {
    let part = |column: &String| format!("`{column}` = `{}`", record.fields.get(column).unwrap_or_default());
    target.natural_key.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// Which of the found rows belong to another record although they have no key.
async fn owned(
    owners: Option<&dyn RowOwners>,
    records: &[OutRecord],
    new: &[usize],
    found: &[Natural],
) -> Result<HashSet<String>, ServiceNowError> {
    let Some(owners) = owners else { return Ok(HashSet::new()) };
    let others = new.iter().zip(found).filter_map(|(at, natural)| match natural {
        Natural::Free(found) if !found.sys_id.names(&records[*at].derived_sys_id) => Some(found.sys_id.as_str().to_owned()),
        _ => None,
    });
    let asked: Vec<String> = others.collect();
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    owners.owned(asked).await.map_err(|problem| ServiceNowError::Ledger { problem })
}

/// A row that another record of the batch has already adopted. Nothing is written.
fn claimed(target: &TargetPlan, record: &OutRecord, found: &Found, other: &str) -> Outcome {
    Outcome::Conflict {
        message: format!(
            "row {} of `{}` has {}, and `{other}` takes it over in the same batch as `{}`; nothing was written of the latter",
            found.sys_id,
            target.table,
            natural_text(target, record),
            record.source_key
        )
        .into(),
        next_step: NextStep::NaturalKeyShared { column: key_column(target), key: record.source_key.clone() },
    }
}

fn several(target: &TargetPlan, record: &OutRecord, found: &[Found]) -> Outcome {
    let ids: Vec<&str> = found.iter().take(5).map(|found| found.sys_id.as_str()).collect();
    Outcome::Rejected {
        message: format!("{} rows of `{}` have {}: {}", found.len(), target.table, natural_text(target, record), ids.join(", ")).into(),
        field: target.natural_key.first().cloned(),
        next_step: NextStep::SeveralRows { column: key_column(target), key: record.source_key.clone() },
    }
}

/// The `sysparm_fields` of the record before: nearly all records of a batch have the same columns, and encoding them takes time.
#[derive(Default)]
struct Wanted {
    columns: Vec<String>,
    encoded: String,
}

impl Wanted {
    /// `sys_id` and these columns, encoded for an address.
    fn of<'a>(&mut self, columns: impl Iterator<Item = &'a str> + Clone) -> &str {
        if self.encoded.is_empty() || !columns.clone().eq(self.columns.iter().map(String::as_str)) {
            self.encoded = encode(&std::iter::once("sys_id").chain(columns.clone()).collect::<Vec<_>>().join(","));
            self.columns = columns.map(str::to_owned).collect();
        }
        &self.encoded
    }
}

fn op(transport: &Transport, target: &TargetPlan, record: &OutRecord, step: &Step, wanted: &mut Wanted) -> Op {
    let mut fields = written(target, record);
    let mut path = format!("/api/now/table/{}", encode(&target.table));
    let method = match step {
        Step::Update(id) => {
            path.push_str(&format!("/{}", encode(id)));
            Method::PATCH
        }
        _ => {
            if transport.settings().derived_sys_id {
                fields.set("sys_id", record.derived_sys_id.as_str());
            }
            Method::POST
        }
    };
    path.push_str("?sysparm_display_value=false&sysparm_exclude_reference_link=true");
    let wanted = wanted.of(fields.iter().map(|(name, _)| name).filter(|name| *name != "sys_id"));
    if wanted.len() <= FIELDS_LIMIT {
        path.push_str("&sysparm_fields=");
        path.push_str(wanted);
    }
    Op { method, path, body: object(fields.iter()).into_bytes(), alone: record.alone }
}

fn after(transport: &Transport, target: &TargetPlan, record: &OutRecord, step: &Step, judged: Judged) -> Step {
    let updating = if let Step::Update(id) = step { Some(id.clone()) } else { None };
    match judged {
        Judged::Done(document) => confirmed(transport, target, record, updating, &document),
        Judged::Refused { status, words } => {
            if let Some(error) = unknown_table(target, status, &words) {
                return Step::Done(Err(error));
            }
            match (status, updating) {
                (404, Some(id)) if record.expects.is_some() => {
                    Step::Done(Ok(Outcome::Withdrawn { message: format!("row {id} of `{}` is gone", target.table).into() }))
                }
                // a row that was created with our own sys_id: if it is only hidden, the instance refuses a second one
                (404, Some(id)) if transport.settings().derived_sys_id && id.names(&record.derived_sys_id) => {
                    debug!(delivery = record.delivery.0, sys_id = id.as_str(), "the row is gone; a new one is created");
                    Step::Insert
                }
                (404, Some(id)) => Step::Check { why: Why::Unseen(words), updating: Some(id) },
                (403 | 409, updating) => Step::Check { why: Why::Refused(words), updating },
                (status, _) => Step::Done(Ok(refused(target, &format!("status {status}: {}", words.line())))),
            }
        }
        other => Step::Done(other.without_verdict()),
    }
}

fn confirmed(transport: &Transport, target: &TargetPlan, record: &OutRecord, updating: Option<SysId>, document: &Document) -> Step {
    let row = document.result.as_ref().and_then(|rows| rows.first());
    let named = |row: &Row| row.text("sys_id").map_or(Ok(None), SysId::read);
    // the row may exist: it is looked up first
    if let Some(error) = row.and_then(|row| named(row).err()) {
        return Step::Done(Ok(Outcome::Unknown {
            message: format!("`{}` accepted the record, and its answer cannot be used: {error}", target.table).into(),
        }));
    }
    let named = |row: &Row| named(row).ok().flatten().or_else(|| updating.clone());
    let Some((row, sys_id)) = row.and_then(|row| Some((row, named(row)?))) else {
        return Step::Done(Ok(Outcome::Unknown {
            message: format!("`{}` accepted the record, but the answer names no row", target.table).into(),
        }));
    };
    if let Some(known) = updating.as_ref().filter(|known| !known.names(&sys_id)) {
        return Step::Done(Ok(Outcome::Conflict {
            message: format!(
                "row {known} of `{}` was to be updated, and row {sys_id} was answered: two rows for `{}`",
                target.table, record.source_key
            )
            .into(),
            next_step: NextStep::OtherRowAnswered,
        }));
    }
    let derived = transport.settings().derived_sys_id && updating.is_none();
    if derived && !sys_id.names(&record.derived_sys_id) && !transport.learned().warned_sys_id.replace(true) {
        warn!(
            table = target.table,
            "the instance does not keep the sys_id sent with a new row: set `servicenow.derived_sys_id` to `false`, so that each new record is searched for first"
        );
    }
    // a rule undid the whole write without a message
    if let Some(version) = query::version(target, row).filter(|there| there.is(&record.version) == Some(false)) {
        return Step::Check { why: Why::Old(version), updating: Some(sys_id) };
    }
    let how = if updating.is_some() { How::Updated } else { How::Inserted };
    let sent = must_show(target, record, how);
    let partial = differences(target, sent.iter(), row);
    Step::Done(Ok(Outcome::Confirmed { sys_id, table: target.table.clone(), how, partial, said: None }))
}

/// A row that the ledger never had for this record, and that the instance counts but does not return.
fn hidden_row(target: &TargetPlan, record: &OutRecord, named: &str) -> Outcome {
    Outcome::Rejected {
        message: format!(
            "a row of `{}` with {named} cannot be seen: ServiceNow counts more rows than it shows, so an access rule hides one; no second \
             row was created",
            target.table
        )
        .into(),
        field: None,
        next_step: NextStep::HiddenRow { column: key_column(target), key: record.source_key.clone() },
    }
}

/// A refused read counts when it is refused repeatedly.
pub(super) async fn settle(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
) -> Result<Vec<Settled>, ServiceNowError> {
    let transport = &transport.thorough();
    let asked: Vec<&OutRecord> = records.iter().collect();
    if !transport.settings().derived_sys_id && target.key_column.is_none() {
        let reason = format!("`{}` has neither a key column nor sys_ids derived from keys, so its rows cannot be identified", target.table);
        let settled = |record: &OutRecord| record.sys_id.is_none().then(|| Settled::Unknown { reason: reason.clone().into() });
        if records.iter().all(|record| record.sys_id.is_none()) {
            return Ok(records.iter().filter_map(settled).collect());
        }
    }
    let located = locate(transport, tokens, target, &asked).await?;
    let settled = |(record, found): (&OutRecord, Option<Found>)| match found {
        None => Settled::Absent,
        Some(found) => match foreign(target, record, &found) {
            Some(other) => match belongs(target, record, &found.sys_id, &other, None) {
                Outcome::Conflict { message, next_step } => Settled::Conflict { message, next_step },
                _ => Settled::Absent,
            },
            None if holds(target, record, &found) => {
                let how = if record.sys_id.is_some() { How::Updated } else { How::Inserted };
                let partial = differences_found(target, must_show(target, record, how).iter(), &found.fields);
                Settled::Confirmed { sys_id: found.sys_id, table: None, partial, said: None }
            }
            None => Settled::Absent,
        },
    };
    Ok(records.iter().zip(located).map(settled).collect())
}
