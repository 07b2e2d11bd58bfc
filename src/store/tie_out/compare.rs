//! Finds the differences of what a tie-out has read, their causes and the sums.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Numeric};
use rust_decimal::Decimal;

use super::groups::{DividedBlock, sum};
use super::of_block;
use super::rows::drop_rows;
use crate::domain::FlowId;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out::{Cause, Difference};
use crate::store::text::Text;
use crate::store::{Store, StoreError};

/// Before statements that join all rows of a block: the planner knows nothing of rows that were just stored, and a nested loop over them would
/// take hours. What they look up in the ledger, they find by index in any case (LATERAL with OFFSET).
/// The rows of a block are joined in memory and not in temporary files, up to tens of thousands of them.
const WHOLE_BLOCK: &str = "SET LOCAL enable_nestloop = off; SET LOCAL jit = off; SET LOCAL work_mem = '32MB'";

/// A record that both sides have, with values that are not written in the same way.
#[derive(Debug, Clone, QueryableByName)]
pub struct TieOutPair {
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub document_key: String,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// The fiscal year.
    #[diesel(sql_type = Nullable<Integer>)]
    pub year: Option<i32>,
    /// The fiscal period.
    #[diesel(sql_type = Nullable<Integer>)]
    pub period: Option<i32>,
    /// The currency by SYSPRO.
    #[diesel(sql_type = Text)]
    pub currency: String,
    /// The amount by SYSPRO.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub amount: Option<Decimal>,
    /// The fields by SYSPRO, as JSON.
    #[diesel(sql_type = Text)]
    pub fields: String,
    /// The hash of the document's content.
    #[diesel(sql_type = Nullable<Binary>)]
    pub document_hash: Option<Vec<u8>>,
    /// The currency in ServiceNow.
    #[diesel(sql_type = Text)]
    pub found_currency: String,
    /// The amount in ServiceNow.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub found_amount: Option<Decimal>,
    /// The fields in ServiceNow, as JSON.
    #[diesel(sql_type = Text)]
    pub found_fields: String,
    /// The row.
    #[diesel(sql_type = Nullable<Text>)]
    pub sys_id: Option<String>,
    /// Its table.
    #[diesel(sql_type = Nullable<Text>)]
    pub target_table: Option<String>,
    /// The user who changed it last.
    #[diesel(sql_type = Nullable<Text>)]
    pub updated_by: Option<String>,
    /// When.
    #[diesel(sql_type = Nullable<Text>)]
    pub updated_at: Option<String>,
}

/// A field with two values.
#[derive(Debug, Clone)]
pub struct NewDifference {
    /// The record.
    pub of: TieOutPair,
    /// The field.
    pub field: String,
    /// Its value by SYSPRO.
    pub syspro_value: String,
    /// Its value in ServiceNow.
    pub servicenow_value: String,
    /// The currency of `amount`.
    pub currency: String,
    /// What it adds to ServiceNow's amount less SYSPRO's.
    pub amount: Option<Decimal>,
    /// What the two values alone tell about the cause.
    pub cause: Option<Cause>,
}

/// Which records of a block are compared.
#[derive(Debug, Clone, Default)]
pub struct TieOutAmong {
    /// Of these documents only.
    pub documents: Option<Vec<String>>,
    /// Of this fiscal period only.
    pub period: Option<FiscalPeriod>,
}

