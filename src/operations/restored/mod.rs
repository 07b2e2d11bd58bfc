//! After a restore, compares ServiceNow with the ledger, before any flow runs.
//!
//! A part that matches the ledger counts as confirmed. A part that does not is read from SYSPRO again, completely, and sent. Rows that the
//! ledger does not know are adopted by their keys. Every step stores its progress in the ledger, so that a killed process continues there.

mod judge;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use self::judge::judge;
use crate::actors::servicenow_token::TokenClient;
use crate::actors::system::ActorSystem;
use crate::definition::Plan;
use crate::definition::plan::{TargetPlan, WriteMode};
use crate::definition::record::{place_of, source_key};
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::life::{ComparisonState, Life};
use crate::domain::{DocumentKey, FlowId};
use crate::process::Process;
use crate::process::mode::Mode;
use crate::retry::{self, Class};
use crate::servicenow::{ListPosition, ServiceNow, ServiceNowError};
use crate::store::{
    BlockTable, ComparedPage, ComparedPart, Exclusive, FlowStatus, RecordedPart, RestoredPart, RestoredRow, RowOwner, RowPlace, StoreError,
    UnknownRow,
};
use crate::supervision::guard::RestartPolicy;

/// Documents compared at once, and rows adopted at once.
const PAGE: i64 = 500;
/// The most rows without a record that are named, and how much of their keys is logged.
const NAMED: usize = 10;
const KEY_SHOWN: usize = 100;
/// How long running work may take to finish.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// Time between two checks whether the nodes in the backup are silent.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The result for one flow.
#[derive(Debug, Serialize)]
pub struct ComparedFlow {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// Whether the configuration contains the flow; if not, it is not compared.
    pub configured: bool,
    /// Parts in ServiceNow that match the ledger.
    pub adopted: i64,
    /// Parts, and records that were in progress, that are sent again.
    pub again: i64,
    /// Rows that the ledger did not know: adopted by their keys.
    pub unknown: i64,
    /// Blocks that could not be compared, each with the reason: all that was delivered of them is sent again.
    pub unreadable: BTreeMap<String, String>,
    /// The first rows with keys that no record of this flow can have, by table and sys_id: they are not changed.
    pub left_alone: Vec<String>,
    /// Why it does not run although it was compared, and how to make it run.
    pub stopped: Option<String>,
}

/// Why a comparison did not end. What it compared is stored, and the next one continues there.
#[derive(Debug, thiserror::Error)]
pub enum NotCompared {
    /// Another process of this node runs.
    #[error("another process of this node is running: stop the service first, then compare")]
    NodeAtWork,
    /// Another process makes the comparison.
    #[error(
        "another `tieline restored` is comparing this ledger; wait until it has ended. If it was stopped, run this command again: it continues there"
    )]
    Comparing,
    /// Nodes run flows on this ledger; holds their names.
    #[error("other nodes run flows on this ledger ({}): stop them first, then compare", .0.join(", "))]
    OtherNodes(Vec<String>),
    /// The connection that holds the comparison was lost.
    #[error(
        "the connection that locks out other comparisons was lost; no data is lost; run `tieline restored` again, and it continues here"
    )]
    LockLost,
    /// ServiceNow did not answer, or only an error that passes.
    #[error(
        "ServiceNow's rows of {flow} could not be read: {why}; no flow runs until this succeeds. Run `tieline restored` again: it \
         continues there"
    )]
    Unreachable {
        /// The flow.
        flow: FlowId,
        /// The answer.
        why: String,
    },
    /// Nothing can be asked with these settings.
    #[error("{0}")]
    Settings(String),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Compares all flows, one by one; then they may run. `own_name`: the name under which this process is the only one of its node; `None`
