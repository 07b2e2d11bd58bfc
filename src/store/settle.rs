//! Stores the outcomes of a batch: outcomes, releases and audit in one transaction.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz};
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::clock::now;
use super::delivery::UNANSWERED;
use super::downstream::downstream_begin;
use super::flow_pause::{flow_stop, flows_lock};
use super::row_conflict::row_conflicts;
use super::run::{Among, Arrived, RunTally, run_tally};
use super::schema::{intent, pending};
use super::{Conn, Node, Queue, Store, StoreError, Tx, TxError};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{Attempt, Confirmation, DeliveryState, FailureReason};
use crate::domain::ids::{BatchId, DeliveryId, DocumentId, RunId};
use crate::domain::next_step::NextStep;
use crate::domain::{FlowId, SysId};
use crate::store::prepared::prepared;
use crate::store::text::{JsonText, Text, text};

/// A field that came back other than it was sent.
#[derive(Debug, Clone, Serialize)]
pub struct PartialField {
    /// Its name.
    pub field: String,
    /// What was sent.
    pub sent: String,
    /// What came back.
    pub returned: String,
}

/// The outcome of one delivery.
#[derive(Debug, Clone)]
pub enum DeliveryOutcome {
    /// It is in ServiceNow.
    Confirmed {
        /// The record.
        sys_id: SysId,
        /// Its table.
        table: String,
        /// What it shows.
        how: Confirmation,
        /// Fields that came back other than sent.
        partial: Vec<PartialField>,
        /// ServiceNow's message with the success.
        said: Option<String>,
    },
    /// It is not retried automatically.
    Failed {
        /// The reason.
        reason: FailureReason,
        /// The message of the other system.
        message: String,
        /// The field, if known.
        field: Option<String>,
        /// What to do.
        next_step: NextStep,
    },
    /// It is sent again later.
    Deferred {
        /// What happened.
        message: String,
        /// How long to wait, from the time when this is stored, by the ledger's clock.
        wait: Duration,
        /// The system asked for time: a person's request does not shorten it.
        throttled: bool,
        /// Whether it counts as an attempt: an outage of the whole system does not use up the attempts of a record.
        counted: bool,
        /// It had no usable answer and is not in ServiceNow: it is sent alone next.
        unanswered: bool,
        /// What to do: nothing for a temporary error, an action for any other.
        next_step: NextStep,
    },
    /// The row of an aligned record was changed since the decision: nothing was written, and the next run decides again.
    Withdrawn {
        /// The state of the row.
        message: String,
    },
    /// It may have arrived; it is looked up.
    Unknown {
        /// What happened.
        message: String,
        /// How long to wait, from the time when this is stored, by the ledger's clock.
        wait: Duration,
        /// Consecutive look-ups that failed for this delivery alone.
        failed_lookups: i32,
    },
}

/// One delivery's outcome.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Its document.
    pub document_id: DocumentId,
    /// The version sent.
    pub version: i32,
    /// The run that queued it; `None` for one that was queued before runs were stored.
    pub run_id: Option<RunId>,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// Whether the document was known before this delivery was queued: then the record may have a row of the ledger.
    pub known: bool,
    /// Its outcome.
    pub verdict: DeliveryOutcome,
    /// How long after its delivery a record is polled first; `None`: never.
    pub poll_after: Option<Duration>,
    /// The digest of the fields that were sent, if it is confirmed: see [`payload_digest`](super::payload_digest).
    pub payload: Option<String>,
}

/// Whether the rows of a batch are compared with those of other records before they are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    NotCompared,
    Compared,
}

/// A batch whose intent is deleted.
struct Ended {
    /// The deliveries that it took from the outbox: they have no row in `pending`.
    taken: Vec<DeliveryId>,
    /// When it was claimed.
    sent_at: DateTime<Utc>,
    attempt: Attempt,
    rows: Rows,
}

#[derive(QueryableByName)]
struct FreedDocument {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
}

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = BigInt)]
    delivery_id: DeliveryId,
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Integer)]
    version: i32,
}

