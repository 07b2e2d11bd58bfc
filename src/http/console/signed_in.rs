//! The signed-in person.

use crate::domain::role::Role;

/// The signed-in person; set by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The key's name, or the person's.
    pub(super) key: String,
    /// The same in the audit, without the address.
    pub(super) who: String,
    /// Whether the person signed in through the provider.
    pub(super) by_provider: bool,
    /// The role.
    pub(super) role: Role,
    /// The token of this session's forms.
    pub(super) csrf: String,
    /// The hash of its cookie, by which the ledger knows it.
    pub(super) hash: [u8; 32],
}
