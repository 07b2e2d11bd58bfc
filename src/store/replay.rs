//! Stored documents that a person wants to map and send again.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Timestamptz, Uuid as SqlUuid};

use super::approved::ApprovedUse;
use super::clock::now;
use super::failure::with_cause;
use super::{Store, StoreError};
use crate::domain::ids::{DocumentId, RunId};
use crate::domain::resent::{ResentState, ResentWord};
use crate::domain::{DocumentKey, FlowId};
use crate::store::prepared::prepared;
use crate::store::text::{Text, in_pattern};

/// Selects documents.
#[derive(Debug, Clone, Default)]
pub struct ReplayScope {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this key.
    pub key: Option<String>,
    /// Only documents that this run read.
    pub run: Option<RunId>,
    /// Only documents with a part that failed, waits for a parent or is on hold.
    pub failed_only: bool,
    /// Only documents whose newest version was read at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only documents whose newest version was read before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only documents with a part that failed, waits or is on hold for this reason.
    pub reason: Option<String>,
    /// Only documents with a failed part whose message contains this text.
    pub text: Option<String>,
    /// Only documents with a part that failed for this cause, by its name.
    pub cause: Option<String>,
    /// Only documents with one of these keys; empty: any key.
    pub keys: Vec<String>,
    /// Only documents that this approval is for, in the versions that it is for.
    pub approval: Option<ApprovedUse>,
}

impl ReplayScope {
    /// Whether it has any filter: without one, everything would be sent again.
    pub fn is_limited(&self) -> bool {
        let Self { company, entity, key, run, failed_only, since, until, reason, text, cause, keys, approval: _ } = self;
        let texts = [company, entity, key, reason, text, cause].into_iter().any(Option::is_some);
        texts || !keys.is_empty() || run.is_some() || *failed_only || since.is_some() || until.is_some()
    }

    /// The key, if nothing but the flow and the key is given: then an empty result means that no such record was ever read.
    pub fn by_key_alone(&self) -> Option<&str> {
        let Self { company: _, entity: _, key, run, failed_only, since, until, reason, text, cause, keys, approval: _ } = self;
        let more = run.is_some() || *failed_only || since.is_some() || until.is_some() || !keys.is_empty();
        let texts = [reason, text, cause].into_iter().any(Option::is_some);
        key.as_deref().filter(|_| !more && !texts)
    }

    /// Whether it contains only documents with a part that failed, waits or is on hold: a reason, a text or a cause implies this.
    fn is_of_outstanding(&self) -> bool {
        self.failed_only || self.reason.is_some() || self.text.is_some() || self.cause.is_some()
    }
}

/// A document as last read.
#[derive(Debug, Clone, QueryableByName)]
pub struct StoredDocument {
    /// Its number, ascending, for paging.
    #[diesel(sql_type = BigInt)]
    pub id: DocumentId,
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
    /// The message of its failure, if it has one.
    #[diesel(sql_type = Nullable<Text>)]
    pub failed: Option<String>,
}

/// A document that a person wants to release, in its state before that.
#[derive(Debug, Clone, QueryableByName)]
pub struct BeforeRelease {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub id: DocumentId,
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The message of its failure, if it has one.
    #[diesel(sql_type = Nullable<Text>)]
    pub failed: Option<String>,
}

#[derive(QueryableByName)]
struct ResentRow {
    #[diesel(sql_type = BigInt)]
    id: DocumentId,
    #[diesel(sql_type = Text)]
    state: ResentWord,
    #[diesel(sql_type = Nullable<Text>)]
    message: Option<String>,
}

