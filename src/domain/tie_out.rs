//! Words of the tie-out: the comparison of SYSPRO's records with ServiceNow's rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::fiscal::FiscalPeriod;
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
        self.has_company(company) && (self.entities.is_empty() || self.entities.iter().any(|one| one == entity))
    }

    /// Whether flows of a company are to be compared.
    pub fn has_company(&self, company: &str) -> bool {
        self.companies.is_empty() || self.companies.iter().any(|one| one == company)
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
