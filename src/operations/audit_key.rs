//! Changes the key that signs the audit.

use super::{Refused, Requested};
use crate::process::Process;
use crate::process::evidence::{ChangedKey, Evidence};

/// Makes another key, which signs from the next day on; the present one signs that day too.
///
/// # Errors
/// [`Refused::KeyNotChanged`]; an error of the ledger or of the master key.
pub async fn change(process: &Process, requested: Requested) -> Result<ChangedKey, Refused> {
    Ok(Evidence::of(process).change_key(requested.by, requested.why.to_string()).await?)
}
