//! `Root`: supervises all, keeps the schedule, executes run sets.
//!
//! Owns which flows are running and when each is due next; everything else is asked of others. A flow whose actors gave up is left out
//! and makes readiness amber; when an actor that all deliveries depend on gives up, or any is stuck, the process must end, and the
//! service manager starts it again. Root itself holds no work: a panic here ends the process. Runs on the control arbiter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::child::{ChildExited, IfGivenUp};
use super::flows::flows;
use super::poller::PollError;
use super::scheduler::run_set::{self, Recipients, RunSetReport, RunSetRequest};
use super::scheduler::timetable::{Due, Timetable};
use super::system::FlowStarter;
use super::writer::Nudge;
use super::{Deps, heartbeat, in_force};
use crate::domain::run::RunKind;
use crate::domain::schedule::Schedule;
use crate::domain::{EntityName, FlowId};
use crate::store::Dead;
use crate::supervision::guard::{Exit, Liveness, LivenessCheck, ask_all};
use crate::supervision::watchdog::Fatal;
use crate::telemetry::metrics::metrics;

/// How often the schedule and the due deliveries are checked.
const TICK: Duration = Duration::from_secs(1);
/// How often at most every actor is asked whether it lives.
const LIVENESS_EVERY: Duration = Duration::from_secs(15);

/// What Root is made of.
pub struct RootParts {
    /// What every actor has.
    pub deps: Deps,
    /// The actors that a run set sends to.
    pub recipients: Recipients,
    /// The Writer, for what is due again.
    pub nudge: Recipient<Nudge>,
    /// Liveness checks of all actors but those of the flows.
    pub liveness_checks: Vec<LivenessCheck>,
    /// Liveness checks of the flows' actors.
    pub flow_liveness_checks: Vec<LivenessCheck>,
    /// Re-creates the flows' actors; `None` once nothing more is to start.
    pub starter: Option<FlowStarter>,
    /// Set when the process must end.
    pub fatal: watch::Sender<Option<Fatal>>,
    /// Whether flows run by their schedules, or only when asked.
    pub scheduled: bool,
}

/// Supervises all.
pub struct Root {
    parts: RootParts,
    timetable: Timetable,
    /// Flows on their way.
    running: BTreeSet<FlowId>,
    /// Run sets on their way: they end after their last flow.
    run_sets: usize,
    gave_up: BTreeMap<FlowId, String>,
    /// The ledger is being asked what is due: a second question would only wait for a connection as well.
    asking: bool,
    stopping: bool,
    /// When it was last said which flows are waited for.
    logged_waiting: Option<Instant>,
}

/// Ask. Runs flows in dependency order; answers when all have ended.
#[derive(Message)]
#[rtype(result = "RunSetReport")]
pub struct ExecuteRunSet(pub RunSetRequest);

/// Question. Flows whose actors gave up, with the cause.
#[derive(Message)]
#[rtype(result = "BTreeMap<FlowId, String>")]
pub struct GetGaveUp;

/// Question. When flows are due next.
#[derive(Message)]
#[rtype(result = "BTreeMap<FlowId, DateTime<Utc>>")]
pub struct GetNextRuns;

/// Ask. No new run set starts; answers when the running ones have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// Fact. A flow of a run set has ended; the run set may continue for long.
#[derive(Message)]
#[rtype(result = "()")]
struct FlowEnded {
    flow: FlowId,
    /// What the scheduler had it run for.
    due: Option<Due>,
    error: Option<PollError>,
}

/// Ask. Other definitions came into force here: the flows' actors are re-created with them, and the schedules follow. What runs is left at the
/// end of its page, because the ledger refuses the next one, and continues with the new ones.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeUpDefinitions;

/// Nudge. Checks the schedule.
#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

/// Nudge. Runs the liveness check of every actor.
#[derive(Message)]
#[rtype(result = "()")]
struct CheckLiveness;

