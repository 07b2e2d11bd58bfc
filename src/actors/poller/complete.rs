//! Checks whether a read is complete. When a table that had rows answers with none, or with a fraction, the flow stops before anything is
//! marked as gone or emptied. The decisions are plain functions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::debug;

use super::extent::Extent;
use super::{PollError, Reader};
use crate::definition::Plan;
use crate::domain::Document;
use crate::store::{FlowRow, SmallerTables};
use crate::syspro::Measure;

/// This many rows may always be missing: small tables change.
const FEW: u64 = 5;

/// Whether a table has lost too many rows to be plausible.
pub(super) fn shrunk(before: u64, now: u64, percent: u32) -> bool {
    let lost = before.saturating_sub(now);
    lost >= FEW && lost.saturating_mul(100) > before.saturating_mul(u64::from(percent))
}

/// What is remembered of a flow's tables; stored with the flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sizes {
    /// Rows of the tables joined to the root and of its children, at the last whole read.
    tables: BTreeMap<String, u64>,
    /// A person accepts that a table has fewer rows, until the next whole read has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) accept: bool,
    /// Tables that the service does not count: the rows that were read are counted instead.
    #[serde(skip)]
    uncounted: BTreeSet<String>,
}

impl Sizes {
    /// Counts the rows read of tables that the service does not count.
    pub(super) fn add(&mut self, plan: &Plan, documents: &[Document]) {
        if self.uncounted.is_empty() {
            return;
        }
        let joins = plan.read.joins.iter().map(|join| {
            let width = join.table.columns.iter().filter(|name| !join.table.key.contains(name)).count();
            let any = |document: &&Document| document.root.iter().skip(join.offset).take(width).any(|value| !value.is_blank());
            (&join.table.table, documents.iter().filter(any).count())
        });
        let children = plan.read.children.iter().enumerate().map(|(at, child)| {
            (&child.table.table, documents.iter().filter_map(|document| document.children.get(at)).map(Vec::len).sum::<usize>())
        });
        for (table, rows) in joins.chain(children) {
            if self.uncounted.contains(table) {
                *self.tables.entry(table.clone()).or_default() += rows as u64;
            }
        }
    }

    /// What a person has said of tables with fewer rows.
    pub(super) fn smaller(&self) -> SmallerTables {
        SmallerTables::accepted(self.accept)
    }

    /// Reads what the ledger remembers.
    pub(super) fn of(row: &FlowRow) -> Self {
        row.sizes.clone().and_then(|sizes| serde_json::from_value(sizes).ok()).unwrap_or_default()
    }
}

/// For each table: documents that lost most of their rows of it in this run, and documents that had any.
#[derive(Debug, Default)]
pub(super) struct Emptied {
    tables: HashMap<String, (u64, u64)>,
}

impl Emptied {
    /// Counts one document: its rows of a table before and now.
    pub(super) fn note(&mut self, table: &str, before: usize, now: usize) {
        if before > 0 {
            let (had, lost) = self.tables.entry(table.to_owned()).or_default();
            *had += 1;
            *lost += u64::from(now * 2 < before);
        }
    }

    /// The table of which too many documents lost most of their rows: how many documents lost rows, out of how many.
    pub(super) fn worst(&self, percent: u32) -> Option<(&str, u64, u64)> {
        let tables = self.tables.iter().filter(|(_, (had, lost))| shrunk(*had, had - lost, percent));
        tables.map(|(table, (had, lost))| (table.as_str(), *lost, *had)).max_by_key(|(_, lost, _)| *lost)
    }
}

/// Rows per table in a content: children by their number, joins by whether any of their values is present.
pub(super) fn rows_of(plan: &Plan, content: &str) -> Vec<(String, usize)> {
    let Ok(fields) = serde_json::from_str::<HashMap<String, &RawValue>>(content) else { return Vec::new() };
    let joins = plan.read.joins.iter().map(|join| {
        let names = join.table.columns.iter().filter(|name| !join.table.key.contains(name));
        let any = names.filter_map(|name| fields.get(name.as_str())).any(|raw| raw.get() != "\"\"");
        (join.table.table.clone(), usize::from(any))
    });
    let children = plan.read.children.iter().map(|child| {
        let rows = fields.get(child.name.as_str()).and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
        (child.table.table.clone(), rows.map_or(0, |rows| rows.len()))
    });
    joins.chain(children).collect()
}

