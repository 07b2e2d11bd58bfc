//! After a restore: compares what ServiceNow has with the ledger.
//!
//! Rows of ServiceNow are stored here page by page until they are compared. What does not match is read from SYSPRO again and sent. Each
//! step is one transaction that also stores the progress, so that a killed process continues from there.

/// Binds the first parameters of every statement here that is SQL text.
macro_rules! of_flow {
    ($sql:expr, $at:expr) => {{
        let (life, flow): (&i32, &crate::domain::FlowId) = $at;
        diesel::sql_query($sql)
            .bind::<diesel::sql_types::Integer, _>(*life)
            .bind::<crate::store::text::Text, _>(flow.company.as_str().to_owned())
            .bind::<crate::store::text::Text, _>(flow.entity.as_str().to_owned())
    }};
}

mod adopt;
mod progress;
mod rows;
mod unconfigured;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable};
use serde_json::json;

pub use adopt::{RowOwner, UnknownRow};
pub use progress::RestoredPart;
pub use rows::{BlockTable, RestoredRow, RowPlace};

use self::progress::{FLOW, flow_done, whole};
use super::audit::{NewAudit, audit_append};
use super::forget::drop_pending;
use super::schema::{base_version, document, ledger_life, restored_part, restored_row};
use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::ids::DocumentId;
use crate::store::text::{Text, jsonb, text};

/// A part of a document as confirmed in the ledger.
#[derive(Debug, Clone, QueryableByName)]
pub struct RecordedPart {
    /// The document.
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The block; `None`: no part of the document was ever confirmed.
    #[diesel(sql_type = Nullable<Text>)]
    pub block: Option<String>,
    /// The line's key.
    #[diesel(sql_type = Nullable<Text>)]
    pub record_key: Option<String>,
    /// The version that was confirmed.
    #[diesel(sql_type = Nullable<Integer>)]
    pub version: Option<i32>,
    /// The hash of its content.
    #[diesel(sql_type = Nullable<Binary>)]
    pub payload_hash: Option<Vec<u8>>,
}

/// A part that matches the ledger, with its row; or a part that does not, with the row that has its key, if any.
#[derive(Debug, Clone)]
pub struct ComparedPart {
    /// The document.
    pub document_id: DocumentId,
    /// The block.
    pub block: String,
    /// The line's key.
    pub record_key: String,
    /// The row that has its key.
    pub row: Option<RowPlace>,
}

/// The result for a page of documents.
#[derive(Debug, Clone, Default)]
pub struct ComparedPage {
    /// Its last document.
    pub last_key: String,
    /// Parts that match the ledger.
    pub adopted: Vec<ComparedPart>,
    /// Parts that do not.
    pub again: Vec<ComparedPart>,
    /// Keys for which rows were found, by block: those rows are done.
    pub found: Vec<(String, String)>,
    /// The records may change on both sides: the base versions of those that are sent again are deleted.
    pub aligned: bool,
}

impl Store {
    /// The tables, by block, that have records of a flow according to the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_tables(&self, flow: FlowId) -> Result<Vec<BlockTable>, StoreError> {
        self.run("list the tables where records landed", move |conn| {
            Ok(sql_query(
                "SELECT DISTINCT r.block, r.target_table FROM document d JOIN record r ON r.document_id = d.id \
                 WHERE d.company = $1 AND d.entity = $2 AND r.sys_id <> ''",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .load(conn)?)
        })
        .await
    }

