//! Pauses, resumes and forgets a flow. [`super::Service::run`] runs one.

use super::{Refused, Requested};
use crate::actors::Deps;
use crate::actors::flows::flows;
use crate::domain::FlowId;
use crate::store::{FlowAction, FlowBefore, Forgotten, ForgottenFlow, Undelivered};

/// What is made of tables that have far fewer rows than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallerTables {
    /// They are taken for a fault.
    Fault,
    /// SYSPRO really has so few rows: accepted until the end of the next whole read.
    Accept,
}

impl SmallerTables {
    /// What a person has chosen.
    pub fn accepted(accepted: bool) -> Self {
        if accepted { Self::Accept } else { Self::Fault }
    }
}

/// Checks that the configuration contains the flow.
///
/// # Errors
/// [`Refused::NoFlow`] if it does not.
pub(super) fn configured(deps: &Deps, flow: &FlowId) -> Result<(), Refused> {
    let known = deps.settings.syspro.companies.contains(&flow.company) && deps.definitions.now().plan(&flow.entity).is_some();
    if known { Ok(()) } else { Err(Refused::NoFlow(flow.clone())) }
}

/// Stops reading a flow until it is resumed. A current run finishes first; due deliveries are still sent.
///
/// # Errors
/// [`Refused::NoFlow`]; an error of the ledger.
pub async fn pause(deps: &Deps, flow: FlowId, requested: Requested) -> Result<FlowBefore, Refused> {
    configured(deps, &flow)?;
    Ok(deps.store.flow_pause(flow, FlowAction::Pause, requested.by, requested.why.into()).await?)
}

/// Goes on with a flow that was paused, or that Tieline stopped.
///
/// # Errors
/// [`Refused::NoFlow`]; the ledger's.
pub async fn resume(deps: &Deps, flow: FlowId, smaller: SmallerTables, requested: Requested) -> Result<FlowBefore, Refused> {
    configured(deps, &flow)?;
    if smaller == SmallerTables::Accept {
        deps.store.flow_accept_smaller(flow.clone(), requested.by.clone(), requested.why.clone().into()).await?;
    }
    Ok(deps.store.flow_pause(flow, FlowAction::Resume, requested.by, requested.why.into()).await?)
}

/// Forgets a flow that the configuration no longer makes; its records stay as history.
///
/// # Errors
/// [`Refused::Configured`], [`Refused::NotInLedger`], [`Refused::BeingRead`], [`Refused::OutcomeUnknown`], [`Refused::NotSettled`]; an
/// error of the ledger.
pub async fn forget(deps: &Deps, flow: FlowId, undelivered: Undelivered, requested: Requested) -> Result<ForgottenFlow, Refused> {
    if flows(deps).contains(&flow) {
        return Err(Refused::Configured(flow));
    }
    Err(match deps.store.flow_forget(flow.clone(), undelivered, requested.by, requested.why.into()).await? {
        Forgotten::Done(done) => return Ok(done),
        Forgotten::Unknown => Refused::NotInLedger(flow),
        Forgotten::Held => Refused::BeingRead(flow),
        Forgotten::Unknowable { parts } => Refused::OutcomeUnknown { flow, parts },
        Forgotten::Unsettled { records } => Refused::NotSettled { flow, records },
    })
}
