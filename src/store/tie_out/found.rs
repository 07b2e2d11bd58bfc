//! ServiceNow's rows as tie-outs listed them. They stay until they are listed again, so that a table that has not changed need not be.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Numeric};
use rust_decimal::Decimal;

use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out_group::Groups;
use crate::store::schema::{tie_out_found, tie_out_listing, tie_out_read};
use crate::store::text::{JsonText, Text, text};
use crate::store::{Conn, Store, StoreError, Tx};

/// A row of ServiceNow.
#[derive(Debug, Clone, Default)]
pub struct TieOutFound {
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// The fiscal year that the row itself shows.
    pub year: Option<i32>,
    /// The fiscal period that it shows.
    pub period: Option<i32>,
    /// The currency of the amount; empty: it is not known, or there is no amount.
    pub currency: String,
    /// The amount.
    pub amount: Option<Decimal>,
    /// The compared fields, as a JSON object with its keys in order.
    pub fields: String,
    /// The row.
    pub sys_id: String,
    /// Its table.
    pub target_table: String,
    /// The user who changed it last.
    pub updated_by: Option<String>,
    /// When.
    pub updated_at: Option<String>,
    /// The supplier, account and document type that it shows.
    pub groups: Groups,
}

/// A table that was listed completely.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tie_out_listing, check_for_backend(Pg))]
pub struct TieOutListing {
    /// The table.
    pub target_table: String,
    /// What was asked of its rows: other definitions ask for other columns.
    pub asked: String,
    /// Its rows, their changes and the last one, as one text. The same text: nothing has changed since.
    pub vector: String,
    /// Fields that some row returned.
    pub returned: Vec<String>,
    /// When it was listed.
    pub listed_at: DateTime<Utc>,
    /// Groups in which ServiceNow's own count and sum are those of its rows; `None`: they were not compared.
    pub summed_groups: Option<i32>,
    /// Why they were not compared.
    pub not_summed: Option<String>,
}

/// A row of ServiceNow without a record of SYSPRO, and the last content of its document.
#[derive(Debug, Clone, QueryableByName)]
pub struct TieOutExtra {
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub document_key: String,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// The row's table.
    #[diesel(sql_type = Text)]
    pub target_table: String,
    /// The row.
    #[diesel(sql_type = Text)]
    pub sys_id: String,
    /// The last content, as JSON.
    #[diesel(sql_type = Text)]
    pub content: String,
}

/// A record with its fiscal year and period: document, line, year, period.
pub type TieOutPlace = (String, String, Option<i32>, Option<i32>);

/// Removes the kept rows of a flow, and what SYSPRO answered about it.
pub(in crate::store) fn drop_found(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    let (company, entity) = (text(flow.company.as_str()), text(flow.entity.as_str()));
    diesel::delete(tie_out_read::table.filter(tie_out_read::company.eq(company)).filter(tie_out_read::entity.eq(entity))).execute(conn)?;
    diesel::delete(tie_out_listing::table.filter(tie_out_listing::company.eq(company)).filter(tie_out_listing::entity.eq(entity)))
        .execute(conn)?;
    diesel::delete(tie_out_found::table.filter(tie_out_found::company.eq(company)).filter(tie_out_found::entity.eq(entity)))
        .execute(conn)?;
    Ok(())
}

