//! Sends requests to the running actors from outside the actor system.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, Utc};

use super::root::TakeUpDefinitions;
use super::scheduler::run_set::RunSetRequest;
use super::scheduler::{ANSWER_LIMIT, GetGaveUp, GetNextRuns, Scheduler, StartRefused, StartRunSet};
use super::writer::Nudge;
use crate::domain::FlowId;
use crate::process::in_force::InForce;
use crate::supervision::watchdog::Watchdog;

/// Sends requests to the actors of a service.
#[derive(Clone)]
pub struct ActorsHandle {
    pub(super) root: Recipient<TakeUpDefinitions>,
    pub(super) scheduler: Addr<Scheduler>,
    pub(super) nudge: Recipient<Nudge>,
    pub(super) definitions: InForce,
    pub(super) watchdog: Arc<Watchdog>,
}

impl ActorsHandle {
    /// A message for each actor that does not answer, with the seconds; after `limit` the process ends.
    pub fn unresponsive(&self, limit: Duration) -> Vec<String> {
        self.watchdog.unresponsive_actors(limit)
    }

    /// Flows whose actors gave up, with the cause; empty while the Scheduler is busy.
    pub async fn gave_up(&self) -> BTreeMap<FlowId, String> {
        self.scheduler.send(GetGaveUp).timeout(ANSWER_LIMIT).await.unwrap_or_default()
    }

    /// When flows are due next; empty while the Scheduler is busy.
    pub async fn next_runs(&self) -> BTreeMap<FlowId, DateTime<Utc>> {
        self.scheduler.send(GetNextRuns).timeout(ANSWER_LIMIT).await.unwrap_or_default()
    }

    /// Starts a run set and does not wait for its end.
    ///
    /// # Errors
    /// [`StartRefused`] when one of its flows is running or left out, or the service is stopping.
    pub async fn run(&self, ask: RunSetRequest) -> Result<(), StartRefused> {
        self.scheduler.send(StartRunSet(ask)).timeout(ANSWER_LIMIT).await.unwrap_or(Err(StartRefused::Unresponsive))
    }

    /// This process has new definitions: the flows continue with them.
    pub async fn take_up_definitions(&self) {
        let _ = self.root.send(TakeUpDefinitions).await;
    }

    /// Tells the Writer that deliveries of any flow may be due.
    pub fn nudge_all(&self) {
        for plan in &self.definitions.now().plans {
            self.nudge.do_send(Nudge { entity: plan.entity.clone() });
        }
    }
}
