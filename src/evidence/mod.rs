//! The evidence of the audit in forms that others can check without Tieline: leaves and their Merkle tree (RFC 6962), a manifest for each
//! day, signatures of OpenSSH's form, and tokens of time-stamping authorities.

pub mod directory;
pub mod head;
pub mod leaf;
pub mod manifest;
pub mod merkle;
pub mod signature;
pub mod timestamp;

/// The script with which anybody can check an export: it needs `sha256sum` and `ssh-keygen`.
pub const SCRIPT: &str = include_str!("verify.sh");
