//! The sheet that an examination is written down on; whoever holds a copy sees how far it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Finding, Part};

/// How far an examination is.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct HowFar {
    /// What is looked at now.
    pub step: String,
    /// Which step that is, from 1.
    pub number: usize,
    /// How many steps there are.
    pub of: usize,
}

/// What an examination has found so far. A clone is the same sheet.
#[derive(Debug, Clone, Default)]
pub struct Sheet(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    part: Part,
    far: HowFar,
    findings: Vec<Finding>,
}

impl Sheet {
    /// An empty sheet for so many steps.
    pub fn new(of: usize) -> Self {
        Self(Arc::new(Mutex::new(Written { far: HowFar { of, ..HowFar::default() }, ..Written::default() })))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step; what is noted from now on belongs to this part.
    pub(super) fn begin(&self, part: Part, step: &str) {
        let mut written = self.written();
        written.part = part;
        step.clone_into(&mut written.far.step);
        written.far.number = (written.far.number + 1).min(written.far.of);
    }

    /// Writes a finding down. What several definitions find of one thing is said once.
    pub(super) fn note(&self, finding: Finding) {
        let mut written = self.written();
        let finding = Finding { part: written.part, ..finding };
        if !written.findings.iter().any(|said| said.what == finding.what && said.found == finding.found) {
            written.findings.push(finding);
        }
    }

    /// What has been found so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.written().findings.clone()
    }

    /// How far it is.
    pub fn how_far(&self) -> HowFar {
        self.written().far.clone()
    }
}
