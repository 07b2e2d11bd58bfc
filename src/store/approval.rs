//! Requests for approval: asked by one person, answered by another, and used once.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};
use serde::Serialize;
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::schema::approval;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::approval::{ApprovalKind, ApprovalState};
use crate::domain::audit::AuditKind;
use crate::domain::person::person;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// A request for approval.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = approval, check_for_backend(Pg))]
#[schema(as = Approval)]
pub struct ApprovalRow {
    /// Its number, ascending.
    pub id: i64,
    /// What needs a second person.
    pub kind: ApprovalKind,
    /// What exactly is asked for.
    pub subject: String,
    /// Who asked.
    pub asked_by: String,
    /// Why.
    pub why: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Until when it can be answered and done.
    pub expires_at: DateTime<Utc>,
    /// Its state.
    pub state: ApprovalState,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<DateTime<Utc>>,
    /// Why.
    pub answer: Option<String>,
}

/// What a request for an action that needs a second person leads to.
#[derive(Debug, Clone)]
pub enum Approval {
    /// It was approved, and is used up now.
    Given,
    /// It waits for a second person: asked now, or before.
    Asked(ApprovalRow),
}

/// What became of an answer.
#[derive(Debug, Clone)]
pub enum Answered {
    /// It is stored.
    Done(ApprovalRow),
    /// There is no such request.
    Missing,
    /// It is no longer waiting for an answer.
    State(ApprovalState),
    /// It was asked by the same person.
    SamePerson(String),
}

fn event(row: &ApprovalRow, action: &str, actor: &str, why: &str) -> NewAudit {
    let mut event = NewAudit::of(AuditKind::Approval).detail(
        &json!({ "action": action, "number": row.id, "kind": row.kind, "text": row.subject, "why": why, "asked_by": row.asked_by }),
    );
    event.actor = actor.to_owned();
    event
}

/// Ends what was not answered, or not done, in time. One transaction at a time decides about requests.
fn expire(conn: &mut Conn) -> Tx<()> {
    sql_query("LOCK TABLE approval IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    let open = [ApprovalState::Asked, ApprovalState::Approved];
    let late = approval::table.filter(approval::state.eq_any(open.iter().map(|state| text(state.as_str()))));
    let rows: Vec<ApprovalRow> = diesel::update(late.filter(approval::expires_at.le(now)))
        .set(approval::state.eq(text(ApprovalState::Expired.as_str())))
        .returning(ApprovalRow::as_select())
        .load(conn)?;
    let events: Vec<NewAudit> =
        rows.iter().map(|row| event(row, "expire", "tieline", "it was not answered, or not done, in time")).collect();
    audit_append(conn, &events)
}

impl Store {
    /// Uses an approval of this action for this person; without one, asks for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_use(
        &self,
        kind: ApprovalKind,
        subject: String,
        actor: String,
        why: Reason,
        hours: u32,
    ) -> Result<Approval, StoreError> {
        self.run("ask for an approval", move |conn| {
            expire(conn)?;
            let open = [ApprovalState::Asked, ApprovalState::Approved];
            let rows: Vec<ApprovalRow> = approval::table
                .filter(approval::kind.eq(text(kind.as_str())).and(approval::subject.eq(text(&subject))))
                .filter(approval::state.eq_any(open.iter().map(|state| text(state.as_str()))))
                .order(approval::id)
                .select(ApprovalRow::as_select())
                .load(conn)?;
            if let Some(row) = rows.into_iter().find(|row| person(&row.asked_by) == person(&actor)) {
                if row.state == ApprovalState::Asked {
                    return Ok(Approval::Asked(row));
                }
                diesel::update(approval::table.find(row.id)).set(approval::state.eq(text(ApprovalState::Used.as_str()))).execute(conn)?;
                audit_append(conn, &[event(&row, "use", &actor, why.as_str())])?;
                return Ok(Approval::Given);
            }
            let id: i64 = sql_query(
                "INSERT INTO approval (kind, subject, asked_by, why, expires_at) VALUES ($1, $2, $3, $4, now() + make_interval(hours => $5)) RETURNING id",
            )
            .bind::<Text, _>(kind.as_str())
            .bind::<Text, _>(&subject)
            .bind::<Text, _>(&actor)
            .bind::<Text, _>(why.as_str())
            .bind::<Integer, _>(i32::try_from(hours).unwrap_or(i32::MAX))
            .get_result::<Id>(conn)?
            .id;
            let row: ApprovalRow = approval::table.find(id).select(ApprovalRow::as_select()).first(conn)?;
            audit_append(conn, &[event(&row, "ask", &actor, why.as_str())])?;
            Ok(Approval::Asked(row))
        })
        .await
    }

    /// Answers a request for approval.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_answer(&self, id: i64, approve: bool, actor: String, why: Reason) -> Result<Answered, StoreError> {
        self.run("answer a request for approval", move |conn| {
            expire(conn)?;
            let row: Option<ApprovalRow> = approval::table.find(id).select(ApprovalRow::as_select()).first(conn).optional()?;
            let Some(row) = row else { return Ok(Answered::Missing) };
            if row.state != ApprovalState::Asked {
                return Ok(Answered::State(row.state));
            }
            if person(&row.asked_by) == person(&actor) {
                return Ok(Answered::SamePerson(row.asked_by));
            }
            let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
            let row: ApprovalRow = diesel::update(approval::table.find(id))
                .set((
                    approval::state.eq(text(state.as_str())),
                    approval::answered_by.eq(Some(text(&actor))),
                    approval::answered_at.eq(now),
                    approval::answer.eq(Some(text(why.as_str()))),
                ))
                .returning(ApprovalRow::as_select())
                .get_result(conn)?;
            audit_append(conn, &[event(&row, if approve { "approve" } else { "reject" }, &actor, why.as_str())])?;
            Ok(Answered::Done(row))
        })
        .await
    }

    /// Requests for approval, the newest first; before this one, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_list(&self, before: Option<i64>, limit: i64) -> Result<Vec<ApprovalRow>, StoreError> {
        self.run("list requests for approval", move |conn| {
            expire(conn)?;
            let mut rows = approval::table.order(approval::id.desc()).limit(limit).into_boxed::<Pg>();
            if let Some(before) = before {
                rows = rows.filter(approval::id.lt(before));
            }
            Ok(rows.select(ApprovalRow::as_select()).load(conn)?)
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}
