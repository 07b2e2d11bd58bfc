//! How connections to Postgres are made, and why none is still being made when the program ends.
//!
//! The pool makes connections on threads of its own. If the program ends while libpq makes one, OpenSSL frees its tables under libpq, and the
//! process dies by SIGSEGV instead of ending with its exit code.

use std::convert::Infallible;
use std::sync::{PoisonError, RwLock, TryLockError};
use std::time::Duration;

use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Error, ManageConnection};

use crate::retry;

/// Held for reading while a connection is made.
static CONNECTING: RwLock<()> = RwLock::new(());

/// How long the end of the program waits for connections: longer than libpq's own limit, `connect_timeout`.
const LONGEST: Duration = Duration::from_secs(6);
/// Time between two checks whether one is still being made.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes the connections of the pool.
#[derive(Debug)]
pub(super) struct Connector(ConnectionManager<PgConnection>);

impl Connector {
    /// For the server at `url`.
    pub(super) fn new(url: String) -> Self {
        Self(ConnectionManager::new(url))
    }
}

impl ManageConnection for Connector {
    type Connection = PgConnection;
    type Error = Error;

    fn connect(&self) -> Result<PgConnection, Error> {
        let _connecting = CONNECTING.read().unwrap_or_else(PoisonError::into_inner);
        self.0.connect()
    }

    fn is_valid(&self, conn: &mut PgConnection) -> Result<(), Error> {
        self.0.is_valid(conn)
    }

    fn has_broken(&self, conn: &mut PgConnection) -> bool {
        self.0.has_broken(conn)
    }
}

/// Waits until no connection is being made, for 6 seconds at most, and lets no other begin. For the very end of the program.
pub fn end_connecting() {
    let take = || {
        Ok::<_, Infallible>(match CONNECTING.try_write() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    };
    let Ok(held) = retry::until_late_blocking(PAUSE, LONGEST, take, Option::is_some);
    std::mem::forget(held);
}

/// A connection error's text without any url that libpq may have quoted in it.
pub(super) fn without_url(text: &str) -> String {
    text.split_whitespace().map(|word| if word.contains("://") { "(url)" } else { word }).collect::<Vec<_>>().join(" ")
}
