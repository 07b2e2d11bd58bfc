//! `AuditRecorder`: seals the audit into a chain.
//!
//! The steps themselves write the rows. A restart loses nothing: the next seal includes the rows that are not sealed yet. Runs on the
//! delivery arbiter.

use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use crate::store::Store;
use crate::supervision::crash::CrashPoints;
use crate::telemetry::metrics::metrics;

/// Time between two seals.
const EVERY: Duration = Duration::from_secs(10);

/// Seals the audit.
pub struct AuditRecorder {
    store: Store,
    crash: CrashPoints,
}

/// Request. Seals the rows that are final by now; answers with their number.
#[derive(Message)]
#[rtype(result = "i64")]
pub struct Seal;

/// Reminder. Seals, and sets the next reminder.
#[derive(Message)]
#[rtype(result = "()")]
struct SealDue;

impl AuditRecorder {
    /// A recorder over the ledger's audit.
    pub fn new(store: Store, crash: CrashPoints) -> Self {
        Self { store, crash }
    }
}

async fn seal(store: Store) -> i64 {
    match store.audit_seal().await {
        Ok(rows) => {
            metrics().ledger.audit_sealed(rows.unsigned_abs());
            rows
        }
        Err(error) => {
            warn!(%error, "the audit could not be sealed; Tieline retries");
            0
        }
    }
}

impl Actor for AuditRecorder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.crash.at("recorder:started", "");
        ctx.notify_later(SealDue, EVERY);
    }
}

impl Supervised for AuditRecorder {}

impl Handler<Seal> for AuditRecorder {
    type Result = ResponseFuture<i64>;

    fn handle(&mut self, _: Seal, _: &mut Self::Context) -> Self::Result {
        self.crash.at("recorder:asked", "");
        Box::pin(seal(self.store.clone()))
    }
}

impl Handler<SealDue> for AuditRecorder {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: SealDue, _: &mut Self::Context) -> Self::Result {
        self.crash.at("recorder:timer", "");
        Box::pin(seal(self.store.clone()).into_actor(self).map(|_, _, ctx| {
            // set after the work, so that runs never overlap
            ctx.notify_later(SealDue, EVERY);
        }))
    }
}
