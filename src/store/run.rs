//! Runs: one row from start to end.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;
use uuid::Uuid;

use super::audit::{NewAudit, audit_append};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::run::{RunCounts, RunId, RunKind, RunOutcome};

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
    /// Target records sent.
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    /// Target records confirmed.
    #[diesel(sql_type = BigInt)]
    pub confirmed: i64,
    /// Target records parked.
    #[diesel(sql_type = BigInt)]
    pub parked: i64,
}

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

/// Adds to a run's counts.
pub(crate) fn run_count(conn: &mut Conn, run: RunId, counts: RunCounts) -> Tx<()> {
    sql_query(
        "UPDATE run SET read = read + $2, new = new + $3, changed = changed + $4, unchanged = unchanged + $5, deleted = deleted + $6, \
         sent = sent + $7, confirmed = confirmed + $8, parked = parked + $9 WHERE id = $1",
    )
    .bind::<SqlUuid, _>(run.0)
    .bind::<BigInt, _>(counts.read)
    .bind::<BigInt, _>(counts.new)
    .bind::<BigInt, _>(counts.changed)
    .bind::<BigInt, _>(counts.unchanged)
    .bind::<BigInt, _>(counts.deleted)
    .bind::<BigInt, _>(counts.sent)
    .bind::<BigInt, _>(counts.confirmed)
    .bind::<BigInt, _>(counts.parked)
    .execute(conn)?;
    Ok(())
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
    pub async fn run_begin(&self, flow: FlowId, kind: RunKind, requested_by: String, reason: Option<String>) -> Result<RunId, StoreError> {
        self.run("begin a run", move |conn| {
            let run = RunId::fresh();
            if matches!(kind, RunKind::Poll | RunKind::Sweep | RunKind::Backfill) {
                run_close_dead(conn, &flow)?;
            }
            sql_query("INSERT INTO run (id, company, entity, kind, requested_by, reason) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind::<SqlUuid, _>(run.0)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Text, _>(kind.as_str())
                .bind::<Text, _>(&requested_by)
                .bind::<Nullable<Text>, _>(&reason)
                .execute(conn)?;
            run_audit(conn, &flow, run, &requested_by, &serde_json::json!({ "event": "begun", "kind": kind, "why": reason }))?;
            Ok(run)
        })
        .await
    }

    /// Ends a run; `delivered` are the counts of sending, which happened beside the reading.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_end(&self, flow: FlowId, run: RunId, delivered: RunCounts, error: Option<String>) -> Result<(), StoreError> {
        self.run("end a run", move |conn| {
            run_count(conn, run, delivered)?;
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

    /// Adds to what a run that is under way has delivered so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_delivered(&self, run: RunId, counts: RunCounts) -> Result<(), StoreError> {
        self.run("count what a run delivers", move |conn| run_count(conn, run, counts)).await
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_find(&self, id: Uuid) -> Result<Option<RunRow>, StoreError> {
        self.run("list runs", move |conn| {
            let rows: Vec<RunRow> = sql_query("SELECT * FROM run WHERE id = $1").bind::<SqlUuid, _>(id).load(conn)?;
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
            Ok(sql_query(
                "SELECT * FROM run WHERE ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2) AND ($3 IS NULL OR id < $3) \
                 AND ($5 IS NULL OR kind = $5) AND ($6 IS NULL OR coalesce(outcome, 'running') = $6) \
                 AND ($7 IS NULL OR started_at >= $7) AND ($8 IS NULL OR started_at < $8) ORDER BY id DESC LIMIT $4",
            )
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
