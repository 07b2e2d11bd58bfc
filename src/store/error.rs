//! Errors of the database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::retry::Class;

/// Why a store call failed. A call is one transaction: nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection: the server does not answer, or refuses it.
    #[error("the database cannot be reached: {problem}")]
    Unreachable {
        /// The message of libpq, without the password.
        problem: String,
    },
    /// The server did not answer within `[database] call_timeout_seconds`.
    #[error("the database did not answer within {seconds} s while it was asked to {what}")]
    Hanging {
        /// The step.
        what: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The statement failed.
    #[error("the database refused to {what}")]
    Failed {
        /// The step.
        what: &'static str,
        /// The error of the server.
        #[source]
        source: DieselError,
    },
    /// Another holder has taken over: this one must not write.
    #[error("another node has taken over {what}; nothing of this step was written")]
    Fenced {
        /// The flow or the batch.
        what: String,
    },
    /// Other definitions are in force than the ones used for this step.
    #[error("definitions number {ours} are no longer in force, number {in_force} are; nothing of this step was written")]
    OtherDefinitions {
        /// The number of the definitions that were used.
        ours: i32,
        /// The number of the definitions in force.
        in_force: i32,
    },
    /// The approval of a second person cannot be used for this step.
    #[error(
        "request for approval {number} cannot be used any more: another execution uses it, it was withdrawn, or its time is over; nothing of \
         this step was written: repeat the action, and ask again if `tieline approvals list` does not list it as approved"
    )]
    NotApproved {
        /// The number of the request.
        number: i64,
    },
    /// The schema is newer than this program.
    #[error(
        "the database has migration `{version}`, which this version of tieline does not know: start the newer tieline, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The first unknown migration.
        version: String,
    },
    /// The server is older than the statements require.
    #[error(
        "the database server is PostgreSQL {version}, and tieline needs {needed} or newer: upgrade the server, or name a newer one in `database.url`"
    )]
    OldServer {
        /// The version of the server.
        version: String,
        /// The oldest major version that works.
        needed: i32,
    },
    /// The migrations could not be run.
    #[error("the database could not be brought up to date: {problem}")]
    Migration {
        /// The error of the server.
        problem: String,
    },
    /// The work panicked; the transaction was rolled back.
    #[error("a database step crashed: {what}")]
    Panicked {
        /// The step.
        what: &'static str,
    },
    /// An archive file could not be written.
    #[error("the archive file {} cannot be written; nothing of this step was removed", .path.display())]
    Archive {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The audit has a gap, which a new seal would hide.
    #[error("the audit cannot be sealed: {problem}; `tieline audit verify` names what is missing: restore it from a backup")]
    Unsealable {
        /// What is missing.
        problem: String,
    },
    /// A seal of the audit does not match its rows.
    #[error(
        "seal {seal} of the audit does not match its rows, which were changed: `tieline audit verify` names the first such seal; nothing of this step was removed"
    )]
    BrokenSeal {
        /// Its number.
        seal: i64,
    },
    /// The ledger contains something that this program cannot read.
    #[error("the ledger holds {what} that cannot be read: {problem}")]
    Corrupt {
        /// What it is.
        what: String,
        /// What is wrong.
        problem: String,
    },
}

impl StoreError {
    /// Whether the server ended this transaction because it and another one each waited for a row of the other. Nothing of it was stored,
    /// and it can be repeated at once.
    pub(super) fn is_deadlock(&self) -> bool {
        // diesel has no kind for SQLSTATE 40P01. A server with translated messages is not understood here: its batch is looked up later
        matches!(self, Self::Failed { source: DieselError::DatabaseError(_, said), .. } if said.message().contains("deadlock detected"))
    }

    /// Whether the same call may succeed later.
    pub fn is_passing(&self) -> bool {
        self.class() == Class::Transient
    }

    /// Whether the stored content may be the reason: the server answered with an error that is not about the server itself.
    pub fn is_about_content(&self) -> bool {
        let StoreError::Failed { source, .. } = self else { return false };
        match source {
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                let text = info.message().to_ascii_lowercase();
                // errors about the server itself, by PostgreSQL's texts
                let own = [
                    "timeout",
                    "canceling",
                    "no space",
                    "could not extend",
                    "shutting down",
                    "starting up",
                    "recovery",
                    "deadlock",
                    "memory",
                    "read-only",
                ];
                !own.iter().any(|word| text.contains(word))
            }
            DieselError::DatabaseError(DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation, _) => true,
            DieselError::SerializationError(_) => true,
            _ => false,
        }
    }

    /// What the error means for the next attempt.
    pub fn class(&self) -> Class {
        match self {
            StoreError::Unreachable { .. } | StoreError::Hanging { .. } => Class::Transient,
            StoreError::Failed { source: DieselError::DatabaseError(kind, _), .. } => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation => Class::Bug,
                _ => Class::Transient,
            },
            StoreError::Failed { .. } | StoreError::Panicked { .. } => Class::Bug,
            StoreError::Fenced { .. } | StoreError::OtherDefinitions { .. } | StoreError::Archive { .. } => Class::Transient,
            StoreError::NotApproved { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::OldServer { .. }
            | StoreError::Migration { .. }
            | StoreError::Corrupt { .. }
            | StoreError::BrokenSeal { .. }
            | StoreError::Unsealable { .. } => Class::Permanent,
        }
    }
}

/// The error of a transaction's body: its own, or the statement's.
#[derive(Debug)]
pub(crate) enum TxError {
    Sql(DieselError),
    Store(StoreError),
}

impl From<DieselError> for TxError {
    fn from(error: DieselError) -> Self {
        TxError::Sql(error)
    }
}

impl From<StoreError> for TxError {
    fn from(error: StoreError) -> Self {
        TxError::Store(error)
    }
}

impl TxError {
    pub(crate) fn into_store(self, what: &'static str) -> StoreError {
        match self {
            TxError::Store(error) => error,
            TxError::Sql(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, info)) => {
                StoreError::Unreachable { problem: info.message().to_owned() }
            }
            TxError::Sql(source) => StoreError::Failed { what, source },
        }
    }
}

impl From<TxError> for StoreError {
    fn from(error: TxError) -> Self {
        error.into_store("work")
    }
}
