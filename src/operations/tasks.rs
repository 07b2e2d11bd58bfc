//! The tasks in ServiceNow for what people must look at.

use super::{Refused, check_names};
use crate::domain::task::TaskState;
use crate::process::Process;
use crate::store::{TaskFilter, TaskRow};

/// Tasks, the newest first.
///
/// # Errors
/// [`Refused::UnknownName`]; an error of the ledger.
pub async fn list(process: &Process, filter: TaskFilter) -> Result<Vec<TaskRow>, Refused> {
    check_names(process, filter.company.as_deref(), filter.entity.as_deref()).await?;
    Ok(process.store.task_list(filter).await?)
}

/// Where a task stands, for people.
pub fn state_words(row: &TaskRow) -> &'static str {
    match row.state {
        TaskState::Due => "not in ServiceNow yet",
        TaskState::Open => "open",
        TaskState::ClosedThere => "closed in ServiceNow, and not resolved",
        TaskState::Missing => "deleted or hidden in ServiceNow, and not resolved",
        TaskState::Resolving => "resolved, and not closed in ServiceNow yet",
        TaskState::Closed => "closed",
    }
}
