//! What an examination finds: one thing, how it stands, what was seen, what to do.

use serde::Serialize;

/// How a probed thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
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
        Self { what: what.into(), verdict: Verdict::Ok, found: found.into(), to_do: String::new(), unreachable: false }
    }

    /// It could not be told.
    pub fn unknown(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { verdict: Verdict::CouldNotTell, ..Self::failed(what, found, to_do) }
    }

    /// It works, but not wholly, or not for long.
    pub fn warning(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::failed(what, found, to_do) }
    }

    /// It cannot work.
    pub fn failed(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Failed, found: found.into(), to_do: to_do.into(), unreachable: false }
    }

    /// The same, of a system that could not be reached.
    #[must_use]
    pub fn unreachable(mut self, unreachable: bool) -> Self {
        self.unreachable = unreachable;
        self
    }
}
