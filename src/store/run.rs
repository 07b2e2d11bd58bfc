//! Runs: one row from start to end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::definition::{SetNumber, definition_assert};
use super::schema::run;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::backlog::Backlog;
use crate::domain::ids::{DocumentId, RunId};
use crate::domain::run::{RunCounts, RunEvent, RunKind, RunOutcome};
use crate::store::prepared::prepared;
use crate::store::text::{Text, text};

/// A run as it is listed.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[diesel(table_name = run, check_for_backend(Pg))]
#[schema(as = Run)]
pub struct RunRow {
    /// The id, sorted by time.
    #[schema(value_type = uuid::Uuid)]
    pub id: RunId,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// Its kind.
    pub kind: RunKind,
    /// Who asked for it.
    pub requested_by: String,
    /// Why, when a person did.
    pub reason: Option<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// `done` or `failed`; null while it runs.
    pub outcome: Option<RunOutcome>,
    /// Why it failed.
    pub error: Option<String>,
    /// Documents read.
    pub read: i64,
    /// New ones.
    pub new: i64,
    /// Changed ones.
    pub changed: i64,
    /// Unchanged ones.
    pub unchanged: i64,
    /// Documents that SYSPRO no longer has.
    #[serde(rename = "gone")]
    pub deleted: i64,
    /// Records that this run queued for ServiceNow: `delivered`, `replaced`, and those that have not arrived.
    pub records: i64,
    /// Records of them that are completely delivered by now, also after the end of the run.
    pub delivered: i64,
    /// Records of them that a newer version or a later resend replaced before their delivery.
    pub replaced: i64,
    /// Parts (headers and lines) that this run queued.
    pub parts: i64,
    /// Parts sent, repeats included.
    pub sent: i64,
    /// Parts that ServiceNow confirmed.
    pub confirmed: i64,
    /// Parts that were replaced before their delivery.
    pub parts_replaced: i64,
    /// Records of this run that are queued.
    #[diesel(sql_type = BigInt)]
    pub queued: i64,
    /// Records that are being sent.
    #[diesel(sql_type = BigInt)]
    pub sending: i64,
    /// Records that are retried automatically after a temporary error.
    #[diesel(sql_type = BigInt)]
    pub retrying: i64,
    /// Records with an unknown outcome.
    #[diesel(sql_type = BigInt)]
    pub unknown: i64,
    /// Records that wait for another record.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Records that failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Records that a person holds.
    #[diesel(sql_type = BigInt)]
    pub on_hold: i64,
    /// The number of the definitions of its mapping; null for runs from before definitions were numbered.
    pub definition: Option<i32>,
}

impl RunRow {
    /// Undelivered records of this run, by state.
    pub fn backlog(&self) -> Backlog {
        Backlog {
            queued: self.queued,
            sending: self.sending,
            retrying: self.retrying,
            unknown: self.unknown,
            waiting: self.waiting,
            failed: self.failed,
            on_hold: self.on_hold,
        }
    }
}

/// Runs with their undelivered records; `chosen` are the runs.
const WITH_BACKLOG: &str = include_str!("sql/run_list.sql");

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this kind.
    pub kind: Option<RunKind>,
    /// Only runs with this result: `done` or `failed`; `running` for those that have not ended.
    pub outcome: Option<RunOutcome>,
    /// Only runs that started at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only runs that started before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only runs before this one, for paging.
    pub before: Option<RunId>,
    /// The most entries to return.
    pub limit: i64,
}

/// What happened to parts, for the counts of the runs that queued them.
#[derive(Debug, Default)]
pub(crate) struct RunTally {
    /// What a run has read.
    pub(crate) read: Option<(RunId, RunCounts)>,
    /// Records and parts that a run queued.
    pub(crate) queued: Vec<(RunId, i64, i64)>,
    /// Parts that were sent.
    pub(crate) sent: Vec<RunId>,
    /// Parts that were delivered: (run, document). They are no longer in `undelivered`.
    pub(crate) confirmed: Vec<(RunId, DocumentId)>,
    /// Parts that were replaced: (run, document). They are no longer in `undelivered`.
    pub(crate) replaced: Vec<(RunId, DocumentId)>,
}

/// Records of a company that are completely delivered.
#[derive(Debug, Clone, QueryableByName)]
pub struct Arrived {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub records: i64,
}

/// Who takes parts of records out of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// A batch that is settled. Batches are settled at the same moment, and each sees what it has itself settled as gone.
    Settles,
    /// Anybody else: meanwhile no batch of these runs is settled.
    Others,
}

