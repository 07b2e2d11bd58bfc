//! `Aligner`: one per flow whose records may change on both sides. Compares ServiceNow's list with the ledger and decides, field by field,
//! which value goes to which side.
//!
//! The Poller calls it under the flow's lease, after it has read SYSPRO and before anything is sent. The Aligner reads ServiceNow's list
//! into the ledger (`rows`). Then it goes through the documents twice, page by page: the first time to count what would change, for the
//! change limit; the second time to apply it. One transaction per page stores what the page decides: base versions, deliveries, the
//! conflict list and the audit. The Writer sends what goes to ServiceNow. What goes to SYSPRO is listed for a person, or is written through
//! the setup object that the site has named (`write_back`). A restart loses the current page: the next run compares what was not compared.
//! Runs on the ingest arbiter.

mod key;
mod pass;
mod rows;
mod work;
pub mod write_back;

use std::collections::BTreeMap;

use actix::prelude::*;
use tracing::info;

use self::pass::{Changes, Made, PageInput, Pass};
use self::rows::Kept;
pub use self::work::{AlignError, AlignNow, AlignReport, AlignerParts};
use self::work::{PAGE, Work};
use self::write_back::WriteBack;
use super::servicenow_token::TokenClient;
use crate::definition::Plan;
use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::definition::record::source_key;
use crate::domain::ids::{ConflictId, DocumentId};
use crate::domain::run::RunKind;
use crate::domain::{Document, DocumentKey, FlowId};
use crate::process::in_force::Snapshot;
use crate::servicenow::ServiceNow;
use crate::store::{AlignEnd, AlignIntake, AlignedDocument, AlignedRowKeys, Comparing};

/// This many changes are always allowed: in a short list, one change is a large share.
const ALWAYS: usize = 5;

/// Keeps the records of one flow the same on both sides.
pub struct Aligner {
    parts: AlignerParts,
    definitions: Snapshot,
    flow: FlowId,
    servicenow: ServiceNow,
    tokens: TokenClient,
    write_back: Option<WriteBack>,
}

impl Aligner {
    /// An idle aligner. Without a write-back, changes for SYSPRO are only listed.
    pub fn new(
        parts: AlignerParts,
        definitions: Snapshot,
        flow: FlowId,
        servicenow: ServiceNow,
        tokens: TokenClient,
        write_back: Option<WriteBack>,
    ) -> Self {
        Self { parts, definitions, flow, servicenow, tokens, write_back }
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
            parts: self.parts.clone(),
            definitions: self.definitions.clone(),
            flow: self.flow.clone(),
            servicenow: self.servicenow.clone(),
            tokens: self.tokens.clone(),
            write_back: self.write_back.clone(),
        };
        Box::pin(async move { work.run(ask).await })
    }
}

/// The most records that may change without a person's decision.
fn most(list: usize, percent: u32) -> usize {
    (list * percent as usize / 100).max(ALWAYS)
}

impl Work {
    async fn run(self, ask: AlignNow) -> Result<AlignReport, AlignError> {
        let definitions = self.definitions.clone();
        let Some((plan, (target, align))) = definitions.plan(&self.flow.entity).and_then(|plan| Some((plan, plan.aligned()?))) else {
            return Ok(AlignReport::default());
        };
        let mut report = self.compare(plan, target, align, &ask).await?;
        let applied = self.apply(plan, &ask).await?;
        report.stored = applied.stored;
        if applied.changed {
            let again = AlignNow { kind: RunKind::Poll, ..ask };
            let second = self.compare(plan, target, align, &again).await?;
            report.due += second.due;
            report.listed += second.listed;
            report.closed += second.closed;
        }
        Ok(report)
    }

