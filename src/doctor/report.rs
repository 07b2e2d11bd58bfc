//! The report of a diagnostics run; every copy shows its progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Finding, Part};

/// The progress of a diagnostics run.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Progress {
    /// The current check.
    pub step: String,
    /// The number of the step, starting at 1.
    pub number: usize,
    /// The number of steps.
    pub of: usize,
}

/// The findings of a diagnostics run so far. A clone is the same report.
#[derive(Debug, Clone, Default)]
pub struct Report(Arc<Mutex<ReportState>>);

#[derive(Debug, Default)]
struct ReportState {
    part: Part,
    far: Progress,
    findings: Vec<Finding>,
}

impl Report {
    /// An empty report for this number of steps.
    pub fn new(of: usize) -> Self {
        Self(Arc::new(Mutex::new(ReportState { far: Progress { of, ..Progress::default() }, ..ReportState::default() })))
    }

    fn state(&self) -> MutexGuard<'_, ReportState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the next step; later findings belong to this part.
    pub(super) fn begin(&self, part: Part, step: &str) {
        let mut state = self.state();
        state.part = part;
        step.clone_into(&mut state.far.step);
        state.far.number = (state.far.number + 1).min(state.far.of);
    }

    /// Adds a finding. A finding that several definitions share is added once.
    pub(super) fn note(&self, finding: Finding) {
        let mut state = self.state();
        let finding = Finding { part: state.part, ..finding };
        if !state.findings.iter().any(|said| said.what == finding.what && said.found == finding.found) {
            state.findings.push(finding);
        }
    }

    /// The findings so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.state().findings.clone()
    }

    /// The progress.
    pub fn progress(&self) -> Progress {
        self.state().far.clone()
    }
}
