//! `Aligner`: one per flow whose records both sides may change. Holds ServiceNow's list against the ledger and decides, field by field,
//! what goes where.
//!
//! Its Poller calls it after SYSPRO has been read and before anything is sent, under the flow's lease. Everything that it decides goes into
//! the ledger in one transaction: agreed copies, deliveries, the conflict list, the audit. What goes to ServiceNow takes the Writer's way;
//! what goes to SYSPRO is a list for a person, or is put to the setup object that the site has named (`way_back`). A restart loses the run
//! in hand. Runs on the ingest arbiter.

mod pass;
pub mod way_back;

use std::collections::{BTreeMap, HashMap, HashSet};

use actix::prelude::*;
use chrono::TimeDelta;
use tracing::{debug, info};

use self::pass::{Changes, Pass, newest};
use self::way_back::WayBack;
use super::Deps;
use super::servicenow_token::TokenAsker;
use crate::definition::Plan;
use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::domain::run::{RunId, RunKind};
use crate::domain::{Document, FlowId};
use crate::retry::Class;
use crate::servicenow::{Listed, ServiceNow, ServiceNowError};
use crate::store::{AlignIntake, AlignedDocument, Alignment, ConflictFilter, ConflictRow, Lease, StoreError};

/// Documents per statement.
const PAGE: i64 = 5000;

/// So many changes are always let through: in a short list one change is a large share.
const ALWAYS: usize = 5;

/// Keeps one flow in step.
pub struct Aligner {
    deps: Deps,
    flow: FlowId,
    servicenow: ServiceNow,
    tokens: TokenAsker,
    way_back: Option<WayBack>,
}

/// Ask. Compares both sides once; answers when what follows from it stands in the ledger.
#[derive(Message, Clone)]
#[rtype(result = "Result<AlignReport, AlignError>")]
pub struct AlignNow {
    /// A poll or a sweep.
    pub kind: RunKind,
    /// The run.
    pub run: RunId,
    /// The flow's lease.
    pub lease: Lease,
}

/// What a run of the alignment did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlignReport {
    /// Rows read from ServiceNow.
    pub rows: usize,
    /// Records due to be sent.
    pub due: usize,
    /// New or changed entries of the conflict list.
    pub listed: usize,
    /// Entries that left it.
    pub closed: usize,
    /// Values that SYSPRO was seen to have stored at our word.
    pub stored: usize,
}

/// Why two sides were not compared, or nothing was done about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AlignError {
    /// ServiceNow refuses or cannot be reached.
    #[error("its list in ServiceNow cannot be read: {text}")]
    ServiceNow {
        /// The whole chain of causes.
        text: String,
        /// What it means for the next try.
        class: Class,
    },
    /// The ledger does not answer, or the flow was taken over.
    #[error("{text}")]
    Store {
        /// The whole chain of causes.
        text: String,
    },
    /// The brake: more would change than is allowed.
    #[error(
        "the alignment would change {changes} of {list} records, more than `align.brake_percent` ({percent}) allows ({most}); nothing was written. \
         Look at what changed on either side; if it is right, raise the setting for one run"
    )]
    Brake {
        /// Records that would change, or have vanished.
        changes: usize,
        /// Records of the list.
        list: usize,
        /// The setting.
        percent: u32,
        /// What it allows.
        most: usize,
    },
}

impl AlignError {
    /// What it means for the next try.
    pub fn class(&self) -> Class {
        match self {
            Self::ServiceNow { class, .. } => *class,
            Self::Store { .. } => Class::Transient,
            Self::Brake { .. } => Class::Permanent,
        }
    }
}

impl From<StoreError> for AlignError {
    fn from(error: StoreError) -> Self {
        Self::Store { text: super::chain(&error) }
    }
}

impl From<ServiceNowError> for AlignError {
    fn from(error: ServiceNowError) -> Self {
        Self::ServiceNow { text: error.chain(), class: error.class() }
    }
}

impl Aligner {
    /// An aligner at rest. Without a way back, changes for SYSPRO are a list and nothing else.
    pub fn new(deps: Deps, flow: FlowId, servicenow: ServiceNow, tokens: TokenAsker, way_back: Option<WayBack>) -> Self {
        Self { deps, flow, servicenow, tokens, way_back }
    }
}

impl Actor for Aligner {
    type Context = Context<Self>;
}

impl Supervised for Aligner {}

