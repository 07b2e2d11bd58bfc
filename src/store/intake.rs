//! A page of documents is taken in: versions, deliveries, watermark and audit in one transaction, by a fixed number of statements.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};

use super::audit::{NewAudit, audit_append};
use super::backfill::{BackfillStep, backfill_step};
use super::flow::{flow_advance, flow_assert_held};
use super::run::run_count;
use super::settle::pending_release;
use super::{Conn, Lease, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::ParkReason;
use crate::domain::run::{RunCounts, RunId};
use crate::domain::{DocumentKey, FlowId};

/// A page on its way into the ledger.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The flow.
    pub flow: FlowId,
    /// The lease it is read under; `None` for a replay, which reads nothing from SYSPRO.
    pub lease: Option<(Lease, Duration)>,
    /// The run.
    pub run: RunId,
    /// The documents; at most one per key.
    pub documents: Vec<IntakeDocument>,
    /// The new watermark, with the last page of a read.
    pub watermark: Option<NaiveDate>,
    /// Where an interrupted read goes on.
    pub position: Option<serde_json::Value>,
    /// A backfill's page: its position moves, and the flow's does not.
    pub backfill: Option<BackfillStep>,
    /// What each column holds, when that is new.
    pub kinds: Option<serde_json::Value>,
    /// What is to be said of this page as a whole, by name: a column that changed.
    pub notes: Vec<String>,
    /// Whether to note the documents as seen by this run's sweep.
    pub sweep: bool,
    /// Send again although nothing changed, because somebody asked.
    pub resend: bool,
    /// Per block, what is written when SYSPRO no longer has the record; a block without an entry is left as it is.
    pub on_gone: BTreeMap<String, BTreeMap<String, String>>,
    /// Both sides may change these records: versions are kept, and what is sent is decided by the alignment that follows.
    pub aligned: bool,
    /// Who asked.
    pub actor: String,
}

impl Intake {
    /// Documents as they are taken in when nothing else is said of them: read outside a lease, nothing else moves.
    pub fn of(flow: FlowId, run: RunId, documents: Vec<IntakeDocument>) -> Self {
        Self {
            flow,
            lease: None,
            run,
            documents,
            watermark: None,
            position: None,
            backfill: None,
            kinds: None,
            notes: Vec::new(),
            sweep: false,
            resend: false,
            on_gone: BTreeMap::new(),
            aligned: false,
            actor: "tieline".into(),
        }
    }
}

/// One document, mapped.
#[derive(Debug, Clone)]
pub struct IntakeDocument {
    /// The key.
    pub key: DocumentKey,
    /// SHA-256 of the content.
    pub hash: [u8; 32],
    /// The content as JSON.
    pub content: String,
    /// The target records, or why there are none.
    pub mapped: Result<Vec<IntakeRecord>, MapFailure>,
    /// What the mapping has to say, such as a text that was cut.
    pub warnings: Vec<String>,
    /// SYSPRO no longer has it; the records are those that mark it in the target.
    pub gone: bool,
}

/// One target record.
#[derive(Debug, Clone)]
pub struct IntakeRecord {
    /// `header` or the child's name.
    pub block: String,
    /// Empty for a header.
    pub record_key: String,
    /// The fields, as a JSON object of texts.
    pub payload: String,
    /// References by sys_id, as JSON, filled in when the record is sent.
    pub refs: Option<String>,
    /// (entity, key) of the documents of the same company that must be delivered first.
    pub parents: Vec<(String, String)>,
}

/// A document that could not be mapped.
#[derive(Debug, Clone)]
pub struct MapFailure {
    /// `rejected`, or `poison` when the document crashed the Mapper twice.
    pub reason: ParkReason,
    /// The first block of the plan, so that the failure has a place.
    pub block: String,
    /// What is wrong.
    pub message: String,
    /// The field.
    pub field: String,
    /// What to do.
    pub next_step: String,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = Bool)]
    deleted: bool,
}

#[derive(QueryableByName)]
struct Latest {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    record_key: String,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Binary)]
    payload_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    payload: Option<String>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Parent {
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    key: String,
}

