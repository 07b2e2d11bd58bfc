//! What goes on after a row has arrived: the workflow behind a staging table takes it through its life or fails it. All of it is seen by
//! reading alone.

use std::borrow::Cow;
use std::time::Duration;

use super::jobs::Course;
use super::options::{LateFailure, ServiceNowOptions};
use super::outcome::Outcome;
use super::store::{Due, Field, Store, Writer};

/// A transform has made this of a staged row: the workflow takes it on.
pub(super) fn begin(store: &mut Store, staging: &str, staged: Option<u32>, outcome: &Outcome, options: &ServiceNowOptions) {
    let Some(slot) = outcome.target else { return };
    let found = store.jobs.stages.iter().enumerate().find(|(_, stage)| {
        stage.table == staging && (matches!(outcome.state, "inserted" | "updated") || outcome.state == "ignored" && stage.again_unchanged)
    });
    let Some((stage, plan)) = found.map(|(at, stage)| (at, stage.clone())) else { return };
    let first = plan.life.first().cloned().unwrap_or_default();
    let fields = [field(&plan.column, first), field(&plan.error, String::new())];
    // nothing refuses what the system itself writes
    let _ = store.update(&outcome.table, slot, &fields, Writer::Hand, options);
    store.jobs.begun += 1;
    let begun = store.jobs.begun;
    store.jobs.courses.insert((outcome.table.clone(), slot), begun);
    let course = Course { stage, staging: staging.to_owned(), staged, target: outcome.table.clone(), slot, step: 1, begun };
    let at = store.now() + millis(plan.every);
    store.later(at, Due::Move(course));
}

/// The workflow has come to a row: on to its next state, or it fails. `at`: when that was due.
pub(super) fn go_on(store: &mut Store, course: Course, at: i64, options: &ServiceNowOptions) {
    let key = (course.target.clone(), course.slot);
    let Some(plan) = store.jobs.stages.get(course.stage).cloned() else { return };
    // deleted by somebody, or written again since
    let row = store.tables.get(&course.target).and_then(|table| Some((table, table.row(course.slot)?)));
    let (Some((table, row)), true) = (row, store.jobs.courses.get(&key) == Some(&course.begun)) else { return };
    // what is checked is checked once, by the first job that comes
    let failure = plan.failures.iter().find(|failure| course.step == 1 && failure.when.applies(&table.text(row, &failure.column)));
    if let Some(LateFailure { state, message, .. }) = failure {
        let fields = [field(&plan.column, state.clone()), field(&plan.error, message.clone())];
        let _ = store.update(&course.target, course.slot, &fields, Writer::Hand, options);
        let mut words = vec![field(&plan.error, message.clone())];
        if plan.import_state {
            words.extend([field("sys_import_state_comment", message.clone()), field("sys_import_state", "error".to_owned())]);
        }
        if let Some(slot) = course.staged {
            let _ = store.update(&course.staging, slot, &words, Writer::Hand, options);
        }
    } else if let Some(state) = plan.life.get(course.step) {
        let _ = store.update(&course.target, course.slot, &[field(&plan.column, state.clone())], Writer::Hand, options);
        if course.step + 1 < plan.life.len() {
            let next = at + millis(plan.every);
            return store.later(next, Due::Move(Course { step: course.step + 1, ..course }));
        }
    }
    store.jobs.courses.remove(&key);
}

fn field(column: &str, text: String) -> Field<'_> {
    (Cow::Borrowed(column), Cow::Owned(text))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
