//! The list of tie-outs.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::TieOutRun;

const FIELDS: [Field; 10] = [
    Field::number("id", "Tie-out", 9),
    Field::text("state", "State", 10),
    Field::instant("as_of", "As of (UTC)"),
    Field::instant("ended_at", "Ended (UTC)"),
    Field::text("requested_by", "Requested by", 20),
    Field::text("why", "Why", 30),
    Field::text("compared", "Compared", 30),
    Field::text("result", "Result", 11),
    Field::number("open", "Open differences", 11),
    Field::text("error", "Why it ended early", 40),
];

fn cells(run: &TieOutRun) -> Row {
    vec![
        run.id.0.into(),
        run.state.as_str().into(),
        run.started_at.into(),
        run.ended_at.into(),
        run.requested_by.as_str().into(),
        run.why.clone().into(),
        run.scope_text().unwrap_or_else(|| "everything".to_owned()).into(),
        run.result.map_or(Cell::Empty, |result| result.as_str().into()),
        run.open_items.into(),
        run.error.clone().into(),
    ]
}

/// Tie-outs, the newest first.
///
/// # Errors
/// An error of the ledger.
pub async fn tie_outs(process: &Process, asked: Asked) -> Result<ListFile, Refused> {
    let store = process.store.clone();
    let read = move |before| {
        let store = store.clone();
        async move { store.tie_out_list(before, STEP).await }
    };
    let table = Table::of_pages("Tie-outs", &FIELDS, None, read, |run: &TieOutRun| Some(run.id), cells);
    ListFile::now(process, "tie-outs", "Tie-outs", "the ledger: tie-outs with their results", asked, vec![table]).await
}
