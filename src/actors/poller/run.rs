//! One run of a flow, from its lease to its end.

use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::error::PollError;
use super::extent::Extent;
use super::overdue;
use super::read::{Read, Reading};
use super::reader::Reader;
use crate::actors::aligner::{AlignError, AlignNow};
use crate::actors::writer::{Drain, WriteError};
use crate::definition::Plan;
use crate::domain::backlog::Backlog;
use crate::domain::ids::RunId;
use crate::domain::run::{RunCounts, RunKind, Trigger};
use crate::retry;
use crate::store::{AfterError, DueSince, EndedRun, FlowRow, Lease, LeaseResult, NewRun, QuietEnd, RunRow, StoreError};
use crate::telemetry::labels::RunResult;
use crate::telemetry::metrics::metrics;

/// Request. Runs the flow once; answers when everything read is stored and everything due was attempted.
#[derive(Message, Clone)]
#[rtype(result = "Result<PollReport, PollError>")]
pub struct PollNow {
    /// A poll or a sweep.
    pub kind: RunKind,
    /// Who asked.
    pub requested_by: String,
    /// The reason, when a person asked.
    pub reason: Option<String>,
    /// What wants it: a paused flow runs for a person alone.
    pub trigger: Trigger,
    /// When it was due by its schedule: it does not run if another node has run it since.
    pub due_at: Option<DateTime<Utc>>,
    /// The id for its run; without one it creates its own.
    pub run: Option<RunId>,
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct PollReport {
    /// The run.
    pub run: RunId,
    /// Its counts; what was sent, confirmed or failed includes deliveries of earlier runs.
    pub counts: RunCounts,
    /// Why sending stopped early, if it did: reading was complete by then, and nothing is lost.
    pub write_error: Option<WriteError>,
}

/// What a run has done when only its end is left to be stored.
#[derive(Default)]
struct Worked {
    /// Why sending stopped early, if it did.
    write_error: Option<WriteError>,
    /// A read that took nothing in, and whose end is not stored yet.
    unstored: Option<Read>,
}

impl Reader {
    /// Runs the flow, and counts the run.
    pub(super) async fn run(self, ask: PollNow) -> Result<PollReport, PollError> {
        let (flow, kind, started) = (self.flow.clone(), ask.kind, Instant::now());
        let outcome = self.run_under_lease(ask).await;
        let result = match &outcome {
            Ok(_) => RunResult::Done,
            Err(error) if error.before_begin() => RunResult::NotBegun,
            Err(_) => RunResult::Failed,
        };
        metrics().ran(&flow, kind, result, started.elapsed());
        outcome
    }

    /// Takes the lease of the flow, runs it under the renewed lease, and returns the lease.
    async fn run_under_lease(self, ask: PollNow) -> Result<PollReport, PollError> {
        let ttl = self.parts.flows.lease;
        let due = ask.due_at.map(|at| DueSince { age: overdue::since(at, Utc::now()), kind: ask.kind });
        let (run, number, store) = (ask.run.unwrap_or_else(RunId::fresh), self.definitions.number, &self.parts.store);
        let (kind, trigger, holder) = (ask.kind, ask.trigger, self.parts.node.holder());
        let new = NewRun { id: run, flow: self.flow.clone(), kind, requested_by: ask.requested_by, reason: ask.reason };
        let taken = match kind {
            RunKind::Backfill => store.flow_take(self.flow.clone(), holder, ttl, trigger, due, number).await,
            _ => store.flow_run(new.clone(), holder, ttl, trigger, due, number).await,
        };
        let (lease, row) = match taken.map_err(|error| self.store_error(&error))? {
            LeaseResult::Lease(lease, row) => (lease, row),
            LeaseResult::Held { holder, until } => return Err(PollError::Held { flow: self.flow, holder, until: until.to_rfc3339() }),
            LeaseResult::Paused { by } => return Err(PollError::Paused { flow: self.flow, by }),
            LeaseResult::Stopped { why } => return Err(PollError::Stopped { flow: self.flow, why }),
            LeaseResult::Done => return Err(PollError::Done { flow: self.flow }),
        };
        if kind == RunKind::Backfill {
            self.begin_backfill(new, &lease).await?;
        }
        let before = self.parts.progress.of(&self.flow);
        self.took_in.set(false);
        let outcome = {
            let work = self.work(kind, run, &lease, *row);
            let renewal = self.renew(lease.clone(), ttl);
            tokio::select! {
                outcome = work => outcome,
                lost = renewal => Err(lost),
            }
        };
        self.finish(kind, run, lease, before, outcome).await
    }