/// What a transaction adds to a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Added {
    read: i64,
    new: i64,
    changed: i64,
    unchanged: i64,
    deleted: i64,
    /// Records that the run queued.
    records: i64,
    /// Parts that the run queued.
    parts: i64,
    /// Parts that were sent.
    sent: i64,
    /// Parts that ServiceNow confirmed.
    confirmed: i64,
    /// Parts that were replaced before their delivery.
    parts_replaced: i64,
    /// Records that are completely delivered.
    delivered: i64,
    /// Records that were replaced.
    replaced: i64,
}

/// Adds parts, and the records that are complete with them, to the runs that queued them; answers how many records are delivered.
///
/// A record has left a run when none of the parts that the run queued for it is undelivered. When two transactions settle the last two parts
/// at the same moment, each still sees the part of the other. So the one that sees a part on its way in another batch waits until nobody
/// else settles parts of these runs, and looks again: the later one then sees both. Call it last in a transaction: while it waits, it must
/// not hold a lock that somebody else needs to commit.
pub(crate) fn run_tally(conn: &mut Conn, tally: &RunTally, among: Among) -> Tx<Vec<Arrived>> {
    let mut added: BTreeMap<RunId, Added> = BTreeMap::new();
    if let Some((run, counts)) = &tally.read {
        let RunCounts { read, new, changed, unchanged, deleted, delivered: _, sent: _, confirmed: _ } = *counts;
        added.insert(*run, Added { read, new, changed, unchanged, deleted, ..Added::default() });
    }
    for (run, records, parts) in &tally.queued {
        let counts = added.entry(*run).or_default();
        counts.records += records;
        counts.parts += parts;
    }
    tally.sent.iter().for_each(|run| added.entry(*run).or_default().sent += 1);
    tally.confirmed.iter().for_each(|(run, _)| added.entry(*run).or_default().confirmed += 1);
    tally.replaced.iter().for_each(|(run, _)| added.entry(*run).or_default().parts_replaced += 1);
    for left in left(conn, tally, among)? {
        let counts = added.entry(left.run_id).or_default();
        counts.delivered += left.delivered;
        counts.replaced += left.replaced;
    }
    added.retain(|_, counts| *counts != Added::default());
    if added.is_empty() {
        return Ok(Vec::new());
    }
    let column = |count: fn(&Added) -> i64| added.values().map(count).collect::<Vec<i64>>();
    // in the order of the columns of the statement
    Ok(prepared(include_str!("sql/run_tally.sql"))
        .bind::<Array<SqlUuid>, _>(added.keys().copied().collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(column(|added| added.read))
        .bind::<Array<BigInt>, _>(column(|added| added.new))
        .bind::<Array<BigInt>, _>(column(|added| added.changed))
        .bind::<Array<BigInt>, _>(column(|added| added.unchanged))
        .bind::<Array<BigInt>, _>(column(|added| added.deleted))
        .bind::<Array<BigInt>, _>(column(|added| added.records))
        .bind::<Array<BigInt>, _>(column(|added| added.parts))
        .bind::<Array<BigInt>, _>(column(|added| added.sent))
        .bind::<Array<BigInt>, _>(column(|added| added.confirmed))
        .bind::<Array<BigInt>, _>(column(|added| added.parts_replaced))
        .bind::<Array<BigInt>, _>(column(|added| added.delivered))
        .bind::<Array<BigInt>, _>(column(|added| added.replaced))
        .load(conn)?)
}

/// The records of a run that none of its parts is left of.
#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = SqlUuid)]
    run_id: RunId,
    /// Their last parts arrived.
    #[diesel(sql_type = BigInt)]
    delivered: i64,
    #[diesel(sql_type = BigInt)]
    replaced: i64,
    /// Records whose other parts are all on their way in other batches, which may be settled at this moment.
    #[diesel(sql_type = BigInt)]
    contested: i64,
}

/// Which records have left their runs with the parts of this transaction.
fn left(conn: &mut Conn, tally: &RunTally, among: Among) -> Tx<Vec<Left>> {
    let parts: BTreeSet<(RunId, DocumentId, bool)> = tally
        .confirmed
        .iter()
        .map(|(run, document)| (*run, *document, true))
        .chain(tally.replaced.iter().map(|(run, document)| (*run, *document, false)))
        .collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs: Vec<RunId> = parts.iter().map(|part| part.0).collect();
    runs.dedup();
    if among == Among::Others {
        prepared(LOCK_ALONE).bind::<Array<SqlUuid>, _>(&runs).execute(conn)?;
        return left_now(conn, &parts);
    }
    // an advisory lock is kept to the end of the transaction, unless its savepoint is undone: two that keep their shared locks would wait
    // for each other
    conn.batch_execute("SAVEPOINT shared")?;
    prepared(LOCK_SHARED).bind::<Array<SqlUuid>, _>(&runs).execute(conn)?;
    let found = left_now(conn, &parts)?;
    if found.iter().all(|run| run.contested == 0) {
        conn.batch_execute("RELEASE SAVEPOINT shared")?;
        return Ok(found);
    }
    conn.batch_execute("ROLLBACK TO SAVEPOINT shared; RELEASE SAVEPOINT shared")?;
    prepared(LOCK_ALONE).bind::<Array<SqlUuid>, _>(&runs).execute(conn)?;
    left_now(conn, &parts)
}

