//! The end of a sweep: documents that it has not seen are gone from SYSPRO.

use std::sync::LazyLock;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Uuid as SqlUuid};

use super::placeholder::with_placeholders;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::ids::RunId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A document that a sweep has not seen.
#[derive(Debug, Clone, QueryableByName)]
pub struct GoneDocument {
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The hash of its last content.
    #[diesel(sql_type = Binary)]
    pub hash: Vec<u8>,
    /// Its last content, as JSON.
    #[diesel(sql_type = Text)]
    pub content: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    gone: i64,
    #[diesel(sql_type = BigInt)]
    before: i64,
    #[diesel(sql_type = BigInt)]
    known: i64,
}

/// The former state of a document whose content has changed.
#[derive(Debug, Clone, QueryableByName)]
pub struct ChangedDocument {
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Its former content, as JSON.
    #[diesel(sql_type = Text)]
    pub content: String,
}

/// What a sweep has not seen.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// How many records were known before and were not seen.
    pub gone: i64,
    /// How many records were known.
    pub known: i64,
    /// These records, up to the limit; and, not counted, records that were already gone and must be marked again, because the comparison
    /// after a restore found their rows different.
    pub documents: Vec<GoneDocument>,
    /// Placeholders for rows that could not be told apart, and that the sweep has not returned.
    pub rows: Vec<GoneDocument>,
}

fn unseen(conn: &mut Conn, flow: &FlowId, run: RunId, limit: i64) -> Tx<Vec<GoneDocument>> {
    let sql = "SELECT d.key, d.hash, coalesce(whole.content, v.content) AS content \
               FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
               LEFT JOIN LATERAL (SELECT w.content FROM version w WHERE v.content LIKE '%\"$faults\":%' AND w.document_id = d.id \
               AND w.content NOT LIKE '%\"$faults\":%' ORDER BY w.version DESC LIMIT 1) whole ON true \
               WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND NOT {stands_for_a_row} \
               AND NOT EXISTS (SELECT 1 FROM sweep_seen s WHERE s.run_id = $3 AND s.document_id = d.id) ORDER BY d.key LIMIT $4";
    let found = sql_query(with_placeholders(sql))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .bind::<SqlUuid, _>(run.0)
        .bind::<BigInt, _>(limit);
    Ok(found.load(conn)?)
}

fn unseen_rows(conn: &mut Conn, flow: &FlowId, run: RunId) -> Tx<Vec<GoneDocument>> {
    let sql = "SELECT d.key, d.hash, v.content FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
               WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND {stands_for_a_row} \
               AND NOT EXISTS (SELECT 1 FROM sweep_seen s WHERE s.run_id = $3 AND s.document_id = d.id) ORDER BY d.key";
    let found = sql_query(with_placeholders(sql))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .bind::<SqlUuid, _>(run.0);
    Ok(found.load(conn)?)
}

impl Store {
    /// The end of a sweep, and the end of what it noted: the records and rows that it has not seen.
    ///
    /// The content of a record is the last one that could become a record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_end(&self, flow: FlowId, run: RunId, limit: i64) -> Result<Unseen, StoreError> {
        self.run("list what a sweep has not seen", move |conn| {
            let count: Vec<Count> = sql_query(with_placeholders(
                // records that were gone before the comparison after a restore, and only have to be marked again, are not newly gone
                "SELECT count(*) FILTER (WHERE u.unseen AND NOT b.before) AS gone, count(*) FILTER (WHERE b.before) AS before, count(*) AS known \
                 FROM document d \
                 CROSS JOIN LATERAL (SELECT NOT EXISTS (SELECT 1 FROM sweep_seen s WHERE s.run_id = $3 AND s.document_id = d.id) AS unseen OFFSET 0) u \
                 CROSS JOIN LATERAL (SELECT CASE WHEN u.unseen THEN EXISTS (SELECT FROM version v \
                                            WHERE v.document_id = d.id AND v.version = d.version AND v.deleted) ELSE false END AS before OFFSET 0) b \
                 WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND NOT {stands_for_a_row}",
            ))
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<SqlUuid, _>(run.0)
            .load(conn)?;
            let (gone, before, known) = count.first().map_or((0, 0, 0), |row| (row.gone, row.before, row.known));
            let documents = if gone + before > 0 { unseen(conn, &flow, run, limit.saturating_add(before))? } else { Vec::new() };
            let rows = unseen_rows(conn, &flow, run)?;
            // also what an interrupted sweep has seen
            sql_query("DELETE FROM sweep_seen s WHERE s.run_id = $1 OR EXISTS (SELECT 1 FROM run r WHERE r.id = s.run_id AND r.ended_at IS NOT NULL)")
                .bind::<SqlUuid, _>(run.0)
                .execute(conn)?;
            Ok(Unseen { gone, known: known - before, documents, rows })
        })
        .await
    }

    /// The keys of the newest records of a flow, out of the last ones stored, so that the cost of the query does not depend on their
    /// number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn document_newest(&self, flow: FlowId, limit: i64) -> Result<Vec<String>, StoreError> {
        #[derive(QueryableByName)]
        struct Key {
            #[diesel(sql_type = Text)]
            key: String,
        }
        static SQL: LazyLock<String> = LazyLock::new(|| {
            with_placeholders(
                "SELECT d.key FROM (SELECT * FROM document ORDER BY id DESC LIMIT 5000) d \
                 WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND NOT {stands_for_a_row} ORDER BY d.id DESC LIMIT $3",
            )
        });
        self.run_single("list the newest records", move |conn| {
            let rows: Vec<Key> = prepared(&SQL)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<BigInt, _>(limit)
                .load(conn)?;
            Ok(rows.into_iter().map(|row| row.key).collect())
        })
        .await
    }

    /// Placeholders for rows of this flow's own table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn row_placeholders(&self, flow: FlowId) -> Result<Vec<String>, StoreError> {
        self.run("list the placeholders of rows", move |conn| {
            #[derive(QueryableByName)]
            struct Key {
                #[diesel(sql_type = Text)]
                key: String,
            }
            let sql = "SELECT d.key FROM document d WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted AND {stands_for_a_row}";
            let rows: Vec<Key> = sql_query(with_placeholders(sql))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .load(conn)?;
            Ok(rows.into_iter().map(|row| row.key).collect())
        })
        .await
    }

    /// Out of these documents (key and hash), the stored ones whose content differs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn document_changed(&self, flow: FlowId, documents: Vec<(String, [u8; 32])>) -> Result<Vec<ChangedDocument>, StoreError> {
        self.run_hot("list what changes", move |conn| {
            let (keys, hashes): (Vec<String>, Vec<Vec<u8>>) = documents.into_iter().map(|(key, hash)| (key, hash.to_vec())).unzip();
            let changed = prepared(
                // from the keys to the documents: the plan from the documents of the flow to the keys costs their product
                "SELECT d.key, v.content FROM unnest($3::text[], $4::bytea[]) AS n (key, hash) \
                 CROSS JOIN LATERAL ( \
                     SELECT d.id, d.key, d.version FROM document d \
                     WHERE d.company = $1 AND d.entity = $2 AND d.key = n.key AND d.hash <> n.hash AND NOT d.deleted LIMIT 1) d \
                 CROSS JOIN LATERAL (SELECT v.content FROM version v WHERE v.document_id = d.id AND v.version = d.version LIMIT 1) v",
            );
            let changed = changed
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys)
                .bind::<Array<Binary>, _>(hashes);
            Ok(changed.load(conn)?)
        })
        .await
    }
}
