//! The tie-out of one flow: reads both sides, compares them, and reads what differs a second time.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::future::try_join;
use tracing::warn;

use super::controls::Controls;
use super::repeat::Reading;
use super::values::{self, prefix};
use super::work::{AGAIN, Block, FlowWork, Sides, Stop};
use crate::definition::plan::TargetPlan;
use crate::definition::record::source_key;
use crate::definition::tie_out::PeriodRecord;
use crate::domain::{Document, DocumentKey, chain};
use crate::process::syspro_link::SysproLink;
use crate::store::{NewDifference, StoreError, TieOutAmong, TieOutBlock, TieOutRow, TieOutSide};
use crate::syspro::page_size::PageSize;
use crate::syspro::{Page, PageQuery, Position, ReadScope, SysproError};

/// Records compared at once, and gone documents read at once.
pub(super) const PAGE: i64 = 500;
/// The most documents that are read a second time: more differences than that have one cause.
const MOST_AGAIN: usize = 5_000;

/// Rows of one side, by block.
type RowsByBlock = BTreeMap<String, Vec<TieOutRow>>;

impl<'a> FlowWork<'a> {
    /// Stores that a side did not answer, so that nothing of the flow could be compared.
    pub(super) async fn unread(&self, why: &str) -> Result<(), StoreError> {
        warn!(flow = %self.flow, why, "the flow could not be compared");
        for target in &self.plan.targets {
            let block = Block { unverified: Some(why.to_owned()), ..Block::of(target) };
            let row = TieOutBlock { unread: true, ..self.stored(&block) };
            self.process.store.tie_out_block(self.id, self.flow.clone(), row).await?;
        }
        // a part of a side makes no sum
        self.process.store.tie_out_drop(self.id, self.flow.clone()).await
    }

    /// Stores that a tie-out does not compare this flow.
    pub(super) async fn left_out(&self, why: &str) -> Result<(), StoreError> {
        for target in &self.plan.targets {
            self.leave_out(target, why).await?;
        }
        Ok(())
    }

    async fn leave_out(&self, target: &TargetPlan, why: &str) -> Result<(), StoreError> {
        let row = TieOutBlock { left_out: Some(why.to_owned()), ..self.stored(&Block::of(target)) };
        self.process.store.tie_out_block(self.id, self.flow.clone(), row).await
    }

    /// Whether the records of a target count in this tie-out.
    pub(super) fn counts(&self, target: &TargetPlan) -> bool {
        self.period.is_none() || target.tie_out.period.is_some()
    }

    /// Reads and compares. What cannot be read is not verified.
    pub(super) async fn run(&self, sides: Sides<'_>) -> Result<(), StoreError> {
        if !self.plan.targets.iter().any(|target| self.counts(target)) {
            return self.left_out("its records have no fiscal period, and the tie-out is of one period alone").await;
        }
        let done = async {
            let reading = self.reading(sides.link).await;
            if self.take_over(sides, &reading).await? {
                return Ok(());
            }
            let reading = Reading::begin(&self.process.store, self.id, sides.link, reading).await?;
            let complete = self.compare(sides, reading.as_ref()).await?;
            self.judge().await?;
            match reading.filter(|_| complete) {
                Some((_, reading)) => Ok(reading.end(&self.process.store).await?),
                None => Ok(()),
            }
        };
        match done.await {
            Ok(()) => Ok(()),
            Err(Stop::Unread(why)) => self.unread(&why).await,
            Err(Stop::Ledger(error)) => Err(error),
        }
    }

    async fn judge(&self) -> Result<(), StoreError> {
        let targets = self.plan.targets.iter().filter(|target| self.counts(target));
        let blocks = targets.map(|target| ((target.block.clone(), target.tie_out.groups.clone()), target.tie_out.amount.clone())).collect();
        self.process.store.tie_out_judge(self.id, self.flow.clone(), blocks, self.period).await
    }

