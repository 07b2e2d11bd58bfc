//! `tieline api-key`: keys of the HTTP interface. Only their hashes are kept; a key is shown once.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::words::closed;
use super::{Global, OutputForm, output, who};
use crate::credentials::api_key::ApiKey;
use crate::domain::person::PersonName;
use crate::domain::reason::Reason;
use crate::domain::role::Role;
use crate::operations;
use crate::operations::api_key::{KeyChange, KeyEnd, NewApiKey};
use crate::process::Process;
use crate::store::ApiKeyRow;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum ApiKeyCommand {
    /// Creates a key and prints it once
    Add {
        /// Its name, which the audit shows
        name: PersonName,
        /// What the key may do
        #[arg(long, value_parser = closed::<Role>(Role::WORDS.iter().copied()))]
        role: Role,
        /// The person to whom the key belongs, if that is not the one whose name it has: keys of one person count as one person
        #[arg(long, value_name = "NAME")]
        person: Option<PersonName>,
        /// After how many days the key expires, or `never`, which needs --why; without it, as `sign_in.key_days` says
        #[arg(long, alias = "expires-days", value_name = "DAYS|never", value_parser = key_end)]
        expires: Option<KeyEnd>,
        /// Why the key is needed
        #[arg(long, value_name = "TEXT")]
        why: Option<Reason>,
    },
    /// Lists the keys, without their secret part
    List,
    /// Gives a key a new secret and a new end, and prints the key once; the old secret stops working at once
    Rotate {
        /// Its name
        name: String,
        /// After how many days the key expires, or `never`; without it, as `sign_in.key_days` says
        #[arg(long, alias = "expires-days", value_name = "DAYS|never", value_parser = key_end)]
        expires: Option<KeyEnd>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: Reason,
    },
    /// Changes the end, the role or the person of a key; its secret stays
    #[command(group = clap::ArgGroup::new("what").args(["expires", "role", "person"]).required(true).multiple(true))]
    Change {
        /// Its name
        name: String,
        /// After how many days, from now on, the key expires, or `never`
        #[arg(long, alias = "expires-days", value_name = "DAYS|never", value_parser = key_end)]
        expires: Option<KeyEnd>,
        /// What the key may do
        #[arg(long, value_parser = closed::<Role>(Role::WORDS.iter().copied()))]
        role: Option<Role>,
        /// The person to whom the key belongs
        #[arg(long, value_name = "NAME")]
        person: Option<PersonName>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: Reason,
    },
    /// Removes a key, which stops working at once
    Remove {
        /// Its name
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: Option<Reason>,
    },
}

/// The most days of a key: a hundred years.
const MOST_DAYS: u64 = 36_500;

fn key_end(text: &str) -> Result<KeyEnd, String> {
    if text == "never" {
        return Ok(KeyEnd::Never);
    }
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.map(KeyEnd::Days).ok_or_else(|| format!("a number of days from 1 to {MOST_DAYS}, or `never`"))
}

/// Runs the command.
pub(super) fn api_key(global: &Global, command: &ApiKeyCommand) -> Result<Exit, Failure> {
    super::context::with_ledger(global, async |context| {
        let process = context.process();
        match command {
            ApiKeyCommand::Add { name, role, person, expires, why } => {
                let new = NewApiKey { name: name.clone(), person: person.clone(), role: *role, end: *expires, why: why.clone() };
                let key = operations::api_key::add(&process, new, who::user()).await?;
                show(&process, name.as_str(), &key).await
            }
            ApiKeyCommand::List => list(&process, global).await,
            ApiKeyCommand::Rotate { name, expires, why } => {
                let key = operations::api_key::rotate(&process, name, *expires, why.clone(), who::user()).await?;
                output::line(key.expose()).map_err(|failure| {
                    let text = format!(
                        "the new secret of `{name}` could not be shown ({}); rotate the key again where it can be read",
                        unshown(&failure)
                    );
                    Failure::new(Exit::Failed, text)
                })?;
                Ok(Exit::Done)
            }
            ApiKeyCommand::Change { name, expires, role, person, why } => {
                let change = KeyChange { role: *role, person: person.clone(), end: *expires };
                let (_, after) = operations::api_key::change(&process, name, change, why.clone(), who::user()).await?;
                let person = after.person.as_deref().unwrap_or(&after.name);
                let end = after.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("expires at {}", minute(at)));
                output::line(&format!("Key `{name}` has the role {}, belongs to `{person}`, and {end}.", after.role))?;
                Ok(Exit::Done)
            }
            ApiKeyCommand::Remove { name, why } => {
                if operations::api_key::remove(&process, name, why.clone(), who::user()).await? {
                    output::line(&format!("Key `{name}` is removed."))?;
                    Ok(Exit::Done)
                } else {
                    Err(Failure::new(Exit::Failed, format!("there is no key `{name}`; `tieline api-key list` lists the keys")))
                }
            }
        }
    })
}

/// Prints a new key. One that nobody has seen is never shown again, so it is removed.
async fn show(process: &Process, name: &str, key: &ApiKey) -> Result<Exit, Failure> {
    let Err(failure) = output::line(key.expose()) else { return Ok(Exit::Done) };
    operations::api_key::remove(process, name, None, who::user()).await?;
    let text = format!("the key could not be shown ({}), so it was not kept; add it again where it can be read", unshown(&failure));
    Err(Failure::new(Exit::Failed, text))
}

fn unshown(failure: &Failure) -> &str {
    if failure.is_unread() { "standard output is closed" } else { &failure.text }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%MZ").to_string()
}

async fn list(process: &Process, global: &Global) -> Result<Exit, Failure> {
    let (keys, now) = (process.store.api_key_list().await?, process.store.now_there());
    let state = |key: &ApiKeyRow| key.state(process.settings.sign_in.key_notice_days, now).word();
    if global.output == OutputForm::Json {
        let rows = keys.iter().map(|key| {
            let mut row = json!(key);
            row["state"] = json!(state(key));
            row
        });
        output::json(&rows.collect::<Vec<Value>>())?;
        return Ok(Exit::Done);
    }
    let day = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), minute);
    let rows = keys.into_iter().map(|key| {
        let state = state(&key).to_owned();
        let person = key.person.unwrap_or_else(|| key.name.clone());
        vec![
            key.name,
            person,
            key.role.to_string(),
            key.prefix,
            state,
            day(Some(key.created_at)),
            key.expires_at.map_or_else(|| "never".to_owned(), minute),
            day(key.last_used_at),
        ]
    });
    output::line(&output::table(&["name", "person", "role", "prefix", "state", "created", "expires", "last used"], &[], rows))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_of_days_or_said_to_be_none() {
        assert_eq!((key_end("30"), key_end("never")), (Ok(KeyEnd::Days(30)), Ok(KeyEnd::Never)));
        for wrong in ["", "0", "-1", "36501", "Never", "1 year"] {
            assert!(key_end(wrong).is_err(), "{wrong}");
        }
    }
}
