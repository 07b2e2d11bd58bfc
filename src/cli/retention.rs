//! `tieline retention`: removes what is older than `[retention]` allows.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::who::user;
use super::{Global, OutputForm, output};
use crate::operations;

/// What to do.
#[derive(Debug, clap::Args)]
pub struct RetentionArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

/// `tieline retention`
pub(super) fn retention(global: &Global, args: &RetentionArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let process = context.process();
        let reports = if args.dry_run {
            operations::retention::count(&process, user()).await?
        } else {
            context.check_compared().await?;
            operations::retention::remove(&process, user()).await?
        };
        if global.output == OutputForm::Json {
            output::json(&serde_json::json!({ "dry_run": args.dry_run, "tables": reports }))?;
            return Ok(Exit::Done);
        }
        let rows = reports.iter().map(|report| vec![report.table.to_string(), report.kept.to_string(), report.rows.to_string()]);
        let header = if args.dry_run { "would be removed" } else { "removed" };
        output::line(&output::table(&["table", "kept", header], &[2], rows))?;
        Ok(Exit::Done)
    })
}
