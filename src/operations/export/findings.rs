//! The findings of the last diagnostics run.

use super::file::{Asked, ListFile, Row, Table};
use crate::doctor::Finding;
use crate::doctor::job::DiagnosticsRun;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::Field;

const FIELDS: [Field; 5] = [
    Field::text("system", "System", 16),
    Field::text("what", "What", 40),
    Field::text("result", "Result", 10),
    Field::text("found", "Found", 60),
    Field::text("to_do", "What to do", 60),
];

fn cells(finding: &Finding) -> Row {
    vec![
        finding.part.title().into(),
        finding.what.as_str().into(),
        finding.verdict.word().into(),
        finding.found.as_str().into(),
        finding.to_do.as_str().into(),
    ]
}

/// The findings of a run, or of none.
///
/// # Errors
/// An error of the ledger.
pub async fn findings(process: &Process, run: Option<DiagnosticsRun>, asked: Asked) -> Result<ListFile, Refused> {
    let source = match &run {
        Some(run) if run.ended.is_some() => format!("both systems, the ledger and the machine, checked from {} on", run.began),
        Some(run) => format!("both systems, the ledger and the machine; the checks that began at {} are not complete", run.began),
        None => "no diagnostics have run since this service started".to_owned(),
    };
    let rows = run.map(|run| run.findings().iter().map(cells).collect()).unwrap_or_default();
    ListFile::now(process, "doctor", "Diagnostics", &source, asked, vec![Table::of_rows("Findings", &FIELDS, rows)]).await
}
