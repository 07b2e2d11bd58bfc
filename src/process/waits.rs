//! What this process waits for before it reads, maps or sends anything. Its HTTP server answers in the meantime and says what it waits for.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::retry;
use crate::supervision::stopping::Stopping;

/// Time between two checks by a waiting task.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// All clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<RwLock<Option<String>>>);

impl Waits {
    /// From now on this process reads, maps and sends nothing, for this reason.
    pub fn begin(&self, why: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// The wait is over.
    pub fn end(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until the wait is over; answers `false` if the process began to stop before.
    pub async fn over(&self, stopping: &Stopping) -> bool {
        retry::until_true(CHECK_EVERY, async || self.why().is_none() || stopping.has_begun()).await;
        self.why().is_none()
    }

    /// What this process waits for, if anything.
    pub fn why(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
