//! `tieline api-key`: keys of the HTTP interface. Only their hashes are kept; a key is shown once.

use chrono::Utc;

use super::failure::{Exit, Failure};
use super::words::closed;
use super::{Global, OutputForm, output, who};
use crate::domain::role::Role;
use crate::operations;
use crate::operations::api_key::NewApiKey;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum ApiKeyCommand {
    /// Creates a key and prints it once
    Add {
        /// Its name, which the audit shows
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        name: String,
        /// What the key may do
        #[arg(long, value_parser = closed::<Role>(Role::WORDS.iter().copied()))]
        role: Role,
        /// The key expires after this number of days
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500))]
        expires_days: Option<u64>,
    },
    /// Lists the keys, without their secret part
    List,
    /// Removes a key, which stops working at once
    Remove {
        /// Its name
        name: String,
    },
}

/// Runs the command.
pub(super) fn api_key(global: &Global, command: &ApiKeyCommand) -> Result<Exit, Failure> {
    super::context::with_ledger(global, async |context| {
        let process = context.process();
        match command {
            ApiKeyCommand::Add { name, role, expires_days } => {
                let new = NewApiKey { name: name.clone(), role: *role, expires_days: *expires_days };
                let key = operations::api_key::add(&process, new, who::user()).await?;
                if let Err(failure) = output::line(key.expose()) {
                    // nobody has seen it, and it is never shown again
                    operations::api_key::remove(&process, name, who::user()).await?;
                    let why = if failure.is_unread() { "standard output is closed" } else { failure.text.as_str() };
                    let text = format!("the key could not be shown ({why}), so it was not kept; add it again where it can be read");
                    return Err(Failure::new(Exit::Failed, text));
                }
                Ok(Exit::Done)
            }
            ApiKeyCommand::List => {
                let keys = process.store.api_key_list().await?;
                if global.output == OutputForm::Json {
                    output::json(&keys)?;
                } else {
                    let day = |at: Option<chrono::DateTime<Utc>>| {
                        at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%MZ").to_string())
                    };
                    let rows = keys.into_iter().map(|k| {
                        vec![k.name, k.role.to_string(), k.prefix, day(Some(k.created_at)), day(k.expires_at), day(k.last_used_at)]
                    });
                    output::line(&output::table(&["name", "role", "prefix", "created", "expires", "last used"], &[], rows))?;
                }
                Ok(Exit::Done)
            }
            ApiKeyCommand::Remove { name } => {
                if operations::api_key::remove(&process, name, who::user()).await? {
                    output::line(&format!("Key `{name}` is removed."))?;
                    Ok(Exit::Done)
                } else {
                    Err(Failure::new(Exit::Failed, format!("there is no key `{name}`; `tieline api-key list` lists the keys")))
                }
            }
        }
    })
}
