//! Backfills: periods of history that somebody asked to be read again, each with a reading position of its own.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Integer, Nullable, Timestamptz};
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::run::{BackfillState, RunCounts};
use crate::store::text::{Jsonb, Text};

/// A backfill.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillRow {
    /// Its number, ascending.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The first date; `None`: from the beginning.
    #[diesel(sql_type = Nullable<Date>)]
    pub since: Option<NaiveDate>,
    /// The first date beyond; `None`: up to now.
    #[diesel(sql_type = Nullable<Date>)]
    pub until: Option<NaiveDate>,
    /// `open`, `done` or `cancelled`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Who asked.
    #[diesel(sql_type = Text)]
    pub requested_by: String,
    /// Why.
    #[diesel(sql_type = Text)]
    pub why: String,
    /// When.
    #[diesel(sql_type = Timestamptz)]
    pub asked_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    #[serde(skip)]
    pub(crate) position: Option<serde_json::Value>,
    /// Documents read so far.
    #[diesel(sql_type = BigInt)]
    pub read: i64,
    /// Those seen for the first time.
    #[diesel(sql_type = BigInt)]
    pub new: i64,
    /// Those whose content differs from the version before.
    #[diesel(sql_type = BigInt)]
    pub changed: i64,
    /// Those whose content is the same.
    #[diesel(sql_type = BigInt)]
    pub unchanged: i64,
    /// When the last page was taken in.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_progress_at: Option<DateTime<Utc>>,
    /// Why the last try came to nothing.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    /// How often it has been tried since the last page.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
    /// When it is tried next.
    #[diesel(sql_type = Timestamptz)]
    pub not_before: DateTime<Utc>,
    /// When it was done or cancelled.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime<Utc>>,
    /// By whom it was cancelled.
    #[diesel(sql_type = Nullable<Text>)]
    pub ended_by: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewBackfill {
    /// The flows, each of which gets a backfill of its own.
    pub flows: Vec<FlowId>,
    /// The first date.
    pub since: Option<NaiveDate>,
    /// The first date beyond.
    pub until: Option<NaiveDate>,
    /// Who asks.
    pub requested_by: String,
    /// Why.
    pub why: String,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct BackfillFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this state.
    pub state: Option<BackfillState>,
    /// Only these.
    pub ids: Vec<i64>,
    /// Only those before this one, for paging; the newest come first.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// How far a page brings a backfill.
#[derive(Debug, Clone)]
pub struct BackfillStep {
    /// The backfill.
    pub id: i64,
    /// Where reading goes on.
    pub position: Option<serde_json::Value>,
    /// This was the last page.
    pub done: bool,
}

/// The flow of an open backfill.
#[derive(QueryableByName)]
struct OpenFlow {
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Text)]
    entity: String,
}

/// Moves a backfill within the transaction that takes its page in. One that was cancelled meanwhile stays so.
pub(crate) fn backfill_step(conn: &mut Conn, flow: &FlowId, step: &BackfillStep, counts: RunCounts) -> Tx<()> {
    let moved = sql_query(
        "UPDATE backfill SET position = $2, read = read + $3, new = new + $4, changed = changed + $5, unchanged = unchanged + $6, \
         last_progress_at = now(), error = NULL, tries = 0, not_before = now(), state = CASE WHEN $7 THEN 'done' ELSE state END, \
         ended_at = CASE WHEN $7 THEN now() END WHERE id = $1 AND state = 'open'",
    )
    .bind::<BigInt, _>(step.id)
    .bind::<Nullable<Jsonb>, _>(step.position.as_ref())
    .bind::<BigInt, _>(counts.read)
    .bind::<BigInt, _>(counts.new)
    .bind::<BigInt, _>(counts.changed)
    .bind::<BigInt, _>(counts.unchanged)
    .bind::<Bool, _>(step.done)
    .execute(conn)?;
    if moved == 0 || !step.done {
        return Ok(());
    }
    let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "backfill", "id": step.id, "event": "done" }));
    (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
    audit_append(conn, &[row])
}