/// beside another one. `by`: the person, for the audit.
///
/// # Errors
/// [`NotCompared`].
pub async fn compare(process: &Process, own_name: Option<&str>, by: &str) -> Result<Vec<ComparedFlow>, NotCompared> {
    let own_name = own_name.ok_or(NotCompared::NodeAtWork)?;
    let lock = process.store.exclusive(Exclusive::Comparison).await?.ok_or(NotCompared::Comparing)?;
    alone(process, own_name).await?;
    let life = match process.store.life() {
        Some(life) if life.compared_at.is_none() => life,
        // a restore without any trace, such as a snapshot of the whole machine
        _ => process.store.life_check(None, Some(by.to_owned())).await?.0,
    };
    let system =
        ActorSystem::start(process, RestartPolicy::default(), Mode::Command).map_err(|error| NotCompared::Settings(error.to_string()))?;
    let done = all_flows(process, &system.tokens, &life, by).await;
    system.stop(STOP_DEADLINE).await;
    let mut compared = done?;
    for row in process.flow_status().await? {
        if let Some(flow) = compared.iter_mut().find(|flow| flow.configured && flow.company == row.company && flow.entity == row.entity) {
            flow.stopped = not_yet(&row);
        }
    }
    // a node may have been starting during the first check
    alone(process, own_name).await?;
    let _lock = lock.still_held().await.ok_or(NotCompared::LockLost)?;
    let summary = serde_json::to_value(&compared).unwrap_or_default();
    process.store.restored_done(life.number, by.to_owned(), summary).await?;
    Ok(compared)
}

/// Why a flow does not run although it was compared: it was stopped before for a reason other than the restore.
fn not_yet(row: &FlowStatus) -> Option<String> {
    let resume = format!("`tieline flow resume {} {} --why …`", row.company, row.entity);
    match (&row.stopped, &row.paused_by) {
        (Some(why), _) => Some(format!("it was stopped before the comparison: {why}. After you have corrected that, {resume} resumes it")),
        (None, Some(by)) => Some(format!("{by} paused it; {resume} resumes it")),
        (None, None) => None,
    }
}

/// Waits until no other node shows itself: the nodes in the backup are silent, and stay so.
async fn alone(process: &Process, own_name: &str) -> Result<(), NotCompared> {
    let ask = async || -> Result<Vec<String>, NotCompared> {
        let nodes = process.store.node_list(UNRESPONSIVE_AFTER).await?;
        Ok(nodes.into_iter().filter(|node| node.alive && node.name != own_name).map(|node| node.name).collect())
    };
    let patience = UNRESPONSIVE_AFTER + UNRESPONSIVE_AFTER / 2;
    let alive = retry::until_late(CHECK_EVERY, patience, ask, Vec::is_empty).await?;
    if alive.is_empty() { Ok(()) } else { Err(NotCompared::OtherNodes(alive)) }
}

async fn all_flows(process: &Process, tokens: &TokenClient, life: &Life, by: &str) -> Result<Vec<ComparedFlow>, NotCompared> {
    let servicenow = ServiceNow::new(&process.settings.servicenow).map_err(|error| NotCompared::Settings(error.chain()))?;
    let definitions = process.definitions.now();
    let mut compared = Vec::new();
    for flow in process.flows() {
        let Some(plan) = definitions.plan(&flow.entity) else { continue };
        let work = Work { process, tokens, servicenow: &servicenow, life, flow: &flow, plan, by };
        let result = work.run().await?;
        info!(%flow, adopted = result.adopted, again = result.again, unknown = result.unknown, "compared with ServiceNow");
        compared.push(result);
    }
    for flow in process.store.restored_flows().await? {
        if definitions.plan(&flow.entity).is_none() || !process.settings.syspro.companies.contains(&flow.company) {
            compared.push(set_aside(process, life, &flow, by).await?);
        }
    }
    Ok(compared)
}

/// A flow that the configuration does not contain cannot be compared, because its tables are not known. So none of it counts as delivered,
/// its unsent deliveries are dropped, and it stays stopped until it was compared.
async fn set_aside(process: &Process, life: &Life, flow: &FlowId, by: &str) -> Result<ComparedFlow, NotCompared> {
    let own = async || -> Result<Option<RestoredPart>, NotCompared> {
        let parts = process.store.restored_parts(life.number, flow.clone(), Vec::new()).await?;
        Ok(parts.into_iter().find(|part| part.block.is_empty()))
    };
    if let Some(part) = own().await?.filter(|part| part.state == ComparisonState::Open) {
        let mut after = part.after;
        loop {
            let recorded = process.store.restored_recorded(flow.clone(), after, PAGE).await?;
            let Some(last) = recorded.last() else { break };
            after = last.key.clone();
            let again = recorded.iter().filter_map(|part| {
                let (block, record_key) = (part.block.clone()?, part.record_key.clone()?);
                Some(ComparedPart { document_id: part.document_id, block, record_key, row: None })
            });
            let page = ComparedPage { last_key: after.clone(), again: again.collect(), aligned: true, ..ComparedPage::default() };
            process.store.restored_compared(life.number, flow.clone(), page).await?;
        }
        process.store.restored_flow_aside(life.number, flow.clone(), by.to_owned()).await?;
        warn!(%flow, "not configured, so not compared: its pending records are dropped, and the flow is stopped");
    }
    Ok(ComparedFlow {
        company: flow.company.to_string(),
        entity: flow.entity.to_string(),
        configured: false,
        adopted: 0,
        again: own().await?.map_or(0, |part| part.again),
        unknown: 0,
        unreadable: BTreeMap::new(),
        left_alone: Vec::new(),
        stopped: None,
    })
}

