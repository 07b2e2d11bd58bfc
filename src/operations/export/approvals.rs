//! The requests for the approval of a second person.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::Field;
use crate::store::ApprovalRow;

const FIELDS: [Field; 13] = [
    Field::number("id", "Number", 9),
    Field::text("kind", "Kind", 16),
    Field::text("subject", "What is asked for", 50),
    Field::text("effect", "What will happen", 50),
    Field::text("digest", "Hash of what it is for", 66),
    Field::text("asked_by", "Requested by", 20),
    Field::text("why", "Why", 30),
    Field::instant("asked_at", "Requested (UTC)"),
    Field::instant("expires_at", "Until (UTC)"),
    Field::text("state", "State", 10),
    Field::text("answered_by", "Answered by", 20),
    Field::instant("answered_at", "Answered (UTC)"),
    Field::text("answer", "Reason of the answer", 30),
];

fn cells(row: &ApprovalRow) -> Row {
    vec![
        row.id.into(),
        row.kind.as_str().into(),
        row.subject.as_str().into(),
        row.effect.as_str().into(),
        row.digest.as_str().into(),
        row.asked_by.as_str().into(),
        row.why.as_str().into(),
        row.asked_at.into(),
        row.expires_at.into(),
        row.state.as_str().into(),
        row.answered_by.clone().into(),
        row.answered_at.into(),
        row.answer.clone().into(),
    ]
}

/// Requests, the newest first.
///
/// # Errors
/// An error of the ledger.
pub async fn approvals(process: &Process, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let read = move |before| {
        let store = store.clone();
        async move { store.approval_list(before, STEP).await }
    };
    let table = Table::of_pages("Approvals", &FIELDS, None, read, |row: &ApprovalRow| Some(row.id), cells);
    ListFile::now(process, "approvals", "Approvals", "the ledger: requests for a second person, with their answers", asked, vec![table])
        .await
}
