//! Counts of the current run set per flow, for progress bars and summaries. Survives the restart of any actor.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::domain::FlowId;
use crate::domain::run::RunCounts;

/// Counts per flow since the start of the process.
#[derive(Debug, Default)]
pub struct Progress(Mutex<BTreeMap<FlowId, RunCounts>>);

impl Progress {
    /// Adds to a flow's counts.
    pub fn add(&self, flow: &FlowId, counts: RunCounts) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *all.entry(flow.clone()).or_default() += counts;
    }

    /// A flow's counts.
    pub fn of(&self, flow: &FlowId) -> RunCounts {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(flow).copied().unwrap_or_default()
    }

    /// All counts.
    pub fn all(&self) -> BTreeMap<FlowId, RunCounts> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
