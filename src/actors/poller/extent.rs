//! What a flow's own read covers.

/// What a flow's own read covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The whole table: it shows which records are gone.
    Whole,
    /// What may have changed since the last read.
    Changes,
}
