//! Records that were mapped under another definition. They are mapped again from their stored content and compared with what was sent. The
//! differences are sent once their number is known. Plain functions; SYSPRO is not read.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use super::Requested;
use super::resend::{PAGE, ReplayReport, remap};
use crate::definition::Plan;
use crate::domain::FlowId;
use crate::domain::change_limit::ChangeLimit;
use crate::domain::ids::{DocumentId, RunId};
use crate::domain::run::RunKind;
use crate::process::Process;
use crate::process::in_force::Snapshot;
use crate::store::{ApprovedUse, Differing, Intake, IntakeDocument, OutdatedDocument, OutdatedPlace, Resend, StoreError};

/// One flow with records that were mapped under another definition.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OutdatedFlow {
    /// The flow.
    pub flow: FlowId,
    /// All of its records.
    pub records: i64,
    /// Those that were mapped under another definition.
    pub outdated: i64,
    /// The differences between them and what was sent.
    pub differing: Differing,
    /// Those that were read without a column that the definition in force reads: only a sweep, which reads them again, can show their
    /// differences.
    pub to_read: i64,
    /// Those whose content cannot be read under the definition in force, with the reason.
    pub unreadable: Vec<String>,
    /// The number that may be sent without a person's approval.
    pub limit: i64,
}

/// The differences in all requested flows.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OutdatedReport {
    /// The flows with records that were mapped under another definition.
    pub flows: Vec<OutdatedFlow>,
    /// The configured limit.
    pub change_limit: String,
    /// Whether there are more differences than may be sent: then nothing was sent.
    pub above: bool,
    /// The number that a person allowed.
    pub allowed: Option<i64>,
    /// Why sending stopped early: more records differed by then than were compared and may be sent. What was sent before stays sent.
    pub stopped: Option<String>,
    /// The definitions of the comparison: nothing is sent under others that come into force in the meantime.
    #[serde(skip)]
    #[schema(ignore)]
    definitions: Snapshot,
}

impl OutdatedReport {
    /// The number of records with a difference.
    pub fn differing(&self) -> i64 {
        self.flows.iter().map(|flow| flow.differing.records).sum()
    }

    /// Whether some differences were not sent.
    pub fn is_undone(&self) -> bool {
        self.above || self.stopped.is_some() || self.to_read() > 0
    }

    /// The number of records whose differences only a sweep can show.
    pub fn to_read(&self) -> i64 {
        self.flows.iter().map(|flow| flow.to_read).sum()
    }

    fn decide(&mut self, limit: ChangeLimit) {
        self.change_limit = limit.to_string();
        self.above = match self.allowed {
            Some(most) => self.differing() > most,
            None => self.flows.iter().any(|flow| flow.differing.records > flow.limit),
        };
    }
}

/// One line for each flow, with what to do.
impl fmt::Display for OutdatedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flows.is_empty() {
            return f.write_str("Every record was mapped under the definition in force; nothing was sent.");
        }
        for flow in &self.flows {
            let Differing { compared, records, failing, .. } = &flow.differing;
            write!(
                f,
                "{}: {} of {} records were mapped under another definition; {compared} were compared, {records} differ",
                flow.flow, flow.outdated, flow.records
            )?;
            if *failing > 0 {
                write!(f, ", of which {failing} can no longer be mapped and would fail")?;
            }
            if self.allowed.is_none() {
                write!(f, " (`flows.change_limit` {} allows {})", self.change_limit, flow.limit)?;
            }
            if flow.to_read > 0 {
                write!(
                    f,
                    "; {} were read without a column that the definition reads now: `tieline sync --entity {} --company {} --sweep` reads them again",
                    flow.to_read, flow.flow.entity, flow.flow.company
                )?;
            }
            if !flow.unreadable.is_empty() {
                write!(f, "; {} cannot be read from the ledger", flow.unreadable.len())?;
            }
            writeln!(f)?;
        }
        let differing = self.differing();
        match (self.above, self.allowed) {
            (true, Some(most)) => write!(
                f,
                "{differing} records differ, and --allow {most} was given: nothing was sent. If the change is intended, allow {differing}."
            ),
            (true, None) => write!(
                f,
                "{differing} records differ, which is more than `flows.change_limit` ({}) allows: nothing was sent. Check some of them \
                 first (`tieline record COMPANY ENTITY KEY`). If the change is intended: `tieline replay --outdated --allow {differing} \
                 --why …`.",
                self.change_limit
            ),
            (false, _) if differing == 0 => f.write_str("Nothing differs from what was sent."),
            (false, _) => write!(f, "{differing} records differ, which is within the limit."),
        }
    }
}

