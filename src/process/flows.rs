//! The flows that follow from the settings and definitions, and the state of each in the ledger.

use super::Deps;
use super::in_force::Snapshot;
use crate::domain::{CompanyId, FlowId};
use crate::store::{FlowStatus, StoreError};

/// Every flow of the settings, parents first.
pub fn flows(deps: &Deps) -> Vec<FlowId> {
    flows_of(&deps.settings.syspro.companies, &deps.definitions.now())
}

/// The state of every flow of the ledger. Flows that the settings and definitions no longer contain are marked, and so are flows that this
/// process keeps waiting.
///
/// # Errors
/// [`StoreError`].
pub async fn flow_status(deps: &Deps) -> Result<Vec<FlowStatus>, StoreError> {
    let made = flows(deps);
    let mut rows = deps.store.flow_status().await?;
    for row in &mut rows {
        row.configured = made.iter().any(|flow| row.is_of(flow));
        row.waits_for = deps.waits.why().filter(|_| row.configured);
    }
    Ok(rows)
}

/// Every flow of these companies with one set of definitions, parents first.
pub fn flows_of(companies: &[CompanyId], definitions: &Snapshot) -> Vec<FlowId> {
    let plans = &definitions.plans;
    plans.iter().flat_map(|plan| companies.iter().map(|company| FlowId { company: company.clone(), entity: plan.entity.clone() })).collect()
}
