//! A running node's heartbeat in the ledger. Other nodes take over the work of a node whose heartbeat stops.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A node without a heartbeat for this long starts no new work: the other nodes may soon consider it dead.
const OWN_LIMIT: Duration = Duration::from_secs(8);

/// This process's heartbeats. A command that runs once sends none, and is trusted until its leases end.
#[derive(Debug)]
pub struct Heartbeat {
    start: Instant,
    /// Time of the last heartbeat, in milliseconds since the start, plus one; zero before the first.
    last: AtomicU64,
    /// Time of the first heartbeat after the most recent gap, in the same unit: other nodes may have taken over work in progress before it.
    revived: AtomicU64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), revived: AtomicU64::new(0) }
    }
}

impl Heartbeat {
    /// The ledger recorded a heartbeat of this node at `at`.
    pub fn record(&self, at: Instant) {
        let now = self.since_start(at);
        let last = self.last.fetch_max(now, Ordering::Relaxed);
        if last > 0 && now > last.saturating_add(u64::try_from(OWN_LIMIT.as_millis()).unwrap_or(u64::MAX)) {
            self.revived.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Whether the other nodes have considered this node alive all the time since `at`.
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
    fn no_heartbeat_at_all_is_trusted_and_one_that_stopped_is_not() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let heartbeat = Heartbeat { start: long_ago, ..Heartbeat::default() };
        assert!(heartbeat.alive_since(long_ago));
        heartbeat.record(long_ago + Duration::from_secs(50));
        assert!(!heartbeat.alive_since(long_ago));
        let now = Instant::now();
        heartbeat.record(now);
        assert!(heartbeat.alive_since(now));
        assert!(!heartbeat.alive_since(now.checked_sub(Duration::from_secs(1)).unwrap()), "what was in hand before may be others' since");
        heartbeat.record(long_ago);
        assert!(heartbeat.alive_since(now), "time does not go back");
        heartbeat.record(now + Duration::from_secs(1));
        assert!(heartbeat.alive_since(now), "a beat in time changes nothing");
    }
}
