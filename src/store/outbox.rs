//! The outbox: deliveries that are queued for the first time, as one row for each block of a document.
//!
//! A row is written once and deleted by the claim that takes it, so a record costs no row of its own on the usual way. A delivery that needs
//! care of its own (it failed, waits, is on hold, has an unknown outcome, or is sent again) has a row in `pending` instead. The view
//! `undelivered` shows both.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Uuid as SqlUuid};

use super::{Conn, Tx};
use crate::domain::FlowId;
use crate::domain::ids::{BatchId, DeliveryId, DocumentId, RunId};
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// The most deliveries of a row: a larger block has several rows, so that a claim does not rewrite a long list.
pub(super) const DELIVERIES: usize = 200;

/// A row to be written.
pub(super) struct OutboxRow<'a> {
    pub(super) document_id: DocumentId,
    pub(super) block: &'a str,
    pub(super) version: i32,
    /// Whether it may be sent now; lines follow their header.
    pub(super) ready: bool,
    /// Whether the document was known before: then a part of it may be in ServiceNow.
    pub(super) known: bool,
    /// At least one, in ascending order, and at most [`DELIVERIES`].
    pub(super) deliveries: Vec<DeliveryId>,
}

/// Queues deliveries of a run. None of their records has an older delivery that is not settled.
pub(super) fn outbox_put(conn: &mut Conn, flow: &FlowId, run: RunId, rows: &[OutboxRow<'_>]) -> Tx<()> {
    if rows.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/outbox_put.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .bind::<SqlUuid, _>(run)
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.document_id).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.deliveries.first().copied().unwrap_or_default()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.block).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(rows.iter().map(|row| row.version).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.ready).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.known).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| literal(&row.deliveries)).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

/// An array within an array of texts, because Postgres has no arrays of arrays of different lengths.
fn literal(deliveries: &[DeliveryId]) -> String {
    let mut text = String::with_capacity(2 + deliveries.len() * 8);
    text.push('{');
    for (place, id) in deliveries.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&id.to_string());
    }
    text.push('}');
    text
}

/// Gives the queued records of some documents rows of their own in `pending`, so that each can be replaced, held or dropped alone. A claim
/// that takes them at the same moment is waited for.
pub(super) fn outbox_to_pending(conn: &mut Conn, documents: impl IntoIterator<Item = DocumentId>) -> Tx<()> {
    let mut documents: Vec<DocumentId> = documents.into_iter().collect();
    if documents.is_empty() {
        return Ok(());
    }
    // in one order, so that two transactions lock their rows in the same order
    documents.sort_unstable();
    documents.dedup();
    prepared(include_str!("sql/outbox_to_pending.sql")).bind::<Array<BigInt>, _>(documents).execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct BatchWith {
    #[diesel(sql_type = SqlUuid)]
    batch_id: BatchId,
}

/// Keeps the parts of some documents as they are until the transaction ends: no claim takes any of them, and a batch that has some is either
/// settled before or afterwards. Otherwise a header that is settled meanwhile does not see the lines that are written to follow it, and a
/// delivery that fails meanwhile does not see the newer one. Call it before anything in the outbox or in `pending` is changed, because a
/// batch that is settled at this moment may need it.
pub(super) fn parts_keep(conn: &mut Conn, documents: impl IntoIterator<Item = DocumentId>) -> Tx<()> {
    let mut documents: Vec<DocumentId> = documents.into_iter().collect();
    if documents.is_empty() {
        return Ok(());
    }
    documents.sort_unstable();
    let mut kept: Vec<BatchId> = Vec::new();
    loop {
        prepared(include_str!("sql/parts_keep.sql")).bind::<Array<BigInt>, _>(&documents).execute(conn)?;
        let batches: Vec<BatchWith> = prepared(include_str!("sql/batches_with.sql")).bind::<Array<BigInt>, _>(&documents).load(conn)?;
        let new: Vec<BatchId> = batches.into_iter().map(|row| row.batch_id).filter(|batch| !kept.contains(batch)).collect();
        if new.is_empty() {
            return Ok(());
        }
        prepared("SELECT 1 FROM intent WHERE batch_id = ANY($1) ORDER BY batch_id FOR SHARE")
            .bind::<Array<SqlUuid>, _>(&new)
            .execute(conn)?;
        // a batch that was settled by now may have made more parts due
        kept.extend(new);
    }
}

/// [`outbox_to_pending`] for all documents of a flow.
pub(super) fn outbox_of_flow_to_pending(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    use super::schema::outbox;
    use super::text::text;

    let of_flow =
        outbox::table.filter(outbox::company.eq(text(flow.company.as_str()))).filter(outbox::entity.eq(text(flow.entity.as_str())));
    let documents: Vec<DocumentId> = of_flow.select(outbox::document_id).distinct().load(conn)?;
    outbox_to_pending(conn, documents)
}

/// Gives what batches have taken from the outbox for a flow, and not settled yet, rows of their own in `pending`.
pub(super) fn taken_of_flow_to_pending(conn: &mut Conn, flow: &FlowId) -> Tx<()> {
    sql_query(include_str!("sql/taken_to_pending.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .execute(conn)?;
    Ok(())
}
