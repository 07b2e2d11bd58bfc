//! Words of the tie-out: the comparison of SYSPRO's records with ServiceNow's rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::next_step::NextStep;

/// The state of a tie-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TieOutState {
    /// A process makes it.
    Running,
    /// It has ended, and says what it found.
    Done,
    /// It has ended early, and says nothing about the two sides.
    Failed,
}

words!(TieOutState { Running = "running", Done = "done", Failed = "failed" });

/// The result for one period and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TieOutResult)]
pub enum Verdict {
    /// Both sides have the same records with the same values.
    Tied,
    /// The amounts agree, and differences remain: some that the next runs end, or some without effect on the amount.
    Balanced,
    /// The amounts differ, or a person must look at a difference.
    Untied,
    /// One side could not be read completely.
    Unverified,
}

words!(Verdict { Tied = "tied", Balanced = "balanced", Untied = "untied", Unverified = "unverified" });

/// How a record differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TieOutDifference)]
pub enum Difference {
    /// ServiceNow has no row for it.
    Missing,
    /// ServiceNow has a row, and SYSPRO has no record.
    Extra,
    /// ServiceNow has more than one row for it.
    Twice,
    /// A field has two values.
    Differs,
    /// It cannot be mapped, so that it is not known what ServiceNow should have.
    Unmapped,
}

words!(Difference { Missing = "missing", Extra = "extra", Twice = "twice", Differs = "differs", Unmapped = "unmapped" });

impl Difference {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "missing in ServiceNow",
            Self::Extra => "only in ServiceNow",
            Self::Twice => "more than once in ServiceNow",
            Self::Differs => "two values",
            Self::Unmapped => "cannot be mapped",
        }
    }
}

/// How long ago a difference was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Less than a day.
    Day,
    /// From a day to a week.
    Week,
    /// From a week to 30 days.
    Month,
    /// From 30 to 90 days.
    Quarter,
    /// Longer.
    Older,
}

words!(Age { Day = "day", Week = "week", Month = "month", Quarter = "quarter", Older = "older" });

impl Age {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Day => "less than a day",
            Self::Week => "1 to 7 days",
            Self::Month => "7 to 30 days",
            Self::Quarter => "30 to 90 days",
            Self::Older => "more than 90 days",
        }
    }
}

/// A fiscal period for people: `2026/03`, `2026`, or nothing.
pub fn period_text(year: Option<i32>, period: Option<i32>) -> String {
    match (year, period) {
        (Some(year), Some(period)) => format!("{year}/{period:02}"),
        (Some(year), None) => year.to_string(),
        _ => String::new(),
    }
}

/// The fiscal year and period of a text as [`period_text`] writes it, or with a hyphen (`2026-03`).
pub fn parse_period(text: &str) -> Option<(i32, Option<i32>)> {
    match text.split_once(['/', '-']) {
        Some((year, period)) => Some((year.parse().ok()?, Some(period.parse().ok()?))),
        None => Some((text.parse().ok()?, None)),
    }
}

/// A fiscal year and period for programs: `2026-03`, `2026`, or nothing.
pub fn period_word(year: Option<i32>, period: Option<i32>) -> Option<String> {
    let year = year?;
    Some(period.map_or_else(|| year.to_string(), |period| FiscalPeriod { year, period }.to_string()))
}

/// One fiscal period: `2026-03`. The year and the period are those of SYSPRO's ledger, not of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiscalPeriod {
    /// The fiscal year.
    pub year: i32,
    /// The period within it, from 1.
    pub period: i32,
}

impl FiscalPeriod {
    /// Whether a record of this year and period belongs to it.
    pub fn has(self, year: Option<i32>, period: Option<i32>) -> bool {
        (year, period) == (Some(self.year), Some(self.period))
    }
}

impl fmt::Display for FiscalPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.year, self.period)
    }
}

/// What a tie-out is to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these companies; empty: all.
    pub companies: Vec<String>,
    /// Only these entities; empty: all.
    pub entities: Vec<String>,
    /// Only records of this fiscal period.
    pub period: Option<FiscalPeriod>,
    /// Whether ServiceNow's tables are listed even if they have not changed since the last tie-out.
    pub fresh: bool,
}

impl Scope {
    /// Whether a flow is to be compared.
    pub fn has(&self, company: &str, entity: &str) -> bool {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        wanted(&self.companies, company) && wanted(&self.entities, entity)
    }
}

/// A text that is no fiscal period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fiscal period: write the year and the period of SYSPRO's ledger, such as `2026-03`")]
pub struct NoPeriod(String);

impl FromStr for FiscalPeriod {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NoPeriod(text.to_owned());
        let (year, period) = text.trim().split_once(['-', '/']).ok_or_else(wrong)?;
        let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
            let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i32>().ok().filter(|number| plain && *number > 0)
        };
        match (number(year, 4..=4), number(period, 1..=2)) {
            (Some(year), Some(period)) => Ok(Self { year, period }),
            _ => Err(wrong()),
        }
    }
}