impl Root {
    /// A root at rest.
    pub fn new(parts: RootParts) -> Self {
        let settings = &parts.deps.settings;
        let timetable = Timetable::new(schedules(&parts.deps), settings.flows.lease, (settings.retry.min_delay, settings.retry.max_delay));
        Self {
            parts,
            timetable,
            running: BTreeSet::new(),
            run_sets: 0,
            gave_up: BTreeMap::new(),
            asking: false,
            stopping: false,
            logged_waiting: None,
        }
    }

    /// A run set; `due` are those of its flows that the scheduler wants to hear of.
    fn run_set(
        &mut self,
        ask: RunSetRequest,
        due: Vec<Due>,
        ctx: &Context<Self>,
    ) -> impl ActorFuture<Self, Output = RunSetReport> + 'static {
        let (deps, recipients, root) = (self.parts.deps.clone(), self.parts.recipients.clone(), ctx.address());
        self.running.extend(ask.flows.iter().map(|(flow, _)| flow.clone()));
        self.run_sets += 1;
        // each by itself: one that another node holds must be tried again long before the slowest of the run set has ended
        let ended = move |flow: &FlowId, error: Option<&PollError>| {
            let due = due.iter().find(|due| due.flow == *flow).cloned();
            root.do_send(FlowEnded { flow: flow.clone(), due, error: error.cloned() });
        };
        async move { run_set::run(&deps, &recipients, ask, ended).await }.into_actor(self).map(|report, this, _| {
            this.run_sets -= 1;
            report
        })
    }

    /// Goes on with open backfills of flows that are at rest here.
    fn backfill(&mut self, flows: Vec<FlowId>, ctx: &mut Context<Self>) {
        let known = |flow: &FlowId| self.parts.recipients.pollers.contains_key(flow);
        let free = |flow: &FlowId| known(flow) && !self.running.contains(flow) && !self.gave_up.contains_key(flow);
        let flows: Vec<FlowId> = flows.into_iter().filter(free).collect();
        if self.stopping {
            return;
        }
        // each by itself: none keeps another one's polls waiting
        for flow in flows {
            let flows = vec![(flow, RunKind::Backfill)];
            let ask = RunSetRequest { flows, requested_by: "backfill".into(), ..RunSetRequest::by_schedule() };
            let run_set = self.run_set(ask, Vec::new(), ctx).map(|report, _, _| log_report(&report));
            ctx.spawn(run_set);
        }
    }

    fn end_process(&self, why: String, stuck: bool) {
        error!(why, "the service cannot go on and ends; the service manager starts it again");
        let _ = self.parts.fatal.send(Some(Fatal { why, stuck }));
    }
}

/// Poll and sweep schedules per entity. Every expression was checked with the settings and definitions.
fn schedules(deps: &Deps) -> BTreeMap<EntityName, (Schedule, Option<Schedule>)> {
    let zone = deps.settings.syspro.time_zone;
    let definitions = deps.definitions.now();
    let parse = |text: &str| Schedule::parse(text, zone).map_err(|error| warn!(schedule = text, error, "not a schedule")).ok();
    definitions
        .plans
        .iter()
        .filter_map(|plan| {
            let default = definitions.schedule(&plan.entity).unwrap_or("5 * * * *");
            let poll = parse(deps.settings.schedule.get(&plan.entity).map_or(default, String::as_str))?;
            let sweep = plan.read.sweep.as_ref().map_or(deps.settings.flows.sweep.as_str(), |sweep| sweep.schedule.as_str());
            // a flow that is read whole at every run needs no sweep of its own
            let sweep = if plan.read.changes.is_empty() { None } else { parse(sweep) };
            Some((plan.entity.clone(), (poll, sweep)))
        })
        .collect()
}

impl Actor for Root {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.parts.scheduled {
            ctx.notify_later(Tick, TICK);
        }
        ctx.notify(CheckLiveness);
    }
}

impl Handler<ExecuteRunSet> for Root {
    type Result = ResponseActFuture<Self, RunSetReport>;

