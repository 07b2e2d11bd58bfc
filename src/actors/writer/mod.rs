//! `Writer`: sends deliveries to ServiceNow in batches.
//!
//! Owns the pace (batch size, concurrent requests, pauses) for one instance. Pollers notify it, and run sets ask it to drain an entity. All
//! that matters is in the ledger: a restart loses the pace and the batches in flight, whose outcome is then unknown. Runs on the delivery
//! arbiter.

mod apart;
mod dropped;
mod error;
mod outgoing;
mod pace;
mod parts;
mod sender;
mod shared_answer;
mod verdict;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use tracing::{debug, warn};

pub use self::error::WriteError;
pub use self::parts::WriterParts;

use self::sender::{Sender, Volatile};
use super::servicenow_token::TokenClient;
use crate::domain::EntityName;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::chain;
use crate::process::budget::Budget;
use crate::process::heartbeat::Heartbeat;
use crate::servicenow::{RowOwners, ServiceNow};
use crate::store::{Dead, Store};

/// Sends deliveries.
pub struct Writer {
    parts: WriterParts,
    heartbeat: Arc<Heartbeat>,
    budget: Arc<Budget>,
    servicenow: ServiceNow,
    tokens: TokenClient,
    volatile: Rc<Volatile>,
}

/// Request. Sends what is due of an entity, and before that releases what waited for a parent that is delivered; answers when nothing of it
/// is due any more.
#[derive(Message)]
#[rtype(result = "Result<(), WriteError>")]
pub struct Drain {
    /// The entity.
    pub entity: EntityName,
    /// Whether to release anything: a run that took nothing in leaves it to the end of its run set.
    pub release: bool,
}

/// Reminder. Deliveries of this entity may be due; safe to repeat.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Nudge {
    /// The entity.
    pub entity: EntityName,
}

/// Query. Answers when no batch is in flight; nothing new starts once the process is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Quiet;

impl Writer {
    /// An idle Writer at its starting pace.
    pub fn new(parts: WriterParts, heartbeat: Arc<Heartbeat>, budget: Arc<Budget>, servicenow: ServiceNow, tokens: TokenClient) -> Self {
        let volatile = Rc::new(Volatile::new(&parts, &budget));
        Self { parts, heartbeat, budget, servicenow, tokens, volatile }
    }

    fn sender(&self, entity: &EntityName) -> Sender {
        let pump = self.volatile.pumps.borrow_mut().entry(entity.clone()).or_default().clone();
        Sender {
            parts: self.parts.clone(),
            heartbeat: self.heartbeat.clone(),
            servicenow: self.servicenow.clone(),
            tokens: self.tokens.clone(),
            volatile: self.volatile.clone(),
            pump,
            entity: entity.clone(),
        }
    }
}

impl Actor for Writer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if !self.volatile.restarted.get() {
            return;
        }
        // the requests before the restart were dropped: whether they arrived must be looked up
        let parts = self.parts.clone();
        let recover = async move {
            match parts.store.delivery_recover(parts.node.clone(), Dead::ThisWriter, UNRESPONSIVE_AFTER).await {
                Ok(records) => warn!(records, "the Writer was restarted; the outcome of its batches is looked up"),
                Err(error) => warn!(%error, "the Writer's batches could not be recovered; they are recovered when their lease expires"),
            }
        };
        ctx.wait(recover.into_actor(self));
    }
}

impl Supervised for Writer {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.volatile = Rc::new(Volatile::new(&self.parts, &self.budget));
        self.volatile.restarted.set(true);
    }
}

impl Handler<Drain> for Writer {
    type Result = ResponseActFuture<Self, Result<(), WriteError>>;

    fn handle(&mut self, message: Drain, _: &mut Self::Context) -> Self::Result {
        let sender = self.sender(&message.entity);
        let work = async move {
            if message.release {
                sender.release().await?;
            }
            let drained = sender.drain().await;
            // an earlier reminder may have met the error and postponed everything
            match sender.pump.trouble.take() {
                Some(trouble) => drained.and(Err(trouble)),
                None => drained,
            }
        };
        Box::pin(work.into_actor(self))
    }
}

impl Handler<Nudge> for Writer {
    type Result = ();

    fn handle(&mut self, message: Nudge, ctx: &mut Self::Context) {
        let sender = self.sender(&message.entity);
        if sender.pump.running.replace(true) {
            return;
        }
        let work = async move {
            if let Err(error) = sender.drain().await {
                debug!(%error, entity = %sender.entity, "sending stopped; what is due waits for the next run");
                sender.pump.trouble.replace(Some(error));
            }
            sender.pump.running.set(false);
        };
        ctx.spawn(work.into_actor(self));
    }
}

impl Handler<Quiet> for Writer {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Quiet, _: &mut Self::Context) -> Self::Result {
        let volatile = self.volatile.clone();
        Box::pin(async move { volatile.pace.quiet().await })
    }
}

/// Finds in the ledger the rows that were written for other records.
pub struct LedgerOwners(pub Store);

impl RowOwners for LedgerOwners {
    fn owned<'a>(&'a self, sys_ids: Vec<String>) -> LocalBoxFuture<'a, Result<HashSet<String>, String>> {
        Box::pin(async move {
            let owned = self.0.record_owned(sys_ids).await.map_err(|error| chain(&error))?;
            Ok(owned.into_iter().collect())
        })
    }
}
