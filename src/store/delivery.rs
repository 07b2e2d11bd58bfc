//! Deliveries to be sent: claimed in batches; the intent is committed before the request is sent.

use std::sync::LazyLock;
use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Double, Integer, Nullable, Uuid as SqlUuid};
use serde::Serialize;

use super::definition::{SetNumber, definition_assert};
use super::schema::{pending, record};
use super::{Conn, Node, Store, StoreError, Tx};
use crate::domain::delivery::{Attempt, DeliveryState};
use crate::domain::ids::{BatchId, DeliveryId, DocumentId, RunId};
use crate::domain::next_step::NextStep;
use crate::domain::{CompanyId, DocumentKey, FlowId, RecordRef};
use crate::store::prepared::prepared;
use crate::store::text::{Text, text};

/// The reason of a delivery that was sent, had no usable answer, is not in ServiceNow, and is due again.
pub const UNANSWERED: &str = "unanswered";

/// Which batches certainly have no sender any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Batches whose lease has expired.
    Expired,
    /// Also those of earlier processes of this node: none of them can be alive.
    PastLives,
    /// Also those of this process: its Writer has just been restarted, and its requests were dropped.
    ThisWriter,
}

/// The queue of one target table: its deliveries are sent in the same batches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Queue {
    /// The entity.
    pub entity: String,
    /// `header` or the child's name.
    pub block: String,
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    open: i64,
}

/// One delivery, claimed.
#[derive(Debug, Clone, QueryableByName)]
pub struct Claimed {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// Its document.
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The document's version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The hash of its content.
    #[diesel(sql_type = Binary)]
    pub payload_hash: Vec<u8>,
    /// The run that queued it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub run_id: Option<RunId>,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// Attempts, this one included.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Consecutive look-ups that failed for this delivery alone, while others could be looked up.
    #[diesel(sql_type = Integer)]
    pub failed_lookups: i32,
    /// The fields, as JSON.
    #[diesel(sql_type = Text)]
    pub payload: String,
    /// References by sys_id, as JSON.
    #[diesel(sql_type = Nullable<Text>)]
    pub refs: Option<String>,
    /// The values that the row must still have, as JSON; aligned records only.
    #[diesel(sql_type = Nullable<Text>)]
    pub expects: Option<String>,
    /// The sys_id, when the record was delivered before.
    #[diesel(sql_type = Nullable<Text>)]
    pub sys_id: Option<String>,
    /// The table of that row.
    #[diesel(sql_type = Nullable<Text>)]
    pub sys_table: Option<String>,
    /// Whether this version was confirmed before: then it is a replay, and finding it in ServiceNow does not prove that this attempt
    /// arrived.
    #[diesel(sql_type = Bool)]
    pub confirmed_before: bool,
    /// What is known of it since its last attempt, such as [`UNANSWERED`].
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// The message of its last attempt.
    #[diesel(sql_type = Nullable<Text>)]
    pub said: Option<String>,
    /// Whether it was mapped for another table than the one in the definition in force.
    #[diesel(sql_type = Bool)]
    pub elsewhere: bool,
    /// Whether the document was known before this delivery was queued: then something of it may be in ServiceNow.
    #[diesel(sql_type = Bool)]
    pub known: bool,
    /// How long ago it was sent before this, in milliseconds by the database's clock: it may have arrived. `None`: it was not sent.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub sent_ago: Option<i64>,
}

/// A batch, claimed.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The batch; its intent is committed.
    pub batch_id: BatchId,
    /// The queue.
    pub queue: Queue,
    /// Its deliveries, in the order of their ids.
    pub deliveries: Vec<Claimed>,
}

/// The deliveries of a flow that wait to be sent.
#[derive(Debug, Clone, QueryableByName)]
pub struct Backlog {
    /// The number of deliveries.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Why none of them is sent until a person resumes the flow.
    #[diesel(sql_type = Nullable<Text>)]
    pub stopped: Option<String>,
}

