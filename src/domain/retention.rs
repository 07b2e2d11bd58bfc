//! What the ledger deletes when it is old, and how long it is kept. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// A table from which retention removes rows; the words are the names of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptTable {
    /// Versions that a newer one has replaced.
    Version,
    /// Deliveries that were superseded in ServiceNow.
    Delivery,
    /// Records whose state after delivery is settled.
    Downstream,
    /// Closed entries of the conflict list.
    Conflict,
    /// Backfills that have ended.
    Backfill,
    /// Runs that have ended.
    Run,
    /// Notices.
    Notice,
    /// Answers for an `Idempotency-Key`.
    Idempotency,
    /// Sessions of the console that have ended.
    ConsoleSession,
    /// Nodes without a heartbeat.
    Node,
    /// Events of the audit, by whole seals.
    Event,
}

words!(KeptTable {
    Version = "version",
    Delivery = "delivery",
    Downstream = "downstream",
    Conflict = "conflict",
    Backfill = "backfill",
    Run = "run",
    Notice = "notice",
    Idempotency = "idempotency",
    ConsoleSession = "console_session",
    Node = "node",
    Event = "event",
});

impl KeptTable {
    /// Whether removed rows go into the archive. Sessions and stored answers do not: an archive must hold nothing that identifies a caller.
    pub fn is_archived(self) -> bool {
        !matches!(self, Self::Idempotency | Self::ConsoleSession | Self::Node)
    }
}

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// They are never removed.
    Forever,
    /// This number of days.
    Days(u32),
    /// This number of years.
    Years(u32),
}

impl Kept {
    /// The time as an interval of Postgres; `None` for ever.
    pub fn interval(self) -> Option<String> {
        match self {
            Self::Forever => None,
            Self::Days(days) => Some(format!("{days} days")),
            Self::Years(years) => Some(format!("{years} years")),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("never removed"),
            Self::Days(1) => f.write_str("1 day"),
            Self::Years(1) => f.write_str("1 year"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Years(years) => write!(f, "{years} years"),
        }
    }
}
