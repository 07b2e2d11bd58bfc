//! Sends records again on request: the stored content is mapped again, so that a corrected code list or definition takes effect. Plain
//! functions; SYSPRO is not read.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Requested;
use super::approval::ApprovedRecords;
use super::outdated::OutdatedReport;
use crate::actors::mapper::{Presence, map_document, poisoned};
use crate::definition::Plan;
use crate::domain::ids::{DocumentId, RunId};
use crate::domain::resent::{Resent, ResentOutcome, ResentState};
use crate::domain::run::RunKind;
use crate::domain::{CompanyId, DocumentKey, FlowId};
use crate::process::Process;
use crate::process::in_force::Snapshot;
use crate::retry;
use crate::store::{ApprovedUse, HoldRow, Intake, IntakeDocument, ReplayScope, Resend, StoreError, StoredDocument};

/// Documents per transaction.
pub(super) const PAGE: i64 = 500;

/// The most documents whose outcome is followed; for a larger replay, the runs show the results.
const FOLLOWED: usize = 20_000;

/// Documents counted by one statement.
const AT_ONCE: usize = 5_000;

/// Time between two checks of their states.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// The result of a replay.
#[derive(Debug, Clone, Default, serde::Serialize, utoipa::ToSchema)]
pub struct ReplayReport {
    /// Documents whose records are queued again.
    pub documents: u64,
    /// Documents whose stored content cannot be read under the current definition, with the reason.
    pub skipped: Vec<String>,
    /// The flows of the replay, each with its run.
    pub runs: Vec<(FlowId, RunId)>,
    /// For a replay of records that were mapped under another definition: the differences, by flow.
    pub outdated: Option<OutdatedReport>,
    /// The approval of a second person, and what is left of it: records that it does not hold for are left out.
    pub approved: Option<ApprovedRecords>,
    /// Their results, as far as the request waited for them; null for a replay of more than 20,000 documents, and where nothing was sent.
    pub outcome: Option<ResentOutcome>,
    /// The documents that are queued again.
    #[serde(skip)]
    #[schema(ignore)]
    pub followed: Followed,
}

/// Documents that are sent again, and since when.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// By number, each with the message of its earlier failure.
    documents: HashMap<DocumentId, Option<String>>,
    since: Option<DateTime<Utc>>,
    /// Whether there are too many to follow.
    beyond: bool,
}

impl Followed {
    /// These documents, sent again after that time.
    pub fn new(documents: Vec<(DocumentId, Option<String>)>, since: DateTime<Utc>) -> Self {
        Self { beyond: documents.len() > FOLLOWED, documents: documents.into_iter().collect(), since: Some(since) }
    }

    /// Starts with no documents; documents queued from now on belong to it.
    pub(super) fn begin(&mut self, since: DateTime<Utc>) {
        self.since = Some(since);
    }

    pub(super) fn add(&mut self, id: DocumentId, failed: Option<String>) {
        self.beyond |= self.documents.len() >= FOLLOWED;
        if !self.beyond {
            self.documents.insert(id, failed);
        }
    }

    /// Whether nothing was sent again.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && !self.beyond
    }

    /// Waits until all of them are settled, up to `patience`, and answers their states. `None` when there are too many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(&self, process: &Process, patience: Duration) -> Result<Option<ResentOutcome>, StoreError> {
        let Some(since) = self.since.filter(|_| !self.beyond) else { return Ok(None) };
        let mut states: HashMap<DocumentId, ResentState> = HashMap::new();
        let mut moving: Vec<DocumentId> = self.documents.keys().copied().collect();
        let ask = async || -> Result<usize, StoreError> {
            for ids in moving.chunks(AT_ONCE) {
                states.extend(process.store.resent(ids.to_vec(), since).await?);
            }
            moving.retain(|id| states.get(id) == Some(&ResentState::Moving));
            Ok(moving.len())
        };
        retry::until_late(CHECK_EVERY, patience, ask, |moving| *moving == 0).await?;
        let records =
            self.documents.iter().filter_map(|(id, before)| Some(Resent { state: states.get(id)?.clone(), before: before.clone() }));
        Ok(Some(ResentOutcome::of(records)))
    }
}

/// Removes holds, and queues what can be sent of these records again, as it was mapped. Answers the result per record, and the records that
/// are sent again. `approval`: only the records that it is for. The Writer sends them.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn end_holds(
    process: &Process,
    flow: FlowId,
    keys: Vec<String>,
    approval: Option<ApprovedUse>,
    requested: Requested,
) -> Result<(Vec<HoldRow>, Followed), StoreError> {
    let (before, since) = process.store.before_release(flow.clone(), keys.clone()).await?;
    let rows = process.store.hold_end_approved(flow, keys, requested.by, requested.why, approval).await?;
    let sent = |key: &str| rows.iter().any(|row| row.key == key && row.deliveries > 0);
    let documents = before.into_iter().filter(|row| sent(&row.key)).map(|row| (row.id, row.failed)).collect();
    Ok((rows, Followed::new(documents, since)))
}