/// A row returned by a claim.
#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(embed)]
    delivery: Claimed,
    /// A person holds it: its state is `on_hold` now, and it is not part of the batch.
    #[diesel(sql_type = Bool)]
    set_aside: bool,
}

#[derive(QueryableByName)]
struct Entity {
    #[diesel(sql_type = Text)]
    entity: String,
}

/// Inserts the one predicate for claimable deliveries into a statement.
fn with_claimable(sql: &str) -> String {
    sql.replace("{claimable}", include_str!("sql/claimable.sql"))
}

/// The claims that a batch tries one after the other, until one of them finds deliveries: those of the outbox and those with a row of
/// their own, in an order that differs from batch to batch, so that neither waits for all of the other. Only a delivery with a row of its
/// own can have an unknown outcome.
fn claims(attempt: Attempt, batch_id: BatchId) -> Vec<&'static str> {
    static SEND: LazyLock<String> = LazyLock::new(|| claim_of(Attempt::Send));
    static LOOK_UP: LazyLock<String> = LazyLock::new(|| claim_of(Attempt::LookUp));
    if attempt.is_look_up() {
        return vec![&LOOK_UP];
    }
    let mut claims: Vec<&'static str> = vec![include_str!("sql/outbox_claim.sql"), &SEND];
    if batch_id.0.as_u128().is_multiple_of(2) {
        claims.reverse();
    }
    claims
}

