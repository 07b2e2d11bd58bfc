//! Sending again what a person asks for: the stored content is mapped anew, so that a corrected code list or definition takes effect.
//! Plain functions; SYSPRO is not read.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Deps;
use super::mapper::{map_document, poisoned};
use crate::definition::Plan;
use crate::domain::run::{RunId, RunKind};
use crate::domain::{CompanyId, DocumentKey, FlowId};
use crate::store::{Intake, IntakeDocument, ReplayScope, StoreError, StoredDocument};

/// Documents per transaction.
const PAGE: i64 = 500;

/// What a replay did.
#[derive(Debug, Clone, Default, serde::Serialize, utoipa::ToSchema)]
pub struct ReplayReport {
    /// Documents whose records are due again.
    pub documents: u64,
    /// Documents whose stored content cannot be read under the present definition, with the reason.
    pub skipped: Vec<String>,
    /// The flows touched, each with its run.
    pub runs: Vec<(FlowId, RunId)>,
}

/// Makes the records of the documents in scope due again. Sending is the Writer's matter.
///
/// # Errors
/// [`StoreError`]. What was done before the error stays done, and doing it again is harmless.
pub async fn replay(deps: &Deps, scope: ReplayScope, requested_by: &str, reason: Option<String>) -> Result<ReplayReport, StoreError> {
    let mut report = ReplayReport::default();
    let mut runs: BTreeMap<FlowId, RunId> = BTreeMap::new();
    let mut after = 0;
    let outcome = loop {
        let page = match deps.store.replay_page(scope.clone(), after, PAGE).await {
            Ok(page) => page,
            Err(error) => break Err(error),
        };
        let Some(last) = page.last() else { break Ok(()) };
        after = last.id;
        if let Err(error) = replay_page(deps, page, requested_by, reason.as_ref(), &mut runs, &mut report).await {
            break Err(error);
        }
    };
    for (flow, run) in &runs {
        let error = outcome.as_ref().err().map(|error: &StoreError| error.to_string());
        deps.store.run_end(flow.clone(), *run, error).await?;
    }
    report.runs = runs.into_iter().collect();
    outcome.map(|()| report)
}

async fn replay_page(
    deps: &Deps,
    page: Vec<StoredDocument>,
    requested_by: &str,
    reason: Option<&String>,
    runs: &mut BTreeMap<FlowId, RunId>,
    report: &mut ReplayReport,
) -> Result<(), StoreError> {
    let mut flows: BTreeMap<FlowId, Vec<IntakeDocument>> = BTreeMap::new();
    for stored in page {
        let flow = FlowId::new(stored.company.as_str(), stored.entity.as_str());
        match remap(deps, &flow, &stored) {
            Ok(document) => flows.entry(flow).or_default().push(document),
            Err(problem) => report.skipped.push(format!("{flow}/{}: {problem}", stored.key)),
        }
    }
    for (flow, documents) in flows {
        let run = match runs.get(&flow) {
            Some(run) => *run,
            None => {
                let run = deps.store.run_begin(flow.clone(), RunKind::Replay, requested_by.to_owned(), reason.cloned()).await?;
                runs.insert(flow.clone(), run);
                run
            }
        };
        report.documents += documents.len() as u64;
        let plan = deps.definitions.plan(&flow.entity);
        let aligned = plan.is_some_and(|plan| plan.aligned().is_some());
        let on_gone = plan.map(Plan::line_marks).unwrap_or_default();
        let intake = Intake { resend: true, aligned, on_gone, actor: requested_by.to_owned(), ..Intake::of(flow, run, documents) };
        deps.store.intake(intake).await?;
    }
    Ok(())
}

fn remap(deps: &Deps, flow: &FlowId, stored: &StoredDocument) -> Result<IntakeDocument, String> {
    let plan = deps.definitions.plan(&flow.entity).ok_or("its entity has no definition any more")?;
    let document = plan.content_from_json(DocumentKey::from_text(&stored.key), &stored.content)?;
    // there is no actor here to die of it, and the page's other records must not
    let mapped = catch_unwind(AssertUnwindSafe(|| {
        deps.crash.at("mapper:document", document.key.as_str());
        map_document(plan, &deps.definitions, &CompanyId::new(&stored.company), &document, stored.deleted)
    }));
    let mut mapped = mapped.unwrap_or_else(|_| IntakeDocument { gone: stored.deleted, ..poisoned(plan, &document) });
    // the content is as it was: no new version
    mapped.hash = stored.hash.as_slice().try_into().unwrap_or(mapped.hash);
    mapped.content.clone_from(&stored.content);
    Ok(mapped)
}
