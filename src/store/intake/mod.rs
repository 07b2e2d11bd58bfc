//! Stores a page of documents: versions, deliveries, watermark and audit in one transaction, with a fixed number of statements.
//!
//! `versions` finds which documents are new or changed, `reread` which of them SYSPRO did not change, `choose` which records differ from
//! what was sent. `deliveries` queues these records, and `mapping` keeps the definition of the mapping.

mod choose;
mod deliveries;
mod differing;
mod mapping;
mod reread;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::audit::{NewAudit, audit_append};
use super::backfill::{BackfillStep, backfill_step};
use super::flow::{flow_advance, flow_assert_held};
use super::run::{RunTally, run_assert_in_force, run_count, run_tally};
use super::{Conn, Lease, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::FailureReason;
use crate::domain::next_step::NextStep;
use crate::domain::run::{RunCounts, RunId};
use crate::domain::warning::WarningKind;
use crate::domain::{DocumentKey, Facts, FlowId};
use crate::redact::Quoted;
use crate::store::prepared::prepared;
use crate::store::text::Text;

pub(super) use self::choose::payload_hash;
use self::deliveries::{deliver, leave_to_alignment};
use self::mapping::{leave_places, mapping_in_force, note_reading, rows_here};
use self::reread::by_definition_alone;
use self::versions::{
    Chosen, audit_documents, choose_work, hold_documents, insert_new_documents, insert_versions, known_documents, note_seen,
    number_new_documents, update_changed_documents,
};

pub use self::differing::Differing;

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
    /// (entity, key) of the documents of the same company that must be delivered first.
    pub parents: Vec<(String, String)>,
}

/// A document that could not be mapped.
#[derive(Debug, Clone)]
pub struct MapFailure {
    /// `rejected`, `unreadable`, or `poison` when the document crashed the Mapper twice.
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
struct Work<'a> {
    document: &'a IntakeDocument,
    id: i64,
    version: i32,
    /// Whether the content is a new version; otherwise it is sent again.
    fresh: bool,
    /// Whether the document was known before.
    known: bool,
    /// Whether all of its records are sent, changed or not.
    all: bool,
    /// The mapping that was used before; `None`: it was never mapped.
    mapping: Option<i32>,
    /// Whether some of its records went to other tables than the current ones.
    moved: bool,
    /// Whether some of its records were written differently or to other tables, or some of its blocks were not written at all.
    placed: bool,
    /// Whether it differs only because of the definition: its new content is stored, and it is not mapped.
    kept: bool,
}

impl Store {
    /// Stores a page. Unchanged documents leave nothing but their count.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow; then nothing was written.
    pub async fn intake(&self, intake: Intake) -> Result<RunCounts, StoreError> {
        self.intake_of(Arc::new(intake)).await
    }

    /// Like [`Store::intake`], for a caller that keeps the page, to store it in parts when it is refused.
    ///
    /// # Errors
    /// As [`Store::intake`].
    pub async fn intake_of(&self, intake: Arc<Intake>) -> Result<RunCounts, StoreError> {
        self.run_hot("take a page in", move |conn| take_in(conn, &intake)).await
    }
}

fn take_in(conn: &mut Conn, intake: &Intake) -> Tx<RunCounts> {
    if let Some((lease, ttl)) = &intake.lease {
        flow_assert_held(conn, lease, *ttl)?;
        let moves = intake.backfill.is_none().then_some((intake.watermark, intake.position.as_ref()));
        flow_advance(conn, lease, moves, intake.kinds.as_ref(), intake.sizes.as_ref())?;
    } else {
        run_assert_in_force(conn, intake.run)?;
    }
    if !intake.notes.is_empty() {
        let note = |note: &String| {
            let mut row = NewAudit::of(AuditKind::Drifted).detail(&serde_json::json!({ "what": note }));
            (row.company, row.entity) = (Some(intake.flow.company.to_string()), Some(intake.flow.entity.to_string()));
            row.run_id = Some(intake.run.0);
            row
        };
        audit_append(conn, &intake.notes.iter().map(note).collect::<Vec<_>>())?;
    }
    let mut counts =
        RunCounts { read: intake.documents.iter().filter(|d| !d.gone && !d.key.stands_for_a_row()).count() as i64, ..Default::default() };
    if intake.documents.is_empty() {
        if let Some(step) = &intake.backfill {
            backfill_step(conn, &intake.flow, step, counts)?;
        }
        return Ok(counts);
    }
    let mapping = mapping_in_force(conn, &intake.flow)?;
    if intake.resend != Resend::Nothing {
        hold_documents(conn, intake)?;
    }
    let mut known = known_documents(conn, intake)?;
    let new_ids = number_new_documents(conn, intake, &known)?;
    if intake.sweep {
        note_seen(conn, intake, &known, &new_ids)?;
    }
    let by_definition = by_definition_alone(conn, intake, &known, &mapping)?;
    let mut tally = RunTally::default();
    let Chosen { work, reread } = choose_work(intake, &mut known, &new_ids, &mapping, &by_definition, &mut counts);
    note_reading(conn, &reread, &mapping)?;
    // known documents first: the count of new ones locks others out, and must not wait for a document that one of these holds
    update_changed_documents(conn, intake, &work, &mapping)?;
    insert_new_documents(conn, intake, &new_ids, &mapping)?;
    if !work.is_empty() {
        let here = rows_here(conn, intake, &work, &mapping)?;
        leave_places(conn, intake, &work, &mapping)?;
        insert_versions(conn, intake, &work)?;
        // a page that is only compared changes nothing unless something differs
        if intake.resend != Resend::Differing {
            audit_documents(conn, intake, work.iter())?;
        }
        let work: Vec<Work<'_>> = work.into_iter().filter(|w| !w.kept).collect();
        let work = if intake.aligned { leave_to_alignment(conn, work, &mut tally)? } else { work };
        if !work.is_empty() {
            let queued = deliver(conn, intake, &work, (&mapping, &here), &mut tally)?;
            if intake.resend == Resend::Differing {
                audit_documents(conn, intake, work.iter().filter(|w| queued.contains(&w.id)))?;
            }
        }
    }
    run_count(conn, intake.run, counts)?;
    if let Some(step) = &intake.backfill {
        backfill_step(conn, &intake.flow, step, counts)?;
    }
    run_tally(conn, &tally)?;
    Ok(counts)
}

/// Takes numbers from a table's sequence, so that rows and the rows that refer to them can be inserted without reading ids back.
pub(in crate::store) fn next_ids(conn: &mut Conn, table: &str, count: usize) -> Tx<Vec<i64>> {
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
