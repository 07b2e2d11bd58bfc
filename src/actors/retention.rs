//! `Retention`: removes once a day what is older than `[retention]` allows.
//!
//! The first node that sees a new day in the ledger runs the pass. A pass is a series of small transactions, so that it can end after each
//! of them: when the process stops, or dies. What is left goes with the pass of the next day. Only a service has this actor. Runs on the
//! control arbiter.

use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use crate::config::settings::RetentionSettings;
use crate::domain::chain;
use crate::process::Process;
use crate::process::permission::Permission;
use crate::process::retention::{Pace, Pass};
use crate::store::Store;
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;

/// Time from the start of the service to the first check. Short, because a service that is often restarted must come to its pass too. Not
/// at once, so that all actors have started, and a process that ends at once does not begin a day.
const FIRST: Duration = Duration::from_secs(5);
/// Time between two checks whether a new day has begun.
const EVERY: Duration = Duration::from_mins(15);

/// What Retention works with.
#[derive(Clone)]
pub struct RetentionParts {
    /// `[retention]`
    pub settings: RetentionSettings,
    /// Whether this process may work.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for RetentionParts {
    fn from(process: &Process) -> Self {
        Self {
            settings: process.settings.retention.clone(),
            permission: process.permission(),
            store: process.store.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// Runs the daily passes.
pub struct Retention {
    parts: RetentionParts,
}

/// Reminder. Begins the day if no node has, and sets the next reminder.
#[derive(Message)]
#[rtype(result = "()")]
struct RetentionDue;

impl Retention {
    /// At rest.
    pub fn new(parts: RetentionParts) -> Self {
        Self { parts }
    }
}

impl Actor for Retention {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.notify_later(RetentionDue, FIRST);
    }
}

impl Supervised for Retention {}

impl Handler<RetentionDue> for Retention {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: RetentionDue, _: &mut Self::Context) -> Self::Result {
        self.parts.crash.at("retention:timer", "");
        // set after the work, so that passes never overlap
        Box::pin(begin_day(self.parts.clone()).into_actor(self).map(|(), _, ctx| {
            ctx.notify_later(RetentionDue, EVERY);
        }))
    }
}

/// Runs the pass of today, unless it was begun already.
async fn begin_day(parts: RetentionParts) {
    if parts.stopping.has_begun() || !parts.permission.is_given() {
        return;
    }
    match parts.store.ledger_day_begin().await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return warn!(error = %chain(&error), "the retention pass could not start; Tieline retries"),
    }
    let pass = Pass { store: parts.store, settings: parts.settings, actor: "tieline".into(), pace: Pace::Gentle };
    if let Err(error) = pass.run(&parts.stopping).await {
        warn!(error = %chain(&error), "the retention pass ended with an error; the next one continues");
    }
}
