//! The blocks of a tie-out, and their sums by fiscal period and currency.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out::{Cause, Verdict};
use crate::store::schema::{flow, tie_out_block, tie_out_bucket, tie_out_item};
use crate::store::text::text;
use crate::store::{Store, StoreError};

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

impl Store {
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
}
