//! The actors: mailboxes around plain functions. `crate::supervision` restarts them.
//!
//! No module but these two names actix. What must survive a restart is in Postgres; an actor's own state may be lost at any time.

pub mod aligner;
pub mod audit_recorder;
pub mod budget;
pub mod child;
pub mod credential_store;
pub mod downstream;
pub mod enet_session_store;
pub mod flow_starter;
pub mod flows;
pub mod handle;
pub mod heartbeat;
pub mod in_force;
pub mod mapper;
pub mod mode;
pub mod node;
pub mod notifier;
pub mod poller;
pub mod root;
pub mod scheduler;
pub mod servicenow_token;
pub mod syspro_session;
pub mod system;
pub mod waits;
pub mod writer;

use std::sync::Arc;

use self::credential_store::CredentialStore;
use self::in_force::InForce;
use self::waits::Waits;
use crate::config::Settings;
use crate::domain::word::Names;
use crate::store::{Node, Store, StoreError};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::progress::Progress;

/// Whether anything may be read, mapped or sent here.
fn works(definitions: &InForce, waits: &Waits) -> bool {
    definitions.is_in_force() && waits.why().is_none()
}

/// What the actors that read, map and send have; cheap to clone, free to change threads.
#[derive(Clone)]
pub struct Deps {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The plans and code lists, as they are now: whoever starts something takes a snapshot of them.
    pub definitions: InForce,
    /// The ledger.
    pub store: Store,
    /// The credentials.
    pub credential_store: CredentialStore,
    /// Counts of the current run set.
    pub progress: Arc<Progress>,
    /// Who we are.
    pub node: Node,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// What is waited for before anything starts.
    pub waits: Waits,
    /// Where a test may let actors die.
    pub crash: CrashPoints,
}

impl Deps {
    /// Whether anything may be read, mapped or sent here.
    pub fn works(&self) -> bool {
        works(&self.definitions, &self.waits)
    }

    /// Why nothing is read, mapped or sent here, where that is so.
    pub fn complaint(&self) -> Option<String> {
        self.definitions.view().complaint().or_else(|| self.waits.why())
    }

    /// The companies and entities by which lists can be filtered: the configured ones, and those the ledger has records of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names(&self) -> Result<Names, StoreError> {
        let mut names = self.store.names().await?;
        names.companies.extend(self.settings.syspro.companies.iter().map(ToString::to_string));
        names.entities.extend(self.definitions.now().plans.iter().map(|plan| plan.entity.to_string()));
        Ok(names)
    }
}
