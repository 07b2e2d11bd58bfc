//! A running node's sign of life in the ledger: others take over at once what a silent node had in hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use crate::domain::budget::SILENT;

/// A node that could not show itself for so long begins nothing any more: it may be dead for the others soon.
const OWN_LIMIT: Duration = Duration::from_secs(8);

/// When this process was last seen alive. A command that runs once never shows itself, and is trusted to the end of its leases.
#[derive(Debug)]
pub struct Heart {
    start: Instant,
    /// Milliseconds from the start to the last beat, plus one; zero before the first.
    last: AtomicU64,
    /// The same to the first beat after the last time that it was late: what was in hand before may be others' since.
    revived: AtomicU64,
}

impl Default for Heart {
    fn default() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), revived: AtomicU64::new(0) }
    }
}

impl Heart {
    /// The ledger has it that this node lived at `at`.
    pub(super) fn beat(&self, at: Instant) {
        let now = self.since_start(at);
        let last = self.last.fetch_max(now, Ordering::Relaxed);
        if last > 0 && now > last.saturating_add(u64::try_from(OWN_LIMIT.as_millis()).unwrap_or(u64::MAX)) {
            self.revived.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Whether others have taken this node for alive all the time since `at`, and still do.
    pub fn alive_since(&self, at: Instant) -> bool {
        match self.last.load(Ordering::Relaxed) {
            0 => true,
            last => {
                self.start + Duration::from_millis(last) + OWN_LIMIT > Instant::now()
                    && self.since_start(at) >= self.revived.load(Ordering::Relaxed)
            }
        }
    }

    fn since_start(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_that_never_beat_is_trusted_and_one_that_stopped_is_not() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let heart = Heart { start: long_ago, ..Heart::default() };
        assert!(heart.alive_since(long_ago));
        heart.beat(long_ago + Duration::from_secs(50));
        assert!(!heart.alive_since(long_ago));
        let now = Instant::now();
        heart.beat(now);
        assert!(heart.alive_since(now));
        assert!(!heart.alive_since(now.checked_sub(Duration::from_secs(1)).unwrap()), "what was in hand before may be others' since");
        heart.beat(long_ago);
        assert!(heart.alive_since(now), "time does not go back");
        heart.beat(now + Duration::from_secs(1));
        assert!(heart.alive_since(now), "a beat in time changes nothing");
    }
}
