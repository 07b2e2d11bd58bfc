//! The end of a sweep: what it has not seen is gone from SYSPRO.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Uuid as SqlUuid};

use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::domain::run::RunId;
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
    count: i64,
}

impl Store {
    /// Documents known before this run that it has not seen, up to `limit`, and how many there are in all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_gone(&self, flow: FlowId, run: RunId, limit: i64) -> Result<(i64, Vec<GoneDocument>), StoreError> {
        self.run("list what a sweep has not seen", move |conn| {
            let count: Vec<Count> = sql_query(
                "SELECT count(*) AS count FROM document d WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted \
                 AND NOT EXISTS (SELECT 1 FROM sweep_seen s WHERE s.run_id = $3 AND s.document_id = d.id)",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<SqlUuid, _>(run.0)
            .load(conn)?;
            let gone = sql_query(
                "SELECT d.key, d.hash, v.content FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
                 WHERE d.company = $1 AND d.entity = $2 AND NOT d.deleted \
                 AND NOT EXISTS (SELECT 1 FROM sweep_seen s WHERE s.run_id = $3 AND s.document_id = d.id) ORDER BY d.key LIMIT $4",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<SqlUuid, _>(run.0)
            .bind::<BigInt, _>(limit)
            .load(conn)?;
            Ok((count.first().map_or(0, |row| row.count), gone))
        })
        .await
    }

    /// Forgets what a sweep has seen, this one and any that was cut off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_forget(&self, run: RunId) -> Result<(), StoreError> {
        self.run("forget a sweep", move |conn| {
            sql_query("DELETE FROM sweep_seen s WHERE s.run_id = $1 OR EXISTS (SELECT 1 FROM run r WHERE r.id = s.run_id AND r.ended_at IS NOT NULL)")
                .bind::<SqlUuid, _>(run.0)
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
