//! What people can do with Tieline. The HTTP API, the console and the command line are thin callers: they read what is asked for, and say
//! what came of it in their own form.
//!
//! Most operations need the ledger and the definitions alone (`Deps`), and take effect in whatever service runs. Those of [`Service`] need the
//! running process. Each writes its audit row in the transaction that does it; where the work goes on for long, before it begins.

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
pub use service::{RunStarted, Service};

use crate::actors::Deps;
use crate::domain::reason::Reason;

/// Who asks for an operation, and why.
#[derive(Debug, Clone)]
pub struct Requested {
    /// As the audit shows it: `key NAME from ADDRESS`, `user NAME`.
    pub by: String,
    /// Why.
    pub why: Reason,
}

impl Requested {
    /// Somebody asks for something.
    pub fn new(by: impl Into<String>, why: Reason) -> Self {
        Self { by: by.into(), why }
    }
}

/// Checks a company and an entity, as far as they are given.
///
/// # Errors
/// [`Refused::UnknownName`] for one that neither the configuration nor the ledger knows.
pub async fn check_names(deps: &Deps, company: Option<&str>, entity: Option<&str>) -> Result<(), Refused> {
    if company.is_some() || entity.is_some() {
        deps.names().await?.check(company, entity)?;
    }
    Ok(())
}
