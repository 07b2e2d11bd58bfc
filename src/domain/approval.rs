//! Actions that need a second person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// What may need a second person, as `[approvals]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A period is unlocked.
    Unlock,
    /// Two lists are aligned for the first time.
    Adopt,
    /// More records are sent again than `flows.change_limit` allows.
    ChangeLimit,
}

words!(ApprovalKind { Unlock = "unlock", Adopt = "adopt", ChangeLimit = "change_limit" });

/// The state of a request for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has answered.
    Asked,
    /// A second person approved it, and it has not been done yet.
    Approved,
    /// A second person rejected it.
    Rejected,
    /// It was done.
    Used,
    /// It was not answered, or not done, in time.
    Expired,
}

words!(ApprovalState { Asked = "asked", Approved = "approved", Rejected = "rejected", Used = "used", Expired = "expired" });
