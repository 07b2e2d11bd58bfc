//! Backfills: periods of history to be read again on request, each with its own reading position.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::schema::backfill;
use super::time::after;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::ids::BackfillId;
use crate::domain::reason::Reason;
use crate::domain::run::{BackfillState, RunCounts};
use crate::store::prepared::prepared;
use crate::store::text::{Text, text};

/// A backfill.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = backfill, check_for_backend(Pg))]
#[schema(as = Backfill)]
pub struct BackfillRow {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: BackfillId,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The first date; `None`: from the beginning.
    pub since: Option<NaiveDate>,
    /// The first date after the period; `None`: up to now.
    pub until: Option<NaiveDate>,
    /// Its state.
    pub state: BackfillState,
    /// Who asked.
    pub requested_by: String,
    /// Why.
    pub why: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    #[serde(skip)]
    pub(crate) position: Option<serde_json::Value>,
    /// Documents read so far.
    pub read: i64,
    /// Documents seen for the first time.
    pub new: i64,
    /// Documents whose content differs from the version before.
    pub changed: i64,
    /// Documents whose content is the same.
    pub unchanged: i64,
    /// When the last page was stored.
    pub last_progress_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Attempts since the last page.
    pub tries: i32,
    /// When the next attempt is due.
    pub not_before: DateTime<Utc>,
    /// When it was finished or cancelled.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who cancelled it.
    pub ended_by: Option<String>,
}

/// A new backfill.
#[derive(Debug, Clone)]
pub struct NewBackfill {
    /// The flows; each gets its own backfill.
    pub flows: Vec<FlowId>,
    /// The first date.
    pub since: Option<NaiveDate>,
    /// The first date after the period.
    pub until: Option<NaiveDate>,
    /// Who asks.
    pub requested_by: String,
    /// Why.
    pub why: Reason,
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
    /// Only these numbers.
    pub ids: Vec<BackfillId>,
    /// Only those before this number, for paging; newest first.
    pub before: Option<BackfillId>,
    /// The most entries to return.
    pub limit: i64,
}

/// What a page changes in a backfill.
#[derive(Debug, Clone)]
pub struct BackfillStep {
    /// The backfill.
    pub id: BackfillId,
    /// Where reading continues.
    pub position: Option<serde_json::Value>,
    /// Whether this was the last page.
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

/// Moves a backfill in the transaction that stores its page. A backfill that was cancelled in the meantime stays cancelled.
pub(crate) fn backfill_step(conn: &mut Conn, flow: &FlowId, step: &BackfillStep, counts: RunCounts) -> Tx<()> {
    let end = step.done.then(|| (backfill::state.eq(text(BackfillState::Done.as_str())), backfill::ended_at.eq(now)));
    let moved = diesel::update(backfill::table.find(step.id).filter(backfill::state.eq(text(BackfillState::Open.as_str()))))
        .set((
            backfill::position.eq(step.position.as_ref()),
            backfill::read.eq(backfill::read + counts.read),
            backfill::new.eq(backfill::new + counts.new),
            backfill::changed.eq(backfill::changed + counts.changed),
            backfill::unchanged.eq(backfill::unchanged + counts.unchanged),
            backfill::last_progress_at.eq(now),
            backfill::error.eq(None::<&str>),
            backfill::tries.eq(0),
            backfill::not_before.eq(now),
            end,
        ))
        .execute(conn)?;
    if moved == 0 || !step.done {
        return Ok(());
    }
    let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "backfill", "id": step.id, "event": "done" }));
    (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
    audit_append(conn, &[row])
}

/// Flows with an open backfill that is due, except flows that are held, paused or stopped.
pub(super) fn flows_to_continue(conn: &mut Conn) -> Tx<Vec<FlowId>> {
    let rows: Vec<OpenFlow> = prepared(
        "SELECT DISTINCT b.company, b.entity FROM backfill b LEFT JOIN flow f ON f.company = b.company AND f.entity = b.entity \
         WHERE b.state = 'open' AND f.paused_at IS NULL AND f.stopped IS NULL AND coalesce(f.lease_until NOT BETWEEN now() AND now() + interval '1 hour', true) \
         AND NOT EXISTS (SELECT FROM backfill e WHERE e.company = b.company AND e.entity = b.entity AND e.state = 'open' \
                         AND e.id <= b.id AND e.not_before > now())",
    )
    .load(conn)?;
    Ok(rows.into_iter().map(|row| FlowId::new(row.company.as_str(), row.entity.as_str())).collect())
}

