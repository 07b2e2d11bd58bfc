//! Work that comes due: delayed transforms, second stages, a daily job that deletes old staging rows, and a job that transforms again the
//! lines that came before their header.

use std::time::Duration;

use super::import_set::{self, Totals};
use super::options::ServiceNowOptions;
use super::outcome::NO_HEADER;
use super::reply::Work;
use super::second_stage::{self, millis};
use super::store::{Due, Store};

/// Interval of the job that deletes old staging rows.
const DAY: Duration = Duration::from_secs(86_400);

/// Does all work that is due.
pub(super) fn settle(store: &mut Store, options: &ServiceNowOptions) -> Work {
    let (time, mut work) = (store.now(), Work::default());
    while store.due.front().is_some_and(|(at, _)| *at <= time) {
        let Some((at, due)) = store.due.pop_front() else { break };
        match due {
            Due::Transform { staging, slot, run } => {
                let outcomes = import_set::transform_staged(store, &staging, slot, options, &mut work);
                if let (Some(run), false) = (run, outcomes.is_empty()) {
                    let mut totals = Totals::load(store, run);
                    outcomes.iter().for_each(|outcome| totals.add(outcome.state));
                    totals.save(store, run, options);
                }
            }
            Due::Advance(row_state) => second_stage::advance(store, row_state, at, options),
        }
    }
    jobs(store, options, &mut work);
    work
}

/// Runs the jobs that are due.
fn jobs(store: &mut Store, options: &ServiceNowOptions, work: &mut Work) {
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
