//! The close as files: its periods, and what changed in SYSPRO after a signature.

use super::{PeriodLine, Signature, list, radar};
use crate::domain::DocumentKey;
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::fiscal::FiscalPeriod;
use crate::operations::Refused;
use crate::operations::export::{Asked, ListFile, Row, STEP, Table};
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{CloseChangeRow, CloseChanges};

/// What a file shows.
#[derive(Debug, Clone)]
pub struct CloseFile {
    /// Only this company.
    pub company: Option<String>,
    /// Only periods in this state. Changes are listed for every state.
    pub state: Option<CloseState>,
    /// The filter in words, and who gets the file.
    pub asked: Asked,
}

const PERIODS: [Field; 16] = [
    Field::text("company", "Company", 10),
    Field::text("period", "Period", 10),
    Field::date("ends", "Ends"),
    Field::text("state", "State", 12),
    Field::instant("since", "Since (UTC)"),
    Field::text("arrivals_held", "Arrivals are held", 10),
    Field::number("records_held", "Records held", 10).added(),
    Field::number("tie_out", "Newest tie-out", 10),
    Field::instant("tie_out_as_of", "As of (UTC)"),
    Field::text("result", "Result", 12),
    Field::number("open_differences", "Open differences", 11).added(),
    Field::text("prepared_by", "Prepared by", 24),
    Field::instant("prepared_at", "Prepared (UTC)"),
    Field::text("signed_by", "Signed by", 24),
    Field::instant("signed_at", "Signed (UTC)"),
    Field::text("suspended_by", "Suspended by", 60),
];

const CHANGES: [Field; 9] = [
    Field::instant("found_at", "Found (UTC)"),
    Field::text("company", "Company", 10),
    Field::text("period", "Period", 10),
    Field::text("entity", "Entity", 14),
    Field::text("key", "Record", 30),
    Field::number("version", "Version", 9),
    Field::text("change", "What changed", 40),
    Field::text("period_state", "State of the period then", 14),
    Field::text("run", "Run", 38),
];

const SOURCE: &str = "the ledger: closes, their signatures, and changes that were found in SYSPRO";

fn period(line: &PeriodLine) -> Row {
    let tied = line.tie_out.as_ref();
    let signature = |wanted: CloseStep| line.steps.iter().find(|one| one.step == wanted && one.stands);
    let by = |one: Option<&Signature>| -> Cell { one.map(|one| one.by.clone()).into() };
    let at = |one: Option<&Signature>| -> Cell { one.map(|one| one.at).into() };
    let (prepared, signed) = (signature(CloseStep::Prepare), signature(CloseStep::Sign));
    let suspended = line.steps.iter().rev().find(|one| one.step == CloseStep::Suspend).filter(|_| line.state == CloseState::Suspended);
    vec![
        line.company.as_str().into(),
        line.period.to_string().into(),
        line.ends.into(),
        line.state.as_str().into(),
        line.since.into(),
        Cell::yes_or_no(line.frozen),
        line.held.into(),
        tied.map(|one| one.tie_out).into(),
        tied.map(|one| one.at).into(),
        tied.map(|one| one.verdict.to_string()).into(),
        tied.map(|one| one.open_items).into(),
        by(prepared),
        at(prepared),
        by(signed),
        at(signed),
        suspended.map(|one| one.why.clone()).into(),
    ]
}

fn change(row: &CloseChangeRow) -> Row {
    vec![
        row.found_at.into(),
        row.company.as_str().into(),
        FiscalPeriod::from_number(row.number).to_string().into(),
        row.entity.as_str().into(),
        Cell::word(row.key.as_str(), DocumentKey::shown(&row.key)),
        row.version.into(),
        Cell::word(row.kind.as_str(), row.kind.text()),
        row.state.as_str().into(),
        row.run_id.to_string().into(),
    ]
}

impl CloseFile {
    async fn periods_table(&self, process: &Process) -> Result<Table, Refused> {
        let lines = list(process, self.company.as_deref()).await?;
        let wanted = lines.iter().filter(|line| self.state.is_none_or(|state| line.state == state));
        Ok(Table::of_rows("Periods", &PERIODS, wanted.map(period).collect()))
    }

    fn changes_table(&self, process: &Process) -> Table {
        let (process, company) = (process.clone(), self.company.clone());
        let read = move |before| {
            let (process, filter) = (process.clone(), CloseChanges { company: company.clone(), period: None, before, limit: STEP });
            async move { radar(&process, filter).await }
        };
        Table::of_pages("Changes", &CHANGES, None, read, |row: &CloseChangeRow| Some(row.id), change)
    }

    /// The periods, and in a workbook also the changes.
    ///
    /// # Errors
    /// [`Refused`]; an error of the ledger.
    pub async fn periods(self, process: &Process) -> Result<ListFile, Refused> {
        let tables = vec![self.periods_table(process).await?, self.changes_table(process)];
        ListFile::now(process, "close", "Close of fiscal periods", SOURCE, self.asked, tables).await
    }

    /// The changes, the newest first.
    ///
    /// # Errors
    /// [`Refused`]; an error of the ledger.
    pub async fn changes(self, process: &Process) -> Result<ListFile, Refused> {
        let tables = vec![self.changes_table(process)];
        ListFile::now(process, "close-changes", "Changes in SYSPRO after a signature", SOURCE, self.asked, tables).await
    }
}
