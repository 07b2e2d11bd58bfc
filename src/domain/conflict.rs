//! What can stand in the conflict list, and how far it has come.

use std::fmt;
use std::str::FromStr;

use super::delivery::words;

/// Why something stands in the conflict list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both sides changed the field.
    BothChanged,
    /// The sides differ, and never agreed.
    FirstContact,
    /// ServiceNow's edit, to be applied in SYSPRO.
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
    OnlyServiceNow,
    /// Several rows could be its own.
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

/// How far something in the conflict list has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictState {
    /// Nothing is written until a person has decided.
    Open,
    /// SYSPRO's value counts, because a person decided so: it goes to ServiceNow, and the run after that closes the entry.
    Decided,
    /// ServiceNow's value counts: a person applies it in SYSPRO.
    ToApply,
    /// It has left the list.
    Closed,
}

words!(ConflictState { Open = "open", Decided = "decided", ToApply = "to_apply", Closed = "closed" });

impl ConflictState {
    /// Every state of what stands in the list.
    pub const STANDING: &'static [Self] = &[Self::Open, Self::Decided, Self::ToApply];
}
