//! The clock of the ledger's server. It may be set back, and may differ from this machine's clock.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Double, Timestamptz};

use super::audit::{NewAudit, audit_append};
use super::known_clock::KnownClock;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::store::prepared::prepared;

/// Seconds: a smaller step back is waited out. Only times are counted in binary floats, because PostgreSQL takes them so.
const SMALL: f64 = 60.0;

/// Only one node at a time adapts the ledger to the clock.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7594890411331347046)";

/// The clock of the ledger's server was set back.
#[derive(Debug, Clone, Copy)]
pub struct SetBack {
    /// The latest time recorded in the ledger.
    pub before: DateTime<Utc>,
    /// The time that the clock shows now.
    pub now: DateTime<Utc>,
}

impl fmt::Display for SetBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now } = self;
        write!(
            f,
            "the clock of the ledger's server was set back from {before} to {now}; all waiting times in the ledger were moved back equally"
        )
    }
}

#[derive(QueryableByName)]
struct Clock {
    #[diesel(sql_type = Timestamptz)]
    before: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
    #[diesel(sql_type = Double)]
    by: f64,
}

/// Checks whether the ledger has a heartbeat or a newest audit row with a time in the future. Then the clock was set back, and all due
/// times of the former clock (retries, leases, pauses, backfills, notices) are moved back by the difference, so that nothing waits longer
/// than before.
pub(super) fn follow(conn: &mut Conn, known: &KnownClock) -> Tx<Option<SetBack>> {
    if set_back(conn, known)?.is_none() {
        return Ok(None);
    }
    sql_query(LOCK).execute(conn)?;
    // another node may have done it in the meantime
    let Some(clock) = set_back(conn, known)? else { return Ok(None) };
    sql_query(include_str!("sql/clock_follow.sql")).bind::<Double, _>(clock.by).execute(conn)?;
    let detail = serde_json::json!({ "action": "follow the clock", "before": clock.before, "now": clock.now });
    audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])?;
    Ok(Some(SetBack { before: clock.before, now: clock.now }))
}

impl Store {
    /// Does what a service does with each heartbeat: moves back the due times in the ledger if the clock of its server was set back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clock_follow(&self) -> Result<Option<SetBack>, StoreError> {
        let known = self.clock.clone();
        self.run("follow the clock", move |conn| follow(conn, &known)).await
    }

    /// The time by the clock of the ledger's server, as last read: ages of rows in the ledger are computed from it.
    pub fn now_there(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_ahead()
    }

    /// How far the clock of the ledger's server is ahead of this machine's; negative: behind.
    pub fn clock_ahead(&self) -> TimeDelta {
        self.clock.ahead()
    }
}

/// The time of the server's clock at the start of this transaction. Uses `now()`, as the hand-written statements do, and not diesel's
/// `CURRENT_TIMESTAMP`: the tests give a server another clock with a function of that name.
pub(super) fn now(conn: &mut Conn) -> Tx<DateTime<Utc>> {
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }
    Ok(prepared("SELECT now() AS now").get_result::<Now>(conn)?.now)
}

fn set_back(conn: &mut Conn, known: &KnownClock) -> Tx<Option<Clock>> {
    let clock: Clock = prepared(
        "SELECT before, now() AS now, extract(epoch FROM before - now())::float8 AS by \
         FROM (SELECT greatest((SELECT max(seen_at) FROM node), (SELECT at FROM event ORDER BY id DESC LIMIT 1), now()) AS before) shown",
    )
    .get_result(conn)?;
    known.shows(clock.now);
    Ok(Some(clock).filter(|clock| clock.by > SMALL))
}
