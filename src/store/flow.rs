//! Flows: which node holds one, and how far it has been read.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Double, Integer, Nullable, Uuid as SqlUuid};
use serde::Serialize;

use super::audit::{NewAudit, one_line};
use super::definition::{SetNumber, definition_assert};
use super::flow_pause::flow_stop;
use super::run::{NewRun, RunRow, begin, begun, end, ended, listed};
use super::same_ledger::{known_table, with_same_life};
use super::schema::flow;
use super::time::after;
use super::{Conn, Store, StoreError, Tx, TxError};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::ids::RunId;
use crate::domain::run::{RunKind, Trigger};
use crate::store::prepared::prepared;
use crate::store::text::{JsonText, Jsonb, Text, text};

diesel::define_sql_function! {
    /// Whether a text begins with another one. `NULL` for `NULL`.
    fn starts_with(whole: Nullable<crate::store::text::Text>, beginning: crate::store::text::Text) -> Nullable<Bool>;
}

/// A held flow. Writes carry it, and are refused once another node has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The flow.
    pub flow: FlowId,
    /// The holder's name.
    pub holder: String,
    /// Increases with every change of holder.
    pub epoch: i64,
    /// The definitions of its run: writes are also refused once others are in force.
    pub under: SetNumber,
}

/// What a run's error means for the runs after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterError {
    /// The next run may succeed.
    TryAgain,
    /// The next runs will fail the same way until a person acts; they are started anyway.
    Lasts,
    /// No run starts until a person has resumed the flow.
    Stop,
}

/// The result of asking for a flow's lease.
#[derive(Debug, Clone)]
pub enum LeaseResult {
    /// The caller has the lease.
    Lease(Lease, Box<FlowRow>),
    /// Another node holds it.
    Held {
        /// The holder.
        holder: String,
        /// The end of its lease, if it is not renewed.
        until: DateTime<Utc>,
    },
    /// It is paused.
    Paused {
        /// Who paused it.
        by: String,
    },
    /// Tieline itself stopped it; a person must resume it.
    Stopped {
        /// The reason.
        why: String,
    },
    /// It has run since it was due: on another node, or because a person asked.
    Done,
}

/// The longest lease: the largest allowed `flows.lease_seconds`.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// The reading state of a flow.
#[derive(Debug, Clone, QueryableByName, Serialize)]
#[diesel(table_name = flow, check_for_backend(Pg))]
pub struct FlowRow {
    /// Every change before this date has been read; `None` before the end of the first read.
    pub watermark: Option<NaiveDate>,
    /// Where an interrupted read continues.
    pub position: Option<serde_json::Value>,
    /// The kinds of values that each column has held so far.
    pub kinds: Option<serde_json::Value>,
    /// The number of rows of its tables at the last whole read.
    pub sizes: Option<serde_json::Value>,
    /// The next run reads everything, whatever its kind: ServiceNow was compared with the ledger after a restore.
    pub whole_next: bool,
    stopped: Option<String>,
    /// When the last sweep ended.
    pub last_sweep_at: Option<DateTime<Utc>>,
    /// When the last run succeeded.
    pub last_success_at: Option<DateTime<Utc>>,
    epoch: i64,
    holder: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    /// By the database's clock.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    leased: bool,
    /// Whether it succeeded, or was swept, since it was due: by the database's clock.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    done: bool,
    paused_by: Option<String>,
    paused_at: Option<DateTime<Utc>>,
}

/// A run that a schedule wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueSince {
    /// How long ago.
    pub age: Duration,
    /// What kind of run.
    pub kind: RunKind,
}

/// Renews the lease and stores the progress; refuses when another node holds the flow.
pub(crate) fn flow_assert_held(conn: &mut Conn, lease: &Lease, ttl: Duration) -> Tx<()> {
    let updated = prepared(
        "UPDATE flow SET lease_until = now() + make_interval(secs => $5), last_progress_at = now() \
         WHERE company = $1 AND entity = $2 AND holder = $3 AND epoch = $4 \
         AND NOT EXISTS (SELECT FROM definition_in_force WHERE number <> $6)",
    )
    .bind::<Text, _>(lease.flow.company.as_str())
    .bind::<Text, _>(lease.flow.entity.as_str())
    .bind::<Text, _>(&lease.holder)
    .bind::<BigInt, _>(lease.epoch)
    .bind::<Double, _>(ttl.as_secs_f64())
    .bind::<Integer, _>(lease.under.0)
    .execute(conn)?;
    if updated == 0 {
        definition_assert(conn, lease.under)?;
        return Err(TxError::Store(StoreError::Fenced { what: format!("flow {}", lease.flow) }));
    }
    Ok(())
}

