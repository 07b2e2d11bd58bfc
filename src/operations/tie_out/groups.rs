//! The sums of a tie-out by supplier, account or document type.

use crate::operations::Refused;
use crate::process::Process;
use crate::store::{TieOutGroup, TieOutGroups};

/// A page of groups.
///
/// # Errors
/// An error of the ledger.
pub async fn groups(process: &Process, filter: TieOutGroups) -> Result<Vec<TieOutGroup>, Refused> {
    Ok(process.store.tie_out_groups(filter).await?)
}

/// The difference of both sides: of the amounts, or of the records where there are none.
pub fn difference(group: &TieOutGroup) -> String {
    if group.currency.is_empty() { group.records_difference().to_string() } else { group.difference().to_string() }
}
