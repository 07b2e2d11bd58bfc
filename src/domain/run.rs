//! One execution of a flow, a sweep, a replay, a backfill or a tie-out.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// The kind of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// The windowed read of a flow.
    Poll,
    /// The full re-read that finds silent edits and deletions.
    Sweep,
    /// Sends selected records again.
    Replay,
    /// Reading a period of history again.
    Backfill,
}

words!(RunKind { Poll = "poll", Sweep = "sweep", Replay = "replay", Backfill = "backfill" });

/// What wants a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A schedule, or a backfill that continues.
    Schedule,
    /// A person: a paused flow runs all the same, and what waits for its next attempt is sent now.
    Person,
}

/// The state or result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It has not ended.
    Running,
    /// It finished.
    Done,
    /// It did not finish.
    Failed,
}

words!(RunOutcome { Running = "running", Done = "done", Failed = "failed" });

/// What a row of the audit says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// It started.
    Begun,
    /// As [`RunOutcome::Done`].
    Done,
    /// As [`RunOutcome::Failed`].
    Failed,
}

words!(RunEvent { Begun = "begun", Done = "done", Failed = "failed" });

/// The state of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    /// It is being read, or waits.
    Open,
    /// Everything requested has been read.
    Done,
    /// A person ended it early.
    Cancelled,
}

words!(BackfillState { Open = "open", Done = "done", Cancelled = "cancelled" });

/// The counts of a run, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Documents read from SYSPRO.
    pub read: i64,
    /// Documents seen for the first time.
    pub new: i64,
    /// Documents whose content differs from the version before.
    pub changed: i64,
    /// Documents whose content is the same.
    pub unchanged: i64,
    /// Documents that SYSPRO no longer has.
    #[serde(rename = "gone")]
    pub deleted: i64,
    /// Records that are completely delivered to ServiceNow.
    pub delivered: i64,
    /// Parts (headers and lines) sent to ServiceNow, repeats included.
    pub sent: i64,
    /// Parts that ServiceNow confirmed.
    pub confirmed: i64,
}

impl AddAssign for RunCounts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.deleted += other.deleted;
        self.delivered += other.delivered;
        self.sent += other.sent;
        self.confirmed += other.confirmed;
    }
}
