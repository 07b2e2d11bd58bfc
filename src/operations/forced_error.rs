//! An error that a person forces, so that an auditor can watch how errors are reported, notified and followed up. Nothing is sent for it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Refused, Requested};
use crate::definition::content;
use crate::domain::audit::AuditKind;
use crate::domain::delivery::FailureReason;
use crate::domain::ids::DeliveryId;
use crate::domain::next_step::NextStep;
use crate::domain::run::RunKind;
use crate::domain::{DocumentKey, Facts, Fault, FlowId};
use crate::process::Process;
use crate::store::{FailureFilter, GoneMarks, Intake, IntakeDocument, MapFailure, NewAudit};

/// How the key of its record begins: SYSPRO has no such key.
const KEY: &str = "TIELINE-FORCED-ERROR-";
/// The most forced errors that are looked at.
const MOST: i64 = 1000;

/// A forced error.
#[derive(Debug, Clone, Serialize)]
pub struct ForcedError {
    /// The flow in which its record fails.
    #[serde(flatten)]
    pub flow: FlowId,
    /// The key of its record.
    pub key: String,
}

/// Makes one: a record that SYSPRO does not have fails in the first flow that is not aligned and has sweeps. A flow that reads everything at
/// every run would end it at once.
///
/// # Errors
/// [`Refused::NoTestFlow`]; an error of the ledger.
pub async fn force(process: &Process, requested: Requested) -> Result<ForcedError, Refused> {
    let definitions = process.definitions.now();
    let mut flows = process.flows().into_iter();
    let found = flows.find_map(|flow| {
        let plan = definitions.plan(&flow.entity)?;
        (plan.aligned().is_none() && !plan.read.changes.is_empty()).then(|| (flow.clone(), plan))
    });
    let Some((flow, plan)) = found else { return Err(Refused::NoTestFlow) };
    let now = process.store.time().await?;
    let key = DocumentKey::from_text(key_at(now));
    let said =
        format!("{} forced this error to test the control: {}. Nothing is wrong with SYSPRO or ServiceNow", requested.by, requested.why);
    let fault = Fault { text: said.clone().into(), next_step: NextStep::ForcedError };
    let failure = MapFailure {
        reason: FailureReason::Unreadable,
        block: plan.targets.first().map_or_else(|| "header".to_owned(), |target| target.block.clone()),
        message: said.into(),
        field: String::new(),
        next_step: NextStep::ForcedError,
    };
    let document = IntakeDocument {
        hash: hash_of(key.as_str()),
        content: content::faulty(&fault),
        key: key.clone(),
        facts: Facts::default(),
        mapped: Err(failure),
        warnings: Vec::new(),
        gone: false,
        marks: None,
    };
    take_in(process, &flow, vec![document], &requested, "forced_error").await?;
    Ok(ForcedError { flow, key: DocumentKey::shown(key.as_str()) })
}

/// Ends all of them; answers those that it ended.
///
/// # Errors
/// An error of the ledger.
pub async fn end(process: &Process, requested: Requested) -> Result<Vec<ForcedError>, Refused> {
    let mut ended = Vec::new();
    for flow in process.flows() {
        let filter = FailureFilter {
            company: Some(flow.company.to_string()),
            entity: Some(flow.entity.to_string()),
            text: Some("forced this error to test the control".to_owned()),
            after: DeliveryId::default(),
            limit: MOST,
            ..FailureFilter::default()
        };
        let rows = process.store.failure_list(filter).await?;
        let keys: Vec<DocumentKey> =
            rows.iter().filter(|row| row.key.starts_with(KEY)).map(|row| DocumentKey::from_text(&row.key)).collect();
        if keys.is_empty() {
            continue;
        }
        let gone = |key: &DocumentKey| IntakeDocument {
            hash: hash_of(&format!("{} ended", key.as_str())),
            content: content::faulty(&Fault {
                text: "the test of the control has ended".to_owned().into(),
                next_step: NextStep::ForcedError,
            }),
            key: key.clone(),
            facts: Facts::default(),
            mapped: Ok(Vec::new()),
            warnings: Vec::new(),
            gone: true,
            marks: Some(GoneMarks::default()),
        };
        take_in(process, &flow, keys.iter().map(gone).collect(), &requested, "forced_error_ended").await?;
        ended.extend(keys.iter().map(|key| ForcedError { flow: flow.clone(), key: DocumentKey::shown(key.as_str()) }));
    }
    Ok(ended)
}

fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn key_at(at: DateTime<Utc>) -> String {
    format!("{KEY}{}", at.format("%Y%m%dT%H%M%S%3fZ"))
}

/// Stores documents in a run of their own, and says it in the audit first.
async fn take_in(
    process: &Process,
    flow: &FlowId,
    documents: Vec<IntakeDocument>,
    requested: &Requested,
    action: &str,
) -> Result<(), Refused> {
    let keys: Vec<String> = documents.iter().map(|document| DocumentKey::shown(document.key.as_str())).collect();
    let mut row = NewAudit::of(AuditKind::Action).detail(&json!({ "action": action, "why": requested.why, "keys": keys }));
    (row.company, row.entity) = (Some(flow.company.to_string()), Some(flow.entity.to_string()));
    row.actor.clone_from(&requested.by);
    process.store.audit_write(row).await?;
    let under = process.definitions.now().number;
    let run = process.store.run_begin(flow.clone(), RunKind::Replay, requested.by.clone(), Some(requested.why.to_string()), under).await?;
    let mut intake = Intake::of(flow.clone(), run, documents);
    intake.actor.clone_from(&requested.by);
    let stored = process.store.intake(intake).await;
    let error = stored.as_ref().err().map(ToString::to_string);
    process.store.run_end(flow.clone(), run, error).await?;
    stored?;
    Ok(())
}