/// The comparison of one flow.
struct Work<'a> {
    process: &'a Process,
    tokens: &'a TokenClient,
    servicenow: &'a ServiceNow,
    life: &'a Life,
    flow: &'a FlowId,
    plan: &'a Plan,
    by: &'a str,
}

impl Work<'_> {
    async fn run(&self) -> Result<ComparedFlow, NotCompared> {
        let tables = match self.parts(Vec::new()).await? {
            begun if begun.len() > 1 => Vec::new(),
            _ => self.tables().await?,
        };
        let mut parts = self.parts(tables).await?;
        let mut left_alone = Vec::new();
        for part in parts.iter().filter(|part| !part.block.is_empty() && part.state == ComparisonState::Open) {
            if let Some(target) = self.plan.targets.iter().find(|target| target.block == part.block) {
                self.read(target, part).await?;
            }
        }
        if parts.iter().any(|part| part.block.is_empty() && part.state == ComparisonState::Open) {
            parts = self.parts(Vec::new()).await?;
            self.compare(&parts).await?;
            left_alone = self.adopt().await?;
            self.process.store.restored_flow_done(self.life.number, self.flow.clone(), self.by.to_owned()).await?;
        }
        let parts = self.parts(Vec::new()).await?;
        let own = parts.iter().find(|part| part.block.is_empty());
        let number = |of: fn(&RestoredPart) -> i64| own.map_or(0, of);
        Ok(ComparedFlow {
            company: self.flow.company.to_string(),
            entity: self.flow.entity.to_string(),
            configured: true,
            adopted: number(|part| part.adopted),
            again: number(|part| part.again),
            unknown: number(|part| part.unknown),
            unreadable: parts.iter().filter_map(|part| Some((part.block.clone(), part.said.clone()?))).collect(),
            left_alone,
            stopped: None,
        })
    }

    async fn parts(&self, tables: Vec<BlockTable>) -> Result<Vec<RestoredPart>, NotCompared> {
        Ok(self.process.store.restored_parts(self.life.number, self.flow.clone(), tables).await?)
    }

    fn prefix(&self) -> String {
        format!("{}/{}/", self.flow.company, self.flow.entity)
    }

    /// The tables with records of this flow, by block. The transform decides where the records of a staging table go: the ledger has this
    /// for what was delivered, and the staging rows for what came after the backup.
    async fn tables(&self) -> Result<Vec<BlockTable>, NotCompared> {
        let mut tables: BTreeSet<BlockTable> = self.process.store.restored_tables(self.flow.clone()).await?.into_iter().collect();
        tables.retain(|of| {
            let target = self.plan.targets.iter().find(|target| target.block == of.block);
            target.is_some_and(|target| target.write == WriteMode::ImportSet && !of.target_table.eq_ignore_ascii_case(&target.table))
        });
        for target in &self.plan.targets {
            let own = |table: &str| BlockTable { block: target.block.clone(), target_table: table.to_owned() };
            if target.write == WriteMode::Table || !target.target_table.eq_ignore_ascii_case(&target.table) {
                tables.insert(own(&target.target_table));
                continue;
            }
            match self.servicenow.landed(self.tokens, target, &self.prefix()).await {
                Ok(landed) => tables.extend(landed.iter().map(|table| own(table))),
                Err(error) if error.class() == Class::Permanent => {
                    warn!(flow = %self.flow, table = target.table, why = error.chain(), "the targets of staging rows cannot be read");
                }
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
        Ok(tables.into_iter().collect())
    }

    fn unreachable(&self, error: &ServiceNowError) -> NotCompared {
        NotCompared::Unreachable { flow: self.flow.clone(), why: error.chain() }
    }

    /// Reads the rows of a block with keys of this flow. A temporary error ends the command, which can then be started again. If rows
    /// cannot be read at all, that is stored, and all of the block is sent again.
    async fn read(&self, target: &TargetPlan, part: &RestoredPart) -> Result<(), NotCompared> {
        let prefix = self.prefix();
        let place = BlockTable { block: target.block.clone(), target_table: part.target_table.clone() };
        let mut at = ListPosition::behind(part.after.clone(), part.hidden);
        loop {
            let page = self.servicenow.present(self.tokens, target, &part.target_table, &prefix, at).await;
            let (rows, next) = match page {
                Ok(page) => page,
                Err(error) if matches!(error.class(), Class::Permanent) => {
                    let why = error.chain();
                    warn!(flow = %self.flow, block = target.block, why, "ServiceNow's rows cannot be identified by their keys");
                    self.process.store.restored_unreadable(self.life.number, self.flow.clone(), place, why).await?;
                    return Ok(());
                }
                Err(error) => return Err(self.unreachable(&error)),
            };
            let rows = rows.into_iter().map(|row| RestoredRow {
                block: target.block.clone(),
                source_key: row.source_key,
                place: RowPlace { target_table: part.target_table.clone(), sys_id: row.sys_id.into() },
                version: row.version.map(|there| there.to_string()),
            });
            let kept = next.as_ref().map(ListPosition::parts);
            self.process.store.restored_keep(self.life.number, self.flow.clone(), place.clone(), rows.collect(), kept).await?;
            match next {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
    }

    /// Compares the ledger's records, page by page, with the rows.
    async fn compare(&self, parts: &[RestoredPart]) -> Result<(), NotCompared> {
        let unreadable: HashSet<&str> =
            parts.iter().filter(|part| part.state == ComparisonState::Unreadable).map(|part| part.block.as_str()).collect();
        let mut after = parts.iter().find(|part| part.block.is_empty()).map(|part| part.after.clone()).unwrap_or_default();
        loop {
            let recorded = self.process.store.restored_recorded(self.flow.clone(), after, PAGE).await?;
            let Some(last) = recorded.last() else { return Ok(()) };
            after = last.key.clone();
            let keys: Vec<String> = recorded.iter().filter_map(|part| self.key_of(part)).collect();
            let rows = self.process.store.restored_rows(self.life.number, self.flow.clone(), keys).await?;
            let key_of = |part: &RecordedPart| self.key_of(part);
            let mut page = judge(&recorded, &rows, &unreadable, key_of);
            page.last_key.clone_from(&after);
            page.aligned = self.plan.aligned().is_some();
            self.process.store.restored_compared(self.life.number, self.flow.clone(), page).await?;
        }
    }

    fn key_of(&self, part: &RecordedPart) -> Option<String> {
        let record_key = part.record_key.as_deref()?;
        Some(source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(&part.key), record_key))
    }

    /// Adopts rows that the ledger does not know. For records that may change on both sides, the alignment itself finds them. Answers the
    /// rows that are not touched.
    async fn adopt(&self) -> Result<Vec<String>, NotCompared> {
        let mut left_alone = Vec::new();
        if self.plan.aligned().is_some() {
            return Ok(left_alone);
        }
        loop {
            let rows = self.process.store.restored_left(self.life.number, self.flow.clone(), PAGE).await?;
            if rows.is_empty() {
                return Ok(left_alone);
            }
            let mut placed = Vec::with_capacity(rows.len());
            for row in rows {
                let owner = self.owner_of(&row);
                if owner.is_none() {
                    let RowPlace { target_table, sys_id } = &row.place;
                    let key: String = row.source_key.chars().take(KEY_SHOWN).collect();
                    warn!(flow = %self.flow, table = target_table, sys_id, key, "a row has a key that no record of this flow can have; it \
                         is not changed");
                    if left_alone.len() < NAMED {
                        left_alone.push(format!("{target_table} {sys_id}"));
                    }
                }
                placed.push(UnknownRow { owner, row });
            }
            self.process.store.restored_adopt(self.life.number, self.life.id, self.flow.clone(), placed).await?;
        }
    }

    /// The owner of a row by its key. `None`: no record of this flow can have it, or none that the
    /// ledger stores.
    fn owner_of(&self, row: &RestoredRow) -> Option<RowOwner> {
        let line = self.plan.targets.iter().any(|target| target.block == row.block && target.child.is_some());
        let columns = line.then_some(self.plan.read.root.key.len());
        let (key, record_key) = place_of(&self.flow.company, &self.flow.entity, columns, &row.source_key)?;
        (key.shortened().is_none() && record_key.len() <= DocumentKey::LONGEST).then(|| RowOwner { key: key.into(), record_key })
    }
}
