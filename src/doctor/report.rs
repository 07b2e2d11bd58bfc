//! The report of a diagnostics run; every copy shows its progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Finding, Part};

/// How far a diagnostics run is.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Progress {
    /// What is checked now.
    pub step: String,
    /// Which step that is, from 1.
    pub number: usize,
    /// How many steps there are.
    pub of: usize,
}

/// What a diagnostics run has found so far. A clone is the same report.
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

    /// The next step; what is noted from now on belongs to this part.
    pub(super) fn begin(&self, part: Part, step: &str) {
        let mut state = self.state();
        state.part = part;
        step.clone_into(&mut state.far.step);
        state.far.number = (state.far.number + 1).min(state.far.of);
    }

    /// Writes a finding down. What several definitions find of one thing is said once.
    pub(super) fn note(&self, finding: Finding) {
        let mut state = self.state();
        let finding = Finding { part: state.part, ..finding };
        if !state.findings.iter().any(|said| said.what == finding.what && said.found == finding.found) {
            state.findings.push(finding);
        }
    }

    /// What has been found so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.state().findings.clone()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.state().far.clone()
    }
}
