//! e.net: SYSPRO's business objects behind a session, over REST.
//!
//! [`Enet`] keeps the one session that an operator may have. Calls are made one after another. A session of another company is logged off
//! first, and an expired session is replaced once. The messages for an expired session are not documented, so they are a setting.

mod condition;
mod error;
mod find;
mod session;
mod session_store;
mod setup;
mod sign_in_check;
mod types;
mod wire;

#[cfg(test)]
mod tests;

pub use error::EnetError;
pub(super) use find::{Find, Finder};
pub use session::{Enet, EnetCall, EnetLogin};
pub use session_store::{Alone, Held, SessionStore};
pub use setup::{SetupOutcome, setup_outcome, unstorable};
pub use sign_in_check::SignInResult;

use futures_util::future::LocalBoxFuture;

use crate::credentials::secret::Credential;
use crate::domain::CompanyId;

/// Sends a query to a business object: the session itself, or the actor that keeps it. Readers have nothing else.
pub trait EnetTransport {
    /// The answer to one query as text. It may contain errors of the business object.
    fn query<'a>(
        &'a self,
        operator: &'a Credential,
        company: &'a CompanyId,
        object: &'static str,
        xml: String,
        asked: String,
    ) -> LocalBoxFuture<'a, Result<String, EnetError>>;
}
