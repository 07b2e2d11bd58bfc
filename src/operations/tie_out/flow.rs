//! The tie-out of one flow: reads both sides, compares them, and reads what differs a second time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::warn;

use super::super::tables::{Tables, tables};
use super::{prefix, values};
use crate::actors::servicenow_token::TokenClient;
use crate::definition::plan::TargetPlan;
use crate::definition::record::{place_of, source_key};
use crate::definition::tie_out::PeriodRecord;
use crate::definition::{Definitions, Plan};
use crate::domain::ids::TieOutId;
use crate::domain::{Document, DocumentKey, FlowId, chain};
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::retry::Class;
use crate::servicenow::{ListPosition, ServiceNow, ServiceNowError, StoredRow};
use crate::store::{GoneRecord, NewDifference, StoreError, TieOutBlock, TieOutRow, TieOutSide};
use crate::syspro::{PageQuery, Position, ReadScope, SysproError};

/// Records compared at once, and gone documents read at once.
const PAGE: i64 = 500;
/// Documents read a second time at once, and the most that are: more differences than that have one cause.
const AGAIN: i64 = 50;
const MOST_AGAIN: usize = 5_000;
/// Rows asked for by their keys at once.
const KEYS: usize = 100;

/// The tie-out of one flow.
pub(super) struct FlowWork<'a> {
    pub(super) process: &'a Process,
    pub(super) definitions: &'a Definitions,
    pub(super) plan: &'a Plan,
    pub(super) flow: &'a FlowId,
    pub(super) id: TieOutId,
}

/// What is known of one block.
struct Block<'a> {
    target: &'a TargetPlan,
    tables: Vec<String>,
    /// Fields that some row returned.
    returned: BTreeSet<String>,
    /// Why the sides cannot be compared.
    unverified: Option<String>,
}

impl<'a> Block<'a> {
    fn of(target: &'a TargetPlan) -> Self {
        Self { target, tables: Vec::new(), returned: BTreeSet::new(), unverified: None }
    }
}

