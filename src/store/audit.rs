//! The audit: rows written in the transaction of the step, and listed. `sealing` seals them, and `verify` checks them.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;
use serde_json::value::RawValue;

use super::archive::{self, ArchiveReport, RemovedSeal};
use super::seal::COLUMNS;
use super::{Conn, Store, StoreError, Tx, TxError};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::domain::ids::{AuditRowId, BatchId, DeliveryId, DocumentId, RunId};
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
    pub document_id: Option<DocumentId>,
    /// Its version.
    pub version: Option<i32>,
    /// The delivery.
    pub delivery_id: Option<DeliveryId>,
    /// The batch that carried it.
    pub batch_id: Option<BatchId>,
    /// The run.
    pub run_id: Option<RunId>,
    /// Who did it.
    pub actor: String,
    /// Details, as JSON.
    pub detail: Option<String>,
    /// The digest of the version's content, with the event that the version was read.
    pub content: Option<String>,
    /// What lists and sums show of the document, with the events that store it.
    pub measures: Option<String>,
    /// The digest of the fields that were sent, with the event that they arrived.
    pub payload: Option<String>,
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
            content: None,
            measures: None,
            payload: None,
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

/// How many records an event has at most: their rows of the audit have numbers between the event's and the next one's.
const RECORDS: usize = 1000;

/// What the rows of an event have in common.
type Step<'a> = (AuditKind, Option<&'a str>, Option<&'a str>, Option<BatchId>, Option<RunId>, &'a str);

/// One record of an event.
#[derive(Serialize)]
struct EventRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<DocumentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<DeliveryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measures: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a RawValue>,
}

