//! The flows that follow from the settings and definitions.

use super::in_force::Snapshot;
use crate::domain::{CompanyId, FlowId};

/// Every flow of these companies with one set of definitions, parents first.
pub fn flows_of(companies: &[CompanyId], definitions: &Snapshot) -> Vec<FlowId> {
    let plans = &definitions.plans;
    plans.iter().flat_map(|plan| companies.iter().map(|company| FlowId { company: company.clone(), entity: plan.entity.clone() })).collect()
}
