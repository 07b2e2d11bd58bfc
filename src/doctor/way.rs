//! How the checks reach both systems, and what they may do there.

use crate::actors::system::Access;

/// The access to both systems.
#[derive(Clone)]
pub enum Way {
    /// Own access, as in a command: with its own token and session, if nobody else uses the operator.
    Own,
    /// Through the service's actors, which keep the token and the session.
    Service(Access),
}

/// What the checks may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckScope {
    /// Nothing is created, not even for a moment.
    ReadOnly,
    /// One row is created in each target table and deleted again, which proves the right to create.
    Create,
}
