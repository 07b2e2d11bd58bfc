//! One run set: flows in dependency order, so that a line always lands on a valid dimension. Plain functions.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use crate::actors::downstream::PollArrived;
use crate::actors::notifier::NotifyNow;
use crate::actors::poller::{PollError, PollNow, PollReport};
use crate::actors::writer::{Drain, WriteError};
use crate::config::settings::Connection;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::ids::RunId;
use crate::domain::run::{RunKind, Trigger};
use crate::domain::{EntityName, FlowId};
use crate::process::Process;
use crate::process::in_force::{InForce, Snapshot};
use crate::process::permission::Permission;
use crate::store::{Dead, Node, Store, StoreError};
use crate::supervision::stopping::Stopping;

/// How long a flow keeps the next one from starting. A flow that has more to read, or waits, must not hold up the other companies.
const TURN: Duration = Duration::from_secs(5);

/// What a run set is asked to do.
#[derive(Debug, Clone)]
pub struct RunSetRequest {
    /// The flows, in any order.
    pub flows: Vec<(FlowId, RunKind)>,
    /// Who asked.
    pub requested_by: String,
    /// Why, when a person did.
    pub reason: Option<String>,
    /// What wants it: for a person paused flows run, and what waits for its next attempt is sent now.
    pub trigger: Trigger,
    /// When each flow was due by its schedule; empty when a person asked.
    pub due_at: BTreeMap<FlowId, DateTime<Utc>>,
    /// The ids for the runs, where the caller already knows them.
    pub runs: BTreeMap<FlowId, RunId>,
    /// Gets the result of each flow as soon as it has ended.
    pub ended: Option<UnboundedSender<Option<PollError>>>,
}

impl RunSetRequest {
    /// A run set of the schedule, without flows yet.
    pub fn by_schedule() -> Self {
        let (due_at, runs) = (BTreeMap::new(), BTreeMap::new());
        Self { flows: Vec::new(), requested_by: "schedule".into(), reason: None, trigger: Trigger::Schedule, due_at, runs, ended: None }
    }

    /// A run set that a person asked for.
    pub fn by_hand(flows: Vec<(FlowId, RunKind)>, requested_by: String, reason: Option<String>) -> Self {
        Self { flows, requested_by, reason, trigger: Trigger::Person, ..Self::by_schedule() }
    }
}

/// What a run set did.
#[derive(Debug, Clone, Default)]
pub struct RunSetReport {
    /// The result of each flow.
    pub flows: Vec<(FlowId, Result<PollReport, PollError>)>,
    /// What prevented deliveries of earlier runs from being sent.
    pub write_errors: Vec<WriteError>,
}

/// The actors to which a run set sends.
#[derive(Clone)]
pub struct Recipients {
    /// One Poller per flow.
    pub pollers: BTreeMap<FlowId, Recipient<PollNow>>,
    /// The Writer.
    pub drain: Recipient<Drain>,
    /// Polls delivered records; set where a definition asks for it and no timer does it.
    pub downstream: Option<Recipient<PollArrived>>,
    /// Sends notices; set where notices are configured and no timer does it.
    pub notifier: Option<Recipient<NotifyNow>>,
}

/// What every run set works with.
#[derive(Clone)]
pub struct RunSetParts {
    /// Each run set takes a snapshot of them.
    pub definitions: InForce,
    /// Whether this process may work.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// The identity of this node.
    pub node: Node,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// How many flows start together.
    pub at_once: usize,
}

impl From<&Process> for RunSetParts {
    fn from(process: &Process) -> Self {
        Self {
            definitions: process.definitions.clone(),
            permission: process.permission(),
            store: process.store.clone(),
            node: process.node.clone(),
            stopping: process.stopping.clone(),
            at_once: at_once(&process.settings.syspro.connection),
        }
    }
}

