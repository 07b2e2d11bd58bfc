//! Ties out: compares SYSPRO's records with ServiceNow's rows. Both sides are read for it, and nothing is written to either of them.
//!
//! `flow` compares one flow: it reads SYSPRO's side, and `listing` reads ServiceNow's. `work` has what they share. `values` turns what was read into comparable rows, and compares their fields. The ledger keeps the
//! rows meanwhile, finds which records differ, and why; `causes` finds what only the two systems can tell. `vectors` asks whether a table of
//! ServiceNow has changed, and `repeat` whether anything has, so that earlier results can be taken over. `sums` compares ServiceNow's rows with
//! the sums that it computes itself. `controls` checks what must hold within SYSPRO's documents, and `seen` bounds what it remembers.
//! `subledger` compares SYSPRO's AP sub-ledger with its general ledger. `files` writes workbooks and documents,
//! and `groups` those of the sums by supplier, account or document type.

mod causes;
mod controls;
pub mod files;
mod flow;
pub mod groups;
mod listing;
mod repeat;
mod seen;
mod subledger;
mod summed;
mod sums;
mod values;
mod vectors;
mod work;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, TryStreamExt};
use tracing::info;

use self::repeat::{Basis, Reading, SUBLEDGER};
use self::summed::ColumnKinds;
use self::vectors::Vectors;
use self::work::{FlowWork, Sides};
use super::calendar::CompanyCalendar;
use super::refused::Refused;
use super::{Requested, calendar, check_names};
use crate::actors::system::Access;
use crate::domain::CompanyId;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out::{Cause, Scope, TieOutState, Verdict};
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::servicenow::ServiceNow;
use crate::store::{
    Exclusive, ExclusiveLock, SubledgerEntry, SumKey, TieOutBlock, TieOutBucket, TieOutControl, TieOutEnd, TieOutItem, TieOutItems,
    TieOutRun, TieOutSubledger, TieOutViolation,
};

/// Flows that are compared at a time.
const FLOWS: usize = 2;

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
    /// What was checked within SYSPRO's documents.
    pub controls: Vec<TieOutControl>,
    /// SYSPRO's AP sub-ledger against its control accounts, for information.
    pub subledger: Vec<TieOutSubledger>,
}

/// What a tie-out shows, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ended early.
    Failed,
    /// A side did not answer.
    Unread,
    /// Something could not be verified, nothing was compared, or it has not ended.
    Unverified,
    /// Something differs or violates a control, and a person must look.
    Untied,
    /// All that was compared agrees, or differs by what no person need look at.
    Tied,
}

impl TieOutReport {
    /// What it shows at its end.
    fn end(&self) -> TieOutEnd {
        let items: i64 = self.buckets.iter().map(|bucket| bucket.open_items).sum();
        let documents: i64 = self.controls.iter().map(|control| control.violated + control.unchecked).sum();
        let done = Self { run: TieOutRun { state: TieOutState::Done, ..self.run.clone() }, ..self.clone() };
        let worst = self.buckets.iter().map(|bucket| bucket.verdict).max().unwrap_or(Verdict::Tied);
        let result = match done.outcome() {
            Outcome::Failed | Outcome::Unread | Outcome::Unverified => Verdict::Unverified,
            Outcome::Untied => Verdict::Untied,
            Outcome::Tied => worst,
        };
        TieOutEnd { result, open: items + documents }
    }

    /// What it shows.
    pub fn outcome(&self) -> Outcome {
        let compared = self.blocks.iter().filter(|block| block.left_out.is_none()).count();
        let any = |of: fn(&TieOutBlock) -> bool| self.blocks.iter().any(of);
        // a period of which neither side has a record is most likely a mistake
        let nothing = compared == 0 || (self.run.of_period().is_some() && self.buckets.is_empty());
        match self.run.state {
            TieOutState::Failed => Outcome::Failed,
            _ if any(|block| block.unread) => Outcome::Unread,
            TieOutState::Running => Outcome::Unverified,
            TieOutState::Done if nothing || any(|block| block.unverified.is_some()) => Outcome::Unverified,
            TieOutState::Done if self.buckets.iter().any(|bucket| bucket.verdict == Verdict::Unverified) => Outcome::Unverified,
            TieOutState::Done if self.buckets.iter().any(|bucket| bucket.open_items > 0) => Outcome::Untied,
            TieOutState::Done if self.controls.iter().any(|control| control.violated + control.unchecked > 0) => Outcome::Untied,
            TieOutState::Done => Outcome::Tied,
        }
    }
}

