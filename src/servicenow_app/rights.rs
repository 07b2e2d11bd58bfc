//! What Tieline does with the rows of the tables that a block of the definitions names. Access rules, lists and steps follow from it.

use crate::definition::plan::WriteMode;

use super::model::Operation;

/// What Tieline does with the rows of the table that a block writes.
///
/// No delivery deletes a row. [`TRIAL_ROW`] is for the diagnostics.
pub fn written(write: WriteMode) -> &'static [Operation] {
    match write {
        WriteMode::Table => &[Operation::Read, Operation::Create, Operation::Write, TRIAL_ROW],
        // a map moves the rows on as the instance itself
        WriteMode::ImportSet => &[Operation::Read, Operation::Create, TRIAL_ROW],
    }
}

/// What Tieline does with the rows of the table behind a staging table: after a lost answer it looks a record up there.
pub const BEHIND: &[Operation] = &[Operation::Read];

/// `tieline doctor` deletes the row by which it tests the right to create. With `--read-only` it creates none, and needs no such right.
pub const TRIAL_ROW: Operation = Operation::Delete;
