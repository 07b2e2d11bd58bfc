//! `tieline doctor`: prints what an examination finds.

use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::doctor::{self, Finding, Verdict};

/// Runs the command.
pub(super) fn doctor(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(&checked)?;
    super::block_on(async {
        let findings = examine(checked).await?;
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
    output::line(&output::table(&["what", "how it stands", "found", "what to do"], &[], rows).to_string())
}

async fn examine(checked: Checked) -> Result<Vec<Finding>, Failure> {
    let settings = checked.settings().clone();
    let mut findings = doctor::machine(&settings);
    match Context::open(checked).await {
        Err(failure) => {
            let unreachable = failure.exit == Exit::Unreachable;
            findings.extend(doctor::without_ledger(failure.text, unreachable));
        }
        Ok(context) => {
            let result = doctor::systems(&context.deps()).await;
            context.close().await;
            findings.extend(result?);
        }
    }
    findings.extend(doctor::clocks(&settings).await);
    Ok(findings)
}
