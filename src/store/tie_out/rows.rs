//! What a tie-out has read, stored page by page until it is compared.

use std::fmt;
use std::str::FromStr;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Numeric};
use rust_decimal::Decimal;

use super::of_block;
use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out_group::Groups;
use crate::store::schema::{tie_out_item, tie_out_row};
use crate::store::text::{JsonText, Text, text};
use crate::store::{Conn, Store, StoreError, Tx};

/// The side that a row was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieOutSide {
    /// SYSPRO, as ServiceNow should have it.
    Syspro,
    /// The ledger: what SYSPRO no longer has and ServiceNow keeps with a mark.
    Gone,
}

crate::domain::delivery::words!(TieOutSide { Syspro = "syspro", Gone = "gone" });

/// A record as ServiceNow should have it.
#[derive(Debug, Clone, Default)]
pub struct TieOutRow {
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// The hash of the document's content; `None`: SYSPRO no longer has it.
    pub document_hash: Option<[u8; 32]>,
    /// The fiscal year.
    pub year: Option<i32>,
    /// The fiscal period.
    pub period: Option<i32>,
    /// The currency of the amount; empty: it is not known, or there is no amount.
    pub currency: String,
    /// The amount.
    pub amount: Option<Decimal>,
    /// The compared fields, as a JSON object with its keys in order.
    pub fields: String,
    /// Why the document cannot be mapped.
    pub unmapped: Option<String>,
    /// Its supplier, account and document type.
    pub groups: Groups,
}

/// A record that SYSPRO no longer has, as it was delivered.
#[derive(Debug, Clone, QueryableByName)]
pub struct GoneRecord {
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub document_key: String,
    /// The block.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// What was sent, as JSON.
    #[diesel(sql_type = Text)]
    pub payload: String,
    /// The last content of the document, as JSON, if all of it is gone.
    #[diesel(sql_type = Nullable<Text>)]
    pub content: Option<String>,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    document_key: String,
    #[diesel(sql_type = Text)]
    record_key: String,
}

/// Removes what was read of a flow.
pub(super) fn drop_rows(conn: &mut Conn, id: TieOutId, flow: &FlowId) -> Tx<()> {
    let rows = tie_out_row::table
        .filter(tie_out_row::tie_out_id.eq(id))
        .filter(tie_out_row::company.eq(text(flow.company.as_str())))
        .filter(tie_out_row::entity.eq(text(flow.entity.as_str())));
    diesel::delete(rows).execute(conn)?;
    Ok(())
}

