//! The operations for people. The HTTP API, the console and the command line only call them: they read the request, and present the result
//! in their own form.
//!
//! Most operations need only the ledger and the definitions (`Deps`), and take effect in any running service. The operations of [`Service`]
//! need the running process. Each writes its audit row in the same transaction; for longer work, before the work starts.

pub mod backfill;
pub mod conflict;
pub mod explain;
pub mod failures;
pub mod flow;
pub mod hold;
pub mod outdated;
mod refused;
pub mod replay;
pub mod resend;
pub mod sending;
mod service;

pub use refused::{Class, Interface, Refused};
pub use service::{RunStarted, Service, note_diagnostics};

use crate::actors::Deps;
use crate::domain::reason::Reason;

/// The person who requests an operation, and the reason.
#[derive(Debug, Clone)]
pub struct Requested {
    /// The name in the audit: `key NAME from ADDRESS`, `user NAME`.
    pub by: String,
    /// The reason.
    pub why: Reason,
}

impl Requested {
    /// A request of this person.
    pub fn new(by: impl Into<String>, why: Reason) -> Self {
        Self { by: by.into(), why }
    }
}

/// Checks a company and an entity, if given.
///
/// # Errors
/// [`Refused::UnknownName`] for one that neither the configuration nor the ledger contains.
pub async fn check_names(deps: &Deps, company: Option<&str>, entity: Option<&str>) -> Result<(), Refused> {
    if company.is_some() || entity.is_some() {
        deps.names().await?.check(company, entity)?;
    }
    Ok(())
}
