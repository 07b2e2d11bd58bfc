//! What every request has: who asks and why, and the names in it.

use super::refused::Refused;
use crate::domain::reason::Reason;
use crate::process::Process;

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
pub async fn check_names(process: &Process, company: Option<&str>, entity: Option<&str>) -> Result<(), Refused> {
    if company.is_some() || entity.is_some() {
        process.names().await?.check(company, entity)?;
    }
    Ok(())
}