#[derive(QueryableByName)]
struct Superseded {
    #[diesel(sql_type = BigInt)]
    delivery_id: i64,
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
}

/// A document that gets a version, or its records again.
struct Work<'a> {
    document: &'a IntakeDocument,
    id: i64,
    version: i32,
    /// Whether the content is a new version (else it is sent again).
    fresh: bool,
    /// Whether the document was known before.
    known: bool,
}

/// A delivery about to be written.
struct NewDelivery<'a> {
    document_id: i64,
    version: i32,
    block: &'a str,
    record_key: Cow<'a, str>,
    action: &'static str,
    payload: Cow<'a, str>,
    hash: [u8; 32],
    refs: Option<&'a str>,
    state: &'static str,
    reason: Option<&'static str>,
    message: Option<String>,
    field: Option<&'a str>,
    next_step: Option<&'a str>,
}

impl Store {
    /// Takes a page in. Unchanged documents leave no trace but their count.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the flow is somebody else's by now; then nothing was written.
    pub async fn intake(&self, intake: Intake) -> Result<RunCounts, StoreError> {
        self.run("take a page in", move |conn| take_in(conn, &intake)).await
    }
}

fn take_in(conn: &mut Conn, intake: &Intake) -> Tx<RunCounts> {
    if let Some((lease, ttl)) = &intake.lease {
        flow_assert_held(conn, lease, *ttl)?;
        let moves = intake.backfill.is_none().then_some((intake.watermark, intake.position.as_ref()));
        flow_advance(conn, lease, moves, intake.kinds.as_ref())?;
    }
    if !intake.notes.is_empty() {
        let note = |note: &String| {
            let mut row = NewAudit::of(AuditKind::Drifted).detail(&serde_json::json!({ "what": note }));
            (row.company, row.entity) = (Some(intake.flow.company.to_string()), Some(intake.flow.entity.to_string()));
            row.run_id = Some(intake.run.0);
            row
        };
        audit_append(conn, &intake.notes.iter().map(note).collect::<Vec<_>>())?;
    }
    let mut counts = RunCounts { read: intake.documents.iter().filter(|d| !d.gone).count() as i64, ..Default::default() };
    if intake.documents.is_empty() {
        if let Some(step) = &intake.backfill {
            backfill_step(conn, &intake.flow, step, counts)?;
        }
        return Ok(counts);
    }
    let mut known = known_documents(conn, intake)?;
    let new_ids = insert_new_documents(conn, intake, &known)?;
    if intake.sweep {
        note_seen(conn, intake, &known, &new_ids)?;
    }
    let work = choose_work(intake, &mut known, &new_ids, &mut counts);
    if !work.is_empty() {
        update_changed_documents(conn, &work)?;
        insert_versions(conn, intake, &work)?;
        let work = if intake.aligned { leave_to_alignment(conn, work)? } else { work };
        if !work.is_empty() {
            deliver(conn, intake, &work)?;
        }
    }
    run_count(conn, intake.run, counts)?;
    if let Some(step) = &intake.backfill {
        backfill_step(conn, &intake.flow, step, counts)?;
    }
    Ok(counts)
}

