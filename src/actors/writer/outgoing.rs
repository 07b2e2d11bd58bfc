//! Claimed deliveries as the records that leave: fields out of the ledger, references by sys_id filled in, keys and sys_ids derived.

use std::collections::{BTreeMap, HashMap};

use super::WriteError;
use crate::actors::Deps;
use crate::definition::plan::TargetPlan;
use crate::definition::record::{derived_sys_id, source_key};
use crate::domain::{CompanyId, DocumentKey, EntityName};
use crate::servicenow::OutRecord;
use crate::store::{Claim, Claimed, UNANSWERED};

/// A reference that is written by sys_id: (field, entity, key).
type LateReference = (String, String, String);

/// What of a claim can be sent, and what cannot.
pub(super) struct Outgoing {
    /// The records, in the order of the claim's deliveries that are left.
    pub(super) records: Vec<OutRecord>,
    /// Deliveries that cannot be read back from the ledger, taken out of the claim, each with what is wrong.
    pub(super) unreadable: Vec<(Claimed, String)>,
}

/// What is read of one delivery.
struct Stored {
    fields: BTreeMap<String, String>,
    refs: Vec<LateReference>,
    expects: Option<BTreeMap<String, String>>,
}

fn read(delivery: &Claimed) -> Result<Stored, String> {
    let wrong = |what: &str, error: serde_json::Error| {
        format!("the ledger holds {what} for delivery {} of `{}` that cannot be read back: {error}", delivery.delivery_id, delivery.key)
    };
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

/// The records of a claim. Deliveries that cannot be read back leave it: none of them holds up its neighbours.
pub(super) async fn records(deps: &Deps, entity: &EntityName, target: &TargetPlan, claim: &mut Claim) -> Result<Outgoing, WriteError> {
    let (mut unreadable, mut stored) = (Vec::new(), Vec::new());
    let mut left = Vec::with_capacity(claim.deliveries.len());
    for delivery in std::mem::take(&mut claim.deliveries) {
        match read(&delivery) {
            Ok(one) => {
                stored.push(one);
                left.push(delivery);
            }
            Err(problem) => unreadable.push((delivery, problem)),
        }
    }
    claim.deliveries = left;
    let wanted: Vec<(String, String, String)> = claim
        .deliveries
        .iter()
        .zip(&stored)
        .flat_map(|(delivery, one)| one.refs.iter().map(|(_, entity, key)| (delivery.company.clone(), entity.clone(), key.clone())))
        .collect();
    let resolved = deps.store.record_resolve(wanted).await;
    let found: HashMap<(String, String, String), String> = match resolved {
        Ok(found) => found.into_iter().collect(),
        Err(error) => {
            // all of it is put back
            claim.deliveries.extend(unreadable.into_iter().map(|(delivery, _)| delivery));
            return Err(error.into());
        }
    };
    let records = claim
        .deliveries
        .iter()
        .zip(stored)
        .map(|(delivery, Stored { mut fields, refs, expects })| {
            for (field, entity, key) in refs {
                if let Some(sys_id) = found.get(&(delivery.company.clone(), entity, key)) {
                    fields.insert(field, sys_id.clone());
                }
            }
            let key = source_key(&CompanyId::new(&delivery.company), entity, &DocumentKey::from_text(&delivery.key), &delivery.record_key);
            OutRecord {
                delivery: delivery.delivery_id,
                derived_sys_id: derived_sys_id(&key, &target.block),
                source_key: key,
                version: i64::from(delivery.version),
                fields,
                sys_id: delivery.sys_id.clone().filter(|sys_id| !sys_id.is_empty()),
                may_exist: delivery.sent_ago.is_some(),
                alone: delivery.reason.as_deref() == Some(UNANSWERED),
                expects,
            }
        })
        .collect();
    Ok(Outgoing { records, unreadable })
}
