//! The audit.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::domain::DocumentKey;
use crate::domain::ids::AuditRowId;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{AuditFilter, AuditRow};

const FIELDS: [Field; 9] = [
    Field::number("id", "Number", 12),
    Field::instant("at", "At (UTC)"),
    Field::text("kind", "Kind", 14),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("key", "Record", 30),
    Field::number("version", "Version", 9),
    Field::text("actor", "Who", 24),
    Field::text("detail", "Details", 100),
];

fn cells(row: &AuditRow) -> Row {
    vec![
        row.id.0.into(),
        row.at.into(),
        row.kind.as_str().into(),
        row.company.clone().into(),
        row.entity.clone().into(),
        row.key.as_deref().map_or(Cell::Empty, |key| Cell::word(key, DocumentKey::shown(key))),
        row.version.into(),
        row.actor.as_str().into(),
        row.detail.clone().into(),
    ]
}

/// Rows of the audit as they are stored, the oldest first.
///
/// # Errors
/// An error of the ledger.
pub async fn audit(process: &Process, filter: AuditFilter, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let begin = AuditRowId::default();
    let read = move |after| {
        let (store, filter) = (store.clone(), AuditFilter { after, limit: STEP, ..filter.clone() });
        async move { store.audit_list(filter).await }
    };
    let table = Table::of_pages("Audit", &FIELDS, begin, read, |row: &AuditRow| row.id, cells);
    ListFile::now(process, "audit", "Audit", "the audit in the ledger", asked, vec![table]).await
}
