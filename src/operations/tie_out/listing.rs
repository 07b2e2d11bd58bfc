//! ServiceNow's side of a flow: its tables, whether they have changed, and their rows.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use chrono::Utc;
use futures_util::future::join;

use super::super::tables::{Tables, tables};
use super::summed::{SumCheck, Summed};
use super::values::{self, prefix};
use super::work::{Block, FlowWork, Sides, Stop};
use crate::definition::plan::TargetPlan;
use crate::definition::record::place_of;
use crate::retry::Class;
use crate::servicenow::{GroupSums, ListPosition, ServiceNowError, StoredRow};
use crate::store::{StoreError, TieOutFound, TieOutListing};

/// Rows asked for by their keys at once.
const KEYS: usize = 100;

impl<'a> FlowWork<'a> {
    /// A block with the tables that finally have its records. If none of them has changed since it was listed, its rows are known.
    pub(super) async fn block(&self, sides: Sides<'_>, target: &'a TargetPlan) -> Result<Block<'a>, Stop> {
        let unchanged = self.unchanged(sides, target).await?;
        if !unchanged.is_empty() {
            let tables = unchanged.iter().map(|listing| listing.target_table.clone()).collect();
            let returned = unchanged.iter().flat_map(|listing| listing.returned.iter().cloned()).collect();
            let summed = Summed::of(&unchanged);
            return Ok(Block { tables, returned, unchanged, summed, read: true, ..Block::of(target) });
        }
        let (tables, unverified) = match tables(self.process, sides.servicenow, sides.tokens, self.flow, target).await? {
            Tables::Known { tables, .. } => (tables, None),
            Tables::Unknown(why) => (Vec::new(), Some(why)),
        };
        Ok(Block { tables, unverified, ..Block::of(target) })
    }

    /// The tables of a block, if an earlier tie-out listed all of them and none has changed since.
    pub(super) async fn unchanged(&self, sides: Sides<'_>, target: &TargetPlan) -> Result<Vec<TieOutListing>, Stop> {
        if self.fresh {
            return Ok(Vec::new());
        }
        let (store, asked) = (&self.process.store, values::asked(target));
        let listings = store.tie_out_listings(self.flow.clone(), target.block.clone()).await?;
        let listed = |table: &str| listings.iter().any(|one| one.target_table.eq_ignore_ascii_case(table));
        let delivered = store.restored_tables(self.flow.clone()).await?;
        let elsewhere = |table: &str| !table.eq_ignore_ascii_case(&target.table) || target.target_table.eq_ignore_ascii_case(&target.table);
        let mut others = delivered.iter().filter(|one| one.block == target.block && elsewhere(&one.target_table));
        let named = target.target_table.eq_ignore_ascii_case(&target.table) || listed(&target.target_table);
        if listings.is_empty() || !named || !others.all(|one| listed(&one.target_table)) || listings.iter().any(|one| one.asked != asked) {
            return Ok(Vec::new());
        }
        for listing in &listings {
            let vector = self.vectors.cached(self, sides, target, &listing.target_table).await;
            if vector.as_ref() != Some(&listing.vector) {
                return Ok(Vec::new());
            }
        }
        Ok(listings)
    }

    /// Lists ServiceNow's rows of a block, and keeps them.
    pub(super) async fn read_servicenow(&self, sides: Sides<'_>, block: &mut Block<'_>) -> Result<(), Stop> {
        let (store, prefix, listed_at) = (&self.process.store, prefix(self.flow), Utc::now());
        store.tie_out_unlist(self.flow.clone(), block.target.block.clone()).await?;
        let (mut listings, mut wrong) = (Vec::new(), Vec::new());
        for table in block.tables.clone() {
            // asked before the rows: what changes meanwhile is listed again next time
            let vector = self.vectors.cached(self, sides, block.target, &table).await;
            let (mut total, mut seen, mut sums) = (None, 0, GroupSums::default());
            let returned = RefCell::new(BTreeSet::new());
            let list = async |at: ListPosition| sides.servicenow.stored_rows(sides.tokens, block.target, &table, &prefix, at).await;
            let mut coming = Some(list(ListPosition::default()).await);
            while let Some(page) = coming.take() {
                let page = match page {
                    Ok(page) => page,
                    Err(error) if error.class() == Class::Permanent => {
                        block.unverified = Some(format!("ServiceNow's rows could not be read: {}", error.chain()));
                        return Ok(());
                    }
                    Err(error) => return Err(self.not_listed(&error)),
                };
                total = total.or(page.total);
                seen += page.seen;
                sums.merge(page.sums);
                let read_on = async {
                    match page.next {
                        Some(next) => Some(list(next).await),
                        None => None,
                    }
                };
                // a page is stored while the next one is read
                let (kept, next) = join(self.keep_found(block.target, &table, page.rows, &returned), read_on).await;
                kept?;
                coming = next;
            }
            let returned = returned.into_inner();
            block.returned.extend(returned.iter().cloned());
            let check = self.check_sums(sides, block.target, &table, vector.as_deref(), &sums).await;
            let (summed_groups, not_summed) = block.summed.add(&check);
            let hidden = total.and_then(|total| total.checked_sub(seen)).filter(|hidden| *hidden > 0);
            wrong.extend(hidden.map(|hidden| format!("{hidden} rows of `{table}` are hidden from the OAuth application's user")));
            match check {
                SumCheck::Differ(why) => wrong.push(why),
                // listed again next time
                SumCheck::Later(_) => {}
                _ => listings.extend(vector.filter(|_| hidden.is_none()).map(|vector| TieOutListing {
                    target_table: table,
                    asked: values::asked(block.target),
                    vector,
                    returned: returned.into_iter().collect(),
                    listed_at,
                    summed_groups,
                    not_summed,
                })),
            }
        }
        block.read = true;
        if !wrong.is_empty() {
            block.unverified = Some(wrong.join("; "));
        } else if listings.len() == block.tables.len() {
            store.tie_out_listed(self.flow.clone(), block.target.block.clone(), listings).await?;
        }
        Ok(())
    }

    pub(super) async fn keep_found(
        &self,
        target: &TargetPlan,
        table: &str,
        rows: Vec<StoredRow>,
        returned: &RefCell<BTreeSet<String>>,
    ) -> Result<(), StoreError> {
        {
            let mut returned = returned.borrow_mut();
            for name in rows.iter().flat_map(|row| row.values.keys()) {
                if !returned.contains(name) {
                    returned.insert(name.clone());
                }
            }
        }
        let rows = rows.into_iter().map(|row| values::found(target, self.place_of(target, &row.source_key), table, row));
        let mut rows: Vec<TieOutFound> = rows.collect();
        // the newest of a row that came twice
        let mut seen = HashSet::new();
        rows.reverse();
        rows.retain(|row| seen.insert(row.sys_id.clone()));
        if rows.is_empty() {
            return Ok(());
        }
        self.process.store.tie_out_found(self.flow.clone(), target.block.clone(), rows).await
    }

    /// The record of a row: the document's key and the line's. A key that no record of the flow can have is its own record.
    fn place_of(&self, target: &TargetPlan, key: &str) -> (String, String) {
        let columns = target.child.map(|_| self.plan.read.root.key.len());
        match place_of(&self.flow.company, &self.flow.entity, columns, key) {
            Some((key, line)) => (key.into(), line),
            None => (key.to_owned(), String::new()),
        }
    }

    /// Reads the rows of these places a second time. Answers the keys of rows that ServiceNow counts and does not show.
    pub(super) async fn read_rows_again(
        &self,
        sides: Sides<'_>,
        block: &Block<'_>,
        places: &[(String, String, String)],
    ) -> Result<HashSet<String>, Stop> {
        let of_block = places.iter().filter(|(name, ..)| *name == block.target.block);
        let keys: BTreeSet<String> = of_block.map(|(_, document, record)| self.key_of(document, record)).collect();
        let keys: Vec<String> = keys.into_iter().collect();
        let (mut all, returned) = (HashSet::new(), RefCell::default());
        for table in &block.tables {
            for keys in keys.chunks(KEYS) {
                let rows = sides.servicenow.stored_rows_by_key(sides.tokens, block.target, table, keys).await;
                let (rows, hidden) = rows.map_err(|error| self.not_listed(&error))?;
                all.extend(hidden);
                self.keep_found(block.target, table, rows, &returned).await?;
            }
        }
        Ok(all)
    }
    fn not_listed(&self, error: &ServiceNowError) -> Stop {
        Stop::Unread(format!("ServiceNow could not be read: {}", error.chain()))
    }
}
