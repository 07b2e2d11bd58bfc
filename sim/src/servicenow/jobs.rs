//! State of the background work: rows in a second stage, and when the jobs last ran.

use std::collections::HashMap;

use super::options::{LateFailure, SecondStage, ServiceNowOptions};

/// A row in the second stage of its staging table.
#[derive(Debug)]
pub(super) struct SecondStageRow {
    pub(super) stage: usize,
    pub(super) staging: String,
    pub(super) staged: Option<u32>,
    pub(super) target: String,
    pub(super) slot: u32,
    /// The next state.
    pub(super) step: usize,
    /// Number of the write that started it. A later write to the row starts the second stage again.
    pub(super) started: u64,
}

/// When the jobs last ran, and which start of a row's second stage is the current one.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) stages: Vec<SecondStage>,
    pub(super) current: HashMap<(String, u32), u64>,
    pub(super) started: u64,
    pub(super) cleaned: i64,
    pub(super) retried: i64,
}

impl Jobs {
    pub(super) fn new(options: &ServiceNowOptions, now: i64) -> Self {
        Self { stages: options.second_stages.clone(), cleaned: now, retried: now, ..Self::default() }
    }

    /// Sets which rows fail from now on.
    pub(super) fn set_failures(&mut self, table: &str, failures: &[LateFailure]) {
        for stage in self.stages.iter_mut().filter(|stage| stage.table == table) {
            stage.failures = failures.to_vec();
        }
    }
}
