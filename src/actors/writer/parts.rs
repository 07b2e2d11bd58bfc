//! What the Writer has from its process.

use std::sync::Arc;

use crate::config::Settings;
use crate::process::Process;
use crate::process::in_force::InForce;
use crate::process::permission::Permission;
use crate::store::{Node, Store};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::progress::Progress;

/// What the Writer has from its process.
#[derive(Clone)]
pub struct WriterParts {
    /// The settings.
    pub settings: Arc<Settings>,
    /// Each batch takes a snapshot of them.
    pub definitions: InForce,
    /// Whether this process may work.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// The identity of this node, which claims the batches.
    pub node: Node,
    /// Counts of the current run set.
    pub progress: Arc<Progress>,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for WriterParts {
    fn from(process: &Process) -> Self {
        Self {
            settings: process.settings.clone(),
            definitions: process.definitions.clone(),
            permission: process.permission(),
            store: process.store.clone(),
            node: process.node.clone(),
            progress: process.progress.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}
