//! The budget towards one instance between the Writer, who finds it out, and Root, who tells the other nodes and hears theirs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::budget::{NodeBudget, OthersBudget};

/// What this node knows, and what it heard. Survives the restart of either actor.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    own: NodeBudget,
    /// When our own pause ends.
    until: Option<Instant>,
    others: OthersBudget,
    /// Whether `others` has been heard of since it was last asked for.
    news: bool,
}

impl Budget {
    /// The Writer's finding; `until` is the end of a pause that it was told to make.
    pub(super) fn found(&self, own: NodeBudget, until: Option<Instant>) {
        let mut known = self.known();
        (known.own, known.until) = (own, until);
    }

    /// What the other nodes are told.
    pub(super) fn own(&self) -> NodeBudget {
        let known = self.known();
        let pause = known.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        NodeBudget { pause, ..known.own }
    }

    /// What the other nodes say.
    pub(super) fn heard(&self, others: OthersBudget) {
        let mut known = self.known();
        (known.others, known.news) = (others, true);
    }

    /// What the others say, once for each time that it was heard.
    pub(super) fn news(&self) -> Option<OthersBudget> {
        let mut known = self.known();
        std::mem::take(&mut known.news).then_some(known.others)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
