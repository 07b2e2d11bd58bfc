//! What became of a batch: outcomes, releases and audit in one transaction.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz};
use serde::Serialize;
use uuid::Uuid;

use super::audit::{NewAudit, audit_append};
use super::clock::now;
use super::delivery::UNANSWERED;
use super::downstream::downstream_begin;
use super::flow::flow_stop;
use super::row_conflict::row_conflicts;
use super::run::{Arrived, RunTally, run_tally};
use super::schema::{intent, pending};
use super::{Conn, Node, Queue, Store, StoreError, Tx, TxError};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{Attempt, DeliveryState, FailureReason};
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

/// What became of one delivery.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It stands in ServiceNow.
    Confirmed {
        /// The record.
        sys_id: SysId,
        /// Its table.
        table: String,
        /// `inserted`, `updated`, `unchanged`, `found`.
        how: &'static str,
        /// Fields that came back other than sent.
        partial: Vec<PartialField>,
        /// What ServiceNow said beside the success.
        said: Option<String>,
    },
    /// It is not tried again automatically.
    Failed {
        /// Why.
        reason: FailureReason,
        /// The system's own words.
        message: String,
        /// The field, when it is known.
        field: Option<String>,
        /// What to do.
        next_step: NextStep,
    },
    /// It is tried again later.
    Deferred {
        /// What happened.
        message: String,
        /// How long it waits first, from when this is stored: by the ledger's clock, whatever ours shows.
        wait: Duration,
        /// The system asked for time: a person's wish does not shorten it.
        throttled: bool,
        /// Whether it counts as a try: an outage of the whole system uses up no one's tries.
        counted: bool,
        /// It had no usable answer, and does not stand there: it is sent by itself next.
        unanswered: bool,
        /// What to do: nothing for what passes, an action for what does not.
        next_step: NextStep,
    },
    /// An aligned record's row was changed since this was decided: nothing was written, the next run decides again.
    Withdrawn {
        /// What the row says.
        message: String,
    },
    /// It may have arrived; it is looked up.
    Unknown {
        /// What happened.
        message: String,
        /// How long it waits first, from when this is stored: by the ledger's clock, whatever ours shows.
        wait: Duration,
        /// How many look-ups of it alone failed in a row.
        failed_lookups: i32,
    },
}

/// One delivery's outcome.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The delivery.
    pub delivery_id: i64,
    /// Its document.
    pub document_id: i64,
    /// The version sent.
    pub version: i32,
    /// The run that queued it; `None` for one that was queued before runs were noted.
    pub run_id: Option<Uuid>,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// What became of it.
    pub verdict: Verdict,
    /// How long after it has arrived a record is polled first; `None`: never.
    pub poll_after: Option<Duration>,
}

#[derive(QueryableByName)]
struct DocumentId {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
}

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = BigInt)]
    delivery_id: i64,
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
}

