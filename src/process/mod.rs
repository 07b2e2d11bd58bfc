//! What the actors and the operations of one process share: its settings, its definitions, its ledger, and whether it may work.

pub mod budget;
pub mod enet_session_store;
pub mod flows;
pub mod heartbeat;
pub mod in_force;
pub mod mode;
pub mod waits;

use std::sync::Arc;

use self::in_force::InForce;
use self::waits::Waits;
use crate::config::Settings;
use crate::credentials::credential_store::CredentialStore;
use crate::domain::word::Names;
use crate::store::{Node, Store, StoreError};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::progress::Progress;

/// Whether anything may be read, mapped or sent here.
pub fn works(definitions: &InForce, waits: &Waits) -> bool {
    definitions.is_in_force() && waits.why().is_none()
}

/// What the actors that read, map and send have; cheap to clone, free to change threads.
#[derive(Clone)]
pub struct Deps {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The current plans and code lists: each piece of work takes a snapshot of them.
    pub definitions: InForce,
    /// The ledger.
    pub store: Store,
    /// The credentials.
    pub credential_store: CredentialStore,
    /// Counts of the current run set.
    pub progress: Arc<Progress>,
    /// The identity of this node.
    pub node: Node,
    /// Whether the process is stopping and nothing new may start.
    pub stopping: Stopping,
    /// What this process waits for before anything starts.
    pub waits: Waits,
    /// Points at which a test may crash actors.
    pub crash: CrashPoints,
}

impl Deps {
    /// Whether this process may read, map and send.
    pub fn works(&self) -> bool {
        works(&self.definitions, &self.waits)
    }

    /// Why this process does no work; `None` when it does.
    pub fn complaint(&self) -> Option<String> {
        self.definitions.view().complaint().or_else(|| self.waits.why())
    }

    /// The companies and entities for list filters: the configured ones, and those that have records in the ledger.
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
