//! What the checks work with.

use std::sync::Arc;

use crate::config::Settings;
use crate::credentials::credential_store::CredentialStore;
use crate::process::Process;
use crate::process::enet_session_store::LedgerSessionStore;
use crate::process::in_force::InForce;
use crate::store::Store;

/// What the checks work with; cheap to clone.
#[derive(Clone)]
pub struct DiagnosticsParts {
    /// The settings that are checked.
    pub settings: Arc<Settings>,
    /// The definitions whose tables and columns are checked.
    pub definitions: InForce,
    /// The ledger.
    pub store: Store,
    /// The credentials.
    pub credential_store: CredentialStore,
    /// The holder of a lease that the checks take: this start of the process.
    pub holder: String,
}

impl From<&Process> for DiagnosticsParts {
    fn from(process: &Process) -> Self {
        Self {
            settings: process.settings.clone(),
            definitions: process.definitions.clone(),
            store: process.store.clone(),
            credential_store: process.credential_store.clone(),
            holder: process.node.holder(),
        }
    }
}

impl DiagnosticsParts {
    /// The place of an own e.net session; a person waits, so another user of the operator is reported at once.
    pub(super) fn session_store(&self) -> LedgerSessionStore {
        let (store, credential_store) = (self.store.clone(), self.credential_store.clone());
        LedgerSessionStore::new(store, credential_store, self.holder.clone(), self.settings.flows.lease).at_once()
    }
}
