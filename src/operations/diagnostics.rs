//! Diagnostics of both systems, the ledger and the machine.

use serde_json::json;

use super::Refused;
use crate::actors::system::Access;
use crate::doctor::job::{DiagnosticsJob, DiagnosticsRun, JobRequest};
use crate::doctor::{CheckScope, DiagnosticsParts, Way};
use crate::domain::audit::AuditKind;
use crate::domain::reason::Reason;
use crate::process::Process;
use crate::store::{NewAudit, Store, StoreError};

/// The diagnostics of one process: one run at a time, and the last one. A clone is the same.
#[derive(Clone)]
pub struct Diagnostics {
    store: Store,
    job: DiagnosticsJob,
}

impl Diagnostics {
    /// Those of a service, with the token and the session of its actors. `store`: for the audit.
    pub fn of_service(store: Store, parts: DiagnosticsParts, access: Access) -> Self {
        Self { store, job: DiagnosticsJob::new(parts, Way::Service(access)) }
    }

    /// Those of a command, with its own token and session.
    pub fn of_command(process: &Process) -> Self {
        Self { store: process.store.clone(), job: DiagnosticsJob::new(DiagnosticsParts::from(process), Way::Own) }
    }

    /// Begins a run and writes that to the audit. The caller runs the returned future to its end: until then, a test row may be in
    /// ServiceNow. The future fails when the ledger stops answering; [`Diagnostics::last`] says so, too.
    ///
    /// # Errors
    /// [`Refused::DiagnosticsRunning`]; an error of the ledger.
    pub async fn begin(
        &self,
        scope: CheckScope,
        by: String,
        why: Option<Reason>,
    ) -> Result<impl Future<Output = Result<(), StoreError>> + 'static, Refused> {
        let asked = JobRequest { by: by.clone(), why: why.as_ref().map(Reason::to_string), scope };
        let Some(run) = self.job.begin(asked) else { return Err(Refused::DiagnosticsRunning) };
        // the audit must know of everything that is created
        let detail = json!({ "action": "doctor", "why": why, "read_only": scope == CheckScope::ReadOnly });
        let mut row = NewAudit::of(AuditKind::Action).detail(&detail);
        row.actor = by;
        self.store.audit_write(row).await?;
        Ok(run)
    }

    /// The last run of this process, which may be running.
    pub fn last(&self) -> Option<DiagnosticsRun> {
        self.job.last()
    }
}