    /// Starts the run of a backfill under the lease: only then is it certain which backfill is read.
    async fn begin_backfill(&self, run: NewRun, lease: &Lease) -> Result<(), PollError> {
        let store = &self.parts.store;
        let NewRun { id, flow, kind, requested_by, reason } = self.of_whom(run).await;
        let Err(error) = store.run_begin_as(id, flow, kind, requested_by, reason, self.definitions.number).await else { return Ok(()) };
        // no node should wait for an unused lease
        let error = self.store_error(&error);
        if let Err(unreleased) = store.flow_release(lease.clone(), Some(error.to_string()), kind, AfterError::TryAgain).await {
            warn!(error = %unreleased, flow = %self.flow, "the lease of the flow could not be released; it expires");
        }
        Err(error)
    }

    /// A backfill's run is attributed to the person who started the backfill, with the reason given then.
    async fn of_whom(&self, run: NewRun) -> NewRun {
        match self.parts.store.backfill_next(self.flow.clone()).await {
            Ok(Some(backfill)) => NewRun { requested_by: backfill.requested_by, reason: Some(backfill.why), ..run },
            Ok(None) => run,
            Err(error) => {
                warn!(%error, flow = %self.flow, "the person who started the backfill could not be read; the run does not name them");
                run
            }
        }
    }

    /// Renews the lease; answers when the lease is lost.
    async fn renew(&self, lease: Lease, ttl: Duration) -> PollError {
        loop {
            tokio::time::sleep(ttl / 3).await;
            match self.parts.store.flow_renew(lease.clone(), ttl).await {
                Ok(()) => {}
                Err(error @ (StoreError::Fenced { .. } | StoreError::OtherDefinitions { .. })) => return self.store_error(&error),
                Err(error) => warn!(%error, flow = %self.flow, "the lease could not be renewed; Tieline retries"),
            }
        }
    }

    /// Reads, marks gone records, and sends.
    async fn work(&self, kind: RunKind, run: RunId, lease: &Lease, row: FlowRow) -> Result<Worked, PollError> {
        let plan = self.definitions.plan(&self.flow.entity).cloned();
        let Some(plan) = plan else { return Ok(Worked::default()) };
        let mut unstored = None;
        if kind == RunKind::Backfill {
            self.backfill(&plan, run, lease, &row).await?;
        } else {
            let whole = kind == RunKind::Sweep || plan.read.changes.is_empty() || row.whole_next;
            let extent = if whole { Extent::Whole } else { Extent::Changes };
            if !whole {
                self.same_company(&plan, &row).await?;
            }
            let row_is_first = row.watermark.is_none();
            let read = self.read_all(&plan, Reading::of_flow(self, &plan, &row, extent), run, lease, &row).await?;
            if whole {
                self.mark_gone(&plan, run, lease, &read, &row).await?;
            }
            // one statement stores the end of a read that took nothing in and the end of its run
            match self.quiet_end(&read, kind).is_some() {
                true => unstored = Some(read),
                false => drop(self.end_reading(read).await?),
            }
            let first = row_is_first && self.parts.flows.since.is_none();
            if whole || first {
                self.mark_absent_parents(&plan, run).await?;
            }
        }
        if let Some(aligner) = &self.aligner {
            let compared = aligner.send(AlignNow { kind, run, lease: lease.clone() }).await;
            // an Aligner that is being restarted has written nothing; the next run compares again
            let restarting = || AlignError::Store { text: "the Aligner is being restarted; the next run compares again".into() };
            let compared = compared.unwrap_or_else(|_| Err(restarting()));
            compared.map_err(|problem| PollError::Align { flow: self.flow.clone(), problem })?;
        }
        let drained = self.drain.send(Drain { entity: self.flow.entity.clone(), release: unstored.is_none() }).await;
        let write_error = match drained {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            // the Writer is being restarted: the next run finds what is due
            Err(_) => Some(WriteError::Store { text: "sending was interrupted; what is queued is sent by the next run".into() }),
        };
        Ok(Worked { write_error, unstored })
    }

