//! `Process`: what everything in one process works with.

use std::sync::Arc;

use super::flows::flows_of;
use super::in_force::InForce;
use super::permission::Permission;
use super::waits::Waits;
use crate::config::Settings;
use crate::credentials::credential_store::CredentialStore;
use crate::domain::FlowId;
use crate::domain::word::Names;
use crate::store::{FlowStatus, Node, Store, StoreError};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::progress::Progress;

/// What this process has for everything that runs in it; cheap to clone, free to change threads.
///
/// The operations, the HTTP server and the commands work with it. Each actor takes its own part of it when it is started.
#[derive(Clone)]
pub struct Process {
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

impl Process {
    /// Whether this process may read, map and send.
    pub fn permission(&self) -> Permission {
        Permission::new(self.definitions.clone(), self.waits.clone())
    }

    /// Every flow of the settings and definitions, parents first.
    pub fn flows(&self) -> Vec<FlowId> {
        flows_of(&self.settings.syspro.companies, &self.definitions.now())
    }

    /// The state of every flow of the ledger. Flows that the settings and definitions no longer contain are marked, and so are flows that
    /// this process keeps waiting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_status(&self) -> Result<Vec<FlowStatus>, StoreError> {
        let made = self.flows();
        let mut rows = self.store.flow_status().await?;
        for row in &mut rows {
            row.configured = made.iter().any(|flow| row.is_of(flow));
            row.waits_for = self.waits.why().filter(|_| row.configured);
        }
        Ok(rows)
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
