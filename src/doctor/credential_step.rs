//! The next step when a credential is not available.

use crate::credentials::credential_store::CredentialError;
use crate::domain::next_step::NextStep;

/// What to do about a credential that is not available.
pub(super) fn credential_step(error: &CredentialError) -> NextStep {
    match error {
        CredentialError::Missing { .. } => NextStep::Credential,
        CredentialError::Undecryptable { .. } => NextStep::KeyFile,
        CredentialError::Store { .. } => NextStep::Database,
        CredentialError::Restarting { .. } => NextStep::Again,
    }
}
