//! Where a value of a document is.

/// A value's place: in the root row, or in the child row that is being mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Offset in the root row.
    Root(usize),
    /// Offset in the child row.
    Child(usize),
    /// The company's id.
    Company,
    /// The company's own currency.
    Currency,
}
