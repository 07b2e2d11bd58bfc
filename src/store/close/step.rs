//! A person's step of a close: one transaction, which first makes the pages of the company's flows and the ends of tie-outs wait. What they
//! store later finds the new state.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz};
use serde_json::json;

use super::super::approval::{Approval, Gated, NewApproval, decide};
use super::super::audit::{NewAudit, audit_append};
use super::super::schema::{close_period, close_reason, close_step, flow};
use super::super::tie_out::TieOutItem;
use super::super::{Conn, Store, StoreError, Tx};
use super::watch::{freeze, table_lock, unfreeze};
use crate::domain::audit::AuditKind;
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::person::person;
use crate::domain::reason::Reason;
use crate::store::text::{Text, jsonb, text};

/// The tie-out on which a signature is based, and what it says.
#[derive(Debug, Clone)]
pub struct CloseBasis {
    /// The tie-out.
    pub tie_out: TieOutId,
    /// As of when it is: what was read later is not in it.
    pub at: DateTime<Utc>,
    /// Its sums for the period.
    pub sums: serde_json::Value,
    /// Its differences, each with its reason.
    pub reasons: serde_json::Value,
}

/// A step to make.
#[derive(Debug, Clone)]
pub struct NewCloseStep {
    /// The company.
    pub company: String,
    /// The period.
    pub period: FiscalPeriod,
    /// The step.
    pub step: CloseStep,
    /// Who.
    pub actor: String,
    /// Why.
    pub why: Reason,
    /// What a preparer or a reviewer signs.
    pub basis: Option<CloseBasis>,
    /// Whether the reviewer must be another person than the preparer.
    pub second_person: bool,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// It is made.
    Done {
        /// Records that are held from now on.
        held: i64,
        /// Records that are no longer held.
        released: i64,
    },
    /// It does not follow this state.
    State(CloseState),
    /// A newer tie-out is done by now.
    Newer(TieOutId),
    /// So many documents of the period were read after the tie-out had begun.
    Changed(i64),
    /// The preparer would review what they prepared.
    SamePerson(String),
}

/// A reason for a difference.
#[derive(Debug, Clone)]
pub struct NewCloseReason {
    /// The company.
    pub company: String,
    /// The period.
    pub period: FiscalPeriod,
    /// The difference.
    pub item: TieOutItem,
    /// Who.
    pub actor: String,
    /// The reason.
    pub why: Reason,
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<TieOutId>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The newest tie-out that is done and looked at all periods of the company.
pub(super) fn newest_tie_out(conn: &mut Conn, company: &str) -> Tx<Option<TieOutId>> {
    let row: Newest = sql_query(
        // one step of the index for each tie-out that does not count, from the newest one on
        "SELECT (SELECT b.tie_out_id FROM tie_out_block b \
                 WHERE b.company = $1 AND (SELECT t.state = 'done' AND t.year IS NULL FROM tie_out t WHERE t.id = b.tie_out_id) \
                 ORDER BY b.tie_out_id DESC LIMIT 1) AS id",
    )
    .bind::<Text, _>(company)
    .get_result(conn)?;
    Ok(row.id)
}

/// How many documents of the period were read, or left it, after a time.
fn changed_since(conn: &mut Conn, new: &NewCloseStep, since: DateTime<Utc>) -> Tx<i64> {
    let row: Count = sql_query(include_str!("../sql/close_changed_since.sql"))
        .bind::<Text, _>(&new.company)
        .bind::<Integer, _>(new.period.number())
        .bind::<Timestamptz, _>(since)
        .get_result(conn)?;
    Ok(row.count)
}

/// Why the step cannot be made; `None`: it can.
fn refused(conn: &mut Conn, new: &NewCloseStep, state: CloseState) -> Tx<Option<StepResult>> {
    if !new.step.follows(state) {
        return Ok(Some(StepResult::State(state)));
    }
    if new.step == CloseStep::Sign && new.second_person {
        let prepared = close_step::table
            .filter(close_step::company.eq(text(&new.company)).and(close_step::number.eq(new.period.number())))
            .filter(close_step::step.eq(text(CloseStep::Prepare.as_str())));
        let preparer: Option<String> = prepared.order(close_step::id.desc()).select(close_step::actor).first(conn).optional()?;
        if let Some(preparer) = preparer.filter(|preparer| person(preparer) == person(&new.actor)) {
            return Ok(Some(StepResult::SamePerson(preparer)));
        }
    }
    let Some(basis) = &new.basis else { return Ok(None) };
    if let Some(newer) = newest_tie_out(conn, &new.company)?.filter(|newest| *newest != basis.tie_out) {
        return Ok(Some(StepResult::Newer(newer)));
    }
    let changed = changed_since(conn, new, basis.at)?;
    Ok((changed > 0).then_some(StepResult::Changed(changed)))
}

/// Makes pages and other steps of the company wait, and answers the state of the period and whether it holds what arrives.
fn lock(conn: &mut Conn, new: &NewCloseStep) -> Tx<(CloseState, bool)> {
    // the flows first: a page holds its flow when it suspends a period
    let flows = flow::table.filter(flow::company.eq(text(&new.company))).order(flow::entity);
    flows.select(flow::entity).for_update().execute(conn)?;
    table_lock(conn)?;
    let key = close_period::table.find((text(&new.company), new.period.number()));
    let before: Option<(CloseState, bool)> = key.select((close_period::state, close_period::frozen)).first(conn).optional()?;
    Ok(before.unwrap_or((CloseState::Open, false)))
}

fn make(conn: &mut Conn, new: &NewCloseStep) -> Tx<StepResult> {
    let (state, was_frozen) = lock(conn, new)?;
    if let Some(refused) = refused(conn, new, state)? {
        return Ok(refused);
    }
    let after = new.step.leads_to();
    // a suspended lock keeps what arrives until the period is unlocked
    let frozen = match new.step {
        CloseStep::Lock => true,
        CloseStep::Unlock => false,
        CloseStep::Prepare | CloseStep::Sign | CloseStep::Suspend => was_frozen,
    };
    diesel::insert_into(close_period::table)
        .values((
            close_period::company.eq(text(&new.company)),
            close_period::number.eq(new.period.number()),
            close_period::state.eq(text(after.as_str())),
            close_period::frozen.eq(frozen),
        ))
        .on_conflict((close_period::company, close_period::number))
        .do_update()
        .set((close_period::state.eq(text(after.as_str())), close_period::frozen.eq(frozen), close_period::since.eq(now)))
        .execute(conn)?;
    let nothing = json!([]);
    let basis = new.basis.as_ref();
    let (sums, reasons) = basis.map_or((&nothing, &nothing), |basis| (&basis.sums, &basis.reasons));
    diesel::insert_into(close_step::table)
        .values((
            close_step::company.eq(text(&new.company)),
            close_step::number.eq(new.period.number()),
            close_step::step.eq(text(new.step.as_str())),
            close_step::actor.eq(text(&new.actor)),
            close_step::why.eq(text(new.why.as_str())),
            close_step::tie_out_id.eq(basis.map(|basis| basis.tie_out)),
            close_step::tie_out_at.eq(basis.map(|basis| basis.at)),
            close_step::sums.eq(jsonb(sums)),
            close_step::reasons.eq(jsonb(reasons)),
        ))
        .execute(conn)?;
    let mut row = NewAudit::of(AuditKind::Close).detail(&json!({
        "action": new.step, "period": new.period, "why": new.why, "state": after, "before": state,
        "tie_out": basis.map(|basis| basis.tie_out), "sums": sums, "reasons": reasons,
    }));
    (row.actor, row.company) = (new.actor.clone(), Some(new.company.clone()));
    audit_append(conn, &[row])?;
    let held = if frozen && !was_frozen { freeze(conn, &new.company, new.period)? } else { 0 };
    let released = if was_frozen && !frozen { unfreeze(conn, &new.company, new.period, (&new.actor, &new.why))? } else { 0 };
    Ok(StepResult::Done { held, released })
}

impl Store {
    /// Makes a person's step of a close, unless something speaks against it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_step(&self, new: NewCloseStep) -> Result<StepResult, StoreError> {
        self.run("make a step of a close", move |conn| make(conn, &new)).await
    }

