//! Distinct values of the rows of a child.

/// Columns of a child's rows, each combination once.
#[derive(Debug, Clone)]
pub struct DistinctPlan {
    /// Offset in `ReadPlan::children`.
    pub child: usize,
    /// Offsets in the child's row.
    pub columns: Vec<usize>,
    /// How they are written.
    pub form: DistinctForm,
}

/// How distinct values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistinctForm {
    /// All, with this separator.
    List(String),
    /// The last column if there is only one value; otherwise empty.
    Only,
}
