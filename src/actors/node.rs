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
use crate::process::budget::Budget;
use crate::process::heartbeat::Heartbeat;
use crate::process::in_force::{self, InForce};
use crate::process::permission::Permission;
use crate::store::{self, Store};
use crate::store::{NodePart, NodeWork};
use crate::supervision::stopping::Stopping;

/// How often the heartbeat is written and due work is read.
const TICK: Duration = Duration::from_secs(1);

/// What Node works with.
#[derive(Clone)]
pub struct NodeParts {
    /// The identity of this node.
    pub node: store::Node,
    /// The definitions that are reported to the other nodes, and learn from the ledger whether they are in force.
    pub definitions: InForce,
    /// Whether this process may work.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// This process's heartbeats.
    pub heartbeat: Arc<Heartbeat>,
    /// What the Writer measured, and what the other nodes report.
    pub budget: Arc<Budget>,
    /// The Writer, for deliveries that are due.
    pub nudge: Recipient<Nudge>,
    /// The Scheduler, for open backfills.
    pub backfills: Recipient<ContinueBackfills>,
}

/// This process among the nodes of the ledger.
pub struct Node {
    parts: NodeParts,
    /// A query is running: a second one would only wait for a connection as well.
    asking: bool,
}

/// Reminder. Writes the heartbeat, and reads what is due.
#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

impl Node {
    /// An idle actor.
    pub fn new(parts: NodeParts) -> Self {
        Self { parts, asking: false }
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
        if self.parts.stopping.has_begun() {
            return;
        }
        ctx.notify_later(Tick, TICK);
        if std::mem::replace(&mut self.asking, true) {
            return;
        }
        let parts = self.parts.clone();
        let round = async move {
            beat(&parts).await;
            due(&parts).await
        };
        ctx.spawn(round.into_actor(self).map(|backfills, this, _| {
            this.asking = false;
            this.parts.backfills.do_send(ContinueBackfills(backfills));
        }));
    }
}

/// Writes the heartbeat, and stores what the ledger answers: the budgets of the other nodes, and which definitions are in force.
async fn beat(parts: &NodeParts) {
    let NodeParts { node, definitions, store, heartbeat, budget, .. } = parts;
    let now = Instant::now();
    let under = definitions.now().number;
    let asked = budget.asked();
    let beat = store.node_heartbeat(node.clone(), budget.own(), asked.clone(), UNRESPONSIVE_AFTER, Some(under));
    match beat.await {
        Ok(answer) => {
            heartbeat.record(now);
            if let Some(set_back) = answer.set_back {
                warn!("{set_back}");
            }
            budget.heard(answer.others, &asked, answer.resumed);
            if let Some(in_force) = answer.in_force.filter(|in_force| definitions.is_new(*in_force)) {
                in_force::check(definitions, store, node, in_force).await;
            }
        }
        Err(error) => warn!(%error, "the heartbeat could not be written to the ledger; nothing is sent until it can be"),
    }
}

/// Recovers the batches of dead nodes, and tells the Writer about every entity with due deliveries; answers the flows with open backfills.
async fn due(parts: &NodeParts) -> Vec<FlowId> {
    let part = if parts.permission.is_given() { NodePart::Work } else { NodePart::RecoverOnly };
    match parts.store.node_work(parts.node.clone(), UNRESPONSIVE_AFTER, part).await {
        Ok(NodeWork { due, backfills }) => {
            due.into_iter().for_each(|entity| parts.nudge.do_send(Nudge { entity: EntityName::new(entity) }));
            backfills
        }
        Err(error) => {
            warn!(%error, "the ledger does not answer; nothing is lost, and Tieline retries");
            Vec::new()
        }
    }
}
