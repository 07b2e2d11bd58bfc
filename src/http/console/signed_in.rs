//! The signed-in person.

use crate::domain::role::Role;

/// The signed-in person; set by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The key's name.
    pub(super) key: String,
    /// Its role.
    pub(super) role: Role,
    /// The token of this session's forms.
    pub(super) csrf: String,
    /// The hash of its cookie, by which the ledger knows it.
    pub(super) hash: [u8; 32],
}
