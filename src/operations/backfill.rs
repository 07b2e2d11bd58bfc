//! Backfills: requests to read periods of history again, and their cancellation. A running service reads them beside its polls.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::flow::configured_names;
use super::{Refused, Requested};
use crate::actors::scheduler::run_set::RunSetReport;
use crate::domain::FlowId;
use crate::domain::ids::BackfillId;
use crate::domain::run::{BackfillState, RunKind};
use crate::process::Process;
use crate::store::{BackfillFilter, BackfillRow, NewBackfill, StoreError};

/// The period to read again.
#[derive(Debug, Clone, Default)]
pub struct Period {
    /// Only these companies; empty: all.
    pub companies: Vec<String>,
    /// Only these entities; empty: all.
    pub entities: Vec<String>,
    /// The first date.
    pub since: Option<NaiveDate>,
    /// The first date after the period.
    pub until: Option<NaiveDate>,
    /// Everything that SYSPRO has; then no date may be given.
    pub all: bool,
}

impl Period {
    /// # Errors
    /// [`Refused::EmptyPeriod`], [`Refused::PeriodOfAll`], [`Refused::NoPeriod`].
    pub fn check(&self) -> Result<(), Refused> {
        match (self.since, self.until) {
            (None, None) if self.all => Ok(()),
            (None, None) => Err(Refused::NoPeriod),
            _ if self.all => Err(Refused::PeriodOfAll),
            (Some(since), Some(until)) if since >= until => {
                Err(Refused::EmptyPeriod { since: since.to_string(), until: until.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Stores backfills, one per flow.
///
/// # Errors
/// As [`Period::check`]; [`Refused::NoFlow`]; an error of the ledger.
pub async fn ask(process: &Process, period: Period, requested: Requested) -> Result<Vec<BackfillRow>, Refused> {
    period.check()?;
    configured_names(process).check_all(&period.companies, &period.entities).map_err(Refused::NoFlow)?;
    let wanted = |all: &[String], name: &str| all.is_empty() || all.iter().any(|one| one == name);
    let chosen = |flow: &FlowId| wanted(&period.companies, flow.company.as_str()) && wanted(&period.entities, flow.entity.as_str());
    let flows: Vec<FlowId> = process.flows().into_iter().filter(chosen).collect();
    let new = NewBackfill { flows, since: period.since, until: period.until, requested_by: requested.by, why: requested.why };
    Ok(process.store.backfill_add(new).await?)
}

/// Reads slice after slice of these backfills, until none of them is open any more, or a flow fails. `run`: runs a set of flows once.
///
/// # Errors
/// An error of the ledger, or of `run`.
pub async fn read<E: From<StoreError>>(
    process: &Process,
    ids: &[BackfillId],
    mut run: impl AsyncFnMut(Vec<(FlowId, RunKind)>) -> Result<RunSetReport, E>,
) -> Result<RunSetReport, E> {
    loop {
        let filter = BackfillFilter { ids: ids.to_vec(), state: Some(BackfillState::Open), limit: i64::MAX, ..BackfillFilter::default() };
        let open = process.store.backfill_list(filter).await?;
        let flows: BTreeSet<FlowId> = open.iter().map(|row| FlowId::new(row.company.as_str(), row.entity.as_str())).collect();
        let done = flows.is_empty();
        let report = run(flows.into_iter().map(|flow| (flow, RunKind::Backfill)).collect()).await?;
        if done || report.flows.iter().any(|(_, result)| result.is_err()) {
            return Ok(report);
        }
    }
}

/// Ends a backfill early; the documents that it has read stay.
///
/// # Errors
/// [`Refused::NoBackfill`], [`Refused::BackfillEnded`]; an error of the ledger.
pub async fn cancel(process: &Process, id: BackfillId, requested: Requested) -> Result<BackfillRow, Refused> {
    match process.store.backfill_cancel(id, requested.by, requested.why).await? {
        Some(row) => Ok(row),
        None => Err(Refused::BackfillEnded { id, state: find(process, id).await?.state }),
    }
}

/// One backfill.
///
/// # Errors
/// [`Refused::NoBackfill`]; an error of the ledger.
pub async fn find(process: &Process, id: BackfillId) -> Result<BackfillRow, Refused> {
    let rows = process.store.backfill_list(BackfillFilter { ids: vec![id], limit: 1, ..BackfillFilter::default() }).await?;
    rows.into_iter().next().ok_or_else(|| Refused::NoBackfill(id.to_string()))
}