/// Queues the records of the documents in scope again, of configured companies alone. The Writer sends them.
///
/// # Errors
/// [`StoreError`]. What was done before the error stays done, and a repeat is harmless.
pub(super) async fn send_again(process: &Process, scope: ReplayScope, requested: &Requested) -> Result<ReplayReport, StoreError> {
    let mut report = ReplayReport::default();
    // one set for the whole replay: the ledger refuses it once another one is in force
    let definitions = process.definitions.now();
    report.followed.begin(process.store.time().await?);
    let mut runs: BTreeMap<FlowId, RunId> = BTreeMap::new();
    let mut after = DocumentId::default();
    // records of other companies are history: no code list and no settings are there for them
    let approval = scope.approval.clone();
    let companies: Vec<String> = process.settings.syspro.companies.iter().map(ToString::to_string).collect();
    let outcome = loop {
        let page = match process.store.replay_page(scope.clone(), companies.clone(), after, PAGE).await {
            Ok(page) => page,
            Err(error) => break Err(error),
        };
        let Some(last) = page.last() else { break Ok(()) };
        after = last.id;
        if let Err(error) = send_page_again(process, &definitions, (page, &approval), requested, &mut runs, &mut report).await {
            break Err(error);
        }
    };
    for (flow, run) in &runs {
        let error = outcome.as_ref().err().map(|error: &StoreError| error.to_string());
        process.store.run_end(flow.clone(), *run, error).await?;
    }
    report.runs = runs.into_iter().collect();
    outcome.map(|()| report)
}

async fn send_page_again(
    process: &Process,
    definitions: &Snapshot,
    (page, approval): (Vec<StoredDocument>, &Option<ApprovedUse>),
    requested: &Requested,
    runs: &mut BTreeMap<FlowId, RunId>,
    report: &mut ReplayReport,
) -> Result<(), StoreError> {
    let mut flows: BTreeMap<FlowId, Vec<IntakeDocument>> = BTreeMap::new();
    for stored in page {
        let flow = FlowId::new(stored.company.as_str(), stored.entity.as_str());
        match remap(process, definitions, &flow, &stored) {
            Ok(document) => {
                report.followed.add(stored.id, stored.failed);
                flows.entry(flow).or_default().push(document);
            }
            Err(problem) => report.skipped.push(format!("{flow}/{}: {problem}", stored.key)),
        }
    }
    for (flow, documents) in flows {
        let run = match runs.get(&flow) {
            Some(run) => *run,
            None => {
                let run = process
                    .store
                    .run_begin(flow.clone(), RunKind::Replay, requested.by.clone(), Some(requested.why.to_string()), definitions.number)
                    .await?;
                runs.insert(flow.clone(), run);
                run
            }
        };
        report.documents += documents.len() as u64;
        let plan = definitions.plan(&flow.entity);
        let aligned = plan.is_some_and(|plan| plan.aligned().is_some());
        let on_gone = plan.map(Plan::line_marks).unwrap_or_default();
        let intake = Intake {
            resend: Resend::Everything,
            aligned,
            on_gone,
            actor: requested.by.clone(),
            approval: approval.clone(),
            ..Intake::of(flow, run, documents)
        };
        process.store.intake(intake).await?;
    }
    Ok(())
}

pub(super) fn remap(process: &Process, definitions: &Snapshot, flow: &FlowId, stored: &StoredDocument) -> Result<IntakeDocument, String> {
    let plan = definitions.plan(&flow.entity).ok_or("its entity no longer has a definition")?;
    let document = plan.content_from_json(DocumentKey::from_text(&stored.key), &stored.content)?;
    // no actor isolates a panic here, and the page's other records must continue
    let mapped = catch_unwind(AssertUnwindSafe(|| {
        process.crash.at("mapper:document", document.key.as_str());
        let presence = if stored.deleted { Presence::Gone } else { Presence::There };
        map_document(plan, definitions, &CompanyId::new(&stored.company), &document, presence)
    }));
    let mut mapped = mapped.unwrap_or_else(|_| IntakeDocument { gone: stored.deleted, ..poisoned(plan, &document) });
    // the content is the same: no new version
    mapped.hash = stored.hash.as_slice().try_into().unwrap_or(mapped.hash);
    mapped.content.clone_from(&stored.content);
    Ok(mapped)
}
