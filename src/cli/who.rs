//! Who runs a command. The system says so, and no variable that the caller can set.

use crate::domain::reason::Reason;
use crate::failpoint;
use crate::operations::Requested;

/// The person who runs a command, and the reason.
pub(super) fn requested(why: &Reason) -> Requested {
    Requested::new(user(), why.clone())
}

/// The account that runs the command, for the audit: `user NAME`.
///
/// Where the kernel knows the account with which the person logged in, it is that one, with the account that the person became since:
/// `user anna (as root)`. Otherwise it is the account of the process. What `sudo` says of its caller is only noted: root can set it.
pub(super) fn user() -> String {
    failpoint::account().map_or_else(|| Accounts::now().to_string(), |name| format!("user {name}"))
}

/// What the system says of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accounts {
    /// The process's own.
    process: String,
    /// The one with which the person logged in, if the kernel knows it (`/proc/self/loginuid`).
    login: Option<String>,
    /// The one that ran `sudo`, as `sudo` says.
    sudo: Option<String>,
}

impl std::fmt::Display for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.login.as_ref().unwrap_or(&self.process);
        let became = (*name != self.process).then(|| format!("as {}", self.process));
        let sudo = self.sudo.as_ref().filter(|said| *said != name).map(|said| format!("sudo names {said}"));
        let notes: Vec<String> = became.into_iter().chain(sudo).collect();
        write!(f, "user {name}")?;
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
    }
}

#[cfg(unix)]
impl Accounts {
    fn now() -> Self {
        Self { process: name_of(nix::unistd::getuid()), login: login(), sudo: sudo() }
    }
}

/// The name of an account, or its number if it has none.
#[cfg(unix)]
fn name_of(uid: nix::unistd::Uid) -> String {
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

#[cfg(unix)]
fn login() -> Option<String> {
    let uid = read_login(&std::fs::read_to_string("/proc/self/loginuid").ok()?)?;
    Some(name_of(nix::unistd::Uid::from_raw(uid)))
}

/// The number in `/proc/self/loginuid`; the largest one: nobody has logged in.
#[cfg(unix)]
fn read_login(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

/// What `sudo` says, if it runs this process.
#[cfg(unix)]
fn sudo() -> Option<String> {
    let parent = std::fs::read_to_string(format!("/proc/{}/comm", std::os::unix::process::parent_id())).ok()?;
    if !nix::unistd::geteuid().is_root() || parent.trim() != "sudo" {
        return None;
    }
    let uid = std::env::var("SUDO_UID").ok()?.parse().ok()?;
    Some(name_of(nix::unistd::Uid::from_raw(uid)))
}

#[cfg(not(unix))]
impl Accounts {
    fn now() -> Self {
        Self { process: std::env::var("USERNAME").unwrap_or_else(|_| "unknown".into()), login: None, sudo: None }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::domain::person::person;

    #[test]
    fn a_command_is_of_who_logged_in_or_else_of_the_process_and_sudo_is_only_noted() {
        let said = |process: &str, login: Option<&str>, sudo: Option<&str>| {
            let (login, sudo) = (login.map(str::to_owned), sudo.map(str::to_owned));
            let said = Accounts { process: process.to_owned(), login, sudo }.to_string();
            let person = person(&said);
            (said, person)
        };
        for (process, login, sudo, expected, of) in [
            ("root", None, None, "user root", "root"),
            ("anna", Some("anna"), None, "user anna", "anna"),
            ("root", Some("anna"), Some("anna"), "user anna (as root)", "anna"),
            ("tieline", Some("anna"), None, "user anna (as tieline)", "anna"),
            ("root", None, Some("ben"), "user root (sudo names ben)", "root"),
            ("root", Some("anna"), Some("ben"), "user anna (as root, sudo names ben)", "anna"),
        ] {
            assert_eq!(said(process, login, sudo), (expected.to_owned(), of.to_owned()));
        }
    }

    #[test]
    fn the_kernel_says_whether_somebody_has_logged_in() {
        assert_eq!((read_login("1000\n"), read_login("0"), read_login("4294967295"), read_login("")), (Some(1000), Some(0), None, None));
    }
}
