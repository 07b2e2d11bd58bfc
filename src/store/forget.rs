//! Flows that the configuration no longer contains: which of their records are not settled, and how the flow is deleted.
//!
//! What was read and delivered stays, and so does the audit. Deleted are the flow itself, its place in the lists, its reading position, its
//! unsent deliveries, what waited for a person, its alignment and its backfills.

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Uuid as SqlUuid};
use serde::Serialize;
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::outbox::{outbox_of_flow_to_pending, taken_of_flow_to_pending};
use super::placeholder::with_placeholders;
use super::run::{Among, RunTally, run_tally};
use super::schema::{alignment, awaited_parent, backfill, conflict, document, flow};
use super::tie_out::drop_found;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::ids::{DeliveryId, DocumentId, RunId};
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// The result of a request to delete a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// It is deleted.
    Done(ForgottenFlow),
    /// The ledger has no such flow.
    Unknown,
    /// A node reads it now.
    Held,
    /// The outcome of some of its deliveries is not known yet: that is looked up first.
    Unknowable {
        /// Parts of records.
        parts: i64,
    },
    /// Some of its deliveries are not settled.
    Unsettled {
        /// Records.
        records: i64,
    },
}

/// A deleted flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ForgottenFlow {
    /// The flow.
    pub flow: FlowId,
    /// Records with unsent deliveries, which were dropped.
    pub dropped: i64,
    /// Records of it that stay in the ledger as history.
    pub kept: i64,
}

impl std::fmt::Display for ForgottenFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stay = if self.kept == 1 { "record stays" } else { "records stay" };
        write!(f, "flow {} is forgotten; {} {stay} as history", self.flow, self.kept)?;
        match self.dropped {
            0 => Ok(()),
            1 => f.write_str(", 1 was dropped before it was delivered"),
            dropped => write!(f, ", {dropped} were dropped before they were delivered"),
        }
    }
}

/// What is made of records that are queued, waiting, failed or on hold when their flow is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undelivered {
    /// They stay, and so does the flow.
    Keep,
    /// They are dropped.
    Drop,
}

#[derive(QueryableByName)]
struct UndeliveredCounts {
    #[diesel(sql_type = Bool)]
    held: bool,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
    #[diesel(sql_type = BigInt)]
    records: i64,
    #[diesel(sql_type = BigInt)]
    kept: i64,
}

#[derive(QueryableByName)]
struct Parts {
    #[diesel(sql_type = BigInt)]
    parts: i64,
}

#[derive(QueryableByName)]
struct Dropped {
    #[diesel(sql_type = BigInt)]
    delivery_id: DeliveryId,
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    run_id: Option<RunId>,
}

/// Drops the deliveries of the flow that are not delivered, also those that batches have. If the flow comes back, a dropped record counts as
/// new, because its hash no longer matches.
pub(super) fn drop_pending(conn: &mut Conn, flow: &FlowId, who: &str, dropped_for: &str, why: &str) -> Tx<i64> {
    outbox_of_flow_to_pending(conn, flow)?;
    taken_of_flow_to_pending(conn, flow)?;
    let dropped: Vec<Dropped> = sql_query(with_placeholders(
        "DELETE FROM pending WHERE company = $1 AND entity = $2 RETURNING delivery_id, document_id, version, \
                   CASE WHEN NOT (SELECT {stands_for_a_row} FROM document d WHERE d.id = document_id) THEN run_id END AS run_id",
    ))
    .bind::<Text, _>(flow.company.as_str())
    .bind::<Text, _>(flow.entity.as_str())
    .load(conn)?;
    let documents: Vec<DocumentId> = dropped.iter().map(|row| row.document_id).collect();
    diesel::update(document::table.filter(document::id.eq_any(&documents))).set(document::hash.eq(&b""[..])).execute(conn)?;
    diesel::delete(awaited_parent::table.filter(awaited_parent::document_id.eq_any(&documents))).execute(conn)?;
    let told = |row: &Dropped| {
        let mut audit = NewAudit::of(AuditKind::Superseded).detail(&json!({ "dropped": dropped_for, "why": why }));
        (audit.document_id, audit.version, audit.delivery_id) = (Some(row.document_id), Some(row.version), Some(row.delivery_id));
        audit.actor = who.to_owned();
        audit
    };
    audit_append(conn, &dropped.iter().map(told).collect::<Vec<_>>())?;
    let replaced = dropped.iter().filter_map(|row| Some((row.run_id?, row.document_id))).collect();
    run_tally(conn, &RunTally { replaced, ..RunTally::default() }, Among::Others)?;
    let mut records = documents;
    records.sort_unstable();
    records.dedup();
    Ok(records.len() as i64)
}

