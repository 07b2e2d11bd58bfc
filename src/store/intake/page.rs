//! A page of documents to be stored, and what the steps of an intake share.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::super::approved::ApprovedUse;
use super::super::backfill::BackfillStep;
use super::super::{Conn, Lease, Tx};
use crate::domain::delivery::FailureReason;
use crate::domain::ids::{DeliveryId, DocumentId, RunId};
use crate::domain::next_step::NextStep;
use crate::domain::warning::WarningKind;
use crate::domain::{DocumentKey, EntityName, Facts, FlowId};
use crate::redact::Quoted;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// What to send of documents whose content has not changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resend {
    /// Nothing: they were read from SYSPRO.
    #[default]
    Nothing,
    /// All of their records; the documents come from the ledger.
    Everything,
    /// The records that the definition in force maps differently; the documents come from the ledger.
    Differing,
}

/// A page to be stored.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The flow.
    pub flow: FlowId,
    /// The lease of the read; `None` for a replay, which reads nothing from SYSPRO.
    pub lease: Option<(Lease, Duration)>,
    /// The run.
    pub run: RunId,
    /// The documents; at most one per key.
    pub documents: Vec<IntakeDocument>,
    /// The new watermark, with the last page of a read.
    pub watermark: Option<NaiveDate>,
    /// Where an interrupted read continues.
    pub position: Option<serde_json::Value>,
    /// Set for a page of a backfill: the position of the backfill moves, and not the flow's.
    pub backfill: Option<BackfillStep>,
    /// The kinds of values of each column, if new.
    pub kinds: Option<serde_json::Value>,
    /// The number of rows of its tables, with the last page of a whole read.
    pub sizes: Option<serde_json::Value>,
    /// Messages about the page as a whole, such as a changed column.
    pub notes: Vec<String>,
    /// Whether to note the documents as seen by this run's sweep.
    pub sweep: bool,
    /// What to send although nothing changed, because a person asked.
    pub resend: Resend,
    /// For each block of lines: the values to write for a line that is gone while its document stays; without an entry, the line is not
    /// changed.
    pub on_gone: BTreeMap<String, BTreeMap<String, String>>,
    /// The records may change on both sides: their versions are stored, and the following alignment decides what is sent.
    pub aligned: bool,
    /// Who asked.
    pub actor: String,
    /// The approval of a second person under which the documents are sent again.
    pub approval: Option<ApprovedUse>,
}

impl Intake {
    /// A page with defaults: no lease, and only the documents are stored.
    pub fn of(flow: FlowId, run: RunId, documents: Vec<IntakeDocument>) -> Self {
        Self {
            flow,
            lease: None,
            run,
            documents,
            watermark: None,
            position: None,
            backfill: None,
            kinds: None,
            sizes: None,
            notes: Vec::new(),
            sweep: false,
            resend: Resend::Nothing,
            on_gone: BTreeMap::new(),
            aligned: false,
            actor: "tieline".into(),
            approval: None,
        }
    }
}

impl Intake {
    /// The page without its documents.
    #[must_use]
    pub fn clone_without_documents(&self) -> Self {
        Self {
            flow: self.flow.clone(),
            lease: self.lease.clone(),
            run: self.run,
            documents: Vec::new(),
            watermark: self.watermark,
            position: self.position.clone(),
            backfill: self.backfill.clone(),
            kinds: self.kinds.clone(),
            sizes: self.sizes.clone(),
            notes: self.notes.clone(),
            sweep: self.sweep,
            resend: self.resend,
            on_gone: self.on_gone.clone(),
            aligned: self.aligned,
            actor: self.actor.clone(),
            approval: self.approval.clone(),
        }
    }
}

/// One document, mapped.
#[derive(Debug, Clone)]
pub struct IntakeDocument {
    /// The key.
    pub key: DocumentKey,
    /// SHA-256 of the content.
    pub hash: [u8; 32],
    /// The content as JSON.
    pub content: String,
    /// What lists and sums show for it.
    pub facts: Facts,
    /// The target records, or why there are none.
    pub mapped: Result<Vec<IntakeRecord>, MapFailure>,
    /// Warnings of the mapping, such as a shortened text.
    pub warnings: Vec<(WarningKind, Quoted)>,
    /// SYSPRO no longer has it.
    pub gone: bool,
    /// The values to write over what was sent before, because the document must not be in the target any more: SYSPRO no longer has it, or
    /// the definition's conditions exclude it.
    pub marks: Option<GoneMarks>,
}