impl Store {
    /// Stores rows of one side.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_keep(
        &self,
        id: TieOutId,
        flow: FlowId,
        block: String,
        side: TieOutSide,
        rows: Vec<TieOutRow>,
    ) -> Result<(), StoreError> {
        self.run("keep what a tie-out read", move |conn| {
            of_block!(
                "INSERT INTO tie_out_row (tie_out_id, company, entity, block, side, document_key, record_key, document_hash, year, period, currency, amount, \
                                          fields, unmapped, supplier, account, document_type) \
                 SELECT $1, $2, $3, $4, $5, n.* FROM unnest($6::text[], $7::text[], $8::bytea[], $9::integer[], $10::integer[], $11::text[], $12::numeric[], \
                        $13::text[], $14::text[], $15::text[], $16::text[], $17::text[]) AS n",
                (id, &flow, &block)
            )
            .bind::<Text, _>(side.as_str())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.document_key.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.record_key.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Binary>>, _>(rows.iter().map(|row| row.document_hash.as_ref().map(|hash| &hash[..])).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|row| row.year).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|row| row.period).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.currency.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Numeric>>, _>(rows.iter().map(|row| row.amount).collect::<Vec<_>>())
            .bind::<Array<JsonText>, _>(rows.iter().map(|row| row.fields.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.unmapped.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.supplier.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.account.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.document_type.as_deref()).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Removes all that was read of a flow and found out about it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_drop(&self, id: TieOutId, flow: FlowId) -> Result<(), StoreError> {
        self.run("drop what a tie-out read", move |conn| {
            let (company, entity) = (text(flow.company.as_str()), text(flow.entity.as_str()));
            let items = tie_out_item::table.filter(tie_out_item::tie_out_id.eq(id));
            diesel::delete(items.filter(tie_out_item::company.eq(company)).filter(tie_out_item::entity.eq(entity))).execute(conn)?;
            drop_rows(conn, id, &flow)
        })
        .await
    }

    /// A page of the records of a flow that SYSPRO no longer has, in the order of their documents: all of at most `limit` documents after a
    /// key, or of these documents. A record that was marked as gone and that this tie-out read in SYSPRO again is not among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_gone(
        &self,
        id: TieOutId,
        flow: FlowId,
        after: String,
        only: Option<Vec<String>>,
        limit: i64,
    ) -> Result<Vec<GoneRecord>, StoreError> {
        self.run("list what is gone", move |conn| {
            const STILL: &str = "l.action = 'gone' AND NOT EXISTS ( \
                 SELECT FROM tie_out_row e WHERE e.tie_out_id = $6 AND e.company = $1 AND e.entity = $2 AND e.block = r.block \
                   AND e.document_key = d.key AND e.record_key = r.record_key AND e.side = 'syspro')";
            Ok(sql_query(format!(
                "SELECT d.key AS document_key, r.block, r.record_key, l.payload, CASE WHEN d.deleted THEN v.content END AS content \
                 FROM (SELECT * FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key > $3 AND ($4 IS NULL OR d.key = ANY($4)) \
                         AND EXISTS (SELECT FROM record r JOIN delivery l ON l.id = r.delivery_id WHERE r.document_id = d.id AND {STILL}) \
                       ORDER BY d.key LIMIT $5) d \
                 JOIN record r ON r.document_id = d.id \
                 JOIN delivery l ON l.id = r.delivery_id AND {STILL} \
                 LEFT JOIN version v ON v.document_id = d.id AND v.version = d.version \
                 ORDER BY d.key, r.block, r.record_key"
            ))
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(after)
            .bind::<Nullable<Array<Text>>, _>(only)
            .bind::<BigInt, _>(limit)
            .bind::<BigInt, _>(id)
            .load(conn)?)
        })
        .await
    }

    /// Documents of a flow with a difference, in the order of their keys, after this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_differing(&self, id: TieOutId, flow: FlowId, after: String, limit: i64) -> Result<Vec<String>, StoreError> {
        self.run("list the documents that differ", move |conn| {
            let items = tie_out_item::table
                .filter(tie_out_item::tie_out_id.eq(id))
                .filter(tie_out_item::company.eq(text(flow.company.as_str())))
                .filter(tie_out_item::entity.eq(text(flow.entity.as_str())))
                .filter(tie_out_item::document_key.gt(text(&after)));
            let keys = items.select(tie_out_item::document_key).distinct().order(tie_out_item::document_key);
            Ok(keys.limit(limit).load(conn)?)
        })
        .await
    }

    /// Removes what was read of these documents and found out about them, so that they can be read a second time. ServiceNow's rows of the
    /// blocks `keep` stay. Answers the places that had rows: block, document and line.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_read_again(
        &self,
        id: TieOutId,
        flow: FlowId,
        documents: Vec<String>,
        keep: Vec<String>,
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        self.run("read documents of a tie-out again", move |conn| {
            let places: Vec<Place> = sql_query(
                "WITH blocks AS (SELECT block FROM tie_out_block WHERE tie_out_id = $1 AND company = $2 AND entity = $3), \
                 items AS (DELETE FROM tie_out_item WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND document_key = ANY($4)), \
                 read AS ( \
                    DELETE FROM tie_out_row WHERE tie_out_id = $1 AND company = $2 AND entity = $3 AND block = ANY(ARRAY(SELECT block FROM blocks)) \
                       AND document_key = ANY($4) RETURNING block, document_key, record_key), \
                 found AS ( \
                    DELETE FROM tie_out_found WHERE company = $2 AND entity = $3 AND block = ANY(ARRAY(SELECT block FROM blocks)) \
                       AND NOT block = ANY($5) AND document_key = ANY($4) RETURNING block, document_key, record_key) \
                 SELECT * FROM read UNION SELECT * FROM found",
            )
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Array<Text>, _>(&documents)
            .bind::<Array<Text>, _>(&keep)
            .load(conn)?;
            Ok(places.into_iter().map(|place| (place.block, place.document_key, place.record_key)).collect())
        })
        .await
    }
}
