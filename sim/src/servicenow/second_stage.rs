//! What goes on after a row has arrived: the workflow behind a staging table takes it through its life or fails it, a daily job deletes
//! old staging rows, and another tries lines again that came before their header. All of it is seen by reading alone.

use std::borrow::Cow;
use std::time::Duration;

use super::import_set::{self, Outcome};
use super::options::{LateFailure, SecondStage, ServiceNowOptions};
use super::reply::Work;
use super::store::{Due, Field, Store, Writer};

/// How often the job that deletes old staging rows comes.
const DAY: Duration = Duration::from_secs(86_400);
/// How the words of a line that came before its header begin.
pub(super) const NO_HEADER: &str = "Target record not found";

/// A row on its way through its life.
#[derive(Debug)]
pub(super) struct Course {
    stage: usize,
    staging: String,
    staged: Option<u32>,
    target: String,
    slot: u32,
    /// The next state.
    step: usize,
    /// The write it began with: a later one starts again.
    begun: u64,
}

/// When the jobs come next, and which course of a row counts.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    stages: Vec<SecondStage>,
    courses: std::collections::HashMap<(String, u32), u64>,
    begun: u64,
    cleaned: i64,
    retried: i64,
}

impl Jobs {
    pub(super) fn new(options: &ServiceNowOptions, now: i64) -> Self {
        Self { stages: options.second_stages.clone(), cleaned: now, retried: now, ..Self::default() }
    }

    /// Which rows fail from now on.
    pub(super) fn set_failures(&mut self, table: &str, failures: &[LateFailure]) {
        for stage in self.stages.iter_mut().filter(|stage| stage.table == table) {
            stage.failures = failures.to_vec();
        }
    }
}

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

/// The jobs whose time has come.
pub(super) fn jobs(store: &mut Store, options: &ServiceNowOptions, work: &mut Work) {
    let now = store.now();
    if now - store.jobs.cleaned >= millis(DAY) {
        store.jobs.cleaned = now;
        for table in store.tables.values_mut().filter(|table| table.schema.staging) {
            let old: Vec<u32> =
                table.iter().filter(|(_, row)| now - row.created >= millis(options.staging_life)).map(|(slot, _)| slot).collect();
            for slot in old {
                table.remove(slot);
            }
        }
    }
    if options.retrigger_every.is_some_and(|every| now - store.jobs.retried >= millis(every)) {
        store.jobs.retried = now;
        retrigger(store, options, work);
    }
}

/// Transforms again, in the order in which they came, the lines that came before their header.
pub(super) fn retrigger(store: &mut Store, options: &ServiceNowOptions, work: &mut Work) {
    let mut failed: Vec<(i64, String, u32)> = Vec::new();
    for (name, table) in store.tables.iter().filter(|(_, table)| table.schema.maps.iter().any(|map| map.parent.is_some())) {
        let lacking = table.iter().filter(|(_, row)| {
            table.text(row, "sys_import_state") == "error" && table.text(row, "sys_import_state_comment").starts_with(NO_HEADER)
        });
        failed.extend(lacking.map(|(slot, row)| (row.created, name.clone(), slot)));
    }
    failed.sort();
    for (_, name, slot) in failed {
        import_set::transform_staged(store, &name, slot, options, work);
    }
}

fn field(column: &str, text: String) -> Field<'_> {
    (Cow::Borrowed(column), Cow::Owned(text))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
