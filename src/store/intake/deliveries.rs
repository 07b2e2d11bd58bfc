//! Queues the deliveries of documents that have a new version or are sent again: records that differ, records that are gone, and what each
//! must wait for.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};

use super::super::audit::{NewAudit, audit_append};
use super::super::outbox::{DELIVERIES, OutboxRow, outbox_put, outbox_to_pending, parts_keep};
use super::super::run::RunTally;
use super::super::schema::awaited_parent;
use super::super::settle::pending_release;
use super::super::{Conn, Tx};
use super::choose::{Chosen, HEADER, LatestByRecord, NewDelivery, latest_deliveries};
use super::mapping::{MappingInForce, RowsHere};
use super::page::{Intake, ParentRef, PartKey, Work, next_delivery_ids};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{DeliveryAction, DeliveryState, FailureReason};
use crate::domain::ids::{DeliveryId, DocumentId, RunId};
use crate::domain::next_step::NextStep;
use crate::domain::{DocumentKey, EntityName};
use crate::store::prepared::prepared;
use crate::store::text::{JsonText, Text};

#[derive(QueryableByName)]
struct Parent {
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Bool)]
    elsewhere: bool,
}

#[derive(QueryableByName)]
struct Superseded {
    #[diesel(sql_type = BigInt)]
    delivery_id: DeliveryId,
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    run_id: Option<RunId>,
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    record_key: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failed_at: Option<DateTime<Utc>>,
}

/// A record with a delivery that is not delivered.
#[derive(QueryableByName)]
struct OpenPart {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    record_key: String,
}

/// A withdrawn unsent delivery, whose record is compared again instead.
#[derive(QueryableByName)]
struct TakenBack {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    run_id: Option<RunId>,
}

/// Of aligned documents, only those that cannot be mapped are handled here: their failure replaces what is pending for them. A document
/// that a person sends again is compared again instead.
pub(super) fn leave_to_alignment<'a>(conn: &mut Conn, work: Vec<Work<'a>>, tally: &mut RunTally) -> Tx<Vec<Work<'a>>> {
    let no_record = |w: &Work<'_>| w.document.key.stands_for_a_row();
    let again: Vec<DocumentId> = work.iter().filter(|w| !w.fresh && w.document.mapped.is_ok() && !no_record(w)).map(|w| w.id).collect();
    if !again.is_empty() {
        outbox_to_pending(conn, again.iter().copied())?;
        let gone: Vec<TakenBack> = prepared(
            "WITH again AS (UPDATE base_version SET again = true WHERE document_id = ANY($1)) \
             DELETE FROM pending WHERE document_id = ANY($1) AND state IN ('queued', 'after_header', 'failed', 'waiting', 'on_hold') \
             RETURNING document_id, run_id",
        )
        .bind::<Array<BigInt>, _>(again)
        .load(conn)?;
        tally.replaced.extend(gone.iter().filter_map(|row| Some((row.run_id?, row.document_id))));
    }
    Ok(work.into_iter().filter(|w| w.document.mapped.is_err() || no_record(w)).collect())
}

