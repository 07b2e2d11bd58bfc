//! `Scheduler`: runs flows, by their schedules and when asked.
//!
//! Owns which flows are running and when each is due next. A flow whose actors gave up is left out until new definitions come into force or
//! the service is restarted. Its state exists nowhere else, so it is not restarted: a panic here ends the process. Runs on the control
//! arbiter.

pub mod run_set;
pub(super) mod timetable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use self::run_set::{Recipients, RunSetParts, RunSetReport, RunSetRequest};
use self::timetable::{Due, Schedules, Timetable};
use super::poller::{PollError, PollNow};
use super::writer::Nudge;
use crate::config::Settings;
use crate::domain::run::RunKind;
use crate::domain::schedule::Schedule;
use crate::domain::{EntityName, FlowId};
use crate::process::flows::flows_of;
use crate::process::in_force::InForce;
use crate::process::mode::Mode;
use crate::process::permission::Permission;
use crate::telemetry::metrics::metrics;

/// How often the timetable is checked.
const TICK: Duration = Duration::from_secs(1);

/// How long a request from outside the actors may take.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How often the log names what a stop waits for.
pub(super) const LOG_WAITING: Duration = Duration::from_secs(10);

/// What the Scheduler is made of.
pub struct SchedulerParts {
    /// The settings: companies, schedules, leases and retries.
    pub settings: Arc<Settings>,
    /// The definitions, whose flows are run.
    pub definitions: InForce,
    /// Whether this process may work.
    pub permission: Permission,
    /// What every run set works with.
    pub run_sets: RunSetParts,
    /// The actors to which a run set sends.
    pub recipients: Recipients,
    /// The Writer, for deliveries that may be due under new definitions.
    pub nudge: Recipient<Nudge>,
    /// In a service flows run by their schedules, and not only when asked.
    pub mode: Mode,
}

/// Runs flows.
pub struct Scheduler {
    parts: SchedulerParts,
    timetable: Timetable,
    /// Flows that are running.
    running: BTreeSet<FlowId>,
    /// The number of running run sets: each ends after its last flow.
    run_sets: watch::Sender<usize>,
    gave_up: BTreeMap<FlowId, String>,
    stopping: bool,
}

/// Request. Runs flows in dependency order; answers when all have ended.
#[derive(Message)]
#[rtype(result = "RunSetReport")]
pub struct ExecuteRunSet(pub RunSetRequest);

/// Request. Starts a run set; answers at once whether it started. Two for the same flow never start together.
#[derive(Message)]
#[rtype(result = "Result<(), StartRefused>")]
pub struct StartRunSet(pub RunSetRequest);

/// Reminder. These flows have open backfills.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ContinueBackfills(pub Vec<FlowId>);

/// Event. An actor of this flow gave up: the flow runs no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FlowGaveUp {
    /// The flow.
    pub flow: FlowId,
    /// The actor, and what crashed it.
    pub cause: String,
}

/// Request. The actors of the flows were re-created with new definitions: they replace the former ones, and the schedules follow.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReplacePollers(pub BTreeMap<FlowId, Recipient<PollNow>>);

/// Query. Flows whose actors gave up, with the cause.
#[derive(Message)]
#[rtype(result = "BTreeMap<FlowId, String>")]
pub struct GetGaveUp;

/// Query. When flows are due next.
#[derive(Message)]
#[rtype(result = "BTreeMap<FlowId, DateTime<Utc>>")]
pub struct GetNextRuns;

/// Request. No new run set starts; answers when the running ones have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndRunSets;

/// Event. One flow of a run set has ended; the run set may continue for long.
#[derive(Message)]
#[rtype(result = "()")]
struct FlowEnded {
    flow: FlowId,
    /// The entry of the timetable that started it.
    due: Option<Due>,
    error: Option<PollError>,
}

/// Reminder. Checks the timetable.
#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

/// Reminder. Logs the flows that are waited for, until there are none.
#[derive(Message)]
#[rtype(result = "()")]
struct LogWaiting;

/// Why a run set that a person asked for does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefused {
    /// The flow is running already.
    #[error("flow {0} is running already")]
    Running(FlowId),
    /// The flow's actors gave up.
    #[error("flow {flow} does not run until the service is restarted or other definitions come into force: {cause}")]
    GaveUp {
        /// The flow.
        flow: FlowId,
        /// What crashed its actors.
        cause: String,
    },
    /// This node has other definitions than those in force.
    #[error("{0}")]
    OtherDefinitions(String),
    /// No new run set starts.
    #[error("the service is stopping")]
    Stopping,
    /// The actors did not answer; the run set may still start.
    #[error("the scheduler did not answer within {} s", ANSWER_LIMIT.as_secs())]
    Unresponsive,
}

