//! What is known of the columns of staging tables: which were seen filled, and the lengths of texts that came back complete.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tracing::warn;

use super::outcome::Written;
use crate::definition::plan::TargetPlan;

/// Batches without a staging row before the attempt to prove columns through them ends.
const MISSES: u32 = 3;

/// The size of a value: if a longer text, or a number with more decimals, was stored completely, this value is too.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Size {
    characters: usize,
    decimals: usize,
}

impl Size {
    pub(super) fn of(text: &str) -> Self {
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

/// Which columns of staging tables have been seen filled, and the lengths of texts that came back complete.
#[derive(Debug, Default)]
pub(super) struct Proof(RefCell<HashMap<String, Columns>>);

#[derive(Debug, Default)]
struct Columns {
    seen: HashMap<String, Size>,
    misses: u32,
    given_up: bool,
}

/// The records of a batch whose staging rows would show something new.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// They fill a column that has not been seen filled yet.
    pub(super) unseen: BTreeSet<usize>,
    /// They have a longer text in a column than any that came back complete.
    pub(super) longer: BTreeSet<usize>,
}

impl Proof {
    /// Whether the columns of the staging table are no longer proven, because its rows cannot be read.
    pub(super) fn has_given_up(&self, target: &TargetPlan) -> bool {
        self.0.borrow().get(&target.table).is_some_and(|columns| columns.given_up)
    }

    pub(super) fn open(&self, target: &TargetPlan, batch: &BTreeMap<usize, Written<'_>>) -> Open {
        let tables = self.0.borrow();
        let columns = tables.get(&target.table);
        let mut open = Open::default();
        if columns.is_some_and(|columns| columns.given_up) {
            return open;
        }
        for (at, sent) in batch {
            let known = |name: &str| columns.and_then(|columns| columns.seen.get(name));
            if sent.iter().any(|(name, _)| known(name).is_none()) {
                open.unseen.insert(*at);
            }
            if sent.iter().any(|(name, text)| known(name).is_none_or(|whole| !Size::of(text).fits(*whole))) {
                open.longer.insert(*at);
            }
        }
        open
    }

    /// For each column, the records with the longest text and with the most decimals, if these exceed what came back complete.
    pub(super) fn longest(&self, target: &TargetPlan, batch: &BTreeMap<usize, Written<'_>>) -> BTreeSet<usize> {
        let tables = self.0.borrow();
        let columns = tables.get(&target.table);
        if columns.is_some_and(|columns| columns.given_up) {
            return BTreeSet::new();
        }
        let mut most: HashMap<&str, [(usize, Option<usize>); 2]> = HashMap::new();
        for (at, sent) in batch {
            for (name, text) in sent.iter() {
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

    pub(super) fn seen<'a>(&self, target: &TargetPlan, names: impl Iterator<Item = &'a str>) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        columns.misses = 0;
        for name in names {
            if !columns.seen.contains_key(name) {
                columns.seen.insert(name.to_owned(), Size::default());
            }
        }
    }

    pub(super) fn whole<'a>(&self, target: &TargetPlan, sizes: impl Iterator<Item = (&'a str, Size)>) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        for (name, size) in sizes {
            if let Some(whole) = columns.seen.get_mut(name) {
                *whole = whole.or(size);
            }
        }
    }

    pub(super) fn missed(&self, target: &TargetPlan) {
        let mut tables = self.0.borrow_mut();
        let columns = tables.entry(target.table.clone()).or_default();
        columns.misses += 1;
        if columns.misses >= MISSES {
            drop(tables);
            self.give_up(target, "no staging row carries the key of a record that was just staged");
        }
    }

    pub(super) fn give_up(&self, target: &TargetPlan, why: &str) {
        warn!(
            table = target.table,
            why,
            "staging rows cannot be read, so a column that the staging table does not have, or that is too short, would not be noticed: see \
             `tieline doctor`"
        );
        self.0.borrow_mut().entry(target.table.clone()).or_default().given_up = true;
    }
}
