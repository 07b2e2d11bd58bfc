//! What a process knows of the clock of the ledger's server.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// How far the server's clock is ahead of this machine's, in milliseconds, as last read.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownClock(Arc<AtomicI64>);

impl KnownClock {
    pub(super) fn shows(&self, now: DateTime<Utc>) {
        self.0.store((now - Utc::now()).num_milliseconds(), Ordering::Relaxed);
    }

    /// The difference; negative: the server's clock is behind.
    pub(super) fn ahead(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
}
