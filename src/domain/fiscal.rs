//! Fiscal periods: those of SYSPRO's ledger, not of the calendar. One type, read and written in one way (`2026-03`). Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A fiscal period: a year and a period of it, or a year without periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiscalPeriod(i32);

/// The most periods of a year.
const PERIODS: i32 = 99;

impl FiscalPeriod {
    /// Of a year and a period; `None` if the ledger has no number for it.
    pub fn of(year: i32, period: Option<i32>) -> Option<Self> {
        let period = period.unwrap_or(0);
        ((1..=9999).contains(&year) && (0..=PERIODS).contains(&period)).then(|| Self(year * 100 + period))
    }

    /// By its number in the ledger: year * 100 + period.
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Its number in the ledger.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.0 / 100
    }

    /// The period, from 1; `None`: a year without periods.
    pub fn period(self) -> Option<i32> {
        Some(self.0 % 100).filter(|period| *period > 0)
    }

    /// Whether a record of this year and period belongs to it.
    pub fn has(self, year: Option<i32>, period: Option<i32>) -> bool {
        (year, period) == (Some(self.year()), self.period())
    }

    /// The period of a text that must name one, not a year alone.
    ///
    /// # Errors
    /// [`NoPeriod`].
    pub fn within_year(text: &str) -> Result<Self, NoPeriod> {
        let found: Self = text.parse()?;
        found.period().map(|_| found).ok_or_else(|| NoPeriod(text.to_owned()))
    }
}

impl fmt::Display for FiscalPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&period_text(Some(self.year()), self.period()))
    }
}

impl Serialize for FiscalPeriod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no fiscal period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fiscal period: write the year and the period of SYSPRO's ledger, such as `2026-03`")]
pub struct NoPeriod(String);

impl FromStr for FiscalPeriod {
    type Err = NoPeriod;

    /// `2026-03`, `2026-3`, `2026/03` and `2026`.
    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
            let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i32>().ok().filter(|number| plain && *number > 0)
        };
        let parsed = match text.trim().split_once(['-', '/']) {
            Some((year, period)) => number(year, 4..=4).zip(number(period, 1..=2)).and_then(|(year, period)| Self::of(year, Some(period))),
            None => number(text.trim(), 4..=4).and_then(|year| Self::of(year, None)),
        };
        parsed.ok_or_else(|| NoPeriod(text.to_owned()))
    }
}

/// A fiscal year and period as a record has them: `2026-03`, `2026`, or nothing.
pub fn period_text(year: Option<i32>, period: Option<i32>) -> String {
    match (year, period) {
        (Some(year), Some(period)) => format!("{year:04}-{period:02}"),
        (Some(year), None) => format!("{year:04}"),
        _ => String::new(),
    }
}

/// The same for programs: nothing is `None`.
pub fn period_word(year: Option<i32>, period: Option<i32>) -> Option<String> {
    Some(period_text(year, period)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for text in ["2026-03", "2026/03", " 2026-3 "] {
            assert_eq!(text.parse::<FiscalPeriod>().map(|period| (period.number(), period.to_string())), Ok((202_603, "2026-03".into())));
        }
        assert_eq!(FiscalPeriod::of(2026, Some(13)).map(|period| period.to_string()), Some("2026-13".into()));
        assert_eq!(FiscalPeriod::of(99, Some(1)).map(|period| period.to_string().parse()), Some(Ok(FiscalPeriod(9_901))));
        let year: FiscalPeriod = "2026".parse().expect("a year");
        assert_eq!((year.year(), year.period(), year.to_string()), (2026, None, "2026".into()));
        for wrong in
            ["", "March", "26-03", "2026-", "-03", "2026-00", "2026/100", "2026-123", "0000-01", "+2026-03", "2026-+3", "2026-03-01"]
        {
            assert_eq!(wrong.parse::<FiscalPeriod>(), Err(NoPeriod(wrong.to_owned())));
        }
    }

    #[test]
    fn a_year_alone_is_no_period_within_it() {
        assert_eq!(FiscalPeriod::within_year("2026-03"), Ok(FiscalPeriod(202_603)));
        assert_eq!(FiscalPeriod::within_year("2026"), Err(NoPeriod("2026".into())));
    }

    #[test]
    fn a_record_belongs_to_the_period_of_its_year_and_period() {
        let period = FiscalPeriod(202_603);
        assert!(period.has(Some(2026), Some(3)));
        assert!(!period.has(Some(2026), None) && !period.has(None, None) && !period.has(Some(2025), Some(3)));
        assert!(FiscalPeriod(202_600).has(Some(2026), None));
        assert_eq!((period_text(Some(2026), Some(3)), period_word(None, Some(3))), ("2026-03".into(), None));
        assert_eq!(period_text(Some(0), Some(0)), "0000-00", "whatever SYSPRO has is shown");
    }
}