    /// Compares both sides. Answers whether all of SYSPRO's records were read.
    async fn compare(&self, sides: Sides<'_>, reading: Option<&(SysproLink, Reading)>) -> Result<bool, Stop> {
        let traced = reading.map_or(sides, |(link, _)| Sides { link, ..sides });
        let incomplete = self.read_syspro(traced, reading.map(|(_, reading)| reading)).await?;
        self.read_gone(None).await?;
        let mut blocks = Vec::new();
        for target in &self.plan.targets {
            if !self.counts(target) {
                self.leave_out(target, "its records have no fiscal period, and the tie-out is of one period alone").await?;
                continue;
            }
            let mut block = self.block(sides, target).await?;
            block.unverified = block.unverified.or_else(|| incomplete.clone());
            // with a part of SYSPRO's records, everything else would seem to be too much
            block.read &= incomplete.is_none();
            if block.unverified.is_none() && block.unchanged.is_empty() {
                self.read_servicenow(sides, &mut block).await?;
            }
            if block.unverified.is_none() {
                // amounts that cancel each other would seem to agree
                let amount = target.tie_out.amount.as_ref().filter(|name| !block.returned.is_empty() && !block.returned.contains(*name));
                if let Some(amount) = amount {
                    block.unverified = Some(format!("ServiceNow returns no `{amount}`, so no amount was compared"));
                    block.read = false;
                }
            }
            self.store_block(&block).await?;
            if block.read {
                self.place_extras(target, None).await?;
                self.find_differences(target, None).await?;
            }
            blocks.push(block);
        }
        blocks.retain(|block| block.read);
        // its answers are kept, too: the results follow from both reads
        self.read_again(traced, blocks).await?;
        Ok(incomplete.is_none())
    }

    async fn store_block(&self, block: &Block<'_>) -> Result<(), StoreError> {
        self.process.store.tie_out_block(self.id, self.flow.clone(), self.stored(block)).await
    }

    fn stored(&self, block: &Block<'_>) -> TieOutBlock {
        let not_compared = if block.returned.is_empty() { Vec::new() } else { values::not_compared(block.target, &block.returned) };
        TieOutBlock {
            company: self.flow.company.to_string(),
            entity: self.flow.entity.to_string(),
            block: block.target.block.clone(),
            tables: block.tables.clone(),
            not_compared,
            unverified: block.unverified.clone(),
            unread: false,
            left_out: None,
            watermark: None,
            without_period: 0,
            summed_groups: block.summed.groups(),
            not_summed: block.summed.not_summed(),
            listed_at: block.unchanged.iter().map(|listing| listing.listed_at).min(),
            read_at: None,
        }
    }

    /// Reads every document of SYSPRO. Answers why the read may not be complete.
    async fn read_syspro(&self, sides: Sides<'_>, reading: Option<&Reading>) -> Result<Option<String>, Stop> {
        let (read, link) = (&self.plan.read, sides.link);
        let count = async || link.reader.count_root(&link.credential, &self.flow.company, read).await.ok().flatten();
        let before = count().await;
        let (mut rows, mut nameless) = (0, false);
        let mut size = PageSize::new(self.process.settings.syspro.page_size);
        let mut controls = Controls::of(self);
        let mut coming = Some(self.syspro_page(sides, None, &mut size).await?);
        while let Some(page) = coming.take() {
            rows += page.root_rows;
            nameless |= page.nameless;
            size.learn(page.rows_read);
            let (expected, next) = (self.expected(&page.documents), page.next.clone());
            // a page is stored while the next one is read
            let keep = async {
                controls.check(self, sides, &page.documents, &expected.in_period).await?;
                if let Some(reading) = reading {
                    reading.keep(&self.process.store).await?;
                }
                Ok(self.keep(TieOutSide::Syspro, expected.rows).await?)
            };
            let read_on = async {
                match next {
                    Some(next) => self.syspro_page(sides, Some(next), &mut size).await.map(Some),
                    None => Ok(None),
                }
            };
            ((), coming) = try_join(keep, read_on).await?;
        }
        controls.store(self).await?;
        let table = &read.root.table;
        let short = before.zip(count().await).map(|(before, after)| before.min(after)).filter(|counted| rows < *counted);
        Ok(match (nameless, short) {
            (true, _) => Some(format!("a row of SYSPRO's table `{table}` has a key that cannot be read")),
            (_, Some(counted)) => Some(format!("SYSPRO counts {counted} rows of `{table}` and returned {rows}")),
            _ => None,
        })
    }

    /// One page of SYSPRO's documents, with fewer of them where they take too much memory.
    async fn syspro_page(&self, sides: Sides<'_>, after: Option<Position>, size: &mut PageSize) -> Result<Page, Stop> {
        let (read, link) = (&self.plan.read, sides.link);
        // derived documents come all at once and are small: only the rows behind them are paged
        let derived = read.root.derive.is_some();
        loop {
            let limit = if derived { self.process.settings.syspro.page_size } else { size.documents() };
            let query = PageQuery { scope: ReadScope::All, after: after.clone(), limit };
            match link.reader.page(&link.credential, &self.flow.company, read, &query).await {
                Err(error) if error.is_heavy() && !derived && size.shrink() => {}
                page => return page.map_err(|error| self.not_read(&error)),
            }
        }
    }

