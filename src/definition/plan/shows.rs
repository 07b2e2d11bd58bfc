//! What lists and sums show of a record.

use super::{Condition, NumberPlan};

/// The values for lists and sums.
#[derive(Debug, Clone, Default)]
pub struct Shows {
    /// The amount.
    pub amount: Option<ShownAmount>,
    /// Offset of its currency in the root row; `None`: the company's own.
    pub currency: Option<usize>,
    /// Offset of the date in the root row.
    pub date: Option<usize>,
}

/// The source of the amount.
#[derive(Debug, Clone)]
pub enum ShownAmount {
    /// A column of the root row, by its offset.
    Column(usize),
    /// The rows of a child.
    Sum(RowSum),
}

/// A sum over the rows of a child.
#[derive(Debug, Clone)]
pub struct RowSum {
    /// Offset in `ReadPlan::children`.
    pub child: usize,
    /// Conditions for rows to be counted: all must hold.
    pub only_if: Vec<Condition>,
    /// The value of each row: these numbers, added up.
    pub each: Vec<RowNumber>,
}

/// A number of a child row.
#[derive(Debug, Clone)]
pub struct RowNumber {
    /// Offset of its column in the child's row.
    pub own: usize,
    /// Its computation.
    pub plan: NumberPlan,
}
