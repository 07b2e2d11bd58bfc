//! Begins, ends and lists tie-outs.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;

use super::groups::drop_old;
use crate::domain::audit::AuditKind;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::reason::Reason;
use crate::domain::tie_out::{Scope, TieOutState, Verdict};
use crate::store::audit::{NewAudit, audit_append};
use crate::store::close::suspend_what_differs;
use crate::store::definition::SetNumber;
use crate::store::schema::{definition, tie_out, tie_out_row};
use crate::store::text::text;
use crate::store::{Conn, Store, StoreError, Tx};

/// A tie-out.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out, check_for_backend(Pg))]
#[schema(as = TieOut)]
pub struct TieOutRun {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: TieOutId,
    /// Who asked.
    pub requested_by: String,
    /// Why.
    pub why: Option<String>,
    /// Its state.
    pub state: TieOutState,
    /// The cut: what changes later is not a difference.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended early.
    pub error: Option<String>,
    /// Only these companies were compared; empty: all.
    pub companies: Vec<String>,
    /// Only these entities; empty: all.
    pub entities: Vec<String>,
    /// Only records of this fiscal year; null: of every one.
    pub year: Option<i32>,
    /// And of this period.
    pub period: Option<i32>,
    /// Whether ServiceNow's tables were listed even if they had not changed.
    pub fresh: bool,
    /// The time of the schedule for which it was made; null: a person asked.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// What it shows, once it is done: the worst of its sums and controls.
    pub result: Option<Verdict>,
    /// Differences and documents that a person must look at.
    pub open_items: Option<i64>,
}

/// What a tie-out shows at its end.
#[derive(Debug, Clone, Copy)]
pub struct TieOutEnd {
    /// The worst of its sums and controls.
    pub result: Verdict,
    /// Differences and documents that a person must look at.
    pub open: i64,
}

impl TieOutRun {
    /// The fiscal period that was asked for.
    pub fn of_period(&self) -> Option<FiscalPeriod> {
        FiscalPeriod::of(self.year?, self.period)
    }

    /// What was asked for, for people; `None`: everything.
    pub fn scope_text(&self) -> Option<String> {
        let companies = (!self.companies.is_empty()).then(|| self.companies.join(", "));
        let entities = (!self.entities.is_empty()).then(|| self.entities.join(", "));
        let period = self.of_period().map(|period| format!("period {period}"));
        let parts: Vec<String> = companies.into_iter().chain(entities).chain(period).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// The definitions of a tie-out.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = definition, check_for_backend(Pg))]
pub struct TieOutDefinitions {
    /// Their number.
    pub number: i32,
    /// SHA-256 of the contents of their files.
    pub hash: String,
    /// The profile.
    pub profile: String,
}

impl Store {
    /// Begins a tie-out: stores who asked, and says it in the audit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_begin(
        &self,
        requested_by: String,
        why: Reason,
        under: SetNumber,
        scope: Scope,
        scheduled_for: Option<DateTime<Utc>>,
    ) -> Result<TieOutRun, StoreError> {
        self.run("begin a tie-out", move |conn| {
            let run: TieOutRun = diesel::insert_into(tie_out::table)
                .values((
                    tie_out::requested_by.eq(text(&requested_by)),
                    tie_out::why.eq(Some(text(why.as_str()))),
                    tie_out::definition.eq(Some(under.0)),
                    tie_out::companies.eq(&scope.companies),
                    tie_out::entities.eq(&scope.entities),
                    tie_out::year.eq(scope.period.map(FiscalPeriod::year)),
                    tie_out::period.eq(scope.period.and_then(FiscalPeriod::period)),
                    tie_out::fresh.eq(scope.fresh),
                    tie_out::scheduled_for.eq(scheduled_for),
                ))
                .returning(TieOutRun::as_select())
                .get_result(conn)?;
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({
                "action": "tie_out",
                "number": run.id,
                "why": why,
                "companies": scope.companies,
                "entities": scope.entities,
                "period": scope.period.map(|period| period.to_string()),
                "fresh": scope.fresh,
                "scheduled_for": scheduled_for,
            }));
            row.actor = requested_by;
            audit_append(conn, &[row])?;
            Ok(run)
        })
        .await
    }

