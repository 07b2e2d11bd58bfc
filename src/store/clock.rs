//! The clock of the ledger's server, which may be set back, and may differ from ours.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Double, Timestamptz};

use super::audit::{NewAudit, audit_append};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::store::prepared::prepared;

/// Seconds: a smaller step back is waited out. Times alone are counted in binary floats, as PostgreSQL takes them.
const SMALL: f64 = 60.0;

/// One node at a time follows the clock.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7594890411331347046)";

/// The ledger's server showed a later time before.
#[derive(Debug, Clone, Copy)]
pub struct SetBack {
    /// The latest time that the ledger shows.
    pub before: DateTime<Utc>,
    /// What the clock shows now.
    pub now: DateTime<Utc>,
}

impl fmt::Display for SetBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now } = self;
        write!(
            f,
            "the clock of the ledger's server was set back from {before} to {now}; what waits in the ledger was moved back by as much"
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

/// Checks whether a node was seen, or the newest audit row written, at a time that is still to come. Then what waits for a time of the former
/// clock (retries, leases, pauses, backfills, notices) is moved back by the difference, so that it waits no longer than it would have.
pub(super) fn follow(conn: &mut Conn, known: &KnownClock) -> Tx<Option<SetBack>> {
    if set_back(conn, known)?.is_none() {
        return Ok(None);
    }
    sql_query(LOCK).execute(conn)?;
    // another node may have followed meanwhile
    let Some(clock) = set_back(conn, known)? else { return Ok(None) };
    sql_query(include_str!("sql/clock_follow.sql")).bind::<Double, _>(clock.by).execute(conn)?;
    let detail = serde_json::json!({ "action": "follow the clock", "before": clock.before, "now": clock.now });
    audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])?;
    Ok(Some(SetBack { before: clock.before, now: clock.now }))
}

impl Store {
    /// As a service does with each heartbeat: what waits in the ledger is moved back where the clock of its server was set back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clock_follow(&self) -> Result<Option<SetBack>, StoreError> {
        let known = self.clock.clone();
        self.run("follow the clock", move |conn| follow(conn, &known)).await
    }

    /// The time by the clock of the ledger's server, as far as it was asked: ages of what stands in the ledger are told by it.
    pub fn now_there(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_ahead()
    }

    /// How far the clock of the ledger's server is ahead of ours; negative: behind.
    pub fn clock_ahead(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.clock.0.load(Ordering::Relaxed))
    }
}

/// How far the server's clock is ahead of ours, in milliseconds, as it was last seen.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownClock(Arc<AtomicI64>);

impl KnownClock {
    fn shows(&self, now: DateTime<Utc>) {
        self.0.store((now - Utc::now()).num_milliseconds(), Ordering::Relaxed);
    }
}

/// The time by the server's clock: the beginning of this transaction. `now()`, as in the hand-written statements, and not diesel's
/// `CURRENT_TIMESTAMP`: the tests give a server another clock by a function of that name.
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
         FROM (SELECT greatest((SELECT max(seen_at) FROM node), (SELECT at FROM audit ORDER BY id DESC LIMIT 1), now()) AS before) shown",
    )
    .get_result(conn)?;
    known.shows(clock.now);
    Ok(Some(clock).filter(|clock| clock.by > SMALL))
}
