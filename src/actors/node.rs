//! `Node`: once a second while the service runs, does the work that concerns all nodes of the ledger.
//!
//! It writes the heartbeat of this node, reads the reports of the other nodes, takes over the batches of dead nodes, and tells the Writer
//! and the Scheduler what is due. Its only state is whether a query is running. It is not restarted: a panic here ends the process, because
//! a node without a heartbeat must not continue. Runs on the control arbiter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tracing::warn;

use super::scheduler::ContinueBackfills;
use super::writer::Nudge;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::{EntityName, FlowId};
use crate::store::{NodePart, NodeWork};
use crate::process::budget::Budget;
use crate::process::heartbeat::Heartbeat;
use crate::process::{Deps, in_force};

/// How often the heartbeat is written and due work is read.
const TICK: Duration = Duration::from_secs(1);

/// This process among the nodes of the ledger.
pub struct Node {
    deps: Deps,
    heartbeat: Arc<Heartbeat>,
    budget: Arc<Budget>,
    nudge: Recipient<Nudge>,
    backfills: Recipient<ContinueBackfills>,
    /// A query is running: a second one would only wait for a connection as well.
    asking: bool,
}

/// Reminder. Writes the heartbeat, and reads what is due.
#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

impl Node {
    /// An idle actor. `nudge`: the Writer; `backfills`: the Scheduler.
    pub fn new(
        deps: Deps,
        heartbeat: Arc<Heartbeat>,
        budget: Arc<Budget>,
        nudge: Recipient<Nudge>,
        backfills: Recipient<ContinueBackfills>,
    ) -> Self {
        Self { deps, heartbeat, budget, nudge, backfills, asking: false }
    }
}

impl Actor for Node {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.notify_later(Tick, TICK);
    }
}

impl Supervised for Node {}

impl Handler<Tick> for Node {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        if self.deps.stopping.has_begun() {
            return;
        }
        ctx.notify_later(Tick, TICK);
        if std::mem::replace(&mut self.asking, true) {
            return;
        }
        let (deps, heartbeat, budget, nudge) = (self.deps.clone(), self.heartbeat.clone(), self.budget.clone(), self.nudge.clone());
        let round = async move {
            beat(&deps, &heartbeat, &budget).await;
            due(&deps, &nudge).await
        };
        ctx.spawn(round.into_actor(self).map(|backfills, this, _| {
            this.asking = false;
            this.backfills.do_send(ContinueBackfills(backfills));
        }));
    }
}

/// Writes the heartbeat, and stores what the ledger answers: the budgets of the other nodes, and which definitions are in force.
async fn beat(deps: &Deps, heartbeat: &Heartbeat, budget: &Budget) {
    let now = Instant::now();
    let under = deps.definitions.now().number;
    let asked = budget.asked();
    let beat = deps.store.node_heartbeat(deps.node.clone(), budget.own(), asked.clone(), UNRESPONSIVE_AFTER, Some(under));
    match beat.await {
        Ok(answer) => {
            heartbeat.record(now);
            if let Some(set_back) = answer.set_back {
                warn!("{set_back}");
            }
            budget.heard(answer.others, &asked, answer.resumed);
            if let Some(in_force) = answer.in_force.filter(|in_force| deps.definitions.is_new(*in_force)) {
                in_force::check(deps, in_force).await;
            }
        }
        Err(error) => warn!(%error, "the heartbeat could not be written to the ledger; nothing is sent until it can be"),
    }
}

/// Recovers the batches of dead nodes, and tells the Writer about every entity with due deliveries; answers the flows with open backfills.
async fn due(deps: &Deps, nudge: &Recipient<Nudge>) -> Vec<FlowId> {
    let part = if deps.works() { NodePart::Work } else { NodePart::RecoverOnly };
    match deps.store.node_work(deps.node.clone(), UNRESPONSIVE_AFTER, part).await {
        Ok(NodeWork { due, backfills }) => {
            due.into_iter().for_each(|entity| nudge.do_send(Nudge { entity: EntityName::new(entity) }));
            backfills
        }
        Err(error) => {
            warn!(%error, "the ledger does not answer; nothing is lost, it is asked again");
            Vec::new()
        }
    }
}