impl Store {
    /// Stores the outcomes of a batch, and stops flows where the outcomes require it. `attempt` tells whether the batch was sent or looked
    /// up. Answers the outcomes as stored (a record whose row belongs to another record fails), and how many records are completely
    /// delivered.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the batch was treated as lost in the meantime; then nothing was written, and it is looked up.
    pub async fn settle(
        &self,
        batch_id: BatchId,
        queue: Queue,
        node: Node,
        outcomes: Arc<[Settlement]>,
        stops: Arc<[(FlowId, String)]>,
        attempt: Attempt,
    ) -> Result<(Arc<[Settlement]>, Vec<Arrived>), StoreError> {
        let mut tries = 0;
        loop {
            // nearly always each row belongs to one record, and the unique index tells if not: only then the rows are compared
            let rows = if tries == 0 { Rows::NotCompared } else { Rows::Compared };
            let settled = self.settle_once(batch_id, queue.clone(), node.clone(), outcomes.clone(), stops.clone(), (attempt, rows)).await;
            match settled {
                // one of these rows belongs to another record, or to two of this batch; or another batch has confirmed it at the same moment
                Err(StoreError::Failed { source: DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _), .. }) if tries < 3 => {
                    tries += 1;
                }
                // it and a transaction that holds or drops the same records waited for each other
                Err(error) if error.is_deadlock() && tries < 3 => tries += 1,
                settled => return settled,
            }
        }
    }

    async fn settle_once(
        &self,
        batch_id: BatchId,
        queue: Queue,
        node: Node,
        outcomes: Arc<[Settlement]>,
        stops: Arc<[(FlowId, String)]>,
        (attempt, rows): (Attempt, Rows),
    ) -> Result<(Arc<[Settlement]>, Vec<Arrived>), StoreError> {
        self.run_hot("store the outcomes of a batch", move |conn| {
            // first of all: a reader that has its flow may wait for this batch
            flows_lock(conn, stops.iter().map(|(flow, _)| flow))?;
            let ours =
                intent::table.find(batch_id).filter(intent::node.eq(text(&node.name))).filter(intent::incarnation.eq(node.incarnation));
            let ended = diesel::delete(ours).returning((intent::taken, intent::claimed_at)).get_result(conn).optional()?;
            let Some((taken, sent_at)) = ended else {
                return Err(TxError::Store(StoreError::Fenced { what: format!("batch {batch_id}") }));
            };
            let batch = Ended { taken, sent_at, attempt, rows };
            let now = now(conn)?;
            let outcomes = match rows {
                Rows::NotCompared => outcomes,
                Rows::Compared => row_conflicts(conn, &queue, &outcomes)?.into(),
            };
            record_confirmed(conn, &queue, &outcomes, &batch)?;
            let arrived = confirmed(&outcomes).filter_map(|(one, ..)| Some((one, now + one.poll_after?)));
            downstream_begin(conn, &queue, &arrived.collect::<Vec<_>>())?;
            withdraw(conn, &outcomes)?;
            let replaced = put_back(conn, &outcomes, &batch, now)?;
            audit_append(conn, &outcomes.iter().map(|o| audit_row(o, batch_id, attempt, now)).collect::<Vec<_>>())?;
            if queue.block == "header" {
                release_after(conn, &outcomes)?;
            }
            for (flow, why) in stops.iter() {
                flow_stop(conn, flow, why)?;
            }
            let arrived = run_tally(conn, &tally(&outcomes, &replaced, attempt), Among::Settles)?;
            Ok((outcomes, arrived))
        })
        .await
    }

    /// Releases every waiting document whose parents have all been delivered; answers the number of deliveries. Settling a parent releases
    /// its children; this call finds a child that was stored at the same moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_release_all(&self) -> Result<i64, StoreError> {
        self.run_hot("release what waited for a parent", |conn| {
            let ready: Vec<FreedDocument> = prepared(include_str!("sql/awaited_delivered.sql")).load(conn)?;
            let ids: Vec<DocumentId> = ready.into_iter().map(|row| row.document_id).collect();
            if ids.is_empty() { Ok(0) } else { pending_release(conn, &ids, "its parents are delivered") }
        })
        .await
    }
}

