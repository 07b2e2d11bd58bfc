//! The audit: rows written in the transaction of the step, listed, and sealed into a chain.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;
use uuid::Uuid;

use super::schema::audit;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::store::prepared::prepared;
use crate::store::text::{JsonText, Text};

/// Taken before a seal is written and before a new life of the ledger starts: only one of them at a time.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(7594890411331347045)";

/// A row to write.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// What happened.
    pub kind: AuditKind,
    /// The company, for events without a document.
    pub company: Option<String>,
    /// The entity, for events without a document.
    pub entity: Option<String>,
    /// The document.
    pub document_id: Option<i64>,
    /// Its version.
    pub version: Option<i32>,
    /// The delivery.
    pub delivery_id: Option<i64>,
    /// The batch that carried it.
    pub batch_id: Option<Uuid>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// Who did it.
    pub actor: String,
    /// Details, as JSON.
    pub detail: Option<String>,
}

impl NewAudit {
    /// An event of the service itself.
    pub fn of(kind: AuditKind) -> Self {
        Self {
            kind,
            company: None,
            entity: None,
            document_id: None,
            version: None,
            delivery_id: None,
            batch_id: None,
            run_id: None,
            actor: "tieline".into(),
            detail: None,
        }
    }

    /// With details.
    pub fn detail(mut self, detail: &serde_json::Value) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
}

/// See [`Store::audit_newest`].
pub(super) fn newest(conn: &mut Conn, filter: AuditFilter) -> Tx<Vec<AuditRow>> {
    chosen(conn, NEWEST_FIRST, filter)
}

/// Writes any number of rows with one statement.
pub(crate) fn audit_append(conn: &mut Conn, rows: &[NewAudit]) -> Tx<()> {
    if rows.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/audit_append.sql"))
        .bind::<Array<Text>, _>(rows.iter().map(|r| r.kind.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|r| r.company.as_deref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|r| r.entity.as_deref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|r| r.document_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|r| r.version).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|r| r.delivery_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|r| r.batch_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|r| r.run_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|r| r.actor.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<JsonText>>, _>(rows.iter().map(|r| r.detail.as_deref()).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this document key.
    pub key: Option<String>,
    /// Only this kind.
    pub kind: Option<AuditKind>,
    /// Only from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only rows after this id, for paging.
    pub after: i64,
    /// The most entries to return.
    pub limit: i64,
}

/// A row as it is listed.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[diesel(table_name = audit, check_for_backend(Pg))]
#[schema(as = AuditEntry)]
pub struct AuditRow {
    /// Ascending, with gaps.
    pub id: i64,
    /// The time.
    pub at: DateTime<Utc>,
    /// The kind of event.
    pub kind: String,
    /// The company.
    pub company: Option<String>,
    /// The entity.
    pub entity: Option<String>,
    /// The document's key.
    #[diesel(sql_type = Nullable<Text>)]
    pub key: Option<String>,
    /// Its version.
    pub version: Option<i32>,
    /// `header` or the child's name.
    #[diesel(sql_type = Nullable<Text>)]
    pub block: Option<String>,
    /// The line's key.
    #[diesel(sql_type = Nullable<Text>)]
    pub record_key: Option<String>,
    /// The delivery.
    pub delivery_id: Option<i64>,
    /// The batch.
    pub batch_id: Option<Uuid>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// Who did it.
    pub actor: String,
    /// Details, as JSON text.
    #[serde(serialize_with = "json_text")]
    #[schema(value_type = serde_json::Value)]
    pub detail: Option<String>,
}

/// Inserts JSON text as JSON, and not as a string.
fn json_text<S: serde::Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text.as_deref().map(|text| serde_json::value::RawValue::from_string(text.to_owned())) {
        Some(Ok(raw)) => raw.serialize(serializer),
        Some(Err(_)) => serializer.serialize_some(text),
        None => serializer.serialize_none(),
    }
}

/// What a check of the chain found.
#[derive(Debug, Clone, Serialize)]
pub struct SealReport {
    /// Seals in the chain.
    pub seals: i64,
    /// Rows covered by them.
    pub rows: i64,
    /// Rows without a seal: a change of them cannot be detected.
    pub unsealed: i64,
    /// The id of the first seal that does not match its rows.
    pub broken_at: Option<i64>,
}

#[derive(QueryableByName)]
struct Sealed {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct FirstId {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

#[derive(QueryableByName)]
struct SealCheck {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Binary)]
    previous: Vec<u8>,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = Binary)]
    recomputed: Vec<u8>,
}

