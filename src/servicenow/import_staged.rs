//! What a staging table does not keep of a record: its answer shows no field, so the staging rows of some records are read back.

use std::collections::{BTreeMap, HashMap};

use tracing::warn;

use crate::definition::plan::TargetPlan;

use super::client::{ServiceNow, Verdict};
use super::compare::differences;
use super::import_set::staged;
use super::import_verify::passing;
use super::lookup::columns;
use super::outcome::{How, OutRecord, Outcome};
use super::staging;
use super::token::TokenSource;

/// Records of a batch whose staging rows are read while a column of the staging table is not proven.
const SAMPLE: usize = 20;

/// Batches whose staging rows were not found before it is given up to prove columns by them.
const MISSES: u32 = 3;

/// Columns of a staging table that are not there are dropped without a word. Until each column that is written has been seen filled, the
/// staging rows of some records are read back; when one shows a difference, those of the whole batch are.
pub(super) async fn staged_as_sent(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    verdicts: &mut [Verdict],
) {
    let Some(key_column) = target.key_column.as_deref() else { return };
    // an instance that asks for time is not asked for more
    if verdicts
        .iter()
        .any(|verdict| !matches!(verdict, Ok(outcome) if !matches!(outcome, Outcome::Deferred { .. } | Outcome::InDoubt { .. })))
    {
        return;
    }
    let sn = &sn.impatient();
    let confirmed: Vec<usize> =
        (0..records.len()).filter(|at| matches!(&verdicts[*at], Ok(Outcome::Confirmed { how, .. }) if *how != How::Unchanged)).collect();
    let mut left: Vec<usize> =
        confirmed.iter().copied().filter(|at| sn.shared().proof.open(target, &staged(target, &records[*at]))).collect();
    let rest = left.split_off(left.len().min(SAMPLE));
    for (ats, more) in [(left, true), (rest, false)] {
        if ats.is_empty() {
            return;
        }
        let keys: Vec<&str> = ats.iter().map(|at| records[*at].source_key.as_str()).collect();
        let rows = match staging::rows_by_key(sn, tokens, target, key_column, &keys, columns(target)).await {
            Ok(rows) => rows,
            Err(error) if passing(&error) => return,
            Err(error) => return sn.shared().proof.give_up(target, &error.chain()),
        };
        if rows.is_empty() {
            return sn.shared().proof.missed(target);
        }
        let mut different = false;
        for at in ats {
            let newest = rows
                .get(records[at].source_key.as_str())
                .and_then(|rows| rows.iter().find(|row| staging::of_version(target, row, records[at].version).unwrap_or(true)));
            let Some(row) = newest else { continue };
            let sent: BTreeMap<String, String> = staged(target, &records[at])
                .into_iter()
                .filter(|(name, text)| !text.trim().is_empty() && !records[at].cleared.contains(name))
                .collect();
            let found = differences(target, sent.iter().map(|(name, text)| (name.as_str(), text.as_str())), row);
            let dropped = |name: &str| found.iter().any(|d| d.field == name && d.returned.as_deref().unwrap_or_default().trim().is_empty());
            sn.shared().proof.seen(target, sent.keys().map(String::as_str).filter(|name| !dropped(name)));
            different |= !found.is_empty();
            if let Ok(Outcome::Confirmed { partial, .. }) = &mut verdicts[at] {
                *partial = found;
            }
        }
        if !different && more {
            return;
        }
    }
}

/// Which columns of staging tables have been seen filled.
#[derive(Debug, Default)]
pub(super) struct Proof(std::cell::RefCell<HashMap<String, Columns>>);

#[derive(Debug, Default)]
struct Columns {
    seen: std::collections::HashSet<String>,
    misses: u32,
    given_up: bool,
}

impl Proof {
    /// Whether something of a record has not been seen yet.
    fn open(&self, target: &TargetPlan, sent: &BTreeMap<String, String>) -> bool {
        let tables = self.0.borrow();
        let Some(columns) = tables.get(&target.table) else { return true };
        !columns.given_up && sent.iter().any(|(name, text)| !text.trim().is_empty() && !columns.seen.contains(name))
    }

    fn seen<'a>(&self, target: &TargetPlan, names: impl Iterator<Item = &'a str>) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        columns.misses = 0;
        for name in names {
            if !columns.seen.contains(name) {
                columns.seen.insert(name.to_owned());
            }
        }
    }

    fn missed(&self, target: &TargetPlan) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        columns.misses += 1;
        if columns.misses >= MISSES {
            drop(tables);
            self.give_up(target, "no staging row carries the key of a record that was just staged");
        }
    }

    fn give_up(&self, target: &TargetPlan, why: &str) {
        warn!(
            table = target.table,
            why, "staging rows cannot be read, so a column that the staging table does not have would not be noticed: see `tieline doctor`"
        );
        self.0.borrow_mut().entry(target.table.clone()).or_default().given_up = true;
    }
}
