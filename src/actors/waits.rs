//! What this process waits for before it reads, maps or sends anything; its HTTP server answers meanwhile, and says so.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::supervision::stopping::Stopping;

/// Between two checks of whoever waits too.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// The same for all clones.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<RwLock<Option<String>>>);

impl Waits {
    /// From now on nothing is read, mapped or sent, for this reason.
    pub fn begin(&self, why: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// There is nothing to wait for any more.
    pub fn end(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until there is nothing to wait for; answers whether that came before the process began to stop.
    pub async fn over(&self, stopping: &Stopping) -> bool {
        while self.why().is_some() {
            if stopping.has_begun() {
                return false;
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
        true
    }

    /// What is waited for, if anything is.
    pub fn why(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
