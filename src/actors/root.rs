//! `Root`: supervises all actors.
//!
//! It checks whether the actors respond, re-creates the actors of the flows when new definitions come into force, and passes on the request
//! to stop. A flow whose actors gave up is left out and makes readiness amber. When an actor that all deliveries depend on gives up, or any
//! actor is stuck, the process must end, and the service manager starts it again. Root itself has no other work: a panic here ends the
//! process. Runs on the control arbiter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::watch;
use tracing::{error, warn};

use super::child::{ChildExited, IfGivenUp};
use super::flow_starter::FlowStarter;
use super::scheduler::{EndRunSets, FlowGaveUp, ReplacePollers, Scheduler};
use crate::supervision::guard::{Exit, Liveness, LivenessCheck, ask_all};
use crate::supervision::watchdog::{Fatal, Watchdog};
use crate::telemetry::labels::DeathCause;
use crate::telemetry::metrics::metrics;

/// How often Root shows the watchdog that it is running.
const TICK: Duration = Duration::from_secs(1);
/// How often at most every actor gets a liveness check.
const LIVENESS_EVERY: Duration = Duration::from_secs(15);

/// What Root is made of.
pub struct RootParts {
    /// Finds the actors that do not answer.
    pub watchdog: Arc<Watchdog>,
    /// An actor that does not answer for this long ends the process.
    pub stuck: Duration,
    /// The Scheduler.
    pub scheduler: Addr<Scheduler>,
    /// Liveness checks of all actors but those of the flows.
    pub liveness_checks: Vec<LivenessCheck>,
    /// Liveness checks of the flows' actors.
    pub flow_liveness_checks: Vec<LivenessCheck>,
    /// Re-creates the flows' actors; `None` once the process is stopping.
    pub starter: Option<FlowStarter>,
    /// Set when the process must end.
    pub fatal: watch::Sender<Option<Fatal>>,
    /// Whether the watchdog watches Root: it does in a service.
    pub watched: bool,
}

/// Supervises all.
pub struct Root {
    parts: RootParts,
}

/// Request. No new run set starts; answers when the running ones have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// Request. New definitions came into force here: the flows' actors are re-created with them, and the schedules follow. A running flow
/// stops after the current page, because the ledger refuses the next one, and continues with the new definitions.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeUpDefinitions;

/// Reminder. Shows the watchdog that Root is running.
#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

/// Reminder. Runs the liveness check of every actor.
#[derive(Message)]
#[rtype(result = "()")]
struct CheckLiveness;

impl Root {
    /// An idle Root.
    pub fn new(parts: RootParts) -> Self {
        Self { parts }
    }

    fn end_process(&self, fatal: Fatal) {
        error!(why = fatal.why, "the service cannot continue and ends; the service manager restarts it");
        let _ = self.parts.fatal.send(Some(fatal));
    }
}

impl Actor for Root {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.parts.watched {
            ctx.notify_later(Tick, TICK);
        }
        ctx.notify(CheckLiveness);
    }
}

impl Handler<Tick> for Root {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        ctx.notify_later(Tick, TICK);
        self.parts.watchdog.root_lives();
    }
}

impl Handler<CheckLiveness> for Root {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: CheckLiveness, _: &mut Self::Context) -> Self::Result {
        let liveness_checks: Vec<LivenessCheck> =
            self.parts.liveness_checks.iter().chain(&self.parts.flow_liveness_checks).cloned().collect();
        let limit = self.parts.stuck;
        Box::pin(async move { ask_all(&liveness_checks, limit / 4).await }.into_actor(self).map(move |all, this, ctx| {
            let watchdog = &this.parts.watchdog;
            for (child, liveness) in all {
                let name = child.to_string();
                if liveness != Liveness::Unresponsive {
                    watchdog.mark_alive(&name);
                    continue;
                }
                // from now on readiness shows it
                let now = Instant::now();
                let since = watchdog.mark_unresponsive(&name, now.checked_sub(limit / 4).unwrap_or(now));
                warn!(child = name, seconds = since.elapsed().as_secs(), "an actor does not answer");
                if since.elapsed() >= limit {
                    let why = format!("actor {name} has not answered for {} s: its thread is stuck", limit.as_secs());
                    this.end_process(Fatal { why, stuck: true });
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
        metrics().service.actor_died(kind, DeathCause::GiveUp);
        match message.if_given_up {
            IfGivenUp::LeaveFlowOut(flow) => {
                error!(%flow, child = kind, cause, "the flow does not run until the service is restarted or other definitions come into \
                     force");
                self.parts.scheduler.do_send(FlowGaveUp { flow, cause: format!("{kind} crashed too often: {cause}") });
            }
            IfGivenUp::LeaveOut => {
                error!(child = kind, cause, "an actor gave up and stays off until the service restarts; everything else continues");
            }
            IfGivenUp::EndProcess => {
                let why = format!("actor {} crashed too often: {cause}", message.child);
                self.end_process(Fatal { why, stuck: false });
            }
        }
    }
}

impl Handler<TakeUpDefinitions> for Root {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: TakeUpDefinitions, _: &mut Self::Context) -> Self::Result {
        let Some(starter) = &self.parts.starter else { return Box::pin(std::future::ready(())) };
        let started = starter.start_all();
        self.parts.flow_liveness_checks = started.liveness_checks;
        let taken_up = self.parts.scheduler.send(ReplacePollers(started.pollers));
        // a Scheduler that does not answer ends the process
        Box::pin(async move {
            let _ = taken_up.await;
        })
    }
}

impl Handler<Stop> for Root {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {
        // it holds the address of this actor, which keeps the actor alive; nothing else does from now on
        self.parts.starter = None;
        let ended = self.parts.scheduler.send(EndRunSets);
        Box::pin(async move {
            let _ = ended.await;
        })
    }
}
