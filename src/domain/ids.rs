//! The ids of the ledger's rows. Each kind has its own type, so that the compiler refuses one in the place of another. In JSON and in the
//! database each is the plain number or UUID that it contains; `store/id_columns.rs` maps them to columns.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines types of ids.
macro_rules! ids {
    ($($(#[$attribute:meta])* $name:ident($inner:ty);)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

/// Implements `FromStr` for ids that a person may type.
macro_rules! typed {
    ($($name:ident: $error:ty;)+) => {$(
        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

/// Creates ids that no other row has; they are sorted by time.
macro_rules! fresh {
    ($($name:ident)+) => {$(
        impl $name {
            /// A fresh id.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }
    )+};
}

ids! {
    /// Identifies a run; sorted by time.
    #[derive(utoipa::ToSchema)]
    RunId(Uuid);
    /// Identifies a batch of deliveries; sorted by time.
    BatchId(Uuid);
    /// Identifies a process of a node: new at every start, sorted by time.
    Incarnation(Uuid);
    /// Identifies a life of the ledger; sorted by time.
    LifeId(Uuid);
    /// Identifies a document. The default, 0, comes before every document: the page after it is the first.
    #[derive(Default)]
    DocumentId(i64);
    /// Identifies a delivery. The default, 0, comes before every delivery: the page after it is the first.
    #[derive(Default)]
    DeliveryId(i64);
}

fresh! { RunId BatchId Incarnation LifeId }

typed! {
    RunId: uuid::Error;
}
