//! Stores a page of documents: versions, deliveries, watermark and audit in one transaction, with a fixed number of statements.
//!
//! `versions` finds which documents are new or changed, `reread` which of them SYSPRO did not change, `choose` which records differ from
//! what was sent. `deliveries` queues these records, and `mapping` keeps the definition of the mapping.

mod choose;
mod deliveries;
mod differing;
mod mapping;
mod page;
mod reread;
mod versions;

use std::collections::HashSet;
use std::sync::Arc;

use super::approval_use::use_for;
use super::audit::{NewAudit, audit_append};
use super::backfill::backfill_step;
use super::close::touch;
use super::flow::{flow_advance, flow_assert_held, flow_keep};
use super::run::{Among, RunTally, run_assert_in_force, run_tally};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::run::RunCounts;

pub use self::choose::payload_digest;
pub(super) use self::choose::payload_hash;
pub(super) use self::deliveries::parents_missing;
use self::deliveries::{deliver, leave_to_alignment};
use self::mapping::{leave_places, mapping_in_force, note_reading, rows_here};
use self::reread::by_definition_alone;
use self::versions::{
    Chosen, audit_documents, choose_work, hold_documents, insert_new_documents, insert_versions, known_documents, note_seen,
    number_new_documents, remeasured, touched, update_changed_documents,
};
pub(super) use self::versions::{MeasuredRow, content_digest};

pub use self::differing::Differing;
use self::page::Work;
pub use self::page::{GoneMarks, Intake, IntakeDocument, IntakeRecord, MapFailure, ParentRef, Resend};
pub(super) use self::page::{next_delivery_ids, next_document_ids};

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
        let mut tries = 0;
        loop {
            let page = intake.clone();
            match self.run_hot("take a page in", move |conn| take_in(conn, &page)).await {
                // it and a batch with the same records waited for each other
                Err(error) if error.is_deadlock() && tries < 3 => tries += 1,
                done => return done,
            }
        }
    }
}

fn take_in(conn: &mut Conn, intake: &Intake) -> Tx<RunCounts> {
    if let Some((lease, ttl)) = &intake.lease {
        flow_assert_held(conn, lease, *ttl)?;
        let moves = intake.backfill.is_none().then_some((intake.watermark, intake.position.as_ref()));
        flow_advance(conn, lease, moves, intake.kinds.as_ref(), intake.sizes.as_ref())?;
    } else {
        flow_keep(conn, &intake.flow)?;
        run_assert_in_force(conn, intake.run)?;
    }
    if let Some(used) = intake.approval.as_ref().filter(|_| !intake.documents.is_empty()) {
        use_for(conn, used, &intake.flow, &intake.documents.iter().map(|document| document.key.as_str()).collect::<Vec<_>>())?;
    }
    if !intake.notes.is_empty() {
        let note = |note: &String| {
            let mut row = NewAudit::of(AuditKind::Drifted).detail(&serde_json::json!({ "what": note }));
            (row.company, row.entity) = (Some(intake.flow.company.to_string()), Some(intake.flow.entity.to_string()));
            row.run_id = Some(intake.run);
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
    // a page that is only compared changes nothing unless something differs
    let compared = intake.resend == Resend::Differing;
    let remeasured = if compared { remeasured(conn, &work)? } else { HashSet::new() };
    // known documents first: the count of new ones locks others out, and must not wait for a document that one of these holds
    update_changed_documents(conn, intake, &work, &mapping)?;
    insert_new_documents(conn, intake, &new_ids, &mapping)?;
    if !work.is_empty() {
        let mut touched = touched(&work, &known);
        let here = rows_here(conn, intake, &work, &mapping)?;
        leave_places(conn, intake, &work, &mapping)?;
        insert_versions(conn, intake, &work)?;
        audit_documents(conn, intake, work.iter().filter(|w| !compared || remeasured.contains(&w.id)), &remeasured)?;
        let work: Vec<Work<'_>> = work.into_iter().filter(|w| !w.kept).collect();
        let work = if intake.aligned { leave_to_alignment(conn, work, &mut tally)? } else { work };
        if !work.is_empty() {
            let queued = deliver(conn, intake, &work, (&mapping, &here), &mut tally)?;
            touched.iter_mut().for_each(|one| one.queued = queued.contains(&one.id));
            if compared {
                audit_documents(conn, intake, work.iter().filter(|w| queued.contains(&w.id) && !remeasured.contains(&w.id)), &remeasured)?;
            }
        }
        // after the deliveries: those of a locked period are held in this transaction, so that no claim sees them
        touch(conn, &intake.flow, intake.run, &mapping.closed, &touched)?;
    }
    tally.read = Some((intake.run, counts));
    if let Some(step) = &intake.backfill {
        backfill_step(conn, &intake.flow, step, counts)?;
    }
    run_tally(conn, &tally, Among::Others)?;
    Ok(counts)
}
