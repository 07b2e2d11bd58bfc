//! Tie-outs: what was read of both sides, the differences, and the sums by fiscal period.
//!
//! `rows` stores what was read of SYSPRO, page by page, until it is compared. `found` keeps ServiceNow's rows. `compare` finds the
//! differences, their causes and the sums with one statement each; `causes` stores what only the two systems can tell. `controls` stores what
//! was checked within SYSPRO's documents, `groups` divides the sums further, and
//! `subledger` stores what SYSPRO's sub-ledger and general ledger show, and `read` what SYSPRO was asked and answered. This file begins, ends and lists tie-outs.

mod causes;
mod compare;
mod controls;
mod found;
mod groups;
mod read;
mod rows;
mod subledger;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel::upsert::excluded;
use rust_decimal::Decimal;
use serde::Serialize;

pub use self::causes::{FoundCause, OneSided};
pub use self::compare::{NewDifference, TieOutAmong, TieOutPair};
pub use self::controls::{NewViolation, TieOutControl, TieOutViolation};
pub(super) use self::found::drop_found;
pub use self::found::{TieOutExtra, TieOutFound, TieOutListing, TieOutPlace};
use self::groups::drop_old;
pub use self::groups::{DividedBlock, TieOutGroup, TieOutGroups};
pub use self::read::{TieOutRead, TieOutReading};
pub use self::rows::{GoneRecord, TieOutRow, TieOutSide};
pub use self::subledger::{NewSubledgerEntry, SubledgerEntry, TieOutSubledger};
use super::audit::{NewAudit, audit_append};
use super::close::suspend_what_differs;
use super::definition::SetNumber;
use super::schema::{definition, flow, tie_out, tie_out_block, tie_out_bucket, tie_out_item, tie_out_row};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::reason::Reason;
use crate::domain::tie_out::{Age, Cause, Difference, Scope, TieOutState, Verdict};
use crate::store::text::{Text, text};

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

/// A block of a flow in a tie-out.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_block, check_for_backend(Pg))]
pub struct TieOutBlock {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The tables of ServiceNow that were read.
    pub tables: Vec<String>,
    /// Fields that no row of ServiceNow returned, so that they were not compared.
    pub not_compared: Vec<String>,
    /// Why the two sides could not be compared.
    pub unverified: Option<String>,
    /// Whether that is because a side did not answer.
    pub unread: bool,
    /// Why a tie-out does not compare it.
    pub left_out: Option<String>,
    /// The date up to which the flow had read SYSPRO's changes.
    pub watermark: Option<NaiveDate>,
    /// Records and rows that are not counted, because only one fiscal period was compared and theirs is not known.
    pub without_period: i64,
    /// When ServiceNow's rows were listed, if that was earlier: they have not changed since.
    pub listed_at: Option<DateTime<Utc>>,
    /// Groups of currency and fiscal period in which ServiceNow's own count and sum are those of the rows that it listed; null: not compared.
    pub summed_groups: Option<i32>,
    /// Why ServiceNow's own sums were not compared.
    pub not_summed: Option<String>,
    /// When SYSPRO's records were read, if that was earlier: SYSPRO has answered the same since.
    pub read_at: Option<DateTime<Utc>>,
}

/// The sums of one block, fiscal period and currency.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_bucket, check_for_backend(Pg))]
pub struct TieOutBucket {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The fiscal year; null: the records have none.
    pub year: Option<i32>,
    /// The fiscal period; null: the records have none.
    pub period: Option<i32>,
    /// The ISO code of the currency; empty: there are no amounts.
    pub currency: String,
    /// Records in SYSPRO.
    pub syspro_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub syspro_amount: Option<Decimal>,
    /// Those that were delivered, according to the ledger.
    pub ledger_records: i64,
    /// The amount that was delivered of them.
    #[schema(value_type = Option<String>)]
    pub ledger_amount: Option<Decimal>,
    /// Records that SYSPRO no longer has, and that ServiceNow keeps with a mark.
    pub gone_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub gone_amount: Option<Decimal>,
    /// Rows in ServiceNow.
    pub servicenow_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub servicenow_amount: Option<Decimal>,
    /// Differences that a person must look at.
    pub open_items: i64,
    /// Differences that no person must look at: the next runs end them, or a rule intends them.
    pub timing_items: i64,
    /// The amount of all named differences. It is the difference of the sums, or the bucket is not verified.
    #[schema(value_type = Option<String>)]
    pub explained: Option<Decimal>,
    /// The result.
    pub verdict: Verdict,
}

/// What names a sum: company, entity, block, fiscal year, period and currency.
pub type SumKey = (String, String, String, Option<i32>, Option<i32>, String);

impl TieOutBucket {
    /// What names it.
    pub fn key(&self) -> SumKey {
        (self.company.clone(), self.entity.clone(), self.block.clone(), self.year, self.period, self.currency.clone())
    }

