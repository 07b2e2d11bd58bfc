//! What a diagnostics run finds: one thing, how it stands, what was seen, what to do.

use serde::Serialize;

use crate::domain::next_step::NextStep;

/// How a probed thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Well.
    Ok,
    /// It works, but not wholly, or not for long.
    Warning,
    /// It cannot work.
    Failed,
    /// It does not let us know.
    CouldNotTell,
}

impl Verdict {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
            Verdict::CouldNotTell => "could not tell",
        }
    }
}

/// Where a thing belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The machine that the program runs on.
    #[default]
    Machine,
    /// The ledger.
    Database,
    /// SYSPRO, through either door.
    Syspro,
    /// The ServiceNow instance.
    ServiceNow,
}

impl Part {
    /// Every part, in the order in which they are checked.
    pub const ALL: [Part; 4] = [Part::Machine, Part::Database, Part::Syspro, Part::ServiceNow];

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Part::Machine => "This machine",
            Part::Database => "Database",
            Part::Syspro => "SYSPRO",
            Part::ServiceNow => "ServiceNow",
        }
    }
}

/// One thing that was checked.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// Where it belongs.
    #[serde(rename = "system")]
    pub part: Part,
    /// What.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to do; empty when nothing is.
    pub to_do: String,
    /// Whether a whole system could not be reached.
    pub unreachable: bool,
}

impl Finding {
    /// All is well.
    pub fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::of(Verdict::Ok, what, found, None)
    }

    /// It could not be told.
    pub fn unknown(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(Verdict::CouldNotTell, what, found, Some(to_do))
    }

    /// It works, but not wholly, or not for long.
    pub fn warning(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(Verdict::Warning, what, found, Some(to_do))
    }

    /// It cannot work.
    pub fn failed(what: impl Into<String>, found: impl Into<String>, to_do: NextStep) -> Self {
        Self::of(Verdict::Failed, what, found, Some(to_do))
    }

    /// A finding; without a step there is nothing to do.
    pub fn of(verdict: Verdict, what: impl Into<String>, found: impl Into<String>, to_do: Option<NextStep>) -> Self {
        let to_do = to_do.map(|step| step.to_string()).unwrap_or_default();
        Self { part: Part::default(), what: what.into(), verdict, found: found.into(), to_do, unreachable: false }
    }

    /// The same, of a system that could not be reached.
    #[must_use]
    pub fn unreachable(mut self, unreachable: bool) -> Self {
        self.unreachable = unreachable;
        self
    }
}
