//! `AuditRecorder`: seals the audit into a chain, and signs the days that have ended. `AuditOutside` puts their heads outside.
//!
//! The steps themselves write the rows. A restart loses nothing: the next seal includes the rows that are not sealed yet. Runs on the
//! delivery arbiter.

use std::time::{Duration, Instant};

use actix::prelude::*;
use chrono::{NaiveDate, Utc};
use tracing::warn;

use crate::domain::chain;
use crate::process::Process;
use crate::process::evidence::{Evidence, Signed};
use crate::store::Store;
use crate::supervision::crash::CrashPoints;
use crate::telemetry::metrics::metrics;

/// Time between two seals.
const EVERY: Duration = Duration::from_secs(10);
/// Time between two attempts to sign a day, after an error.
const AGAIN: Duration = Duration::from_secs(600);

/// What the recorder works with.
#[derive(Clone)]
pub struct AuditRecorderParts {
    /// The ledger.
    pub store: Store,
    /// Signs days.
    pub evidence: Evidence,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for AuditRecorderParts {
    fn from(process: &Process) -> Self {
        Self { store: process.store.clone(), evidence: Evidence::of(process), crash: process.crash.clone() }
    }
}

/// Seals the audit.
pub struct AuditRecorder {
    parts: AuditRecorderParts,
    signing: Signing,
}

/// How far the days are signed, as this process knows.
#[derive(Debug, Clone, Copy, Default)]
struct Signing {
    /// The day, by this machine's clock, on which all days before were signed.
    up_to_date_on: Option<NaiveDate>,
    /// The last attempt, if it ended with an error.
    failed_at: Option<Instant>,
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
    pub(super) fn new(parts: AuditRecorderParts) -> Self {
        Self { parts, signing: Signing::default() }
    }
}

async fn seal(parts: AuditRecorderParts, signing: Signing) -> (i64, Signing) {
    match parts.store.audit_seal().await {
        Ok(rows) => {
            metrics().ledger.audit_sealed(rows.unsigned_abs());
            (rows, sign(&parts.evidence, signing).await)
        }
        Err(error) => {
            match parts.store.schema_unknown().await {
                // a running node of an earlier release goes on, except for what needs the new form
                Ok(Some(migration)) => warn!(
                    %error, migration, release = env!("CARGO_PKG_VERSION"),
                    "this node cannot seal the audit: another node has brought the ledger up to date with a later release; stop this node, and \
                     start it with that release. The other nodes seal the audit meanwhile"
                ),
                _ => warn!(%error, "the audit could not be sealed; Tieline retries"),
            }
            (0, signing)
        }
    }
}

/// Signs the days that have ended. Once a day there is something to do.
async fn sign(evidence: &Evidence, signing: Signing) -> Signing {
    let today = Utc::now().date_naive();
    if signing.up_to_date_on == Some(today) || signing.failed_at.is_some_and(|at| at.elapsed() < AGAIN) {
        return signing;
    }
    match evidence.sign_days().await {
        Ok(Signed::UpToDate) => Signing { up_to_date_on: Some(today), failed_at: None },
        Ok(Signed::Waits) => Signing { failed_at: None, ..signing },
        Err(error) => {
            warn!(error = %chain(&error), "a day of the audit could not be signed; Tieline retries");
            Signing { failed_at: Some(Instant::now()), ..signing }
        }
    }
}

impl Actor for AuditRecorder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.parts.crash.at("recorder:started", "");
        ctx.notify_later(SealDue, EVERY);
    }
}

impl Supervised for AuditRecorder {}

impl Handler<Seal> for AuditRecorder {
    type Result = ResponseActFuture<Self, i64>;

    fn handle(&mut self, _: Seal, _: &mut Self::Context) -> Self::Result {
        self.parts.crash.at("recorder:asked", "");
        Box::pin(seal(self.parts.clone(), self.signing).into_actor(self).map(|(rows, signing), this, _| {
            this.signing = signing;
            rows
        }))
    }
}

impl Handler<SealDue> for AuditRecorder {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: SealDue, _: &mut Self::Context) -> Self::Result {
        self.parts.crash.at("recorder:timer", "");
        Box::pin(seal(self.parts.clone(), self.signing).into_actor(self).map(|(_, signing), this, ctx| {
            this.signing = signing;
            // set after the work, so that runs never overlap
            ctx.notify_later(SealDue, EVERY);
        }))
    }
}
