//! Decides which records of a document differ from what was last sent, and which are gone. Reads the ledger, and writes nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable};
use sha2::{Digest, Sha256};

use super::super::{Conn, Tx};
use super::differing::Differing;
use super::mapping::{RowHere, RowsHere};
use super::page::{Intake, IntakeRecord, MapFailure, PartKey, Work};
use crate::domain::delivery::{DeliveryAction, DeliveryState, FailureReason};
use crate::domain::ids::DocumentId;
use crate::domain::next_step::NextStep;
use crate::store::prepared::prepared;
use crate::store::text::Text;

#[derive(QueryableByName)]
pub(super) struct Latest {
    #[diesel(sql_type = BigInt)]
    pub(super) document_id: DocumentId,
    #[diesel(sql_type = Text)]
    pub(super) block: String,
    #[diesel(sql_type = Text)]
    pub(super) record_key: String,
    #[diesel(sql_type = Text)]
    pub(super) action: DeliveryAction,
    #[diesel(sql_type = Binary)]
    pub(super) payload_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) reason: Option<String>,
    /// Whether this delivery, or a later one of its part, has arrived.
    #[diesel(sql_type = Bool)]
    pub(super) confirmed: bool,
    #[diesel(sql_type = Bool)]
    pub(super) arrived: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) payload: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) refs: Option<String>,
}

/// A delivery about to be written.
pub(super) struct NewDelivery<'a> {
    pub(super) document_id: DocumentId,
    pub(super) version: i32,
    pub(super) block: Cow<'a, str>,
    pub(super) record_key: Cow<'a, str>,
    pub(super) action: DeliveryAction,
    pub(super) payload: Cow<'a, str>,
    pub(super) hash: [u8; 32],
    pub(super) refs: Option<Cow<'a, str>>,
    pub(super) state: DeliveryState,
    pub(super) reason: Option<FailureReason>,
    pub(super) message: Option<String>,
    pub(super) field: Option<&'a str>,
    pub(super) next_step: Option<Cow<'static, str>>,
}

/// The block of the root row.
pub(super) const HEADER: &str = "header";

pub(super) type LatestByRecord = HashMap<PartKey, Latest>;

/// The newest delivery of every record of the documents that were already known.
pub(super) fn latest_deliveries(conn: &mut Conn, work: &[Work<'_>]) -> Tx<HashMap<DocumentId, LatestByRecord>> {
    let ids: Vec<DocumentId> = work.iter().filter(|w| w.known).map(|w| w.id).collect();
    let mut latest: HashMap<DocumentId, LatestByRecord> = HashMap::new();
    if ids.is_empty() {
        return Ok(latest);
    }
    let gone: Vec<DocumentId> = work.iter().filter(|w| w.document.marks.is_some()).map(|w| w.id).collect();
    let rows: Vec<Latest> =
        prepared(include_str!("../sql/delivery_latest.sql")).bind::<Array<BigInt>, _>(ids).bind::<Array<BigInt>, _>(gone).load(conn)?;
    for row in rows {
        latest.entry(row.document_id).or_default().insert(PartKey { block: row.block.clone(), record_key: row.record_key.clone() }, row);
    }
    Ok(latest)
}

pub(in crate::store) fn payload_hash(payload: &str, refs: Option<&str>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(payload.as_bytes());
    hasher.update([0]);
    hasher.update(refs.unwrap_or_default().as_bytes());
    hasher.finalize().into()
}

/// The first half of the SHA-256 of the fields of a delivery, as the ledger stores them: what the audit says of fields that arrived.
pub fn payload_digest(payload: &str, refs: Option<&str>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&payload_hash(payload, refs)[..16])
}

fn unmapped<'a>(w: &Work<'a>, failure: &'a MapFailure) -> NewDelivery<'a> {
    NewDelivery {
        document_id: w.id,
        version: w.version,
        block: failure.block.as_str().into(),
        record_key: "".into(),
        action: DeliveryAction::Unmapped,
        payload: "{}".into(),
        hash: payload_hash(DeliveryAction::Unmapped.as_str(), Some(&failure.message)),
        refs: None,
        state: failure.reason.state(),
        reason: Some(failure.reason),
        message: Some(failure.message.clone().into()),
        field: Some(&failure.field),
        next_step: Some(failure.next_step.text()),
    }
}

/// The records of a document to be sent, and those that must not be sent any more.
#[derive(Default)]
pub(super) struct Chosen<'a> {
    pub(super) deliveries: Vec<NewDelivery<'a>>,
    /// Parts that never arrived and have nothing to be sent.
    pub(super) withdrawn: Vec<(DocumentId, PartKey)>,
}