/// The rows of a filter, by their ids, ascending.
const OLDEST_FIRST: &str = concat!(include_str!("sql/audit_rows.sql"), " AND a.id > $7 ORDER BY a.id LIMIT $8");
/// The same, descending.
const NEWEST_FIRST: &str = concat!(include_str!("sql/audit_rows.sql"), " AND ($7 = 0 OR a.id < $7) ORDER BY a.id DESC LIMIT $8");
/// The lowest id among the newest rows of a filter.
const FIRST_OF_NEWEST: &str =
    concat!("SELECT min(id) AS id FROM (", include_str!("sql/audit_rows.sql"), " AND a.id > $7 ORDER BY a.id DESC LIMIT $8) AS newest");

/// Runs one of the statements above.
fn chosen<R: QueryableByName<Pg> + 'static>(conn: &mut Conn, sql: &str, filter: AuditFilter) -> Tx<Vec<R>> {
    Ok(sql_query(sql)
        .bind::<Nullable<Text>, _>(filter.company)
        .bind::<Nullable<Text>, _>(filter.entity)
        .bind::<Nullable<Text>, _>(filter.key.map(|key| String::from(DocumentKey::typed(&key))))
        .bind::<Nullable<Text>, _>(filter.kind.map(|kind| kind.as_str()))
        .bind::<Nullable<Timestamptz>, _>(filter.since)
        .bind::<Nullable<Timestamptz>, _>(filter.until)
        .bind::<BigInt, _>(filter.after)
        .bind::<BigInt, _>(filter.limit)
        .load(conn)?)
}

impl Store {
    /// Rows in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_list(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.run("list the audit", move |conn| chosen(conn, OLDEST_FIRST, filter)).await
    }

    /// Rows, newest first; a page starts before the id `filter.after`, 0 for the first page.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_newest(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.run("list the audit", move |conn| newest(conn, filter)).await
    }

    /// The lowest id of the newest `filter.limit` rows, from which they can be listed page by page; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_newest_from(&self, filter: AuditFilter) -> Result<Option<i64>, StoreError> {
        self.run("find the newest audit rows", move |conn| {
            let rows: Vec<FirstId> = chosen(conn, FIRST_OF_NEWEST, filter)?;
            Ok(rows.first().and_then(|row| row.id))
        })
        .await
    }

    /// Writes one event that belongs to no other transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_write(&self, row: NewAudit) -> Result<(), StoreError> {
        self.run("write an audit row", move |conn| audit_append(conn, &[row])).await
    }

    /// Seals the rows of all transactions that have ended; answers the number of rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_seal(&self) -> Result<i64, StoreError> {
        self.run("seal the audit", |conn| {
            sql_query(LOCK).execute(conn)?;
            let rows: Vec<Sealed> = prepared(include_str!("sql/audit_seal.sql")).load(conn)?;
            Ok(rows.first().map_or(0, |row| row.rows))
        })
        .await
    }

    /// Recomputes the chain, some seals per transaction, so that a long chain does not exceed the time limit of a call. Seals are only ever
    /// added, so the parts fit together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_verify(&self) -> Result<SealReport, StoreError> {
        let mut report = SealReport { seals: 0, rows: 0, unsealed: 0, broken_at: None };
        let mut previous = vec![0_u8; 32];
        let mut after = 0_i64;
        loop {
            let seals: Vec<SealCheck> = self
                .run("verify the audit", move |conn| {
                    Ok(sql_query(include_str!("sql/audit_verify.sql")).bind::<BigInt, _>(after).load(conn)?)
                })
                .await?;
            let Some(last) = seals.last() else { break };
            after = last.id;
            for seal in seals {
                report.seals += 1;
                report.rows += seal.rows;
                if report.broken_at.is_none() && (seal.previous != previous || seal.hash != seal.recomputed) {
                    report.broken_at = Some(seal.id);
                }
                previous = seal.hash;
            }
        }
        report.unsealed = self
            .run("count what is not sealed", |conn| {
                let last: Sealed = sql_query(include_str!("sql/audit_unsealed.sql")).bind::<BigInt, _>(i64::MAX).get_result(conn)?;
                // a row with a life that does not exist was inserted by hand, and no seal will ever cover it
                let strange: Sealed =
                    sql_query("SELECT count(*) AS rows FROM audit WHERE life NOT IN (SELECT number FROM ledger_life)").get_result(conn)?;
                Ok(last.rows + strange.rows)
            })
            .await?;
        Ok(report)
    }
}