/// Writes the deliveries of the chosen documents and the state of each. Answers which documents have any.
pub(super) fn deliver(
    conn: &mut Conn,
    intake: &Intake,
    work: &[Work<'_>],
    (mapping, here): (&MappingInForce, &RowsHere),
    tally: &mut RunTally,
) -> Tx<HashSet<DocumentId>> {
    parts_keep(conn, work.iter().filter(|w| w.known).map(|w| w.id))?;
    let latest = latest_deliveries(conn, work)?;
    let missing = missing_parents(conn, intake, work)?;
    let mut chosen = Chosen::default();
    let mut awaited: Vec<(DocumentId, &str, &str)> = Vec::new();
    for w in work {
        let before = latest.get(&w.id);
        match &w.document.mapped {
            Err(failure) => chosen.fail(w, failure, before),
            Ok(records) => {
                let parents: HashSet<&ParentRef> = records.iter().flat_map(|r| &r.parents).filter(|p| missing.contains_key(*p)).collect();
                let first = chosen.deliveries.len();
                chosen.choose(intake, w, records, before, here);
                let Chosen { deliveries, withdrawn } = &mut chosen;
                // the document can be mapped again, or is gone: that failure is over, even where nothing is sent
                for (place, last) in before.into_iter().flatten() {
                    if last.action == DeliveryAction::Unmapped
                        && last.state.is_some()
                        && place.record_key.is_empty()
                        && !deliveries[first..].iter().any(|d| d.block == place.block && d.record_key.is_empty())
                    {
                        let place = (w.id, place.clone());
                        if !withdrawn.contains(&place) {
                            withdrawn.push(place);
                        }
                    }
                }
                let header_open = deliveries[first..].iter().any(|d| d.block == HEADER)
                    || before.is_some_and(|b| b.get(&PartKey::header(HEADER)).is_some_and(|l| l.state.is_some()));
                if deliveries.len() > first && !parents.is_empty() {
                    awaited.extend(parents.iter().map(|p| (w.id, p.entity.as_str(), p.key.as_str())));
                }
                // a parent that only a person can deliver is named first
                let elsewhere = |p: &&ParentRef| missing.get(*p).copied().unwrap_or_default();
                let named = parents.iter().copied().min_by_key(|p| (!elsewhere(p), *p));
                let waits = named.map(|p| {
                    let (stands, next_step) = match elsewhere(&p) {
                        true => ("was delivered to another table, under a former definition", NextStep::ParentElsewhere),
                        false => ("has not been delivered", NextStep::ParentToCome),
                    };
                    let (key, company) = (DocumentKey::shown(p.key.as_str()), &intake.flow.company);
                    (format!("refers to {} `{key}` of company {company}, which {stands}", p.entity), next_step)
                });
                for delivery in deliveries[first..].iter_mut().filter(|delivery| delivery.state == DeliveryState::Queued) {
                    if let Some((message, next_step)) = &waits {
                        (delivery.state, delivery.reason, delivery.message) =
                            (DeliveryState::Waiting, Some(FailureReason::MissingParent), Some(message.clone()));
                        delivery.next_step = Some(next_step.text());
                    } else if delivery.block != HEADER && header_open {
                        delivery.state = DeliveryState::AfterHeader;
                    }
                }
            }
        }
    }
    let Chosen { deliveries, withdrawn } = chosen;
    let known: HashSet<DocumentId> = work.iter().filter(|w| w.known).map(|w| w.id).collect();
    // placeholders have failed, but they are not records of the run
    let rows: HashSet<DocumentId> = work.iter().filter(|w| w.document.key.stands_for_a_row()).map(|w| w.id).collect();
    let Replaced { failed, replaced } = supersede(conn, intake, &deliveries, (&withdrawn, &known), &rows, tally)?;
    let queued = deliveries.iter().map(|delivery| delivery.document_id).collect();
    if deliveries.is_empty() && withdrawn.is_empty() {
        return Ok(queued);
    }
    let parts: Vec<DocumentId> = deliveries.iter().map(|delivery| delivery.document_id).filter(|id| !rows.contains(id)).collect();
    let records: HashSet<&DocumentId> = parts.iter().collect();
    if !records.is_empty() {
        tally.queued.push((intake.run, records.len() as i64, parts.len() as i64));
    }
    let ids = next_delivery_ids(conn, deliveries.len())?;
    insert_deliveries(conn, intake, &ids, &deliveries, mapping)?;
    let (first, alone) = by_care(&ids, &deliveries, &latest, &failed, &replaced);
    outbox_put(conn, &intake.flow, intake.run, &outbox_rows(&first, &known))?;
    insert_pending(conn, intake, &alone, &failed)?;
    // a document that waits for a parent and does not change continues to wait
    let touched: HashSet<DocumentId> = deliveries.iter().map(|d| d.document_id).chain(withdrawn.iter().map(|place| place.0)).collect();
    let again: Vec<DocumentId> = work.iter().filter(|w| w.known && touched.contains(&w.id)).map(|w| w.id).collect();
    if !again.is_empty() {
        diesel::delete(awaited_parent::table.filter(awaited_parent::document_id.eq_any(&again))).execute(conn)?;
    }
    insert_awaited(conn, intake, &awaited)?;
    if !again.is_empty() {
        pending_release(conn, &again, "its parents are delivered, or it no longer refers to them")?;
    }
    let outstanding: Vec<NewAudit> = ids
        .iter()
        .zip(&deliveries)
        .filter_map(|(id, d)| d.reason.map(|reason| (id, d, reason)))
        .map(|(id, d, reason)| {
            let mut row = NewAudit::of(AuditKind::of(reason))
                .detail(&serde_json::json!({ "reason": d.reason, "message": d.message, "field": d.field, "next_step": d.next_step }));
            (row.document_id, row.version, row.delivery_id, row.run_id) =
                (Some(d.document_id), Some(d.version), Some(*id), Some(intake.run));
            row
        })
        .collect();
    audit_append(conn, &outstanding)?;
    Ok(queued)
}

/// Which of the parents have not been delivered, and whether they were delivered to another table than the current one.
fn missing_parents(conn: &mut Conn, intake: &Intake, work: &[Work<'_>]) -> Tx<HashMap<ParentRef, bool>> {
    let wanted: HashSet<&ParentRef> =
        work.iter().filter_map(|w| w.document.mapped.as_ref().ok()).flatten().flat_map(|r| &r.parents).collect();
    parents_missing(conn, intake.flow.company.as_str(), &wanted)
}

/// The same for any parents of a company.
pub(in crate::store) fn parents_missing(conn: &mut Conn, company: &str, wanted: &HashSet<&ParentRef>) -> Tx<HashMap<ParentRef, bool>> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let (entities, keys): (Vec<&str>, Vec<&str>) = wanted.iter().map(|p| (p.entity.as_str(), p.key.as_str())).unzip();
    let rows: Vec<Parent> = prepared(include_str!("../sql/parent_missing.sql"))
        .bind::<Text, _>(company)
        .bind::<Array<Text>, _>(entities)
        .bind::<Array<Text>, _>(keys)
        .load(conn)?;
    let named = |row: &Parent| ParentRef { entity: EntityName::new(&row.entity), key: DocumentKey::from_text(&row.key) };
    Ok(rows.iter().map(|row| (named(row), row.elsewhere)).collect())
}

/// Since when a record has failed, by document and part.
type FailedSince = HashMap<(DocumentId, PartKey), DateTime<Utc>>;

/// What replaced deliveries leave to those that replace them.
#[derive(Default)]
struct Replaced {
    /// Since when their records have failed.
    failed: FailedSince,
    /// Their records, if no other delivery of them is open: an even older one may be in progress, or have an unknown outcome.
    replaced: HashSet<(DocumentId, PartKey)>,
}

/// A delivery with its number.
type Numbered<'a> = (DeliveryId, &'a NewDelivery<'a>);

/// The deliveries that go into the outbox, and those that need a row of their own: they cannot be sent now, have failed before, or follow
/// an older delivery of the same record that is not settled.
fn by_care<'a>(
    ids: &[DeliveryId],
    deliveries: &'a [NewDelivery<'a>],
    latest: &HashMap<DocumentId, LatestByRecord>,
    failed: &FailedSince,
    replaced: &HashSet<(DocumentId, PartKey)>,
) -> (Vec<Numbered<'a>>, Vec<Numbered<'a>>) {
    ids.iter().copied().zip(deliveries).partition(|(_, d)| {
        if !matches!(d.state, DeliveryState::Queued | DeliveryState::AfterHeader) {
            return false;
        }
        let Some(before) = latest.get(&d.document_id) else { return true };
        let place = PartKey { block: d.block.as_ref().to_owned(), record_key: d.record_key.as_ref().to_owned() };
        // an older delivery that was not replaced is in progress by now, or has an unknown outcome
        let open = before.get(&place).is_some_and(|last| last.state.is_some());
        let place = (d.document_id, place);
        !failed.contains_key(&place) && (!open || replaced.contains(&place))
    })
}

