//! Whether this process may read, map and send.

use super::in_force::InForce;
use super::waits::Waits;
use crate::supervision::stopping::Stopping;

/// A process may work while its definitions are in force and while it waits for nothing. All clones share one state.
#[derive(Debug, Clone)]
pub struct Permission {
    definitions: InForce,
    waits: Waits,
}

impl Permission {
    /// Follows these definitions and waits.
    pub fn new(definitions: InForce, waits: Waits) -> Self {
        Self { definitions, waits }
    }

    /// Whether the process may work now.
    pub fn is_given(&self) -> bool {
        self.definitions.is_in_force() && !self.is_waiting()
    }

    /// Why the process may not work; `None` when it may.
    pub fn why_not(&self) -> Option<String> {
        self.definitions.view().complaint().or_else(|| self.waits.why())
    }

    /// Whether the process waits for something, whichever definitions are in force.
    pub fn is_waiting(&self) -> bool {
        self.waits.why().is_some()
    }

    /// Waits until the process waits for nothing; answers `false` if it began to stop before.
    pub async fn wait_over(&self, stopping: &Stopping) -> bool {
        self.waits.over(stopping).await
    }
}