/// Taken by transactions that settle parts of a run, in the order of the runs. The shared lock lets others settle parts of it as well.
const LOCK_SHARED: &str =
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(r.id::text, 7594890411331347047)) FROM unnest($1::uuid[]) AS r (id)";
const LOCK_ALONE: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended(r.id::text, 7594890411331347047)) FROM unnest($1::uuid[]) AS r (id)";

fn left_now(conn: &mut Conn, parts: &BTreeSet<(RunId, DocumentId, bool)>) -> Tx<Vec<Left>> {
    Ok(prepared(include_str!("sql/run_left.sql"))
        .bind::<Array<SqlUuid>, _>(parts.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(parts.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(parts.iter().map(|one| one.2).collect::<Vec<_>>())
        .load(conn)?)
}

#[derive(QueryableByName)]
struct RunRef {
    #[diesel(sql_type = SqlUuid)]
    id: RunId,
}

/// For a run without a lease: refuses to continue once other definitions are in force than those it started with.
pub(crate) fn run_assert_in_force(conn: &mut Conn, run: RunId) -> Tx<()> {
    #[derive(QueryableByName)]
    struct Other {
        #[diesel(sql_type = Integer)]
        ours: i32,
        #[diesel(sql_type = Integer)]
        in_force: i32,
    }
    let other: Vec<Other> = prepared(
        "SELECT r.definition AS ours, f.number AS in_force FROM run r, definition_in_force f WHERE r.id = $1 AND r.definition <> f.number",
    )
    .bind::<SqlUuid, _>(run)
    .load(conn)?;
    match other.first() {
        None => Ok(()),
        Some(other) => Err(StoreError::OtherDefinitions { ours: other.ours, in_force: other.in_force }.into()),
    }
}

/// The audit row of a run's start or end.
fn run_audit(conn: &mut Conn, flow: &FlowId, run: RunId, actor: &str, detail: &serde_json::Value) -> Tx<()> {
    let mut row = NewAudit::of(AuditKind::Run).detail(detail);
    (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
    row.run_id = Some(run);
    row.actor = actor.to_owned();
    audit_append(conn, &[row])
}

/// Ends the polls, sweeps and backfills of a flow whose process or Poller died during them.
fn run_close_dead(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    let why = "it was interrupted; the next run went on where it was";
    let dead = run::table
        .filter(run::company.eq(text(flow.company.as_str())))
        .filter(run::entity.eq(text(flow.entity.as_str())))
        .filter(run::ended_at.is_null())
        .filter(run::kind.eq_any([RunKind::Poll, RunKind::Sweep, RunKind::Backfill].map(|kind| text(kind.as_str()))));
    let dead: Vec<RunId> = diesel::update(dead)
        .set((run::ended_at.eq(now), run::outcome.eq(Some(RunOutcome::Failed.as_str())), run::error.eq(Some(why))))
        .returning(run::id)
        .get_results(conn)?;
    for id in dead {
        run_audit(conn, flow, id, "tieline", &serde_json::json!({ "event": RunEvent::Failed, "error": why }))?;
    }
    Ok(())
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The flow.
    pub flow: FlowId,
    /// What it does.
    pub kind: RunKind,
    /// Who asked for it.
    pub requested_by: String,
    /// Why, when a person did.
    pub reason: Option<String>,
}

/// What the audit says of the start of a run.
pub(super) fn begun(new: &NewRun) -> serde_json::Value {
    serde_json::json!({ "event": RunEvent::Begun, "kind": new.kind, "why": new.reason })
}

/// What the audit says of the end of a run, and the outcome.
pub(super) fn ended(error: Option<&str>) -> (serde_json::Value, &'static str) {
    let (event, outcome) = match error {
        Some(_) => (RunEvent::Failed, RunOutcome::Failed),
        None => (RunEvent::Done, RunOutcome::Done),
    };
    (serde_json::json!({ "event": event, "error": error }), outcome.as_str())
}

/// Starts a run; see [`Store::run_begin`].
pub(super) fn begin(conn: &mut Conn, new: &NewRun, under: SetNumber) -> Tx<()> {
    let NewRun { id, flow, kind, requested_by, reason } = new;
    if matches!(kind, RunKind::Poll | RunKind::Sweep | RunKind::Backfill) {
        run_close_dead(conn, flow)?;
    }
    diesel::insert_into(run::table)
        .values((
            run::id.eq(id),
            run::company.eq(text(flow.company.as_str())),
            run::entity.eq(text(flow.entity.as_str())),
            run::kind.eq(text(kind.as_str())),
            run::requested_by.eq(text(requested_by)),
            run::reason.eq(reason),
            run::definition.eq(Some(under.0)),
        ))
        .execute(conn)?;
    run_audit(conn, flow, *id, requested_by, &begun(new))?;
    // a person gave a reason, and asked for exactly this run
    if let (Some(why), RunKind::Poll | RunKind::Sweep) = (reason, kind) {
        let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "run", "kind": kind, "why": why }));
        (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
        (row.run_id, row.actor) = (Some(*id), requested_by.clone());
        audit_append(conn, &[row])?;
    }
    Ok(())
}

/// Ends a run. One that another node has ended, because this one did not answer, stays as it is: a run ends once.
pub(super) fn end(conn: &mut Conn, flow: &FlowId, id: RunId, error: Option<&str>) -> Tx<()> {
    let (said, outcome) = ended(error);
    let open = run::table.find(id).filter(run::ended_at.is_null());
    let end = (run::ended_at.eq(now), run::outcome.eq(Some(outcome)), run::error.eq(error));
    if diesel::update(open).set(end).execute(conn)? == 0 {
        return Ok(());
    }
    run_audit(conn, flow, id, "tieline", &said)
}

/// A run as it is listed.
pub(super) fn listed(conn: &mut Conn, id: RunId) -> Tx<Option<RunRow>> {
    const ONE: &str = concat!("WITH chosen AS (SELECT * FROM run_total WHERE id = $1) ", include_str!("sql/run_list.sql"));
    let rows: Vec<RunRow> = prepared(ONE).bind::<SqlUuid, _>(id).load(conn)?;
    Ok(rows.into_iter().next())
}

impl Store {
    /// Starts a run. A reader holds the flow's lease, so that an earlier run without an end is known to be dead.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_begin(
        &self,
        flow: FlowId,
        kind: RunKind,
        requested_by: String,
        reason: Option<String>,
        under: SetNumber,
    ) -> Result<RunId, StoreError> {
        self.run_begin_as(RunId::fresh(), flow, kind, requested_by, reason, under).await
    }

    /// The same for a run whose id a caller already knows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_begin_as(
        &self,
        id: RunId,
        flow: FlowId,
        kind: RunKind,
        requested_by: String,
        reason: Option<String>,
        under: SetNumber,
    ) -> Result<RunId, StoreError> {
        let run = NewRun { id, flow, kind, requested_by, reason };
        self.run("begin a run", move |conn| {
            definition_assert(conn, under)?;
            begin(conn, &run, under)?;
            Ok(run.id)
        })
        .await
    }

    /// Ends a run. What it queued is still counted there afterwards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_end(&self, flow: FlowId, id: RunId, error: Option<String>) -> Result<(), StoreError> {
        self.run("end a run", move |conn| end(conn, &flow, id, error.as_deref())).await
    }

    /// Adds what transactions have counted for runs to the rows of the runs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_add_counts(&self) -> Result<(), StoreError> {
        self.run_hot("add the counts of runs", |conn| {
            // in one order, and only these: another one may add the counts of other runs at the same moment
            let runs: Vec<RunRef> = prepared(
                "SELECT r.id FROM run r WHERE r.id = ANY(ARRAY(SELECT DISTINCT c.run_id FROM run_count c)) ORDER BY r.id FOR NO KEY UPDATE",
            )
            .load(conn)?;
            let runs: Vec<RunId> = runs.into_iter().map(|run| run.id).collect();
            prepared(include_str!("sql/run_add_counts.sql")).bind::<Array<SqlUuid>, _>(runs).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_find(&self, id: RunId) -> Result<Option<RunRow>, StoreError> {
        self.run("list runs", move |conn| listed(conn, id)).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_list(&self, filter: RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.run("list runs", move |conn| {
            let chosen = "SELECT * FROM run_total WHERE ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2) AND ($3 IS NULL OR id < $3) \
                 AND ($5 IS NULL OR kind = $5) AND ($6 IS NULL OR coalesce(outcome, 'running') = $6) \
                 AND ($7 IS NULL OR started_at >= $7) AND ($8 IS NULL OR started_at < $8) ORDER BY id DESC LIMIT $4";
            Ok(sql_query(format!("WITH chosen AS ({chosen}) {WITH_BACKLOG}"))
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<SqlUuid>, _>(filter.before)
                .bind::<BigInt, _>(filter.limit)
                .bind::<Nullable<Text>, _>(filter.kind.map(RunKind::as_str))
                .bind::<Nullable<Text>, _>(filter.outcome.map(RunOutcome::as_str))
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.until)
                .load(conn)?)
        })
        .await
    }
}
