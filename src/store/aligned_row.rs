//! ServiceNow's list during a comparison. It is kept in the ledger, so that a list of any length is compared in the memory of one page.
//!
//! Only the holder of the flow's lease writes it; a node that lost the lease is refused.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};

use super::flow::flow_assert_held;
use super::schema::aligned_row;
use super::{Lease, Store, StoreError};
use crate::domain::FlowId;
use crate::domain::ids::DocumentId;
use crate::store::prepared::prepared;
use crate::store::text::{Text, text};

/// A row of ServiceNow's list.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = aligned_row, check_for_backend(Pg))]
pub struct AlignedRow {
    /// The row.
    pub sys_id: String,
    /// When it was last changed, by the instance's clock.
    pub updated_at: Option<DateTime<Utc>>,
    /// The columns that could be read, as a JSON object.
    pub fields: String,
    /// The value of its key column; may be empty.
    pub source_key: String,
    /// The columns of its natural key, joined; only for a row without a key.
    pub natural_key: Option<String>,
    /// The document that it belongs to, if known. Not read on insert.
    pub document_id: Option<DocumentId>,
    /// It has no key and belongs to a document of another flow. Not read on insert.
    pub of_other: bool,
}

/// Selects rows that match any of these.
#[derive(Debug, Clone, Default)]
pub struct AlignedRowKeys {
    /// By sys_id.
    pub sys_ids: Vec<String>,
    /// By key.
    pub source_keys: Vec<String>,
    /// By natural key; rows of other flows' documents are excluded.
    pub natural_keys: Vec<String>,
}

/// A document whose row must be read by its sys_id.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct UnreadRow {
    /// The document, ascending, for paging.
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
    /// Its row.
    #[diesel(sql_type = Text)]
    pub sys_id: String,
}

impl Store {
    /// Deletes the rows of the flow's last comparison.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow.
    pub async fn aligned_rows_clear(&self, lease: Lease, ttl: Duration) -> Result<(), StoreError> {
        self.run("forget the rows of the last comparison", move |conn| {
            flow_assert_held(conn, &lease, ttl)?;
            let rows = aligned_row::table
                .filter(aligned_row::company.eq(text(lease.flow.company.as_str())))
                .filter(aligned_row::entity.eq(text(lease.flow.entity.as_str())));
            diesel::delete(rows).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Stores a page of rows; an existing row is replaced.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow.
    pub async fn aligned_rows_put(&self, lease: Lease, ttl: Duration, rows: Vec<AlignedRow>) -> Result<(), StoreError> {
        self.run("keep a page of rows to be compared", move |conn| {
            flow_assert_held(conn, &lease, ttl)?;
            prepared(
                "INSERT INTO aligned_row (company, entity, sys_id, updated_at, fields, source_key, natural_key) \
                 SELECT $1, $2, n.* FROM unnest($3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[]) AS n \
                 ON CONFLICT (company, entity, sys_id) DO UPDATE SET updated_at = excluded.updated_at, fields = excluded.fields, \
                 source_key = excluded.source_key, natural_key = excluded.natural_key",
            )
            .bind::<Text, _>(lease.flow.company.as_str())
            .bind::<Text, _>(lease.flow.entity.as_str())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.sys_id.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.fields.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.source_key.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.natural_key.as_deref()).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Marks the rows that belong to documents: those of this flow and, among rows without a key, those of other flows.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow.
    pub async fn aligned_rows_own(&self, lease: Lease, ttl: Duration) -> Result<(), StoreError> {
        self.run("mark whose the rows are", move |conn| {
            flow_assert_held(conn, &lease, ttl)?;
            prepared(include_str!("sql/aligned_rows_own.sql"))
                .bind::<Text, _>(lease.flow.company.as_str())
                .bind::<Text, _>(lease.flow.entity.as_str())
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Stores the documents for which rows were found: (sys_id, document).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow.
    pub async fn aligned_rows_claim(&self, lease: Lease, ttl: Duration, claims: Vec<(String, DocumentId)>) -> Result<(), StoreError> {
        self.run("note whose rows were found", move |conn| {
            flow_assert_held(conn, &lease, ttl)?;
            prepared(
                "UPDATE aligned_row a SET document_id = n.document_id FROM unnest($3::text[], $4::bigint[]) AS n (sys_id, document_id) \
                 WHERE a.company = $1 AND a.entity = $2 AND a.sys_id = n.sys_id",
            )
            .bind::<Text, _>(lease.flow.company.as_str())
            .bind::<Text, _>(lease.flow.entity.as_str())
            .bind::<Array<Text>, _>(claims.iter().map(|claim| claim.0.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(claims.iter().map(|claim| claim.1).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// The rows that may belong to a page of documents, in the order of their sys_ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aligned_rows_find(&self, flow: FlowId, keys: AlignedRowKeys) -> Result<Vec<AlignedRow>, StoreError> {
        self.run("find the rows of documents", move |conn| {
            Ok(prepared(include_str!("sql/aligned_rows_find.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys.sys_ids)
                .bind::<Array<Text>, _>(keys.source_keys)
                .bind::<Array<Text>, _>(keys.natural_keys)
                .load(conn)?)
        })
        .await
    }

    /// The next page of rows without a document, by their sys_ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aligned_rows_alone(&self, flow: FlowId, after: String, limit: i64) -> Result<Vec<AlignedRow>, StoreError> {
        self.run("read rows that no document has", move |conn| {
            let alone = aligned_row::table
                .filter(aligned_row::company.eq(text(flow.company.as_str())))
                .filter(aligned_row::entity.eq(text(flow.entity.as_str())))
                .filter(aligned_row::sys_id.gt(text(&after)))
                .filter(aligned_row::document_id.is_null())
                .filter(diesel::dsl::not(aligned_row::of_other));
            Ok(alone.order(aligned_row::sys_id).limit(limit).select(AlignedRow::as_select()).load(conn)?)
        })
        .await
    }

    /// The next page of documents to be compared whose rows are not among the changed rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aligned_rows_unread(&self, flow: FlowId, after: DocumentId, limit: i64) -> Result<Vec<UnreadRow>, StoreError> {
        self.run("read which rows must be asked for", move |conn| {
            Ok(prepared(include_str!("sql/aligned_rows_unread.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }
}
