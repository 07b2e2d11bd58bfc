//! The second stage: after a transform, a workflow moves the target row from state to state, or fails it. A caller sees this only when it
//! reads the rows again.

use std::borrow::Cow;
use std::time::Duration;

use super::jobs::SecondStageRow;
use super::options::{LateFailure, ServiceNowOptions};
use super::outcome::Outcome;
use super::store::{Due, Field, Store, Writer};

/// Starts the second stage for a row that a transform has written.
pub(super) fn start(store: &mut Store, staging: &str, staged: Option<u32>, outcome: &Outcome, options: &ServiceNowOptions) {
    let Some(slot) = outcome.target else { return };
    let found = store.jobs.stages.iter().enumerate().find(|(_, stage)| {
        stage.table == staging && (matches!(outcome.state, "inserted" | "updated") || outcome.state == "ignored" && stage.again_unchanged)
    });
    let Some((stage, plan)) = found.map(|(at, stage)| (at, stage.clone())) else { return };
    let first = plan.life.first().cloned().unwrap_or_default();
    let fields = [field(&plan.column, first), field(&plan.error, String::new())];
    // the system's own writes are never refused
    let _ = store.update(&outcome.table, slot, &fields, Writer::Hand, options);
    store.jobs.started += 1;
    let started = store.jobs.started;
    store.jobs.current.insert((outcome.table.clone(), slot), started);
    let row_state = SecondStageRow { stage, staging: staging.to_owned(), staged, target: outcome.table.clone(), slot, step: 1, started };
    let at = store.now() + millis(plan.every);
    store.later(at, Due::Advance(row_state));
}

/// Moves a row to its next state, or fails it. `at`: when that was due, in milliseconds since 1970.
pub(super) fn advance(store: &mut Store, row_state: SecondStageRow, at: i64, options: &ServiceNowOptions) {
    let key = (row_state.target.clone(), row_state.slot);
    let Some(plan) = store.jobs.stages.get(row_state.stage).cloned() else { return };
    // the row was deleted, or written again since
    let row = store.tables.get(&row_state.target).and_then(|table| Some((table, table.row(row_state.slot)?)));
    let (Some((table, row)), true) = (row, store.jobs.current.get(&key) == Some(&row_state.started)) else { return };
    // the checks run once, before the second state
    let failure = plan.failures.iter().find(|failure| row_state.step == 1 && failure.when.applies(&table.text(row, &failure.column)));
    if let Some(LateFailure { state, message, .. }) = failure {
        let fields = [field(&plan.column, state.clone()), field(&plan.error, message.clone())];
        let _ = store.update(&row_state.target, row_state.slot, &fields, Writer::Hand, options);
        let mut words = vec![field(&plan.error, message.clone())];
        if plan.import_state {
            words.extend([field("sys_import_state_comment", message.clone()), field("sys_import_state", "error".to_owned())]);
        }
        if let Some(slot) = row_state.staged {
            let _ = store.update(&row_state.staging, slot, &words, Writer::Hand, options);
        }
    } else if let Some(state) = plan.life.get(row_state.step) {
        let _ = store.update(&row_state.target, row_state.slot, &[field(&plan.column, state.clone())], Writer::Hand, options);
        if row_state.step + 1 < plan.life.len() {
            let next = at + millis(plan.every);
            return store.later(next, Due::Advance(SecondStageRow { step: row_state.step + 1, ..row_state }));
        }
    }
    store.jobs.current.remove(&key);
}

fn field(column: &str, text: String) -> Field<'_> {
    (Cow::Borrowed(column), Cow::Owned(text))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
