//! The use of an approval, as callers and the statements of a replay know it.

use uuid::Uuid;

use crate::domain::reason::Reason;

/// The execution of an action with records that was approved. The transaction that queues some of them uses the approval, once for each record:
/// an execution that ends early leaves the approval to be used for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedUse {
    /// The number of the approval.
    pub approval: i64,
    /// This execution.
    pub execution: Uuid,
    /// Who executes it.
    pub actor: String,
    /// Why.
    pub why: Reason,
}
