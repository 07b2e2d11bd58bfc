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
mod transport;
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
pub use transport::EnetTransport;
