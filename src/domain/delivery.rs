//! A delivery: one target record of one version on its way to ServiceNow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a delivery stands. A delivery that is in none of these states is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Due now, or at the time of its next try.
    Waiting,
    /// A line that waits for its header.
    Held,
    /// On its way: the intent is committed, the answer is not.
    Sending,
    /// Sent, and the answer was lost or not believable; looked up before anything else is done.
    InDoubt,
    /// Will not be tried again by itself.
    Parked,
}

/// Why a delivery is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// ServiceNow, or the mapping, refused the record.
    Rejected,
    /// A record it refers to has not been delivered; released by itself when it is.
    MissingParent,
    /// It crashed the Mapper twice.
    Poison,
    /// The last of its tries failed for a passing reason.
    Exhausted,
    /// It arrived, and ServiceNow failed with it later.
    DownstreamFailed,
    /// A person holds the record back, until a person releases it.
    OnHold,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word used in the database, in JSON and in metric labels.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($type::$variant),)+
                    _ => Err(format!("`{text}` is none of {}", [$(concat!("`", $word, "`")),+].join(", "))),
                }
            }
        }
    };
}
pub(crate) use words;

words!(DeliveryState { Waiting = "waiting", Held = "held", Sending = "sending", InDoubt = "in_doubt", Parked = "parked" });
words!(ParkReason {
    Rejected = "rejected",
    MissingParent = "missing_parent",
    Poison = "poison",
    Exhausted = "exhausted",
    DownstreamFailed = "downstream_failed",
    OnHold = "on_hold",
});

impl ParkReason {
    /// Those for which a delivery can go again as it was mapped, once a person says so.
    pub const RELEASABLE: &'static [ParkReason] = &[Self::OnHold, Self::Rejected, Self::Exhausted, Self::DownstreamFailed];
}
