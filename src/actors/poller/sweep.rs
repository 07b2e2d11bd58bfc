//! The end of a whole read: documents that it has not seen are gone from SYSPRO.

use std::collections::HashSet;

use tracing::warn;

use super::super::mapper::{MapPage, Presence};
use super::complete::shrunk;
use super::read::Read;
use super::{PollError, Reader};
use crate::definition::Plan;
use crate::domain::DocumentKey;
use crate::domain::next_step::NextStep;
use crate::domain::run::RunId;
use crate::store::{AbsentParent, GoneDocument, Intake, IntakeDocument, Lease};

/// Parents checked after one whole read; the others come with the next.
const PARENTS: i64 = 500;
/// Parents asked for by key in one request.
const AT_ONCE: usize = 50;

impl Reader {
    /// After a whole read: records that others wait for and that it has not shown will not come. Says so of those that wait, with why.
    pub(super) async fn mark_absent_parents(&self, plan: &Plan, run: RunId) -> Result<(), PollError> {
        let unread = self.deps.store.parents_unread(self.flow.clone(), PARENTS).await.map_err(|error| self.store_error(&error))?;
        if unread.is_empty() {
            return Ok(());
        }
        let rule = plan.read.left_out_by(&self.flow.company);
        // without a rule that leaves rows out, what a whole read has not shown is not there
        let mut left_out: HashSet<String> = HashSet::new();
        if rule.is_some() {
            let bare = plan.read.without_rules();
            let keys: Vec<DocumentKey> = unread.iter().map(DocumentKey::from_text).collect();
            for keys in keys.chunks(AT_ONCE) {
                match self.by_key(&bare, keys).await {
                    Ok(found) => left_out.extend(found.into_iter().map(String::from)),
                    // the next whole read asks again
                    Err(why) => {
                        tracing::warn!(flow = %self.flow, %why, "whether SYSPRO has records that others wait for could not be asked");
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
            self.deps.store.parents_absent(self.flow.clone(), run, absent.collect()).await.map_err(|error| self.store_error(&error))?;
        if told > 0 {
            tracing::warn!(flow = %self.flow, records = told, "records wait for parents that will not come; `tieline failures` names them");
        }
        Ok(())
    }

    /// Marks what is gone in the target, by the definition's rule; nothing at all when it is more than one sweep may mark. What stands for a
    /// row that this read has not met is dropped, also where a row without a name keeps every record from being marked.
    pub(super) async fn mark_gone(
        &self,
        plan: &Plan,
        run: RunId,
        lease: &Lease,
        read: &Read,
        (accept, compared): (bool, bool),
    ) -> Result<(), PollError> {
        let limit = self.deps.settings.flows.max_gone_per_sweep;
        let most = if accept { i64::MAX } else { i64::from(limit) };
        let found = self.deps.store.sweep_gone(self.flow.clone(), run, most).await;
        let (gone, known, documents) = found.map_err(|error| self.store_error(&error))?;
        let rows = self.deps.store.sweep_rows(self.flow.clone(), run).await.map_err(|error| self.store_error(&error))?;
        self.deps.store.sweep_forget(run).await.map_err(|error| self.store_error(&error))?;
        let mut documents = documents;
        let any = gone > 0 || !documents.is_empty();
        if any && read.nameless {
            warn!(flow = %self.flow, gone, "a row whose key cannot be read may be any of those not seen: none is marked as gone");
            documents.clear();
        } else if any {
            self.believe_gone(plan, read, accept, (gone, known), &documents).await?;
            // after a comparison it is known that a side went back
            if !accept && !compared {
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
        // a Mapper that dies here leaves the marking to the next sweep
        let mapped = self.mapper.send(MapPage { documents: read, presence: Presence::Gone }).await.map_err(|_| PollError::Store {
            flow: self.flow.clone(),
            text: "the Mapper stopped while documents that are gone were mapped; the next sweep does it again".into(),
        })?;
        let documents: Vec<IntakeDocument> = mapped
            .into_iter()
            .zip(&documents)
            .map(|(mut document, gone)| {
                // the last content stays what it was: only its standing changes
                document.hash = gone.hash.as_slice().try_into().unwrap_or(document.hash);
                document.content.clone_from(&gone.content);
                document
            })
            .collect();
        let intake = Intake {
            lease: Some((lease.clone(), self.deps.settings.flows.lease)),
            aligned: plan.aligned().is_some(),
            ..Intake::of(self.flow.clone(), run, documents)
        };
        self.take_in(intake).await
    }

    /// Whether the records that a whole read has not seen are gone: not when they are too many, nor when SYSPRO has one of them after all.
    async fn believe_gone(
        &self,
        plan: &Plan,
        read: &Read,
        accept: bool,
        (gone, known): (i64, i64),
        documents: &[GoneDocument],
    ) -> Result<(), PollError> {
        let limit = self.deps.settings.flows.max_gone_per_sweep;
        let percent = self.deps.settings.flows.max_shrink_percent;
        let mut limits = Vec::new();
        if gone > i64::from(limit) {
            limits.push(format!("`flows.max_gone_per_sweep` ({limit})"));
        }
        if shrunk(known.unsigned_abs(), (known - gone).unsigned_abs(), percent) {
            limits.push(format!("`flows.max_shrink_percent` ({percent}) of them"));
        }
        if !limits.is_empty() && !accept {
            return Err(PollError::TooManyGone { flow: self.flow.clone(), gone, known, limits: limits.join(" and ") });
        }
        if read.proven {
            return Ok(());
        }
        let keys: Vec<DocumentKey> = documents.iter().map(|gone| DocumentKey::from_text(&gone.key)).collect();
        self.really_gone(plan, &keys).await
    }
}
