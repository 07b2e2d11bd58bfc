//! Runs: one row from start to end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;
use uuid::Uuid;

use super::audit::{NewAudit, audit_append};
use super::definition::{SetNumber, definition_assert};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::backlog::Backlog;
use crate::domain::run::{RunCounts, RunId, RunKind, RunOutcome};
use crate::store::text::Text;

/// A run as it is listed.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Run)]
pub struct RunRow {
    /// The id, sorted by time.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// `poll`, `sweep`, `replay` or `backfill`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Who asked for it.
    #[diesel(sql_type = Text)]
    pub requested_by: String,
    /// Why, when a person did.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// When it began.
    #[diesel(sql_type = Timestamptz)]
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime<Utc>>,
    /// `done` or `failed`.
    #[diesel(sql_type = Nullable<Text>)]
    pub outcome: Option<String>,
    /// Why it failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    /// Documents read.
    #[diesel(sql_type = BigInt)]
    pub read: i64,
    /// New ones.
    #[diesel(sql_type = BigInt)]
    pub new: i64,
    /// Changed ones.
    #[diesel(sql_type = BigInt)]
    pub changed: i64,
    /// Unchanged ones.
    #[diesel(sql_type = BigInt)]
    pub unchanged: i64,
    /// Documents that SYSPRO no longer has.
    #[diesel(sql_type = BigInt)]
    pub deleted: i64,
    /// Records that this run queued for ServiceNow: `delivered`, `replaced`, and those that have not arrived.
    #[diesel(sql_type = BigInt)]
    pub records: i64,
    /// Those that have wholly arrived by now, also after the end of the run.
    #[diesel(sql_type = BigInt)]
    pub delivered: i64,
    /// Those that a newer version or a later resend replaced before they had arrived.
    #[diesel(sql_type = BigInt)]
    pub replaced: i64,
    /// Parts (headers and lines) that this run queued.
    #[diesel(sql_type = BigInt)]
    pub parts: i64,
    /// Parts sent, repeats included.
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    /// Parts that ServiceNow confirmed.
    #[diesel(sql_type = BigInt)]
    pub confirmed: i64,
    /// Parts that were replaced before they had arrived.
    #[diesel(sql_type = BigInt)]
    pub parts_replaced: i64,
    /// Records of this run that are due.
    #[diesel(sql_type = BigInt)]
    pub queued: i64,
    /// Records that are being sent.
    #[diesel(sql_type = BigInt)]
    pub sending: i64,
    /// Records that are sent again by themselves after a temporary error.
    #[diesel(sql_type = BigInt)]
    pub retrying: i64,
    /// Records of which the outcome is unknown.
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
    /// The number of the definitions that it mapped with; nothing for runs from before they were numbered.
    #[diesel(sql_type = Nullable<Integer>)]
    pub definition: Option<i32>,
}

