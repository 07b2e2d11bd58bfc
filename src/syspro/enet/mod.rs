//! e.net: SYSPRO's business objects behind a session, over REST.
//!
//! [`Enet`] keeps the one session that an operator may have: calls are served one after another, a session bound to another company is
//! logged off first, a session that died is replaced once. What tells a dead session is not public, so it is a setting.

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

/// Whoever can put a query to a business object: the session itself, or the actor that keeps it. Those who read have nothing else in hand.
pub trait EnetTransport {
    /// The text of the answer to one query. It may still hold errors of the business object.
    fn query<'a>(
        &'a self,
        operator: &'a Credential,
        company: &'a CompanyId,
        object: &'static str,
        xml: String,
        asked: String,
    ) -> LocalBoxFuture<'a, Result<String, EnetError>>;
}
