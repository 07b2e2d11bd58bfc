//! The kinds of audit rows.

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
    /// ServiceNow confirmed a record, but one or more fields came back with another value than was sent.
    PartialWrite,
    /// An attempt failed for a temporary reason and will be repeated.
    Deferred,
    /// The answer was lost or cannot be trusted.
    Unknown,
    /// An unknown outcome was looked up.
    LookedUp,
    /// A delivery failed: it is not retried automatically.
    Failed,
    /// A delivery waits for a record that has not been delivered.
    Waiting,
    /// A delivery is on hold, because its record is.
    OnHold,
    /// A delivery that had failed, waited or been on hold is queued again.
    Released,
    /// A newer version replaced a delivery that had not been sent.
    Superseded,
    /// A column of SYSPRO has another kind of value than before.
    Drifted,
    /// The state of a record in ServiceNow after its delivery.
    Downstream,
    /// Someone asked for a record to be sent again.
    Replayed,
    /// People were notified, or could not be.
    Notice,
    /// An entry of the conflict list was opened, changed, decided or closed.
    Conflict,
    /// A run started, ended or failed.
    Run,
    /// Other definitions came into force.
    Definition,
    /// Rows that were older than `[retention]` allows were removed.
    Retention,
    /// A second person was asked for, answered, or too late.
    Approval,
    /// A period was prepared, signed, locked, unlocked or suspended, or a reason was given for a difference.
    Close,
    /// A task in ServiceNow was needed, created, changed or closed.
    Task,
    /// The ledger was restored: a new life of it started.
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
    Retention = "retention",
    Approval = "approval",
    Close = "close",
    Task = "task",
    Restored = "restored",
    Action = "action",
});

impl AuditKind {
    /// The audit kind of a delivery with this reason.
    pub fn of(reason: FailureReason) -> Self {
        match reason {
            FailureReason::MissingParent => Self::Waiting,
            FailureReason::OnHold => Self::OnHold,
            FailureReason::Rejected
            | FailureReason::Unmapped
            | FailureReason::Unreadable
            | FailureReason::Poison
            | FailureReason::Exhausted
            | FailureReason::Downstream
            | FailureReason::Conflict => Self::Failed,
        }
    }
}
