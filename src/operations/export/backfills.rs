//! The list of backfills.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::Field;
use crate::store::{BackfillFilter, BackfillRow};

const FIELDS: [Field; 19] = [
    Field::number("id", "Number", 9),
    Field::text("company", "Company", 10).by(),
    Field::text("entity", "Entity", 14).by(),
    Field::date("first_day", "First day"),
    Field::date("last_day", "Last day"),
    Field::text("state", "State", 10),
    Field::number("read", "Read", 10).added(),
    Field::number("new", "New", 10).added(),
    Field::number("changed", "Changed", 10).added(),
    Field::number("unchanged", "Unchanged", 10).added(),
    Field::instant("last_progress_at", "Last progress (UTC)"),
    Field::text("error", "Error of the last attempt", 40),
    Field::number("tries", "Attempts since the last page", 10),
    Field::instant("next_attempt_at", "Next attempt (UTC)"),
    Field::text("requested_by", "Requested by", 20),
    Field::text("why", "Why", 30),
    Field::instant("asked_at", "Requested (UTC)"),
    Field::instant("ended_at", "Ended (UTC)"),
    Field::text("ended_by", "Cancelled by", 20),
];

fn cells(row: &BackfillRow) -> Row {
    vec![
        row.id.0.into(),
        row.company.as_str().into(),
        row.entity.as_str().into(),
        row.since.into(),
        // the ledger has the first day after the period
        row.until.map(|until| until.pred_opt().unwrap_or(until)).into(),
        row.state.as_str().into(),
        row.read.into(),
        row.new.into(),
        row.changed.into(),
        row.unchanged.into(),
        row.last_progress_at.into(),
        row.error.clone().into(),
        row.tries.into(),
        row.error.as_ref().filter(|_| row.ended_at.is_none()).map(|_| row.not_before).into(),
        row.requested_by.as_str().into(),
        row.why.as_str().into(),
        row.asked_at.into(),
        row.ended_at.into(),
        row.ended_by.clone().into(),
    ]
}

/// Backfills, the newest first.
///
/// # Errors
/// An error of the ledger.
pub async fn backfills(process: &Process, filter: BackfillFilter, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let read = move |before| {
        let (store, filter) = (store.clone(), BackfillFilter { before, limit: STEP, ..filter.clone() });
        async move { store.backfill_list(filter).await }
    };
    let table = Table::of_pages("Backfills", &FIELDS, None, read, |row: &BackfillRow| Some(row.id), cells);
    ListFile::now(process, "backfills", "Backfills", "the ledger: periods that are read again", asked, vec![table]).await
}
