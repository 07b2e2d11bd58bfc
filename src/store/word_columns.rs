//! Closed sets of words of `domain` as columns of type `text`: an unknown word in the ledger is an error, and not taken for another one.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};

use crate::domain::approval::{ApprovalKind, ApprovalState};
use crate::domain::budget::Breaker;
use crate::domain::close::{CloseState, CloseStep, PeriodChange};
use crate::domain::conflict::{ConflictKind, ConflictState, DecisionProgress};
use crate::domain::delivery::{DeliveryAction, FailureWord, PartState, UndeliveredWord};
use crate::domain::life::ComparisonState;
use crate::domain::merge::Side;
use crate::domain::notice::NoticeEvent;
use crate::domain::resent::ResentWord;
use crate::domain::role::Role;
use crate::domain::run::{BackfillState, RunKind, RunOutcome};
use crate::domain::subledger::{SubledgerEntryKind, SubledgerVerdict};
use crate::domain::task::{TaskKind, TaskState};
use crate::domain::tie_out::{Cause, Difference, TieOutState, Verdict};
use crate::domain::tie_out_group::GroupBy;
use crate::store::text::Text;

/// Loads these enums from their words.
macro_rules! columns {
    ($($name:ident)+) => {$(
        const _: () = {
            // `domain` must not name diesel. With `foreign_derive`, as diesel itself uses it, the derive is for the type of the field
            #[derive(FromSqlRow)]
            #[diesel(foreign_derive)]
            #[expect(dead_code, reason = "carries the derive and is never created")]
            struct Foreign($name);
        };

        impl FromSql<Text, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(<String as FromSql<Text, Pg>>::from_sql(value)?.parse()?)
            }
        }
    )+};
}

columns!(SubledgerEntryKind SubledgerVerdict);
columns!(Breaker ComparisonState TieOutState Verdict Difference Cause GroupBy ResentWord);
columns!(CloseState CloseStep PeriodChange ApprovalKind ApprovalState);
columns!(ConflictKind ConflictState DecisionProgress Side);
columns!(DeliveryAction FailureWord PartState UndeliveredWord);
columns!(BackfillState RunKind RunOutcome);
columns!(NoticeEvent Role TaskKind TaskState);