impl Store {
    /// Stores the outcomes of a batch, and stops flows for which they are reason enough. `attempt` says whether the batch was sent
    /// or looked up. Answers with the outcomes as they were stored (a record whose row is another record's fails), and with how many records
    /// have wholly arrived.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the batch was taken for lost meanwhile; then nothing was written, and it is looked up.
    pub async fn settle(
        &self,
        batch_id: Uuid,
        queue: Queue,
        node: Node,
        outcomes: Arc<[Settlement]>,
        stops: Arc<[(FlowId, String)]>,
        attempt: Attempt,
    ) -> Result<(Vec<Settlement>, Vec<Arrived>), StoreError> {
        let mut tries = 0;
        loop {
            let settled = self.settle_once(batch_id, queue.clone(), node.clone(), outcomes.clone(), stops.clone(), attempt).await;
            match settled {
                // another batch has confirmed one of the rows at this very moment: now it can be seen
                Err(StoreError::Failed { source: DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _), .. }) if tries < 3 => {
                    tries += 1;
                }
                settled => return settled,
            }
        }
    }

    async fn settle_once(
        &self,
        batch_id: Uuid,
        queue: Queue,
        node: Node,
        outcomes: Arc<[Settlement]>,
        stops: Arc<[(FlowId, String)]>,
        attempt: Attempt,
    ) -> Result<(Vec<Settlement>, Vec<Arrived>), StoreError> {
        self.run_hot("store the outcomes of a batch", move |conn| {
            let ours =
                intent::table.find(batch_id).filter(intent::node.eq(text(&node.name))).filter(intent::incarnation.eq(node.incarnation));
            if diesel::delete(ours).execute(conn)? == 0 {
                return Err(TxError::Store(StoreError::Fenced { what: format!("batch {batch_id}") }));
            }
            let now = now(conn)?;
            let outcomes = row_conflicts(conn, &queue, &outcomes)?;
            record_confirmed(conn, &queue, &outcomes)?;
            let arrived = confirmed(&outcomes).filter_map(|(one, ..)| Some((one, now + one.poll_after?)));
            downstream_begin(conn, &queue, &arrived.collect::<Vec<_>>())?;
            withdraw(conn, &outcomes)?;
            let replaced = put_back(conn, &outcomes, attempt, now)?;
            audit_append(conn, &outcomes.iter().map(|o| audit_row(o, batch_id, attempt, now)).collect::<Vec<_>>())?;
            if queue.block == "header" {
                release_after(conn, &outcomes)?;
            }
            for (flow, why) in stops.iter() {
                flow_stop(conn, flow, why)?;
            }
            let arrived = run_tally(conn, &tally(&outcomes, &replaced, attempt))?;
            Ok((outcomes, arrived))
        })
        .await
    }

    /// Releases every waiting document whose parents have all been delivered; says how many deliveries.
    /// Settling a parent releases its children; this catches a child taken in at that very moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_release_all(&self) -> Result<i64, StoreError> {
        self.run_hot("release what waited for a parent", |conn| {
            let ready: Vec<DocumentId> = prepared(include_str!("sql/awaited_delivered.sql")).load(conn)?;
            let ids: Vec<i64> = ready.into_iter().map(|row| row.document_id).collect();
            if ids.is_empty() { Ok(0) } else { pending_release(conn, &ids, "its parents are delivered") }
        })
        .await
    }
}

/// What the outcomes mean for the counts of the runs.
fn tally(outcomes: &[Settlement], replaced: &[i64], attempt: Attempt) -> RunTally {
    let of = |wanted: &dyn Fn(&Settlement) -> bool| {
        outcomes.iter().filter(|one| wanted(one)).filter_map(|one| Some((one.run_id?, one.document_id))).collect()
    };
    RunTally {
        queued: Vec::new(),
        sent: if attempt.is_look_up() { Vec::new() } else { outcomes.iter().filter_map(|one| one.run_id).collect() },
        confirmed: of(&|one| matches!(one.verdict, Verdict::Confirmed { .. })),
        replaced: of(&|one| matches!(one.verdict, Verdict::Withdrawn { .. }) || replaced.contains(&one.delivery_id)),
    }
}

fn confirmed(outcomes: &[Settlement]) -> impl Iterator<Item = (&Settlement, &str, &str)> {
    outcomes.iter().filter_map(|o| match &o.verdict {
        Verdict::Confirmed { sys_id, table, .. } => Some((o, sys_id.as_str(), table.as_str())),
        _ => None,
    })
}