    /// Compares both sides once.
    async fn compare(&self, plan: &Plan, target: &TargetPlan, align: &AlignPlan, ask: &AlignNow) -> Result<AlignReport, AlignError> {
        self.parts.store.write_back_forget(self.flow.clone()).await?;
        let alignment = self.parts.store.alignment(self.flow.clone()).await?;
        let read = self.read(target, align, ask, &alignment).await?;
        let companies = &self.parts.companies;
        let pass = Pass {
            flow: &self.flow,
            plan,
            definitions: &self.definitions,
            target,
            align,
            whole: read.whole,
            adopted: alignment.adopted,
            sole: companies.len() == 1 || align.filter.as_ref().is_some_and(|filter| filter.contains("{company}")),
        };
        let mut counted = Counted(0);
        let any_row = self.pages(&pass, ask, &mut counted).await?;
        let list = usize::try_from(alignment.list).unwrap_or_default();
        let most = most(list, align.change_limit_percent);
        if counted.0 > most {
            return Err(AlignError::ChangeLimit { changes: counted.0, list, percent: align.change_limit_percent, most });
        }
        let mut written = Written(AlignReport { rows: read.rows, ..AlignReport::default() });
        self.pages(&pass, ask, &mut written).await?;
        let end = AlignEnd { lease: ask.lease.clone(), ttl: self.parts.lease, seen_to: read.seen_to, swept: read.whole, any_row };
        self.parts.store.align_end(end).await?;
        let report = written.0;
        info!(flow = %self.flow, whole = read.whole, rows = report.rows, due = report.due, listed = report.listed, closed = report.closed, "both sides compared");
        Ok(report)
    }

    /// Goes through all that is to be compared, a page at a time. Answers whether some record of SYSPRO cannot be read and could own any
    /// row. In that case no row is treated as missing in SYSPRO.
    async fn pages(&self, pass: &Pass<'_>, ask: &AlignNow, take: &mut impl Take) -> Result<bool, AlignError> {
        let store = &self.parts.store;
        let (mut after, mut any_row) = (DocumentId::default(), false);
        let which = if pass.whole { Comparing::All } else { Comparing::Changed };
        loop {
            let documents = store.aligned_documents(self.flow.clone(), after, PAGE, which).await?;
            let Some(last) = documents.last() else { break };
            after = last.id;
            let page_input = self.page_input(pass, documents).await?;
            let changes = pass.documents(&page_input);
            any_row |= changes.any_row;
            take.page(self, ask, changes).await?;
        }
        if !pass.whole {
            return Ok(any_row);
        }
        let mut after = ConflictId::default();
        loop {
            let conflicts = store.conflicts_of_rows(self.flow.clone(), after, PAGE).await?;
            let Some(last) = conflicts.last() else { break };
            after = last.id;
            if any_row {
                take.page(self, ask, pass.perhaps_not_alone(&conflicts)).await?;
                continue;
            }
            let sys_ids = conflicts.iter().map(|conflict| conflict.subject.clone()).collect();
            let rows = self.find(AlignedRowKeys { sys_ids, ..AlignedRowKeys::default() }).await?;
            let alone: Vec<Kept> = rows.into_iter().filter(|row| row.document.is_none() && !row.of_other).collect();
            take.page(self, ask, pass.no_longer_alone(&conflicts, &alone)).await?;
        }
        if any_row {
            return Ok(true);
        }
        let mut after = String::new();
        loop {
            let rows = store.aligned_rows_alone(self.flow.clone(), after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(false) };
            after = last.sys_id.clone();
            let conflicts = store.conflicts_open(self.flow.clone(), rows.iter().map(|row| row.sys_id.clone()).collect()).await?;
            let rows: Vec<Kept> = rows.into_iter().map(Kept::of).collect::<Result<_, _>>()?;
            take.page(self, ask, pass.rows_alone(&rows, &conflicts)).await?;
        }
    }

