//! `tieline credential`: the encrypted store of passwords and client secrets.

use std::io::BufRead;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use secrecy::SecretString;

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, prompt, who};
use crate::credentials::change::{NewCredential, Rotated};
use crate::credentials::credential_store::{
    AUDIT_SIGNING, AUDIT_SIGNING_FORMER, NOTICES_MAIL, NOTICES_WEBHOOK, SERVICENOW, SIGN_IN, SYSPRO_ENET, SYSPRO_ENET_COMPANY, SYSPRO_ODATA,
};

/// The known names.
const NAMES: &[&str] = &[SYSPRO_ODATA, SYSPRO_ENET, SYSPRO_ENET_COMPANY, SERVICENOW, NOTICES_WEBHOOK, NOTICES_MAIL, SIGN_IN];

/// Those that can be removed: a key that signs the audit is made by Tieline, which then makes another one.
const REMOVABLE: &[&str] = &[
    SYSPRO_ODATA,
    SYSPRO_ENET,
    SYSPRO_ENET_COMPANY,
    SERVICENOW,
    NOTICES_WEBHOOK,
    NOTICES_MAIL,
    SIGN_IN,
    AUDIT_SIGNING,
    AUDIT_SIGNING_FORMER,
];

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum CredentialCommand {
    /// Sets a credential; reads the password from the terminal or from standard input
    Set {
        /// The credential
        #[arg(value_parser = PossibleValuesParser::new(NAMES))]
        name: String,
        /// The operator code, or the OAuth client id
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        username: String,
        /// Read the password, or the OAuth client secret, from standard input: one line. Without it a terminal is needed
        #[arg(long)]
        password_stdin: bool,
        /// Accept an empty password, for an account that really has none
        #[arg(long)]
        allow_empty: bool,
    },
    /// Lists names and user names, without passwords
    List,
    /// Removes a credential
    Remove {
        /// The credential
        #[arg(value_parser = PossibleValuesParser::new(REMOVABLE))]
        name: String,
    },
    /// Creates a new master key and encrypts everything with it; running services load it automatically
    RotateKey,
}

/// Runs the command.
pub(super) fn credential(global: &Global, command: &CredentialCommand) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    let password = match command {
        CredentialCommand::Set { name, username, password_stdin, allow_empty } => Some(if prompt::is_typed() {
            ask_password(name, username, *allow_empty)?
        } else {
            if !password_stdin {
                return Err(no_terminal(name, username));
            }
            read_password(std::io::stdin().lock(), *allow_empty)?
        }),
        _ => None,
    };
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = match command {
            CredentialCommand::Set { name, username, .. } => set(&context, name, username, password.unwrap_or_default()).await,
            CredentialCommand::List => list(&context, global).await,
            CredentialCommand::Remove { name } => remove(&context, name).await,
            CredentialCommand::RotateKey => rotate(&context).await,
        };
        context.close().await;
        result
    })
}

/// Everybody on the machine can read the command line, and some can read the environment: a password is accepted in neither.
fn no_terminal(name: &str, username: &str) -> Failure {
    let way = format!("`tieline credential set {name} --username {username} --password-stdin < FILE`");
    let text = format!("standard input is not a terminal, so the password cannot be typed: run {way}, or use a pipe instead of the file");
    Failure::new(Exit::Failed, text)
}

/// Reads what is typed on the terminal without showing it.
fn ask_password(name: &str, username: &str, allow_empty: bool) -> Result<SecretString, Failure> {
    let what = match name {
        SERVICENOW | SIGN_IN => "Client secret of client id",
        _ => "Password of",
    };
    let line = prompt::hidden_line(&format!("{what} `{username}` for `{name}` (not shown while you type): "));
    let line = line.map_err(|error| Failure::new(Exit::Failed, format!("no password was read, and nothing was changed: {error}")))?;
    let password = without_end(&line);
    if password.is_empty() && !allow_empty {
        let text = "the password is empty, and nothing was changed; if it must be empty, repeat the command with --allow-empty";
        return Err(Failure::new(Exit::Failed, text));
    }
    Ok(SecretString::from(password))
}

/// A line without its line end.
fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// One line; the line end is not part of the password. An empty one usually comes from a missing file or variable.
fn read_password(mut input: impl BufRead, allow_empty: bool) -> Result<SecretString, Failure> {
    let mut line = zeroize::Zeroizing::new(String::new());
    input
        .read_line(&mut line)
        .map_err(|error| Failure::new(Exit::Failed, format!("the password cannot be read from standard input: {error}")))?;
    let password = without_end(&line);
    if password.is_empty() && !allow_empty {
        return Err(Failure::new(
            Exit::Failed,
            "standard input held no password: its first line is empty; write the password on one line, for example `tieline credential set \
             … --password-stdin < FILE`, or add --allow-empty if it must be empty",
        ));
    }
    Ok(SecretString::from(password))
}

async fn set(context: &Context, name: &str, username: &str, password: SecretString) -> Result<Exit, Failure> {
    let new = NewCredential { name: name.to_owned(), username: username.to_owned(), password };
    context.credential_store().set(state(context), vec![new], who::user()).await?;
    output::line(&format!("Credential `{name}` is set for `{username}`."))?;
    Ok(Exit::Done)
}

fn state(context: &Context) -> &Path {
    &context.checked.settings().state.directory
}

async fn list(context: &Context, global: &Global) -> Result<Exit, Failure> {
    let all = context.store.credential_list().await?;
    if global.output == OutputForm::Json {
        let rows: Vec<_> = all
            .iter()
            .map(|c| serde_json::json!({ "name": c.name, "username": c.username, "key_id": c.key_id, "updated_at": c.updated_at }))
            .collect();
        output::json(&rows)?;
    } else {
        let rows = all
            .iter()
            .map(|c| vec![c.name.clone(), c.username.clone(), c.key_id.clone(), c.updated_at.format("%Y-%m-%d %H:%M:%SZ").to_string()]);
        output::line(&output::table(&["name", "user name", "master key", "set"], &[], rows))?;
    }
    Ok(Exit::Done)
}

async fn remove(context: &Context, name: &str) -> Result<Exit, Failure> {
    if context.credential_store().remove(name.to_owned(), who::user()).await? {
        output::line(&format!("Credential `{name}` is removed."))?;
        Ok(Exit::Done)
    } else {
        Err(Failure::new(Exit::Failed, format!("credential `{name}` is not set; `tieline credential list` shows which are")))
    }
}

async fn rotate(context: &Context) -> Result<Exit, Failure> {
    let Rotated { count, key_id } = context.credential_store().rotate(state(context), who::user()).await?;
    let many = if count == 1 { "credential is" } else { "credentials are" };
    output::line(&format!(
        "{count} {many} now encrypted with the new master key `{key_id}`. The old key is removed. Back up the key file."
    ))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_password_is_one_line_without_its_end() {
        assert_eq!(read_password(&b"p w \r\nnext"[..], false).unwrap().expose_secret(), "p w ");
        assert_eq!(read_password(&b"ends with a return\r\r\n"[..], false).unwrap().expose_secret(), "ends with a return\r");
        assert_eq!(read_password(&b"no line end"[..], false).unwrap().expose_secret(), "no line end");
        assert!(read_password(&b"\n"[..], false).unwrap_err().text.contains("no password"));
        assert_eq!(read_password(&b"\n"[..], true).unwrap().expose_secret(), "");
    }
}
