//! `tieline person`: people who signed in through the OpenID provider of the site.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::{Global, OutputForm, output, who};
use crate::domain::reason::Reason;
use crate::operations;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum PersonCommand {
    /// Lists the people, with the provider's own names for them
    List,
    /// Frees the name of somebody whose account at the provider no longer exists, so that a new account can have it
    Free {
        /// The name, as `person list` shows it
        name: String,
        /// The provider; needed where people of several providers have the name
        #[arg(long, value_name = "URL")]
        issuer: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: Reason,
    },
}

/// Runs the command.
pub(super) fn person(global: &Global, command: &PersonCommand) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        match command {
            PersonCommand::List => {
                let people = context.store.person_list().await?;
                if global.output == OutputForm::Json {
                    output::json(&people)?;
                    return Ok(Exit::Done);
                }
                let rows = people.into_iter().map(|row| {
                    let freed = row.freed_at.map_or_else(|| "-".to_owned(), |freed| at(Some(freed)));
                    vec![row.name, row.role.to_string(), row.subject, row.issuer, at(Some(row.last_signed_in_at)), freed]
                });
                output::line(&output::table(&["name", "role", "subject", "provider", "last signed in", "name freed"], &[], rows))?;
            }
            PersonCommand::Free { name, issuer, why } => {
                let row = operations::person::free(&context.process(), issuer.as_deref(), name, why.clone(), who::user()).await?;
                output::line(&format!(
                    "The name `{}` of `{}` at {} is free: the next account with this name gets it at its first sign-in.",
                    row.name, row.subject, row.issuer
                ))?;
            }
        }
        Ok(Exit::Done)
    })
}
