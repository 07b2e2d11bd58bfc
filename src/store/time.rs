//! The time by the server's clock in the query builder: the beginning of the transaction, as `now()` has it, and what lies around it.

use std::ops::{Add, Sub};
use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::{AsExprOf, now};
use diesel::expression::IntoSql as _;
use diesel::sql_types::Timestamptz;

type Now = AsExprOf<now, Timestamptz>;

/// So long before now.
pub(super) fn ago(length: Duration) -> <Now as Sub<PgInterval>>::Output {
    now.into_sql::<Timestamptz>() - interval(length)
}

/// So long from now.
pub(super) fn after(length: Duration) -> <Now as Add<PgInterval>>::Output {
    now.into_sql::<Timestamptz>() + interval(length)
}

fn interval(length: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}
