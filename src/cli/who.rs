//! Who runs a command.

use crate::domain::reason::Reason;
use crate::operations::Requested;

/// The person who runs a command, and the reason.
pub(super) fn requested(why: &Reason) -> Requested {
    Requested::new(user(), why.clone())
}

/// The account that runs the command, for the audit.
///
/// Services and timers set no `USER`: then it is the name of the process's account, or its number if it has no name.
pub(super) fn user() -> String {
    let said = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|said| !said.is_empty()));
    format!("user {}", said.unwrap_or_else(account))
}

#[cfg(unix)]
fn account() -> String {
    let uid = nix::unistd::getuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

#[cfg(not(unix))]
fn account() -> String {
    std::env::var("USERNAME").unwrap_or_else(|_| "unknown".into())
}