    fn handle(&mut self, ExecuteRunSet(ask): ExecuteRunSet, ctx: &mut Self::Context) -> Self::Result {
        Box::pin(self.run_set(ask, Vec::new(), ctx))
    }
}

impl Handler<Tick> for Root {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        ctx.notify_later(Tick, TICK);
        self.parts.deps.watchdog.root_lives();
        if self.stopping {
            return;
        }
        let (running, gave_up) = (&self.running, &self.gave_up);
        let busy = |flow: &FlowId| running.contains(flow) || gave_up.contains_key(flow);
        let works = self.parts.deps.works();
        let now = Utc::now();
        if let Some(before) = self.timetable.clock(now) {
            warn!(%before, %now, "the clock was set back; flows are due by their schedules from now on, whatever they waited for");
        }
        let due = if works { self.timetable.take(flows(&self.parts.deps), busy, Utc::now()) } else { Vec::new() };
        if !due.is_empty() {
            let ask = RunSetRequest {
                flows: due.iter().map(|due| (due.flow.clone(), due.kind)).collect(),
                due_at: due.iter().map(|due| (due.flow.clone(), due.due_at)).collect(),
                ..RunSetRequest::by_schedule()
            };
            let run_set = self.run_set(ask, due, ctx).map(|report, _, _| log_report(&report));
            ctx.spawn(run_set);
        }
        if std::mem::replace(&mut self.asking, true) {
            return;
        }
        // deliveries whose time has come, and batches of nodes that died
        let (deps, nudge) = (self.parts.deps.clone(), self.parts.nudge.clone());
        let retry = async move {
            let now = Instant::now();
            let under = deps.definitions.now().number;
            let asked = deps.budget.asked();
            match deps
                .store
                .node_heartbeat(deps.node.clone(), deps.budget.own(), asked.clone(), heartbeat::UNRESPONSIVE_AFTER, Some(under))
                .await
            {
                Ok(answer) => {
                    deps.heartbeat.record(now);
                    if let Some(set_back) = answer.set_back {
                        warn!("{set_back}");
                    }
                    deps.budget.heard(answer.others, &asked, answer.resumed);
                    if let Some(in_force) = answer.in_force.filter(|in_force| deps.definitions.is_new(*in_force)) {
                        in_force::check(&deps, in_force).await;
                    }
                }
                Err(error) => warn!(%error, "the heartbeat could not be written to the ledger; nothing is sent until it can be"),
            }
            if let Err(error) = deps.store.delivery_recover(deps.node.clone(), Dead::Expired, heartbeat::UNRESPONSIVE_AFTER).await {
                warn!(%error, "the ledger does not answer; nothing is lost, it is asked again");
                return Vec::new();
            }
            if !deps.works() {
                return Vec::new();
            }
            match deps.store.delivery_due().await {
                Ok(entities) => entities.into_iter().for_each(|entity| nudge.do_send(Nudge { entity: EntityName::new(entity) })),
                Err(error) => warn!(%error, "due deliveries could not be read, it is tried again"),
            }
            match deps.store.backfill_flows().await {
                Ok(flows) => flows,
                Err(error) => {
                    warn!(%error, "open backfills could not be read, it is tried again");
                    Vec::new()
                }
            }
        };
        ctx.spawn(retry.into_actor(self).map(|backfills, this, ctx| {
            this.asking = false;
            this.backfill(backfills, ctx);
        }));
    }
}

impl Handler<FlowEnded> for Root {
    type Result = ();

    fn handle(&mut self, message: FlowEnded, _: &mut Self::Context) {
        self.running.remove(&message.flow);
        if let Some(due) = &message.due {
            self.timetable.ended(due, message.error.as_ref(), Utc::now());
        }
    }
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
            Err(error @ PollError::Stopping { .. }) => info!(%error, "the flow is not read to its end now"),
            Err(error) => warn!(%flow, %error, "the flow did not run to its end; the next try goes on where it was"),
        }
    }
}