fn claim_of(attempt: Attempt) -> String {
    let (state, look_up) = match attempt {
        Attempt::Send => (DeliveryState::Queued, "false"),
        Attempt::LookUp => (DeliveryState::Unknown, "true"),
    };
    let sql = with_claimable(include_str!("sql/delivery_claim.sql"));
    sql.replace("{state}", state.as_str()).replace("{look_up}", look_up)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Payload {
    #[diesel(sql_type = BigInt)]
    delivery_id: DeliveryId,
    #[diesel(sql_type = Text)]
    payload: String,
}

#[derive(QueryableByName)]
struct Resolved {
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    sys_id: String,
}

/// The entities with due deliveries.
pub(super) fn due(conn: &mut Conn) -> Tx<Vec<String>> {
    static DUE: LazyLock<String> = LazyLock::new(|| with_claimable(include_str!("sql/delivery_due.sql")));
    let rows: Vec<Entity> = prepared(&DUE).load(conn)?;
    Ok(rows.into_iter().map(|row| row.entity).collect())
}

/// Sets the outcome of batches whose sender is dead to unknown.
pub(super) fn recover(conn: &mut Conn, node: &Node, dead: Dead, unresponsive_after: Duration) -> Tx<i64> {
    let rows: Vec<Count> = prepared(include_str!("sql/delivery_recover.sql"))
        .bind::<Text, _>(&node.name)
        .bind::<SqlUuid, _>(node.incarnation)
        .bind::<Bool, _>(dead == Dead::PastLives)
        .bind::<Bool, _>(dead == Dead::ThisWriter)
        .bind::<Double, _>(unresponsive_after.as_secs_f64())
        .bind::<Text, _>(&*NextStep::LookedUp.text())
        .load(conn)?;
    Ok(rows.first().map_or(0, |row| row.count))
}

impl Store {
    /// Claims up to `limit` due deliveries of a queue, to send them or to look them up. The intent and its audit row are committed with the
    /// claim.
    ///
    /// `lease` is the most time that the request and its answer may take: after it, other nodes may treat the batch as lost.
    ///
    /// # Errors
    /// [`StoreError::OtherDefinitions`] when the definitions `under` which they would be sent are not in force.
    pub async fn delivery_claim(
        &self,
        queue: Queue,
        node: Node,
        limit: i64,
        lease: Duration,
        attempt: Attempt,
        under: SetNumber,
    ) -> Result<Claim, StoreError> {
        self.run_hot("claim deliveries", move |conn| {
            definition_assert(conn, under)?;
            let batch_id = BatchId::fresh();
            for sql in claims(attempt, batch_id) {
                loop {
                    let taken: Vec<ClaimedRow> = prepared(sql)
                        .bind::<Text, _>(&queue.entity)
                        .bind::<Text, _>(&queue.block)
                        .bind::<BigInt, _>(limit)
                        .bind::<SqlUuid, _>(batch_id)
                        .bind::<Text, _>(&node.name)
                        .bind::<SqlUuid, _>(node.incarnation)
                        .bind::<Double, _>(lease.as_secs_f64())
                        .bind::<Text, _>(&*NextStep::OnHold.text())
                        .load(conn)?;
                    let found = !taken.is_empty();
                    let mut deliveries: Vec<Claimed> = taken.into_iter().filter(|row| !row.set_aside).map(|row| row.delivery).collect();
                    if !deliveries.is_empty() {
                        deliveries.sort_by_key(|delivery| delivery.delivery_id);
                        return Ok(Claim { batch_id, queue, deliveries });
                    }
                    // if all of these are on hold, others may follow
                    if !found {
                        break;
                    }
                }
            }
            Ok(Claim { batch_id, queue, deliveries: Vec::new() })
        })
        .await
    }

    /// The entities with deliveries that may be claimed now, to be sent or to be looked up: the same ones that [`Store::delivery_claim`]
    /// would find.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_due(&self) -> Result<Vec<String>, StoreError> {
        self.run_single("find due deliveries", due).await
    }

    /// The deliveries of a flow that wait to be sent, in these blocks; counted up to `cap`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_backlog(&self, flow: FlowId, blocks: Vec<String>, cap: i64) -> Result<Backlog, StoreError> {
        self.run_single("count what is due", move |conn| {
            Ok(prepared(include_str!("sql/delivery_backlog.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<diesel::sql_types::Array<Text>, _>(&blocks)
                .bind::<BigInt, _>(cap)
                .get_result(conn)?)
        })
        .await
    }

    /// How many deliveries of these companies' queues are queued, retried or unknown; counted up to `cap`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_open(&self, queues: Vec<(CompanyId, Queue)>, cap: i64) -> Result<i64, StoreError> {
        self.run_hot("count what is open", move |conn| {
            let column = |of: fn(&(CompanyId, Queue)) -> &str| queues.iter().map(of).collect::<Vec<_>>();
            let open: Open = prepared(include_str!("sql/delivery_open.sql"))
                .bind::<diesel::sql_types::Array<Text>, _>(column(|(company, _)| company.as_str()))
                .bind::<diesel::sql_types::Array<Text>, _>(column(|(_, queue)| &queue.entity))
                .bind::<diesel::sql_types::Array<Text>, _>(column(|(_, queue)| &queue.block))
                .bind::<BigInt, _>(cap)
                .get_result(conn)?;
            Ok(open.open)
        })
        .await
    }

    /// The sys_ids of delivered headers, for references that are written by sys_id. Keys without a sys_id are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_resolve(&self, wanted: Vec<RecordRef>) -> Result<Vec<(RecordRef, String)>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.run_hot("resolve references", move |conn| {
            let rows: Vec<Resolved> = prepared(include_str!("sql/record_resolve.sql"))
                .bind::<diesel::sql_types::Array<Text>, _>(wanted.iter().map(|w| w.flow.company.as_str()).collect::<Vec<_>>())
                .bind::<diesel::sql_types::Array<Text>, _>(wanted.iter().map(|w| w.flow.entity.as_str()).collect::<Vec<_>>())
                .bind::<diesel::sql_types::Array<Text>, _>(wanted.iter().map(|w| w.key.as_str()).collect::<Vec<_>>())
                .load(conn)?;
            let named = |row: &Resolved| RecordRef {
                flow: FlowId::new(row.company.as_str(), row.entity.as_str()),
                key: DocumentKey::from_text(&row.key),
            };
            Ok(rows.into_iter().map(|row| (named(&row), row.sys_id)).collect())
        })
        .await
    }

    /// The content last confirmed for records of a block, as JSON, for each delivery that follows: (delivery, document, record key). For a
    /// row that was adopted after a restore it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_payloads(
        &self,
        block: String,
        wanted: Vec<(DeliveryId, DocumentId, String)>,
    ) -> Result<Vec<(DeliveryId, String)>, StoreError> {
        self.run("find what was delivered before", move |conn| {
            let rows: Vec<Payload> = sql_query(
                "SELECT n.delivery_id, l.payload \
                 FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS n (delivery_id, document_id, record_key) \
                 JOIN record r ON r.document_id = n.document_id AND r.block = $1 AND r.record_key = n.record_key \
                 JOIN delivery l ON l.id = r.delivery_id AND l.payload_hash <> ''",
            )
            .bind::<Text, _>(block)
            .bind::<diesel::sql_types::Array<BigInt>, _>(wanted.iter().map(|one| one.0).collect::<Vec<_>>())
            .bind::<diesel::sql_types::Array<BigInt>, _>(wanted.iter().map(|one| one.1).collect::<Vec<_>>())
            .bind::<diesel::sql_types::Array<Text>, _>(wanted.iter().map(|one| one.2.as_str()).collect::<Vec<_>>())
            .load(conn)?;
            Ok(rows.into_iter().map(|row| (row.delivery_id, row.payload)).collect())
        })
        .await
    }

    /// Which of these sys_ids are rows of delivered records.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_owned(&self, sys_ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.run_hot("find rows", move |conn| {
            let owned = || record::table.filter(record::sys_id.eq_any(sys_ids.iter().map(|sys_id| text(sys_id)))).select(record::sys_id);
            // each of the two has an index of its own
            let mut found: Vec<String> = owned().filter(record::own_row).load(conn)?;
            found.extend(owned().filter(diesel::dsl::not(record::own_row)).load::<String>(conn)?);
            found.sort_unstable();
            found.dedup();
            Ok(found)
        })
        .await
    }

    /// Whether ServiceNow has records of a flow that lost this field.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_partial_known(&self, flow: FlowId, field: String) -> Result<bool, StoreError> {
        self.run("find fields that were not kept", move |conn| {
            let rows: Vec<Count> = sql_query(
                "SELECT 1::bigint AS count FROM record r JOIN document d ON d.id = r.document_id \
                 WHERE r.partial IS NOT NULL AND $3 = ANY(r.partial) AND d.company = $1 AND d.entity = $2 LIMIT 1",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(field)
            .load(conn)?;
            Ok(!rows.is_empty())
        })
        .await
    }

    /// Sets the outcome of batches whose sender is dead to unknown, because they may have arrived; answers the number of deliveries. A node
    /// whose heartbeat was not seen for `unresponsive_after` also counts as dead.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_recover(&self, node: Node, dead: Dead, unresponsive_after: Duration) -> Result<i64, StoreError> {
        self.run_hot("recover interrupted batches", move |conn| recover(conn, &node, dead, unresponsive_after)).await
    }

    /// A person asked for a run set: deliveries that wait for their next attempt may be sent now, and unknown outcomes may be looked up
    /// now. A pause that the other system asked for (`Retry-After`) stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_make_due(&self) -> Result<(), StoreError> {
        self.run("make deliveries due", |conn| {
            let later = pending::table
                .filter(pending::state.eq_any([DeliveryState::Queued, DeliveryState::Unknown].map(|state| text(state.as_str()))))
                .filter(pending::not_before.gt(now))
                .filter(pending::reason.is_distinct_from(Some("throttled")));
            diesel::update(later).set(pending::not_before.eq(now)).execute(conn)?;
            Ok(())
        })
        .await
    }
}
