//! One row of ServiceNow belongs to one record: if the row already belongs to another record, the answer is not a delivery.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};

use super::audit::{NewAudit, audit_append};
use super::settle::{DeliveryOutcome, Settlement};
use super::{Conn, Queue, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{Confirmation, FailureReason};
use crate::domain::ids::DocumentId;
use crate::domain::next_step::NextStep;
use crate::store::prepared::prepared;
use crate::store::text::Text;

#[derive(QueryableByName)]
struct OwnedRow {
    #[diesel(sql_type = Integer)]
    place: i32,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    owner_id: DocumentId,
    #[diesel(sql_type = Integer)]
    owner_version: i32,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    owner_block: String,
    #[diesel(sql_type = Text)]
    owner_part: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = BigInt)]
    id: DocumentId,
    #[diesel(sql_type = Text)]
    name: String,
}

/// The record that a row belongs to.
struct Owner {
    document_id: DocumentId,
    version: i32,
    name: String,
}

/// Returns the outcomes, changed to a failure for each record whose row belongs to another record: in the ledger, or in this batch. The
/// record that had the row first stays delivered, and its audit notes what was written over it.
pub(super) fn row_conflicts(conn: &mut Conn, queue: &Queue, outcomes: &[Settlement]) -> Tx<Vec<Settlement>> {
    let mut outcomes = outcomes.to_vec();
    let confirmed: Vec<usize> = (0..outcomes.len()).filter(|at| row_of(&outcomes[*at]).is_some()).collect();
    if confirmed.is_empty() {
        return Ok(outcomes);
    }
    let mut found: Vec<(usize, String, Owner)> = in_ledger(conn, queue, &outcomes, &confirmed)?;
    let left: Vec<usize> = confirmed.into_iter().filter(|at| found.iter().all(|(taken, ..)| taken != at)).collect();
    found.extend(in_batch(conn, queue, &outcomes, left)?);
    let mut audit = Vec::with_capacity(found.len());
    for (at, name, owner) in found {
        let Some((sys_id, table)) = row_of(&outcomes[at]) else { continue };
        let message =
            format!("`{name}` was answered with row {sys_id} of `{table}`, which is the row of `{}`: two records in one row", owner.name);
        let next_step = NextStep::RowShared { table: table.to_owned() };
        let mut row = NewAudit::of(AuditKind::Conflict).detail(
            &serde_json::json!({ "message": format!("row {sys_id} of `{table}` was written over with `{name}`"), "next_step": next_step.text() }),
        );
        (row.document_id, row.version) = (Some(owner.document_id), Some(owner.version));
        audit.push(row);
        outcomes[at].poll_after = None;
        outcomes[at].verdict = DeliveryOutcome::Failed { reason: FailureReason::Conflict, message, field: None, next_step };
    }
    audit_append(conn, &audit)?;
    Ok(outcomes)
}

fn row_of(outcome: &Settlement) -> Option<(&str, &str)> {
    match &outcome.verdict {
        DeliveryOutcome::Confirmed { sys_id, table, .. } => Some((sys_id, table)),
        _ => None,
    }
}

fn in_ledger(conn: &mut Conn, queue: &Queue, outcomes: &[Settlement], confirmed: &[usize]) -> Tx<Vec<(usize, String, Owner)>> {
    let rows: Vec<(&Settlement, (&str, &str))> =
        confirmed.iter().filter_map(|at| Some((&outcomes[*at], row_of(&outcomes[*at])?))).collect();
    let taken: Vec<OwnedRow> = prepared(include_str!("sql/record_conflicts.sql"))
        .bind::<Text, _>(&queue.block)
        .bind::<Array<BigInt>, _>(rows.iter().map(|(one, _)| one.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(one, _)| one.record_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(_, row)| row.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(_, row)| row.1).collect::<Vec<_>>())
        .load(conn)?;
    let one = |taken: OwnedRow| {
        let at = *confirmed.get(usize::try_from(taken.place).ok()?)?;
        let owner = Owner {
            document_id: taken.owner_id,
            version: taken.owner_version,
            name: part_name(&taken.owner, &taken.owner_block, &taken.owner_part),
        };
        Some((at, part_name(&taken.name, &queue.block, &outcomes[at].record_key), owner))
    };
    Ok(taken.into_iter().filter_map(one).collect())
}

/// Several records of one batch got the same row: it belongs to the record that created it, or else to the one that was sent first.
fn in_batch(conn: &mut Conn, queue: &Queue, outcomes: &[Settlement], confirmed: Vec<usize>) -> Tx<Vec<(usize, String, Owner)>> {
    let mut by_row: HashMap<(&str, &str), Vec<usize>> = HashMap::with_capacity(confirmed.len());
    for at in confirmed {
        if let Some(row) = row_of(&outcomes[at]) {
            by_row.entry(row).or_default().push(at);
        }
    }
    let shared: Vec<Vec<usize>> = by_row.into_values().filter(|ats| ats.len() > 1).collect();
    if shared.is_empty() {
        return Ok(Vec::new());
    }
    let documents: Vec<DocumentId> = shared.iter().flatten().map(|at| outcomes[*at].document_id).collect();
    let names: Vec<Name> = prepared("SELECT id, company || '/' || entity || '/' || key AS name FROM document WHERE id = ANY($1)")
        .bind::<Array<BigInt>, _>(documents)
        .load(conn)?;
    let names: HashMap<DocumentId, String> = names.into_iter().map(|row| (row.id, row.name)).collect();
    let name = |at: usize| {
        let document = names.get(&outcomes[at].document_id).map_or("", String::as_str);
        part_name(document, &queue.block, &outcomes[at].record_key)
    };
    let made = |at: usize| matches!(&outcomes[at].verdict, DeliveryOutcome::Confirmed { how: Confirmation::Inserted, .. });
    let mut found = Vec::new();
    for ats in shared {
        let Some(first) = ats.iter().copied().min_by_key(|at| (!made(*at), outcomes[*at].delivery_id)) else { continue };
        for at in ats.into_iter().filter(|at| *at != first) {
            let owner = Owner { document_id: outcomes[first].document_id, version: outcomes[first].version, name: name(first) };
            found.push((at, name(at), owner));
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    Ok(found)
}

/// A record's name for people: its document and, for a line, the line.
fn part_name(document: &str, block: &str, part: &str) -> String {
    if part.is_empty() { document.to_owned() } else { format!("{document} {block} {part}") }
}
