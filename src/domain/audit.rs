//! What an audit row can say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::{FailureReason, words};

/// The kinds of audit rows. Each is written in the transaction of the step that it records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// A document was read for the first time, or with a new content.
    VersionRead,
    /// SYSPRO no longer has the document.
    DeletionSeen,
    /// A batch is about to be sent: the intent.
    Attempted,
    /// ServiceNow confirmed a record.
    Confirmed,
    /// ServiceNow confirmed a record, but one or more fields came back other than sent.
    PartialWrite,
    /// A try failed for a passing reason and will be repeated.
    Deferred,
    /// The answer was lost or not believable.
    Unknown,
    /// An unknown outcome was looked up.
    LookedUp,
    /// A delivery failed: it is not tried again automatically.
    Failed,
    /// A delivery waits for a record that has not been delivered.
    Waiting,
    /// A delivery is on hold, as its record is.
    OnHold,
    /// A delivery that had failed, waited or was on hold is queued again.
    Released,
    /// A newer version took the place of a delivery that had not been sent.
    Superseded,
    /// A column of SYSPRO holds another kind of value than until now.
    Drifted,
    /// What became of a record in ServiceNow after it had arrived.
    Downstream,
    /// Someone asked for a record to be sent again.
    Replayed,
    /// People were told of something, or could not be.
    Notice,
    /// Something stands in the conflict list: it came, changed, was decided or left it.
    Conflict,
    /// A run began, ended or failed.
    Run,
    /// Other definitions came into force.
    Definition,
    /// The ledger was restored: a new life of it began.
    Restored,
    /// A flow was paused, resumed or run by hand; a key, a credential or a setting changed.
    Action,
}

words!(AuditKind {
    VersionRead = "version_read",
    DeletionSeen = "deletion_seen",
    Attempted = "attempted",
    Confirmed = "confirmed",
    PartialWrite = "partial_write",
    Deferred = "deferred",
    Unknown = "unknown",
    LookedUp = "looked_up",
    Failed = "failed",
    Waiting = "waiting",
    OnHold = "on_hold",
    Released = "released",
    Superseded = "superseded",
    Drifted = "drifted",
    Downstream = "downstream",
    Replayed = "replayed",
    Notice = "notice",
    Conflict = "conflict",
    Run = "run",
    Definition = "definition",
    Restored = "restored",
    Action = "action",
});

impl AuditKind {
    /// The kind that says that a delivery stands so for this reason.
    pub fn of(reason: FailureReason) -> Self {
        match reason {
            FailureReason::MissingParent => Self::Waiting,
            FailureReason::OnHold => Self::OnHold,
            FailureReason::Rejected
            | FailureReason::Unreadable
            | FailureReason::Poison
            | FailureReason::Exhausted
            | FailureReason::DownstreamFailed
            | FailureReason::Conflict => Self::Failed,
        }
    }
}