/// For a page without a lease: nobody forgets the flow until the transaction ends, and one that is being forgotten is waited for.
pub(crate) fn flow_keep(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    prepared("SELECT 1 FROM flow WHERE company = $1 AND entity = $2 FOR KEY SHARE")
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .execute(conn)?;
    Ok(())
}

/// Moves the reading position, and at the end of a read the watermark, if the page belongs to the flow's own read. Stores the kinds of
/// values of its columns.
pub(crate) fn flow_advance(
    conn: &mut Conn,
    lease: &Lease,
    moves: Option<(Option<NaiveDate>, Option<&serde_json::Value>)>,
    kinds: Option<&serde_json::Value>,
    sizes: Option<&serde_json::Value>,
) -> Tx<()> {
    let (watermark, position) = moves.unwrap_or_default();
    prepared(
        "UPDATE flow SET watermark = coalesce($3, watermark), position = CASE WHEN $6 THEN $4 ELSE position END, kinds = coalesce($5, kinds), \
         sizes = coalesce($7, sizes) \
         WHERE company = $1 AND entity = $2",
    )
    .bind::<Text, _>(lease.flow.company.as_str())
    .bind::<Text, _>(lease.flow.entity.as_str())
    .bind::<Nullable<Date>, _>(watermark)
    .bind::<Nullable<Jsonb>, _>(position)
    .bind::<Nullable<Jsonb>, _>(kinds)
    .bind::<Bool, _>(moves.is_some())
    .bind::<Nullable<Jsonb>, _>(sizes)
    .execute(conn)?;
    Ok(())
}

/// Takes a flow for `holder`; see [`Store::flow_take`].
fn take(
    conn: &mut Conn,
    flow: &FlowId,
    holder: String,
    ttl: Duration,
    trigger: Trigger,
    due: Option<DueSince>,
    under: SetNumber,
) -> Tx<LeaseResult> {
    definition_assert(conn, under)?;
    let (company, entity) = (text(flow.company.as_str()), text(flow.entity.as_str()));
    let state = |conn: &mut Conn| -> Tx<Option<FlowRow>> {
        let rows: Vec<FlowRow> = prepared(include_str!("sql/flow_take.sql"))
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Double, _>(LONGEST_LEASE.max(ttl).as_secs_f64())
            .bind::<Nullable<Double>, _>(due.map(|due| due.age.as_secs_f64()))
            .bind::<Bool, _>(due.is_some_and(|due| due.kind == RunKind::Sweep))
            .load(conn)?;
        Ok(rows.into_iter().next())
    };
    let row = match state(conn)? {
        Some(row) => Some(row),
        None => {
            diesel::insert_into(flow::table)
                .values((flow::company.eq(company), flow::entity.eq(entity)))
                .on_conflict_do_nothing()
                .execute(conn)?;
            state(conn)?
        }
    };
    let row = row.ok_or(TxError::Sql(diesel::result::Error::NotFound))?;
    if let Some(why) = &row.stopped {
        return Ok(LeaseResult::Stopped { why: why.clone() });
    }
    if let (Some(by), Trigger::Schedule) = (&row.paused_by, trigger) {
        return Ok(LeaseResult::Paused { by: by.clone() });
    }
    if let (Some(other), Some(until)) = (&row.holder, row.lease_until)
        && *other != holder
        && row.leased
    {
        return Ok(LeaseResult::Held { holder: other.clone(), until });
    }
    if row.done {
        return Ok(LeaseResult::Done);
    }
    let epoch = row.epoch + 1;
    diesel::update(flow::table.find((company, entity)))
        .set((
            flow::holder.eq(Some(&holder)),
            flow::epoch.eq(epoch),
            flow::lease_until.eq(after(ttl).nullable()),
            flow::last_progress_at.eq(now),
        ))
        .execute(conn)?;
    Ok(LeaseResult::Lease(Lease { flow: flow.clone(), holder, epoch, under }, Box::new(row)))
}