impl Store {
    /// The states of documents that were sent again since this time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn resent(&self, ids: Vec<DocumentId>, since: DateTime<Utc>) -> Result<Vec<(DocumentId, ResentState)>, StoreError> {
        self.run_hot("read what became of a replay", move |conn| {
            let rows: Vec<ResentRow> =
                prepared(include_str!("sql/resent.sql")).bind::<Array<BigInt>, _>(ids).bind::<Timestamptz, _>(since).load(conn)?;
            Ok(rows.into_iter().map(|row| (row.id, row.state.state(row.message))).collect())
        })
        .await
    }

    /// The documents with these keys, with the messages of their failures, and the ledger's time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn before_release(&self, flow: FlowId, keys: Vec<String>) -> Result<(Vec<BeforeRelease>, DateTime<Utc>), StoreError> {
        self.run("read what is to be released", move |conn| {
            let rows = sql_query(
                "SELECT d.id, d.key, (SELECT min(p.message) FROM pending p WHERE p.document_id = d.id AND p.state = 'failed') AS failed \
                 FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = ANY($3)",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Array<Text>, _>(keys)
            .load(conn)?;
            Ok((rows, now(conn)?))
        })
        .await
    }

    /// The ledger's time, to find later what happened after it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        self.run("tell the time", now).await
    }

    /// The next page of documents in scope that belong to one of these companies, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_page(
        &self,
        scope: ReplayScope,
        companies: Vec<String>,
        after: DocumentId,
        limit: i64,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        self.run("read what is to be sent again", move |conn| {
            let page = "SELECT d.id, d.company, d.entity, d.key, d.hash, v.content, d.deleted, \
                        (SELECT min(p.message) FROM pending p WHERE p.document_id = d.id AND p.state = 'failed') AS failed \
                        {records} ORDER BY d.id LIMIT $14";
            Ok(in_scope(page, scope, companies, after).bind::<BigInt, _>(limit).load(conn)?)
        })
        .await
    }
}

/// A statement with `{records}` replaced by the rows of `document d` and `version v` in scope, after this document. The next parameter is
/// `$14`.
pub(super) fn in_scope(
    statement: &str,
    scope: ReplayScope,
    companies: Vec<String>,
    after: DocumentId,
) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
    // outstanding records are few: the documents are found through them
    let outstanding = if scope.is_of_outstanding() {
        "AND d.id IN (SELECT p.document_id FROM pending p WHERE p.own_state IN ('failed', 'waiting', 'on_hold') AND ($8 IS NULL OR p.reason = $8) \
                      AND ($9 IS NULL OR p.message ILIKE '%' || $9 || '%') AND ($10 IS NULL OR {cause} = $10))"
    } else {
        "AND $8 IS NULL AND $9 IS NULL AND $10 IS NULL"
    };
    let run = if scope.run.is_some() {
        "d.id IN (WITH r AS MATERIALIZED (SELECT document_id FROM version WHERE run_id = $5) SELECT document_id FROM r)"
    } else {
        "$5 IS NULL"
    };
    // only what was approved, as it was then
    let approved = if scope.approval.is_some() {
        "EXISTS (SELECT FROM approval_record a WHERE a.approval_id = $13 AND a.document_id = d.id AND a.version = d.version)"
    } else {
        "$13 IS NULL"
    };
    // the content of a row that was adopted after a restore is not known until it has been read
    let records = "FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version AND v.hash <> '' \
                   WHERE d.id > $1 AND d.company = ANY($12) AND ($2 IS NULL OR d.company = $2) AND ($3 IS NULL OR d.entity = $3) AND ($4 IS NULL OR d.key = $4) \
                   AND {run} \
                   AND ($6 IS NULL OR v.read_at >= $6) AND ($7 IS NULL OR v.read_at < $7) \
                   AND (cardinality($11::text[]) = 0 OR d.key = ANY($11)) AND {approved} {outstanding}";
    let sql =
        statement.replace("{records}", records).replace("{outstanding}", outstanding).replace("{run}", run).replace("{approved}", approved);
    sql_query(with_cause(&sql))
        .into_boxed()
        .bind::<BigInt, _>(after)
        .bind::<Nullable<Text>, _>(scope.company)
        .bind::<Nullable<Text>, _>(scope.entity)
        .bind::<Nullable<Text>, _>(scope.key.map(|key| String::from(DocumentKey::typed(&key))))
        .bind::<Nullable<SqlUuid>, _>(scope.run)
        .bind::<Nullable<Timestamptz>, _>(scope.since)
        .bind::<Nullable<Timestamptz>, _>(scope.until)
        .bind::<Nullable<Text>, _>(scope.reason)
        .bind::<Nullable<Text>, _>(scope.text.as_deref().map(in_pattern))
        .bind::<Nullable<Text>, _>(scope.cause)
        .bind::<Array<Text>, _>(scope.keys.iter().map(|key| String::from(DocumentKey::typed(key))).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(companies)
        .bind::<Nullable<BigInt>, _>(scope.approval.map(|used| used.approval))
}
