//! The tasks that Tieline keeps in ServiceNow.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::domain::DocumentKey;
use crate::operations::Refused;
use crate::operations::tasks::state_words;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{TaskFilter, TaskRow};

const FIELDS: [Field; 17] = [
    Field::number("id", "Number", 9),
    Field::text("kind", "Kind", 12),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("key", "Record", 30),
    Field::text("cause", "Cause", 24),
    Field::number("records", "Records", 9),
    Field::text("title", "Title", 60),
    Field::instant("opened_at", "Since (UTC)"),
    Field::instant("resolved_at", "Resolved (UTC)"),
    Field::text("state", "State", 30),
    Field::text("number", "Number in ServiceNow", 16),
    Field::text("sys_id", "Row in ServiceNow", 34),
    Field::number("tries", "Failed attempts", 9),
    Field::text("error", "Error of the last attempt", 40),
    Field::instant("failed_at", "Failed (UTC)"),
    Field::instant("next_attempt_at", "Next attempt (UTC)"),
];

fn cells(row: &TaskRow) -> Row {
    vec![
        row.id.0.into(),
        row.kind.as_str().into(),
        row.company.as_str().into(),
        row.entity.as_str().into(),
        row.key.as_deref().map_or(Cell::Empty, |key| Cell::word(key, DocumentKey::shown(key))),
        row.cause.clone().into(),
        row.records.into(),
        row.title.as_str().into(),
        row.opened_at.into(),
        row.resolved_at.into(),
        Cell::word(row.state.as_str(), state_words(row)),
        row.number.clone().into(),
        row.sys_id.clone().into(),
        row.tries.into(),
        row.error.clone().into(),
        row.failed_at.into(),
        row.error.as_ref().map(|_| row.next_at).into(),
    ]
}

/// Tasks that are not done, the newest first.
///
/// # Errors
/// An error of the ledger.
pub async fn tasks(process: &Process, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let read = move |before| {
        let (store, filter) = (store.clone(), TaskFilter { before, limit: STEP, ..TaskFilter::default() });
        async move { store.task_list(filter).await }
    };
    let table = Table::of_pages("Tasks", &FIELDS, None, read, |row: &TaskRow| Some(row.id), cells);
    ListFile::now(process, "tasks", "Tasks", "the ledger: tasks in ServiceNow that are not done", asked, vec![table]).await
}
