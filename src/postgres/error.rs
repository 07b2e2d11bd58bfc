//! The errors of a private cluster, for the person who installs Tieline.

use std::io;
use std::path::PathBuf;

/// Why the private cluster does not run. The texts never contain its password.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The state directory cannot be used.
    #[error(transparent)]
    Directory(#[from] crate::config::DirectoryError),
    /// No server programs on this machine.
    #[error(
        "no PostgreSQL server programs were found (searched in {searched}): install them (Debian, Ubuntu: `apt-get install postgresql`; \
         Red Hat: `dnf install postgresql-server`), or set `database.bin_directory`, or set `database.url` to use your own server"
    )]
    NotInstalled {
        /// The searched places.
        searched: String,
    },
    /// The configured directory lacks a program, or the program does not run.
    #[error("`database.bin_directory` is {}, but {problem}", path.display())]
    BadPrograms {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The data need another major version than the installed ones.
    #[error(
        "the data in {} were created by PostgreSQL {data}, and only {found} is installed: install PostgreSQL {data} again, or move the \
         data with its `pg_dump` and a new state directory",
        path.display()
    )]
    OtherVersion {
        /// The data directory.
        path: PathBuf,
        /// Its major version.
        data: u32,
        /// The available major versions.
        found: String,
    },
    /// Postgres refuses to run as root, and there is no account for it.
    #[error(
        "running as root, and PostgreSQL does not run as root: there is no account `postgres` to run it as; install the distribution's PostgreSQL package, or run Tieline as an ordinary user"
    )]
    NoAccount,
    /// Postgres refuses a user id without a name.
    #[error(
        "PostgreSQL needs a user with a name, and user id {uid} has no line in the passwd database: run Tieline as a real system user, or set `database.url`"
    )]
    NamelessUser {
        /// The user id.
        uid: u32,
    },
    /// The data belong to another user.
    #[error("the data in {} belong to user `{owner}`, and this runs as `{user}`: run Tieline as `{owner}`, or use another `state.directory`", path.display())]
    OtherOwner {
        /// The data directory.
        path: PathBuf,
        /// Their owner.
        owner: String,
        /// The current user.
        user: String,
    },
    /// The account that runs the server cannot reach the state directory.
    #[error(
        "user `{user}`, who runs the private PostgreSQL, cannot pass through {} (mode {mode:04o}) to {}: run `chmod o+x {}`, or use a `state.directory` elsewhere, such as /var/lib/tieline",
        blocked.display(), path.display(), blocked.display()
    )]
    Unreachable {
        /// The account.
        user: String,
        /// The first directory that it may not enter.
        blocked: PathBuf,
        /// That directory's permission bits.
        mode: u32,
        /// The directory that it needs.
        path: PathBuf,
    },
    /// The state directory's name is too long, or contains characters that the server's programs do not accept.
    #[error("{} cannot hold the private cluster: {problem}; use another `state.directory`", path.display())]
    BadPath {
        /// The cluster's directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The data exist, but their password file does not.
    #[error("{} is missing, and the data beside it need it: restore it from its copy, or start with another `state.directory`", path.display())]
    PasswordMissing {
        /// The password file.
        path: PathBuf,
    },
    /// No space.
    #[error("no space is left on the disk of {}: free some, then start again; {program} said: {output}", path.display())]
    DiskFull {
        /// The cluster's directory.
        path: PathBuf,
        /// The program that failed.
        program: &'static str,
        /// Its output.
        output: String,
    },
    /// A file or directory of the cluster cannot be used.
    #[error("{} cannot be {action}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// `made`, `read`, `written`, `locked`, …
        action: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// A program cannot be run at all.
    #[error("{} cannot be run", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("the private PostgreSQL in {}: `{program}` failed: {output}", path.display())]
    Failed {
        /// The cluster's directory.
        path: PathBuf,
        /// The program.
        program: &'static str,
        /// Its output, or the end of the server's log.
        output: String,
    },
    /// A server runs, but does not accept connections.
    #[error("the private PostgreSQL in {} does not answer within {seconds} s: {output}", path.display())]
    NoAnswer {
        /// The cluster's directory.
        path: PathBuf,
        /// How long it was tried.
        seconds: u64,
        /// The error of the last attempt.
        output: String,
    },
    /// The system gives no random numbers for the password.
    #[error(transparent)]
    Random(#[from] crate::credentials::key_ring::KeyError),
}

impl ClusterError {
    /// A program's failure: a full disk has a variant of its own.
    #[cfg_attr(not(unix), allow(dead_code))]
    pub(super) fn program(path: PathBuf, program: &'static str, output: String) -> Self {
        // the server's messages are English: its programs are run with LC_ALL=C
        if output.contains("No space left on device") || output.contains("Disk quota exceeded") {
            Self::DiskFull { path, program, output }
        } else {
            Self::Failed { path, program, output }
        }
    }
}
