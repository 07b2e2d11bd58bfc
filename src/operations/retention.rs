//! Removes what is older than `[retention]` allows, on a person's request. A service does it once a day.

use crate::process::Process;
use crate::process::retention::{Pace, Pass, TableReport};
use crate::store::StoreError;

/// Removes it; answers how many rows of each table.
///
/// # Errors
/// [`StoreError`] of the step that failed; the steps before it stay done.
pub async fn remove(process: &Process, by: String) -> Result<Vec<TableReport>, StoreError> {
    pass(process, by).run(&process.stopping).await
}

/// What [`remove`] would remove.
///
/// # Errors
/// [`StoreError`].
pub async fn count(process: &Process, by: String) -> Result<Vec<TableReport>, StoreError> {
    pass(process, by).count().await
}

/// A person waits for it.
fn pass(process: &Process, by: String) -> Pass {
    Pass { store: process.store.clone(), settings: process.settings.retention.clone(), actor: by, pace: Pace::Fast }
}
