//! SYSPRO's own fiscal periods: read at a tie-out, and kept in the ledger for the close.

use tracing::warn;

use super::Refused;
use super::syspro_table::{SysproRow, SysproTable, quoted};
use crate::domain::CompanyId;
use crate::domain::calendar::{Calendar, CalendarPeriod};
use crate::domain::fiscal::FiscalPeriod;
use crate::process::Process;
use crate::process::syspro_link::SysproLink;

/// A company's calendar and the code under which its ledger stands in SYSPRO's tables, which can hold the ledgers of several companies.
#[derive(Debug, Clone)]
pub(super) struct CompanyCalendar {
    pub(super) calendar: Calendar,
    /// The value of the column `Company`.
    pub(super) ledger: String,
}

/// Reads the calendar of a company, and keeps it. Answers why it could not be read, for people.
///
/// # Errors
/// An error of the ledger.
pub(super) async fn read(
    process: &Process,
    link: &Result<SysproLink, String>,
    company: &CompanyId,
) -> Result<Result<CompanyCalendar, String>, Refused> {
    let read = match link {
        Ok(link) => from_syspro(process, link, company).await,
        Err(why) => Err(why.clone()),
    };
    let kept = read.as_ref().map(|read| read.calendar.clone()).map_err(Clone::clone);
    if let Err(why) = &kept {
        warn!(%company, why, "SYSPRO's fiscal periods could not be read");
    }
    process.store.calendar_keep(company.clone(), kept).await?;
    Ok(read)
}

async fn from_syspro(process: &Process, link: &SysproLink, company: &CompanyId) -> Result<CompanyCalendar, String> {
    let settings = &process.settings.calendar;
    if settings.table.is_empty() {
        return Err("`calendar.table` names no table".to_owned());
    }
    let ends = numbered([&settings.current_ends, &settings.previous_ends], settings.periods);
    let states = numbered([&settings.current_states, &settings.previous_states], settings.periods);
    let mut columns = vec![settings.year.as_str(), &settings.period];
    let further: Vec<&str> = ends.iter().chain(&states).map(String::as_str).collect();
    columns.extend(&further);
    let dates: Vec<&str> = ends.iter().map(String::as_str).collect();
    let table = SysproTable::new(&settings.table, &[&settings.company], &columns).dates(&dates).optional(&further);
    let mut rows: Vec<CompanyCalendar> = Vec::new();
    let page_size = process.settings.syspro.page_size;
    table
        .read(link, company, page_size, |row, _| {
            rows.push(of_row(process, row));
            Ok(())
        })
        .await?;
    // a database may hold the ledgers of several companies
    let own = rows.iter().position(|row| row.ledger == company.as_str());
    match (own, rows.len()) {
        (Some(own), _) => Ok(rows.swap_remove(own)),
        (None, 1) => Ok(rows.swap_remove(0)),
        (None, 0) => Err(format!("SYSPRO's table `{}` has no row", settings.table)),
        (None, many) => Err(format!(
            "SYSPRO's table `{}` has {many} rows, and none whose `{}` is {}",
            settings.table,
            settings.company,
            quoted(company.as_str())
        )),
    }
}

/// The names of the columns that begin with these texts.
fn numbered(prefixes: [&str; 2], periods: i32) -> Vec<String> {
    prefixes.iter().flat_map(|prefix| (1..=periods).map(move |n| format!("{prefix}{n}"))).collect()
}

/// The calendar of a row. A period without an end does not exist.
fn of_row(process: &Process, row: SysproRow<'_>) -> CompanyCalendar {
    let settings = &process.settings.calendar;
    let year = row.whole(&settings.year);
    let mut periods = Vec::new();
    for (back, ends, states) in
        [(1, &settings.previous_ends, &settings.previous_states), (0, &settings.current_ends, &settings.current_states)]
    {
        for n in 1..=settings.periods {
            let period = year.and_then(|year| FiscalPeriod::of(year - back, Some(n)));
            let Some((period, ends)) = period.zip(row.date(&format!("{ends}{n}"))) else { continue };
            let status = row.text(&format!("{states}{n}"));
            let is = |words: &[String]| words.contains(&status);
            let open = if is(&settings.open) { Some(true) } else { is(&settings.closed).then_some(false) };
            periods.push(CalendarPeriod { period, ends, status, open });
        }
    }
    let current = year.zip(row.whole(&settings.period)).and_then(|(year, period)| FiscalPeriod::of(year, Some(period)));
    CompanyCalendar { calendar: Calendar { current, periods }, ledger: row.text(&settings.company) }
}
