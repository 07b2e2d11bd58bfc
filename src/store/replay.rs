//! What a person asks to be sent again: the stored content of documents, to be mapped anew.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::failure::with_cause;
use super::{Store, StoreError};
use crate::store::text::Text;

/// Which documents.
#[derive(Debug, Clone, Default)]
pub struct ReplayScope {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this key.
    pub key: Option<String>,
    /// Only documents that this run read anew.
    pub run: Option<Uuid>,
    /// Only documents with a parked delivery.
    pub failed_only: bool,
    /// Only documents whose newest version was read from this instant on.
    pub since: Option<DateTime<Utc>>,
    /// Only documents whose newest version was read before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only documents of which something is parked for this reason.
    pub reason: Option<String>,
    /// Only documents of which something is parked with this text in the system's words.
    pub text: Option<String>,
    /// Only documents of which something is parked for this cause, by its name.
    pub cause: Option<String>,
    /// Only documents with one of these keys; none: whatever their keys.
    pub keys: Vec<String>,
}

impl ReplayScope {
    /// Whether it names anything at all: one that does not would send everything again.
    pub fn is_limited(&self) -> bool {
        let Self { company, entity, key, run, failed_only, since, until, reason, text, cause, keys } = self;
        let texts = [company, entity, key, reason, text, cause].into_iter().any(Option::is_some);
        texts || !keys.is_empty() || run.is_some() || *failed_only || since.is_some() || until.is_some()
    }

    /// Whether only documents with something parked are in it: a reason, a text or a cause is one of something parked.
    fn is_of_parked(&self) -> bool {
        self.failed_only || self.reason.is_some() || self.text.is_some() || self.cause.is_some()
    }
}

/// A document as it was last read.
#[derive(Debug, Clone, QueryableByName)]
pub struct StoredDocument {
    /// Its number, ascending, for paging.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The hash of its content.
    #[diesel(sql_type = Binary)]
    pub hash: Vec<u8>,
    /// Its content, as JSON.
    #[diesel(sql_type = Text)]
    pub content: String,
    /// SYSPRO no longer has it.
    #[diesel(sql_type = Bool)]
    pub deleted: bool,
}

impl Store {
    /// The next page of documents in scope, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_page(&self, scope: ReplayScope, after: i64, limit: i64) -> Result<Vec<StoredDocument>, StoreError> {
        self.run("read what is to be sent again", move |conn| {
            // what is parked is a small set: the documents are looked for from there
            let parked = if scope.is_of_parked() {
                "AND d.id IN (SELECT p.document_id FROM pending p WHERE p.state = 'parked' AND ($8 IS NULL OR p.reason = $8) \
                              AND ($9 IS NULL OR p.message ILIKE '%' || $9 || '%') AND ($10 IS NULL OR {cause} = $10))"
            } else {
                "AND $8 IS NULL AND $9 IS NULL AND $10 IS NULL"
            };
            let sql = "SELECT d.id, d.company, d.entity, d.key, d.hash, v.content, d.deleted \
                       FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
                       WHERE d.id > $1 AND ($2 IS NULL OR d.company = $2) AND ($3 IS NULL OR d.entity = $3) AND ($4 IS NULL OR d.key = $4) \
                       AND {run} \
                       AND ($6 IS NULL OR v.read_at >= $6) AND ($7 IS NULL OR v.read_at < $7) \
                       AND (cardinality($11::text[]) = 0 OR d.key = ANY($11)) {parked} ORDER BY d.id LIMIT $12";
            let run = if scope.run.is_some() {
                "d.id IN (WITH r AS MATERIALIZED (SELECT document_id FROM version WHERE run_id = $5) SELECT document_id FROM r)"
            } else {
                "$5 IS NULL"
            };
            Ok(sql_query(with_cause(&sql.replace("{parked}", parked).replace("{run}", run)))
                .bind::<BigInt, _>(after)
                .bind::<Nullable<Text>, _>(scope.company)
                .bind::<Nullable<Text>, _>(scope.entity)
                .bind::<Nullable<Text>, _>(scope.key)
                .bind::<Nullable<SqlUuid>, _>(scope.run)
                .bind::<Nullable<Timestamptz>, _>(scope.since)
                .bind::<Nullable<Timestamptz>, _>(scope.until)
                .bind::<Nullable<Text>, _>(scope.reason)
                .bind::<Nullable<Text>, _>(scope.text)
                .bind::<Nullable<Text>, _>(scope.cause)
                .bind::<Array<Text>, _>(scope.keys)
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }
}
