//! The state of what continues by itself after a row has arrived.

use std::collections::HashMap;

use super::options::{LateFailure, SecondStage, ServiceNowOptions};

/// A row on its way through its life.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) stage: usize,
    pub(super) staging: String,
    pub(super) staged: Option<u32>,
    pub(super) target: String,
    pub(super) slot: u32,
    /// The next state.
    pub(super) step: usize,
    /// The write it began with: a later one starts again.
    pub(super) begun: u64,
}

/// When the jobs come next, and which course of a row counts.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) stages: Vec<SecondStage>,
    pub(super) courses: HashMap<(String, u32), u64>,
    pub(super) begun: u64,
    pub(super) cleaned: i64,
    pub(super) retried: i64,
}

impl Jobs {
    pub(super) fn new(options: &ServiceNowOptions, now: i64) -> Self {
        Self { stages: options.second_stages.clone(), cleaned: now, retried: now, ..Self::default() }
    }

    /// Which rows fail from now on.
    pub(super) fn set_failures(&mut self, table: &str, failures: &[LateFailure]) {
        for stage in self.stages.iter_mut().filter(|stage| stage.table == table) {
            stage.failures = failures.to_vec();
        }
    }
}
