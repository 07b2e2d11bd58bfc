//! What SYSPRO answered to a request.

/// A request and the SHA-256 of its answer: of the status and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The address; it contains keys of records and no secret.
    pub address: String,
    /// The digest.
    pub digest: [u8; 32],
}
