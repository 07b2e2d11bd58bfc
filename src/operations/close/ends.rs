//! When fiscal periods end: by the settings, or else by SYSPRO's own calendar.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::calendar::{CalendarPeriod, EndFrom};
use crate::domain::fiscal::FiscalPeriod;
use crate::operations::Refused;
use crate::process::Process;
use crate::store::KeptCalendar;

/// The last day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeriodEnd {
    pub(super) day: NaiveDate,
    pub(super) from: EndFrom,
}

/// What SYSPRO's calendar says of a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodInSyspro {
    /// Its last day there, which the settings may override.
    pub ends: NaiveDate,
    /// SYSPRO's own word for open or closed; empty: none.
    pub status: String,
    /// What it means; null: the settings do not say.
    pub open: Option<bool>,
    /// Whether it is SYSPRO's current period.
    pub current: bool,
    /// When the calendar was read the last time, or could not be read.
    pub read_at: DateTime<Utc>,
    /// Why it could not be read then.
    pub problem: Option<String>,
}

impl PeriodInSyspro {
    /// Whether it is open, for people.
    pub fn text(&self) -> String {
        let word = if self.status.is_empty() { String::new() } else { format!(" ({})", self.status) };
        let state = match self.open {
            Some(true) => "open",
            Some(false) => "closed",
            None => "open or closed: not known",
        };
        format!("{state}{word}{}", if self.current { ", current" } else { "" })
    }
}

/// The ends of the periods of all companies, or of one.
pub(super) struct Ends<'a> {
    process: &'a Process,
    calendars: BTreeMap<String, KeptCalendar>,
}

impl<'a> Ends<'a> {
    /// # Errors
    /// An error of the ledger.
    pub(super) async fn read(process: &'a Process, company: Option<&str>) -> Result<Self, Refused> {
        let calendars = process.store.calendars(company.map(str::to_owned)).await?;
        Ok(Self { process, calendars })
    }

    /// The end of a company's period; `None`: nobody says it.
    pub(super) fn of(&self, company: &str, period: FiscalPeriod) -> Option<PeriodEnd> {
        let own = self.process.settings.close.end_of(company, period).map(|day| PeriodEnd { day, from: EndFrom::Settings });
        own.or_else(|| self.row(company, period).map(|(_, row)| PeriodEnd { day: row.ends, from: EndFrom::Syspro }))
    }

    fn row(&self, company: &str, period: FiscalPeriod) -> Option<(&KeptCalendar, &CalendarPeriod)> {
        let kept = self.calendars.get(company)?;
        Some((kept, kept.calendar.periods.iter().find(|one| one.period == period)?))
    }

    /// What SYSPRO's calendar says of a period.
    pub(super) fn in_syspro(&self, company: &str, period: FiscalPeriod) -> Option<PeriodInSyspro> {
        let (kept, row) = self.row(company, period)?;
        Some(PeriodInSyspro {
            ends: row.ends,
            status: row.status.clone(),
            open: row.open,
            current: kept.calendar.current == Some(period),
            read_at: kept.read_at,
            problem: kept.problem.clone(),
        })
    }

    /// The periods of a company that have begun: those of the settings, and those of the calendar up to the current one.
    pub(super) fn periods(&self, company: &str) -> Vec<FiscalPeriod> {
        let calendar = self.calendars.get(company).map(|kept| &kept.calendar);
        let current = calendar.and_then(|calendar| calendar.current);
        let own = calendar.into_iter().flat_map(|calendar| &calendar.periods).map(|one| one.period);
        let begun = own.filter(|period| current.is_none_or(|current| *period <= current));
        self.process.settings.close.periods_of(company).chain(begun).collect()
    }
}
