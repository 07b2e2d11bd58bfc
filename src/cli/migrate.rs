//! `tieline migrate`: brings the ledger's schema up to date.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};

/// `tieline migrate`
pub(super) fn migrate(global: &Global) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let run = &context.migrated;
        if global.output == OutputForm::Json {
            output::json(&serde_json::json!({ "migrations_run": run }))?;
        } else if run.is_empty() {
            output::line("The database is up to date.")?;
        } else {
            let plural = if run.len() == 1 { "" } else { "s" };
            output::line(&format!("{} migration{plural} run: {}. The database is up to date.", run.len(), run.join(", ")))?;
        }
        Ok(Exit::Done)
    })
}
