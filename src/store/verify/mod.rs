//! Verifying the audit: seals, leaves, signed days, and what events say of other tables.
//!
//! It reads in pages, each a transaction of its own: a long audit does not exceed the time limit of a call, and its memory does not grow.
//! Leaves and seals are only ever added, so the pages fit together. Retention may remove the oldest ones meanwhile.

mod arrivals;
mod columns;
mod content;
mod days;
mod found;
mod keys;
mod measures;

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable};

use self::content::Contents;
use self::days::Days;
use self::found::{Broken, Stop, broken};
use super::audit::{RemovedUpTo, Sealed};
use super::seal::{COLUMNS, Position, START, Seal, SealRow};
use super::{Conn, Store, StoreError, Tx};
use crate::evidence::head::AuditHead;
use crate::evidence::leaf::{EventLine, hash_of};
use crate::evidence::merkle::{Hash, Peaks};

pub(super) use self::columns::agrees;
pub(super) use self::found::LeafRow;
pub use self::found::{EndedLife, SealReport};

/// Leaves that are read at once: each has up to 1,000 records.
const PAGE: i64 = 100;
/// Seals that are read at once.
const SEALS: i64 = 50;
/// For one statement over all events.
const NO_LIMIT: &str = "SELECT set_config('statement_timeout', '0', true)";

#[derive(QueryableByName)]
struct Stray {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    leaf: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// A walk over the audit.
struct Walk<'a> {
    store: &'a Store,
    report: SealReport,
    /// The newest seal so far, and what the next one must follow.
    last: Option<Seal>,
    last_id: i64,
    previous: Vec<u8>,
    tree: Peaks,
    days: Days,
    contents: Contents,
    up_to: Option<RemovedUpTo>,
    /// Heads from outside, by their leaves.
    heads: BTreeMap<i64, Vec<AuditHead>>,
}

impl Store {
    /// Verifies the audit: recomputes the tree and the seals from the events, and compares the signed days, versions, runs, outcomes and keys
    /// with what events say of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_verify(&self) -> Result<SealReport, StoreError> {
        self.audit_verify_against(Vec::new()).await
    }

    /// The same, and compares it with heads that were kept outside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_verify_against(&self, heads: Vec<AuditHead>) -> Result<SealReport, StoreError> {
        let mut by_leaf: BTreeMap<i64, Vec<AuditHead>> = BTreeMap::new();
        for head in heads {
            by_leaf.entry(head.leaf).or_default().push(head);
        }
        let mut walk = Walk {
            store: self,
            report: SealReport::default(),
            last: None,
            last_id: 0,
            previous: vec![0; 32],
            tree: Peaks::default(),
            days: Days::signed_up_to(self.audit_day_newest().await?.map(|row| row.day)),
            contents: Contents::begin(self).await?,
            up_to: self.removed_up_to().await?,
            heads: by_leaf,
        };
        let found = walk.all().await;
        let mut report = walk.report;
        match found {
            Ok(()) => {}
            Err(Stop::Ledger(error)) => return Err(error),
            Err(Stop::Broken(problem)) => {
                report.broken_at = Some(problem.leaf);
                report.problem = Some(problem.text);
            }
        }
        report.leaves = i64::try_from(walk.tree.size()).unwrap_or(i64::MAX);
        report.root = hex::encode(walk.tree.root());
        // a walk that ended early did not come to the others
        if report.broken_at.is_none() {
            report.other_heads.extend(walk.heads.into_values().flatten());
        }
        report.unsealed = self.audit_unsealed().await?;
        Ok(report)
    }

    async fn audit_unsealed(&self) -> Result<i64, StoreError> {
        self.run("count what is not sealed", |conn| {
            let last: Sealed = sql_query(include_str!("../sql/audit_unsealed.sql")).bind::<BigInt, _>(i64::MAX).get_result(conn)?;
            Ok(last.rows)
        })
        .await
    }

    async fn seal_rows(&self, after: i64, limit: i64) -> Result<Vec<SealRow>, StoreError> {
        self.run("verify the audit", move |conn| seal_rows(conn, after, limit)).await
    }

    async fn leaf_rows(&self, after: i64, up_to: i64) -> Result<Vec<LeafRow>, StoreError> {
        self.run("verify the audit", move |conn| {
            Ok(sql_query(include_str!("../sql/leaf_page.sql"))
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(up_to)
                .bind::<BigInt, _>(PAGE)
                .load(conn)?)
        })
        .await
    }

    /// The hashes of leaves, to find the first one that differs from a copy that was kept outside; those of removed events are not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_hashes(&self, first: i64, last: i64) -> Result<Vec<(i64, Hash)>, StoreError> {
        let (mut hashes, mut after) = (Vec::new(), first - 1);
        loop {
            let rows = self.leaf_rows(after, last).await?;
            let Some(newest) = rows.last() else { return Ok(hashes) };
            after = newest.leaf;
            hashes.extend(rows.iter().filter_map(|row| Some((row.leaf, hash_of(row.leaf, row.line.as_deref()?)))));
        }
    }
}

