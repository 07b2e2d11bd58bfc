//! `tieline doctor`: prints what the diagnostics find.

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, who};
use crate::doctor::{self, CheckResult, CheckScope, Finding, Report};
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::operations::diagnostics::Diagnostics;

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
    let scope = if args.read_only { CheckScope::ReadOnly } else { CheckScope::Create };
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let findings = diagnose(checked, scope, args.why.clone()).await?;
        output::even_unread(print(global, &findings))?;
        Ok(if findings.iter().any(|finding| finding.unreachable) {
            Exit::Unreachable
        } else if findings.iter().any(|finding| finding.verdict == CheckResult::Failed) {
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
    output::line(&output::sentences(&["what", "result", "found", "what to do"], rows))
}

async fn diagnose(checked: Checked, scope: CheckScope, why: Option<Reason>) -> Result<Vec<Finding>, Failure> {
    let (settings, definitions) = (checked.settings().clone(), checked.definitions.clone());
    match Context::open(checked).await {
        Err(failure) => {
            let report = Report::new(doctor::STEPS);
            let unreachable = failure.exit == Exit::Unreachable;
            let database = Finding::failed("database", failure.text, NextStep::Database).unreachable_if(unreachable);
            doctor::without_ledger(&settings, &definitions, database, &report).await;
            Ok(report.findings())
        }
        Ok(context) => {
            let result = with_ledger(&context, scope, why).await;
            context.close().await;
            result
        }
    }
}

async fn with_ledger(context: &Context, scope: CheckScope, why: Option<Reason>) -> Result<Vec<Finding>, Failure> {
    let diagnostics = Diagnostics::of_command(&context.process());
    diagnostics.begin(scope, who::user(), why).await?.await?;
    Ok(diagnostics.last().map(|run| run.findings()).unwrap_or_default())
}
