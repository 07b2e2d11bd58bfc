//! Why sending stopped.

use crate::domain::chain;
use crate::retry::Class;
use crate::servicenow::ServiceNowError;
use crate::store::StoreError;

/// Why sending stopped. Nothing is lost: the current batch is queued again, or its outcome is unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// ServiceNow refuses or cannot be reached.
    #[error("{text}")]
    ServiceNow {
        /// The whole chain of causes.
        text: String,
        /// What the error means for the next attempt.
        class: Class,
    },
    /// The ledger does not answer.
    #[error("{text}")]
    Store {
        /// The whole chain of causes.
        text: String,
    },
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        WriteError::Store { text: chain(&error) }
    }
}

impl From<ServiceNowError> for WriteError {
    fn from(error: ServiceNowError) -> Self {
        WriteError::ServiceNow { text: error.chain(), class: error.class() }
    }
}
