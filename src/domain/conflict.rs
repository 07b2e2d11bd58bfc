//! The kinds and states of entries in the conflict list.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::delivery::words;

/// The kind of an entry in the conflict list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides changed the field.
    BothChanged,
    /// The sides differ, and never had the same value.
    FirstContact,
    /// An edit in ServiceNow that must be applied in SYSPRO.
    Edited,
    /// A key field was edited in ServiceNow.
    Renamed,
    /// The row was deleted in ServiceNow, or made inactive.
    Deleted,
    /// SYSPRO has the code again, with another content.
    Reused,
    /// Only SYSPRO has it.
    OnlySyspro,
    /// Only ServiceNow has it.
    #[serde(rename = "only_servicenow")]
    OnlyServiceNow,
    /// Several rows could belong to it.
    Ambiguous,
}

words!(ConflictKind {
    BothChanged = "both_changed",
    FirstContact = "first_contact",
    Edited = "edited",
    Renamed = "renamed",
    Deleted = "deleted",
    Reused = "reused",
    OnlySyspro = "only_syspro",
    OnlyServiceNow = "only_servicenow",
    Ambiguous = "ambiguous",
});

/// The state of an entry in the conflict list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictState {
    /// Nothing is written until a person has decided.
    Open,
    /// A person decided that SYSPRO's value wins: it is sent to ServiceNow, and the next run after that closes the entry.
    Decided,
    /// ServiceNow's value wins: a person applies it in SYSPRO.
    ToApply,
    /// It has left the list.
    Closed,
}

words!(ConflictState { Open = "open", Decided = "decided", ToApply = "to_apply", Closed = "closed" });

/// The progress of a decision for SYSPRO's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionProgress {
    /// SYSPRO's value has not arrived in ServiceNow yet.
    Outstanding,
    /// It has arrived, and the flow's next run closes the entry.
    Delivered,
}

words!(DecisionProgress { Outstanding = "outstanding", Delivered = "delivered" });

impl ConflictState {
    /// The states of entries that have not left the list.
    pub const UNRESOLVED: &'static [Self] = &[Self::Open, Self::Decided, Self::ToApply];
}