/// Why a record differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TieOutCause)]
pub enum Cause {
    /// No run has read it, or its newest content, yet.
    NotReadYet,
    /// It is queued, or being sent.
    Queued,
    /// A record that it refers to has not been delivered.
    Waiting,
    /// Its delivery failed.
    Failed,
    /// Whether it arrived is looked up.
    Unknown,
    /// A person holds it.
    OnHold,
    /// ServiceNow refused it after its delivery.
    Downstream,
    /// A rule of the settings or the definition leaves it out.
    LeftOut,
    /// ServiceNow has received it and has not processed it yet.
    Staged,
    /// SYSPRO no longer has it, and no sweep has marked it yet.
    Gone,
    /// SYSPRO's period end has removed it after it was settled, and no sweep has marked it yet.
    Purged,
    /// It was sent under other definitions than those in force.
    Outdated,
    /// ServiceNow's column rounds the value, or has it in another currency.
    Rounding,
    /// ServiceNow did not keep the field as it was sent.
    PartialWrite,
    /// Somebody changed the row in ServiceNow.
    #[serde(rename = "changed_in_servicenow")]
    ChangedInServiceNow,
    /// ServiceNow counts its row and does not show it.
    Hidden,
    /// It was delivered, and its row is not there any more.
    #[serde(rename = "deleted_in_servicenow")]
    DeletedInServiceNow,
    /// Two rows carry its key.
    Twice,
    /// The ledger has no record for the row.
    UnknownRow,
    /// None of these.
    Unexplained,
}

words!(Cause {
    NotReadYet = "not_read_yet",
    Queued = "queued",
    Waiting = "waiting",
    Failed = "failed",
    Unknown = "unknown",
    OnHold = "on_hold",
    Downstream = "downstream",
    LeftOut = "left_out",
    Staged = "staged",
    Gone = "gone",
    Purged = "purged",
    Outdated = "outdated",
    Rounding = "rounding",
    PartialWrite = "partial_write",
    ChangedInServiceNow = "changed_in_servicenow",
    Hidden = "hidden",
    DeletedInServiceNow = "deleted_in_servicenow",
    Twice = "twice",
    UnknownRow = "unknown_row",
    Unexplained = "unexplained",
});

impl Cause {
    /// Causes that no person need look at: the next runs end them, or a rule intends them. [`Cause::Staged`] is one as long as ServiceNow
    /// has had time to process the record.
    pub const TIMING: &'static [Cause] =
        &[Self::NotReadYet, Self::Queued, Self::Unknown, Self::LeftOut, Self::Staged, Self::Gone, Self::Purged];

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotReadYet => "not read yet",
            Self::Queued => "queued or sending",
            Self::Waiting => "waits for a parent",
            Self::Failed => "failed",
            Self::Unknown => "outcome unknown",
            Self::OnHold => "on hold",
            Self::Downstream => "refused in ServiceNow after its delivery",
            Self::LeftOut => "left out by a rule",
            Self::Staged => "staged in ServiceNow, not processed yet",
            Self::Gone => "gone in SYSPRO",
            Self::Purged => "purged at SYSPRO's period end",
            Self::Outdated => "sent under former definitions",
            Self::Rounding => "rounded or in another currency in ServiceNow's column",
            Self::PartialWrite => "ServiceNow did not keep the field",
            Self::ChangedInServiceNow => "changed in ServiceNow",
            Self::Hidden => "hidden in ServiceNow",
            Self::DeletedInServiceNow => "deleted in ServiceNow",
            Self::Twice => "several rows with its key",
            Self::UnknownRow => "a row without a record",
            Self::Unexplained => "the cause could not be found",
        }
    }

    /// What to do.
    pub fn next_step(self) -> NextStep {
        match self {
            Self::NotReadYet => NextStep::TieOutNotRead,
            Self::Queued | Self::Unknown => NextStep::TieOutQueued,
            Self::Waiting | Self::Failed | Self::Downstream => NextStep::TieOutFailed,
            Self::OnHold => NextStep::OnHold,
            Self::LeftOut => NextStep::TieOutLeftOut,
            Self::Staged => NextStep::TieOutStaged,
            Self::Gone => NextStep::TieOutGone,
            Self::Purged => NextStep::TieOutPurged,
            Self::Outdated => NextStep::TieOutOutdated,
            Self::Rounding => NextStep::TieOutRounding,
            Self::PartialWrite => NextStep::KeptOtherwise,
            Self::Hidden => NextStep::TieOutHidden,
            Self::ChangedInServiceNow => NextStep::TieOutChangedThere,
            Self::DeletedInServiceNow => NextStep::TieOutDeletedThere,
            Self::Twice => NextStep::TieOutTwice,
            Self::UnknownRow => NextStep::TieOutUnknownRow,
            Self::Unexplained => NextStep::TieOutUnexplained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for (year, period, text) in [(2026, Some(3), "2026/03"), (2026, Some(12), "2026/12"), (2026, None, "2026")] {
            assert_eq!(period_text(Some(year), period), text);
            assert_eq!(parse_period(text), Some((year, period)));
        }
        assert_eq!(period_text(None, None), "");
        for nonsense in ["", "March", "2026/", "/03"] {
            assert_eq!(parse_period(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_fiscal_period_is_a_year_and_a_period() {
        for (text, year, period) in [("2026-03", 2026, 3), ("2026-3", 2026, 3), ("2026/13", 2026, 13)] {
            assert_eq!(text.parse(), Ok(FiscalPeriod { year, period }), "{text}");
        }
        assert_eq!(FiscalPeriod { year: 2026, period: 3 }.to_string(), "2026-03");
        for nonsense in ["", "2026", "26-03", "2026-", "-03", "2026-00", "2026-123", "2026-+3", "March"] {
            assert!(nonsense.parse::<FiscalPeriod>().is_err(), "{nonsense}");
        }
        let period = FiscalPeriod { year: 2026, period: 3 };
        assert!(period.has(Some(2026), Some(3)));
        assert!(!period.has(Some(2026), None) && !period.has(None, None) && !period.has(Some(2025), Some(3)));
        assert_eq!(period_word(Some(2026), Some(3)).as_deref(), Some("2026-03"));
        assert_eq!((period_word(Some(2026), None).as_deref(), period_word(None, Some(3))), (Some("2026"), None));
    }
}
