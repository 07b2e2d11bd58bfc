//! `tieline doctor`: prints what the diagnostics find.

use super::checked::Checked;
use super::context::{Context, with_ledger as with_ledger_of};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, who};
use crate::doctor::{self, CheckResult, CheckScope, Finding, Report};
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::operations::diagnostics::Diagnostics;
use crate::operations::forced_error::{self, ForcedError};

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Create nothing in ServiceNow. Without it, one row is created in each target table and deleted again, to prove the right to create
    #[arg(long)]
    read_only: bool,
    /// Make a record fail that does not exist, so that an auditor can watch how an error is reported, notified and followed up. Nothing is
    /// sent for it
    #[arg(long, requires = "why", conflicts_with_all = ["read_only", "end_forced_error"])]
    force_error: bool,
    /// End all forced errors
    #[arg(long, requires = "why", conflicts_with = "read_only")]
    end_forced_error: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Option<Reason>,
}

/// Runs the command.
pub(super) fn doctor(global: &Global, args: &DoctorArgs) -> Result<Exit, Failure> {
    if let Some(why) = args.why.as_ref().filter(|_| args.force_error || args.end_forced_error) {
        return with_ledger_only(global, args.force_error, why);
    }
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

/// Forces an error, or ends all forced errors.
fn with_ledger_only(global: &Global, force: bool, why: &Reason) -> Result<Exit, Failure> {
    with_ledger_of(global, async |context| {
        let (process, requested) = (context.working_process().await?, who::requested(why));
        let errors = match force {
            true => vec![forced_error::force(&process, requested).await?],
            false => forced_error::end(&process, requested).await?,
        };
        if global.output == OutputForm::Json {
            return output::json(&errors).map(|()| Exit::Done);
        }
        for ForcedError { flow, key } in &errors {
            let said = match force {
                true => format!(
                    "{flow}: record {key} fails now. `tieline failures`, the console, the metrics and a notice must show it. End it with \
                     `tieline doctor --end-forced-error --why …`."
                ),
                false => format!("{flow}: the forced error {key} has ended."),
            };
            output::line(&said)?;
        }
        if errors.is_empty() {
            output::line("There is no forced error.")?;
        }
        Ok(Exit::Done)
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