/// Takes a flow and starts a run of it with one statement; `None` where something speaks against it, which [`take`] tells.
fn take_and_begin(conn: &mut Conn, table: Option<i64>, run: &NewRun, lease: &WantedLease) -> Tx<Option<LeaseResult>> {
    static SQL: LazyLock<String> = LazyLock::new(|| with_same_life(include_str!("sql/flow_run.sql")));
    let WantedLease { holder, ttl, trigger, due, under } = lease;
    let said = one_line(&NewAudit::of(AuditKind::Run).detail(&begun(run)))?;
    let rows: Vec<FlowRow> = prepared(&SQL)
        .bind::<Nullable<BigInt>, _>(table)
        .bind::<Text, _>(run.flow.company.as_str())
        .bind::<Text, _>(run.flow.entity.as_str())
        .bind::<Double, _>(LONGEST_LEASE.max(*ttl).as_secs_f64())
        .bind::<Nullable<Double>, _>(due.map(|due| due.age.as_secs_f64()))
        .bind::<Bool, _>(due.is_some_and(|due| due.kind == RunKind::Sweep))
        .bind::<Text, _>(holder)
        .bind::<Double, _>(ttl.as_secs_f64())
        .bind::<Bool, _>(*trigger == Trigger::Person)
        .bind::<Integer, _>(under.0)
        .bind::<SqlUuid, _>(run.id)
        .bind::<Text, _>(run.kind.as_str())
        .bind::<Text, _>(&run.requested_by)
        .bind::<JsonText, _>(said)
        .load(conn)?;
    let taken = rows.into_iter().next();
    Ok(taken.map(|row| {
        let lease = Lease { flow: run.flow.clone(), holder: holder.clone(), epoch: row.epoch, under: *under };
        LeaseResult::Lease(lease, Box::new(row))
    }))
}

/// Releases a lease and stores the result; `false` when another node has taken over, and nothing is stored.
fn release(conn: &mut Conn, lease: &Lease, error: Option<&str>, kind: RunKind, then: AfterError) -> Tx<bool> {
    let updated = prepared(
        "UPDATE flow SET holder = NULL, lease_until = NULL, last_progress_at = now(), \
         last_success_at = CASE WHEN $5 IS NULL AND NOT $7 THEN now() ELSE last_success_at END, \
         whole_next = whole_next AND ($5 IS NOT NULL OR $7), \
         last_sweep_at = CASE WHEN $5 IS NULL AND ($6 OR whole_next AND NOT $7) THEN now() ELSE last_sweep_at END, \
         last_error = CASE WHEN $7 THEN last_error ELSE $5 END, \
         last_error_at = CASE WHEN $7 THEN last_error_at WHEN $5 IS NULL THEN NULL ELSE now() END, \
         last_error_lasts = CASE WHEN $7 THEN last_error_lasts ELSE $5 IS NOT NULL AND $8 END \
         WHERE company = $1 AND entity = $2 AND holder = $3 AND epoch = $4",
    )
    .bind::<Text, _>(lease.flow.company.as_str())
    .bind::<Text, _>(lease.flow.entity.as_str())
    .bind::<Text, _>(&lease.holder)
    .bind::<BigInt, _>(lease.epoch)
    .bind::<Nullable<Text>, _>(error)
    .bind::<Bool, _>(kind == RunKind::Sweep)
    .bind::<Bool, _>(kind == RunKind::Backfill)
    .bind::<Bool, _>(then != AfterError::TryAgain)
    .execute(conn)?;
    if updated == 0 {
        return Ok(false);
    }
    if let Some(why) = error.filter(|_| then == AfterError::Stop) {
        flow_stop(conn, &lease.flow, why)?;
    }
    Ok(true)
}

/// What a caller asks for with a flow.
struct WantedLease {
    holder: String,
    ttl: Duration,
    trigger: Trigger,
    due: Option<DueSince>,
    under: SetNumber,
}

/// The end of a poll that took nothing in.
#[derive(Debug, Clone)]
pub struct QuietEnd {
    /// The run.
    pub run: RunId,
    /// The lease of its flow.
    pub lease: Lease,
    /// The new watermark.
    pub watermark: NaiveDate,
    /// The number of rows of its tables, after a whole read.
    pub sizes: Option<serde_json::Value>,
    /// Why sending stopped early, if it did.
    pub error: Option<String>,
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = Bool)]
    ended: bool,
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct EndedRun {
    /// The run as it is listed.
    pub row: Option<RunRow>,
    /// Whether its flow was still held by this node, and is released now.
    pub held: bool,
}

impl Store {
    /// Takes a flow for `holder`, unless somebody else holds it or it is paused: a pause does not hold up a person.
    /// With `due`, a flow that ran well within so long (was swept, for a sweep) is left alone: several nodes have the same schedule. It is told as
    /// an age, since the caller's clock may show another time than the database's, which both may be set back: what stands there of a time to
    /// come, or of a lease that reaches further than a lease can, is of the time before and holds nothing up.
    ///
    /// # Errors
    /// [`StoreError::OtherDefinitions`] when the definitions `under` which it would run are not in force.
    pub async fn flow_take(
        &self,
        flow: FlowId,
        holder: String,
        ttl: Duration,
        trigger: Trigger,
        due: Option<DueSince>,
        under: SetNumber,
    ) -> Result<LeaseResult, StoreError> {
        self.run("take a flow", move |conn| take(conn, &flow, holder, ttl, trigger, due, under)).await
    }