/// The effect of the outcomes on the counts of the runs.
fn tally(outcomes: &[Settlement], replaced: &[DeliveryId], attempt: Attempt) -> RunTally {
    let of = |wanted: &dyn Fn(&Settlement) -> bool| {
        outcomes.iter().filter(|one| wanted(one)).filter_map(|one| Some((one.run_id?, one.document_id))).collect()
    };
    RunTally {
        read: None,
        queued: Vec::new(),
        sent: if attempt.is_look_up() { Vec::new() } else { outcomes.iter().filter_map(|one| one.run_id).collect() },
        confirmed: of(&|one| matches!(one.verdict, DeliveryOutcome::Confirmed { .. })),
        replaced: of(&|one| matches!(one.verdict, DeliveryOutcome::Withdrawn { .. }) || replaced.contains(&one.delivery_id)),
    }
}

fn confirmed(outcomes: &[Settlement]) -> impl Iterator<Item = (&Settlement, &str, &str)> {
    outcomes.iter().filter_map(|o| match &o.verdict {
        DeliveryOutcome::Confirmed { sys_id, table, .. } => Some((o, sys_id.as_str(), table.as_str())),
        _ => None,
    })
}

fn record_confirmed(conn: &mut Conn, queue: &Queue, outcomes: &[Settlement], batch: &Ended) -> Tx<()> {
    let rows: Vec<_> = confirmed(outcomes).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<DeliveryId> = rows.iter().map(|(o, ..)| o.delivery_id).collect();
    let taken: HashSet<DeliveryId> = batch.taken.iter().copied().collect();
    let with_row: Vec<DeliveryId> = ids.iter().copied().filter(|id| !taken.contains(id)).collect();
    if !with_row.is_empty() {
        diesel::delete(pending::table.filter(pending::delivery_id.eq_any(with_row))).execute(conn)?;
    }
    // the record of a new document has no row yet, so it needs no search for one. If it does have one, the batch is stored a second time
    let (new, known): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(one, ..)| !one.known && batch.rows == Rows::NotCompared);
    put_records(conn, include_str!("sql/record_add.sql"), queue, &new)?;
    put_records(conn, include_str!("sql/record_confirm.sql"), queue, &known)
}

