//! What arrives after a signature: it suspends the period, and is held where the period is locked.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer};
use serde_json::json;

use super::super::audit::{NewAudit, audit_append};
use super::super::hold::end_holds;
use super::super::outbox::outbox_to_pending;
use super::super::schema::{close_change, close_period, close_reason, close_step, tie_out, tie_out_block, tie_out_bucket, tie_out_item};
use super::super::tie_out::{TieOutBucket, TieOutItem};
use super::super::{Conn, Tx};
use super::newest_steps;
use super::rows::{ClosePeriodRow, CloseReasonRow};
use crate::domain::DocumentKey;
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::close::{CloseState, CloseStep, PeriodChange, SignedSum, otherwise};
use crate::domain::delivery::FailureReason;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::{DocumentId, RunId, TieOutId};
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// How many records or sums a message names.
const NAMED: usize = 3;

/// Who suspends and holds.
const ACTOR: &str = "tieline";

/// Lets one transaction at a time decide about closes; those that only read them go on.
pub(super) fn table_lock(conn: &mut Conn) -> Tx<()> {
    sql_query("LOCK TABLE close_period IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    Ok(())
}

/// What suspended a period.
enum Found<'a> {
    Run(RunId),
    TieOut(&'a (TieOutId, chrono::DateTime<chrono::Utc>)),
}

/// Suspends the signatures of a period, and says it in the audit. One that is not signed, or suspended already, stays as it is.
fn suspend(conn: &mut Conn, company: &str, period: FiscalPeriod, message: &str, found: &Found<'_>) -> Tx<()> {
    let signed = [CloseState::Prepared, CloseState::Signed, CloseState::Locked];
    let row = close_period::table
        .filter(close_period::company.eq(text(company)).and(close_period::number.eq(period.number())))
        .filter(close_period::state.eq_any(signed.iter().map(|state| text(state.as_str()))));
    let suspended = diesel::update(row)
        .set((close_period::state.eq(text(CloseState::Suspended.as_str())), close_period::since.eq(now)))
        .execute(conn)?;
    if suspended == 0 {
        return Ok(());
    }
    let (run, tie_out) = match found {
        Found::Run(run) => (Some(*run), None),
        Found::TieOut(tie_out) => (None, Some(**tie_out)),
    };
    diesel::insert_into(close_step::table)
        .values((
            close_step::company.eq(text(company)),
            close_step::number.eq(period.number()),
            close_step::step.eq(text(CloseStep::Suspend.as_str())),
            close_step::actor.eq(text(ACTOR)),
            close_step::why.eq(text(message)),
            close_step::tie_out_id.eq(tie_out.map(|one| one.0)),
            close_step::tie_out_at.eq(tie_out.map(|one| one.1)),
            close_step::run_id.eq(run),
        ))
        .execute(conn)?;
    let mut row = NewAudit::of(AuditKind::Close).detail(&json!({
        "action": CloseStep::Suspend, "period": period, "key": period, "message": message, "state": CloseState::Suspended,
        "tie_out": tie_out.map(|one| one.0),
    }));
    (row.company, row.run_id) = (Some(company.to_owned()), run);
    audit_append(conn, &[row])
}

/// A document of a page whose content changed, or whose records are sent again.
pub(in crate::store) struct Touched<'a> {
    pub(in crate::store) id: DocumentId,
    pub(in crate::store) key: &'a DocumentKey,
    pub(in crate::store) version: i32,
    /// What changed; `None`: it is only sent again.
    pub(in crate::store) change: Option<PeriodChange>,
    /// The periods of its content before and now.
    pub(in crate::store) before: Vec<i32>,
    pub(in crate::store) now: Vec<i32>,
    /// Whether something of it is queued.
    pub(in crate::store) queued: bool,
}

impl Touched<'_> {
    fn periods(&self) -> BTreeSet<i32> {
        self.before.iter().chain(&self.now).copied().collect()
    }
}