/// Compares all records of these flows that were mapped under another definition with what was sent. Nothing is written. Only flows of
/// configured companies are compared.
///
/// # Errors
/// [`StoreError`].
pub async fn compare(
    process: &Process,
    company: Option<&str>,
    entity: Option<&str>,
    allowed: Option<i64>,
) -> Result<OutdatedReport, StoreError> {
    let definitions = process.definitions.now();
    let status = process.store.flow_status().await?;
    let mut report = OutdatedReport {
        flows: Vec::new(),
        change_limit: String::new(),
        above: false,
        allowed,
        stopped: None,
        definitions: definitions.clone(),
    };
    // parents before those that refer to them
    for plan in &definitions.plans {
        for row in status.iter().filter(|row| row.entity == plan.entity.as_str() && row.outdated > 0) {
            if company.is_some_and(|only| only != row.company) || entity.is_some_and(|only| only != row.entity) {
                continue;
            }
            let flow = FlowId::new(row.company.as_str(), row.entity.as_str());
            if !process.settings.syspro.companies.contains(&flow.company) {
                continue;
            }
            let limit = process.settings.flows.change_limit.of(row.documents);
            report.flows.push(compare_flow(process, &definitions, flow, row.documents, row.outdated, limit).await?);
        }
    }
    report.decide(process.settings.flows.change_limit);
    Ok(report)
}

