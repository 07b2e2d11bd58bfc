//! A finding of diagnostics: one item, its verdict, what was seen, what to do.

use serde::Serialize;

use crate::domain::next_step::NextStep;

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It works.
    Ok,
    /// It works, but not completely, or not for long.
    Warning,
    /// It cannot work.
    Failed,
    /// The check could not be completed.
    Unknown,
}

impl CheckResult {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            CheckResult::Ok => "ok",
            CheckResult::Warning => "warning",
            CheckResult::Failed => "FAILED",
            CheckResult::Unknown => "unknown",
        }
    }
}

/// The part of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The machine that the program runs on.
    #[default]
    Machine,
    /// The ledger.
    Database,
    /// SYSPRO, through OData or e.net.
    Syspro,
    /// The ServiceNow instance.
    ServiceNow,
}

impl Part {
    /// Every part, in the order of the checks.
    pub const ALL: [Part; 4] = [Part::Machine, Part::Database, Part::Syspro, Part::ServiceNow];

    /// The title for people.
    pub fn title(self) -> &'static str {
        match self {
            Part::Machine => "This machine",
            Part::Database => "Database",
            Part::Syspro => "SYSPRO",
            Part::ServiceNow => "ServiceNow",
        }
    }
}

/// One checked item.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// Its part.
    #[serde(rename = "system")]
    pub part: Part,
    /// The item.
    pub what: String,
    /// The result.
    pub verdict: CheckResult,
    /// What was seen.
    pub found: String,
    /// What to do; empty when there is nothing to do.
    pub to_do: String,
    /// Whether a whole system could not be reached.
    pub unreachable: bool,
}

impl Finding {
    /// It works.
    pub fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::of(CheckResult::Ok, what, found, None)
    }

    /// The check could not be completed.
    pub fn unknown(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(CheckResult::Unknown, what, found, Some(to_do))
    }

    /// It works, but not completely, or not for long.
    pub fn warning(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(CheckResult::Warning, what, found, Some(to_do))
    }

    /// It cannot work.
    pub fn failed(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(CheckResult::Failed, what, found, Some(to_do))
    }

    /// A finding; without a step there is nothing to do.
    pub fn of(verdict: CheckResult, what: impl Into<String>, found: impl Into<String>, to_do: Option<NextStep>) -> Self {
        let to_do = to_do.map(|step| step.to_string()).unwrap_or_default();
        Self { part: Part::default(), what: what.into(), verdict, found: found.into(), to_do, unreachable: false }
    }

    /// The same; `unreachable`: because the system could not be reached.
    #[must_use]
    pub fn unreachable_if(mut self, unreachable: bool) -> Self {
        self.unreachable = unreachable;
        self
    }
}
