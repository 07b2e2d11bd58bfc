//! `Mapper`: converts documents to target records, ready to be stored.
//!
//! Owns only the plan; its Poller calls it. A restart loses the current page. The Poller then sends its documents one at a time, so that a
//! document that crashes the Mapper twice is found and fails. Runs on the ingest arbiter.

use std::sync::Arc;

use actix::prelude::*;

use crate::definition::content;
use crate::definition::gone::Marks;
use crate::definition::map::Mapped;
use crate::definition::plan::ReferenceForm;
use crate::definition::record::{Reference, TargetRecord};
use crate::definition::{Definitions, Plan};
use crate::domain::delivery::FailureReason;
use crate::domain::next_step::NextStep;
use crate::domain::{CompanyId, Document, DocumentKey, EntityName, Fault, LateReference};
use crate::process::in_force::Snapshot;
use crate::redact::Quoted;
use crate::store::{GoneMarks, IntakeDocument, IntakeRecord, MapFailure, ParentRef};
use crate::supervision::crash::CrashPoints;

/// Maps the documents of one flow.
pub struct Mapper {
    definitions: Snapshot,
    entity: EntityName,
    company: CompanyId,
    crash: CrashPoints,
}

/// Request. Maps a page; each document that cannot be mapped gets the reason.
#[derive(Message)]
#[rtype(result = "Vec<IntakeDocument>")]
pub struct MapPage {
    /// The documents; its Poller keeps them for a second attempt.
    pub documents: Arc<Vec<Document>>,
    /// Whether SYSPRO has them.
    pub presence: Presence,
}

/// Whether SYSPRO has a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    There,
    /// It no longer has: the document is mapped to what marks it in the target.
    Gone,
}

impl Mapper {
    /// A mapper of one flow.
    pub fn new(definitions: Snapshot, company: CompanyId, entity: EntityName, crash: CrashPoints) -> Self {
        Self { definitions, entity, company, crash }
    }
}

impl Actor for Mapper {
    type Context = Context<Self>;
}

impl Supervised for Mapper {}

impl Handler<MapPage> for Mapper {
    type Result = MessageResult<MapPage>;

    fn handle(&mut self, page: MapPage, _: &mut Self::Context) -> Self::Result {
        let Some(plan) = self.definitions.plan(&self.entity) else { return MessageResult(Vec::new()) };
        let map = |document: &Document| {
            self.crash.at("mapper:document", document.key.as_str());
            map_document(plan, &self.definitions, &self.company, document, page.presence)
        };
        MessageResult(page.documents.iter().map(map).collect())
    }
}

/// Maps one document to the form that the ledger stores.
pub fn map_document(
    plan: &Plan,
    definitions: &Definitions,
    company: &CompanyId,
    document: &Document,
    presence: Presence,
) -> IntakeDocument {
    if let Some(key) = document.key.shortened() {
        return too_long(plan, document, key);
    }
    let gone = presence == Presence::Gone;
    // a gone record is marked on what was sent before: its last content need not be mapped
    let mapped = if gone { Ok(Mapped::default()) } else { plan.map(company, document, &definitions.code_lists) };
    let mut warnings = Vec::new();
    let mut marks = gone.then(|| plan.gone_marks(document));
    let mapped = match mapped {
        Ok(Mapped { records, warnings: said, withheld }) => {
            if withheld {
                marks = Some(plan.gone_marks(document));
            }
            warnings = said.into_iter().map(|warning| (warning.kind, format!("{}: {}", warning.field, warning.text).into())).collect();
            let records: Vec<IntakeRecord> = records.into_iter().map(|record| intake_record(plan, document, record)).collect();
            match records.iter().find_map(long_key) {
                None => Ok(records),
                Some(message) => Err(MapFailure {
                    reason: FailureReason::Unreadable,
                    block: first_block(plan),
                    message: message.into(),
                    field: String::new(),
                    next_step: NextStep::RowsWrong,
                }),
            }
        }
        Err(error) => Err(MapFailure {
            reason: if document.faults.is_empty() { FailureReason::Unmapped } else { FailureReason::Unreadable },
            block: first_block(plan),
            message: error.to_string().into(),
            field: error.field,
            next_step: error.next_step.map_or(NextStep::Unmapped, |step| *step),
        }),
    };
    IntakeDocument {
        key: document.key.clone(),
        hash: document.hash().0,
        content: plan.content_to_json(document),
        facts: plan.facts(company, document, &definitions.code_lists),
        mapped,
        warnings,
        gone,
        marks: marks.map(gone_marks),
    }
}