impl Store {
    /// Notes that periods of history are to be read again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_add(&self, new: NewBackfill) -> Result<Vec<BackfillRow>, StoreError> {
        self.run("ask for a backfill", move |conn| {
            let rows: Vec<BackfillRow> = sql_query(
                "INSERT INTO backfill (company, entity, since, until, requested_by, why) \
                 SELECT n.company, n.entity, $3, $4, $5, $6 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n (company, entity, number) \
                 ORDER BY n.number RETURNING *",
            )
            .bind::<Array<Text>, _>(new.flows.iter().map(|flow| flow.company.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(new.flows.iter().map(|flow| flow.entity.as_str()).collect::<Vec<_>>())
            .bind::<Nullable<Date>, _>(new.since)
            .bind::<Nullable<Date>, _>(new.until)
            .bind::<Text, _>(&new.requested_by)
            .bind::<Text, _>(&new.why)
            .load(conn)?;
            let note = |row: &BackfillRow| {
                let detail = serde_json::json!({ "action": "backfill", "id": row.id, "event": "asked", "since": row.since, "until": row.until, "why": row.why });
                let mut note = NewAudit::of(AuditKind::Action).detail(&detail);
                (note.company, note.entity) = (Some(row.company.clone()), Some(row.entity.clone()));
                note.actor.clone_from(&new.requested_by);
                note
            };
            audit_append(conn, &rows.iter().map(note).collect::<Vec<_>>())?;
            Ok(rows)
        })
        .await
    }

    /// Backfills, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_list(&self, filter: BackfillFilter) -> Result<Vec<BackfillRow>, StoreError> {
        self.run("list backfills", move |conn| {
            Ok(sql_query(
                "SELECT * FROM backfill WHERE ($1 IS NULL OR company = $1) AND ($2 IS NULL OR entity = $2) AND ($3 IS NULL OR state = $3) \
                 AND (cardinality($4::bigint[]) = 0 OR id = ANY($4)) AND ($5 IS NULL OR id < $5) ORDER BY id DESC LIMIT $6",
            )
            .bind::<Nullable<Text>, _>(filter.company)
            .bind::<Nullable<Text>, _>(filter.entity)
            .bind::<Nullable<Text>, _>(filter.state.map(BackfillState::as_str))
            .bind::<Array<BigInt>, _>(filter.ids)
            .bind::<Nullable<BigInt>, _>(filter.before)
            .bind::<BigInt, _>(filter.limit)
            .load(conn)?)
        })
        .await
    }

    /// Ends a backfill early; what it has read stays. `None` when it is not open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_cancel(&self, id: i64, actor: String, why: String) -> Result<Option<BackfillRow>, StoreError> {
        self.run("cancel a backfill", move |conn| {
            let rows: Vec<BackfillRow> = sql_query(
                "UPDATE backfill SET state = 'cancelled', ended_at = now(), ended_by = $2 WHERE id = $1 AND state = 'open' RETURNING *",
            )
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(&actor)
            .load(conn)?;
            for row in &rows {
                let detail = serde_json::json!({ "action": "backfill", "id": id, "event": "cancelled", "why": why });
                let mut note = NewAudit::of(AuditKind::Action).detail(&detail);
                (note.company, note.entity, note.actor) = (Some(row.company.clone()), Some(row.entity.clone()), actor.clone());
                audit_append(conn, &[note])?;
            }
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// The flow's open backfill that was asked for first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_next(&self, flow: FlowId) -> Result<Option<BackfillRow>, StoreError> {
        self.run("read the next backfill", move |conn| {
            let rows: Vec<BackfillRow> =
                sql_query("SELECT * FROM backfill WHERE company = $1 AND entity = $2 AND state = 'open' ORDER BY id LIMIT 1")
                    .bind::<Text, _>(flow.company.as_str())
                    .bind::<Text, _>(flow.entity.as_str())
                    .load(conn)?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Flows with an open backfill whose time has come, as far as they are neither held, paused nor stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_flows(&self) -> Result<Vec<FlowId>, StoreError> {
        self.run("find backfills", move |conn| {
            let rows: Vec<OpenFlow> = sql_query(
                "SELECT DISTINCT b.company, b.entity FROM backfill b LEFT JOIN flow f ON f.company = b.company AND f.entity = b.entity \
                 WHERE b.state = 'open' AND f.paused_at IS NULL AND f.stopped IS NULL AND coalesce(f.lease_until NOT BETWEEN now() AND now() + interval '1 hour', true) \
                 AND NOT EXISTS (SELECT FROM backfill e WHERE e.company = b.company AND e.entity = b.entity AND e.state = 'open' \
                                 AND e.id <= b.id AND e.not_before > now())",
            )
            .load(conn)?;
            Ok(rows.into_iter().map(|row| FlowId::new(row.company.as_str(), row.entity.as_str())).collect())
        })
        .await
    }

    /// Notes why a backfill came no further; it is tried again after `wait`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_failed(&self, id: i64, error: String, wait: Duration) -> Result<(), StoreError> {
        self.run("note a backfill's trouble", move |conn| {
            sql_query(
                "UPDATE backfill SET error = $2, tries = tries + 1, not_before = now() + make_interval(secs => $3) WHERE id = $1 AND state = 'open'",
            )
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(&error)
            .bind::<Double, _>(wait.as_secs_f64())
            .execute(conn)?;
            Ok(())
        })
        .await
    }
}
