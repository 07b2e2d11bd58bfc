//! The session store: records who may use the operator's session, and which session is open.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;

use super::error::EnetError;

/// What is known of the session when it may be used.
#[derive(Debug, Default)]
pub struct Held {
    /// No one else has used the operator since the last call.
    pub ours: bool,
    /// The open session, as recorded.
    pub open: Option<SecretString>,
    /// A logon was started whose answer was not recorded: a session with a lost id may be open. The operator's next logon ends it.
    pub lost: bool,
}

/// Prevents two users of one operator, over processes and machines, and records what a crash leaves open.
pub trait SessionStore {
    /// How often a long call renews what [`SessionStore::hold`] took.
    fn renew_every(&self) -> Duration;

    /// Takes the session before each call. Waits for a holder that may have died; an error when it is alive.
    fn hold<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, Result<Held, EnetError>>;

    /// Records that a logon is about to be sent. An error when that could not be recorded: then it must not be sent.
    fn opening<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, Result<(), EnetError>>;

    /// Records that a session was opened. An error when it may not be used after all.
    fn opened<'a>(&'a self, operator: &'a str, id: &'a SecretString) -> LocalBoxFuture<'a, Result<(), EnetError>>;

    /// Records that no session is open any more.
    fn closed<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, ()>;

    /// Releases the operator for others.
    fn give<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, ()>;
}

/// For a single user of the operator, such as a test.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl SessionStore for Alone {
    fn renew_every(&self) -> Duration {
        Duration::from_secs(86_400)
    }

    fn hold<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Result<Held, EnetError>> {
        Box::pin(std::future::ready(Ok(Held { ours: true, ..Held::default() })))
    }

    fn opening<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn opened<'a>(&'a self, _: &'a str, _: &'a SecretString) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn closed<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn give<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
