//! The ids of the ledger's rows. Each kind has its own type, so that the compiler refuses one in the place of another. In JSON and in the
//! database each is the plain number or UUID that it contains; `store/id_columns.rs` maps them to columns.

use std::fmt;
use std::num::ParseIntError;
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
    /// Identifies an entry of the conflict list. The default, 0, comes before every entry: the page after it is the first.
    #[derive(Default)]
    ConflictId(i64);
    /// Identifies a row of the audit. The default, 0, comes before every row: the page after it is the first.
    #[derive(Default)]
    AuditRowId(i64);
    /// Identifies a backfill.
    BackfillId(i64);
    /// Identifies a tie-out. The default, 0, comes before every one.
    #[derive(Default, utoipa::ToSchema)]
    TieOutId(i64);
    /// Identifies a difference that a tie-out found. The default, 0, comes before every one: the page after it is the first.
    #[derive(Default, utoipa::ToSchema)]
    TieOutItemId(i64);
    /// Identifies a task.
    TaskId(i64);
    /// Identifies a notice.
    NoticeId(i64);
    /// Identifies an API key; a later key with the same name has another id.
    ApiKeyId(i64);
}

fresh! { RunId BatchId Incarnation LifeId }

typed! {
    RunId: uuid::Error;
    ConflictId: ParseIntError;
    BackfillId: ParseIntError;
    TieOutId: ParseIntError;
    TieOutItemId: ParseIntError;
    TaskId: ParseIntError;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_and_written_as_the_value_in_it() {
        let run = RunId::fresh();
        assert_eq!(run.to_string(), run.0.to_string());
        assert_eq!(run.to_string().parse(), Ok(run));
        assert_eq!(serde_json::to_value(run).expect("JSON"), serde_json::json!(run.0));
        assert_eq!("17".parse(), Ok(ConflictId(17)));
        assert_eq!(serde_json::to_value(DocumentId(7)).expect("JSON"), 7);
        for wrong in ["", "x", "1.5", "9223372036854775808"] {
            assert_eq!(wrong.parse::<BackfillId>().expect_err(wrong), wrong.parse::<i64>().expect_err(wrong));
        }
    }
}
