//! The watchdog: finds actors that do not answer. A stuck thread cannot be killed: readiness reports it first, then the process ends with
//! its own exit code, and the service manager restarts it.
//!
//! Root checks the other actors; a thread outside all actors watches Root itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which actors are unresponsive, and since when.
#[derive(Debug, Default)]
pub struct Watchdog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When Root last answered; `None` while Root is not watched.
    root: Option<Instant>,
    unresponsive: BTreeMap<String, Instant>,
}

/// Why the process must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// The reason as text.
    pub why: String,
    /// Whether a thread is stuck: then the process ends without waiting.
    pub stuck: bool,
}

impl Watchdog {
    /// Root is running.
    pub fn root_lives(&self) {
        let mut state = self.state();
        if state.root.is_some() {
            state.root = Some(Instant::now());
        }
    }

    /// Marks an actor as unresponsive since `since`, unless it is marked already; answers since when it is.
    pub fn mark_unresponsive(&self, child: &str, since: Instant) -> Instant {
        *self.state().unresponsive.entry(child.to_owned()).or_insert(since)
    }

    /// An actor has answered.
    pub fn mark_alive(&self, child: &str) {
        self.state().unresponsive.remove(child);
    }

    /// A message per unresponsive actor, with the seconds; after `limit` the process ends.
    pub fn unresponsive_actors(&self, limit: Duration) -> Vec<String> {
        let state = self.state();
        let root = state.root.filter(|at| at.elapsed() > limit / 2).map(|at| ("root", at));
        let unresponsive = state.unresponsive.iter().map(|(child, since)| (child.as_str(), *since));
        let say = |(child, since): (&str, Instant)| {
            format!(
                "actor {child} has not answered for {} s: its thread is stuck; after {} s the process ends",
                since.elapsed().as_secs(),
                limit.as_secs()
            )
        };
        unresponsive.chain(root).map(say).collect()
    }

    /// Watches Root from its own thread, until [`Watchdog::dismiss`]; calls `end` when Root has not answered for `limit`.
    ///
    /// # Errors
    /// When the machine cannot start a thread.
    pub fn guard_root(self: &Arc<Self>, limit: Duration, end: impl FnOnce(String) + Send + 'static) -> std::io::Result<()> {
        self.state().root = Some(Instant::now());
        let watchdog = self.clone();
        let nap = (limit / 8).min(Duration::from_secs(1));
        let watch = move || {
            loop {
                let before = Instant::now();
                std::thread::sleep(nap);
                if before.elapsed() > nap + limit / 2 {
                    // the whole process was stopped for a while: Root could not run either
                    watchdog.root_lives();
                }
                let Some(root) = watchdog.state().root else { return };
                if root.elapsed() > limit {
                    return end(format!("actor root has not answered for {} s: its thread is stuck", limit.as_secs()));
                }
            }
        };
        std::thread::Builder::new().name("watchdog".into()).spawn(watch).map(drop)
    }

    /// Root is no longer watched: the process is stopping.
    pub fn dismiss(&self) {
        self.state().root = None;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
