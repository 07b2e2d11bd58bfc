//! Who does not answer. A thread that is stuck cannot be killed: readiness says so first, then the process ends with a code of its own,
//! and the service manager starts it again.
//!
//! Root asks the others; a thread outside all actors looks after Root itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who has been silent since when.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Root's last sign of life, once it gives any; `None` while nobody looks after it.
    root: Option<Instant>,
    silent: BTreeMap<String, Instant>,
}

/// Why the process must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// In words.
    pub why: String,
    /// Whether a thread does not come back: then nothing is waited for.
    pub stuck: bool,
}

impl Watch {
    /// Root lives.
    pub(super) fn root_lives(&self) {
        let mut seen = self.seen();
        if seen.root.is_some() {
            seen.root = Some(Instant::now());
        }
    }

    /// An actor has not answered since `since`, if it was not known to be silent before; answers since when it is.
    pub(super) fn is_silent(&self, child: &str, since: Instant) -> Instant {
        *self.seen().silent.entry(child.to_owned()).or_insert(since)
    }

    /// An actor has answered.
    pub(super) fn answers(&self, child: &str) {
        self.seen().silent.remove(child);
    }

    /// Who is silent, and for how many seconds; `limit` is when the process would end over it.
    pub fn complaints(&self, limit: Duration) -> Vec<String> {
        let seen = self.seen();
        let root = seen.root.filter(|at| at.elapsed() > limit / 2).map(|at| ("root", at));
        let silent = seen.silent.iter().map(|(child, since)| (child.as_str(), *since));
        let say = |(child, since): (&str, Instant)| {
            format!(
                "actor {child} has not answered for {} s: its thread is stuck; after {} s the process ends",
                since.elapsed().as_secs(),
                limit.as_secs()
            )
        };
        silent.chain(root).map(say).collect()
    }

    /// Looks after Root from a thread of its own, until [`Watch::dismiss`]; calls `end` when Root has been silent for `limit`.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn guard_root(self: &Arc<Self>, limit: Duration, end: impl FnOnce(String) + Send + 'static) -> std::io::Result<()> {
        self.seen().root = Some(Instant::now());
        let watch = self.clone();
        let nap = (limit / 8).min(Duration::from_secs(1));
        let look = move || {
            loop {
                let before = Instant::now();
                std::thread::sleep(nap);
                if before.elapsed() > nap + limit / 2 {
                    // the whole process was stopped for a while: Root has had no time either
                    watch.root_lives();
                }
                let Some(root) = watch.seen().root else { return };
                if root.elapsed() > limit {
                    return end(format!("actor root has not answered for {} s: its thread is stuck", limit.as_secs()));
                }
            }
        };
        std::thread::Builder::new().name("watchdog".into()).spawn(look).map(drop)
    }

    /// Nobody looks after Root any more: the process is stopping.
    pub fn dismiss(&self) {
        self.seen().root = None;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
