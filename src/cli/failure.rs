//! Exit codes, and their messages.

use std::fmt;
use std::process::ExitCode;

use crate::credentials::change::NotChanged;
use crate::domain::chain;
use crate::operations::api_key::NotAdded;
use crate::operations::person::NotFreed;
use crate::operations::{Class, Interface, Refused};

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line cannot be understood, contradicts itself, or names a word, a company or an entity that does not exist.
    Usage = 2,
    /// Done, with records outstanding.
    Partly = 3,
    /// The configuration or a definition is refused.
    Configuration = 4,
    /// A system could not be reached.
    Unreachable = 5,
    /// Another node holds the lease.
    Held = 6,
    /// A thread of the service does not respond; the service manager must restart the process.
    Stuck = 7,
    /// It could not be verified whether both sides agree.
    Unverified = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed: the text for the person, the code for the program.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was tried, what happened, what to do.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Failure {
    /// A failure with a code.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// The reader of standard output has closed it: the program ends without a message.
    pub(super) fn unread() -> Self {
        Self { exit: Exit::Done, text: String::new() }
    }

    /// Whether only the reader has closed the output.
    pub(super) fn is_unread(&self) -> bool {
        self.exit == Exit::Done && self.text.is_empty()
    }

    /// A failure without a better code.
    pub fn plain(error: &dyn std::error::Error) -> Self {
        Self::new(Exit::Failed, chain(error))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let (what, step) = (refused.what(), refused.next_step(Interface::Cli));
        match (refused.class(), refused) {
            (_, Refused::Ledger(error)) => error.into(),
            (_, Refused::UnknownName(unknown) | Refused::NoFlow(unknown)) => unknown.into(),
            (_, Refused::SysproNotRead(_)) => Self::new(Exit::Unreachable, format!("{what}; {step}")),
            (class, _) => Self::new(exit_of(class), format!("{what}; {step}")),
        }
    }
}

/// The exit code of a refusal: one for each class, as the HTTP API has one status for each.
fn exit_of(class: Option<Class>) -> Exit {
    match class {
        Some(Class::Malformed | Class::Senseless) => Exit::Usage,
        Some(Class::Missing | Class::NotNow | Class::Unavailable) | None => Exit::Failed,
    }
}

impl From<crate::domain::word::Unknown> for Failure {
    fn from(unknown: crate::domain::word::Unknown) -> Self {
        Self::new(Exit::Usage, unknown.to_string())
    }
}

impl From<NotChanged> for Failure {
    fn from(error: NotChanged) -> Self {
        match error {
            NotChanged::Ledger(error) => error.into(),
            error => Self::plain(&error),
        }
    }
}

impl From<NotFreed> for Failure {
    fn from(error: NotFreed) -> Self {
        match error {
            NotFreed::Ledger(error) => error.into(),
            error => Self::plain(&error),
        }
    }
}

impl From<NotAdded> for Failure {
    fn from(error: NotAdded) -> Self {
        match error {
            NotAdded::Ledger(error) => error.into(),
            error => Self::plain(&error),
        }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        let exit = match &error {
            crate::store::StoreError::Unreachable { .. } | crate::store::StoreError::Hanging { .. } => Exit::Unreachable,
            _ => Exit::Failed,
        };
        Self::new(exit, chain(&error))
    }
}