impl Reader {
    pub(super) fn percent(&self) -> u32 {
        self.parts.flows.max_shrink_percent
    }

    /// Checks the tables joined to the root and those of its children before the read: a table that answers with nothing, or with a
    /// fraction of its rows, would empty every record. Answers what to remember after a whole read.
    pub(super) async fn sizes_before(&self, plan: &Plan, known: &Sizes, extent: Extent) -> Result<Sizes, PollError> {
        let related = !plan.read.joins.is_empty() || !plan.read.children.is_empty();
        if !related {
            return Ok(Sizes::default());
        }
        if extent == Extent::Changes && (known.accept || known.tables.values().all(|rows| *rows < FEW)) {
            return Ok(known.clone());
        }
        let credential = self.credential().await?;
        let mut sizes = Sizes::default();
        let measure = match extent {
            Extent::Whole => Measure::Count,
            Extent::Changes => Measure::AnyRow,
        };
        for size in self.syspro.sizes(&credential, &self.flow.company, &plan.read, measure).await {
            let before = known.tables.get(&size.table).copied().unwrap_or_default();
            // not counted: there is at least one row, and the read will show how many
            let now = if size.counted || size.rows == 0 { size.rows } else { before };
            if !known.accept && shrunk(before, now, self.percent()) {
                let what = format!("table `{}` had {before} rows at the last full read and now has {now}", size.table);
                return Err(PollError::Shrunk { flow: self.flow.clone(), what });
            }
            debug!(flow = %self.flow, table = size.table, before, now, counted = size.counted, "the size of a table");
            if size.counted {
                sizes.tables.insert(size.table, now);
            } else {
                sizes.uncounted.insert(size.table);
            }
        }
        Ok(sizes)
    }

    /// The number of rows of the root table; `None` where the service does not report it.
    pub(super) async fn count_root(&self, plan: &Plan) -> Result<Option<u64>, PollError> {
        let credential = self.credential().await?;
        self.syspro.count_root(&credential, &self.flow.company, &plan.read).await.map_err(|error| self.syspro_error(&error))
    }
}

/// Whether a whole read returned fewer rows than the counts both before and after it. Rows that come or go during the read change one of
/// the two counts.
pub(super) fn short(before: Option<u64>, after: Option<u64>, read: u64) -> Option<(u64, u64)> {
    let (before, after) = (before?, after?);
    (read < before.min(after)).then_some((before, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_stops_and_a_few_rows_do_not() {
        for (before, now, stops) in [
            (40, 12, true),
            (40, 0, true),
            (5, 0, true),
            (4, 0, false),
            (40, 36, false),
            (1000, 700, false),
            (1000, 699, true),
            (10, 20, false),
        ] {
            assert_eq!(shrunk(before, now, 30), stops, "{before} → {now}");
        }
        assert!(!shrunk(100, 1, 100), "100 percent switches it off");
    }

    #[test]
    fn documents_that_lose_their_lines_are_counted_per_table() {
        let mut emptied = Emptied::default();
        for n in 0..10 {
            emptied.note("ApJnlDistrib", 3, if n < 4 { 0 } else { 3 });
            emptied.note("ApSupplierAddr", 1, 1);
            emptied.note("Notes", 0, 0);
        }
        assert_eq!(emptied.worst(30), None, "four are few");
        emptied.note("ApJnlDistrib", 4, 1);
        assert_eq!(emptied.worst(30), Some(("ApJnlDistrib", 5, 11)));
        assert_eq!(emptied.worst(50), None);
    }

    #[test]
    fn a_read_is_short_when_it_gave_less_than_before_and_after() {
        assert_eq!(short(Some(40), Some(41), 12), Some((40, 41)));
        for (before, after, read) in
            [(Some(40), Some(38), 38), (Some(38), Some(40), 38), (Some(40), Some(40), 45), (None, Some(40), 1), (Some(40), None, 1)]
        {
            assert_eq!(short(before, after, read), None, "{before:?} {after:?} {read}");
        }
    }
}