impl RunRow {
    /// Records of this run that have not arrived, by where they stand.
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

/// Runs with what of theirs has not arrived; `chosen` are the runs.
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
    /// Only those that ended so: `done` or `failed`; `running` for those that have not.
    pub outcome: Option<RunOutcome>,
    /// Only those that began from this instant on.
    pub since: Option<DateTime<Utc>>,
    /// Only those that began before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only runs that began before this one, for paging.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Adds to what a run has read.
pub(crate) fn run_count(conn: &mut Conn, run: RunId, counts: RunCounts) -> Tx<()> {
    sql_query(
        "UPDATE run SET read = read + $2, new = new + $3, changed = changed + $4, unchanged = unchanged + $5, deleted = deleted + $6 WHERE id = $1",
    )
    .bind::<SqlUuid, _>(run.0)
    .bind::<BigInt, _>(counts.read)
    .bind::<BigInt, _>(counts.new)
    .bind::<BigInt, _>(counts.changed)
    .bind::<BigInt, _>(counts.unchanged)
    .bind::<BigInt, _>(counts.deleted)
    .execute(conn)?;
    Ok(())
}

/// What happened to parts, for the counts of the runs that queued them.
#[derive(Debug, Default)]
pub(crate) struct RunTally {
    /// Records and parts that a run queued.
    pub(crate) queued: Vec<(Uuid, i64, i64)>,
    /// Parts that were sent.
    pub(crate) sent: Vec<Uuid>,
    /// Parts that arrived: (run, document). They are no longer in `pending`.
    pub(crate) confirmed: Vec<(Uuid, i64)>,
    /// Parts that were replaced: (run, document). They are no longer in `pending`.
    pub(crate) replaced: Vec<(Uuid, i64)>,
}

/// Records of a company that have wholly arrived.
#[derive(Debug, Clone, QueryableByName)]
pub struct Arrived {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub records: i64,
}

/// Counts parts, and the records that are complete with them, at the runs that queued them; says how many records have arrived.
///
/// A record has left a run when none of the parts that the run queued for it is in `pending`. The rows of the runs are locked in the order
/// of their ids before that is read, so that of two transactions that settle the last two parts the later one sees both. Call it last
/// in a transaction: whoever waits for a run's row must not hold what its holder still needs.
pub(crate) fn run_tally(conn: &mut Conn, tally: &RunTally) -> Tx<Vec<Arrived>> {
    let mut runs: Vec<Uuid> = tally.queued.iter().map(|one| one.0).chain(tally.sent.iter().copied()).collect();
    runs.extend(tally.confirmed.iter().chain(&tally.replaced).map(|one| one.0));
    runs.sort_unstable();
    runs.dedup();
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    sql_query("SELECT 1 FROM (SELECT id FROM run WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) locked")
        .bind::<Array<SqlUuid>, _>(&runs)
        .execute(conn)?;
    let mut parts: BTreeMap<Uuid, [i64; 5]> = BTreeMap::new();
    for (run, records, queued) in &tally.queued {
        let counts = parts.entry(*run).or_default();
        counts[0] += records;
        counts[1] += queued;
    }
    tally.sent.iter().for_each(|run| parts.entry(*run).or_default()[2] += 1);
    tally.confirmed.iter().for_each(|(run, _)| parts.entry(*run).or_default()[3] += 1);
    tally.replaced.iter().for_each(|(run, _)| parts.entry(*run).or_default()[4] += 1);
    let column = |at: usize| parts.values().map(|counts| counts[at]).collect::<Vec<i64>>();
    let left: BTreeSet<(Uuid, i64, bool)> = tally
        .confirmed
        .iter()
        .map(|(run, document)| (*run, *document, true))
        .chain(tally.replaced.iter().map(|(run, document)| (*run, *document, false)))
        .collect();
    Ok(sql_query(include_str!("sql/run_tally.sql"))
        .bind::<Array<SqlUuid>, _>(parts.keys().copied().collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(column(0))
        .bind::<Array<BigInt>, _>(column(1))
        .bind::<Array<BigInt>, _>(column(2))
        .bind::<Array<BigInt>, _>(column(3))
        .bind::<Array<BigInt>, _>(column(4))
        .bind::<Array<SqlUuid>, _>(left.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(left.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(left.iter().map(|one| one.2).collect::<Vec<_>>())
        .load(conn)?)
}

/// Refuses to go on with a run under no lease once other definitions are in force than it was begun with.
pub(crate) fn run_assert_in_force(conn: &mut Conn, run: RunId) -> Tx<()> {
    #[derive(QueryableByName)]
    struct Other {
        #[diesel(sql_type = Integer)]
        ours: i32,
        #[diesel(sql_type = Integer)]
        in_force: i32,
    }
    let other: Vec<Other> = sql_query(
        "SELECT r.definition AS ours, f.number AS in_force FROM run r, definition_in_force f WHERE r.id = $1 AND r.definition <> f.number",
    )
    .bind::<SqlUuid, _>(run.0)
    .load(conn)?;
    match other.first() {
        None => Ok(()),
        Some(other) => Err(StoreError::OtherDefinitions { ours: other.ours, in_force: other.in_force }.into()),
    }
}

/// The audit row of a run's beginning or end.
fn run_audit(conn: &mut Conn, flow: &FlowId, run: RunId, actor: &str, detail: &serde_json::Value) -> Tx<()> {
    let mut row = NewAudit::of(AuditKind::Run).detail(detail);
    (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
    row.run_id = Some(run.0);
    row.actor = actor.to_owned();
    audit_append(conn, &[row])
}

/// Ends the polls, sweeps and backfills of a flow whose process or Poller died under them.
fn run_close_dead(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    #[derive(QueryableByName)]
    struct Dead {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let why = "it was interrupted; the next run went on where it was";
    let dead: Vec<Dead> = sql_query(
        "UPDATE run SET ended_at = now(), outcome = 'failed', error = $3 \
         WHERE company = $1 AND entity = $2 AND ended_at IS NULL AND kind IN ('poll', 'sweep', 'backfill') RETURNING id",
    )
    .bind::<Text, _>(flow.company.as_str())
    .bind::<Text, _>(flow.entity.as_str())
    .bind::<Text, _>(why)
    .load(conn)?;
    for run in dead {
        run_audit(conn, flow, RunId(run.id), "tieline", &serde_json::json!({ "event": "failed", "error": why }))?;
    }
    Ok(())
}

impl Store {
    /// Begins a run. Whoever reads holds the flow's lease, so that an earlier such run without an end is known to be dead.
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

    /// The same for a run whose name somebody has been told already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_begin_as(
        &self,
        run: RunId,
        flow: FlowId,
        kind: RunKind,
        requested_by: String,
        reason: Option<String>,
        under: SetNumber,
    ) -> Result<RunId, StoreError> {
        self.run("begin a run", move |conn| {
            definition_assert(conn, under)?;
            if matches!(kind, RunKind::Poll | RunKind::Sweep | RunKind::Backfill) {
                run_close_dead(conn, &flow)?;
            }
            sql_query("INSERT INTO run (id, company, entity, kind, requested_by, reason, definition) VALUES ($1, $2, $3, $4, $5, $6, $7)")
                .bind::<SqlUuid, _>(run.0)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Text, _>(kind.as_str())
                .bind::<Text, _>(&requested_by)
                .bind::<Nullable<Text>, _>(&reason)
                .bind::<Integer, _>(under.0)
                .execute(conn)?;
            run_audit(conn, &flow, run, &requested_by, &serde_json::json!({ "event": "begun", "kind": kind, "why": reason }))?;
            // a person gave a reason, and asked for this run itself
            if let (Some(why), RunKind::Poll | RunKind::Sweep) = (&reason, kind) {
                let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "run", "kind": kind, "why": why }));
                (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
                (row.run_id, row.actor) = (Some(run.0), requested_by.clone());
                audit_append(conn, &[row])?;
            }
            Ok(run)
        })
        .await
    }

    /// Ends a run. What it queued is counted there afterwards too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_end(&self, flow: FlowId, run: RunId, error: Option<String>) -> Result<(), StoreError> {
        self.run("end a run", move |conn| {
            let outcome = if error.is_some() { RunOutcome::Failed } else { RunOutcome::Done }.as_str();
            sql_query("UPDATE run SET ended_at = now(), outcome = $2, error = $3 WHERE id = $1")
                .bind::<SqlUuid, _>(run.0)
                .bind::<Text, _>(outcome)
                .bind::<Nullable<Text>, _>(&error)
                .execute(conn)?;
            run_audit(conn, &flow, run, "tieline", &serde_json::json!({ "event": outcome, "error": error }))
        })
        .await
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_find(&self, id: Uuid) -> Result<Option<RunRow>, StoreError> {
        self.run("list runs", move |conn| {
            let rows: Vec<RunRow> =
                sql_query(format!("WITH chosen AS (SELECT * FROM run WHERE id = $1) {WITH_BACKLOG}")).bind::<SqlUuid, _>(id).load(conn)?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_list(&self, filter: RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.run("list runs", move |conn| {
            let chosen = "SELECT * FROM run WHERE ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2) AND ($3 IS NULL OR id < $3) \
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