async fn compare_flow(
    process: &Process,
    definitions: &Snapshot,
    flow: FlowId,
    records: i64,
    outdated: i64,
    limit: i64,
) -> Result<OutdatedFlow, StoreError> {
    let mut all =
        OutdatedFlow { flow: flow.clone(), records, outdated, differing: Differing::default(), to_read: 0, unreadable: Vec::new(), limit };
    let mut after = OutdatedPlace::default();
    loop {
        let page = process.store.outdated_page(flow.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.place();
        all.to_read += page.iter().filter(|document| !document.whole).count() as i64;
        let documents = mapped(process, definitions, &flow, page, &mut all.unreadable);
        let found = process.store.differing(intake(definitions, &flow, RunId::fresh(), documents)).await?;
        all.differing.compared += found.compared;
        all.differing.records += found.records;
        all.differing.parts += found.parts;
        all.differing.failing += found.failing;
    }
}

/// Sends the differences of the compared flows, under the definitions of the comparison. What was done before an error stays done, and a
/// repeat is harmless. Sweeps and changes may have added differences in the meantime: they are counted page by page, and nothing beyond the
/// limit is sent. `approval`: only the records that it is for.
///
/// # Errors
/// [`StoreError`]; [`StoreError::OtherDefinitions`] if others came into force in the meantime.
pub(super) async fn send(
    process: &Process,
    compared: &mut OutdatedReport,
    approval: Option<ApprovedUse>,
    requested: &Requested,
) -> Result<ReplayReport, StoreError> {
    let definitions = compared.definitions.clone();
    let mut report = ReplayReport::default();
    report.followed.begin(process.store.time().await?);
    let mut sum = 0;
    for flow in &compared.flows {
        let run = process
            .store
            .run_begin(flow.flow.clone(), RunKind::Replay, requested.by.clone(), Some(requested.why.to_string()), definitions.number)
            .await?;
        report.runs.push((flow.flow.clone(), run));
        // a person's number is for all flows, the limit is per flow
        let sum_before = if compared.allowed.is_some() { sum } else { 0 };
        let mut most = Most { most: compared.allowed.unwrap_or(flow.limit), sum: sum_before, approval: approval.clone() };
        let outcome = send_flow(process, &definitions, &flow.flow, run, &requested.by, &mut most, &mut report).await;
        let error = match &outcome {
            Ok(stopped) => stopped.clone(),
            Err(error) => Some(error.to_string()),
        };
        process.store.run_end(flow.flow.clone(), run, error).await?;
        compared.stopped = outcome?;
        if compared.stopped.is_some() {
            break;
        }
        sum = most.sum;
    }
    Ok(report)
}

/// How many records may be sent, and how many were.
struct Most {
    most: i64,
    sum: i64,
    /// The approval that names the records.
    approval: Option<ApprovedUse>,
}

impl Most {
    /// Counts a page with this many records, or answers why it may not be sent.
    fn take(&mut self, flow: &FlowId, records: i64) -> Result<(), String> {
        let after = self.sum + records;
        if after > self.most {
            return Err(format!(
                "{flow}: more records differ now than during the comparison: {} records were sent, {records} more would make {after}, and \
                 {} may be sent. Run `tieline replay --outdated` again, which says how many are left",
                self.sum, self.most
            ));
        }
        self.sum = after;
        Ok(())
    }
}

async fn send_flow(
    process: &Process,
    definitions: &Snapshot,
    flow: &FlowId,
    run: RunId,
    requested_by: &str,
    most: &mut Most,
    report: &mut ReplayReport,
) -> Result<Option<String>, StoreError> {
    let mut after = OutdatedPlace::default();
    loop {
        let page = process.store.outdated_page(flow.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.place();
        let page = approved(process, most.approval.as_ref(), page).await?;
        let documents = mapped(process, definitions, flow, page, &mut report.skipped);
        let page = Intake { actor: requested_by.to_owned(), approval: most.approval.clone(), ..intake(definitions, flow, run, documents) };
        let differing = process.store.differing(page.clone()).await?;
        if let Err(stopped) = most.take(flow, differing.records) {
            return Ok(Some(stopped));
        }
        report.documents += differing.ids.len() as u64;
        differing.ids.iter().for_each(|id| report.followed.add(*id, None));
        process.store.intake(page).await?;
    }
}

/// The records of a page that an approval is for; without one, all.
async fn approved(process: &Process, used: Option<&ApprovedUse>, page: Vec<OutdatedDocument>) -> Result<Vec<OutdatedDocument>, StoreError> {
    let Some(used) = used else { return Ok(page) };
    let ids: Vec<DocumentId> = page.iter().map(|document| document.stored.id).collect();
    let approved: HashSet<DocumentId> = process.store.approved_records(used.approval, ids).await?.into_iter().collect();
    Ok(page.into_iter().filter(|document| approved.contains(&document.stored.id)).collect())
}

fn intake(definitions: &Snapshot, flow: &FlowId, run: RunId, documents: Vec<IntakeDocument>) -> Intake {
    let on_gone = definitions.plan(&flow.entity).map(Plan::line_marks).unwrap_or_default();
    Intake { resend: Resend::Differing, on_gone, ..Intake::of(flow.clone(), run, documents) }
}

/// The records of a page that were read with every column, mapped again.
fn mapped(
    process: &Process,
    definitions: &Snapshot,
    flow: &FlowId,
    page: Vec<OutdatedDocument>,
    problems: &mut Vec<String>,
) -> Vec<IntakeDocument> {
    let mut documents = Vec::with_capacity(page.len());
    for OutdatedDocument { stored, .. } in page.into_iter().filter(|document| document.whole) {
        match remap(process, definitions, flow, &stored) {
            Ok(document) => documents.push(document),
            Err(problem) => problems.push(format!("{flow}/{}: {problem}", stored.key)),
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_goes_out_above_what_may_be_sent() {
        let flow = FlowId::new("EDU1", "invoice");
        let mut most = Most { most: 10, sum: 0, approval: None };
        assert_eq!((most.take(&flow, 6), most.take(&flow, 4), most.take(&flow, 0)), (Ok(()), Ok(()), Ok(())));
        let why = most.take(&flow, 1).expect_err("above");
        assert!(why.contains("10 records were sent, 1 more would make 11, and 10 may be sent"), "{why}");
        assert_eq!(most.sum, 10);
    }
}
