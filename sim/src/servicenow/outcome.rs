//! The result of a transform map for a staged row.

/// Start of the error message of a line that came before its header.
pub(super) const NO_HEADER: &str = "Target record not found";

/// The result of one transform map for one row.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) map: String,
    pub(super) table: String,
    pub(super) state: &'static str,
    pub(super) message: String,
    pub(super) target: Option<u32>,
}
