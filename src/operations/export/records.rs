//! The list of records.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::domain::DocumentKey;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{DocumentFilter, DocumentRow};

const FIELDS: [Field; 15] = [
    Field::number("id", "Number", 10),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("key", "Record", 30),
    Field::number("version", "Version", 9),
    Field::text("state", "State", 12),
    Field::text("gone", "Gone from SYSPRO", 9),
    Field::number("failed", "Parts failed", 9),
    Field::number("on_hold", "Parts on hold", 9),
    Field::number("unknown", "Parts unknown", 9),
    Field::number("waiting", "Parts waiting", 9),
    Field::number("retrying", "Parts retrying", 9),
    Field::number("sending", "Parts being sent", 9),
    Field::number("queued", "Parts queued", 9),
    Field::number("conflicts", "Fields in conflict", 9),
];

fn cells(row: &DocumentRow) -> Row {
    vec![
        row.id.0.into(),
        row.company.as_str().into(),
        row.entity.as_str().into(),
        Cell::word(row.key.as_str(), DocumentKey::shown(&row.key)),
        row.version.into(),
        Cell::word(row.state().as_str(), row.state().text()),
        Cell::yes_or_no(row.deleted),
        row.failed.into(),
        row.on_hold.into(),
        row.unknown.into(),
        row.waiting.into(),
        row.retrying.into(),
        row.sending.into(),
        row.queued.into(),
        row.conflicts.into(),
    ]
}

/// Records that match, in the order in which Tieline first read them.
///
/// # Errors
/// An error of the ledger.
pub async fn records(process: &Process, filter: DocumentFilter, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let begin = filter.after;
    let read = move |after| {
        let (store, filter) = (store.clone(), DocumentFilter { after, limit: STEP, ..filter.clone() });
        async move { store.document_list(filter).await }
    };
    let table = Table::of_pages("Records", &FIELDS, begin, read, |row: &DocumentRow| row.id, cells);
    ListFile::now(process, "records", "Records", "the ledger: records of SYSPRO, with their states now", asked, vec![table]).await
}
