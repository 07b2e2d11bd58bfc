//! A company's fiscal calendar, as SYSPRO has it. Pure.

use chrono::NaiveDate;
use serde::Serialize;

use super::fiscal::FiscalPeriod;

/// Where the end of a period comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndFrom {
    /// `close.period_ends` in the settings.
    Settings,
    /// SYSPRO's calendar.
    Syspro,
}

impl EndFrom {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Settings => "the settings",
            Self::Syspro => "SYSPRO's calendar",
        }
    }
}

/// A period of SYSPRO's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CalendarPeriod {
    /// The period.
    #[schema(value_type = String)]
    pub period: FiscalPeriod,
    /// Its last day.
    pub ends: NaiveDate,
    /// SYSPRO's own word for open or closed; empty: none.
    pub status: String,
    /// What it means; null: the settings do not say.
    pub open: Option<bool>,
}

/// A company's calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The current period.
    pub current: Option<FiscalPeriod>,
    /// The periods of the current year and the one before, in order.
    pub periods: Vec<CalendarPeriod>,
}

/// Periods of a year whose ends are not known.
const MONTHS: i32 = 12;

impl Calendar {
    /// The period before this one. A period that ends on the day of the one before it, such as one for adjustments after the end of a year,
    /// is no month of its own.
    pub fn before(&self, period: FiscalPeriod) -> Option<FiscalPeriod> {
        let mut months: Vec<&CalendarPeriod> = self.periods.iter().collect();
        months.sort_by_key(|one| one.period);
        months.dedup_by_key(|one| one.ends);
        let known = months.iter().rposition(|one| one.period < period).map(|at| months[at].period);
        let at = period.period()?;
        // what the calendar has of the year before may begin later than the period that is asked for
        match known {
            Some(known) if known.year() == period.year() || at == 1 => Some(known),
            _ if at > 1 => FiscalPeriod::of(period.year(), Some(at - 1)),
            _ => FiscalPeriod::of(period.year() - 1, Some(MONTHS)),
        }
    }
}

impl Calendar {
    /// The period after this one, in the same way.
    pub fn after(&self, period: FiscalPeriod) -> Option<FiscalPeriod> {
        let at = period.period()?;
        let days = |of: FiscalPeriod| self.periods.iter().find(|one| one.period == of).map(|one| one.ends);
        let next = FiscalPeriod::of(period.year(), Some(at + 1));
        let first = FiscalPeriod::of(period.year() + 1, Some(1));
        match next.map(|next| (days(period), days(next))) {
            Some((Some(own), Some(next_ends))) if next_ends > own => next,
            // the last month of a year that is known
            Some((Some(_), _)) if at >= MONTHS => first,
            _ if at < MONTHS => next,
            _ => first,
        }
    }

    /// The period that is this many later, or earlier.
    pub fn shifted(&self, period: FiscalPeriod, by: i32) -> Option<FiscalPeriod> {
        (0..by.abs()).try_fold(period, |period, _| if by > 0 { self.after(period) } else { self.before(period) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let period = |text: &str, ends: &str| CalendarPeriod {
            period: text.parse().expect("a period"),
            ends: ends.parse().expect("a day"),
            status: String::new(),
            open: None,
        };
        Calendar {
            current: None,
            periods: vec![
                period("2025-11", "2025-05-31"),
                period("2025-12", "2025-06-30"),
                period("2025-13", "2025-06-30"),
                period("2026-01", "2025-07-31"),
                period("2026-02", "2025-08-31"),
            ],
        }
    }

    #[test]
    fn a_period_for_adjustments_is_no_month() {
        let before = |text: &str| calendar().before(text.parse().expect("a period")).map(|period| period.to_string());
        assert_eq!(before("2026-02").as_deref(), Some("2026-01"));
        assert_eq!(before("2026-01").as_deref(), Some("2025-12"));
        assert_eq!(before("2025-12").as_deref(), Some("2025-11"));
    }

    #[test]
    fn a_period_is_shifted_over_the_end_of_a_year() {
        let shifted = |text: &str, by| calendar().shifted(text.parse().expect("a period"), by).map(|period| period.to_string());
        assert_eq!(shifted("2025-12", 1).as_deref(), Some("2026-01"));
        assert_eq!(shifted("2026-01", -2).as_deref(), Some("2025-11"));
        assert_eq!(shifted("2026-01", 1).as_deref(), Some("2026-02"));
        assert_eq!(shifted("2026-02", 0).as_deref(), Some("2026-02"));
    }

    #[test]
    fn without_a_calendar_a_year_has_twelve_months() {
        let before = |text: &str| Calendar::default().before(text.parse().expect("a period")).map(|period| period.to_string());
        assert_eq!(before("2026-02").as_deref(), Some("2026-01"));
        assert_eq!(before("2026-01").as_deref(), Some("2025-12"));
        assert_eq!(before("2026"), None);
    }
}
