//! Claimed deliveries as the records that leave: fields out of the ledger, references by sys_id filled in, keys and sys_ids derived.

use std::collections::{BTreeMap, HashMap};

use super::WriteError;
use crate::actors::Deps;
use crate::definition::plan::TargetPlan;
use crate::definition::record::{derived_sys_id, source_key};
use crate::domain::{CompanyId, DocumentKey, EntityName};
use crate::servicenow::OutRecord;
use crate::store::{Claim, Claimed};

/// A reference that is written by sys_id: (field, entity, key).
type LateReference = (String, String, String);

/// The records of a claim, in its order.
pub(super) async fn records(deps: &Deps, entity: &EntityName, target: &TargetPlan, claim: &Claim) -> Result<Vec<OutRecord>, WriteError> {
    let late: Vec<Vec<LateReference>> = claim.deliveries.iter().map(late_references).collect::<Result<_, _>>()?;
    let wanted: Vec<(String, String, String)> = claim
        .deliveries
        .iter()
        .zip(&late)
        .flat_map(|(delivery, refs)| refs.iter().map(|(_, entity, key)| (delivery.company.clone(), entity.clone(), key.clone())))
        .collect();
    let found: HashMap<(String, String, String), String> = deps.store.record_resolve(wanted).await?.into_iter().collect();
    claim
        .deliveries
        .iter()
        .zip(late)
        .map(|(delivery, refs)| {
            let mut fields: BTreeMap<String, String> =
                serde_json::from_str(&delivery.payload).map_err(|error| corrupt(delivery, "a payload", &error))?;
            for (field, entity, key) in refs {
                if let Some(sys_id) = found.get(&(delivery.company.clone(), entity, key)) {
                    fields.insert(field, sys_id.clone());
                }
            }
            let expects = delivery.expects.as_deref().map(serde_json::from_str).transpose();
            let expects = expects.map_err(|error| corrupt(delivery, "expectations", &error))?;
            let key = source_key(&CompanyId::new(&delivery.company), entity, &DocumentKey::from_text(&delivery.key), &delivery.record_key);
            Ok(OutRecord {
                delivery: delivery.delivery_id,
                derived_sys_id: derived_sys_id(&key, &target.block),
                source_key: key,
                version: i64::from(delivery.version),
                fields,
                sys_id: delivery.sys_id.clone().filter(|sys_id| !sys_id.is_empty()),
                may_exist: delivery.sent_ago.is_some(),
                expects,
            })
        })
        .collect()
}

fn late_references(delivery: &Claimed) -> Result<Vec<LateReference>, WriteError> {
    match &delivery.refs {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| corrupt(delivery, "references", &error)),
    }
}

fn corrupt(delivery: &Claimed, what: &str, error: &serde_json::Error) -> WriteError {
    WriteError::Store { text: format!("the ledger holds {what} for delivery {} that cannot be read: {error}", delivery.delivery_id) }
}
