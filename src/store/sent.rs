//! What was sent of one record: each delivery with its fields, the definition in force for it, and its attempts as the audit has them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};

use super::replay::StoredDocument;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::DocumentKey;
use crate::domain::delivery::DeliveryAction;
use crate::domain::ids::{BatchId, DeliveryId, RunId};
use crate::store::text::Text;

/// The most events of the audit that a page reads before, and after, its oldest delivery was queued.
const EVENTS: i64 = 2_000;
/// The most attempts of one delivery: the newest.
const ATTEMPTS: i64 = 50;

/// Selects deliveries of one record.
#[derive(Debug, Clone)]
pub struct SentFilter {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The key, as a person types it.
    pub key: String,
    /// Only this version.
    pub version: Option<i32>,
    /// Only this part: `header`, `lines`, or `lines` with a blank and the key of one line.
    pub part: Option<String>,
    /// Only deliveries before this one; 0: from the newest on.
    pub before: DeliveryId,
    /// The most deliveries of a page.
    pub limit: i64,
}

/// A delivery as the ledger keeps it.
#[derive(Debug, Clone, QueryableByName)]
pub struct KeptDelivery {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// The version that it carries.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// `header` or the child's name.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// What it does.
    #[diesel(sql_type = Text)]
    pub action: DeliveryAction,
    /// When it was queued.
    #[diesel(sql_type = Timestamptz)]
    pub queued_at: DateTime<Utc>,
    /// The run that queued it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub run_id: Option<RunId>,
    /// The fields as they were stored, as JSON text.
    #[diesel(sql_type = Text)]
    pub payload: String,
    /// References by sys_id, as JSON text.
    #[diesel(sql_type = Nullable<Text>)]
    pub refs: Option<String>,
    /// The number of the mapping that made the fields; `None`: before the ledger kept it.
    #[diesel(sql_type = Nullable<Integer>)]
    pub mapping: Option<i32>,
    /// Its hash; empty: before the ledger kept it.
    #[diesel(sql_type = Nullable<Text>)]
    pub mapping_hash: Option<String>,
    /// The definition of its run.
    #[diesel(sql_type = Nullable<Integer>)]
    pub definition: Option<i32>,
    /// The hash of that definition.
    #[diesel(sql_type = Nullable<Text>)]
    pub definition_hash: Option<String>,
    /// The definitions that map the flow in the same way, and were known when it was queued.
    #[diesel(sql_type = Array<Integer>)]
    pub alike: Vec<i32>,
    /// Its state while it is not delivered.
    #[diesel(sql_type = Nullable<Text>)]
    pub state: Option<String>,
}

/// What the audit has of a delivery: an attempt and its outcome, or why it was not sent.
#[derive(Debug, Clone, QueryableByName)]
pub struct AuditedAttempt {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// Its version.
    #[diesel(sql_type = Nullable<Integer>)]
    pub version: Option<i32>,
    /// When the outcome was stored.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// When the batch was about to be sent; `None`: it had no batch, or the audit has it too far away.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub began_at: Option<DateTime<Utc>>,
    /// Whether the batch looked records up instead of sending them; `None` as for `began_at`.
    #[diesel(sql_type = Nullable<Bool>)]
    pub look_up: Option<bool>,
    /// The batch; `None`: it was not sent.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub batch_id: Option<BatchId>,
    /// The kind of the audit row.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its details, as JSON text.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// All rows of the delivery that were found, those that are left out included.
    #[diesel(sql_type = BigInt)]
    pub attempts: i64,
    /// Whether there are more events than were read.
    #[diesel(sql_type = Bool)]
    pub cut: bool,
}

/// A version of which deliveries are on the page.
#[derive(Debug, Clone, QueryableByName)]
pub struct SentVersion {
    /// Its number.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// What was read.
    #[diesel(embed)]
    pub stored: StoredDocument,
}

/// A page of what was sent of a record.
#[derive(Debug, Clone)]
pub struct SentPage {
    /// The key as the ledger has it.
    pub key: String,
    /// The number of its newest version.
    pub newest: i32,
    /// Its deliveries, the newest first: one more than the limit, if there are more.
    pub deliveries: Vec<KeptDelivery>,
    /// What the audit has of them, and on the last page of deliveries that retention has removed: oldest first for each delivery.
    pub attempts: Vec<AuditedAttempt>,
    /// The versions of the page that the ledger still has; with a filter, also that one.
    pub versions: Vec<SentVersion>,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
}

const KNOWN: &str = "SELECT d.id, d.version FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = $3";

const VERSIONS: &str = "SELECT v.version, d.id, d.company, d.entity, d.key, v.hash, v.content, v.deleted, NULL::text AS failed \
     FROM document d JOIN version v ON v.document_id = d.id WHERE d.id = $1 AND v.version = ANY ($2)";

fn attempts(conn: &mut Conn, filter: &SentFilter, key: &str, page: &[KeptDelivery], last: bool) -> Tx<Vec<AuditedAttempt>> {
    // the part of a removed delivery is not known any more
    let removed = last && filter.part.is_none();
    let since = page.last().map(|oldest| oldest.queued_at);
    // without a delivery on the page, every event is before it
    let sql = include_str!("sql/sent_attempts.sql").replace("$5", "coalesce($5, 'infinity'::timestamptz)");
    Ok(sql_query(sql)
        .bind::<Text, _>(&filter.company)
        .bind::<Text, _>(&filter.entity)
        .bind::<Text, _>(key)
        .bind::<Array<BigInt>, _>(page.iter().map(|delivery| delivery.delivery_id).collect::<Vec<_>>())
        .bind::<Nullable<Timestamptz>, _>(since)
        .bind::<Bool, _>(removed)
        .bind::<BigInt, _>(EVENTS)
        .bind::<BigInt, _>(ATTEMPTS)
        .bind::<BigInt, _>(filter.before)
        .bind::<Nullable<Integer>, _>(filter.version)
        .load(conn)?)
}

impl Store {
    /// A page of what was sent of a record; `None` for one that was never read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_sent(&self, filter: SentFilter) -> Result<Option<SentPage>, StoreError> {
        let key = String::from(DocumentKey::typed(&filter.key));
        self.run("read what was sent of a record", move |conn| {
            let known: Option<Known> = sql_query(KNOWN)
                .bind::<Text, _>(&filter.company)
                .bind::<Text, _>(&filter.entity)
                .bind::<Text, _>(&key)
                .get_result(conn)
                .optional()?;
            let Some(known) = known else { return Ok(None) };
            let deliveries: Vec<KeptDelivery> = sql_query(include_str!("sql/sent_deliveries.sql"))
                .bind::<Text, _>(&filter.company)
                .bind::<Text, _>(&filter.entity)
                .bind::<Text, _>(&key)
                .bind::<Nullable<Integer>, _>(filter.version)
                .bind::<Nullable<Text>, _>(&filter.part)
                .bind::<BigInt, _>(filter.before)
                .bind::<BigInt, _>(filter.limit + 1)
                .load(conn)?;
            let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
            let last = deliveries.len() <= limit;
            let shown = deliveries.get(..limit).unwrap_or(&deliveries);
            let attempts = attempts(conn, &filter, &key, shown, last)?;
            let mut numbers: Vec<i32> = shown.iter().map(|delivery| delivery.version).chain(filter.version).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let versions = sql_query(VERSIONS).bind::<BigInt, _>(known.id).bind::<Array<Integer>, _>(numbers).load(conn)?;
            Ok(Some(SentPage { newest: known.version, key, deliveries, attempts, versions }))
        })
        .await
    }
}