fn record_confirmed(conn: &mut Conn, queue: &Queue, outcomes: &[Settlement]) -> Tx<()> {
    let rows: Vec<_> = confirmed(outcomes).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = rows.iter().map(|(o, ..)| o.delivery_id).collect();
    diesel::delete(pending::table.filter(pending::delivery_id.eq_any(&ids))).execute(conn)?;
    prepared(include_str!("sql/record_confirm.sql"))
        .bind::<Text, _>(&queue.block)
        .bind::<Array<BigInt>, _>(rows.iter().map(|(o, ..)| o.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(o, ..)| o.record_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(_, sys_id, _)| *sys_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(.., table)| *table).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(rows.iter().map(|(o, ..)| o.version).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(&ids)
        .bind::<Array<Nullable<JsonText>>, _>(rows.iter().map(|(o, ..)| returned(&o.verdict)).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|(o, ..)| partial(&o.verdict)).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

/// What stands in the fields that came back otherwise than they were sent, as a JSON object.
fn returned(verdict: &Verdict) -> Option<String> {
    let Verdict::Confirmed { partial, .. } = verdict else { return None };
    let fields: serde_json::Map<_, _> = partial.iter().map(|one| (one.field.clone(), one.returned.as_str().into())).collect();
    (!fields.is_empty()).then(|| serde_json::Value::Object(fields).to_string())
}

/// The names of those fields, as an array.
fn partial(verdict: &Verdict) -> Option<String> {
    let Verdict::Confirmed { partial, .. } = verdict else { return None };
    // names of columns: small letters, digits and `_`
    let names: Vec<&str> = partial.iter().map(|one| one.field.as_str()).collect();
    (!names.is_empty()).then(|| format!("{{{}}}", names.join(",")))
}

/// Aligned records whose row was changed under the decision: nothing was written, and the next run decides again.
fn withdraw(conn: &mut Conn, outcomes: &[Settlement]) -> Tx<()> {
    let rows = outcomes.iter().filter(|o| matches!(o.verdict, Verdict::Withdrawn { .. }));
    let (deliveries, documents): (Vec<i64>, Vec<i64>) = rows.map(|o| (o.delivery_id, o.document_id)).unzip();
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

/// Everything that is not confirmed goes back to `pending` with what is known about it; what a newer delivery of the same record stands
/// behind is replaced by that. Answers what was replaced.
fn put_back(conn: &mut Conn, outcomes: &[Settlement], attempt: Attempt, now: DateTime<Utc>) -> Tx<Vec<i64>> {
    struct Row<'a> {
        id: i64,
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
                Verdict::Confirmed { .. } | Verdict::Withdrawn { .. } => return None,
                Verdict::Failed { reason, message, field, next_step } => Row {
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
                Verdict::Deferred { message, wait, throttled, counted, unanswered, next_step } => Row {
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
                Verdict::Unknown { message, wait, failed_lookups } => Row {
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
        .bind::<diesel::sql_types::Bool, _>(attempt.is_look_up())
        .bind::<Array<Integer>, _>(rows.iter().map(|r| r.failed_lookups).collect::<Vec<_>>())
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

fn audit_row(outcome: &Settlement, batch_id: Uuid, attempt: Attempt, now: DateTime<Utc>) -> NewAudit {
    let (kind, detail) = match &outcome.verdict {
        Verdict::Confirmed { sys_id, table, how, partial, said } => {
            let mut detail = serde_json::json!({ "sys_id": sys_id.as_str(), "table": table, "how": how });
            if let Some(said) = said {
                detail["said"] = said.as_str().into();
            }
            let kind = match (partial.is_empty(), attempt) {
                (true, Attempt::LookUp) => AuditKind::LookedUp,
                (true, Attempt::Send) => AuditKind::Confirmed,
                (false, _) => {
                    detail["fields"] = serde_json::json!(partial);
                    AuditKind::PartialWrite
                }
            };
            (kind, detail)
        }
        Verdict::Failed { reason, message, field, next_step } => (
            AuditKind::of(*reason),
            serde_json::json!({ "reason": reason, "message": message, "field": field, "next_step": next_step.text() }),
        ),
        Verdict::Deferred { message, wait, next_step, .. } => (
            if attempt.is_look_up() { AuditKind::LookedUp } else { AuditKind::Deferred },
            serde_json::json!({ "message": message, "not_before": now + *wait, "next_step": next_step.text() }),
        ),
        Verdict::Withdrawn { message } => (AuditKind::Superseded, serde_json::json!({ "message": message })),
        Verdict::Unknown { message, wait, .. } => {
            (AuditKind::Unknown, serde_json::json!({ "message": message, "next_look_up": now + *wait }))
        }
    };
    let mut row = NewAudit::of(kind).detail(&detail);
    (row.document_id, row.version, row.delivery_id, row.batch_id) =
        (Some(outcome.document_id), Some(outcome.version), Some(outcome.delivery_id), Some(batch_id));
    row
}

/// Lines of confirmed headers may go; documents that waited for a confirmed one may go.
fn release_after(conn: &mut Conn, outcomes: &[Settlement]) -> Tx<()> {
    let documents: Vec<i64> = confirmed(outcomes).map(|(o, ..)| o.document_id).collect();
    if documents.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/pending_unhold.sql")).bind::<Array<BigInt>, _>(&documents).execute(conn)?;
    let freed: Vec<DocumentId> = prepared(include_str!("sql/awaited_take.sql")).bind::<Array<BigInt>, _>(&documents).load(conn)?;
    let mut freed: Vec<i64> = freed.into_iter().map(|row| row.document_id).collect();
    freed.sort_unstable();
    freed.dedup();
    if !freed.is_empty() {
        pending_release(conn, &freed, "the record it refers to is delivered")?;
    }
    Ok(())
}

/// Queues documents that waited for a parent and wait for none any more; says how many deliveries.
pub(crate) fn pending_release(conn: &mut Conn, documents: &[i64], why: &str) -> Tx<i64> {
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