/// A tie-out that has begun. While it exists, no other process begins one.
pub struct Begun {
    /// The tie-out.
    pub run: TieOutRun,
    lock: ExclusiveLock,
}

/// Begins the tie-out for a time of the schedule; `None`: another service has made it.
///
/// # Errors
/// [`Refused::TyingOut`] while another one is made; an error of the ledger.
pub async fn begin_scheduled(process: &Process, at: DateTime<Utc>, requested: Requested) -> Result<Option<Begun>, Refused> {
    if process.store.tie_out_scheduled(at).await? {
        return Ok(None);
    }
    let lock = process.store.exclusive(Exclusive::TieOut).await?.ok_or(Refused::TyingOut)?;
    // another service may have made it before this one had the lock
    if process.store.tie_out_scheduled(at).await? {
        return Ok(None);
    }
    begin_locked(process, lock, &Scope::default(), requested, Some(at)).await.map(Some)
}

/// Begins a tie-out; [`run`] makes it.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::TyingOut`] while another one is made; an error of the ledger.
pub async fn begin(process: &Process, asked: &Scope, requested: Requested) -> Result<Begun, Refused> {
    for company in &asked.companies {
        check_names(process, Some(company), None).await?;
    }
    for entity in &asked.entities {
        check_names(process, None, Some(entity)).await?;
    }
    let lock = process.store.exclusive(Exclusive::TieOut).await?.ok_or(Refused::TyingOut)?;
    begin_locked(process, lock, asked, requested, None).await
}

async fn begin_locked(
    process: &Process,
    lock: ExclusiveLock,
    asked: &Scope,
    requested: Requested,
    at: Option<DateTime<Utc>>,
) -> Result<Begun, Refused> {
    process.store.tie_out_abandon().await?;
    let under = process.definitions.now().number;
    let run = process.store.tie_out_begin(requested.by, requested.why, under, asked.clone(), at).await?;
    Ok(Begun { run, lock })
}

/// Makes a tie-out that [`begin`] began. A flow that cannot be read is not verified, and the others are compared.
///
/// # Errors
/// An error of the ledger; then the tie-out has failed.
pub async fn run(process: &Process, access: &Access, begun: Begun, asked: &Scope) -> Result<TieOutRun, Refused> {
    let outcome = all_flows(process, access, begun.run.id, asked).await;
    let mut error = outcome.as_ref().err().map(Refused::what);
    // without it, another process may have begun one, and removed what this one had read
    if begun.lock.still_held().await.is_none() {
        error = error.or_else(|| Some("the connection that locks out other tie-outs was lost; run the tie-out again".to_owned()));
    }
    let end = match error {
        Some(error) => Err(error),
        None => Ok(find(process, Some(begun.run.id)).await?.end()),
    };
    let ended = process.store.tie_out_end(begun.run.id, end).await?;
    outcome.map(|()| ended)
}

