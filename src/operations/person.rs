//! People who signed in through the OpenID provider: who they are, and whose name another account may have.

use crate::domain::reason::Reason;
use crate::process::Process;
use crate::store::{PersonFreed, PersonRow, StoreError};

/// Why a name was not freed.
#[derive(Debug, thiserror::Error)]
pub enum NotFreed {
    /// Nobody has it.
    #[error("nobody who signed in through a provider has the name `{0}`; `tieline person list` lists the names")]
    Missing(String),
    /// People of several providers have it.
    #[error("people of {} have the name `{name}`; say whose is free with `--issuer`", .issuers.join(" and "))]
    Several {
        /// The name.
        name: String,
        /// The providers.
        issuers: Vec<String>,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Frees the name of a person whose account at the provider no longer exists, and ends the person's sessions.
///
/// # Errors
/// [`NotFreed`].
pub async fn free(process: &Process, issuer: Option<&str>, name: &str, why: Reason, by: String) -> Result<PersonRow, NotFreed> {
    match process.store.person_free(issuer.map(str::to_owned), name.to_owned(), why, by).await? {
        PersonFreed::Done(row) => Ok(*row),
        PersonFreed::Missing => Err(NotFreed::Missing(name.to_owned())),
        PersonFreed::Several(issuers) => Err(NotFreed::Several { name: name.to_owned(), issuers }),
    }
}
