//! Where the heads of signed days are put outside the ledger, and which values of a head a table of ServiceNow gets.

use std::fmt;
use std::str::FromStr;

use super::delivery::words;

/// A place outside the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutsidePlace {
    /// A row of a table of ServiceNow.
    ServiceNow,
    /// A token of a time-stamping authority (RFC 3161).
    Timestamp,
}

words!(OutsidePlace { ServiceNow = "servicenow", Timestamp = "timestamp" });

/// A value of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadValue {
    /// Which ledger.
    Installation,
    /// The day.
    Day,
    /// The last leaf of the day.
    Leaf,
    /// The Merkle root there.
    Root,
    /// Both, as `tieline audit verify --head` takes them.
    Head,
    /// SHA-256 of the day's manifest.
    Manifest,
    /// The fingerprint of the key that signed it.
    SignedBy,
}

words!(HeadValue {
    Installation = "installation",
    Day = "day",
    Leaf = "leaf",
    Root = "root",
    Head = "head",
    Manifest = "manifest",
    SignedBy = "signed_by",
});