    /// Ends a tie-out: done with what it shows, or early with an error. What was read of SYSPRO for it is removed, and the audit says how it
    /// ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_end(&self, id: TieOutId, end: Result<TieOutEnd, String>) -> Result<TieOutRun, StoreError> {
        self.run("end a tie-out", move |conn| {
            if end.is_err() {
                // of flows that were not compared completely
                diesel::delete(tie_out_row::table.filter(tie_out_row::tie_out_id.eq(id))).execute(conn)?;
            }
            drop_old(conn)?;
            let state = if end.is_err() { TieOutState::Failed } else { TieOutState::Done };
            if state == TieOutState::Done {
                suspend_what_differs(conn, id)?;
            }
            let error = end.as_ref().err().map(|error| text(error));
            let run: TieOutRun = diesel::update(tie_out::table.find(id))
                .set((
                    tie_out::state.eq(text(state.as_str())),
                    tie_out::ended_at.eq(now),
                    tie_out::error.eq(error),
                    tie_out::result.eq(end.as_ref().ok().map(|end| text(end.result.as_str()))),
                    tie_out::open_items.eq(end.as_ref().ok().map(|end| end.open)),
                ))
                .returning(TieOutRun::as_select())
                .get_result(conn)?;
            let said = match &end {
                Ok(end) => format!("{}: {} differences and documents need a person", end.result, end.open),
                Err(error) => format!("it ended early: {error}"),
            };
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({
                "action": "tie_out_ended",
                "number": run.id,
                "key": format!("tie-out {}", run.id),
                "scheduled": run.scheduled_for.is_some(),
                "result": end.as_ref().map_or("failed", |end| end.result.as_str()),
                "open": end.as_ref().ok().map(|end| end.open),
                "message": said,
            }));
            row.actor = run.requested_by.clone();
            audit_append(conn, &[row])?;
            Ok(run)
        })
        .await
    }

    /// Whether a tie-out was begun for this time of the schedule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_scheduled(&self, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.run("find a scheduled tie-out", move |conn| {
            let found: i64 = tie_out::table.filter(tie_out::scheduled_for.eq(at)).count().get_result(conn)?;
            Ok(found > 0)
        })
        .await
    }

    /// Ends the tie-outs whose process has died, and removes what was read for any: the last page of an interrupted one may come after its
    /// end. The caller holds [`crate::store::Exclusive::TieOut`], so that no other process makes one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_abandon(&self) -> Result<(), StoreError> {
        self.run("end abandoned tie-outs", move |conn| {
            diesel::update(tie_out::table.filter(tie_out::state.eq(text(TieOutState::Running.as_str()))))
                .set((
                    tie_out::state.eq(text(TieOutState::Failed.as_str())),
                    tie_out::ended_at.eq(now),
                    tie_out::error.eq(Some(text("the process that made it ended"))),
                ))
                .execute(conn)?;
            diesel::delete(tie_out_row::table).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Tie-outs, the newest first; before this one, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_list(&self, before: Option<TieOutId>, limit: i64) -> Result<Vec<TieOutRun>, StoreError> {
        self.run("list tie-outs", move |conn| {
            let mut runs = tie_out::table.order(tie_out::id.desc()).limit(limit).select(TieOutRun::as_select()).into_boxed::<Pg>();
            if let Some(before) = before {
                runs = runs.filter(tie_out::id.lt(before));
            }
            Ok(runs.load(conn)?)
        })
        .await
    }

    /// One tie-out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_find(&self, id: TieOutId) -> Result<Option<TieOutRun>, StoreError> {
        self.run("find a tie-out", move |conn| Ok(tie_out::table.find(id).select(TieOutRun::as_select()).get_result(conn).optional()?))
            .await
    }

    /// The newest tie-out that is done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_newest(&self) -> Result<Option<TieOutRun>, StoreError> {
        self.run("find the newest tie-out", newest_done).await
    }

    /// The definitions under which a tie-out mapped SYSPRO's records; `None`: the ledger did not keep them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_definitions(&self, id: TieOutId) -> Result<Option<TieOutDefinitions>, StoreError> {
        self.run("read the definitions of a tie-out", move |conn| {
            let number: Option<i32> = tie_out::table.find(id).select(tie_out::definition).get_result(conn).optional()?.flatten();
            let Some(number) = number else { return Ok(None) };
            Ok(definition::table.find(number).select(TieOutDefinitions::as_select()).get_result(conn).optional()?)
        })
        .await
    }
}

/// The newest tie-out that is done.
pub(in crate::store) fn newest_done(conn: &mut Conn) -> Tx<Option<TieOutRun>> {
    let done = tie_out::table.filter(tie_out::state.eq(text(TieOutState::Done.as_str())));
    Ok(done.order(tie_out::id.desc()).select(TieOutRun::as_select()).first(conn).optional()?)
}
