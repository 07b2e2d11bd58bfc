//! The service's diagnostics job: one run at a time; it keeps the last run of this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::all_checks::{STEPS, diagnose};
use super::{CheckScope, DiagnosticsParts, Finding, Progress, Report, Way};
use crate::domain::chain;
use crate::store::StoreError;

/// Who requested a diagnostics run, and why.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// The person.
    pub by: String,
    /// The reason, if one was given.
    pub why: Option<String>,
    /// What the checks may do.
    pub scope: CheckScope,
}

/// A started diagnostics run.
#[derive(Debug, Clone)]
pub struct DiagnosticsRun {
    /// Who requested it, and why.
    pub asked: JobRequest,
    /// When it started.
    pub began: DateTime<Utc>,
    /// When it ended, if it has.
    pub ended: Option<DateTime<Utc>>,
    /// Why it did not finish.
    pub problem: Option<String>,
    report: Report,
}

impl DiagnosticsRun {
    /// The findings so far.
    pub fn findings(&self) -> Vec<Finding> {
        self.report.findings()
    }

    /// Its progress.
    pub fn progress(&self) -> Progress {
        self.report.progress()
    }
}

/// Runs diagnostics and keeps the last run. A clone is the same job.
#[derive(Clone)]
pub struct DiagnosticsJob {
    parts: DiagnosticsParts,
    way: Way,
    last: Arc<Mutex<Option<DiagnosticsRun>>>,
}

/// Ends a run whose task crashed or was dropped with its thread.
struct EndGuard {
    job: DiagnosticsJob,
    ended: bool,
}

impl DiagnosticsJob {
    /// A job without a run.
    pub fn new(parts: DiagnosticsParts, way: Way) -> Self {
        Self { parts, way, last: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<DiagnosticsRun>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last run; `None` when there was none since the start.
    pub fn last(&self) -> Option<DiagnosticsRun> {
        self.lock().clone()
    }

    /// Replaces the last run by a new one; `None` while one is running. The caller runs the returned future on its own task.
    pub fn begin(&self, asked: JobRequest) -> Option<impl Future<Output = Result<(), StoreError>> + 'static> {
        let report = Report::new(STEPS);
        let scope = asked.scope;
        {
            let mut last = self.lock();
            if last.as_ref().is_some_and(|last| last.ended.is_none()) {
                return None;
            }
            *last = Some(DiagnosticsRun { asked, began: Utc::now(), ended: None, problem: None, report: report.clone() });
        }
        let mut ending = EndGuard { job: self.clone(), ended: false };
        Some(async move {
            let result = diagnose(&ending.job.parts, &ending.job.way, scope, &report).await;
            ending.end(result.as_ref().err().map(|error| format!("the ledger stopped answering: {}", chain(error))));
            result
        })
    }
}

impl EndGuard {
    fn end(&mut self, problem: Option<String>) {
        self.ended = true;
        if let Some(last) = self.job.lock().as_mut() {
            last.ended = Some(Utc::now());
            last.problem = problem;
        }
    }
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Some("the run was interrupted; read the service's log".to_owned()));
        }
    }
}
