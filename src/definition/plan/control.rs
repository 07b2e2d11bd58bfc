//! What must hold within a document, or between it and another entity.

use crate::domain::EntityName;

use super::Place;
pub use crate::definition::number::TotalControl;

/// One `[[control]]`.
#[derive(Debug, Clone)]
pub struct Control {
    /// Its name, for people.
    pub name: String,
    /// What must hold.
    pub rule: ControlRule,
}

/// What must hold.
#[derive(Debug, Clone)]
pub enum ControlRule {
    /// A total of the root row is the sum of a child's rows.
    Total(TotalControl),
    /// Two amounts of the root row are the same.
    Equal {
        /// Offset of one in the root row.
        one: usize,
        /// Offset of the other.
        other: usize,
    },
    /// The rows of a child add up to zero.
    Zero {
        /// Offset in `ReadPlan::children`.
        child: usize,
        /// Offset in the child's row.
        at: usize,
    },
    /// Another entity has the record whose key is in these columns.
    Exists(ExistsControl),
}

/// A record of another entity that must exist.
#[derive(Debug, Clone)]
pub struct ExistsControl {
    /// The entity.
    pub entity: EntityName,
    /// Offset in `ReadPlan::children` of the rows that refer to it; `None`: the root row does.
    pub child: Option<usize>,
    /// The columns with its key, in order.
    pub key: Vec<Place>,
    /// A condition for it.
    pub active: Option<ActiveWhen>,
}

/// The texts of a column that make a record active.
#[derive(Debug, Clone)]
pub struct ActiveWhen {
    /// The column of the other entity's root row.
    pub column: String,
    /// The accepted texts.
    pub one_of: Vec<String>,
    /// Whether `one_of` has the refused texts instead.
    pub negate: bool,
}
