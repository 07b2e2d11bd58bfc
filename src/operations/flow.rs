//! Pauses, resumes and forgets a flow. [`super::Service::run`] runs one.

use super::{Refused, Requested};
use crate::domain::word::Names;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::process::Process;
use crate::store::{FlowBefore, FlowStatus, Forgotten, ForgottenFlow, SmallerTables, Undelivered};

/// The companies and entities of the configuration: each entity is a flow of each company.
pub(super) fn configured_names(process: &Process) -> Names {
    Names::of(&process.settings.syspro.companies, process.definitions.now().plans.iter().map(|plan| &plan.entity))
}

/// Checks that the configuration contains the flow.
///
/// # Errors
/// [`Refused::NoFlow`] if it does not.
pub(super) fn configured(process: &Process, flow: &FlowId) -> Result<(), Refused> {
    configured_names(process).check(Some(flow.company.as_str()), Some(flow.entity.as_str())).map_err(Refused::NoFlow)
}

/// Stops reading a flow until it is resumed. A current run finishes first; due deliveries are still sent.
///
/// # Errors
/// [`Refused::NoFlow`]; an error of the ledger.
pub async fn pause(process: &Process, flow: FlowId, requested: Requested) -> Result<FlowBefore, Refused> {
    configured(process, &flow)?;
    Ok(process.store.flow_pause(flow, requested.by, requested.why).await?)
}

/// Goes on with a flow that was paused, or that Tieline stopped.
///
/// # Errors
/// [`Refused::NoFlow`]; the ledger's.
pub async fn resume(process: &Process, flow: FlowId, smaller: SmallerTables, requested: Requested) -> Result<FlowBefore, Refused> {
    configured(process, &flow)?;
    Ok(process.store.flow_resume(flow, smaller, requested.by, requested.why).await?)
}

/// Forgets a flow that the configuration no longer makes; its records stay as history.
///
/// # Errors
/// [`Refused::Configured`], [`Refused::NoFlow`], [`Refused::NotInLedger`], [`Refused::BeingRead`], [`Refused::OutcomeUnknown`],
/// [`Refused::NotSettled`]; an error of the ledger.
pub async fn forget(process: &Process, flow: FlowId, undelivered: Undelivered, requested: Requested) -> Result<ForgottenFlow, Refused> {
    if process.flows().contains(&flow) {
        return Err(Refused::Configured(flow));
    }
    Err(match process.store.flow_forget(flow.clone(), undelivered, requested.by, requested.why).await? {
        Forgotten::Done(done) => return Ok(done),
        Forgotten::Unknown => missing(&process.flow_status().await?, flow),
        Forgotten::Held => Refused::BeingRead(flow),
        Forgotten::Unknowable { parts } => Refused::OutcomeUnknown { flow, parts },
        Forgotten::Unsettled { records } => Refused::NotSettled { flow, records },
    })
}

/// Why the ledger has nothing of a flow: its company or its entity is in no flow, or no flow has both.
fn missing(all: &[FlowStatus], flow: FlowId) -> Refused {
    let names = Names::of(all.iter().map(|row| &row.company), all.iter().map(|row| &row.entity));
    match names.check(Some(flow.company.as_str()), Some(flow.entity.as_str())) {
        Err(unknown) => Refused::NoFlow(unknown),
        Ok(()) => Refused::NotInLedger(flow),
    }
}

/// The flows that were forgotten, and why others were not.
#[derive(Debug, Default)]
pub struct ForgottenFlows {
    /// The forgotten ones.
    pub done: Vec<ForgottenFlow>,
    /// The others.
    pub refused: Vec<Refused>,
}

/// Forgets one flow of a company, or, without an entity, every flow that the configuration no longer makes. One that cannot be forgotten
/// yet does not stop the others.
///
/// # Errors
/// [`Refused::NoFlow`], [`Refused::Configured`], [`Refused::AllConfigured`]; an error of the ledger. What was forgotten before the error
/// stays forgotten.
pub async fn forget_all(
    process: &Process,
    company: CompanyId,
    entity: Option<EntityName>,
    undelivered: Undelivered,
    requested: Requested,
) -> Result<ForgottenFlows, Refused> {
    let chosen = match entity {
        Some(entity) => vec![FlowId { company, entity }],
        None => unconfigured(process, company).await?,
    };
    let mut flows = ForgottenFlows::default();
    for flow in chosen {
        match forget(process, flow, undelivered, requested.clone()).await {
            Ok(forgotten) => flows.done.push(forgotten),
            Err(why @ (Refused::NotInLedger(_) | Refused::BeingRead(_) | Refused::OutcomeUnknown { .. } | Refused::NotSettled { .. })) => {
                flows.refused.push(why)
            }
            Err(why) => return Err(why),
        }
    }
    Ok(flows)
}

/// The flows of a company that the configuration no longer makes.
async fn unconfigured(process: &Process, company: CompanyId) -> Result<Vec<FlowId>, Refused> {
    let mut all = process.flow_status().await?;
    let names = Names::of(all.iter().map(|row| &row.company), all.iter().map(|row| &row.entity));
    names.check(Some(company.as_str()), None).map_err(Refused::NoFlow)?;
    all.retain(|row| row.company == company.as_str() && !row.configured);
    if all.is_empty() {
        return Err(Refused::AllConfigured(company));
    }
    Ok(all.into_iter().map(|row| FlowId::new(company.clone(), row.entity.as_str())).collect())
}
