//! Sending to ServiceNow: ends the pauses that it asked for early.

use super::{Refused, Requested};
use crate::process::Process;
use crate::store::Resumed;

/// Ends the pauses that ServiceNow asked for, for every node.
///
/// # Errors
/// An error of the ledger.
pub async fn resume(process: &Process, requested: Requested) -> Result<Resumed, Refused> {
    Ok(process.store.sending_resume(requested.by, requested.why).await?)
}
