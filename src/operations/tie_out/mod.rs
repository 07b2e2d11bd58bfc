//! Ties out: compares SYSPRO's records with ServiceNow's rows. Both sides are read for it, and nothing is written to either of them.
//!
//! `files` writes workbooks and documents about one. `flow` reads and compares one flow. `values` turns what was read into comparable rows, and compares their fields. The ledger keeps the
//! rows meanwhile, finds which records differ, and why.

pub mod files;
mod flow;
mod values;

use tracing::info;

use self::flow::FlowWork;
use super::refused::Refused;
use super::{Requested, check_names};
use crate::actors::system::Access;
use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::servicenow::ServiceNow;
use crate::store::{Exclusive, ExclusiveLock, TieOutBlock, TieOutBucket, TieOutItem, TieOutItems, TieOutRun};

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

/// A tie-out that has begun. While it exists, no other process begins one.
pub struct Begun {
    /// The tie-out.
    pub run: TieOutRun,
    lock: ExclusiveLock,
}

/// Begins a tie-out; [`run`] makes it.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::TyingOut`] while another one is made; an error of the ledger.
pub async fn begin(process: &Process, asked: &Asked, requested: Requested) -> Result<Begun, Refused> {
    for company in &asked.companies {
        check_names(process, Some(company), None).await?;
    }
    for entity in &asked.entities {
        check_names(process, None, Some(entity)).await?;
    }
    let lock = process.store.exclusive(Exclusive::TieOut).await?.ok_or(Refused::TyingOut)?;
    process.store.tie_out_abandon().await?;
    let run = process.store.tie_out_begin(requested.by, requested.why, process.definitions.now().number).await?;
    Ok(Begun { run, lock })
}

/// Makes a tie-out that [`begin`] began. A flow that cannot be read is not verified, and the others are compared.
///
/// # Errors
/// An error of the ledger; then the tie-out has failed.
pub async fn run(process: &Process, access: &Access, begun: Begun, asked: &Asked) -> Result<TieOutRun, Refused> {
    let outcome = all_flows(process, access, begun.run.id, asked).await;
    let mut error = outcome.as_ref().err().map(Refused::what);
    // without it, another process may have begun one, and removed what this one had read
    if begun.lock.still_held().await.is_none() {
        error = error.or_else(|| Some("the connection that locks out other tie-outs was lost; run the tie-out again".to_owned()));
    }
    let ended = process.store.tie_out_end(begun.run.id, error).await?;
    outcome.map(|()| ended)
}

async fn all_flows(process: &Process, access: &Access, id: TieOutId, asked: &Asked) -> Result<(), Refused> {
    let link = SysproLink::open(process, Some(access.enet_transport())).await;
    let outcome = with_link(process, access, id, asked, &link).await;
    if let Ok(link) = link {
        link.close().await;
    }
    outcome
}

async fn with_link(
    process: &Process,
    access: &Access,
    id: TieOutId,
    asked: &Asked,
    link: &Result<SysproLink, String>,
) -> Result<(), Refused> {
    let definitions = process.definitions.now();
    let servicenow = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain());
    for flow in process.flows() {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        if !wanted(&asked.companies, flow.company.as_str()) || !wanted(&asked.entities, flow.entity.as_str()) {
            continue;
        }
        let Some(plan) = definitions.plan(&flow.entity) else { continue };
        let work = FlowWork { process, definitions: &definitions, plan, flow: &flow, id };
        if plan.aligned().is_some() {
            work.left_out(
                "its records may change on both sides: the flow's own runs compare them, and `tieline conflicts list` names what differs",
            )
            .await?;
            continue;
        }
        match (link, &servicenow) {
            (Ok(link), Ok(servicenow)) => work.run(link, servicenow, &access.tokens).await?,
            (Err(why), _) | (_, Err(why)) => work.unread(why).await?,
        }
        info!(%flow, "compared with ServiceNow");
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

/// Ends a tie-out whose work was stopped before its end.
///
/// # Errors
/// An error of the ledger.
pub async fn interrupted(process: &Process, id: TieOutId, why: &str) -> Result<(), Refused> {
    process.store.tie_out_end(id, Some(why.to_owned())).await?;
    Ok(())
}

/// A tie-out; without a number, the newest one that is done.
///
/// # Errors
/// [`Refused::NoTieOut`].
pub async fn one(process: &Process, id: Option<TieOutId>) -> Result<TieOutRun, Refused> {
    let run = match id {
        Some(id) => process.store.tie_out_find(id).await?,
        None => process.store.tie_out_newest().await?,
    };
    run.ok_or_else(|| Refused::NoTieOut(id.map(|id| id.to_string()).unwrap_or_default()))
}

/// A tie-out with its sums; without a number, the newest one that is done.
///
/// # Errors
/// [`Refused::NoTieOut`].
pub async fn find(process: &Process, id: Option<TieOutId>) -> Result<TieOutReport, Refused> {
    let run = one(process, id).await?;
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
