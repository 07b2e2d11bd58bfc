//! Converts claimed deliveries to records to be sent: reads the fields from the ledger, fills in references by sys_id, and derives keys and
//! sys_ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::WriteError;
use crate::definition::plan::{TargetPlan, WriteMode};
use crate::definition::record::{derived_sys_id, source_key};
use crate::domain::delivery::Attempt;
use crate::domain::ids::{DeliveryId, DocumentId};
use crate::domain::version::VersionText;
use crate::domain::{CompanyId, DocumentKey, EntityName, FlowId, LateReference, RecordRef, SysId, Texts};
use crate::servicenow::OutRecord;
use crate::store::{Claim, Claimed, Store, UNANSWERED};

/// The part of a claim that can be sent, and the part that cannot.
pub(super) struct Outgoing {
    /// The records, in the order of the remaining deliveries of the claim.
    pub(super) records: Vec<OutRecord>,
    /// Deliveries that cannot be sent, removed from the claim, each with its problem.
    pub(super) unsendable: Vec<(Claimed, Unsendable)>,
}

/// Why a delivery cannot be sent in the form that the ledger holds.
pub(super) enum Unsendable {
    /// Its stored content cannot be read.
    Unreadable(String),
    /// It was mapped for another table, whose columns differ.
    Elsewhere,
}

/// The stored content of one delivery.
struct Stored {
    fields: Texts,
    refs: Vec<LateReference>,
    expects: Option<BTreeMap<String, String>>,
}

fn read(delivery: &Claimed) -> Result<Stored, String> {
    let wrong = |what: &str, error: serde_json::Error| {
        format!("the ledger holds {what} for delivery {} of `{}` that cannot be read back: {error}", delivery.delivery_id, delivery.key)
    };
    // such an id was stored before ids were checked: without it, a second row would be created
    if let Some(Err(error)) = delivery.sys_id.as_deref().map(SysId::read) {
        return Err(format!(
            "the ledger holds a row for delivery {} of `{}` that cannot be written to: {error}",
            delivery.delivery_id, delivery.key
        ));
    }
    Ok(Stored {
        fields: serde_json::from_str(&delivery.payload).map_err(|error| wrong("fields", error))?,
        refs: delivery
            .refs
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| wrong("references", error))?
            .unwrap_or_default(),
        expects: delivery.expects.as_deref().map(serde_json::from_str).transpose().map_err(|error| wrong("expectations", error))?,
    })
}

/// The records of a claim, to be sent or looked up. Deliveries that cannot be sent are removed from it, so that they do not delay the
/// others.
pub(super) async fn records(
    store: &Store,
    entity: &EntityName,
    target: &TargetPlan,
    claim: &mut Claim,
    attempt: Attempt,
) -> Result<Outgoing, WriteError> {
    let (mut unsendable, mut stored) = (Vec::new(), Vec::new());
    let mut left = Vec::with_capacity(claim.deliveries.len());
    for delivery in std::mem::take(&mut claim.deliveries) {
        if delivery.elsewhere && attempt == Attempt::Send {
            unsendable.push((delivery, Unsendable::Elsewhere));
            continue;
        }
        match read(&delivery) {
            Ok(one) => {
                stored.push(one);
                left.push(delivery);
            }
            Err(problem) => unsendable.push((delivery, Unsendable::Unreadable(problem))),
        }
    }
    claim.deliveries = left;
    let wanted: Vec<RecordRef> = claim
        .deliveries
        .iter()
        .zip(&stored)
        .flat_map(|(delivery, one)| one.refs.iter().map(move |reference| referred(delivery, reference.clone())))
        .collect();
    let resolved = async { Ok::<_, WriteError>((store.record_resolve(wanted).await?, before(store, target, claim).await?)) };
    let (found, before) = match resolved.await {
        Ok((found, before)) => (found.into_iter().collect::<HashMap<RecordRef, String>>(), before),
        Err(error) => {
            // all of them are put back
            claim.deliveries.extend(unsendable.into_iter().map(|(delivery, _)| delivery));
            return Err(error);
        }
    };
    let records = claim
        .deliveries
        .iter()
        .zip(stored)
        .map(|(delivery, Stored { mut fields, refs, expects })| {
            for reference in refs {
                let field = reference.field.clone();
                if let Some(sys_id) = found.get(&referred(delivery, reference)) {
                    fields.set(&field, sys_id);
                }
            }
            let key = source_key(&CompanyId::new(&delivery.company), entity, &DocumentKey::from_text(&delivery.key), &delivery.record_key);
            let sys_id = delivery.sys_id.as_deref().and_then(SysId::new);
            let sys_table = delivery.sys_table.clone().filter(|_| sys_id.is_some());
            // a row of another table, written before the definition named this one, cannot be updated here
            let elsewhere = target.write == WriteMode::Table && sys_table.as_ref().is_some_and(|table| *table != target.table);
            let (sys_id, sys_table) = if elsewhere { (None, None) } else { (sys_id, sys_table) };
            OutRecord {
                delivery: delivery.delivery_id,
                derived_sys_id: derived_sys_id(&key, &target.block),
                source_key: key,
                version: VersionText::new(i64::from(delivery.version), &delivery.payload_hash),
                cleared: cleared(target, delivery, before.get(&delivery.delivery_id), &fields),
                fields,
                sys_id,
                sys_table,
                may_exist: delivery.sent_ago.is_some(),
                alone: delivery.reason.as_deref() == Some(UNANSWERED),
                expects,
            }
        })
        .collect();
    Ok(Outgoing { records, unsendable })
}

/// The record that a reference names: of the same company.
fn referred(delivery: &Claimed, LateReference { entity, key, .. }: LateReference) -> RecordRef {
    RecordRef { flow: FlowId::new(delivery.company.as_str(), entity), key }
}

/// What was last delivered of records that exist in ServiceNow; for import sets only, because in the Table API an empty text clears a
/// column.
async fn before(store: &Store, target: &TargetPlan, claim: &Claim) -> Result<HashMap<DeliveryId, String>, WriteError> {
    let known = claim.deliveries.iter().filter(|delivery| target.write == WriteMode::ImportSet && delivery.sys_id.is_some());
    let known: Vec<(DeliveryId, DocumentId, String)> =
        known.map(|delivery| (delivery.delivery_id, delivery.document_id, delivery.record_key.clone())).collect();
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(store.record_payloads(target.block.clone(), known).await?.into_iter().collect())
}

/// Fields to be cleared: those that are empty now and had a value before. Where a row exists and its last delivered content is not known,
/// as after a restore, all empty fields. A version that is already delivered is sent again because a person asked for it: all its empty
/// fields are cleared, so that a row that was never cleared becomes correct.
fn cleared(target: &TargetPlan, delivery: &Claimed, before: Option<&String>, fields: &Texts) -> BTreeSet<String> {
    let unknown = delivery.sys_id.is_some() && before.is_none();
    let again = target.write == WriteMode::ImportSet && (delivery.confirmed_before || unknown);
    let before: BTreeMap<String, String> = before.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let filled = |name: &str| before.get(name).is_some_and(|text| !text.trim().is_empty());
    fields.iter().filter(|(name, text)| text.trim().is_empty() && (again || filled(name))).map(|(name, _)| name.to_owned()).collect()
}
