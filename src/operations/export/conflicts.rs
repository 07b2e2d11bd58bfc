//! The conflict list.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::domain::DocumentKey;
use crate::domain::ids::ConflictId;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{ConflictFilter, ConflictRow};

const FIELDS: [Field; 23] = [
    Field::number("id", "Number", 9),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("key", "Record", 24),
    Field::text("field", "Field in ServiceNow", 20),
    Field::text("column", "Column in SYSPRO", 20),
    Field::text("kind", "Kind", 16),
    Field::text("state", "State", 10),
    Field::text("agreed", "Last agreed", 24),
    Field::text("syspro", "SYSPRO", 24),
    Field::instant("syspro_at", "Read from SYSPRO (UTC)"),
    Field::text("servicenow", "ServiceNow", 24),
    Field::instant("servicenow_at", "Changed in ServiceNow (UTC)"),
    Field::text("sys_id", "Row in ServiceNow", 34),
    Field::text("delivery", "Delivery of the decision", 14),
    Field::text("side", "Decided for", 12),
    Field::text("decided_by", "Decided by", 20),
    Field::instant("decided_at", "Decided (UTC)"),
    Field::text("why", "Why", 30),
    Field::text("said", "Why SYSPRO does not have it yet", 40),
    Field::instant("opened_at", "Opened (UTC)"),
    Field::instant("closed_at", "Closed (UTC)"),
    Field::text("outcome", "How it was closed", 18),
];

fn cells(row: &ConflictRow) -> Row {
    let spoken = |word: &str| Cell::word(word, word.replace('_', " "));
    vec![
        row.id.0.into(),
        row.company.as_str().into(),
        row.entity.as_str().into(),
        Cell::word(row.key.as_str(), DocumentKey::shown(&row.key)),
        row.field.as_str().into(),
        row.source.clone().into(),
        spoken(row.kind.as_str()),
        spoken(row.state.as_str()),
        row.agreed.clone().into(),
        row.syspro.as_str().into(),
        row.syspro_at.into(),
        row.servicenow.as_str().into(),
        row.servicenow_at.into(),
        row.sys_id.clone().into(),
        row.delivery.map(|delivery| delivery.to_string()).into(),
        row.side.map(|side| side.to_string()).into(),
        row.decided_by.clone().into(),
        row.decided_at.into(),
        row.why.clone().into(),
        row.said.clone().into(),
        row.opened_at.into(),
        row.closed_at.into(),
        row.outcome.as_deref().map_or(Cell::Empty, spoken),
    ]
}

/// Entries of the conflict list, by number.
///
/// # Errors
/// An error of the ledger.
pub async fn conflicts(process: &Process, filter: ConflictFilter, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let begin = ConflictId::default();
    let read = move |after| {
        let (store, filter) = (store.clone(), ConflictFilter { after, limit: STEP, ..filter.clone() });
        async move { store.conflict_list(filter).await }
    };
    let table = Table::of_pages("Conflicts", &FIELDS, begin, read, |row: &ConflictRow| row.id, cells);
    ListFile::now(
        process,
        "conflicts",
        "Conflicts",
        "the ledger: fields of aligned lists that differ between both systems",
        asked,
        vec![table],
    )
    .await
}
