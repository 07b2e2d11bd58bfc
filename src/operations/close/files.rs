//! The close as files for a spreadsheet: its periods, and what changed in SYSPRO after a signature.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{PeriodLine, list, radar};
use crate::domain::DocumentKey;
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::csv::lines;
use crate::domain::fiscal::FiscalPeriod;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{About, Cell, Column, Workbook};
use crate::store::{CloseChangeRow, CloseChanges};

/// Changes read at once.
const STEP: i64 = 1000;

/// What a file shows.
#[derive(Debug, Clone)]
pub struct CloseFile {
    /// Only this company.
    pub company: Option<String>,
    /// Only periods in this state.
    pub state: Option<CloseState>,
    /// The filter in words; empty: there is none.
    pub filter: String,
    /// Who gets the file.
    pub by: String,
}

const PERIODS: [Column; 14] = [
    Column::text("Company", 10),
    Column::text("Period", 10),
    Column::text("Ends", 12),
    Column::text("State", 12),
    Column::text("Since (UTC)", 22),
    Column::text("Arrivals are held", 10),
    Column::number("Records held", 10),
    Column::text("Newest tie-out", 10),
    Column::text("As of (UTC)", 22),
    Column::text("Result", 12),
    Column::number("Open differences", 11),
    Column::text("Prepared by", 24),
    Column::text("Signed by", 24),
    Column::text("Suspended by", 60),
];

const CHANGES: [Column; 9] = [
    Column::text("Found (UTC)", 22),
    Column::text("Company", 10),
    Column::text("Period", 10),
    Column::text("Entity", 14),
    Column::text("Record", 30),
    Column::number("Version", 9),
    Column::text("What changed", 40),
    Column::text("State of the period then", 14),
    Column::text("Run", 38),
];

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn period(line: &PeriodLine) -> [Cell; 14] {
    let tied = line.tie_out.as_ref();
    let by = |wanted: CloseStep| {
        let step = line.steps.iter().find(|one| one.step == wanted && one.stands);
        Cell::from(step.map(|one| format!("{} at {}", one.by, instant(one.at))))
    };
    let suspended = line.steps.iter().rev().find(|one| one.step == CloseStep::Suspend).filter(|_| line.state == CloseState::Suspended);
    [
        line.company.as_str().into(),
        line.period.to_string().into(),
        line.ends.map(|day| day.to_string()).into(),
        line.state.as_str().into(),
        line.since.map(instant).into(),
        if line.frozen { "yes" } else { "no" }.into(),
        line.held.into(),
        tied.map(|one| one.tie_out.to_string()).into(),
        tied.map(|one| instant(one.at)).into(),
        tied.map(|one| one.verdict.to_string()).into(),
        tied.map_or(Cell::Empty, |one| one.open_items.into()),
        by(CloseStep::Prepare),
        by(CloseStep::Sign),
        suspended.map(|one| one.why.clone()).into(),
    ]
}

fn change(row: &CloseChangeRow) -> [Cell; 9] {
    [
        instant(row.found_at).into(),
        row.company.as_str().into(),
        FiscalPeriod::from_number(row.number).to_string().into(),
        row.entity.as_str().into(),
        DocumentKey::shown(&row.key).into(),
        i64::from(row.version).into(),
        row.kind.text().into(),
        row.state.as_str().into(),
        row.run_id.to_string().into(),
    ]
}

/// The names of columns as programs read them: `as_of`.
fn head<const COLUMNS: usize>(columns: &[Column; COLUMNS]) -> [String; COLUMNS] {
    columns.map(|column| column.name.to_lowercase().replace(" (utc)", "").replace(' ', "_"))
}

fn written<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Refused> {
    lines(rows).map_err(|error| Refused::NoFile(format!("the list could not be written: {error}")))
}

impl CloseFile {
    async fn periods(&self, process: &Process) -> Result<Vec<PeriodLine>, Refused> {
        let lines = list(process, self.company.as_deref()).await?;
        Ok(lines.into_iter().filter(|line| self.state.is_none_or(|state| line.state == state)).collect())
    }

    /// A page of changes, the newest first, before this one.
    async fn changes(&self, process: &Process, before: Option<i64>) -> Result<Vec<CloseChangeRow>, Refused> {
        radar(process, CloseChanges { company: self.company.clone(), period: None, before, limit: STEP }).await
    }

    async fn about(&self, process: &Process, periods: usize) -> Result<(About, DateTime<Utc>), Refused> {
        let now = process.store.time().await?;
        let set = process.store.definition_in_force().await?;
        let definitions = set.map_or_else(|| "none in force".to_owned(), |set| format!("{} (SHA-256 {})", set.number, set.hash));
        let program = concat!("Tieline ", env!("CARGO_PKG_VERSION"));
        let about = About {
            title: "Close of fiscal periods".to_owned(),
            foot: format!("Close as of {}; {program}; for {}", instant(now), self.by),
            facts: vec![
                ("As of (UTC)", instant(now)),
                ("Source", "the ledger: closes, their signatures, and changes that were found in SYSPRO".to_owned()),
                ("Filter", if self.filter.is_empty() { "none: every period".to_owned() } else { self.filter.clone() }),
                ("Lines", format!("{periods} periods; changes of the company are listed for every state")),
                ("Definitions", definitions),
                ("Program", program.to_owned()),
                ("File made for", self.by.clone()),
            ],
        };
        Ok((about, now))
    }

    /// The workbook: what it is about, the periods, the changes.
    ///
    /// # Errors
    /// [`Refused`]; an error of the ledger.
    pub async fn workbook(&self, process: &Process) -> Result<Vec<u8>, Refused> {
        let periods = self.periods(process).await?;
        let (about, now) = self.about(process, periods.len()).await?;
        let mut book = Workbook::new(&about, now)?;
        let mut sheet = book.sheet("Periods", &PERIODS)?;
        for line in &periods {
            sheet.row(&period(line))?;
        }
        sheet.filters()?;
        let mut sheet = book.sheet("Changes", &CHANGES)?;
        let mut before = None;
        loop {
            let page = self.changes(process, before).await?;
            for row in &page {
                sheet.row(&change(row))?;
            }
            match page.last() {
                Some(last) if page.len() as i64 == STEP => before = Some(last.id),
                _ => break,
            }
        }
        sheet.filters()?;
        Ok(book.finish()?)
    }

    /// The periods as CSV.
    ///
    /// # Errors
    /// [`Refused`]; an error of the ledger.
    pub async fn periods_csv(&self, process: &Process) -> Result<Vec<u8>, Refused> {
        let periods = self.periods(process).await?;
        written(std::iter::once(head(&PERIODS)).chain(periods.iter().map(|line| period(line).map(|cell| cell.text()))))
    }

    /// The changes as CSV, the newest first.
    ///
    /// # Errors
    /// [`Refused`]; an error of the ledger.
    pub async fn changes_csv(&self, process: &Process) -> Result<Vec<u8>, Refused> {
        let (mut bytes, mut before) = (written([head(&CHANGES)])?, None);
        loop {
            let page = self.changes(process, before).await?;
            bytes.extend(written(page.iter().map(|row| change(row).map(|cell| cell.text())))?);
            match page.last() {
                Some(last) if page.len() as i64 == STEP => before = Some(last.id),
                _ => return Ok(bytes),
            }
        }
    }
}