impl Handler<AlignNow> for Aligner {
    type Result = ResponseFuture<Result<AlignReport, AlignError>>;

    fn handle(&mut self, ask: AlignNow, _: &mut Self::Context) -> Self::Result {
        let work = Work {
            deps: self.deps.clone(),
            flow: self.flow.clone(),
            servicenow: self.servicenow.clone(),
            tokens: self.tokens.clone(),
            way_back: self.way_back.clone(),
        };
        Box::pin(async move { work.run(ask).await })
    }
}

/// The most records that may change by themselves.
fn most(list: usize, percent: u32) -> usize {
    (list * percent as usize / 100).max(ALWAYS)
}

struct Work {
    deps: Deps,
    flow: FlowId,
    servicenow: ServiceNow,
    tokens: TokenAsker,
    way_back: Option<WayBack>,
}

impl Work {
    async fn run(self, ask: AlignNow) -> Result<AlignReport, AlignError> {
        let definitions = self.deps.definitions.clone();
        let Some((plan, (target, align))) = definitions.plan(&self.flow.entity).and_then(|plan| Some((plan, plan.aligned()?))) else {
            return Ok(AlignReport::default());
        };
        let mut report = self.compare(plan, target, align, &ask).await?;
        let applied = self.apply(plan, &ask).await?;
        report.stored = applied.stored;
        if !applied.documents.is_empty() {
            self.take_back(plan, &ask, applied.documents).await?;
            let again = AlignNow { kind: RunKind::Poll, ..ask };
            let second = self.compare(plan, target, align, &again).await?;
            report.due += second.due;
            report.listed += second.listed;
            report.closed += second.closed;
        }
        Ok(report)
    }

    /// Both sides once.
    async fn compare(&self, plan: &Plan, target: &TargetPlan, align: &AlignPlan, ask: &AlignNow) -> Result<AlignReport, AlignError> {
        let definitions = &self.deps.definitions;
        let called = self.called().await?;
        let standing = self.deps.store.alignment(self.flow.clone()).await?;
        let documents = self.documents().await?;
        let conflicts = self.conflicts().await?;
        let (rows, whole) = self.rows(target, align, &standing, &documents, &conflicts, ask.kind).await?;
        let others = self.others(target, &rows, &documents).await?;
        let companies = &self.deps.settings.syspro.companies;
        let pass = Pass {
            flow: &self.flow,
            plan,
            definitions,
            target,
            align,
            documents: &documents,
            rows: &rows,
            whole,
            adopted: standing.adopted,
            sole: companies.len() == 1 || align.filter.as_ref().is_some_and(|filter| filter.contains("{company}")),
            others: &others,
            standing: &conflicts,
            called: &called,
        };
        let changes = pass.run();
        let most = most(changes.list, align.brake_percent);
        if changes.by_itself > most {
            return Err(AlignError::Brake { changes: changes.by_itself, list: changes.list, percent: align.brake_percent, most });
        }
        self.take_in(ask, whole, &rows, changes).await
    }

    /// What SYSPRO may have been asked to store.
    async fn called(&self) -> Result<HashMap<(i64, String), String>, AlignError> {
        let called = self.deps.store.way_back_called(self.flow.clone()).await?;
        Ok(called.into_iter().map(|one| ((one.document_id, one.field), one.wanted)).collect())
    }

    /// The fields of the aligned target that a document makes.
    fn mapped(&self, plan: &Plan, document: &Document) -> Result<BTreeMap<String, String>, String> {
        let mapped = plan.map(&self.flow.company, document, &self.deps.definitions.lookups).map_err(|error| error.to_string())?;
        let block = plan.aligned().map(|(target, _)| &target.block);
        let found = mapped.records.into_iter().find(|record| Some(&plan.targets[record.target].block) == block);
        found.map(|record| record.fields).ok_or_else(|| "the definition leaves the record out".to_owned())
    }