    /// Reads all that is known of a page of documents.
    async fn page_input(&self, pass: &Pass<'_>, documents: Vec<AlignedDocument>) -> Result<PageInput, AlignError> {
        let store = &self.parts.store;
        let ids: Vec<DocumentId> = documents.iter().map(|document| document.id).collect();
        let conflicts = store.conflicts_open(self.flow.clone(), ids.iter().map(DocumentId::to_string).collect()).await?;
        let called = store.write_back_called(ids).await?;
        let documents: Vec<(AlignedDocument, Made)> = documents
            .into_iter()
            .map(|document| {
                let made = pass.made(&document);
                (document, made)
            })
            .collect();
        let key = |document: &AlignedDocument| {
            source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(&document.key), "").to_string()
        };
        let whole = |_: &&(AlignedDocument, Made)| pass.whole;
        let rows = self
            .find(AlignedRowKeys {
                sys_ids: documents.iter().filter_map(|(document, _)| document.sys_id.clone()).collect(),
                source_keys: documents.iter().filter(whole).map(|(document, _)| key(document)).collect(),
                natural_keys: documents.iter().filter(whole).filter_map(|(_, made)| pass.natural(made.known()?)).collect(),
            })
            .await?;
        let called = called.into_iter().map(|one| ((one.document_id, one.field), one.wanted)).collect();
        Ok(PageInput { documents, rows, conflicts, called })
    }

    async fn find(&self, keys: AlignedRowKeys) -> Result<Vec<Kept>, AlignError> {
        self.parts.store.aligned_rows_find(self.flow.clone(), keys).await?.into_iter().map(Kept::of).collect()
    }

    /// The fields of the aligned target that a document makes.
    fn mapped(&self, plan: &Plan, document: &Document) -> Result<BTreeMap<String, String>, String> {
        let mapped = plan.map(&self.flow.company, document, &self.definitions.code_lists).map_err(|error| error.to_string())?;
        let block = plan.aligned().map(|(target, _)| &target.block);
        let found = mapped.records.into_iter().find(|record| Some(&plan.targets[record.target].block) == block);
        found.map(|record| record.fields.to_map()).ok_or_else(|| "the definition leaves the record out".to_owned())
    }

    async fn take_in(&self, ask: &AlignNow, changes: Changes) -> Result<(), AlignError> {
        let intake = AlignIntake {
            lease: ask.lease.clone(),
            ttl: self.parts.lease,
            run: ask.run,
            links: changes.links,
            compared: changes.compared,
            deliveries: changes.deliveries,
            withdrawn: changes.withdrawn,
            conflicts: changes.conflicts,
            closed: changes.closed,
            arrived: changes.arrived,
        };
        self.parts.crash.at("aligner:before_intake", self.flow.entity.as_str());
        self.parts.store.align(intake).await?;
        self.parts.crash.at("aligner:after_intake", self.flow.entity.as_str());
        Ok(())
    }
}

/// What to do with the pages of a comparison.
trait Take {
    async fn page(&mut self, work: &Work, ask: &AlignNow, changes: Changes) -> Result<(), AlignError>;
}

/// The first time: counts what would change without a decision. Notes which row was found for which document, so that the second time finds
/// the same rows.
struct Counted(usize);

impl Take for Counted {
    async fn page(&mut self, work: &Work, ask: &AlignNow, changes: Changes) -> Result<(), AlignError> {
        self.0 += changes.by_itself;
        if !changes.claims.is_empty() {
            work.parts.store.aligned_rows_claim(ask.lease.clone(), work.parts.lease, changes.claims).await?;
        }
        Ok(())
    }
}

/// The second time: applies the changes.
struct Written(AlignReport);

impl Take for Written {
    async fn page(&mut self, work: &Work, ask: &AlignNow, changes: Changes) -> Result<(), AlignError> {
        self.0.due += changes.deliveries.len();
        self.0.listed += changes.conflicts.len();
        self.0.closed += changes.closed.len();
        if changes.is_empty() { Ok(()) } else { work.take_in(ask, changes).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_limit_lets_a_share_pass_and_always_a_few() {
        assert_eq!([most(2000, 20), most(300, 20), most(6, 20), most(0, 1), most(10, 100)], [400, 60, 5, 5, 10]);
    }
}