/// The values that mark a document as gone in the target.
#[derive(Debug, Clone, Default)]
pub struct GoneMarks {
    /// The name of the case, for the audit.
    pub case: Option<String>,
    /// For each block, the values that replace those last sent; a block without an entry is not changed.
    pub blocks: BTreeMap<String, BTreeMap<String, String>>,
}

/// Names a document of the same company to which a record refers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParentRef {
    /// Its entity.
    pub entity: EntityName,
    /// Its key.
    pub key: DocumentKey,
}

/// Names a part within its document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PartKey {
    /// Its block.
    pub(super) block: String,
    /// The key of its line; empty for a header.
    pub(super) record_key: String,
}

impl PartKey {
    /// The one row of a block without lines.
    pub(super) fn header(block: impl Into<String>) -> Self {
        Self { block: block.into(), record_key: String::new() }
    }
}

/// One target record.
#[derive(Debug, Clone)]
pub struct IntakeRecord {
    /// `header` or the child's name.
    pub block: String,
    /// Empty for a header.
    pub record_key: String,
    /// The fields, as a JSON object of texts.
    pub payload: String,
    /// References by sys_id, as JSON, filled in when the record is sent.
    pub refs: Option<String>,
    /// The documents of the same company that must be delivered first.
    pub parents: Vec<ParentRef>,
}

/// A document that could not be mapped.
#[derive(Debug, Clone)]
pub struct MapFailure {
    /// `unmapped`, `unreadable`, or `poison` when the document crashed the Mapper twice.
    pub reason: FailureReason,
    /// The first block of the plan, because a failure needs a block.
    pub block: String,
    /// What is wrong.
    pub message: Quoted,
    /// The field.
    pub field: String,
    /// What to do.
    pub next_step: NextStep,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A document that gets a new version, or whose records are sent again.
pub(super) struct Work<'a> {
    pub(super) document: &'a IntakeDocument,
    pub(super) id: DocumentId,
    pub(super) version: i32,
    /// Whether the content is a new version; otherwise it is sent again.
    pub(super) fresh: bool,
    /// Whether the document was known before.
    pub(super) known: bool,
    /// Whether all of its records are sent, changed or not.
    pub(super) all: bool,
    /// The mapping that was used before; `None`: it was never mapped.
    pub(super) mapping: Option<i32>,
    /// Whether some of its records went to other tables than the current ones.
    pub(super) moved: bool,
    /// Whether some of its records were written differently or to other tables, or some of its blocks were not written at all.
    pub(super) placed: bool,
    /// Whether it differs only because of the definition: its new content is stored, and it is not mapped.
    pub(super) kept: bool,
}

/// Numbers for new documents, so that they and the rows that refer to them can be inserted without reading ids back.
pub(in crate::store) fn next_document_ids(conn: &mut Conn, count: usize) -> Tx<Vec<DocumentId>> {
    Ok(next_ids(conn, "document", count)?.into_iter().map(DocumentId).collect())
}

/// The same for deliveries.
pub(in crate::store) fn next_delivery_ids(conn: &mut Conn, count: usize) -> Tx<Vec<DeliveryId>> {
    Ok(next_ids(conn, "delivery", count)?.into_iter().map(DeliveryId).collect())
}

/// Takes numbers from a table's sequence, in ascending order.
fn next_ids(conn: &mut Conn, table: &str, count: usize) -> Tx<Vec<i64>> {
    // the sequence is looked up once, and not for each number
    let rows: Vec<Id> = prepared(
        "WITH s AS MATERIALIZED (SELECT pg_get_serial_sequence($1, 'id')::regclass AS name) \
         SELECT nextval(s.name) AS id FROM s CROSS JOIN generate_series(1, $2)",
    )
    .bind::<Text, _>(table)
    .bind::<BigInt, _>(count as i64)
    .load(conn)?;
    let mut ids: Vec<i64> = rows.into_iter().map(|row| row.id).collect();
    ids.sort_unstable();
    Ok(ids)
}