/// Stores what changed for periods that are not open, suspends their signatures, and holds what is queued for locked ones. `closed`: the
/// periods of the company that are not open. A document that leaves a period is noted even if the period is open: a tie-out before has it.
pub(in crate::store) fn touch(conn: &mut Conn, flow: &FlowId, run: RunId, closed: &[i32], documents: &[Touched<'_>]) -> Tx<()> {
    let left = |one: &Touched<'_>, number: &i32| one.change.is_some() && one.before.contains(number) && !one.now.contains(number);
    let concerns = |one: &Touched<'_>| one.periods().iter().any(|number| closed.contains(number) || left(one, number));
    let documents: Vec<&Touched<'_>> = documents.iter().filter(|one| concerns(one)).collect();
    if documents.is_empty() {
        return Ok(());
    }
    let company = flow.company.as_str();
    // before any of its rows is locked: somebody who locks the table waits for no row of it
    sql_query("LOCK TABLE close_period IN ROW EXCLUSIVE MODE").execute(conn)?;
    let rows = close_period::table.filter(close_period::company.eq(text(company))).filter(close_period::number.eq_any(closed));
    // locked in one order: another flow of the company may suspend the same periods
    let rows: Vec<ClosePeriodRow> = rows.order(close_period::number).select(ClosePeriodRow::as_select()).for_update().load(conn)?;
    let closed: BTreeMap<i32, &ClosePeriodRow> = rows.iter().map(|row| (row.number, row)).collect();
    let mut changes = Vec::new();
    let mut said: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for one in &documents {
        let Some(change) = one.change else { continue };
        for number in one.periods() {
            let state = closed.get(&number).map_or(CloseState::Open, |row| row.state);
            let kind = if left(one, &number) { PeriodChange::MovedOut } else { change };
            if state == CloseState::Open && kind != PeriodChange::MovedOut {
                continue;
            }
            changes.push((
                close_change::company.eq(text(company)),
                close_change::number.eq(number),
                close_change::document_id.eq(one.id),
                close_change::entity.eq(text(flow.entity.as_str())),
                close_change::key.eq(text(one.key.as_str())),
                close_change::version.eq(one.version),
                close_change::kind.eq(text(kind.as_str())),
                close_change::state.eq(text(state.as_str())),
                close_change::run_id.eq(run),
            ));
            if state.is_signed() {
                said.entry(number).or_default().push(format!(
                    "{} {} is {}",
                    flow.entity,
                    DocumentKey::shown(one.key.as_str()),
                    kind.text()
                ));
            }
        }
    }
    diesel::insert_into(close_change::table).values(changes).execute(conn)?;
    for (number, said) in said {
        suspend(conn, company, FiscalPeriod::from_number(number), &shortened(&said), &Found::Run(run))?;
    }
    for row in rows.iter().filter(|row| row.frozen) {
        let held = documents.iter().filter(|one| one.queued && one.periods().contains(&row.number)).map(|one| one.id).collect();
        hold(conn, company, FiscalPeriod::from_number(row.number), held)?;
    }
    Ok(())
}

/// The first sentences, and how many more there are.
fn shortened(said: &[String]) -> String {
    let more = said.len().saturating_sub(NAMED);
    let mut text = said.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

/// Holds documents for a locked period: nothing of them is sent until it is unlocked, or a person releases them.
fn hold(conn: &mut Conn, company: &str, period: FiscalPeriod, documents: Vec<DocumentId>) -> Tx<i64> {
    if documents.is_empty() {
        return Ok(0);
    }
    outbox_to_pending(conn, documents.iter().copied())?;
    let held = sql_query(include_str!("../sql/close_hold.sql"))
        .bind::<Text, _>(company)
        .bind::<Array<BigInt>, _>(documents)
        .bind::<Integer, _>(period.number())
        .bind::<Text, _>(format!("the lock of {period}"))
        .bind::<Text, _>("the period is locked; `tieline close unlock` releases its records, `tieline release` a single one")
        .bind::<Text, _>(&*NextStep::OnHold.text())
        .execute(conn)?;
    Ok(held as i64)
}

#[derive(QueryableByName)]
struct Document {
    #[diesel(sql_type = BigInt)]
    id: DocumentId,
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Holds what is not delivered of a period that is being locked.
pub(super) fn freeze(conn: &mut Conn, company: &str, period: FiscalPeriod) -> Tx<i64> {
    let documents: Vec<Document> = sql_query(
        "SELECT DISTINCT d.id, d.entity, d.key FROM undelivered u JOIN document d ON d.id = u.document_id \
         WHERE d.company = $1 AND $2 = ANY(d.fiscal_periods)",
    )
    .bind::<Text, _>(company)
    .bind::<Integer, _>(period.number())
    .load(conn)?;
    hold(conn, company, period, documents.into_iter().map(|one| one.id).collect())
}

/// Ends the holds of a period that is being unlocked. Those of documents that also belong to another locked period stay.
pub(super) fn unfreeze(conn: &mut Conn, company: &str, period: FiscalPeriod, (actor, why): (&str, &Reason)) -> Tx<i64> {
    sql_query(include_str!("../sql/close_hold_other.sql")).bind::<Text, _>(company).bind::<Integer, _>(period.number()).execute(conn)?;
    let documents: Vec<Document> = sql_query(
        "SELECT d.id, d.entity, d.key FROM hold h JOIN document d ON d.id = h.document_id WHERE d.company = $1 AND h.locked_period = $2",
    )
    .bind::<Text, _>(company)
    .bind::<Integer, _>(period.number())
    .load(conn)?;
    let released = documents.len() as i64;
    let mut by_entity: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for document in documents {
        by_entity.entry(document.entity).or_default().push(document.key);
    }
    for (entity, keys) in by_entity {
        // what failed before stays as it is; the approval, if any, was of the step
        end_holds(conn, &FlowId::new(company, entity.as_str()), &keys, actor, why, &[FailureReason::OnHold], None)?;
    }
    Ok(released)
}

/// The reasons for differences of a period, the newest first.
pub(super) fn reasons(conn: &mut Conn, company: &str, period: FiscalPeriod) -> Tx<Vec<CloseReasonRow>> {
    let of = close_reason::company.eq(text(company)).and(close_reason::number.eq(period.number()));
    Ok(close_reason::table.filter(of).order(close_reason::id.desc()).select(CloseReasonRow::as_select()).load(conn)?)
}

/// What was signed last for periods of these companies, by company and period.
fn signed_sums(conn: &mut Conn, rows: &[ClosePeriodRow]) -> Tx<BTreeMap<(String, i32), Vec<SignedSum>>> {
    let signatures = newest_steps(conn, None, &[CloseStep::Prepare, CloseStep::Sign])?;
    // the later one of a preparer and a reviewer replaces the other one
    let newest: Vec<(String, i32, serde_json::Value)> = close_step::table
        .filter(close_step::id.eq_any(signatures))
        .filter(close_step::company.eq_any(rows.iter().map(|row| text(&row.company))))
        .order(close_step::id)
        .select((close_step::company, close_step::number, close_step::sums))
        .load(conn)?;
    // sums that an earlier program wrote in another form compare as none, which suspends
    let read = |sums| serde_json::from_value(sums).unwrap_or_default();
    Ok(newest.into_iter().map(|(company, number, sums)| ((company, number), read(sums))).collect())
}

/// The sums of a tie-out for these companies, by company and period.
fn sums_of(conn: &mut Conn, id: TieOutId, rows: &[ClosePeriodRow]) -> Tx<BTreeMap<(String, i32), Vec<SignedSum>>> {
    let buckets: Vec<TieOutBucket> = tie_out_bucket::table
        .filter(tie_out_bucket::tie_out_id.eq(id).and(tie_out_bucket::company.eq_any(rows.iter().map(|row| text(&row.company)))))
        .select(TieOutBucket::as_select())
        .load(conn)?;
    let mut sums: BTreeMap<(String, i32), Vec<SignedSum>> = BTreeMap::new();
    for bucket in buckets {
        let Some(period) = bucket.year.and_then(|year| FiscalPeriod::of(year, bucket.period)) else { continue };
        sums.entry((bucket.company.clone(), period.number())).or_default().push(bucket.signed());
    }
    Ok(sums)
}

/// How many differences of a period need a person and have no reason.
fn without_reason(conn: &mut Conn, id: TieOutId, company: &str, period: FiscalPeriod) -> Tx<usize> {
    let open: Vec<TieOutItem> = tie_out_item::table
        .filter(tie_out_item::tie_out_id.eq(id).and(tie_out_item::company.eq(text(company))).and(tie_out_item::open))
        .filter(tie_out_item::year.eq(period.year()))
        .filter(tie_out_item::period.is_not_distinct_from(period.period()))
        .select(TieOutItem::as_select())
        .load(conn)?;
    let reasons = reasons(conn, company, period)?;
    Ok(open.iter().filter(|item| !reasons.iter().any(|reason| reason.is_of(item))).count())
}

/// Suspends the periods for which a tie-out that is done found other sums than those that were signed, or a difference without a reason.
/// What it did not compare says nothing.
pub(in crate::store) fn suspend_what_differs(conn: &mut Conn, id: TieOutId) -> Tx<()> {
    table_lock(conn)?;
    let blocks: Vec<(String, String, String)> = tie_out_block::table
        .filter(tie_out_block::tie_out_id.eq(id))
        .filter(tie_out_block::unverified.is_null().and(tie_out_block::left_out.is_null()))
        .select((tie_out_block::company, tie_out_block::entity, tie_out_block::block))
        .load(conn)?;
    let compared: BTreeSet<(&str, &str, &str)> = blocks.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    let companies: BTreeSet<&str> = compared.iter().map(|one| one.0).collect();
    let mut signed: Vec<ClosePeriodRow> = close_period::table
        .filter(close_period::company.eq_any(companies.iter().map(|company| text(company))))
        .order((close_period::company, close_period::number))
        .select(ClosePeriodRow::as_select())
        .load(conn)?;
    signed.retain(|row| row.state.is_signed());
    if signed.is_empty() {
        return Ok(());
    }
    let scope = (tie_out::started_at, tie_out::year, tie_out::period);
    let (at, year, of_year): (chrono::DateTime<chrono::Utc>, Option<i32>, Option<i32>) =
        tie_out::table.find(id).select(scope).first(conn)?;
    if let Some(year) = year {
        // it did not look at other periods
        let only = FiscalPeriod::of(year, of_year).map(FiscalPeriod::number);
        signed.retain(|row| Some(row.number) == only);
    }
    let (before, after) = (signed_sums(conn, &signed)?, sums_of(conn, id, &signed)?);
    for row in &signed {
        let (period, key) = (FiscalPeriod::from_number(row.number), (row.company.clone(), row.number));
        let of = |sums: &BTreeMap<(String, i32), Vec<SignedSum>>| sums.get(&key).cloned().unwrap_or_default();
        let (before, after) = (of(&before), of(&after));
        let was_compared = |entity: &str, block: &str| compared.contains(&(row.company.as_str(), entity, block));
        let mut said = otherwise(&before, &after, was_compared);
        if after.iter().any(|sum| sum.open_items > 0 && was_compared(&sum.entity, &sum.block)) {
            match without_reason(conn, id, &row.company, period)? {
                0 => {}
                1 => said.push("1 difference has no reason".to_owned()),
                more => said.push(format!("{more} differences have no reason")),
            }
        }
        if !said.is_empty() {
            suspend(conn, &row.company, period, &format!("tie-out {id}: {}", shortened(&said)), &Found::TieOut(&(id, at)))?;
        }
    }
    Ok(())
}