impl Store {
    /// Stores a request to read periods of history again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_add(&self, new: NewBackfill) -> Result<Vec<BackfillRow>, StoreError> {
        self.run("ask for a backfill", move |conn| {
            let values = new.flows.iter().map(|flow| {
                (
                    backfill::company.eq(text(flow.company.as_str())),
                    backfill::entity.eq(text(flow.entity.as_str())),
                    backfill::since.eq(new.since),
                    backfill::until.eq(new.until),
                    backfill::requested_by.eq(text(&new.requested_by)),
                    backfill::why.eq(text(new.why.as_str())),
                )
            });
            let rows: Vec<BackfillRow> = diesel::insert_into(backfill::table)
                .values(values.collect::<Vec<_>>())
                .returning(BackfillRow::as_returning())
                .get_results(conn)?;
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

    /// Backfills, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_list(&self, filter: BackfillFilter) -> Result<Vec<BackfillRow>, StoreError> {
        self.run("list backfills", move |conn| {
            let mut chosen = backfill::table.select(BackfillRow::as_select()).order(backfill::id.desc()).limit(filter.limit).into_boxed();
            if let Some(company) = &filter.company {
                chosen = chosen.filter(backfill::company.eq(text(company)));
            }
            if let Some(entity) = &filter.entity {
                chosen = chosen.filter(backfill::entity.eq(text(entity)));
            }
            if let Some(state) = filter.state {
                chosen = chosen.filter(backfill::state.eq(text(state.as_str())));
            }
            if !filter.ids.is_empty() {
                chosen = chosen.filter(backfill::id.eq_any(filter.ids));
            }
            if let Some(before) = filter.before {
                chosen = chosen.filter(backfill::id.lt(before));
            }
            Ok(chosen.load(conn)?)
        })
        .await
    }

    /// Ends a backfill early; the documents that it has read stay. `None` when it is not open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_cancel(&self, id: BackfillId, actor: String, why: Reason) -> Result<Option<BackfillRow>, StoreError> {
        self.run("cancel a backfill", move |conn| {
            let cancelled: Option<BackfillRow> =
                diesel::update(backfill::table.find(id).filter(backfill::state.eq(text(BackfillState::Open.as_str()))))
                    .set((
                        backfill::state.eq(text(BackfillState::Cancelled.as_str())),
                        backfill::ended_at.eq(now),
                        backfill::ended_by.eq(Some(&actor)),
                    ))
                    .returning(BackfillRow::as_returning())
                    .get_result(conn)
                    .optional()?;
            if let Some(row) = &cancelled {
                let detail = serde_json::json!({ "action": "backfill", "id": id, "event": "cancelled", "why": why });
                let mut note = NewAudit::of(AuditKind::Action).detail(&detail);
                (note.company, note.entity, note.actor) = (Some(row.company.clone()), Some(row.entity.clone()), actor);
                audit_append(conn, &[note])?;
            }
            Ok(cancelled)
        })
        .await
    }

    /// The flow's oldest open backfill.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_next(&self, flow: FlowId) -> Result<Option<BackfillRow>, StoreError> {
        self.run("read the next backfill", move |conn| {
            let open = backfill::table
                .filter(backfill::company.eq(text(flow.company.as_str())))
                .filter(backfill::entity.eq(text(flow.entity.as_str())))
                .filter(backfill::state.eq(text(BackfillState::Open.as_str())));
            Ok(open.order(backfill::id).select(BackfillRow::as_select()).first(conn).optional()?)
        })
        .await
    }

    /// Stores why a backfill stopped; the next attempt is due after `wait`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backfill_failed(&self, id: BackfillId, error: String, wait: Duration) -> Result<(), StoreError> {
        self.run("note a backfill's trouble", move |conn| {
            diesel::update(backfill::table.find(id).filter(backfill::state.eq(text(BackfillState::Open.as_str()))))
                .set((backfill::error.eq(Some(&error)), backfill::tries.eq(backfill::tries + 1), backfill::not_before.eq(after(wait))))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