fn put_records(conn: &mut Conn, sql: &'static str, queue: &Queue, rows: &[(&Settlement, &str, &str)]) -> Tx<()> {
    if rows.is_empty() {
        return Ok(());
    }
    prepared(sql)
        .bind::<Text, _>(&queue.block)
        .bind::<Array<BigInt>, _>(rows.iter().map(|(o, ..)| o.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(o, ..)| o.record_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(_, sys_id, _)| *sys_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(.., table)| *table).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(rows.iter().map(|(o, ..)| o.version).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|(o, ..)| o.delivery_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<JsonText>>, _>(rows.iter().map(|(o, ..)| returned(&o.verdict)).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|(o, ..)| partial(&o.verdict)).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

/// The values of the fields that came back different, as a JSON object.
fn returned(verdict: &DeliveryOutcome) -> Option<String> {
    let DeliveryOutcome::Confirmed { partial, .. } = verdict else { return None };
    let fields: serde_json::Map<_, _> = partial.iter().map(|one| (one.field.clone(), one.returned.as_str().into())).collect();
    (!fields.is_empty()).then(|| serde_json::Value::Object(fields).to_string())
}

/// The names of these fields, as an array.
fn partial(verdict: &DeliveryOutcome) -> Option<String> {
    let DeliveryOutcome::Confirmed { partial, .. } = verdict else { return None };
    // names of columns: lower-case letters, digits and `_`
    let names: Vec<&str> = partial.iter().map(|one| one.field.as_str()).collect();
    (!names.is_empty()).then(|| format!("{{{}}}", names.join(",")))
}

/// Aligned records whose row was changed since the decision: nothing was written, and the next run decides again.
fn withdraw(conn: &mut Conn, outcomes: &[Settlement]) -> Tx<()> {
    let rows = outcomes.iter().filter(|o| matches!(o.verdict, DeliveryOutcome::Withdrawn { .. }));
    let (deliveries, documents): (Vec<DeliveryId>, Vec<DocumentId>) = rows.map(|o| (o.delivery_id, o.document_id)).unzip();
    if deliveries.is_empty() {
        return Ok(());
    }
    prepared(
        "WITH gone AS (DELETE FROM pending WHERE delivery_id = ANY($1)) UPDATE base_version SET again = true WHERE document_id = ANY($2)",
    )
    .bind::<Array<BigInt>, _>(deliveries)
    .bind::<Array<BigInt>, _>(documents)
    .execute(conn)?;
    Ok(())
}

/// Puts everything that is not confirmed back into `pending`, with what is known about it. A delivery that has a newer one of the same
/// record behind it is replaced by that one. Answers what was replaced.
fn put_back(conn: &mut Conn, outcomes: &[Settlement], batch: &Ended, now: DateTime<Utc>) -> Tx<Vec<DeliveryId>> {
    struct Row<'a> {
        id: DeliveryId,
        state: &'static str,
        reason: Option<&'static str>,
        message: &'a str,
        field: Option<&'a str>,
        next_step: Cow<'static, str>,
        not_before: DateTime<Utc>,
        uncounted: i32,
        failed_lookups: i32,
    }
    let rows: Vec<Row<'_>> = outcomes
        .iter()
        .filter_map(|o| {
            Some(match &o.verdict {
                DeliveryOutcome::Confirmed { .. } | DeliveryOutcome::Withdrawn { .. } => return None,
                DeliveryOutcome::Failed { reason, message, field, next_step } => Row {
                    id: o.delivery_id,
                    state: reason.state().as_str(),
                    reason: Some(reason.as_str()),
                    message,
                    field: field.as_deref(),
                    next_step: next_step.text(),
                    not_before: now,
                    uncounted: 0,
                    failed_lookups: 0,
                },
                DeliveryOutcome::Deferred { message, wait, throttled, counted, unanswered, next_step } => Row {
                    id: o.delivery_id,
                    state: DeliveryState::Queued.as_str(),
                    reason: if *throttled { Some("throttled") } else { unanswered.then_some(UNANSWERED) },
                    message,
                    field: None,
                    next_step: next_step.text(),
                    not_before: now + *wait,
                    uncounted: i32::from(!counted),
                    failed_lookups: 0,
                },
                DeliveryOutcome::Unknown { message, wait, failed_lookups } => Row {
                    id: o.delivery_id,
                    state: DeliveryState::Unknown.as_str(),
                    reason: None,
                    message,
                    field: None,
                    next_step: NextStep::LookedUp.text(),
                    not_before: now + *wait,
                    uncounted: 0,
                    failed_lookups: *failed_lookups,
                },
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let replaced: Vec<Released> = prepared(include_str!("sql/pending_put_back.sql"))
        .bind::<Array<BigInt>, _>(rows.iter().map(|r| r.id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|r| r.state).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|r| r.reason).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|r| r.message).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|r| r.field).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|r| &*r.next_step).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(rows.iter().map(|r| r.not_before).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(rows.iter().map(|r| r.uncounted).collect::<Vec<_>>())
        .bind::<diesel::sql_types::Bool, _>(batch.attempt.is_look_up())
        .bind::<Array<Integer>, _>(rows.iter().map(|r| r.failed_lookups).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(&batch.taken)
        .bind::<Timestamptz, _>(batch.sent_at)
        .load(conn)?;
    let told = |row: &Released| {
        let mut audit =
            NewAudit::of(AuditKind::Superseded).detail(&serde_json::json!({ "why": "a newer delivery of the record is sent instead" }));
        (audit.document_id, audit.version, audit.delivery_id) = (Some(row.document_id), Some(row.version), Some(row.delivery_id));
        audit
    };
    audit_append(conn, &replaced.iter().map(told).collect::<Vec<_>>())?;
    Ok(replaced.iter().map(|row| row.delivery_id).collect())
}

fn audit_row(outcome: &Settlement, batch_id: BatchId, attempt: Attempt, now: DateTime<Utc>) -> NewAudit {
    let (kind, detail) = match &outcome.verdict {
        DeliveryOutcome::Confirmed { sys_id, table, how, partial, said } => {
            let kind = match (partial.is_empty(), attempt) {
                (true, Attempt::LookUp) => AuditKind::LookedUp,
                (true, Attempt::Send) => AuditKind::Confirmed,
                (false, _) => AuditKind::PartialWrite,
            };
            let fields = (!partial.is_empty()).then(|| serde_json::json!(partial));
            let detail = ConfirmedDetail { fields, how: *how, said: said.as_deref(), sys_id: sys_id.as_str(), table };
            (kind, serde_json::to_string(&detail).unwrap_or_default())
        }
        DeliveryOutcome::Failed { reason, message, field, next_step } => (
            AuditKind::of(*reason),
            serde_json::json!({ "reason": reason, "message": message, "field": field, "next_step": next_step.text() }).to_string(),
        ),
        DeliveryOutcome::Deferred { message, wait, next_step, .. } => (
            if attempt.is_look_up() { AuditKind::LookedUp } else { AuditKind::Deferred },
            serde_json::json!({ "message": message, "not_before": now + *wait, "next_step": next_step.text() }).to_string(),
        ),
        DeliveryOutcome::Withdrawn { message } => (AuditKind::Superseded, serde_json::json!({ "message": message }).to_string()),
        DeliveryOutcome::Unknown { message, wait, .. } => {
            (AuditKind::Unknown, serde_json::json!({ "message": message, "next_look_up": now + *wait }).to_string())
        }
    };
    let mut row = NewAudit { detail: Some(detail), payload: outcome.payload.clone(), ..NewAudit::of(kind) };
    (row.document_id, row.version, row.delivery_id, row.batch_id) =
        (Some(outcome.document_id), Some(outcome.version), Some(outcome.delivery_id), Some(batch_id));
    row
}

/// The details of a confirmed record. Nearly every record has them, so they are written without a map in between: the members are in the
/// order of their names, as in a map.
#[derive(Serialize)]
struct ConfirmedDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<serde_json::Value>,
    how: Confirmation,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<&'a str>,
    sys_id: &'a str,
    table: &'a str,
}

/// Releases lines of confirmed headers, and documents that waited for a confirmed one.
fn release_after(conn: &mut Conn, outcomes: &[Settlement]) -> Tx<()> {
    let mut documents: Vec<DocumentId> = confirmed(outcomes).map(|(o, ..)| o.document_id).collect();
    if documents.is_empty() {
        return Ok(());
    }
    documents.sort_unstable();
    prepared(include_str!("sql/outbox_ready.sql")).bind::<Array<BigInt>, _>(&documents).execute(conn)?;
    prepared(include_str!("sql/pending_unhold.sql")).bind::<Array<BigInt>, _>(&documents).execute(conn)?;
    let freed: Vec<FreedDocument> = prepared(include_str!("sql/awaited_take.sql")).bind::<Array<BigInt>, _>(&documents).load(conn)?;
    let mut freed: Vec<DocumentId> = freed.into_iter().map(|row| row.document_id).collect();
    freed.sort_unstable();
    freed.dedup();
    if !freed.is_empty() {
        pending_release(conn, &freed, "the record it refers to is delivered")?;
    }
    Ok(())
}

/// Queues documents that waited for parents and no longer wait for any; answers the number of deliveries.
pub(crate) fn pending_release(conn: &mut Conn, documents: &[DocumentId], why: &str) -> Tx<i64> {
    let released: Vec<Released> = prepared(include_str!("sql/pending_release.sql")).bind::<Array<BigInt>, _>(documents).load(conn)?;
    let audit: Vec<NewAudit> = released
        .iter()
        .map(|row| {
            let mut audit = NewAudit::of(AuditKind::Released).detail(&serde_json::json!({ "why": why }));
            (audit.document_id, audit.version, audit.delivery_id) = (Some(row.document_id), Some(row.version), Some(row.delivery_id));
            audit
        })
        .collect();
    audit_append(conn, &audit)?;
    Ok(released.len() as i64)
}