impl Handler<CheckLiveness> for Root {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: CheckLiveness, _: &mut Self::Context) -> Self::Result {
        let liveness_checks: Vec<LivenessCheck> =
            self.parts.liveness_checks.iter().chain(&self.parts.flow_liveness_checks).cloned().collect();
        let limit = self.parts.deps.settings.flows.stuck;
        Box::pin(async move { ask_all(&liveness_checks, limit / 4).await }.into_actor(self).map(move |all, this, ctx| {
            let watchdog = &this.parts.deps.watchdog;
            for (child, liveness) in all {
                let name = child.to_string();
                if liveness != Liveness::Unresponsive {
                    watchdog.mark_alive(&name);
                    continue;
                }
                // readiness says so from now on
                let now = Instant::now();
                let since = watchdog.mark_unresponsive(&name, now.checked_sub(limit / 4).unwrap_or(now));
                warn!(child = name, seconds = since.elapsed().as_secs(), "an actor does not answer");
                if since.elapsed() >= limit {
                    this.end_process(format!("actor {name} has not answered for {} s: its thread is stuck", limit.as_secs()), true);
                }
            }
            ctx.notify_later(CheckLiveness, LIVENESS_EVERY.min(limit / 4));
        }))
    }
}

impl Handler<ChildExited> for Root {
    type Result = ();

    fn handle(&mut self, message: ChildExited, _: &mut Self::Context) {
        let Exit::GaveUp { cause } = message.exit else { return };
        let kind = message.child.kind;
        match message.if_given_up {
            IfGivenUp::LeaveFlowOut(flow) => {
                error!(%flow, child = kind, cause, "the flow is left out until the service is restarted");
                self.gave_up.insert(flow, format!("{kind} died too often: {cause}"));
            }
            IfGivenUp::LeaveOut => {
                error!(child = kind, cause, "it is left out until the service is restarted; everything else goes on");
            }
            IfGivenUp::EndProcess => self.end_process(format!("actor {} died too often: {cause}", message.child), false),
        }
    }
}

impl Handler<GetGaveUp> for Root {
    type Result = MessageResult<GetGaveUp>;

    fn handle(&mut self, _: GetGaveUp, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.gave_up.clone())
    }
}

impl Handler<GetNextRuns> for Root {
    type Result = MessageResult<GetNextRuns>;

    fn handle(&mut self, _: GetNextRuns, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.timetable.next_polls())
    }
}

impl Handler<TakeUpDefinitions> for Root {
    type Result = ();

    fn handle(&mut self, _: TakeUpDefinitions, _: &mut Self::Context) {
        let Some(starter) = &self.parts.starter else { return };
        let started = starter.start_all();
        for flow in self.parts.recipients.pollers.keys().filter(|flow| !started.pollers.contains_key(flow)) {
            metrics().forget(flow);
        }
        self.parts.recipients.pollers = started.pollers;
        self.parts.flow_liveness_checks = started.liveness_checks;
        // theirs were the actors before
        self.gave_up.clear();
        self.timetable.replace(schedules(&self.parts.deps), Utc::now());
        for flow in self.parts.recipients.pollers.keys() {
            self.parts.nudge.do_send(Nudge { entity: flow.entity.clone() });
        }
    }
}

/// Between two checks whether the current run sets have ended.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// How often it is said which flows are waited for.
const LOG_WAITING: Duration = Duration::from_secs(10);

impl Handler<Stop> for Root {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        // it knows this very actor, which no one else keeps alive from now on
        self.parts.starter = None;
        if self.run_sets == 0 {
            return Box::pin(actix::fut::ready(()));
        }
        if self.logged_waiting.is_none_or(|told| told.elapsed() >= LOG_WAITING) {
            self.logged_waiting = Some(Instant::now());
            let flows: Vec<String> = self.running.iter().map(ToString::to_string).collect();
            let flows = if flows.is_empty() { "none; the last batches are being settled".to_owned() } else { flows.join(", ") };
            info!(flows, "waiting for running flows");
        }
        let again = ctx.address();
        let wait = async move {
            tokio::time::sleep(STOP_CHECK).await;
            let _ = again.send(Stop).await;
        };
        Box::pin(wait.into_actor(self))
    }
}

