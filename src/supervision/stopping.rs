//! Whether the process is stopping: current work finishes, and nothing new starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once, visible to every actor.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on nothing new starts.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the process is stopping.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