impl Store {
    /// Finds the records of a block that only one side has, or that ServiceNow has more than once; of these documents and this period only,
    /// if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_sets(&self, id: TieOutId, flow: FlowId, block: String, among: TieOutAmong) -> Result<(), StoreError> {
        self.run("compare which records both sides have", move |conn| {
            let TieOutAmong { documents: only, period: of } = &among;
            if only.is_none() {
                conn.batch_execute(WHOLE_BLOCK)?;
            }
            of_block!(include_str!("../sql/tie_out_rank.sql"), (id, &flow, &block)).bind::<Nullable<Array<Text>>, _>(only).execute(conn)?;
            of_block!(include_str!("../sql/tie_out_sets.sql"), (id, &flow, &block))
                .bind::<Nullable<Array<Text>>, _>(only)
                .bind::<Nullable<Integer>, _>(of.map(FiscalPeriod::year))
                .bind::<Nullable<Integer>, _>(of.and_then(FiscalPeriod::period))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// A page of the records of a block that both sides have and whose values are not written in the same way, after a record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_pairs(
        &self,
        id: TieOutId,
        flow: FlowId,
        block: String,
        among: TieOutAmong,
        after: (String, String),
        limit: i64,
    ) -> Result<Vec<TieOutPair>, StoreError> {
        self.run("compare the values of both sides", move |conn| {
            let TieOutAmong { documents: only, period: of } = among;
            Ok(of_block!(include_str!("../sql/tie_out_pairs.sql"), (id, &flow, &block))
                .bind::<Nullable<Array<Text>>, _>(only)
                .bind::<Text, _>(after.0)
                .bind::<Text, _>(after.1)
                .bind::<BigInt, _>(limit)
                .bind::<Nullable<Integer>, _>(of.map(FiscalPeriod::year))
                .bind::<Nullable<Integer>, _>(of.and_then(FiscalPeriod::period))
                .load(conn)?)
        })
        .await
    }

    /// Stores fields with two values.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_differ(&self, id: TieOutId, flow: FlowId, block: String, found: Vec<NewDifference>) -> Result<(), StoreError> {
        self.run("store the values that differ", move |conn| {
            let text = |of: fn(&NewDifference) -> &str| found.iter().map(of).collect::<Vec<_>>();
            let or_null = |of: fn(&NewDifference) -> Option<&str>| found.iter().map(of).collect::<Vec<_>>();
            of_block!(
                "INSERT INTO tie_out_item (tie_out_id, company, entity, block, kind, document_key, record_key, year, period, currency, amount, field, \
                                           syspro_value, servicenow_value, sys_id, target_table, updated_by, updated_at, document_hash, cause) \
                 SELECT $1, $2, $3, $4, $5, n.* FROM unnest($6::text[], $7::text[], $8::integer[], $9::integer[], $10::text[], $11::numeric[], $12::text[], \
                        $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bytea[], $20::text[]) AS n",
                (id, &flow, &block)
            )
            .bind::<Text, _>(Difference::Differs.as_str())
            .bind::<Array<Text>, _>(text(|one| &one.of.document_key))
            .bind::<Array<Text>, _>(text(|one| &one.of.record_key))
            .bind::<Array<Nullable<Integer>>, _>(found.iter().map(|one| one.of.year).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(found.iter().map(|one| one.of.period).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(text(|one| &one.currency))
            .bind::<Array<Nullable<Numeric>>, _>(found.iter().map(|one| one.amount).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(text(|one| &one.field))
            .bind::<Array<Text>, _>(text(|one| &one.syspro_value))
            .bind::<Array<Text>, _>(text(|one| &one.servicenow_value))
            .bind::<Array<Nullable<Text>>, _>(or_null(|one| one.of.sys_id.as_deref()))
            .bind::<Array<Nullable<Text>>, _>(or_null(|one| one.of.target_table.as_deref()))
            .bind::<Array<Nullable<Text>>, _>(or_null(|one| one.of.updated_by.as_deref()))
            .bind::<Array<Nullable<Text>>, _>(or_null(|one| one.of.updated_at.as_deref()))
            .bind::<Array<Nullable<Binary>>, _>(found.iter().map(|one| one.of.document_hash.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(found.iter().map(|one| one.cause.map(Cause::as_str)).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Finds the causes of a flow's differences, and the sums of its blocks, each with the field of its amounts; then removes what was
    /// read of SYSPRO.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_judge(
        &self,
        id: TieOutId,
        flow: FlowId,
        blocks: Vec<(DividedBlock, Option<String>)>,
        of: Option<FiscalPeriod>,
    ) -> Result<(), StoreError> {
        self.run("find why both sides differ", move |conn| {
            // old tie-outs are not read, whatever the server believes of their number
            conn.batch_execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off",
            )?;
            sql_query(include_str!("../sql/tie_out_judge.sql"))
                .bind::<BigInt, _>(id)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(Cause::TIMING.iter().map(|cause| cause.as_str()).collect::<Vec<_>>())
                .execute(conn)?;
            conn.batch_execute(
                "SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_bitmapscan TO DEFAULT; SET LOCAL enable_sort TO DEFAULT",
            )?;
            conn.batch_execute(WHOLE_BLOCK)?;
            for (divided, amount) in &blocks {
                sum(conn, id, &flow, divided, amount.as_deref(), of)?;
                if of.is_some() {
                    of_block!(include_str!("../sql/tie_out_without_period.sql"), (id, &flow, &divided.0)).execute(conn)?;
                }
            }
            drop_rows(conn, id, &flow)
        })
        .await
    }
}