    /// Reads a slice of the flow's oldest open backfill. If it stops early, the backfill keeps the reason and the time of the next attempt.
    async fn backfill(&self, plan: &Plan, run: RunId, lease: &Lease, row: &FlowRow) -> Result<(), PollError> {
        let store = &self.parts.store;
        let next = store.backfill_next(self.flow.clone()).await.map_err(|error| self.store_error(&error))?;
        let Some(backfill) = next else { return Ok(()) };
        let result = match self.read_all(plan, Reading::of_backfill(self, plan, &backfill), run, lease, row).await {
            Ok(read) => self.end_reading(read).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            let tries = u32::try_from(backfill.tries).unwrap_or_default() + 1;
            // if the service is stopping, the next service continues
            let wait = match error {
                PollError::Stopping { .. } | PollError::Definitions { .. } => Duration::ZERO,
                _ => retry::delay(tries, self.parts.backoff),
            };
            if let Err(unnoted) = store.backfill_failed(backfill.id, error.to_string(), wait).await {
                warn!(error = %unnoted, flow = %self.flow, "the error of a backfill could not be stored");
            }
        }
        result.map(drop)
    }

    async fn finish(
        self,
        kind: RunKind,
        run: RunId,
        lease: Lease,
        before: RunCounts,
        outcome: Result<Worked, PollError>,
    ) -> Result<PollReport, PollError> {
        let after = self.parts.progress.of(&self.flow);
        let (outcome, row) = match outcome {
            Ok(Worked { write_error, unstored: Some(read) }) if self.ended_quietly(run, &lease, &read, write_error.as_ref()).await => {
                (Ok(write_error), None)
            }
            outcome => self.store_end(kind, run, lease, outcome).await,
        };
        let write_error = outcome?;
        let counts = RunCounts {
            read: after.read - before.read,
            new: after.new - before.new,
            changed: after.changed - before.changed,
            unchanged: after.unchanged - before.unchanged,
            deleted: after.deleted - before.deleted,
            delivered: after.delivered - before.delivered,
            sent: after.sent - before.sent,
            confirmed: after.confirmed - before.confirmed,
        };
        if kind != RunKind::Backfill {
            metrics().flow_progressed(&self.flow, Utc::now());
        }
        self.say_end(kind, row, counts);
        Ok(PollReport { run, counts, write_error })
    }

    /// Stores the ends of a read that took nothing in and of its run with one statement. `false`: this is not possible, or not certain.
    async fn ended_quietly(&self, run: RunId, lease: &Lease, read: &Read, write_error: Option<&WriteError>) -> bool {
        let Some((watermark, sizes)) = self.quiet_end(read, RunKind::Poll) else { return false };
        let error = write_error.map(ToString::to_string);
        let end = QuietEnd { run, lease: lease.clone(), watermark, sizes, error };
        self.parts.store.flow_end_quiet(end).await.unwrap_or(false)
    }

    /// Stores the end of a read that is not stored yet, and the end of the run.
    async fn store_end(
        &self,
        kind: RunKind,
        run: RunId,
        lease: Lease,
        outcome: Result<Worked, PollError>,
    ) -> (Result<Option<WriteError>, PollError>, Option<RunRow>) {
        let outcome = match outcome {
            Ok(Worked { write_error, unstored: Some(read) }) => self.end_reading(read).await.map(|_| write_error),
            outcome => outcome.map(|worked| worked.write_error),
        };
        let error = match &outcome {
            Err(error) => Some(error.to_string()),
            Ok(Some(error)) => Some(error.to_string()),
            Ok(None) => None,
        };
        let meaning = outcome.as_ref().err().map_or(AfterError::TryAgain, PollError::after);
        let row = match self.parts.store.flow_end_run(run, lease, error, kind, meaning).await {
            Ok(EndedRun { row, held }) => {
                if !held {
                    let error = StoreError::Fenced { what: format!("flow {}", self.flow) };
                    warn!(%error, flow = %self.flow, "the end of a run could not be stored");
                }
                row
            }
            Err(error) => {
                warn!(%error, flow = %self.flow, "the end of a run could not be stored");
                None
            }
        };
        (outcome, row)
    }

    /// Writes one line to the log: what was read, and the states of the records that this run queued.
    fn say_end(&self, kind: RunKind, row: Option<RunRow>, counts: RunCounts) {
        // the row of a run that took nothing in is not read: it has queued nothing
        let delivered = if self.took_in.get() { counts.delivered } else { 0 };
        let (delivered, backlog) = row.map_or((delivered, Backlog::default()), |row| (row.delivered, row.backlog()));
        let RunCounts { read, new, changed, deleted: gone, .. } = counts;
        let Backlog { failed, on_hold, waiting, .. } = backlog;
        let (flow, kind, moving) = (&self.flow, kind.as_str(), backlog.moving());
        if failed > 0 {
            warn!(%flow, kind, read, new, changed, gone, delivered, failed, waiting, on_hold, moving, "run ended; `tieline failures` says why records failed");
        } else {
            info!(%flow, kind, read, new, changed, gone, delivered, failed, waiting, on_hold, moving, "run ended");
        }
    }
}