/// The message about a key that is too long for the indexes.
fn said_of(whose: &str, key: &str) -> String {
    let begin = Quoted::first(key, 40);
    format!(
        "{whose} has {} bytes (`{begin}…`), more than the {} that a key may have: Tieline does not send this record, and sends the others. \
         Correct it in SYSPRO, or correct the key in the entity's definition; reading again does not help before that",
        key.len(),
        DocumentKey::LONGEST
    )
}

/// A document whose key is too long for the ledger: it fails under a shortened key that starts the same.
fn too_long(plan: &Plan, document: &Document, key: DocumentKey) -> IntakeDocument {
    // if its row cannot be read either, that must be corrected first
    let fault = document.faults.first().cloned().unwrap_or_else(|| Fault::of_rows(said_of("its key", document.key.as_str())));
    IntakeDocument {
        key,
        hash: document.hash().0,
        content: content::faulty(&fault),
        facts: plan.facts_of_root(document),
        mapped: Err(MapFailure {
            reason: FailureReason::Unreadable,
            block: first_block(plan),
            message: fault.text,
            field: String::new(),
            next_step: fault.next_step,
        }),
        warnings: Vec::new(),
        gone: false,
        marks: None,
    }
}

/// The problem of a record whose own key, or whose parent's key, is too long for the indexes.
fn long_key(record: &IntakeRecord) -> Option<String> {
    let long = |key: &str| key.len() > DocumentKey::LONGEST;
    if long(&record.record_key) {
        return Some(said_of(&format!("the key of a line of `{}`", record.block), &record.record_key));
    }
    let parent = record.parents.iter().find(|parent| long(parent.key.as_str()))?;
    Some(said_of(&format!("the key of the {} that it belongs to", parent.entity), parent.key.as_str()))
}

/// A document that crashed the Mapper twice.
pub fn poisoned(plan: &Plan, document: &Document) -> IntakeDocument {
    IntakeDocument {
        key: document.key.clone(),
        hash: document.hash().0,
        content: plan.content_to_json(document),
        facts: plan.facts_of_root(document),
        mapped: Err(MapFailure {
            reason: FailureReason::Poison,
            block: first_block(plan),
            message: "mapping this document crashed twice".into(),
            field: String::new(),
            next_step: NextStep::Poison,
        }),
        warnings: Vec::new(),
        gone: false,
        marks: None,
    }
}

fn gone_marks(marks: Marks) -> GoneMarks {
    GoneMarks { case: marks.case, blocks: marks.blocks }
}

fn first_block(plan: &Plan) -> String {
    plan.targets.first().map_or_else(|| "header".to_owned(), |target| target.block.clone())
}

fn intake_record(plan: &Plan, document: &Document, record: TargetRecord) -> IntakeRecord {
    // a line is sent after its own header anyway
    let own = |r: &Reference| r.entity == plan.entity && r.key == document.key;
    let awaited = record.references.iter().filter(|r| r.wait && !own(r));
    let parents = awaited.map(|r| ParentRef { entity: r.entity.clone(), key: r.key.clone() }).collect();
    let late: Vec<_> = record
        .references
        .iter()
        .filter(|r| r.form == ReferenceForm::SysId)
        .map(|r| LateReference { field: r.field.clone(), entity: r.entity.clone(), key: r.key.clone() })
        .collect();
    let refs = (!late.is_empty()).then(|| serde_json::to_string(&late).unwrap_or_default());
    IntakeRecord {
        block: plan.targets[record.target].block.clone(),
        record_key: record.record_key,
        payload: record.fields.to_json(),
        refs,
        parents,
    }
}
