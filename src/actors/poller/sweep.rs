//! The end of a whole read: documents that it has not seen are gone from SYSPRO.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::warn;

use super::super::mapper::{MapPage, Presence};
use super::complete::{Sizes, shrunk};
use super::read::Read;
use super::{PollError, Reader};
use crate::definition::Plan;
use crate::domain::DocumentKey;
use crate::domain::ids::RunId;
use crate::domain::next_step::NextStep;
use crate::store::{AbsentParent, FlowRow, GoneDocument, Intake, IntakeDocument, Lease, SmallerTables, Unseen};

/// Parents checked after one whole read; the next one checks the others.
const PARENTS: i64 = 500;
/// Parents requested by key in one request.
const AT_ONCE: usize = 50;

impl Reader {
    /// After a whole read: finds the awaited parents that the read has not returned and that will not arrive. Stores this, with the reason,
    /// on the records that wait for them.
    pub(super) async fn mark_absent_parents(&self, plan: &Plan, run: RunId) -> Result<(), PollError> {
        let unread = self.parts.store.parents_unread(self.flow.clone(), PARENTS).await.map_err(|error| self.store_error(&error))?;
        if unread.is_empty() {
            return Ok(());
        }
        let rule = plan.read.left_out_by(&self.flow.company);
        // without a rule that excludes rows, a record that a whole read has not returned does not exist
        let mut left_out: HashSet<String> = HashSet::new();
        if rule.is_some() {
            let bare = plan.read.without_rules();
            let keys: Vec<DocumentKey> = unread.iter().map(DocumentKey::from_text).collect();
            for keys in keys.chunks(AT_ONCE) {
                match self.by_key(&bare, keys).await {
                    Ok(found) => left_out.extend(found.into_iter().map(String::from)),
                    // the next whole read checks again
                    Err(why) => {
                        tracing::warn!(flow = %self.flow, %why, "Tieline could not check whether SYSPRO has the parents that records wait \
                             for; the next full read checks again");
                        return Ok(());
                    }
                }
            }
        }
        let absent = unread.into_iter().map(|key| match &rule {
            Some(rule) if left_out.contains(&key) => {
                AbsentParent { key, why: format!("the definition leaves out: {rule}"), next_step: NextStep::ParentLeftOut }
            }
            _ => AbsentParent { key, why: "is not in SYSPRO".into(), next_step: NextStep::ParentNotThere },
        });
        let told =
            self.parts.store.parents_absent(self.flow.clone(), run, absent.collect()).await.map_err(|error| self.store_error(&error))?;
        if told > 0 {
            tracing::warn!(flow = %self.flow, records = told, "records wait for parents that will not arrive; `tieline failures` names them");
        }
        Ok(())
    }

    /// Marks gone records in the target by the definition's rule; none at all when there are more than one sweep may mark. Removes
    /// placeholders for rows that this read has not met, even where a row without a key keeps records from being marked.
    pub(super) async fn mark_gone(&self, plan: &Plan, run: RunId, lease: &Lease, read: &Read, row: &FlowRow) -> Result<(), PollError> {
        let limit = self.parts.flows.max_gone_per_sweep;
        let smaller = Sizes::of(row).smaller();
        let most = if smaller == SmallerTables::Accept { i64::MAX } else { i64::from(limit) };
        let found = self.parts.store.sweep_end(self.flow.clone(), run, most).await;
        let Unseen { gone, known, mut documents, rows } = found.map_err(|error| self.store_error(&error))?;
        let any = gone > 0 || !documents.is_empty();
        if any && read.nameless {
            warn!(flow = %self.flow, gone, "the key of a row cannot be read, and the row may belong to any of the records not seen: none \
                 is marked as gone");
            documents.clear();
        } else if any {
            self.believe_gone(plan, read, smaller, (gone, known), &documents).await?;
            // `whole_next` follows a comparison, which has already shown whether one side was restored
            if smaller == SmallerTables::Fault && !row.whole_next {
                self.newest_are_there(&documents).await?;
            }
        }
        documents.extend(rows);
        if documents.is_empty() {
            return Ok(());
        }
        let read: Result<Vec<_>, _> =
            documents.iter().map(|gone| plan.content_from_json(DocumentKey::from_text(&gone.key), &gone.content)).collect();
        let read = read.map_err(|text| PollError::Store { flow: self.flow.clone(), text })?;
        // if the Mapper crashes here, the next sweep marks them
        let mapped =
            self.mapper.send(MapPage { documents: Arc::new(read), presence: Presence::Gone }).await.map_err(|_| PollError::Store {
                flow: self.flow.clone(),
                text: "the Mapper stopped while it mapped documents that are gone; the next sweep repeats this".into(),
            })?;
        let documents: Vec<IntakeDocument> = mapped
            .into_iter()
            .zip(&documents)
            .map(|(mut document, gone)| {
                // the last content stays: only the record's state changes
                document.hash = gone.hash.as_slice().try_into().unwrap_or(document.hash);
                document.content.clone_from(&gone.content);
                document
            })
            .collect();
        let intake = Intake {
            lease: Some((lease.clone(), self.parts.flows.lease)),
            aligned: plan.aligned().is_some(),
            ..Intake::of(self.flow.clone(), run, documents)
        };
        self.take_in(intake).await
    }

    /// Whether the records that a whole read has not seen are gone: not if they are too many, nor if SYSPRO has one of them after all.
    async fn believe_gone(
        &self,
        plan: &Plan,
        read: &Read,
        smaller: SmallerTables,
        (gone, known): (i64, i64),
        documents: &[GoneDocument],
    ) -> Result<(), PollError> {
        let limit = self.parts.flows.max_gone_per_sweep;
        let percent = self.parts.flows.max_shrink_percent;
        let mut limits = Vec::new();
        if gone > i64::from(limit) {
            limits.push(format!("`flows.max_gone_per_sweep` ({limit})"));
        }
        if shrunk(known.unsigned_abs(), (known - gone).unsigned_abs(), percent) {
            limits.push(format!("`flows.max_shrink_percent` ({percent}) of them"));
        }
        if !limits.is_empty() && smaller == SmallerTables::Fault {
            return Err(PollError::TooManyGone { flow: self.flow.clone(), gone, known, limits: limits.join(" and ") });
        }
        if read.proven {
            return Ok(());
        }
        let keys: Vec<DocumentKey> = documents.iter().map(|gone| DocumentKey::from_text(&gone.key)).collect();
        self.really_gone(plan, &keys).await
    }
}