/// Asks Root, from outside the actors.
#[derive(Clone)]
pub struct RootHandle {
    root: Addr<Root>,
}

/// How long an answer about health may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

impl RootHandle {
    /// A handle to this Root.
    pub fn new(root: Addr<Root>) -> Self {
        Self { root }
    }

    /// Flows whose actors gave up, with the cause; empty while Root is busy.
    pub async fn gave_up(&self) -> BTreeMap<FlowId, String> {
        self.root.send(GetGaveUp).timeout(ANSWER_LIMIT).await.unwrap_or_default()
    }

    /// When flows are due next; empty while Root is busy.
    pub async fn next_runs(&self) -> BTreeMap<FlowId, DateTime<Utc>> {
        self.root.send(GetNextRuns).timeout(ANSWER_LIMIT).await.unwrap_or_default()
    }

    /// Starts a run set and does not wait for its end.
    ///
    /// # Errors
    /// [`StartRefused`] when one of its flows is running or left out, or the service is stopping.
    pub async fn run(&self, ask: RunSetRequest) -> Result<(), StartRefused> {
        self.root.send(StartRunSet(ask)).timeout(ANSWER_LIMIT).await.unwrap_or(Err(StartRefused::Unresponsive))
    }

    /// The definitions of this process are others by now: the flows continue with them.
    pub async fn take_up_definitions(&self) {
        let _ = self.root.send(TakeUpDefinitions).await;
    }

    /// Something may be due in any flow.
    pub fn nudge_all(&self) {
        self.root.do_send(NudgeAll);
    }
}

/// Ask. Starts a run set; answers at once whether it began. Two for the same flow never start together.
#[derive(Message)]
#[rtype(result = "Result<(), StartRefused>")]
struct StartRunSet(RunSetRequest);

/// Why a run set that a person asked for does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefused {
    /// The flow is on its way already.
    #[error("flow {0} is running already")]
    Running(FlowId),
    /// The flow's actors gave up.
    #[error("flow {flow} is left out until the service is restarted: {cause}")]
    GaveUp {
        /// The flow.
        flow: FlowId,
        /// What its actors died of.
        cause: String,
    },
    /// This node has other definitions than those in force.
    #[error("{0}")]
    OtherDefinitions(String),
    /// No run set starts any more.
    #[error("the service is stopping")]
    Stopping,
    /// Root did not answer; the run set may still start.
    #[error("Root did not answer within {} s", ANSWER_LIMIT.as_secs())]
    Unresponsive,
}

impl Handler<StartRunSet> for Root {
    type Result = Result<(), StartRefused>;

    fn handle(&mut self, StartRunSet(ask): StartRunSet, ctx: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Err(StartRefused::Stopping);
        }
        if let Some(why) = self.parts.deps.definitions.view().complaint() {
            return Err(StartRefused::OtherDefinitions(why));
        }
        let flows: Vec<FlowId> = ask.flows.iter().map(|(flow, _)| flow.clone()).collect();
        for flow in &flows {
            if let Some(cause) = self.gave_up.get(flow) {
                return Err(StartRefused::GaveUp { flow: flow.clone(), cause: cause.clone() });
            }
            if self.running.contains(flow) {
                return Err(StartRefused::Running(flow.clone()));
            }
        }
        let run_set = self.run_set(ask, Vec::new(), ctx).map(|report, _, _| log_report(&report));
        ctx.spawn(run_set);
        Ok(())
    }
}

/// Nudge. Something may be due in any flow.
#[derive(Message)]
#[rtype(result = "()")]
struct NudgeAll;

impl Handler<NudgeAll> for Root {
    type Result = ();

    fn handle(&mut self, _: NudgeAll, _: &mut Self::Context) {
        for plan in &self.parts.deps.definitions.now().plans {
            self.parts.nudge.do_send(Nudge { entity: plan.entity.clone() });
        }
    }
}
