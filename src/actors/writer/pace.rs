//! The pace towards one instance, shared by all workers: records per batch, requests at once, pauses.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::settings::ServiceNowSettings;
use crate::store::{Settlement, Verdict};
use crate::telemetry::metrics::metrics;

/// A pause up to this long is waited out within the cycle; a longer one ends it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A batch that took longer than this grows no further: the instance cancels one after 30 s.
const COMFORT: Duration = Duration::from_secs(8);

/// Additive increase, multiplicative decrease.
pub(super) struct Pace {
    size: Cell<usize>,
    limit: usize,
    slots: std::sync::Arc<Semaphore>,
    paused_until: Cell<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(settings: &ServiceNowSettings) -> Self {
        let limit = settings.batch_limit.max(1);
        Self {
            size: Cell::new(settings.batch_size.clamp(1, limit)),
            limit,
            slots: std::sync::Arc::new(Semaphore::new(settings.concurrency.max(1))),
            paused_until: Cell::new(None),
        }
    }

    /// Records in the next batch.
    pub(super) fn size(&self) -> usize {
        self.size.get()
    }

    /// One of the requests that may be on their way at once.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().acquire_owned().await.ok()
    }

    /// Nobody sends before then.
    pub(super) fn pause(&self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            let until = Instant::now() + wait;
            self.paused_until.set(Some(self.paused_until.get().map_or(until, |old| old.max(until))));
        }
    }

    /// Waits out a short pause; false when the pause is too long to wait here.
    pub(super) async fn wait(&self) -> bool {
        while let Some(until) = self.paused_until.get() {
            let now = Instant::now();
            if until <= now {
                self.paused_until.set(None);
            } else if until - now > PATIENCE {
                return false;
            } else {
                tokio::time::sleep_until(until).await;
            }
        }
        true
    }

    /// Grows after a batch that went well, halves after one that did not.
    pub(super) fn learn(&self, outcomes: &[Settlement], took: Duration) {
        let mut trouble = false;
        for outcome in outcomes {
            match &outcome.verdict {
                Verdict::InDoubt { .. } => trouble = true,
                Verdict::Deferred { throttled, not_before, .. } => {
                    trouble = true;
                    if *throttled {
                        self.pause((*not_before - chrono::Utc::now()).to_std().ok());
                    }
                }
                _ => {}
            }
        }
        let size = self.size.get();
        let full = outcomes.len() >= size;
        let next = if trouble || took > COMFORT {
            (size / 2).max(1)
        } else if full {
            (size + size / 4 + 1).min(self.limit)
        } else {
            size
        };
        self.size.set(next);
        metrics().set_batch_size(next);
    }
}