/// Why a flow is not compared: a side did not answer, or the ledger failed.
enum Stop {
    Unread(String),
    Ledger(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Ledger(error)
    }
}

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
            let row = TieOutBlock { left_out: Some(why.to_owned()), ..self.stored(&Block::of(target)) };
            self.process.store.tie_out_block(self.id, self.flow.clone(), row).await?;
        }
        Ok(())
    }

    /// Reads and compares. What cannot be read is not verified.
    pub(super) async fn run(&self, link: &SysproLink, servicenow: &ServiceNow, tokens: &TokenClient) -> Result<(), StoreError> {
        match self.compare(link, servicenow, tokens).await {
            Ok(()) => self.judge().await,
            Err(Stop::Unread(why)) => self.unread(&why).await,
            Err(Stop::Ledger(error)) => Err(error),
        }
    }

    async fn judge(&self) -> Result<(), StoreError> {
        let blocks = self.plan.targets.iter().map(|target| (target.block.clone(), target.tie_out.amount.clone())).collect();
        self.process.store.tie_out_judge(self.id, self.flow.clone(), blocks).await
    }

    async fn compare(&self, link: &SysproLink, servicenow: &ServiceNow, tokens: &TokenClient) -> Result<(), Stop> {
        let incomplete = self.read_syspro(link).await?;
        self.read_gone(None).await?;
        let mut blocks = Vec::new();
        for target in &self.plan.targets {
            let mut block = self.block(servicenow, tokens, target).await?;
            block.unverified = block.unverified.or_else(|| incomplete.clone());
            if block.unverified.is_none() {
                self.read_servicenow(servicenow, tokens, &mut block).await?;
                // amounts that cancel each other would seem to agree
                let amount = target.tie_out.amount.as_ref().filter(|name| !block.returned.is_empty() && !block.returned.contains(*name));
                if let (Some(amount), None) = (amount, &block.unverified) {
                    block.unverified = Some(format!("ServiceNow returns no `{amount}`, so no amount was compared"));
                }
            }
            self.store_block(&block).await?;
            if block.unverified.is_none() {
                self.find_differences(target, None).await?;
            }
            blocks.push(block);
        }
        blocks.retain(|block| block.unverified.is_none());
        self.read_again(link, servicenow, tokens, &blocks).await
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
        }
    }

    /// Reads every document of SYSPRO. Answers why the read may not be complete.
    async fn read_syspro(&self, link: &SysproLink) -> Result<Option<String>, Stop> {
        let read = &self.plan.read;
        let count = async || link.reader.count_root(&link.credential, &self.flow.company, read).await.ok().flatten();
        let before = count().await;
        let (mut after, mut rows, mut nameless): (Option<Position>, u64, bool) = (None, 0, false);
        let mut limit = self.process.settings.syspro.page_size;
        loop {
            let query = PageQuery { scope: ReadScope::All, after: after.clone(), limit };
            let page = match link.reader.page(&link.credential, &self.flow.company, read, &query).await {
                Err(error) if error.is_heavy() && limit > 1 => {
                    limit = limit.div_ceil(2);
                    continue;
                }
                page => page.map_err(|error| self.not_read(&error))?,
            };
            rows += page.root_rows;
            nameless |= page.nameless;
            self.keep(TieOutSide::Syspro, self.expected(&page.documents)).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let table = &read.root.table;
        let short = before.zip(count().await).map(|(before, after)| before.min(after)).filter(|counted| rows < *counted);
        Ok(match (nameless, short) {
            (true, _) => Some(format!("a row of SYSPRO's table `{table}` has a key that cannot be read")),
            (_, Some(counted)) => Some(format!("SYSPRO counts {counted} rows of `{table}` and returned {rows}")),
            _ => None,
        })
    }

    fn not_read(&self, error: &SysproError) -> Stop {
        Stop::Unread(format!("SYSPRO could not be read: {}", chain(error)))
    }

    fn not_listed(&self, error: &ServiceNowError) -> Stop {
        Stop::Unread(format!("ServiceNow could not be read: {}", error.chain()))
    }

    /// The records that these documents should make in ServiceNow, by block.
    fn expected(&self, documents: &[Document]) -> RowsByBlock {
        let mut rows = RowsByBlock::new();
        for document in documents {
            let hash = document.hash().0;
            let key = document.key.shortened().unwrap_or_else(|| document.key.clone());
            match self.records(document) {
                Ok(records) => {
                    for record in records {
                        let Some(target) = self.plan.targets.get(record.record.target) else { continue };
                        rows.entry(target.block.clone()).or_default().push(values::expected(target, key.as_str(), hash, &record));
                    }
                }
                Err(problem) => {
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
        rows
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
            let page = self.process.store.tie_out_gone(self.flow.clone(), after, only.map(<[String]>::to_vec), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.document_key.clone();
            let mut rows = RowsByBlock::new();
            let mut periods: (String, Vec<PeriodRecord>) = Default::default();
            for record in page {
                if periods.0 != record.document_key {
                    periods = (record.document_key.clone(), self.last_records(&record));
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
    fn last_records(&self, record: &GoneRecord) -> Vec<PeriodRecord> {
        let Some(content) = &record.content else { return Vec::new() };
        let document = self.plan.content_from_json(DocumentKey::from_text(&record.document_key), content);
        document.ok().and_then(|document| self.records(&document).ok()).unwrap_or_default()
    }

    async fn keep(&self, side: TieOutSide, rows: RowsByBlock) -> Result<(), StoreError> {
        for (block, rows) in rows {
            self.process.store.tie_out_keep(self.id, self.flow.clone(), block, side, rows).await?;
        }
        Ok(())
    }

    /// A block with the tables that finally have its records.
    async fn block(&self, servicenow: &ServiceNow, tokens: &TokenClient, target: &'a TargetPlan) -> Result<Block<'a>, Stop> {
        let (tables, unverified) = match tables(self.process, servicenow, tokens, self.flow, target).await? {
            Tables::Known { tables, .. } => (tables, None),
            Tables::Unknown(why) => (Vec::new(), Some(why)),
        };
        Ok(Block { tables, unverified, ..Block::of(target) })
    }

    async fn read_servicenow(&self, servicenow: &ServiceNow, tokens: &TokenClient, block: &mut Block<'_>) -> Result<(), Stop> {
        let prefix = prefix(self.flow);
        for table in block.tables.clone() {
            let (mut at, mut total, mut seen) = (ListPosition::default(), None, 0);
            loop {
                let page = match servicenow.stored_rows(tokens, block.target, &table, &prefix, at).await {
                    Ok(page) => page,
                    Err(error) if error.class() == Class::Permanent => {
                        block.unverified = Some(format!("ServiceNow's rows could not be read: {}", error.chain()));
                        return Ok(());
                    }
                    Err(error) => return Err(self.not_listed(&error)),
                };
                total = total.or(page.total);
                seen += page.seen;
                self.keep_found(block, &table, page.rows).await?;
                match page.next {
                    Some(next) => at = next,
                    None => break,
                }
            }
            if let Some(hidden) = total.and_then(|total| total.checked_sub(seen)).filter(|hidden| *hidden > 0) {
                block.unverified = Some(format!("{hidden} rows of `{table}` are hidden from the OAuth application's user"));
                return Ok(());
            }
        }
        Ok(())
    }

    async fn keep_found(&self, block: &mut Block<'_>, table: &str, rows: Vec<StoredRow>) -> Result<(), StoreError> {
        for name in rows.iter().flat_map(|row| row.values.keys()) {
            if !block.returned.contains(name) {
                block.returned.insert(name.clone());
            }
        }
        let rows = rows.into_iter().map(|row| values::found(block.target, self.place_of(block.target, &row.source_key), table, row));
        let rows: Vec<TieOutRow> = rows.collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.process.store.tie_out_keep(self.id, self.flow.clone(), block.target.block.clone(), TieOutSide::ServiceNow, rows).await
    }

    /// The record of a row: the document's key and the line's. A key that no record of the flow can have is its own record.
    fn place_of(&self, target: &TargetPlan, key: &str) -> (String, String) {
        let columns = target.child.map(|_| self.plan.read.root.key.len());
        match place_of(&self.flow.company, &self.flow.entity, columns, key) {
            Some((key, line)) => (key.into(), line),
            None => (key.to_owned(), String::new()),
        }
    }

    /// The texts that the rows of a record may have in their key column.
    fn key_of(&self, document_key: &str, record_key: &str) -> String {
        if document_key.starts_with(&prefix(self.flow)) {
            return document_key.to_owned();
        }
        source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(document_key), record_key)
    }

    async fn find_differences(&self, target: &TargetPlan, only: Option<&[String]>) -> Result<(), StoreError> {
        let (store, block) = (&self.process.store, &target.block);
        store.tie_out_sets(self.id, self.flow.clone(), block.clone(), only.map(<[String]>::to_vec)).await?;
        let mut after = (String::new(), String::new());
        loop {
            let only = only.map(<[String]>::to_vec);
            let pairs = store.tie_out_pairs(self.id, self.flow.clone(), block.clone(), only, after, PAGE).await?;
            let Some(last) = pairs.last() else { return Ok(()) };
            after = (last.document_key.clone(), last.record_key.clone());
            let found: Vec<NewDifference> = pairs.iter().flat_map(|pair| values::differences(target, pair)).collect();
            if !found.is_empty() {
                store.tie_out_differ(self.id, self.flow.clone(), block.clone(), found).await?;
            }
        }
    }

    /// Reads the documents that differ again: only a difference that is still there counts.
    async fn read_again(&self, link: &SysproLink, servicenow: &ServiceNow, tokens: &TokenClient, blocks: &[Block<'_>]) -> Result<(), Stop> {
        let store = &self.process.store;
        let (mut after, mut looked) = (String::new(), 0);
        while looked < MOST_AGAIN {
            let documents = store.tie_out_differing(self.id, self.flow.clone(), after, AGAIN).await?;
            let Some(last) = documents.last() else { return Ok(()) };
            after = last.clone();
            looked += documents.len();
            let mut places = store.tie_out_read_again(self.id, self.flow.clone(), documents.clone()).await?;
            let keys: Vec<DocumentKey> = documents.iter().map(DocumentKey::from_text).collect();
            let page = link.reader.by_key(&link.credential, &self.flow.company, &self.plan.read, &keys).await;
            let rows = self.expected(&page.map_err(|error| self.not_read(&error))?.documents);
            let own = |(block, rows): (&String, &Vec<TieOutRow>)| {
                let places = rows.iter().map(|row| (block.clone(), row.document_key.clone(), row.record_key.clone()));
                places.collect::<Vec<_>>()
            };
            places.extend(rows.iter().flat_map(own));
            self.keep(TieOutSide::Syspro, rows).await?;
            self.read_gone(Some(&documents)).await?;
            for block in blocks {
                let of_block = places.iter().filter(|(name, ..)| *name == block.target.block);
                let keys: BTreeSet<String> = of_block.map(|(_, document, record)| self.key_of(document, record)).collect();
                let keys: Vec<String> = keys.into_iter().collect();
                for table in &block.tables {
                    for keys in keys.chunks(KEYS) {
                        let rows = servicenow.stored_rows_by_key(tokens, block.target, table, keys).await;
                        let rows = rows.map_err(|error| self.not_listed(&error))?;
                        self.keep_found(&mut Block::of(block.target), table, rows).await?;
                    }
                }
                self.find_differences(block.target, Some(&documents)).await?;
            }
        }
        Ok(())
    }
}
