//! Crash points: named places during work at which a test can crash an actor.
//!
//! They belong to the feature `failpoints`; without it they do nothing.

#[cfg(feature = "failpoints")]
use std::sync::{Arc, Mutex, PoisonError};

/// The crash points of one actor system; none is armed at first.
#[derive(Clone, Debug, Default)]
pub struct CrashPoints {
    #[cfg(feature = "failpoints")]
    armed: Arc<Mutex<Vec<Armed>>>,
}

#[cfg(feature = "failpoints")]
#[derive(Debug)]
struct Armed {
    point: &'static str,
    of: Option<String>,
    skip: usize,
    left: usize,
}

impl CrashPoints {
    /// Called at this point; `of` says what is being worked on.
    ///
    /// # Panics
    /// When a test armed it.
    #[inline]
    pub fn at(&self, point: &str, of: &str) {
        #[cfg(feature = "failpoints")]
        if self.triggers(point, of) {
            panic!("crash point `{point}` of `{of}`");
        }
        #[cfg(not(feature = "failpoints"))]
        let _ = (point, of);
    }
}

#[cfg(feature = "failpoints")]
impl CrashPoints {
    /// Crashes calls at `point` (with `of`, if given): skips the first `skip` calls, then crashes `times` calls.
    pub fn arm(&self, point: &'static str, of: Option<&str>, skip: usize, times: usize) {
        self.lock().push(Armed { point, of: of.map(str::to_owned), skip, left: times });
    }

    /// The number of crashes still to come.
    pub fn left(&self) -> usize {
        self.lock().iter().map(|armed| armed.left).sum()
    }

    fn triggers(&self, point: &str, of: &str) -> bool {
        let mut armed = self.lock();
        let matching = |armed: &&mut Armed| armed.left > 0 && armed.point == point && armed.of.as_deref().is_none_or(|wanted| wanted == of);
        let Some(armed) = armed.iter_mut().find(matching) else { return false };
        if armed.skip > 0 {
            armed.skip -= 1;
            return false;
        }
        armed.left -= 1;
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