    /// ServiceNow's amount less SYSPRO's and what is gone.
    pub fn difference(&self) -> Decimal {
        let amount = |amount: Option<Decimal>| amount.unwrap_or_default();
        amount(self.servicenow_amount) - amount(self.syspro_amount) - amount(self.gone_amount)
    }
}

/// One difference.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_item, check_for_backend(Pg))]
pub struct TieOutItem {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: TieOutItemId,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// The fiscal year.
    pub year: Option<i32>,
    /// The fiscal period.
    pub period: Option<i32>,
    /// The currency of `amount`.
    pub currency: String,
    /// What it adds to ServiceNow's amount less SYSPRO's.
    #[schema(value_type = Option<String>)]
    pub amount: Option<Decimal>,
    /// How the record differs.
    pub kind: Difference,
    /// The field, for `differs`.
    pub field: Option<String>,
    /// Its value by SYSPRO's record.
    pub syspro_value: Option<String>,
    /// Its value in ServiceNow.
    pub servicenow_value: Option<String>,
    /// The row in ServiceNow.
    pub sys_id: Option<String>,
    /// Its table.
    pub target_table: Option<String>,
    /// The user who changed it last.
    pub updated_by: Option<String>,
    /// When, in UTC, as ServiceNow writes it.
    pub updated_at: Option<String>,
    /// Why it differs.
    pub cause: Option<Cause>,
    /// Whether a person must look at it.
    pub open: bool,
    /// The message of its delivery, or of the mapping.
    pub message: Option<String>,
    /// When the first of the tie-outs in a row that found it was made.
    pub first_seen_at: DateTime<Utc>,
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

#[derive(QueryableByName)]
struct AgeRow {
    #[diesel(sql_type = Text)]
    age: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Which differences to list.
#[derive(Debug, Clone, Default)]
pub struct TieOutItems {
    /// Of this tie-out.
    pub of: TieOutId,
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this fiscal year and period.
    pub period: Option<FiscalPeriod>,
    /// Only this cause.
    pub cause: Option<Cause>,
    /// Only those that a person must look at.
    pub open: bool,
    /// After this one.
    pub after: TieOutItemId,
    /// At most so many.
    pub limit: i64,
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
                // of flows whose comparison did not come to its end
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
    /// end. The caller holds [`super::Exclusive::TieOut`], so that no other process makes one.
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

    /// Stores what is compared of a block; `unverified`: why it is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_block(&self, id: TieOutId, of: FlowId, block: TieOutBlock) -> Result<(), StoreError> {
        self.run("store what a tie-out compares", move |conn| {
            let own = flow::table.filter(flow::company.eq(text(of.company.as_str()))).filter(flow::entity.eq(text(of.entity.as_str())));
            let watermark: Option<NaiveDate> = own.select(flow::watermark).first(conn).optional()?.flatten();
            diesel::insert_into(tie_out_block::table)
                .values((
                    tie_out_block::tie_out_id.eq(id),
                    tie_out_block::company.eq(text(of.company.as_str())),
                    tie_out_block::entity.eq(text(of.entity.as_str())),
                    tie_out_block::block.eq(text(&block.block)),
                    tie_out_block::tables.eq(&block.tables),
                    tie_out_block::not_compared.eq(&block.not_compared),
                    tie_out_block::unverified.eq(block.unverified.as_deref().map(text)),
                    tie_out_block::unread.eq(block.unread),
                    tie_out_block::left_out.eq(block.left_out.as_deref().map(text)),
                    tie_out_block::watermark.eq(watermark),
                    tie_out_block::listed_at.eq(block.listed_at),
                    tie_out_block::summed_groups.eq(block.summed_groups),
                    tie_out_block::not_summed.eq(block.not_summed.as_deref().map(text)),
                ))
                .on_conflict((tie_out_block::tie_out_id, tie_out_block::company, tie_out_block::entity, tie_out_block::block))
                .do_update()
                .set((
                    tie_out_block::tables.eq(excluded(tie_out_block::tables)),
                    tie_out_block::not_compared.eq(excluded(tie_out_block::not_compared)),
                    tie_out_block::unverified.eq(excluded(tie_out_block::unverified)),
                    tie_out_block::unread.eq(excluded(tie_out_block::unread)),
                    tie_out_block::listed_at.eq(excluded(tie_out_block::listed_at)),
                    tie_out_block::summed_groups.eq(excluded(tie_out_block::summed_groups)),
                    tie_out_block::not_summed.eq(excluded(tie_out_block::not_summed)),
                ))
                .execute(conn)?;
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

    /// The blocks of a tie-out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_blocks(&self, id: TieOutId) -> Result<Vec<TieOutBlock>, StoreError> {
        self.run("list the blocks of a tie-out", move |conn| {
            let blocks = tie_out_block::table.filter(tie_out_block::tie_out_id.eq(id));
            let order = (tie_out_block::company, tie_out_block::entity, tie_out_block::block);
            Ok(blocks.order(order).select(TieOutBlock::as_select()).load(conn)?)
        })
        .await
    }

    /// The sums of a tie-out, in the order of company, entity, block, period and currency.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_buckets(&self, id: TieOutId) -> Result<Vec<TieOutBucket>, StoreError> {
        self.run("list the sums of a tie-out", move |conn| {
            let buckets = tie_out_bucket::table.filter(tie_out_bucket::tie_out_id.eq(id));
            let order = (
                tie_out_bucket::company,
                tie_out_bucket::entity,
                tie_out_bucket::block,
                tie_out_bucket::year,
                tie_out_bucket::period,
                tie_out_bucket::currency,
            );
            Ok(buckets.order(order).select(TieOutBucket::as_select()).load(conn)?)
        })
        .await
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

    /// The sums of a tie-out to which a difference of this cause belongs: their company, entity, block, fiscal year, period and currency.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_caused_by(&self, id: TieOutId, cause: Cause) -> Result<Vec<SumKey>, StoreError> {
        self.run("list the sums with a cause", move |conn| {
            let items = tie_out_item::table.filter(tie_out_item::tie_out_id.eq(id)).filter(tie_out_item::cause.eq(text(cause.as_str())));
            let key = (
                tie_out_item::company,
                tie_out_item::entity,
                tie_out_item::block,
                tie_out_item::year,
                tie_out_item::period,
                tie_out_item::currency,
            );
            Ok(items.select(key).distinct().load(conn)?)
        })
        .await
    }