impl Scheduler {
    /// An idle Scheduler.
    pub fn new(parts: SchedulerParts) -> Self {
        let settings = &parts.settings;
        let timetable = Timetable::new(schedules(&parts), settings.flows.lease, settings.retry.backoff);
        let (running, gave_up) = (BTreeSet::new(), BTreeMap::new());
        Self { parts, timetable, running, run_sets: watch::Sender::new(0), gave_up, stopping: false }
    }

    /// Runs a run set; `due` are those of its flows whose end the timetable must learn.
    fn run_set(
        &mut self,
        ask: RunSetRequest,
        due: Vec<Due>,
        ctx: &Context<Self>,
    ) -> impl ActorFuture<Self, Output = RunSetReport> + 'static {
        let (parts, recipients, scheduler) = (self.parts.run_sets.clone(), self.parts.recipients.clone(), ctx.address());
        self.running.extend(ask.flows.iter().map(|(flow, _)| flow.clone()));
        self.run_sets.send_modify(|count| *count += 1);
        // each flow by itself: a flow that another node holds must be retried long before the slowest flow of the run set has ended
        let ended = move |flow: &FlowId, error: Option<&PollError>| {
            let due = due.iter().find(|due| due.flow == *flow).cloned();
            scheduler.do_send(FlowEnded { flow: flow.clone(), due, error: error.cloned() });
        };
        async move { run_set::run(&parts, &recipients, ask, ended).await }.into_actor(self).map(|report, this, _| {
            this.run_sets.send_modify(|count| *count -= 1);
            report
        })
    }

    /// Starts a run set without waiting for its end.
    fn spawn(&mut self, ask: RunSetRequest, due: Vec<Due>, ctx: &mut Context<Self>) {
        let run_set = self.run_set(ask, due, ctx).map(|report, _, _| log_report(&report));
        ctx.spawn(run_set);
    }
}

/// Every flow, parents first.
fn flows(parts: &SchedulerParts) -> Vec<FlowId> {
    flows_of(&parts.settings.syspro.companies, &parts.definitions.now())
}

/// Poll and sweep schedules per entity. Every expression was checked with the settings and definitions.
fn schedules(parts: &SchedulerParts) -> BTreeMap<EntityName, Schedules> {
    let zone = parts.settings.syspro.time_zone;
    let definitions = parts.definitions.now();
    let parse = |text: &str| Schedule::parse(text, zone).map_err(|error| warn!(schedule = text, error, "not a schedule")).ok();
    definitions
        .plans
        .iter()
        .filter_map(|plan| {
            let default = definitions.schedule(&plan.entity).unwrap_or("5 * * * *");
            let poll = parse(parts.settings.schedule.get(&plan.entity).map_or(default, String::as_str))?;
            let sweep = plan.read.sweep.as_ref().map_or(parts.settings.flows.sweep.as_str(), |sweep| sweep.schedule.as_str());
            // a flow that is read whole at every run needs no sweep of its own
            let sweep = if plan.read.changes.is_empty() { None } else { parse(sweep) };
            Some((plan.entity.clone(), Schedules { poll, sweep }))
        })
        .collect()
}

fn log_report(report: &RunSetReport) {
    for (flow, result) in &report.flows {
        match result {
            Ok(run) => {
                if let Some(error) = &run.write_error {
                    warn!(%flow, %error, "not everything could be sent; what is queued is sent by the next run");
                }
            }
            Err(error @ (PollError::Done { .. } | PollError::Held { .. })) => debug!(%flow, %error, "there is nothing to run now"),
            Err(error @ PollError::Stopping { .. }) => info!(%error, "the flow was not read to its end"),
            Err(error) => warn!(%flow, %error, "the run did not finish; the next run continues where it stopped"),
        }
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.parts.mode.is_service() {
            ctx.notify_later(Tick, TICK);
        }
    }
}

impl Supervised for Scheduler {}

impl Handler<ExecuteRunSet> for Scheduler {
    type Result = ResponseActFuture<Self, RunSetReport>;

    fn handle(&mut self, ExecuteRunSet(ask): ExecuteRunSet, ctx: &mut Self::Context) -> Self::Result {
        Box::pin(self.run_set(ask, Vec::new(), ctx))
    }
}

impl Handler<StartRunSet> for Scheduler {
    type Result = Result<(), StartRefused>;

    fn handle(&mut self, StartRunSet(ask): StartRunSet, ctx: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Err(StartRefused::Stopping);
        }
        if let Some(why) = self.parts.definitions.view().complaint() {
            return Err(StartRefused::OtherDefinitions(why));
        }
        for (flow, _) in &ask.flows {
            if let Some(cause) = self.gave_up.get(flow) {
                return Err(StartRefused::GaveUp { flow: flow.clone(), cause: cause.clone() });
            }
            if self.running.contains(flow) {
                return Err(StartRefused::Running(flow.clone()));
            }
        }
        self.spawn(ask, Vec::new(), ctx);
        Ok(())
    }
}

