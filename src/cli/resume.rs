//! `tieline resume`: ends the pauses that ServiceNow asked for.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output;
use super::who::requested;
use super::{Global, OutputForm};
use crate::domain::reason::Reason;
use crate::operations;

/// Why.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// Every node sends again as soon as it reads this.
pub(super) fn resume(global: &Global, args: &ResumeArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let resumed = operations::sending::resume(&context.process(), requested(&args.why)).await?;
        match global.output {
            OutputForm::Json => output::json(&resumed)?,
            _ => output::line(&resumed.to_string())?,
        }
        Ok(Exit::Done)
    })
}