    /// The open differences that match, by their age at the time of the tie-out; every age is in the list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_ages(&self, filter: TieOutItems) -> Result<Vec<(Age, i64)>, StoreError> {
        self.run("count the differences of a tie-out by age", move |conn| {
            let (year, period) = (filter.period.map(FiscalPeriod::year), filter.period.and_then(FiscalPeriod::period));
            let rows: Vec<AgeRow> = diesel::sql_query(include_str!("../sql/tie_out_ages.sql"))
                .bind::<BigInt, _>(filter.of)
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Integer>, _>(year)
                .bind::<Nullable<Integer>, _>(period)
                .bind::<Nullable<Text>, _>(filter.cause.map(|cause| cause.as_str()))
                .load(conn)?;
            let count = |age: &Age| rows.iter().find(|row| row.age == age.as_str()).map_or(0, |row| row.count);
            Ok(Age::ALL.iter().map(|age| (*age, count(age))).collect())
        })
        .await
    }

    /// The number of differences that match; place and limit of the filter do not matter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_count(&self, filter: TieOutItems) -> Result<i64, StoreError> {
        self.run("count the differences of a tie-out", move |conn| Ok(matching(&filter).count().get_result(conn)?)).await
    }

    /// A page of differences.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_items(&self, filter: TieOutItems) -> Result<Vec<TieOutItem>, StoreError> {
        self.run("list the differences of a tie-out", move |conn| {
            let items = matching(&filter).filter(tie_out_item::id.gt(filter.after)).order(tie_out_item::id).limit(filter.limit);
            Ok(items.select(TieOutItem::as_select()).load(conn)?)
        })
        .await
    }
}

/// The newest tie-out that is done.
pub(super) fn newest_done(conn: &mut Conn) -> Tx<Option<TieOutRun>> {
    let done = tie_out::table.filter(tie_out::state.eq(text(TieOutState::Done.as_str())));
    Ok(done.order(tie_out::id.desc()).select(TieOutRun::as_select()).first(conn).optional()?)
}

/// The differences that match, from the first to the last.
fn matching(filter: &TieOutItems) -> tie_out_item::BoxedQuery<'_, Pg> {
    let mut items = tie_out_item::table.filter(tie_out_item::tie_out_id.eq(filter.of)).into_boxed::<Pg>();
    if let Some(company) = &filter.company {
        items = items.filter(tie_out_item::company.eq(text(company)));
    }
    if let Some(entity) = &filter.entity {
        items = items.filter(tie_out_item::entity.eq(text(entity)));
    }
    if let Some(of) = filter.period {
        items = items.filter(tie_out_item::year.eq(of.year())).filter(tie_out_item::period.is_not_distinct_from(of.period()));
    }
    if let Some(cause) = filter.cause {
        items = items.filter(tie_out_item::cause.eq(text(cause.as_str())));
    }
    if filter.open {
        items = items.filter(tie_out_item::open);
    }
    items
}

/// Binds the first parameters of the statements about one block.
macro_rules! of_block {
    ($sql:expr, $at:expr) => {{
        let (id, flow, block): (crate::domain::ids::TieOutId, &crate::domain::FlowId, &str) = $at;
        diesel::sql_query($sql)
            .bind::<diesel::sql_types::BigInt, _>(id)
            .bind::<crate::store::text::Text, _>(flow.company.as_str().to_owned())
            .bind::<crate::store::text::Text, _>(flow.entity.as_str().to_owned())
            .bind::<crate::store::text::Text, _>(block.to_owned())
    }};
}
use of_block;
