//! `tieline doctor`: prints what the diagnostics find.

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, who};
use crate::doctor::{self, DiagnosticsParts, Finding, Report, Scope, Verdict, Way};
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::operations::note_diagnostics;
use crate::store::StoreError;

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Create nothing in ServiceNow. Without it, one row is created in each target table and deleted again, to prove the right to create
    #[arg(long)]
    read_only: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Option<Reason>,
}

/// Runs the command.
pub(super) fn doctor(global: &Global, args: &DoctorArgs) -> Result<Exit, Failure> {
    let scope = if args.read_only { Scope::ReadOnly } else { Scope::Create };
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let findings = diagnose(checked, scope, args.why.as_ref()).await?;
        output::even_unread(print(global, &findings))?;
        Ok(if findings.iter().any(|finding| finding.unreachable) {
            Exit::Unreachable
        } else if findings.iter().any(|finding| finding.verdict == Verdict::Failed) {
            Exit::Failed
        } else {
            Exit::Done
        })
    })
}

fn print(global: &Global, findings: &[Finding]) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&findings);
    }
    let rows = findings.iter().map(|f| vec![f.what.clone(), f.verdict.word().to_owned(), f.found.clone(), f.to_do.clone()]);
    output::line(&output::sentences(&["what", "how it stands", "found", "what to do"], rows))
}

async fn diagnose(checked: Checked, scope: Scope, why: Option<&Reason>) -> Result<Vec<Finding>, Failure> {
    let (settings, definitions) = (checked.settings().clone(), checked.definitions.clone());
    let report = Report::new(doctor::STEPS);
    match Context::open(checked).await {
        Err(failure) => {
            let unreachable = failure.exit == Exit::Unreachable;
            let database = Finding::failed("database", failure.text, NextStep::Database).unreachable_if(unreachable);
            doctor::without_ledger(&settings, &definitions, database, &report).await;
        }
        Ok(context) => {
            let result = noted(&context, scope, why, &report).await;
            context.close().await;
            result?;
        }
    }
    Ok(report.findings())
}

async fn noted(context: &Context, scope: Scope, why: Option<&Reason>, report: &Report) -> Result<(), StoreError> {
    note_diagnostics(&context.store, scope, who::user(), why).await?;
    doctor::diagnose(&DiagnosticsParts::from(&context.process()), &Way::Own, scope, report).await
}
