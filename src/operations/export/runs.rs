//! The list of runs.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{RunFilter, RunRow};

const FIELDS: [Field; 27] = [
    Field::text("id", "Run", 38),
    Field::text("company", "Company", 10).by(),
    Field::text("entity", "Entity", 14).by(),
    Field::text("kind", "Kind", 10),
    Field::text("requested_by", "Requested by", 20),
    Field::text("why", "Why", 30),
    Field::instant("started_at", "Started (UTC)"),
    Field::instant("ended_at", "Ended (UTC)"),
    Field::text("outcome", "Outcome", 10),
    Field::text("error", "Error", 40),
    Field::number("read", "Read", 10).added(),
    Field::number("new", "New", 10).added(),
    Field::number("changed", "Changed", 10).added(),
    Field::number("unchanged", "Unchanged", 10).added(),
    Field::number("gone", "Gone", 10).added(),
    Field::number("records", "Records queued", 10).added(),
    Field::number("delivered", "Records delivered", 10).added(),
    Field::number("replaced", "Records replaced", 10).added(),
    Field::number("not_delivered", "Records not delivered", 10).added(),
    Field::number("failed", "Of them failed", 10).added(),
    Field::number("waiting", "Of them waiting", 10).added(),
    Field::number("on_hold", "Of them on hold", 10).added(),
    Field::number("unknown", "Of them unknown", 10).added(),
    Field::number("parts", "Parts queued", 10).added(),
    Field::number("sent", "Parts sent", 10).added(),
    Field::number("confirmed", "Parts confirmed", 10).added(),
    Field::number("definitions", "Definitions", 11),
];

fn cells(row: &RunRow) -> Row {
    vec![
        row.id.to_string().into(),
        row.company.as_str().into(),
        row.entity.as_str().into(),
        row.kind.as_str().into(),
        row.requested_by.as_str().into(),
        row.reason.clone().into(),
        row.started_at.into(),
        row.ended_at.into(),
        row.outcome.map_or("running", |outcome| outcome.as_str()).into(),
        row.error.clone().into(),
        row.read.into(),
        row.new.into(),
        row.changed.into(),
        row.unchanged.into(),
        row.deleted.into(),
        row.records.into(),
        row.delivered.into(),
        row.replaced.into(),
        row.backlog().total().into(),
        row.failed.into(),
        row.waiting.into(),
        row.on_hold.into(),
        row.unknown.into(),
        row.parts.into(),
        row.sent.into(),
        row.confirmed.into(),
        row.definition.map_or(Cell::Empty, Cell::from),
    ]
}

/// Runs, the newest first.
///
/// # Errors
/// An error of the ledger.
pub async fn runs(process: &Process, filter: RunFilter, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let read = move |before| {
        let (store, filter) = (store.clone(), RunFilter { before, limit: STEP, ..filter.clone() });
        async move { store.run_list(filter).await }
    };
    let table = Table::of_pages("Runs", &FIELDS, None, read, |row: &RunRow| Some(row.id), cells);
    ListFile::now(process, "runs", "Runs", "the ledger: runs, with what became of their records until now", asked, vec![table]).await
}