    pub(super) fn not_read(&self, error: &SysproError) -> Stop {
        Stop::Unread(format!("SYSPRO could not be read: {}", chain(error)))
    }

    /// The records that these documents should make in ServiceNow.
    fn expected(&self, documents: &[Document]) -> Expected {
        let (mut rows, mut in_period) = (RowsByBlock::new(), Vec::with_capacity(documents.len()));
        for document in documents {
            let hash = document.hash().0;
            let key = document.key.shortened().unwrap_or_else(|| document.key.clone());
            match self.records(document) {
                Ok(records) => {
                    let of = |record: &PeriodRecord| self.period.is_none_or(|period| period.has(record.year, record.period));
                    in_period.push(self.period.is_none() || records.iter().any(of));
                    for record in records {
                        let Some(target) = self.plan.targets.get(record.record.target) else { continue };
                        rows.entry(target.block.clone()).or_default().push(values::expected(target, key.as_str(), hash, &record));
                    }
                }
                Err(problem) => {
                    in_period.push(self.period.is_none());
                    let Some(target) = self.plan.targets.first() else { continue };
                    rows.entry(target.block.clone()).or_default().push(TieOutRow {
                        document_key: key.as_str().to_owned(),
                        document_hash: Some(hash),
                        fields: "{}".into(),
                        unmapped: Some(problem),
                        ..TieOutRow::default()
                    });
                }
            }
        }
        Expected { rows, in_period }
    }

    fn records(&self, document: &Document) -> Result<Vec<PeriodRecord>, String> {
        if document.key.shortened().is_some() {
            return Err("its key is too long for the ledger".to_owned());
        }
        let lists = &self.definitions.code_lists;
        // no actor isolates a panic here, and the other records must be compared
        catch_unwind(AssertUnwindSafe(|| self.plan.records_by_period(&self.flow.company, document, lists)))
            .map_err(|_| "mapping this document crashed".to_owned())?
            .map_err(|error| error.to_string())
    }

    /// Reads from the ledger what SYSPRO no longer has, of these documents only, if given.
    async fn read_gone(&self, only: Option<&[String]>) -> Result<(), Stop> {
        let mut after = String::new();
        loop {
            let page = self.process.store.tie_out_gone(self.id, self.flow.clone(), after, only.map(<[String]>::to_vec), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.document_key.clone();
            let mut rows = RowsByBlock::new();
            let mut periods: (String, Vec<PeriodRecord>) = Default::default();
            for record in page {
                if periods.0 != record.document_key {
                    periods = (record.document_key.clone(), self.last_records(&record.document_key, record.content.as_deref()));
                }
                let Some((at, target)) = self.plan.targets.iter().enumerate().find(|(_, target)| target.block == record.block) else {
                    continue;
                };
                let was = periods.1.iter().find(|one| one.record.target == at && one.record.record_key == record.record_key);
                let period = was.map_or((None, None), |one| (one.year, one.period));
                let row = values::gone(target, (record.document_key, record.record_key), &record.payload, period);
                rows.entry(record.block).or_default().push(row);
            }
            self.keep(TieOutSide::Gone, rows).await?;
        }
    }

    /// The records of a document's last content.
    fn last_records(&self, key: &str, content: Option<&str>) -> Vec<PeriodRecord> {
        self.last_document(key, content).and_then(|document| self.records(&document).ok()).unwrap_or_default()
    }

    /// A document as the ledger last read it.
    pub(super) fn last_document(&self, key: &str, content: Option<&str>) -> Option<Document> {
        self.plan.content_from_json(DocumentKey::from_text(key), content?).ok()
    }

    /// Finds the fiscal periods of ServiceNow's rows without a record, by the last content of their documents.
    async fn place_extras(&self, target: &TargetPlan, only: Option<&[String]>) -> Result<(), StoreError> {
        if target.tie_out.year.is_none() {
            return Ok(());
        }
        let Some(at) = self.plan.targets.iter().position(|one| one.block == target.block) else { return Ok(()) };
        let (store, block) = (&self.process.store, &target.block);
        let mut after = (String::new(), String::new());
        loop {
            let only = only.map(<[String]>::to_vec);
            let page = store.tie_out_extras(self.id, self.flow.clone(), block.clone(), only, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.target_table.clone(), last.sys_id.clone());
            let mut records: (String, Vec<PeriodRecord>) = Default::default();
            let mut places = Vec::new();
            for extra in page {
                if records.0 != extra.document_key {
                    records = (extra.document_key.clone(), self.last_records(&extra.document_key, Some(&extra.content)));
                }
                let was = records.1.iter().find(|one| one.record.target == at && one.record.record_key == extra.record_key);
                if let Some((year, period)) = was.map(|one| (one.year, one.period)) {
                    places.push((extra.document_key, extra.record_key, year, period));
                }
            }
            store.tie_out_place(self.flow.clone(), block.clone(), places).await?;
        }
    }

    async fn keep(&self, side: TieOutSide, rows: RowsByBlock) -> Result<(), StoreError> {
        for (block, rows) in rows {
            self.process.store.tie_out_keep(self.id, self.flow.clone(), block, side, rows).await?;
        }
        Ok(())
    }

    /// The text that the rows of a record have in their key column.
    pub(super) fn key_of(&self, document_key: &str, record_key: &str) -> String {
        if document_key.starts_with(&prefix(self.flow)) {
            return document_key.to_owned();
        }
        source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(document_key), record_key)
    }