/// Runs flows rank by rank. Flows of one rank do not depend on one another and run at once, a few of them at a time. `ended` is called as
/// soon as a flow has ended.
pub async fn run(
    parts: &RunSetParts,
    recipients: &Recipients,
    ask: RunSetRequest,
    ended: impl Fn(&FlowId, Option<&PollError>),
) -> RunSetReport {
    let mut report = RunSetReport::default();
    // what a person asked for in the meantime starts after the wait
    if !parts.permission.wait_over(&parts.stopping).await {
        return report;
    }
    let definitions = parts.definitions.now();
    if let Err(error) = prepare(parts, ask.trigger).await {
        report.write_errors.push(error.into());
    }
    let turns = Semaphore::new(parts.at_once);
    for flows in by_rank(&definitions, &ask.flows) {
        let (ended, told, turns) = (&ended, &ask.ended, &turns);
        let runs = flows.into_iter().map(|(flow, kind)| {
            let poller = recipients.pollers.get(&flow).cloned();
            let now = PollNow {
                kind,
                requested_by: ask.requested_by.clone(),
                reason: ask.reason.clone(),
                trigger: ask.trigger,
                due_at: ask.due_at.get(&flow).copied(),
                run: ask.runs.get(&flow).copied(),
            };
            async move {
                let run = async {
                    match poller {
                        // it waited for its turn until the process began to stop
                        _ if parts.stopping.has_begun() => Err(PollError::Stopping { flow: flow.clone() }),
                        Some(poller) => poller.send(now).await.unwrap_or_else(|_| Err(interrupted(&flow))),
                        None => Err(PollError::Store { flow: flow.clone(), text: "there is no such flow here".into() }),
                    }
                };
                let result = in_turn(turns, TURN, run).await;
                ended(&flow, result.as_ref().err());
                // the caller may have disconnected
                let _ = told.as_ref().map(|told| told.send(result.as_ref().err().cloned()));
                (flow, result)
            }
        });
        report.flows.extend(join_all(runs).await);
    }
    // what deliveries of an earlier rank released, and what was left from earlier runs
    if let Err(error) = parts.store.pending_release_all().await {
        report.write_errors.push(error.into());
    }
    for entity in entities(&definitions) {
        match recipients.drain.send(Drain { entity, release: true }).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                if !report.write_errors.iter().any(|other| other.to_string() == error.to_string()) {
                    report.write_errors.push(error);
                }
            }
            Err(_) => report
                .write_errors
                .push(WriteError::Store { text: "sending was interrupted; what is queued is sent by the next run".into() }),
        }
    }
    if let Some(downstream) = &recipients.downstream {
        // if it is being restarted, it polls later by itself
        let _ = downstream.send(PollArrived).await;
    }
    if let Some(notifier) = &recipients.notifier {
        let _ = notifier.send(NotifyNow).await;
    }
    report
}

/// How many flows start together: for each request that SYSPRO may get at a time one that reads and one that stores. More would only wait
/// for each other, each with a lease to renew and a page in memory.
fn at_once(syspro: &Connection) -> usize {
    2 * syspro.connections.max(1)
}

/// Runs in its turn. The turn ends with the run, or after `longest`: then the next one starts beside it.
async fn in_turn<T>(turns: &Semaphore, longest: Duration, run: impl Future<Output = T>) -> T {
    let turn = turns.acquire().await;
    let mut run = std::pin::pin!(run);
    if let Ok(done) = tokio::time::timeout(longest, run.as_mut()).await {
        return done;
    }
    drop(turn);
    run.await
}

async fn prepare(parts: &RunSetParts, trigger: Trigger) -> Result<(), StoreError> {
    parts.store.delivery_recover(parts.node.clone(), Dead::Expired, UNRESPONSIVE_AFTER).await?;
    if trigger == Trigger::Person {
        parts.store.delivery_make_due().await?;
    }
    parts.store.pending_release_all().await.map(drop)
}

fn interrupted(flow: &FlowId) -> PollError {
    PollError::Store { flow: flow.clone(), text: "the Poller is being restarted; the next run continues where this one stopped".into() }
}

/// The entities in dependency order.
fn entities(definitions: &Snapshot) -> Vec<EntityName> {
    definitions.plans.iter().map(|plan| plan.entity.clone()).collect()
}

/// Flows grouped by their entity's rank, the lowest first.
fn by_rank(definitions: &Snapshot, flows: &[(FlowId, RunKind)]) -> Vec<Vec<(FlowId, RunKind)>> {
    let mut ranks: BTreeMap<u16, Vec<(FlowId, RunKind)>> = BTreeMap::new();
    for (flow, kind) in flows {
        if let Some(plan) = definitions.plan(&flow.entity) {
            ranks.entry(plan.rank).or_default().push((flow.clone(), *kind));
        }
    }
    ranks.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_few_run_at_a_time_and_a_long_run_does_not_hold_up_the_others() {
        actix_rt::System::new().block_on(async {
            let (turns, running, most) = (Semaphore::new(2), Cell::new(0), Cell::new(0));
            let run = async || {
                running.set(running.get() + 1);
                most.set(running.get().max(most.get()));
                tokio::task::yield_now().await;
                running.set(running.get() - 1);
            };
            join_all((0..9).map(|_| in_turn(&turns, TURN, run()))).await;
            assert_eq!((most.get(), running.get()), (2, 0));

            // these end only when the last one has run
            let (turns, over) = (Semaphore::new(2), tokio::sync::Notify::new());
            let long = (0..2).map(|_| in_turn(&turns, Duration::from_millis(1), over.notified()));
            let last = in_turn(&turns, Duration::from_millis(1), async { over.notify_waiters() });
            futures_util::future::join(join_all(long), last).await;
        });
    }
}