impl Handler<Tick> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        if self.stopping {
            return;
        }
        ctx.notify_later(Tick, TICK);
        let (running, gave_up) = (&self.running, &self.gave_up);
        let busy = |flow: &FlowId| running.contains(flow) || gave_up.contains_key(flow);
        let works = self.parts.permission.is_given();
        let now = Utc::now();
        if let Some(before) = self.timetable.clock(now) {
            warn!(%before, %now, "the clock was set back; each flow is due at the next time of its schedule");
        }
        let due = if works && !self.timetable.sleeps(now) { self.timetable.take(flows(&self.parts), busy, now) } else { Vec::new() };
        if !due.is_empty() {
            let ask = RunSetRequest {
                flows: due.iter().map(|due| (due.flow.clone(), due.kind)).collect(),
                due_at: due.iter().map(|due| (due.flow.clone(), due.due_at)).collect(),
                ..RunSetRequest::by_schedule()
            };
            self.spawn(ask, due, ctx);
        }
    }
}

impl Handler<FlowEnded> for Scheduler {
    type Result = ();

    fn handle(&mut self, message: FlowEnded, _: &mut Self::Context) {
        self.running.remove(&message.flow);
        if let Some(due) = &message.due {
            self.timetable.ended(due, message.error.as_ref(), Utc::now());
        }
    }
}

impl Handler<ContinueBackfills> for Scheduler {
    type Result = ();

    fn handle(&mut self, ContinueBackfills(flows): ContinueBackfills, ctx: &mut Self::Context) {
        if self.stopping {
            return;
        }
        let known = |flow: &FlowId| self.parts.recipients.pollers.contains_key(flow);
        let free = |flow: &FlowId| known(flow) && !self.running.contains(flow) && !self.gave_up.contains_key(flow);
        let flows: Vec<FlowId> = flows.into_iter().filter(free).collect();
        // each flow by itself: no flow delays the polls of another
        for flow in flows {
            let flows = vec![(flow, RunKind::Backfill)];
            let ask = RunSetRequest { flows, requested_by: "backfill".into(), ..RunSetRequest::by_schedule() };
            self.spawn(ask, Vec::new(), ctx);
        }
    }
}

impl Handler<FlowGaveUp> for Scheduler {
    type Result = ();

    fn handle(&mut self, FlowGaveUp { flow, cause }: FlowGaveUp, _: &mut Self::Context) {
        self.gave_up.insert(flow, cause);
    }
}

impl Handler<ReplacePollers> for Scheduler {
    type Result = ();

    fn handle(&mut self, ReplacePollers(pollers): ReplacePollers, _: &mut Self::Context) {
        for flow in self.parts.recipients.pollers.keys().filter(|flow| !pollers.contains_key(flow)) {
            metrics().forget(flow);
        }
        self.parts.recipients.pollers = pollers;
        // these belonged to the former actors
        self.gave_up.clear();
        self.timetable.replace(schedules(&self.parts), Utc::now());
        for flow in self.parts.recipients.pollers.keys() {
            self.parts.nudge.do_send(Nudge { entity: flow.entity.clone() });
        }
    }
}

impl Handler<GetGaveUp> for Scheduler {
    type Result = MessageResult<GetGaveUp>;

    fn handle(&mut self, _: GetGaveUp, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.gave_up.clone())
    }
}

impl Handler<GetNextRuns> for Scheduler {
    type Result = MessageResult<GetNextRuns>;

    fn handle(&mut self, _: GetNextRuns, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.timetable.next_polls())
    }
}

impl Handler<EndRunSets> for Scheduler {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: EndRunSets, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        ctx.notify(LogWaiting);
        let mut run_sets = self.run_sets.subscribe();
        // the sender is this actor, which lives longer than its answer
        let ended = async move {
            let _ = run_sets.wait_for(|count| *count == 0).await;
        };
        Box::pin(ended.into_actor(self))
    }
}

impl Handler<LogWaiting> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: LogWaiting, ctx: &mut Self::Context) {
        if *self.run_sets.borrow() == 0 {
            return;
        }
        let flows: Vec<String> = self.running.iter().map(ToString::to_string).collect();
        if flows.is_empty() {
            info!("waiting for the batches of flows that have been read");
        } else {
            info!(flows = flows.join(", "), "waiting for running flows");
        }
        ctx.notify_later(LogWaiting, LOG_WAITING);
    }
}
