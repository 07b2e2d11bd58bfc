//! Rows that the ledger did not know.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};

use super::progress::whole;
use super::rows::RestoredRow;
use crate::domain::FlowId;
use crate::domain::ids::{DocumentId, LifeId};
use crate::store::intake::{next_delivery_ids, next_document_ids};
use crate::store::schema::{document, restored_part};
use crate::store::text::{Text, text};
use crate::store::{Conn, Store, StoreError, Tx};

/// The content of such a row, which is not known: whatever SYSPRO returns differs from it.
const UNKNOWN: &str = "{}";

/// The record of a row, by the row's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOwner {
    /// The document's key.
    pub key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
}

/// A row that the ledger did not know, with its record.
#[derive(Debug, Clone)]
pub struct UnknownRow {
    /// The row.
    pub row: RestoredRow,
    /// Its record; `None`: the row is not touched.
    pub owner: Option<RowOwner>,
}

#[derive(Queryable)]
struct KnownDocument {
    id: DocumentId,
    key: String,
    version: i32,
}

impl Store {
    /// Adopts rows that the ledger did not know. The whole read that follows updates those that SYSPRO still has and marks the others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_adopt(&self, life: i32, life_id: LifeId, flow: FlowId, rows: Vec<UnknownRow>) -> Result<(), StoreError> {
        self.run("adopt rows that the ledger does not know", move |conn| {
            let owned: Vec<(&RestoredRow, &RowOwner)> = rows.iter().filter_map(|one| Some((&one.row, one.owner.as_ref()?))).collect();
            let mut keys: Vec<&str> = owned.iter().map(|(_, owner)| owner.key.as_str()).collect();
            keys.sort_unstable();
            keys.dedup();
            let find = |conn: &mut Conn| -> Tx<Vec<KnownDocument>> {
                let documents = document::table
                    .filter(document::company.eq(text(flow.company.as_str())))
                    .filter(document::entity.eq(text(flow.entity.as_str())))
                    .filter(document::key.eq_any(keys.iter().map(|key| text(key))));
                Ok(documents.select((document::id, document::key, document::version)).load(conn)?)
            };
            let known = find(conn)?;
            let new: Vec<&str> = keys.iter().copied().filter(|key| !known.iter().any(|document| document.key == *key)).collect();
            if !new.is_empty() {
                let ids = next_document_ids(conn, new.len())?;
                sql_query(
                    "WITH n AS (SELECT * FROM unnest($3::bigint[], $4::text[]) AS n (id, key)), \
                     now AS (SELECT coalesce((SELECT m.number FROM definition_in_force f JOIN definition_mapping m \
                                              ON m.definition = f.number AND m.company = $1 AND m.entity = $2), 0) AS mapping), \
                     made AS (INSERT INTO document (id, company, entity, key, version, hash, mapping, reading) \
                              SELECT id, $1, $2, key, 1, '', now.mapping, now.mapping FROM n, now) \
                     INSERT INTO version (document_id, version, run_id, hash, content) SELECT id, 1, $5, '', $6 FROM n",
                )
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Array<Text>, _>(&new)
                .bind::<SqlUuid, _>(life_id)
                .bind::<Text, _>(UNKNOWN)
                .execute(conn)?;
            }
            let all = find(conn)?;
            let of = |key: &str| all.iter().find(|document| document.key == key);
            let found: Vec<_> = owned.iter().filter_map(|(row, owner)| Some((*row, *owner, of(&owner.key)?))).collect();
            let ids = next_delivery_ids(conn, found.len())?;
            // a delivery with unknown content: what is read differs from it, and marks can be applied to it
            sql_query(
                "WITH n AS ( \
                     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[]) \
                         AS n (id, document_id, version, block, record_key, sys_id, target_table) \
                 ), first AS ( \
                     SELECT DISTINCT ON (document_id, block, record_key) * FROM n ORDER BY document_id, block, record_key, id \
                 ), made AS ( \
                     INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
                     SELECT id, document_id, version, block, record_key, 'upsert', $8, '' FROM first \
                 ), audited AS ( \
                     INSERT INTO audit (kind, document_id, version, delivery_id, actor, detail) \
                     SELECT 'looked_up', document_id, version, id, 'tieline', \
                            json_build_object('sys_id', sys_id, 'table', target_table, 'restored', 'the row was there, and the ledger did not know it')::text \
                     FROM first \
                 ) \
                 INSERT INTO record AS r (document_id, block, record_key, sys_id, target_table, version, delivery_id, own_row) \
                 SELECT f.document_id, f.block, f.record_key, f.sys_id, f.target_table, f.version, f.id, \
                        NOT EXISTS (SELECT FROM record o WHERE o.sys_id = f.sys_id AND o.target_table = f.target_table AND o.own_row) \
                 FROM first f ON CONFLICT DO NOTHING",
            )
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<BigInt>, _>(found.iter().map(|one| one.2.id).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(found.iter().map(|one| one.2.version).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.0.block.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.1.record_key.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.0.place.sys_id.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.0.place.target_table.as_str()).collect::<Vec<_>>())
            .bind::<Text, _>(UNKNOWN)
            .execute(conn)?;
            diesel::update(document::table.filter(document::id.eq_any(found.iter().map(|one| one.2.id))))
                .set((document::hash.eq(&b""[..]), document::deleted.eq(false)))
                .execute(conn)?;
            of_flow!(
                "DELETE FROM restored_row r USING unnest($4::text[], $5::text[], $6::text[]) AS n (block, target_table, sys_id) \
                 WHERE r.life = $1 AND r.company = $2 AND r.entity = $3 AND r.block = n.block AND r.target_table = n.target_table AND r.sys_id = n.sys_id",
                (&life, &flow)
            )
            .bind::<Array<Text>, _>(rows.iter().map(|one| one.row.block.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|one| one.row.place.target_table.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|one| one.row.place.sys_id.as_str()).collect::<Vec<_>>())
            .execute(conn)?;
            diesel::update(whole(life, &flow))
                .set(restored_part::unknown.eq(restored_part::unknown + found.len() as i64))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