async fn all_flows(process: &Process, access: &Access, id: TieOutId, asked: &Scope) -> Result<(), Refused> {
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
    asked: &Scope,
    link: &Result<SysproLink, String>,
) -> Result<(), Refused> {
    let definitions = process.definitions.now();
    let servicenow = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain());
    let basis = Basis { process, definitions: &definitions, period: asked.period };
    let (vectors, column_kinds) = (Vectors::default(), ColumnKinds::default());
    for company in process.settings.syspro.companies.iter().filter(|company| asked.has_company(company.as_str())) {
        let calendar = calendar::read(process, link, company).await?;
        subledger(&basis, link, (id, asked), company, &calendar).await?;
    }
    let flows = process.flows().into_iter().filter(|flow| asked.has(flow.company.as_str(), flow.entity.as_str()));
    let (definitions, vectors, column_kinds, servicenow) = (&definitions, &vectors, &column_kinds, &servicenow);
    // e.net has one session, which is of one company at a time
    let at_once = if link.as_ref().is_ok_and(SysproLink::has_one_company) { 1 } else { FLOWS };
    // while one flow's sums are made by the ledger, the next one's records are read
    stream::iter(flows.map(Ok))
        .try_for_each_concurrent(at_once, |flow| async move {
            let Some(plan) = definitions.plan(&flow.entity) else { return Ok(()) };
            let (period, fresh) = (asked.period, asked.fresh);
            let work = FlowWork { process, definitions, plan, flow: &flow, id, period, fresh, vectors, column_kinds };
            if plan.aligned().is_some() {
                work.left_out(
                    "its records may change on both sides: the flow's own runs compare them, and `tieline conflicts list` names what differs",
                )
                .await?;
                return Ok(());
            }
            match (link, servicenow) {
                (Ok(link), Ok(servicenow)) => work.run(Sides { link, servicenow, tokens: &access.tokens }).await?,
                (Err(why), _) | (_, Err(why)) => work.unread(why).await?,
            }
            info!(%flow, "compared with ServiceNow");
            Ok::<(), Refused>(())
        })
        .await
}

/// Compares the sub-ledger of a company, or takes over what an earlier tie-out found.
async fn subledger(
    basis: &Basis<'_>,
    link: &Result<SysproLink, String>,
    (id, asked): (TieOutId, &Scope),
    company: &CompanyId,
    calendar: &Result<CompanyCalendar, String>,
) -> Result<(), Refused> {
    let (process, definitions) = (basis.process, basis.definitions);
    if !subledger::is_compared(process, asked) {
        return Ok(());
    }
    let Ok(open) = link else {
        return subledger::compare(process, link, (id, asked), definitions, company, calendar).await;
    };
    let store = &process.store;
    let of = basis.reading(open, company, SUBLEDGER, calendar).await;
    if !asked.fresh && repeat::take_over_subledger(store, id, open, company, &of).await? {
        return Ok(());
    }
    let Some((link, reading)) = Reading::begin(store, id, open, of).await? else {
        return subledger::compare(process, link, (id, asked), definitions, company, calendar).await;
    };
    subledger::compare(process, &Ok(link), (id, asked), definitions, company, calendar).await?;
    Ok(reading.end(store).await?)
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
    process.store.tie_out_end(id, Err(why.to_owned())).await?;
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
    let controls = process.store.tie_out_controls(run.id).await?;
    let subledger = process.store.tie_out_subledger(run.id).await?;
    Ok(TieOutReport { run, blocks, buckets, controls, subledger })
}

/// The sums to which a difference of this cause belongs.
///
/// # Errors
/// An error of the ledger.
pub async fn sums_with(process: &Process, id: TieOutId, cause: Cause) -> Result<Vec<SumKey>, Refused> {
    Ok(process.store.tie_out_caused_by(id, cause).await?)
}

/// A page of the documents that violate a control, after this one.
///
/// # Errors
/// An error of the ledger.
pub async fn violations(process: &Process, id: TieOutId, after: i64, limit: i64) -> Result<Vec<TieOutViolation>, Refused> {
    Ok(process.store.tie_out_violations(id, after, limit).await?)
}

/// A page of the postings and journals behind the sub-ledgers, after this one.
///
/// # Errors
/// An error of the ledger.
pub async fn subledger_entries(process: &Process, id: TieOutId, after: i64, limit: i64) -> Result<Vec<SubledgerEntry>, Refused> {
    Ok(process.store.tie_out_subledger_entries(id, after, limit).await?)
}

/// A page of the differences that a tie-out found.
///
/// # Errors
/// An error of the ledger.
pub async fn items(process: &Process, filter: TieOutItems) -> Result<Vec<TieOutItem>, Refused> {
    Ok(process.store.tie_out_items(filter).await?)
}
