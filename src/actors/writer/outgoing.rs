//! Claimed deliveries as the records that leave: fields out of the ledger, references by sys_id filled in, keys and sys_ids derived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::WriteError;
use crate::actors::Deps;
use crate::definition::plan::{TargetPlan, WriteMode};
use crate::definition::record::{derived_sys_id, source_key};
use crate::domain::{CompanyId, DocumentKey, EntityName, SysId};
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
    let before = before(deps, target, claim).await?;
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
            let sys_id = delivery.sys_id.as_deref().and_then(SysId::new);
            let sys_table = delivery.sys_table.clone().filter(|_| sys_id.is_some());
            // a row of another table, from before the definition named this one, cannot be updated here
            let elsewhere = target.write == WriteMode::Table && sys_table.as_ref().is_some_and(|table| *table != target.table);
            let (sys_id, sys_table) = if elsewhere { (None, None) } else { (sys_id, sys_table) };
            Ok(OutRecord {
                delivery: delivery.delivery_id,
                derived_sys_id: derived_sys_id(&key, &target.block),
                source_key: key,
                version: i64::from(delivery.version),
                cleared: cleared(before.get(&delivery.delivery_id), &fields),
                fields,
                sys_id,
                sys_table,
                may_exist: delivery.sent_ago.is_some(),
                expects,
            })
        })
        .collect()
}

/// What was last delivered of records that are there already; import sets only, because an empty text clears a column elsewhere.
async fn before(deps: &Deps, target: &TargetPlan, claim: &Claim) -> Result<HashMap<i64, String>, WriteError> {
    let known = claim.deliveries.iter().filter(|delivery| target.write == WriteMode::ImportSet && delivery.sys_id.is_some());
    let known: Vec<(i64, i64, String)> =
        known.map(|delivery| (delivery.delivery_id, delivery.document_id, delivery.record_key.clone())).collect();
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(deps.store.record_payloads(target.block.clone(), known).await?.into_iter().collect())
}

/// Fields that are empty now and were filled before.
fn cleared(before: Option<&String>, fields: &BTreeMap<String, String>) -> BTreeSet<String> {
    let before: BTreeMap<String, String> = before.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let filled = |name: &String| before.get(name).is_some_and(|text| !text.trim().is_empty());
    fields.iter().filter(|(name, text)| text.trim().is_empty() && filled(name)).map(|(name, _)| name.clone()).collect()
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