/// Writes any number of rows with one statement. The rows of one step (kind, batch, run, actor, company, entity) are one event.
pub(crate) fn audit_append(conn: &mut Conn, rows: &[NewAudit]) -> Tx<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let events = events(rows);
    let mut documents = Vec::with_capacity(events.len());
    let mut lines = Vec::with_capacity(events.len());
    for (_, rows) in &events {
        let mut ids: Vec<DocumentId> = rows.iter().filter_map(|row| row.document_id).collect();
        ids.sort_unstable();
        ids.dedup();
        documents.push(format!("{{{}}}", ids.iter().map(DocumentId::to_string).collect::<Vec<_>>().join(",")));
        lines.push(line(rows)?);
    }
    prepared(include_str!("sql/event_append.sql"))
        .bind::<Array<Text>, _>(events.iter().map(|(step, _)| step.0.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(events.iter().map(|(step, _)| step.1).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(events.iter().map(|(step, _)| step.2).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(events.iter().map(|(step, _)| step.3).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(events.iter().map(|(step, _)| step.4).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(events.iter().map(|(step, _)| step.5).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(documents)
        .bind::<Array<Integer>, _>(events.iter().map(|(_, rows)| rows.len() as i32).collect::<Vec<_>>())
        .bind::<Array<JsonText>, _>(lines)
        .execute(conn)?;
    Ok(())
}

/// The events of rows, in the order of their first rows.
fn events(rows: &[NewAudit]) -> Vec<(Step<'_>, Vec<&NewAudit>)> {
    let mut events: Vec<(Step<'_>, Vec<&NewAudit>)> = Vec::new();
    let mut open: HashMap<Step<'_>, usize> = HashMap::new();
    for row in rows {
        let step = (row.kind, row.company.as_deref(), row.entity.as_deref(), row.batch_id, row.run_id, row.actor.as_str());
        // most rows follow another one of their step
        if let Some((last, rows)) = events.last_mut()
            && *last == step
            && rows.len() < RECORDS
        {
            rows.push(row);
            continue;
        }
        match open.get(&step).and_then(|place| events.get_mut(*place)) {
            Some((_, rows)) if rows.len() < RECORDS => rows.push(row),
            _ => {
                open.insert(step, events.len());
                events.push((step, vec![row]));
            }
        }
    }
    events
}

/// The records of an event of one row, as a JSON array, for a statement that writes the event itself.
pub(super) fn one_line(row: &NewAudit) -> Tx<String> {
    line(&[row])
}

/// The records of an event as a JSON array.
fn line(rows: &[&NewAudit]) -> Tx<String> {
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let detail = row.detail.as_deref().map(serde_json::from_str).transpose().map_err(not_json)?;
        records.push(EventRecord {
            document_id: row.document_id,
            version: row.version,
            delivery_id: row.delivery_id,
            content: row.content.as_deref(),
            measures: row.measures.as_deref(),
            payload: row.payload.as_deref(),
            detail,
        });
    }
    serde_json::to_string(&records).map_err(not_json)
}

pub(super) fn not_json(error: serde_json::Error) -> TxError {
    TxError::Sql(diesel::result::Error::SerializationError(error.into()))
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
    pub after: AuditRowId,
    /// The most entries to return.
    pub limit: i64,
}

/// A row as it is listed.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditRow {
    /// Ascending, with gaps.
    #[schema(value_type = i64)]
    #[diesel(sql_type = BigInt)]
    pub id: AuditRowId,
    /// The time.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// The kind of event.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The company.
    #[diesel(sql_type = Nullable<Text>)]
    pub company: Option<String>,
    /// The entity.
    #[diesel(sql_type = Nullable<Text>)]
    pub entity: Option<String>,
    /// The document's key.
    #[diesel(sql_type = Nullable<Text>)]
    pub key: Option<String>,
    /// Its version.
    #[diesel(sql_type = Nullable<Integer>)]
    pub version: Option<i32>,
    /// `header` or the child's name.
    #[diesel(sql_type = Nullable<Text>)]
    pub block: Option<String>,
    /// The line's key.
    #[diesel(sql_type = Nullable<Text>)]
    pub record_key: Option<String>,
    /// The delivery.
    #[schema(value_type = Option<i64>)]
    #[diesel(sql_type = Nullable<BigInt>)]
    pub delivery_id: Option<DeliveryId>,
    /// The batch.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub batch_id: Option<BatchId>,
    /// The run.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub run_id: Option<RunId>,
    /// Who did it.
    #[diesel(sql_type = Text)]
    pub actor: String,
    /// Details, as JSON text.
    #[serde(serialize_with = "json_text")]
    #[schema(value_type = serde_json::Value)]
    #[diesel(sql_type = Nullable<Text>)]
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

#[derive(QueryableByName)]
pub(super) struct Sealed {
    #[diesel(sql_type = BigInt)]
    pub(super) rows: i64,
}

#[derive(QueryableByName)]
struct FirstId {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<AuditRowId>,
}

/// Up to which seal retention has removed events, as the newest event about it says.
#[derive(QueryableByName)]
pub(super) struct RemovedUpTo {
    #[diesel(sql_type = BigInt)]
    pub(super) last: i64,
    #[diesel(sql_type = Text)]
    pub(super) hash: String,
}

/// A newer one names a later seal, so that this one may be removed itself.
const REMOVED_UP_TO: &str = "SELECT (e.line::json #>> '{records,0,detail,seals,last}')::bigint AS last, \
     e.line::json #>> '{records,0,detail,seals,hash}' AS hash \
     FROM event e WHERE e.kind = 'retention' AND e.line::json #> '{records,0,detail,seals}' IS NOT NULL \
     AND EXISTS (SELECT FROM audit_seal WHERE removed_at IS NOT NULL) ORDER BY e.id DESC LIMIT 1";

/// The rows of a filter, by their ids, ascending.
const OLDEST_FIRST: &str = concat!(include_str!("sql/audit_rows.sql"), " AND e.id > $7 - 1000 AND a.id > $7 ORDER BY e.id, a.id LIMIT $8");
/// The same, descending.
const NEWEST_FIRST: &str =
    concat!(include_str!("sql/audit_rows.sql"), " AND ($7 = 0 OR e.id < $7 AND a.id < $7) ORDER BY e.id DESC, a.id DESC LIMIT $8");
/// The lowest id among the newest rows of a filter.
const FIRST_OF_NEWEST: &str = concat!(
    "SELECT min(id) AS id FROM (",
    include_str!("sql/audit_rows.sql"),
    " AND a.id > $7 ORDER BY e.id DESC, a.id DESC LIMIT $8) AS newest"
);

/// Runs one of the statements above.
fn chosen<R: QueryableByName<Pg> + 'static>(conn: &mut Conn, sql: &str, filter: AuditFilter) -> Tx<Vec<R>> {
    // with a key, its few events are found first; without one, the events are read in their order until the page is full
    let events = if filter.key.is_some() { include_str!("sql/audit_events_of_key.sql") } else { "event" };
    Ok(sql_query(sql.replace("{events} e", &format!("{events} e")))
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
    pub async fn audit_newest_from(&self, filter: AuditFilter) -> Result<Option<AuditRowId>, StoreError> {
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

    /// Compares the archive files of events in a directory with the seals whose events were removed. The chain itself is checked by
    /// [`Store::audit_verify`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_verify_archive(&self, directory: PathBuf) -> Result<ArchiveReport, StoreError> {
        let mut removed = Vec::new();
        let mut after = 0_i64;
        loop {
            let seals: Vec<RemovedSeal> = self
                .run("verify the audit", move |conn| {
                    let sql = format!(
                        "SELECT {COLUMNS}, s.archive, s.archive_sha256 FROM audit_seal s \
                         WHERE s.removed_at IS NOT NULL AND s.id > $1 ORDER BY s.id LIMIT 1000"
                    );
                    Ok(sql_query(sql).bind::<BigInt, _>(after).load(conn)?)
                })
                .await?;
            let Some(last) = seals.last() else { break };
            after = last.stored.id;
            removed.extend(seals);
        }
        let what = "verify the audit";
        tokio::task::spawn_blocking(move || archive::check(&directory, &removed)).await.map_err(|_| StoreError::Panicked { what })
    }

    pub(super) async fn removed_up_to(&self) -> Result<Option<RemovedUpTo>, StoreError> {
        self.run("verify the audit", |conn| Ok(sql_query(REMOVED_UP_TO).get_result(conn).optional()?)).await
    }
}
