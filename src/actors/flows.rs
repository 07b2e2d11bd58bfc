//! Which flows the settings and definitions make, and how each of them stands in the ledger.

use super::Deps;
use super::in_force::Snapshot;
use crate::domain::{CompanyId, FlowId};
use crate::store::{FlowStatus, StoreError};

/// Every flow of the settings, parents first.
pub fn flows(deps: &Deps) -> Vec<FlowId> {
    flows_of(&deps.settings.syspro.companies, &deps.definitions.now())
}

/// How every flow of the ledger stands; those that the settings and definitions no longer make are marked, and so are those that
/// this process keeps waiting.
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
pub(super) fn flows_of(companies: &[CompanyId], definitions: &Snapshot) -> Vec<FlowId> {
    let plans = &definitions.plans;
    plans.iter().flat_map(|plan| companies.iter().map(|company| FlowId { company: company.clone(), entity: plan.entity.clone() })).collect()
}