impl Store {
    /// The tables of a block that were listed completely.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_listings(&self, flow: FlowId, block: String) -> Result<Vec<TieOutListing>, StoreError> {
        self.run("list what tie-outs listed", move |conn| {
            let listings = tie_out_listing::table
                .filter(tie_out_listing::company.eq(text(flow.company.as_str())))
                .filter(tie_out_listing::entity.eq(text(flow.entity.as_str())))
                .filter(tie_out_listing::block.eq(text(&block)));
            Ok(listings.order(tie_out_listing::target_table).select(TieOutListing::as_select()).load(conn)?)
        })
        .await
    }

    /// Removes the rows of a block before they are listed again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_unlist(&self, flow: FlowId, block: String) -> Result<(), StoreError> {
        self.run("drop the rows of ServiceNow before they are listed", move |conn| {
            let (company, entity, block) = (text(flow.company.as_str()), text(flow.entity.as_str()), text(&block));
            let listings = tie_out_listing::table.filter(tie_out_listing::company.eq(company)).filter(tie_out_listing::entity.eq(entity));
            diesel::delete(listings.filter(tie_out_listing::block.eq(block))).execute(conn)?;
            let rows = tie_out_found::table.filter(tie_out_found::company.eq(company)).filter(tie_out_found::entity.eq(entity));
            diesel::delete(rows.filter(tie_out_found::block.eq(block))).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Stores that these tables of a block were listed completely.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_listed(&self, flow: FlowId, block: String, listings: Vec<TieOutListing>) -> Result<(), StoreError> {
        self.run("store which tables a tie-out listed", move |conn| {
            for listing in &listings {
                diesel::insert_into(tie_out_listing::table)
                    .values((
                        tie_out_listing::company.eq(text(flow.company.as_str())),
                        tie_out_listing::entity.eq(text(flow.entity.as_str())),
                        tie_out_listing::block.eq(text(&block)),
                        tie_out_listing::target_table.eq(text(&listing.target_table)),
                        tie_out_listing::asked.eq(text(&listing.asked)),
                        tie_out_listing::vector.eq(text(&listing.vector)),
                        tie_out_listing::returned.eq(&listing.returned),
                        tie_out_listing::listed_at.eq(listing.listed_at),
                        tie_out_listing::summed_groups.eq(listing.summed_groups),
                        tie_out_listing::not_summed.eq(listing.not_summed.as_deref().map(text)),
                    ))
                    .execute(conn)?;
            }
            Ok(())
        })
        .await
    }

    /// Stores rows of ServiceNow, each once; a row that is stored already is replaced.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_found(&self, flow: FlowId, block: String, rows: Vec<TieOutFound>) -> Result<(), StoreError> {
        self.run("keep the rows of ServiceNow", move |conn| {
            let texts = |of: fn(&TieOutFound) -> &str| rows.iter().map(of).collect::<Vec<_>>();
            sql_query(
                "INSERT INTO tie_out_found (company, entity, block, document_key, record_key, year, period, currency, amount, fields, sys_id, \
                                            target_table, updated_by, updated_at, supplier, account, document_type) \
                 SELECT $1, $2, $3, n.* FROM unnest($4::text[], $5::text[], $6::integer[], $7::integer[], $8::text[], $9::numeric[], $10::text[], \
                        $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[]) AS n \
                 ON CONFLICT (company, entity, block, target_table, sys_id) DO UPDATE SET \
                    document_key = excluded.document_key, record_key = excluded.record_key, year = excluded.year, period = excluded.period, \
                    currency = excluded.currency, amount = excluded.amount, fields = excluded.fields, updated_by = excluded.updated_by, \
                    updated_at = excluded.updated_at, supplier = excluded.supplier, account = excluded.account, \
                    document_type = excluded.document_type, nth = excluded.nth",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(&block)
            .bind::<Array<Text>, _>(texts(|row| &row.document_key))
            .bind::<Array<Text>, _>(texts(|row| &row.record_key))
            .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|row| row.year).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|row| row.period).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(texts(|row| &row.currency))
            .bind::<Array<Nullable<Numeric>>, _>(rows.iter().map(|row| row.amount).collect::<Vec<_>>())
            .bind::<Array<JsonText>, _>(texts(|row| &row.fields))
            .bind::<Array<Text>, _>(texts(|row| &row.sys_id))
            .bind::<Array<Text>, _>(texts(|row| &row.target_table))
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.updated_by.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.updated_at.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.supplier.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.account.as_deref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.groups.document_type.as_deref()).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// A page of the rows of a block whose record SYSPRO no longer has and whose fiscal period is not known, after a row (its table and sys_id); of these
    /// documents only, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_extras(
        &self,
        id: TieOutId,
        flow: FlowId,
        block: String,
        only: Option<Vec<String>>,
        after: (String, String),
        limit: i64,
    ) -> Result<Vec<TieOutExtra>, StoreError> {
        self.run("list the rows of ServiceNow without a record", move |conn| {
            Ok(sql_query(include_str!("../sql/tie_out_extras.sql"))
                .bind::<BigInt, _>(id)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Text, _>(&block)
                .bind::<Nullable<Array<Text>>, _>(only)
                .bind::<Text, _>(after.0)
                .bind::<Text, _>(after.1)
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }

    /// Stores to which fiscal period rows of a block belong.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_place(&self, flow: FlowId, block: String, places: Vec<TieOutPlace>) -> Result<(), StoreError> {
        self.run("store the periods of rows of ServiceNow", move |conn| {
            sql_query(
                "UPDATE tie_out_found f SET year = n.year, period = n.period \
                 FROM unnest($4::text[], $5::text[], $6::integer[], $7::integer[]) AS n (document_key, record_key, year, period) \
                 WHERE f.company = $1 AND f.entity = $2 AND f.block = $3 AND f.document_key = n.document_key AND f.record_key = n.record_key",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(&block)
            .bind::<Array<Text>, _>(places.iter().map(|place| place.0.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(places.iter().map(|place| place.1.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(places.iter().map(|place| place.2).collect::<Vec<_>>())
            .bind::<Array<Nullable<Integer>>, _>(places.iter().map(|place| place.3).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }
}