impl<'a> Chosen<'a> {
    /// Adds the failure of a document that cannot be mapped, unless it already has this failure with the same message.
    pub(super) fn fail(&mut self, w: &Work<'a>, failure: &'a MapFailure, before: Option<&LatestByRecord>) {
        let delivery = unmapped(w, failure);
        let own = PartKey::header(&failure.block);
        let known = before.and_then(|before| before.get(&own));
        let the_same =
            known.is_some_and(|last| last.action == DeliveryAction::Unmapped && last.payload_hash == delivery.hash && last.state.is_some());
        if w.fresh || w.all || !the_same {
            self.deliveries.push(delivery);
        }
        // deliveries queued for other tables are not among these
        let queued = before.into_iter().flatten().filter(|(place, last)| w.moved && last.state.is_some() && **place != own);
        self.withdrawn.extend(queued.map(|(place, _)| (w.id, place.clone())));
    }

    /// The records whose content differs from what was last sent or is in progress, and those that are gone.
    pub(super) fn choose(
        &mut self,
        intake: &'a Intake,
        w: &Work<'a>,
        records: &'a [IntakeRecord],
        before: Option<&LatestByRecord>,
        rows: &RowsHere,
    ) {
        let new = |block: Cow<'a, str>, record_key: Cow<'a, str>, action, payload: Cow<'a, str>, refs: Option<Cow<'a, str>>| NewDelivery {
            document_id: w.id,
            version: w.version,
            block,
            record_key,
            action,
            hash: payload_hash(&payload, refs.as_deref()),
            payload,
            refs,
            state: DeliveryState::Queued,
            reason: None,
            message: None,
            field: None,
            next_step: None,
        };
        let mut here: HashSet<(&str, &str)> = HashSet::new();
        for record in records {
            here.insert((&record.block, &record.record_key));
            let place = PartKey { block: record.block.clone(), record_key: record.record_key.clone() };
            let last = before.and_then(|b| b.get(&place));
            let refs = record.refs.as_deref().map(Cow::Borrowed);
            let delivery = new(
                record.block.as_str().into(),
                record.record_key.as_str().into(),
                DeliveryAction::Upsert,
                record.payload.as_str().into(),
                refs,
            );
            if w.all || !last.is_some_and(|last| last.says(DeliveryAction::Upsert, &delivery.hash)) {
                self.deliveries.push(delivery);
            }
        }
        // records that the document no longer has
        let whole = w.document.marks.as_ref();
        for (place, last) in
            before.into_iter().flatten().filter(|(place, _)| !here.contains(&(place.block.as_str(), place.record_key.as_str())))
        {
            // the header of a document that stays is among its records, or could never be mapped
            let marks = match whole {
                Some(marks) => marks.blocks.get(&place.block),
                None if place.block == HEADER => continue,
                None => intake.on_gone.get(&place.block),
            };
            let row = if w.placed { rows.get(&(w.id, place.clone())) } else { None };
            let sent = last.sent(row, w);
            // a record that was sent to another table need not exist in the table in which it would be marked
            let there = if w.moved { row.is_some() } else { row.is_some() || last.may_have_arrived() };
            let Some(payload) = there.then(|| sent.marked(marks, &place.block)).flatten() else {
                // a queued delivery was mapped for what was written before
                if last.state.is_some() && (w.placed || !there) {
                    self.withdrawn.push((w.id, place.clone()));
                }
                continue;
            };
            let (payload, unreadable) = match payload {
                Ok(payload) => (payload, None),
                Err(error) => (sent.payload.unwrap_or_default().to_owned(), Some(error)),
            };
            let refs = sent.refs.map(|refs| Cow::Owned(refs.to_owned()));
            let mut delivery = new(place.block.clone().into(), place.record_key.clone().into(), DeliveryAction::Gone, payload.into(), refs);
            if let Some(error) = unreadable {
                (delivery.state, delivery.reason) = (DeliveryState::Failed, Some(FailureReason::Poison));
                delivery.message = Some(format!(
                    "what was last sent of it cannot be read back from the ledger, so that it is not marked as gone: {error}"
                ));
                delivery.next_step = Some(NextStep::StoredUnreadable.text());
            }
            if !sent.says(DeliveryAction::Gone, &delivery.hash) || (w.all && whole.is_some()) {
                self.deliveries.push(delivery);
            } else if w.moved && last.state.is_some() {
                self.withdrawn.push((w.id, place.clone()));
            }
        }
    }
}

