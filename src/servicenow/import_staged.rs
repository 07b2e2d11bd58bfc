//! What a staging table, or the table that is transformed into, does not keep of a record: the answer shows no field, so the rows of some
//! records are read back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tracing::{debug, warn};

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;

use super::client::{ServiceNow, Verdict};
use super::compare::{differences, keeps_less};
use super::import_set::staged;
use super::import_verify::passing;
use super::outcome::{FieldDifference, How, OutRecord, Outcome};
use super::query::{self, columns};
use super::staging;
use super::token::TokenSource;

/// Records of a batch whose staging rows are read while a column of the staging table is not proven.
const SAMPLE: usize = 20;

/// Batches whose staging rows were not found before it is given up to prove columns by them.
const MISSES: u32 = 3;

/// Columns of a staging table that are not there are dropped without a word, and texts longer than their column are cut. So the staging rows
/// of some records are read back until each column that is written has been seen filled, and of every record that has the longest text of
/// a column so far; when one shows a difference, those of the whole batch are.
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
        .any(|verdict| !matches!(verdict, Ok(outcome) if !matches!(outcome, Outcome::Deferred { .. } | Outcome::Unknown { .. })))
    {
        return;
    }
    let sn = &sn.impatient();
    let confirmed: Vec<usize> =
        (0..records.len()).filter(|at| matches!(&verdicts[*at], Ok(Outcome::Confirmed { how, .. }) if *how != How::Unchanged)).collect();
    let fields: BTreeMap<usize, BTreeMap<String, String>> = confirmed.iter().map(|at| (*at, filled(target, &records[*at]))).collect();
    let open = sn.shared().proof.open(target, &fields);
    let longest = sn.shared().proof.longest(target, &fields);
    let sample: BTreeSet<usize> = open.unseen.iter().copied().take(SAMPLE).chain(longest).collect();
    let rest: Vec<usize> = open.unseen.union(&open.longer).copied().filter(|at| !sample.contains(at)).collect();
    for (ats, more) in [(sample.into_iter().collect(), true), (rest, false)] {
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
        let mut less = kept_less(sn, tokens, target, &ats, &fields, verdicts).await;
        let mut different = false;
        for at in ats {
            let newest = rows
                .get(records[at].source_key.as_str())
                .and_then(|rows| rows.iter().find(|row| staging::of_version(target, row, &records[at].version).unwrap_or(true)));
            let Some(row) = newest else { continue };
            let sent = &fields[&at];
            let mut found = differences(target, sent.iter().map(|(name, text)| (name.as_str(), text.as_str())), row);
            let less = less.remove(&at).unwrap_or_default();
            let new = less.into_iter().filter(|d| found.iter().all(|known| known.field != d.field)).collect::<Vec<_>>();
            found.extend(new);
            let difference = |name: &str| found.iter().find(|d| d.field == name);
            let kept = |name: &str| difference(name).is_none_or(|d| !d.returned.as_deref().unwrap_or_default().trim().is_empty());
            sn.shared().proof.seen(target, sent.keys().map(String::as_str).filter(|name| kept(name)));
            let whole = sent.iter().filter(|(name, _)| difference(name).is_none());
            sn.shared().proof.whole(target, whole.map(|(name, text)| (name.as_str(), Size::of(text))));
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

/// What the transform's own tables keep less of than was sent: a text that is cut, a number that is rounded. A row that may not be read
/// says nothing.
async fn kept_less(
    sn: &ServiceNow,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    ats: &[usize],
    fields: &BTreeMap<usize, BTreeMap<String, String>>,
    verdicts: &[Verdict],
) -> HashMap<usize, Vec<FieldDifference>> {
    let mut by_table: BTreeMap<&str, Vec<(usize, &SysId)>> = BTreeMap::new();
    for at in ats {
        if let Ok(Outcome::Confirmed { sys_id, table, .. }) = &verdicts[*at] {
            by_table.entry(table).or_default().push((*at, sys_id));
        }
    }
    let mut less = HashMap::new();
    for (table, rows) in by_table.into_iter().filter(|(table, _)| !table.eq_ignore_ascii_case(&target.table)) {
        let ids: Vec<&str> = rows.iter().map(|(_, id)| id.as_str()).collect();
        let found = match query::find_by_id_in(sn, tokens, target, table, &ids).await {
            Ok(found) => found,
            Err(error) => {
                debug!(table, error = error.chain(), "whether the table keeps what was sent could not be read");
                continue;
            }
        };
        for (at, id) in rows {
            let Some(row) = found.values().find(|row| row.sys_id.names(id)) else { continue };
            let kept_less = |(name, sent): (&String, &String)| {
                let there = row.fields.get(name).filter(|there| keeps_less(target.form(name), sent, there))?;
                Some(FieldDifference { field: name.clone(), sent: sent.clone(), returned: Some(there.clone()) })
            };
            // a key that is cut makes two records one row, which is told by the rows
            let told = |name: &String| target.key_column.as_ref() == Some(name);
            less.insert(at, fields[&at].iter().filter(|(name, _)| !told(name)).filter_map(kept_less).collect::<Vec<_>>());
        }
    }
    less
}

/// What of a record its staging row must show.
fn filled(target: &TargetPlan, record: &OutRecord) -> BTreeMap<String, String> {
    staged(target, record).into_iter().filter(|(name, text)| !text.trim().is_empty() && !record.cleared.contains(name)).collect()
}

/// How much room a text needs: what is kept of a longer text, or of a number with more decimals, says that this one is kept too.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    characters: usize,
    decimals: usize,
}

impl Size {
    fn of(text: &str) -> Self {
        let text = text.trim_end();
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = text
            .split_once('.')
            .filter(|(whole, decimals)| digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(decimals))
            .map_or(0, |(_, decimals)| decimals.len());
        Self { characters: text.chars().count(), decimals }
    }

    fn fits(self, other: Self) -> bool {
        self.characters <= other.characters && self.decimals <= other.decimals
    }

    fn or(self, other: Self) -> Self {
        Self { characters: self.characters.max(other.characters), decimals: self.decimals.max(other.decimals) }
    }
}

/// Which columns of staging tables have been seen filled, and how long the texts were that came back whole.
#[derive(Debug, Default)]
pub(super) struct Proof(RefCell<HashMap<String, Columns>>);

#[derive(Debug, Default)]
struct Columns {
    seen: HashMap<String, Size>,
    misses: u32,
    given_up: bool,
}

/// The records of a batch whose staging rows say something new.
#[derive(Debug, Default)]
struct Open {
    /// They fill a column that has not been seen filled.
    unseen: BTreeSet<usize>,
    /// They have a longer text in a column than any that came back whole.
    longer: BTreeSet<usize>,
}

impl Proof {
    fn open(&self, target: &TargetPlan, batch: &BTreeMap<usize, BTreeMap<String, String>>) -> Open {
        let tables = self.0.borrow();
        let columns = tables.get(&target.table);
        let mut open = Open::default();
        if columns.is_some_and(|columns| columns.given_up) {
            return open;
        }
        for (at, sent) in batch {
            let known = |name: &String| columns.and_then(|columns| columns.seen.get(name));
            if sent.keys().any(|name| known(name).is_none()) {
                open.unseen.insert(*at);
            }
            if sent.iter().any(|(name, text)| known(name).is_none_or(|whole| !Size::of(text).fits(*whole))) {
                open.longer.insert(*at);
            }
        }
        open
    }

    /// For each column the records with the longest text and with the most decimals, where these are beyond what came back whole.
    fn longest(&self, target: &TargetPlan, batch: &BTreeMap<usize, BTreeMap<String, String>>) -> BTreeSet<usize> {
        let tables = self.0.borrow();
        let columns = tables.get(&target.table);
        if columns.is_some_and(|columns| columns.given_up) {
            return BTreeSet::new();
        }
        let mut most: HashMap<&str, [(usize, Option<usize>); 2]> = HashMap::new();
        for (at, sent) in batch {
            for (name, text) in sent {
                let whole = columns.and_then(|columns| columns.seen.get(name)).copied().unwrap_or_default();
                let size = Size::of(text);
                let most = most.entry(name).or_insert([(whole.characters, None), (whole.decimals, None)]);
                for (most, size) in most.iter_mut().zip([size.characters, size.decimals]) {
                    if size > most.0 {
                        *most = (size, Some(*at));
                    }
                }
            }
        }
        most.into_values().flatten().filter_map(|(_, at)| at).collect()
    }

    fn seen<'a>(&self, target: &TargetPlan, names: impl Iterator<Item = &'a str>) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        columns.misses = 0;
        for name in names {
            if !columns.seen.contains_key(name) {
                columns.seen.insert(name.to_owned(), Size::default());
            }
        }
    }

    fn whole<'a>(&self, target: &TargetPlan, sizes: impl Iterator<Item = (&'a str, Size)>) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        for (name, size) in sizes {
            if let Some(whole) = columns.seen.get_mut(name) {
                *whole = whole.or(size);
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
            why,
            "staging rows cannot be read, so a column that the staging table does not have, or that is too short, would not be noticed: see \
             `tieline doctor`"
        );
        self.0.borrow_mut().entry(target.table.clone()).or_default().given_up = true;
    }
}