/// The rows of the outbox for these deliveries: one for each block of a document, and several for a large block.
fn outbox_rows<'a>(first: &[Numbered<'a>], known: &HashSet<DocumentId>) -> Vec<OutboxRow<'a>> {
    let mut rows: Vec<OutboxRow<'a>> = Vec::new();
    for (id, d) in first {
        let ready = d.state == DeliveryState::Queued;
        let last = rows.last_mut().filter(|row| {
            (row.document_id, row.block, row.ready) == (d.document_id, d.block.as_ref(), ready) && row.deliveries.len() < DELIVERIES
        });
        match last {
            Some(row) => row.deliveries.push(*id),
            None => rows.push(OutboxRow {
                document_id: d.document_id,
                block: &d.block,
                version: d.version,
                ready,
                known: known.contains(&d.document_id),
                deliveries: vec![*id],
            }),
        }
    }
    rows
}

/// Replaces unsent deliveries of known documents by a newer one of the same record.
fn supersede(
    conn: &mut Conn,
    intake: &Intake,
    deliveries: &[NewDelivery<'_>],
    (withdrawn, known): (&[(DocumentId, PartKey)], &HashSet<DocumentId>),
    standing_for_rows: &HashSet<DocumentId>,
    tally: &mut RunTally,
) -> Tx<Replaced> {
    let new = deliveries.iter().map(|d| (d.document_id, d.block.as_ref(), d.record_key.as_ref()));
    let places: Vec<(DocumentId, &str, &str)> = new
        .chain(withdrawn.iter().map(|(id, place)| (*id, place.block.as_str(), place.record_key.as_str())))
        .filter(|place| known.contains(&place.0))
        .collect();
    if places.is_empty() {
        return Ok(Replaced::default());
    }
    outbox_to_pending(conn, places.iter().map(|place| place.0))?;
    let rows: Vec<Superseded> = prepared(include_str!("../sql/pending_supersede.sql"))
        .bind::<Array<BigInt>, _>(places.iter().map(|p| p.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(places.iter().map(|p| p.1).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(places.iter().map(|p| p.2).collect::<Vec<_>>())
        .load(conn)?;
    let audit: Vec<NewAudit> = rows
        .iter()
        .map(|row| {
            let mut audit = NewAudit::of(AuditKind::Superseded);
            (audit.document_id, audit.version, audit.delivery_id) = (Some(row.document_id), Some(row.version), Some(row.delivery_id));
            audit.run_id = Some(intake.run);
            audit
        })
        .collect();
    let records = rows.iter().filter(|row| !standing_for_rows.contains(&row.document_id));
    tally.replaced.extend(records.filter_map(|row| Some((row.run_id?, row.document_id))));
    audit_append(conn, &audit)?;
    let mut found = Replaced::default();
    for row in rows {
        let place = (row.document_id, PartKey { block: row.block, record_key: row.record_key });
        if let Some(at) = row.failed_at {
            let first = found.failed.entry(place.clone()).or_insert(at);
            *first = at.min(*first);
        }
        found.replaced.insert(place);
    }
    for place in still_open(conn, &found.replaced)? {
        found.replaced.remove(&place);
    }
    Ok(found)
}

/// Which of these records have a delivery that is not delivered.
fn still_open(conn: &mut Conn, places: &HashSet<(DocumentId, PartKey)>) -> Tx<Vec<(DocumentId, PartKey)>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let open: Vec<OpenPart> = prepared(include_str!("../sql/parts_behind.sql"))
        .bind::<Array<BigInt>, _>(places.iter().map(|place| place.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(places.iter().map(|place| place.1.block.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(places.iter().map(|place| place.1.record_key.as_str()).collect::<Vec<_>>())
        .load(conn)?;
    Ok(open.into_iter().map(|row| (row.document_id, PartKey { block: row.block, record_key: row.record_key })).collect())
}

fn insert_deliveries(
    conn: &mut Conn,
    intake: &Intake,
    ids: &[DeliveryId],
    deliveries: &[NewDelivery<'_>],
    mapping: &MappingInForce,
) -> Tx<()> {
    prepared(
        "INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash, refs, run_id, mapping) \
         SELECT n.*, $10, $11 FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[]) AS n",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(deliveries.iter().map(|d| d.document_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deliveries.iter().map(|d| d.version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.block.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.record_key.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.action.as_str()).collect::<Vec<_>>())
    .bind::<Array<JsonText>, _>(deliveries.iter().map(|d| d.payload.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(deliveries.iter().map(|d| &d.hash[..]).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.refs.as_deref()).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(intake.run)
    .bind::<Integer, _>(mapping.number)
    .execute(conn)?;
    Ok(())
}

/// Deliveries with a row of their own.
fn insert_pending(conn: &mut Conn, intake: &Intake, deliveries: &[Numbered<'_>], failed: &FailedSince) -> Tx<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    // a retry does not change since when a record has not arrived
    let since = |d: &NewDelivery<'_>| {
        let place = (d.document_id, PartKey { block: d.block.as_ref().to_owned(), record_key: d.record_key.as_ref().to_owned() });
        failed.get(&place).copied()
    };
    prepared(
        "INSERT INTO pending (company, entity, run_id, delivery_id, document_id, version, block, record_key, own_state, reason, message, field, next_step, first_failed_at) \
         SELECT $1, $2, $14, n.delivery_id, n.document_id, n.version, n.block, n.record_key, n.state, n.reason, n.message, n.field, n.next_step, \
                coalesce(n.failed_at, CASE WHEN n.state IN ('failed', 'waiting', 'on_hold') THEN now() END) \
         FROM unnest($3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[]) \
              AS n (delivery_id, document_id, version, block, record_key, state, reason, message, field, next_step, failed_at)",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Text, _>(intake.flow.entity.as_str())
    .bind::<Array<BigInt>, _>(deliveries.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(deliveries.iter().map(|(_, d)| d.document_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deliveries.iter().map(|(_, d)| d.version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|(_, d)| d.block.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|(_, d)| d.record_key.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|(_, d)| d.state.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|(_, d)| d.reason.map(FailureReason::as_str)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|(_, d)| d.message.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|(_, d)| d.field).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|(_, d)| d.next_step.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(deliveries.iter().map(|(_, d)| since(d)).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(intake.run)
    .execute(conn)?;
    Ok(())
}

fn insert_awaited(conn: &mut Conn, intake: &Intake, awaited: &[(DocumentId, &str, &str)]) -> Tx<()> {
    if awaited.is_empty() {
        return Ok(());
    }
    prepared(
        "INSERT INTO awaited_parent (document_id, company, entity, key) \
         SELECT n.document_id, $1, n.entity, n.key FROM unnest($2::bigint[], $3::text[], $4::text[]) AS n (document_id, entity, key) ON CONFLICT DO NOTHING",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Array<BigInt>, _>(awaited.iter().map(|a| a.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(awaited.iter().map(|a| a.1).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(awaited.iter().map(|a| a.2).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}