fn known_documents(conn: &mut Conn, intake: &Intake) -> Tx<HashMap<String, Known>> {
    let keys: Vec<&str> = intake.documents.iter().map(|d| d.key.as_str()).collect();
    let rows: Vec<Known> =
        sql_query("SELECT id, key, version, hash, deleted FROM document WHERE company = $1 AND entity = $2 AND key = ANY($3)")
            .bind::<Text, _>(intake.flow.company.as_str())
            .bind::<Text, _>(intake.flow.entity.as_str())
            .bind::<Array<Text>, _>(keys)
            .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// Documents seen for the first time. A deletion of an unknown document is nothing to us.
fn insert_new_documents(conn: &mut Conn, intake: &Intake, known: &HashMap<String, Known>) -> Tx<HashMap<String, i64>> {
    let new: Vec<&IntakeDocument> = intake.documents.iter().filter(|d| !d.gone && !known.contains_key(d.key.as_str())).collect();
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = next_ids(conn, "document", new.len())?;
    sql_query(
        "INSERT INTO document (id, company, entity, key, version, hash) \
         SELECT n.id, $1, $2, n.key, 1, n.hash FROM unnest($3::bigint[], $4::text[], $5::bytea[]) AS n (id, key, hash)",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Text, _>(intake.flow.entity.as_str())
    .bind::<Array<BigInt>, _>(&ids)
    .bind::<Array<Text>, _>(new.iter().map(|d| d.key.as_str()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(new.iter().map(|d| &d.hash[..]).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(new.iter().map(|d| d.key.as_str().to_owned()).zip(ids).collect())
}

/// Numbers from a table's sequence, so that rows and the rows that refer to them go in without asking back.
pub(super) fn next_ids(conn: &mut Conn, table: &str, count: usize) -> Tx<Vec<i64>> {
    let rows: Vec<Id> = sql_query("SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2)")
        .bind::<Text, _>(table)
        .bind::<BigInt, _>(count as i64)
        .load(conn)?;
    let mut ids: Vec<i64> = rows.into_iter().map(|row| row.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn note_seen(conn: &mut Conn, intake: &Intake, known: &HashMap<String, Known>, new_ids: &HashMap<String, i64>) -> Tx<()> {
    let ids: Vec<i64> = known.values().map(|row| row.id).chain(new_ids.values().copied()).collect();
    sql_query("INSERT INTO sweep_seen (run_id, document_id) SELECT $1, unnest($2::bigint[])")
        .bind::<SqlUuid, _>(intake.run.0)
        .bind::<Array<BigInt>, _>(ids)
        .execute(conn)?;
    Ok(())
}

fn choose_work<'a>(
    intake: &'a Intake,
    known: &mut HashMap<String, Known>,
    new_ids: &HashMap<String, i64>,
    counts: &mut RunCounts,
) -> Vec<Work<'a>> {
    let mut work = Vec::new();
    for document in &intake.documents {
        if let Some(&id) = new_ids.get(document.key.as_str()) {
            counts.new += 1;
            work.push(Work { document, id, version: 1, fresh: true, known: false });
            continue;
        }
        let Some(row) = known.get(document.key.as_str()) else { continue };
        let same = row.hash == document.hash && row.deleted == document.gone;
        if !same {
            if document.gone {
                counts.deleted += 1;
            } else {
                counts.changed += 1;
            }
            work.push(Work { document, id: row.id, version: row.version + 1, fresh: true, known: true });
        } else if intake.resend {
            work.push(Work { document, id: row.id, version: row.version, fresh: false, known: true });
        } else {
            counts.unchanged += 1;
        }
    }
    work
}

fn update_changed_documents(conn: &mut Conn, work: &[Work<'_>]) -> Tx<()> {
    let changed: Vec<&Work<'_>> = work.iter().filter(|w| w.known && w.fresh).collect();
    if changed.is_empty() {
        return Ok(());
    }
    sql_query(
        "UPDATE document d SET version = n.version, hash = n.hash, deleted = n.deleted \
         FROM unnest($1::bigint[], $2::integer[], $3::bytea[], $4::boolean[]) AS n (id, version, hash, deleted) WHERE d.id = n.id",
    )
    .bind::<Array<BigInt>, _>(changed.iter().map(|w| w.id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(changed.iter().map(|w| w.version).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(changed.iter().map(|w| &w.document.hash[..]).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(changed.iter().map(|w| w.document.gone).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

fn insert_versions(conn: &mut Conn, intake: &Intake, work: &[Work<'_>]) -> Tx<()> {
    let fresh: Vec<&Work<'_>> = work.iter().filter(|w| w.fresh).collect();
    if !fresh.is_empty() {
        sql_query(
            "INSERT INTO version (document_id, version, run_id, hash, deleted, content) \
             SELECT n.id, n.version, $1, n.hash, n.deleted, n.content \
             FROM unnest($2::bigint[], $3::integer[], $4::bytea[], $5::boolean[], $6::text[]) AS n (id, version, hash, deleted, content)",
        )
        .bind::<SqlUuid, _>(intake.run.0)
        .bind::<Array<BigInt>, _>(fresh.iter().map(|w| w.id).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(fresh.iter().map(|w| w.version).collect::<Vec<_>>())
        .bind::<Array<Binary>, _>(fresh.iter().map(|w| &w.document.hash[..]).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(fresh.iter().map(|w| w.document.gone).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(fresh.iter().map(|w| w.document.content.as_str()).collect::<Vec<_>>())
        .execute(conn)?;
    }
    let audit: Vec<NewAudit> = work
        .iter()
        .map(|w| {
            let kind = match (w.fresh, w.document.gone) {
                (false, _) => AuditKind::Replayed,
                (true, true) => AuditKind::DeletionSeen,
                (true, false) => AuditKind::VersionRead,
            };
            let mut row = NewAudit::of(kind);
            (row.document_id, row.version, row.run_id) = (Some(w.id), Some(w.version), Some(intake.run.0));
            row.actor.clone_from(&intake.actor);
            if !w.document.warnings.is_empty() {
                row.detail = Some(serde_json::json!({ "warnings": w.document.warnings }).to_string());
            }
            row
        })
        .collect();
    audit_append(conn, &audit)
}

/// Of aligned documents only those that cannot be mapped are dealt with here. What is sent again by hand is compared again instead.
fn leave_to_alignment<'a>(conn: &mut Conn, work: Vec<Work<'a>>) -> Tx<Vec<Work<'a>>> {
    let again: Vec<i64> = work.iter().filter(|w| !w.fresh).map(|w| w.id).collect();
    if !again.is_empty() {
        sql_query(
            "WITH gone AS (DELETE FROM pending WHERE document_id = ANY($1) AND state IN ('waiting', 'held', 'parked')) \
             UPDATE agreed SET again = true WHERE document_id = ANY($1)",
        )
        .bind::<Array<BigInt>, _>(again)
        .execute(conn)?;
    }
    Ok(work.into_iter().filter(|w| w.document.mapped.is_err()).collect())
}

/// Writes the deliveries of the chosen documents and what is to be done with each.
fn deliver(conn: &mut Conn, intake: &Intake, work: &[Work<'_>]) -> Tx<()> {
    let latest = latest_deliveries(conn, work)?;
    let missing = missing_parents(conn, intake, work)?;
    let mut deliveries: Vec<NewDelivery<'_>> = Vec::new();
    let mut awaited: Vec<(i64, &str, &str)> = Vec::new();
    for w in work {
        let before = latest.get(&w.id);
        match &w.document.mapped {
            Err(failure) => deliveries.push(unmapped(w, failure)),
            Ok(records) => {
                let parents: HashSet<&(String, String)> =
                    records.iter().flat_map(|r| &r.parents).filter(|p| missing.contains(*p)).collect();
                let first = deliveries.len();
                choose_records(intake, w, records, before, &mut deliveries);
                let header_open = deliveries[first..].iter().any(|d| d.block == HEADER)
                    || before.is_some_and(|b| b.get(&(HEADER.to_owned(), String::new())).is_some_and(|l| l.state.is_some()));
                if deliveries.len() > first && !parents.is_empty() {
                    awaited.extend(parents.iter().map(|p| (w.id, p.0.as_str(), p.1.as_str())));
                }
                let message = parents
                    .iter()
                    .min()
                    .map(|p| format!("refers to {} `{}` of company {}, which has not been delivered", p.0, p.1, intake.flow.company));
                for delivery in &mut deliveries[first..] {
                    if let Some(message) = &message {
                        (delivery.state, delivery.reason, delivery.message) = ("parked", Some("missing_parent"), Some(message.clone()));
                        delivery.next_step = Some("nothing: it is released by itself when that record is delivered");
                    } else if delivery.block != HEADER && header_open {
                        delivery.state = "held";
                    }
                }
            }
        }
    }
    if deliveries.is_empty() {
        return Ok(());
    }
    supersede(conn, intake, &deliveries)?;
    let ids = next_ids(conn, "delivery", deliveries.len())?;
    insert_deliveries(conn, &ids, &deliveries)?;
    insert_pending(conn, intake, &ids, &deliveries)?;
    let again: Vec<i64> = work.iter().filter(|w| w.known).map(|w| w.id).collect();
    if !again.is_empty() {
        sql_query("DELETE FROM awaited_parent WHERE document_id = ANY($1)").bind::<Array<BigInt>, _>(&again).execute(conn)?;
    }
    insert_awaited(conn, intake, &awaited)?;
    if !again.is_empty() {
        pending_release(conn, &again, "its parents are delivered, or it no longer refers to them")?;
    }
    let parked: Vec<NewAudit> = ids
        .iter()
        .zip(&deliveries)
        .filter(|(_, d)| d.state == "parked")
        .map(|(id, d)| {
            let mut row = NewAudit::of(AuditKind::Parked)
                .detail(&serde_json::json!({ "reason": d.reason, "message": d.message, "field": d.field, "next_step": d.next_step }));
            (row.document_id, row.version, row.delivery_id, row.run_id) =
                (Some(d.document_id), Some(d.version), Some(*id), Some(intake.run.0));
            row
        })
        .collect();
    audit_append(conn, &parked)
}

/// The block of the root row.
const HEADER: &str = "header";

type LatestByRecord = HashMap<(String, String), Latest>;

/// The newest delivery of every record of the documents that were known before.
fn latest_deliveries(conn: &mut Conn, work: &[Work<'_>]) -> Tx<HashMap<i64, LatestByRecord>> {
    let ids: Vec<i64> = work.iter().filter(|w| w.known).map(|w| w.id).collect();
    let mut latest: HashMap<i64, LatestByRecord> = HashMap::new();
    if ids.is_empty() {
        return Ok(latest);
    }
    let rows: Vec<Latest> = sql_query(include_str!("sql/delivery_latest.sql")).bind::<Array<BigInt>, _>(ids).load(conn)?;
    for row in rows {
        latest.entry(row.document_id).or_default().insert((row.block.clone(), row.record_key.clone()), row);
    }
    Ok(latest)
}

/// Which of the documents referred to have not been delivered.
fn missing_parents(conn: &mut Conn, intake: &Intake, work: &[Work<'_>]) -> Tx<HashSet<(String, String)>> {
    let wanted: HashSet<&(String, String)> =
        work.iter().filter_map(|w| w.document.mapped.as_ref().ok()).flatten().flat_map(|r| &r.parents).collect();
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let (entities, keys): (Vec<&str>, Vec<&str>) = wanted.iter().map(|p| (p.0.as_str(), p.1.as_str())).unzip();
    let rows: Vec<Parent> = sql_query(include_str!("sql/parent_missing.sql"))
        .bind::<Text, _>(intake.flow.company.as_str())
        .bind::<Array<Text>, _>(entities)
        .bind::<Array<Text>, _>(keys)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.entity, row.key)).collect())
}

pub(super) fn payload_hash(payload: &str, refs: Option<&str>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(payload.as_bytes());
    hasher.update([0]);
    hasher.update(refs.unwrap_or_default().as_bytes());
    hasher.finalize().into()
}

fn unmapped<'a>(w: &Work<'a>, failure: &'a MapFailure) -> NewDelivery<'a> {
    NewDelivery {
        document_id: w.id,
        version: w.version,
        block: &failure.block,
        record_key: "".into(),
        action: "unmapped",
        payload: "{}".into(),
        hash: payload_hash("unmapped", Some(&failure.message)),
        refs: None,
        state: "parked",
        reason: Some(failure.reason.as_str()),
        message: Some(failure.message.clone()),
        field: Some(&failure.field),
        next_step: Some(&failure.next_step),
    }
}

/// The records whose content differs from what was last sent or is on its way, and those that are gone.
fn choose_records<'a>(
    intake: &'a Intake,
    w: &Work<'a>,
    records: &'a [IntakeRecord],
    before: Option<&LatestByRecord>,
    deliveries: &mut Vec<NewDelivery<'a>>,
) {
    let new = |block, record_key: Cow<'a, str>, action, payload: Cow<'a, str>, hash, refs| NewDelivery {
        document_id: w.id,
        version: w.version,
        block,
        record_key,
        action,
        payload,
        hash,
        refs,
        state: "waiting",
        reason: None,
        message: None,
        field: None,
        next_step: None,
    };
    let action = if w.document.gone { "gone" } else { "upsert" };
    let mut here: HashSet<(&str, &str)> = HashSet::new();
    for record in records {
        here.insert((&record.block, &record.record_key));
        let hash = payload_hash(&record.payload, record.refs.as_deref());
        let last = before.and_then(|b| b.get(&(record.block.clone(), record.record_key.clone())));
        let same = last.is_some_and(|l| l.payload_hash == hash && l.action == action);
        if !same || !w.fresh {
            deliveries.push(new(
                &record.block,
                record.record_key.as_str().into(),
                action,
                record.payload.as_str().into(),
                hash,
                record.refs.as_deref(),
            ));
        }
    }
    // lines that the document no longer has
    if !w.document.gone {
        for (place, last) in before.into_iter().flatten() {
            let vanished = place.0 != HEADER && last.action == "upsert" && !here.contains(&(place.0.as_str(), place.1.as_str()));
            let Some((block, marks)) = intake.on_gone.get_key_value(&place.0).filter(|_| vanished) else { continue };
            let payload = overlay(last.payload.as_deref().unwrap_or("{}"), marks);
            let hash = payload_hash(&payload, None);
            deliveries.push(new(block, place.1.clone().into(), "gone", payload.into(), hash, None));
        }
    }
}

/// Lays fields over a payload.
fn overlay(payload: &str, marks: &BTreeMap<String, String>) -> String {
    let mut fields: BTreeMap<String, String> = serde_json::from_str(payload).unwrap_or_default();
    fields.extend(marks.iter().map(|(name, value)| (name.clone(), value.clone())));
    serde_json::to_string(&fields).unwrap_or_default()
}

/// What a newer delivery of the same record replaces before it was sent.
fn supersede(conn: &mut Conn, intake: &Intake, deliveries: &[NewDelivery<'_>]) -> Tx<()> {
    let rows: Vec<Superseded> = sql_query(include_str!("sql/pending_supersede.sql"))
        .bind::<Array<BigInt>, _>(deliveries.iter().map(|d| d.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.block).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.record_key.as_ref()).collect::<Vec<_>>())
        .load(conn)?;
    let audit: Vec<NewAudit> = rows
        .iter()
        .map(|row| {
            let mut audit = NewAudit::of(AuditKind::Superseded);
            (audit.document_id, audit.version, audit.delivery_id) = (Some(row.document_id), Some(row.version), Some(row.delivery_id));
            audit.run_id = Some(intake.run.0);
            audit
        })
        .collect();
    audit_append(conn, &audit)
}

fn insert_deliveries(conn: &mut Conn, ids: &[i64], deliveries: &[NewDelivery<'_>]) -> Tx<()> {
    sql_query(
        "INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash, refs) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[])",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(deliveries.iter().map(|d| d.document_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deliveries.iter().map(|d| d.version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.block).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.record_key.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.action).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.payload.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(deliveries.iter().map(|d| &d.hash[..]).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.refs).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

fn insert_pending(conn: &mut Conn, intake: &Intake, ids: &[i64], deliveries: &[NewDelivery<'_>]) -> Tx<()> {
    sql_query(
        "INSERT INTO pending (company, entity, delivery_id, document_id, version, block, record_key, state, reason, message, field, next_step) \
         SELECT $1, $2, n.* FROM unnest($3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[]) AS n",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Text, _>(intake.flow.entity.as_str())
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(deliveries.iter().map(|d| d.document_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(deliveries.iter().map(|d| d.version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.block).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.record_key.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(deliveries.iter().map(|d| d.state).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.reason).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.message.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.field).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(deliveries.iter().map(|d| d.next_step).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

fn insert_awaited(conn: &mut Conn, intake: &Intake, awaited: &[(i64, &str, &str)]) -> Tx<()> {
    if awaited.is_empty() {
        return Ok(());
    }
    sql_query(
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
