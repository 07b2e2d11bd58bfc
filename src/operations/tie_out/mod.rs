//! Ties out: compares SYSPRO's records with ServiceNow's rows. Both sides are read for it, and nothing is written to either of them.
//!
//! `flow` reads and compares one flow. `values` turns what was read into comparable rows, and compares their fields. The ledger keeps the
//! rows meanwhile, finds which records differ, and why.

mod flow;
mod values;

use std::time::Duration;

use tracing::info;

use self::flow::FlowWork;
use super::refused::Refused;
use super::{Requested, check_names};
use crate::actors::system::Access;
use crate::doctor::{DiagnosticsParts, SysproLink};
use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::process::Process;
use crate::servicenow::ServiceNow;
use crate::store::{TieOutBlock, TieOutBucket, TieOutItem, TieOutItems, TieOutRun};

/// A tie-out that has stored nothing for this time has no process any more.
const SILENT: Duration = Duration::from_secs(900);

/// Which flows to compare.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only these companies; empty: all.
    pub companies: Vec<String>,
    /// Only these entities; empty: all.
    pub entities: Vec<String>,
}

/// A tie-out with its sums.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct TieOutReport {
    /// The tie-out.
    #[serde(flatten)]
    pub run: TieOutRun,
    /// What was compared.
    pub blocks: Vec<TieOutBlock>,
    /// The sums by company, entity, block, fiscal period and currency.
    pub buckets: Vec<TieOutBucket>,
}

/// Begins a tie-out; [`run`] makes it.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::TyingOut`] while another one is made; an error of the ledger.
pub async fn begin(process: &Process, asked: &Asked, requested: Requested) -> Result<TieOutRun, Refused> {
    for company in &asked.companies {
        check_names(process, Some(company), None).await?;
    }
    for entity in &asked.entities {
        check_names(process, None, Some(entity)).await?;
    }
    process.store.tie_out_abandon(SILENT).await?;
    let begun = process.store.tie_out_begin(requested.by, Some(requested.why.into()), process.definitions.now().number).await?;
    begun.ok_or(Refused::TyingOut)
}

/// Makes a tie-out that [`begin`] began. A flow that cannot be read is not verified, and the others are compared.
///
/// # Errors
/// An error of the ledger; then the tie-out has failed.
pub async fn run(process: &Process, access: &Access, id: TieOutId, asked: &Asked) -> Result<TieOutRun, Refused> {
    let outcome = all_flows(process, access, id, asked).await;
    let error = outcome.as_ref().err().map(Refused::what);
    let ended = process.store.tie_out_end(id, error).await?;
    outcome.map(|()| ended)
}

async fn all_flows(process: &Process, access: &Access, id: TieOutId, asked: &Asked) -> Result<(), Refused> {
    let definitions = process.definitions.now();
    let link = SysproLink::open(&DiagnosticsParts::from(process), Some(access)).await;
    let servicenow = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain());
    for flow in process.flows() {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        if !wanted(&asked.companies, flow.company.as_str()) || !wanted(&asked.entities, flow.entity.as_str()) {
            continue;
        }
        let Some(plan) = definitions.plan(&flow.entity) else { continue };
        // records that may change on both sides are compared by their own runs, field by field
        if plan.aligned().is_some() {
            continue;
        }
        let work = FlowWork { process, definitions: &definitions, plan, flow: &flow, id };
        match (&link, &servicenow) {
            (Ok(link), Ok(servicenow)) => work.run(link, servicenow, &access.tokens).await?,
            (Err(why), _) | (_, Err(why)) => work.unverified(why).await?,
        }
        info!(%flow, "compared with ServiceNow");
    }
    if let Ok(link) = link {
        link.close().await;
    }
    Ok(())
}

/// The newest tie-outs, before this one if given.
///
/// # Errors
/// An error of the ledger.
pub async fn list(process: &Process, before: Option<TieOutId>, limit: i64) -> Result<Vec<TieOutRun>, Refused> {
    Ok(process.store.tie_out_list(before, limit).await?)
}

/// A tie-out with its sums; without a number, the newest one that has ended.
///
/// # Errors
/// [`Refused::NoTieOut`].
pub async fn find(process: &Process, id: Option<TieOutId>) -> Result<TieOutReport, Refused> {
    let run = match id {
        Some(id) => process.store.tie_out_find(id).await?,
        None => process.store.tie_out_newest().await?,
    };
    let run = run.ok_or_else(|| Refused::NoTieOut(id.map(|id| id.to_string()).unwrap_or_default()))?;
    let (blocks, buckets) = (process.store.tie_out_blocks(run.id).await?, process.store.tie_out_buckets(run.id).await?);
    Ok(TieOutReport { run, blocks, buckets })
}

/// A page of the differences that a tie-out found.
///
/// # Errors
/// An error of the ledger.
pub async fn items(process: &Process, filter: TieOutItems) -> Result<Vec<TieOutItem>, Refused> {
    Ok(process.store.tie_out_items(filter).await?)
}

/// A flow, for messages and logs.
fn prefix(flow: &FlowId) -> String {
    format!("{}/{}/", flow.company, flow.entity)
}
