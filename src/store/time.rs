//! Times relative to the server's clock in the query builder. Now is the start of the transaction, as in `now()`.

use std::ops::{Add, Sub};
use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::{AsExprOf, now};
use diesel::expression::IntoSql as _;
use diesel::sql_types::Timestamptz;

type Now = AsExprOf<now, Timestamptz>;

/// The time this long before now.
pub(super) fn ago(length: Duration) -> <Now as Sub<PgInterval>>::Output {
    now.into_sql::<Timestamptz>() - interval(length)
}

/// The time this long after now.
pub(super) fn after(length: Duration) -> <Now as Add<PgInterval>>::Output {
    now.into_sql::<Timestamptz>() + interval(length)
}

fn interval(length: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}