    /// The progress of a flow's comparison. Starts it, with these blocks and tables, where it has not started. Blocks come first, the flow
    /// itself last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_parts(&self, life: i32, flow: FlowId, tables: Vec<BlockTable>) -> Result<Vec<RestoredPart>, StoreError> {
        self.run("see how far the comparison has come", move |conn| {
            let (company, entity) = (text(flow.company.as_str()), text(flow.entity.as_str()));
            let of = (restored_part::life.eq(life), restored_part::company.eq(company), restored_part::entity.eq(entity));
            let places = tables.iter().map(|of| (of.block.as_str(), of.target_table.as_str())).chain([(FLOW, "")]);
            let rows: Vec<_> = places
                .map(|(block, table)| (of, restored_part::block.eq(text(block)), restored_part::target_table.eq(text(table))))
                .collect();
            diesel::insert_into(restored_part::table).values(&rows).on_conflict_do_nothing().execute(conn)?;
            let parts = restored_part::table
                .filter(restored_part::life.eq(life))
                .filter(restored_part::company.eq(company))
                .filter(restored_part::entity.eq(entity))
                .order((restored_part::block.desc(), restored_part::target_table));
            Ok(parts.select(RestoredPart::as_select()).load(conn)?)
        })
        .await
    }

    /// The parts of the next `documents` documents after a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_recorded(&self, flow: FlowId, after: String, documents: i64) -> Result<Vec<RecordedPart>, StoreError> {
        self.run("read what was confirmed", move |conn| {
            Ok(sql_query(
                "SELECT d.id AS document_id, d.key, r.block, r.record_key, r.version, l.payload_hash \
                 FROM (SELECT id, key FROM document WHERE company = $1 AND entity = $2 AND key > $3 ORDER BY key LIMIT $4) d \
                 LEFT JOIN record r ON r.document_id = d.id LEFT JOIN delivery l ON l.id = r.delivery_id ORDER BY d.key, r.block, r.record_key",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(after)
            .bind::<BigInt, _>(documents)
            .load(conn)?)
        })
        .await
    }

    /// Stores the result for a page of documents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_compared(&self, life: i32, flow: FlowId, page: ComparedPage) -> Result<(), StoreError> {
        self.run("store what a comparison found", move |conn| {
            // the row is in another table now; a row that belongs to another record stays with it
            let moved = "FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n (document_id, block, record_key, target_table, sys_id) \
                         WHERE r.document_id = n.document_id AND r.block = n.block AND r.record_key = n.record_key AND n.sys_id IS NOT NULL \
                           AND (r.sys_id, r.target_table) <> (n.sys_id, n.target_table) \
                           AND NOT EXISTS (SELECT FROM record o WHERE o.sys_id = n.sys_id AND o.target_table = n.target_table AND o.own_row)";
            let known = page.adopted.iter().chain(&page.again).collect::<Vec<_>>();
            // the audit says where each row is
            let sql = format!(
                "WITH moved AS (UPDATE record r SET sys_id = n.sys_id, target_table = n.target_table, own_row = true {moved} \
                 RETURNING r.document_id, r.version, r.delivery_id, r.sys_id, r.target_table) \
                 INSERT INTO audit (kind, document_id, version, delivery_id, actor, detail) \
                 SELECT 'looked_up', document_id, version, delivery_id, 'tieline', json_build_object('sys_id', sys_id, 'table', target_table, \
                 'restored', 'the row is elsewhere than the ledger said')::text FROM moved WHERE delivery_id > 0"
            );
            bind_parts(sql_query(sql), &known).execute(conn)?;
            // no delivery of this ledger put it there
            let again: Vec<&ComparedPart> = page.again.iter().collect();
            bind_parts(
                sql_query(
                    "UPDATE record r SET delivery_id = 0 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n (document_id, block, record_key, target_table, sys_id) \
                     WHERE r.document_id = n.document_id AND r.block = n.block AND r.record_key = n.record_key",
                ),
                &again,
            )
            .execute(conn)?;
            let documents: Vec<DocumentId> = again.iter().map(|part| part.document_id).collect();
            diesel::update(document::table.filter(document::id.eq_any(&documents)))
                .set((document::hash.eq(&b""[..]), document::deleted.eq(false)))
                .execute(conn)?;
            if page.aligned {
                let nothing = json!({});
                diesel::update(base_version::table.filter(base_version::document_id.eq_any(&documents)))
                    .set((base_version::fields.eq(jsonb(&nothing)), base_version::again.eq(true)))
                    .execute(conn)?;
            }
            of_flow!(
                "DELETE FROM restored_row r USING unnest($4::text[], $5::text[]) AS n (block, source_key) \
                 WHERE r.life = $1 AND r.company = $2 AND r.entity = $3 AND r.block = n.block AND r.source_key = n.source_key",
                (&life, &flow)
            )
            .bind::<Array<Text>, _>(page.found.iter().map(|found| found.0.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(page.found.iter().map(|found| found.1.as_str()).collect::<Vec<_>>())
            .execute(conn)?;
            diesel::update(whole(life, &flow))
                .set((
                    restored_part::after.eq(text(&page.last_key)),
                    restored_part::adopted.eq(restored_part::adopted + page.adopted.len() as i64),
                    restored_part::again.eq(restored_part::again + page.again.len() as i64),
                ))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Ends a flow's comparison: its unsent deliveries are dropped and read again, its next run reads everything, and its lease is
    /// released. Answers the number of records that were still in progress.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_flow_done(&self, life: i32, flow: FlowId, actor: String) -> Result<i64, StoreError> {
        self.run("end a flow's comparison", move |conn| {
            let open = drop_pending(conn, &flow, &actor, "the ledger was restored", "it is read again and sent by its content")?;
            sql_query(
                "INSERT INTO flow AS f (company, entity, whole_next) VALUES ($1, $2, true) \
                 ON CONFLICT (company, entity) DO UPDATE SET whole_next = true, position = NULL, holder = NULL, lease_until = NULL, epoch = f.epoch + 1, \
                        stopped = CASE WHEN position('`tieline restored`' IN f.stopped) = 0 THEN f.stopped END",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .execute(conn)?;
            flow_done(conn, life, &flow, open)?;
            let rows = restored_row::table
                .filter(restored_row::life.eq(life))
                .filter(restored_row::company.eq(text(flow.company.as_str())))
                .filter(restored_row::entity.eq(text(flow.entity.as_str())));
            diesel::delete(rows).execute(conn)?;
            Ok(open)
        })
        .await
    }

    /// Ends the comparison of this life: flows may run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_done(&self, life: i32, actor: String, summary: serde_json::Value) -> Result<(), StoreError> {
        self.run("end the comparison after a restore", move |conn| {
            diesel::update(ledger_life::table.find(life)).set(ledger_life::compared_at.eq(now)).execute(conn)?;
            diesel::delete(restored_row::table.filter(restored_row::life.le(life))).execute(conn)?;
            let mut row = NewAudit::of(AuditKind::Action).detail(&json!({ "action": "restored", "life": life, "flows": summary }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await?;
        if let Some(known) = self.life.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_mut() {
            known.compared();
        }
        Ok(())
    }
}

type Query = diesel::query_builder::SqlQuery;

/// Binds parts as five arrays.
fn bind_parts(
    sql: Query,
    parts: &[&ComparedPart],
) -> impl RunQueryDsl<super::Conn> + diesel::query_builder::QueryFragment<diesel::pg::Pg> + diesel::query_builder::QueryId {
    sql.bind::<Array<BigInt>, _>(parts.iter().map(|part| part.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(parts.iter().map(|part| part.block.clone()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(parts.iter().map(|part| part.record_key.clone()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            parts.iter().map(|part| part.row.as_ref().map(|row| row.target_table.clone())).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(parts.iter().map(|part| part.row.as_ref().map(|row| row.sys_id.clone())).collect::<Vec<_>>())
}