    /// Takes a flow as [`Store::flow_take`] does, and starts a run of it.
    ///
    /// # Errors
    /// As for [`Store::flow_take`]; then neither is done.
    pub async fn flow_run(
        &self,
        run: NewRun,
        holder: String,
        ttl: Duration,
        trigger: Trigger,
        due: Option<DueSince>,
        under: SetNumber,
    ) -> Result<LeaseResult, StoreError> {
        // almost always nothing speaks against it, no earlier run is open, and no person gave a reason: then one statement does it
        if run.reason.is_none() {
            let (table, run) = (known_table(&self.life), run.clone());
            let wanted = WantedLease { holder: holder.clone(), ttl, trigger, due, under };
            let taken = self.run_single("take a flow", move |conn| take_and_begin(conn, table, &run, &wanted)).await?;
            if let Some(taken) = taken {
                return Ok(taken);
            }
        }
        self.run("take a flow", move |conn| {
            let taken = take(conn, &run.flow, holder, ttl, trigger, due, under)?;
            if let LeaseResult::Lease(..) = &taken {
                begin(conn, &run, under)?;
            }
            Ok(taken)
        })
        .await
    }

    /// Ends a run as [`Store::run_end`] does, and releases its flow as [`Store::flow_release`] does. Answers the run as it is listed. A
    /// flow that another node has taken over is not touched; the run ends all the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_end_run(
        &self,
        run: RunId,
        lease: Lease,
        error: Option<String>,
        kind: RunKind,
        then: AfterError,
    ) -> Result<EndedRun, StoreError> {
        self.run("end a run", move |conn| {
            end(conn, &lease.flow, run, error.as_deref())?;
            let row = listed(conn, run)?;
            let held = release(conn, &lease, error.as_deref(), kind, then)?;
            Ok(EndedRun { row, held })
        })
        .await
    }

    /// Ends a poll that took nothing in, with one statement: stores the end of its reading, ends the run as [`Store::run_end`] does, and
    /// releases the flow as [`Store::flow_release`] does. `false`: another node has taken over, or other definitions are in force, and
    /// nothing was stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_end_quiet(&self, end: QuietEnd) -> Result<bool, StoreError> {
        static SQL: LazyLock<String> = LazyLock::new(|| with_same_life(include_str!("sql/flow_end_quiet.sql")));
        let table = known_table(&self.life);
        self.run_single("end a run", move |conn| {
            let QuietEnd { run, lease, watermark, sizes, error } = &end;
            let (said, outcome) = ended(error.as_deref());
            let said = one_line(&NewAudit::of(AuditKind::Run).detail(&said))?;
            let done: Ended = prepared(&SQL)
                .bind::<Nullable<BigInt>, _>(table)
                .bind::<Text, _>(lease.flow.company.as_str())
                .bind::<Text, _>(lease.flow.entity.as_str())
                .bind::<Text, _>(&lease.holder)
                .bind::<BigInt, _>(lease.epoch)
                .bind::<Integer, _>(lease.under.0)
                .bind::<Date, _>(watermark)
                .bind::<Nullable<Text>, _>(error.as_deref())
                .bind::<SqlUuid, _>(run)
                .bind::<Text, _>(outcome)
                .bind::<JsonText, _>(said)
                .bind::<Nullable<Jsonb>, _>(sizes.as_ref())
                .get_result(conn)?;
            Ok(done.ended)
        })
        .await
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over.
    pub async fn flow_renew(&self, lease: Lease, ttl: Duration) -> Result<(), StoreError> {
        self.run("renew a lease", move |conn| flow_assert_held(conn, &lease, ttl)).await
    }

    /// Ends a flow's run: releases the lease and stores the result. With `stop`, a person must check the error first. The result of a
    /// backfill is stored with the backfill and not with the flow.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over.
    pub async fn flow_release(&self, lease: Lease, error: Option<String>, kind: RunKind, then: AfterError) -> Result<(), StoreError> {
        self.run("release a flow", move |conn| match release(conn, &lease, error.as_deref(), kind, then)? {
            true => Ok(()),
            false => Err(TxError::Store(StoreError::Fenced { what: format!("flow {}", lease.flow) })),
        })
        .await
    }

    /// Releases every lease of earlier processes of this node: called at start, when none of them can be alive.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_forget_node(&self, node: String) -> Result<(), StoreError> {
        self.run("forget old leases", move |conn| {
            let holders = format!("{node}/");
            diesel::update(flow::table.filter(starts_with(flow::holder, text(&holders))))
                .set((flow::holder.eq(None::<&str>), flow::lease_until.eq(None::<DateTime<Utc>>)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