    /// The same, once a second person has approved it. A step that cannot be made is not asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_step_approved(&self, new: NewCloseStep, ask: NewApproval) -> Result<Gated<StepResult>, StoreError> {
        self.run("make a step of a close", move |conn| {
            let (state, _) = lock(conn, &new)?;
            if let Some(refused) = refused(conn, &new, state)? {
                return Ok(Gated::Done(refused));
            }
            match decide(conn, &ask)? {
                Approval::Given(_) => Ok(Gated::Done(make(conn, &new)?)),
                Approval::Asked(row) => Ok(Gated::Asked(row)),
            }
        })
        .await
    }

    /// Stores a person's reason for a difference of a period.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_explain(&self, new: NewCloseReason) -> Result<(), StoreError> {
        self.run("store a reason for a difference", move |conn| {
            let item = &new.item;
            let (field, cause) = (item.field.as_deref().unwrap_or_default(), item.cause.map_or("", |cause| cause.as_str()));
            diesel::insert_into(close_reason::table)
                .values((
                    close_reason::company.eq(text(&new.company)),
                    close_reason::number.eq(new.period.number()),
                    close_reason::entity.eq(text(&item.entity)),
                    close_reason::block.eq(text(&item.block)),
                    close_reason::document_key.eq(text(&item.document_key)),
                    close_reason::record_key.eq(text(&item.record_key)),
                    close_reason::kind.eq(text(item.kind.as_str())),
                    close_reason::field.eq(text(field)),
                    close_reason::cause.eq(text(cause)),
                    close_reason::amount.eq(item.amount),
                    close_reason::item_id.eq(item.id.0),
                    close_reason::actor.eq(text(&new.actor)),
                    close_reason::why.eq(text(new.why.as_str())),
                ))
                .execute(conn)?;
            let mut row = NewAudit::of(AuditKind::Close).detail(&json!({
                "action": "explain", "period": new.period, "why": new.why, "item": item.id, "key": item.document_key,
                "record_key": item.record_key, "block": item.block, "kind": item.kind, "field": item.field, "cause": item.cause,
                "amount": item.amount, "currency": item.currency,
            }));
            (row.actor, row.company, row.entity) = (new.actor.clone(), Some(new.company.clone()), Some(item.entity.clone()));
            audit_append(conn, &[row])
        })
        .await
    }
}