/// What was last sent of a part to its current table.
struct Sent<'a> {
    action: DeliveryAction,
    hash: &'a [u8],
    payload: Option<&'a str>,
    refs: Option<&'a str>,
    /// It is there, or is still to arrive.
    counts: bool,
    /// It was written with other columns, or through another table.
    other_way: bool,
}

impl Sent<'_> {
    /// Whether it has the same content, and has arrived or is still to arrive.
    fn says(&self, action: DeliveryAction, hash: &[u8]) -> bool {
        self.action == action && self.hash == hash && self.counts
    }

    /// The content that marks it as gone; `None` where it is not marked.
    fn marked(&self, marks: Option<&BTreeMap<String, String>>, block: &str) -> Option<Result<String, serde_json::Error>> {
        let payload = self.payload?;
        let again = self.action == DeliveryAction::Gone;
        match marks {
            // the fields of a different way of writing need not be columns here
            Some(marks) if self.other_way => Some(serde_json::to_string(marks)),
            // a line that was gone before its document keeps its own mark
            Some(marks) if block == HEADER || !again => Some(overlay(payload, marks)),
            _ if again => Some(Ok(payload.to_owned())),
            _ => None,
        }
    }
}

impl Latest {
    /// Whether the newest delivery has the same content, and has arrived or is still to arrive.
    fn says(&self, action: DeliveryAction, hash: &[u8]) -> bool {
        self.action == action && self.payload_hash == hash && (self.confirmed || self.state.is_some())
    }

    /// What was last sent to the current table of the part. `row` is its row there, if the document was mapped differently before: it
    /// decides, unless something newer is in progress for the same table.
    fn sent<'a>(&'a self, row: Option<&'a RowHere>, w: &Work<'_>) -> Sent<'a> {
        let row = row.filter(|row| w.moved || row.other_way || self.state.is_none());
        if let Some(RowHere { action: Some(action), payload_hash: Some(hash), payload, refs, other_way, .. }) = row {
            let (payload, refs) = (payload.as_deref(), refs.as_deref().filter(|_| !other_way));
            return Sent { action: *action, hash, payload, refs, counts: true, other_way: *other_way };
        }
        Sent {
            action: self.action,
            hash: &self.payload_hash,
            payload: self.payload.as_deref(),
            refs: self.refs.as_deref(),
            counts: self.confirmed || self.state.is_some(),
            other_way: row.is_some_and(|row| row.other_way),
        }
    }

    /// Whether ServiceNow may have the record. A delivery that was refused or not sent yet has not arrived.
    fn may_have_arrived(&self) -> bool {
        use FailureReason::{Poison, Rejected, Unmapped, Unreadable};

        let state = self.state.as_deref().and_then(|state| state.parse().ok());
        let reason = self.reason.as_deref().and_then(|reason| reason.parse().ok());
        match (self.arrived, state, reason) {
            (true, ..) => true,
            (false, Some(DeliveryState::Failed), Some(Rejected | Unmapped | Unreadable | Poison)) => false,
            (false, Some(DeliveryState::Failed | DeliveryState::Sending | DeliveryState::Unknown), _) => true,
            (false, ..) => false,
        }
    }
}

/// Replaces fields in a payload.
fn overlay(payload: &str, marks: &BTreeMap<String, String>) -> Result<String, serde_json::Error> {
    let mut fields: BTreeMap<String, String> = serde_json::from_str(payload)?;
    fields.extend(marks.iter().map(|(name, value)| (name.clone(), value.clone())));
    serde_json::to_string(&fields)
}

/// How many of these documents would send something, how many parts that is, and how many documents could not be mapped.
pub(super) fn differing(conn: &mut Conn, intake: &Intake, work: &[Work<'_>], here: &RowsHere) -> Tx<Differing> {
    let latest = latest_deliveries(conn, work)?;
    let mut all = Differing { compared: work.len() as i64, ..Differing::default() };
    for w in work {
        let mut chosen = Chosen::default();
        match &w.document.mapped {
            Err(failure) => chosen.fail(w, failure, latest.get(&w.id)),
            Ok(records) => chosen.choose(intake, w, records, latest.get(&w.id), here),
        }
        let parts = chosen.deliveries.len() as i64;
        if parts > 0 {
            all.ids.push(w.id);
            all.records += 1;
            all.parts += parts;
            all.failing += i64::from(w.document.mapped.is_err());
        }
    }
    Ok(all)
}