    async fn take_in(&self, ask: &AlignNow, whole: bool, rows: &[Listed], changes: Changes) -> Result<AlignReport, AlignError> {
        let report = AlignReport {
            rows: rows.len(),
            due: changes.deliveries.len(),
            listed: changes.conflicts.len(),
            closed: changes.closed.len(),
            stored: 0,
        };
        let intake = AlignIntake {
            lease: ask.lease.clone(),
            ttl: self.deps.settings.flows.lease,
            run: ask.run,
            links: changes.links,
            compared: changes.compared,
            deliveries: changes.deliveries,
            withdrawn: changes.withdrawn,
            conflicts: changes.conflicts,
            closed: changes.closed,
            arrived: changes.arrived,
            seen_to: newest(rows),
            swept: whole,
            adopted: changes.in_step,
        };
        self.deps.crash.at("aligner:before_intake", self.flow.entity.as_str());
        self.deps.store.align(intake).await?;
        self.deps.crash.at("aligner:after_intake", self.flow.entity.as_str());
        info!(flow = %self.flow, whole, rows = report.rows, due = report.due, listed = report.listed, closed = report.closed, "both sides compared");
        Ok(report)
    }

    async fn documents(&self) -> Result<Vec<AlignedDocument>, AlignError> {
        let mut all: Vec<AlignedDocument> = Vec::new();
        loop {
            let after = all.last().map_or(0, |last| last.id);
            let page = self.deps.store.aligned_documents(self.flow.clone(), after, PAGE).await?;
            let full = page.len() as i64 == PAGE;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    async fn conflicts(&self) -> Result<Vec<ConflictRow>, AlignError> {
        let filter = ConflictFilter {
            company: Some(self.flow.company.to_string()),
            entity: Some(self.flow.entity.to_string()),
            limit: i64::MAX,
            ..ConflictFilter::default()
        };
        Ok(self.deps.store.conflict_list(filter).await?)
    }

    /// The rows to be compared, and whether they are all there are.
    async fn rows(
        &self,
        target: &TargetPlan,
        align: &AlignPlan,
        standing: &Alignment,
        documents: &[AlignedDocument],
        conflicts: &[ConflictRow],
        kind: RunKind,
    ) -> Result<(Vec<Listed>, bool), AlignError> {
        let company = &self.flow.company;
        let since = standing.seen_to.filter(|_| !due_whole(align, standing, documents, kind));
        let Some(since) = since else {
            return Ok((self.servicenow.list(&self.tokens, target, align, company, None).await?, true));
        };
        let from = since - TimeDelta::seconds(i64::from(align.overlap_seconds));
        let mut rows = self.servicenow.list(&self.tokens, target, align, company, Some(from)).await?;
        let known: HashSet<&str> = rows.iter().map(|row| row.sys_id.as_str()).collect();
        let listed: HashSet<&str> = conflicts.iter().map(|conflict| conflict.subject.as_str()).collect();
        let wanted = documents.iter().filter(|document| {
            !document.busy
                && (document.again || document.compared != Some(document.version) || listed.contains(document.id.to_string().as_str()))
        });
        let ids: Vec<String> = wanted.filter_map(|document| document.sys_id.clone()).filter(|id| !known.contains(id.as_str())).collect();
        debug!(flow = %self.flow, changed = rows.len(), asked = ids.len(), "reading what changed");
        if !ids.is_empty() {
            rows.extend(self.servicenow.list_by_id(&self.tokens, target, align, &ids).await?);
        }
        Ok((rows, false))
    }

    /// Rows without a key that other flows wrote.
    async fn others(&self, target: &TargetPlan, rows: &[Listed], documents: &[AlignedDocument]) -> Result<HashSet<String>, AlignError> {
        let own: HashSet<&str> = documents.iter().filter_map(|document| document.sys_id.as_deref()).collect();
        let keyed =
            |row: &Listed| target.key_column.as_ref().and_then(|column| row.fields.get(column)).is_some_and(|text| !text.trim().is_empty());
        let asked = rows.iter().filter(|row| !keyed(row) && !own.contains(row.sys_id.as_str()));
        Ok(self.deps.store.record_of_others(self.flow.clone(), asked.map(|row| row.sys_id.clone()).collect()).await?)
    }
}

/// Whether the whole list must be read: it is time, somebody wants it, or a document has no row yet.
fn due_whole(align: &AlignPlan, standing: &Alignment, documents: &[AlignedDocument], kind: RunKind) -> bool {
    let old = standing.swept_ago.is_none_or(|ago| ago >= i64::from(align.sweep_hours) * 3600);
    let unlinked = documents.iter().any(|document| document.sys_id.is_none() && !document.deleted && !document.busy);
    kind == RunKind::Sweep || !standing.adopted || old || unlinked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_lets_a_share_pass_and_always_a_few() {
        assert_eq!([most(2000, 20), most(300, 20), most(6, 20), most(0, 1), most(10, 100)], [400, 60, 5, 5, 10]);
    }
}
