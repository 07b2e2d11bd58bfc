//! What a transform map made of a staged row.

/// How the words of a line that came before its header begin.
pub(super) const NO_HEADER: &str = "Target record not found";

/// What one map made of a row.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) map: String,
    pub(super) table: String,
    pub(super) state: &'static str,
    pub(super) message: String,
    pub(super) target: Option<u32>,
}