/// Seals after one, in their order.
pub(super) fn seal_rows(conn: &mut Conn, after: i64, limit: i64) -> Tx<Vec<SealRow>> {
    Ok(sql_query(format!("SELECT {COLUMNS} FROM audit_seal s WHERE s.id > $1 ORDER BY s.id LIMIT $2"))
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(conn)?)
}

impl Walk<'_> {
    async fn all(&mut self) -> Result<(), Stop> {
        self.head();
        loop {
            let seals = self.store.seal_rows(self.last_id, SEALS).await?;
            if seals.is_empty() {
                break;
            }
            for row in seals {
                self.seal(row).await?;
            }
        }
        self.strays().await?;
        self.unsealed().await?;
        self.days.check(self.store, self.last.as_ref(), &mut self.report).await?;
        self.contents.check(self.store).await
    }

    /// Whether a head from outside is the one of the tree as it is now.
    fn head(&mut self) {
        let leaf = i64::try_from(self.tree.size()).unwrap_or(i64::MAX);
        let root = self.tree.root();
        for head in self.heads.remove(&leaf).unwrap_or_default() {
            if head.root == root {
                self.report.known_heads += 1;
            } else {
                self.report.other_heads.push(head);
            }
        }
    }

    /// The next seal, with its leaves.
    async fn seal(&mut self, row: SealRow) -> Result<(), Stop> {
        self.report.seals += 1;
        self.report.rows += row.rows;
        let next_leaf = self.last.as_ref().map_or(1, |last| last.last_leaf + 1);
        if row.previous != self.previous {
            let text = if self.previous.iter().all(|byte| *byte == 0) {
                format!("seal {} names a seal before it, and there is none", row.id)
            } else {
                format!("seal {} does not name seal {} as the one before it", row.id, self.last_id)
            };
            return broken(next_leaf, text);
        }
        (self.last_id, self.previous) = (row.id, row.hash.clone());
        if row.removed {
            self.report.removed_seals += 1;
            self.report.removed_rows += row.rows;
            self.removed_by_retention(&row).await?;
        }
        if row.first_leaf.is_none() {
            // of an earlier release, whose events are known by the hash alone
            self.contents.is_partial = true;
            return Ok(());
        }
        let Some(seal) = row.seal() else {
            return broken(next_leaf, format!("seal {} has no tree of its leaves", row.id));
        };
        self.follows(&seal, &row, next_leaf)?;
        self.days.begin(&seal);
        if row.removed {
            self.nothing_left(&seal).await?;
            self.heads.retain(|leaf, _| *leaf < seal.first_leaf || *leaf >= seal.last_leaf);
            self.contents.is_partial = true;
            self.days.removed(&seal);
            self.tree = seal.tree.clone();
            self.head();
        } else if !self.leaves(&seal).await? {
            // removed since it was read
            self.report.removed_seals += 1;
            self.report.removed_rows += row.rows;
            self.contents.is_partial = true;
            self.days.removed(&seal);
            self.tree = seal.tree.clone();
        }
        if let Some(why) = &seal.mark {
            let (first_leaf, last_leaf) = (seal.first_leaf, seal.last_leaf);
            self.report.ended_lives.push(EndedLife { life: seal.life, first_leaf, last_leaf, why: why.clone() });
        }
        self.last = Some(seal);
        Ok(())
    }

    /// Whether a seal is the next one after the last.
    fn follows(&self, seal: &Seal, row: &SealRow, next_leaf: i64) -> Result<(), Stop> {
        if seal.hash().as_slice() != row.hash {
            return broken(next_leaf, format!("seal {} was changed: its hash is not that of what it says", seal.id));
        }
        if seal.first_leaf != next_leaf {
            return broken(next_leaf, format!("seal {} begins with leaf {}, and leaf {next_leaf} comes next", seal.id, seal.first_leaf));
        }
        let Some(last) = &self.last else {
            return if seal.from == START { Ok(()) } else { broken(next_leaf, "the first seal does not begin with the first event") };
        };
        if seal.id != last.id + 1 {
            return broken(next_leaf, format!("seal {} follows seal {}: the seals between are missing", seal.id, last.id));
        }
        let (from, life) = if last.mark.is_some() { (START, last.life + 1) } else { (last.to, last.life) };
        if seal.life != life || seal.from != from {
            return broken(next_leaf, format!("seal {} does not begin where seal {} ended", seal.id, last.id));
        }
        if seal.day < last.day {
            return broken(next_leaf, format!("seal {} is of {}, and seal {} of {}", seal.id, seal.day, last.id, last.day));
        }
        Ok(())
    }

    /// Whether an event says that retention removed the events of a seal.
    async fn removed_by_retention(&mut self, row: &SealRow) -> Result<(), Stop> {
        let is = |up_to: Option<&RemovedUpTo>| match up_to {
            Some(up_to) if row.id == up_to.last => hex::encode(&row.hash) == up_to.hash,
            Some(up_to) => row.id < up_to.last,
            None => false,
        };
        if !is(self.up_to.as_ref()) {
            // a pass may have removed its events since this was read
            self.up_to = self.store.removed_up_to().await?;
            if !is(self.up_to.as_ref()) {
                let text = format!("the events of seal {} were removed, and no event says that retention removed them", row.id);
                return broken(row.first_leaf.unwrap_or_default(), text);
            }
        }
        Ok(())
    }

    /// Of a seal whose events were removed nothing is left.
    async fn nothing_left(&self, seal: &Seal) -> Result<(), Stop> {
        let (first, last) = (seal.first_leaf, seal.last_leaf);
        let left = self
            .store
            .run("verify the audit", move |conn| {
                let sql = "SELECT EXISTS (SELECT FROM audit_leaf WHERE leaf BETWEEN $1 AND $2) AS yes";
                let found: Exists = sql_query(sql).bind::<BigInt, _>(first).bind::<BigInt, _>(last).get_result(conn)?;
                Ok(found.yes)
            })
            .await?;
        if left { broken(first, format!("the events of seal {} were removed, and it has leaves again", seal.id)) } else { Ok(()) }
    }

    /// The leaves of a seal; false: retention has removed them since the seal was read.
    async fn leaves(&mut self, seal: &Seal) -> Result<bool, Stop> {
        let (mut rows, mut last_place) = (0, None);
        let mut next = seal.first_leaf;
        while next <= seal.last_leaf {
            let page = self.store.leaf_rows(next - 1, seal.last_leaf).await?;
            let missing = page.first().is_none_or(|row| row.leaf != next || row.id.is_none());
            if missing && self.is_removed_now(seal).await? {
                return Ok(false);
            }
            if page.is_empty() {
                return broken(next, format!("leaf {next} of seal {} is missing", seal.id));
            }
            let mut lines = Vec::with_capacity(page.len());
            for row in &page {
                let line = self.leaf(seal, row, next)?;
                let place = (row.xid.unwrap_or_default(), row.event_id);
                if last_place.is_some_and(|last: Position| last >= place) || place < seal.from || place >= seal.to {
                    return broken(next, format!("event {} is not at its place in the order of the transactions", row.event_id));
                }
                last_place = Some(place);
                rows += i64::from(row.records.unwrap_or_default());
                self.days.add(next, row.line.as_deref().unwrap_or_default());
                self.tree.push(hash_of(next, row.line.as_deref().unwrap_or_default()));
                self.head();
                lines.push((next, line));
                next += 1;
            }
            self.contents.page(self.store, &lines, &mut self.report).await?;
        }
        if rows != seal.rows {
            return broken(seal.first_leaf, format!("seal {} says {} audit rows, and its events have {rows}", seal.id, seal.rows));
        }
        if self.tree != seal.tree {
            let text = format!("the leaves {} to {} do not give the hash of seal {}", seal.first_leaf, seal.last_leaf, seal.id);
            return broken(seal.first_leaf, text);
        }
        Ok(true)
    }

    /// A leaf that must have this number; answers with what its line says.
    fn leaf<'r>(&self, seal: &Seal, row: &'r LeafRow, number: i64) -> Result<EventLine<'r>, Stop> {
        if row.leaf != number {
            return broken(number, format!("leaf {number} of seal {} is missing", seal.id));
        }
        if row.id.is_none() {
            return broken(number, format!("the event {} of leaf {number} is missing", row.event_id));
        }
        if row.life != Some(seal.life) {
            return broken(number, format!("event {} is of another life than its seal", row.event_id));
        }
        columns::line_of(row).map_err(|problem| Stop::Broken(Broken { leaf: number, text: problem }))
    }

    async fn is_removed_now(&self, seal: &Seal) -> Result<bool, Stop> {
        let now = self.store.seal_rows(seal.id - 1, 1).await?;
        match now.first() {
            Some(row) if row.removed && row.id == seal.id => Ok(true),
            _ => Ok(false),
        }
    }

    /// Leaves and events that no seal covers and none will.
    async fn strays(&self) -> Result<(), Stop> {
        let (leaf, event) = self
            .store
            .without_time_limit()
            .run("verify the audit", |conn| {
                sql_query(NO_LIMIT).execute(conn)?;
                let beyond: Number = sql_query(
                    "SELECT min(leaf) AS number FROM audit_leaf \
                     WHERE leaf > (SELECT coalesce(max(last_leaf), 0) FROM audit_seal) \
                        OR leaf < (SELECT coalesce(min(first_leaf), 1) FROM audit_seal WHERE removed_at IS NULL)",
                )
                .get_result(conn)?;
                let stray: Vec<Stray> = sql_query(include_str!("../sql/stray_events.sql")).load(conn)?;
                Ok((beyond.number, stray.into_iter().next()))
            })
            .await?;
        if let Some(leaf) = leaf {
            return broken(leaf, format!("leaf {leaf} has no seal"));
        }
        match event {
            Some(Stray { id, leaf }) => broken(leaf, format!("event {id} was put where everything is sealed, and has no leaf")),
            None => Ok(()),
        }
    }

    /// Events that are not sealed yet: nothing proves them, but their columns must agree with their lines.
    async fn unsealed(&mut self) -> Result<(), Stop> {
        let Some(life) = self.store.life_now().await.map(|(life, _)| life.number).ok() else { return Ok(()) };
        let mut from = match &self.last {
            Some(seal) if seal.life == life && seal.mark.is_none() => seal.to,
            _ => START,
        };
        loop {
            let page: Vec<LeafRow> = self
                .store
                .run("verify the audit", move |conn| {
                    Ok(sql_query(include_str!("../sql/unsealed_page.sql"))
                        .bind::<Integer, _>(life)
                        .bind::<BigInt, _>(from.0)
                        .bind::<BigInt, _>(from.1)
                        .bind::<BigInt, _>(PAGE)
                        .load(conn)?)
                })
                .await?;
            let Some(last) = page.last() else { return Ok(()) };
            from = (last.xid.unwrap_or_default(), last.event_id + 1);
            let mut lines = Vec::with_capacity(page.len());
            for row in &page {
                let line = columns::line_of(row).map_err(|problem| Stop::Broken(Broken { leaf: 0, text: problem }))?;
                lines.push((0, line));
            }
            self.contents.page(self.store, &lines, &mut self.report).await?;
        }
    }
}