/// Keeps claims from taking deliveries of the flow until the transaction ends; answers how many are sent, or have an unknown outcome.
fn keep_pending(conn: &mut Conn, flow: &FlowId) -> Tx<i64> {
    outbox_of_flow_to_pending(conn, flow)?;
    // in the order in which a batch that is settled deletes them
    sql_query("SELECT 1 FROM pending WHERE company = $1 AND entity = $2 ORDER BY delivery_id FOR UPDATE")
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .execute(conn)?;
    let sent: Parts =
        sql_query("SELECT count(*) AS parts FROM undelivered WHERE company = $1 AND entity = $2 AND state IN ('sending', 'unknown')")
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .get_result(conn)?;
    Ok(sent.parts)
}

/// Ends what was planned for a flow, and removes the flow itself.
fn drop_plans(conn: &mut Conn, gone: &FlowId) -> Tx<()> {
    let (company, entity) = (text(gone.company.as_str()), text(gone.entity.as_str()));
    sql_query("DELETE FROM hold USING document d WHERE hold.document_id = d.id AND d.company = $1 AND d.entity = $2")
        .bind::<Text, _>(gone.company.as_str())
        .bind::<Text, _>(gone.entity.as_str())
        .execute(conn)?;
    let conflicts = conflict::table.filter(conflict::company.eq(company)).filter(conflict::entity.eq(entity));
    diesel::update(conflicts.filter(conflict::state.ne(text("closed"))))
        .set((
            conflict::state.eq(text("closed")),
            conflict::outcome.eq(Some("flow forgotten")),
            conflict::closed_at.eq(now),
            conflict::changed_at.eq(now),
        ))
        .execute(conn)?;
    diesel::delete(alignment::table.find((company, entity))).execute(conn)?;
    let backfills = backfill::table.filter(backfill::company.eq(company)).filter(backfill::entity.eq(entity));
    diesel::update(backfills.filter(backfill::state.eq(text("open"))))
        .set((backfill::state.eq(text("cancelled")), backfill::ended_at.eq(now), backfill::ended_by.eq(Some("tieline"))))
        .execute(conn)?;
    diesel::delete(flow::table.find((company, entity))).execute(conn)?;
    Ok(())
}

impl Store {
    /// Deletes a flow. The caller must know whether the configuration still contains it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_forget(&self, flow: FlowId, undelivered: Undelivered, who: String, why: Reason) -> Result<Forgotten, StoreError> {
        self.run("forget a flow", move |conn| {
            let rows: Vec<UndeliveredCounts> = sql_query(with_placeholders(
                "SELECT coalesce(f.lease_until BETWEEN now() AND now() + interval '1 hour', false) AS held, p.unknown, p.records, coalesce(c.documents, 0) - t.told AS kept \
                 FROM (SELECT * FROM flow WHERE company = $1 AND entity = $2 FOR UPDATE) f \
                 CROSS JOIN (SELECT count(*) FILTER (WHERE state IN ('sending', 'unknown')) AS unknown, \
                                    count(DISTINCT document_id) AS records FROM undelivered WHERE company = $1 AND entity = $2) p \
                 CROSS JOIN (SELECT count(*) AS told FROM document d WHERE d.company = $1 AND d.entity = $2 AND {stands_for_a_row}) t \
                 LEFT JOIN document_count c ON c.company = f.company AND c.entity = f.entity",
            ))
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .load(conn)?;
            let Some(counts) = rows.first() else { return Ok(Forgotten::Unknown) };
            if counts.held {
                return Ok(Forgotten::Held);
            }
            if counts.unknown > 0 {
                return Ok(Forgotten::Unknowable { parts: counts.unknown });
            }
            if counts.records > 0 && undelivered == Undelivered::Keep {
                return Ok(Forgotten::Unsettled { records: counts.records });
            }
            if counts.records > 0 {
                // a batch may have taken some since they were counted
                let parts = keep_pending(conn, &flow)?;
                if parts > 0 {
                    return Ok(Forgotten::Unknowable { parts });
                }
                drop_pending(conn, &flow, &who, "the flow is forgotten", why.as_str())?;
            }
            drop_plans(conn, &flow)?;
            drop_found(conn, &flow)?;
            let forgotten = ForgottenFlow { flow: flow.clone(), dropped: counts.records, kept: counts.kept };
            let mut row = NewAudit::of(AuditKind::Action)
                .detail(&json!({ "action": "forget", "why": why, "records_dropped": forgotten.dropped, "records_kept": forgotten.kept }));
            (row.company, row.entity, row.actor) = (Some(flow.company.to_string()), Some(flow.entity.to_string()), who);
            audit_append(conn, &[row])?;
            Ok(Forgotten::Done(forgotten))
        })
        .await
    }

    /// The companies with flows in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn companies(&self) -> Result<Vec<String>, StoreError> {
        self.run("list companies", |conn| Ok(flow::table.select(flow::company).distinct().order(flow::company).load(conn)?)).await
    }
}