    async fn find_differences(&self, target: &TargetPlan, only: Option<&[String]>) -> Result<(), StoreError> {
        let (store, block) = (&self.process.store, &target.block);
        let among = TieOutAmong { documents: only.map(<[String]>::to_vec), period: self.period };
        store.tie_out_sets(self.id, self.flow.clone(), block.clone(), among.clone()).await?;
        let mut after = (String::new(), String::new());
        loop {
            let pairs = store.tie_out_pairs(self.id, self.flow.clone(), block.clone(), among.clone(), after, PAGE).await?;
            let Some(last) = pairs.last() else { return Ok(()) };
            after = (last.document_key.clone(), last.record_key.clone());
            let found: Vec<NewDifference> = pairs.iter().flat_map(|pair| values::differences(target, pair)).collect();
            if !found.is_empty() {
                store.tie_out_differ(self.id, self.flow.clone(), block.clone(), found).await?;
            }
        }
    }

    /// Reads the documents that differ again: only a difference that is still there counts.
    async fn read_again(&self, sides: Sides<'_>, mut blocks: Vec<Block<'_>>) -> Result<(), Stop> {
        let store = &self.process.store;
        let (mut after, mut looked) = (String::new(), 0);
        while looked < MOST_AGAIN {
            let documents = store.tie_out_differing(self.id, self.flow.clone(), after, AGAIN).await?;
            let Some(last) = documents.last() else { return Ok(()) };
            after = last.clone();
            if looked == 0 {
                // a table that still has not changed need not be read a second time
                for block in blocks.iter_mut().filter(|block| !block.unchanged.is_empty()) {
                    self.ask_again(sides, block).await;
                }
            }
            looked += documents.len();
            let unchanged = blocks.iter().filter(|block| !block.unchanged.is_empty()).map(|block| block.target.block.clone()).collect();
            let mut places = store.tie_out_read_again(self.id, self.flow.clone(), documents.clone(), unchanged).await?;
            let keys: Vec<DocumentKey> = documents.iter().map(DocumentKey::from_text).collect();
            let page = sides.link.reader.by_key(&sides.link.credential, &self.flow.company, &self.plan.read, &keys).await;
            let page = page.map_err(|error| self.not_read(&error))?;
            let rows = self.expected(&page.documents).rows;
            let own = |(block, rows): (&String, &Vec<TieOutRow>)| {
                let places = rows.iter().map(|row| (block.clone(), row.document_key.clone(), row.record_key.clone()));
                places.collect::<Vec<_>>()
            };
            places.extend(rows.iter().flat_map(own));
            self.keep(TieOutSide::Syspro, rows).await?;
            self.read_gone(Some(&documents)).await?;
            let mut hidden = HashSet::new();
            for block in &blocks {
                if block.unchanged.is_empty() {
                    hidden.extend(self.read_rows_again(sides, block, &places).await?);
                    self.place_extras(block.target, Some(&documents)).await?;
                }
                self.find_differences(block.target, Some(&documents)).await?;
            }
            self.find_causes(sides, &blocks, &documents, &page.documents, &hidden).await?;
        }
        Ok(())
    }

    /// Asks again whether the tables of a block have changed. If they have, their rows are read a second time, as any others.
    async fn ask_again(&self, sides: Sides<'_>, block: &mut Block<'_>) {
        for listing in &block.unchanged {
            if self.vectors.fresh(self, sides, block.target, &listing.target_table).await.as_ref() != Some(&listing.vector) {
                block.unchanged.clear();
                return;
            }
        }
    }
}

/// What documents should make in ServiceNow.
struct Expected {
    /// The records.
    rows: RowsByBlock,
    /// For each document, whether it has a record in the fiscal period that counts.
    in_period: Vec<bool>,
}
