//! Reads twice what would empty or end a record. A service that cannot count may leave rows out silently. A record that has lost rows of a
//! table waits until the end of the read and is then read again. A record that was not seen is requested by its key. Only then is the loss
//! stored.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tracing::debug;

use super::complete::{Emptied, rows_of};
use super::{PollError, Reader};
use crate::definition::{Plan, ReadPlan};
use crate::domain::{Document, DocumentKey};
use crate::store::{Intake, IntakeDocument};

/// Records asked for by key in one request.
const AT_ONCE: usize = 100;
/// Keys that an error names.
const NAMED: usize = 3;

/// The records of a read that have lost rows of a table since they were last read.
#[derive(Debug, Default)]
pub(super) struct Doubted {
    emptied: Emptied,
    /// Rows per table that this read returned for each.
    records: HashMap<DocumentKey, HashMap<String, usize>>,
    /// The position of the read before the first of them: a read that resumes there meets all of them again.
    pub(super) position: Option<Value>,
}

impl Doubted {
    /// Whether any record waits for its second read.
    pub(super) fn any(&self) -> bool {
        !self.records.is_empty()
    }
}

/// The keys of documents that cannot become records: they do not show how many rows there are.
pub(super) fn faulty(documents: &[Document]) -> HashSet<DocumentKey> {
    documents.iter().filter(|document| !document.faults.is_empty()).map(|document| document.key.clone()).collect()
}

impl Reader {
    /// Compares a page with what the ledger has of its documents. Removes from it the documents that have lost rows of a table; too many of
    /// them stop the flow before any is stored. Answers the other documents.
    pub(super) async fn set_aside(
        &self,
        plan: &Plan,
        doubted: &mut Doubted,
        faulty: &HashSet<DocumentKey>,
        documents: Vec<IntakeDocument>,
        position: Option<&Value>,
    ) -> Result<Vec<IntakeDocument>, PollError> {
        if documents.is_empty() || (plan.read.joins.is_empty() && plan.read.children.is_empty()) {
            return Ok(documents);
        }
        let hashes = documents.iter().map(|document| (document.key.as_str().to_owned(), document.hash)).collect();
        let changed = self.parts.store.document_changed(self.flow.clone(), hashes).await.map_err(|error| self.store_error(&error))?;
        let before: HashMap<&str, &str> = changed.iter().map(|before| (before.key.as_str(), before.content.as_str())).collect();
        let mut sound = Vec::with_capacity(documents.len());
        for document in documents {
            let Some(before) = before.get(document.key.as_str()).filter(|_| !faulty.contains(&document.key)) else {
                sound.push(document);
                continue;
            };
            let after: HashMap<String, usize> = rows_of(plan, &document.content).into_iter().collect();
            let rows = |table: &String| after.get(table).copied().unwrap_or_default();
            let mut lost = false;
            for (table, had) in rows_of(plan, before) {
                lost |= rows(&table) < had;
                doubted.emptied.note(&table, had, rows(&table));
            }
            if !lost {
                sound.push(document);
                continue;
            }
            debug!(flow = %self.flow, key = %document.key, "the record has lost rows; Tieline reads it once more before it stores the \
                 loss");
            if doubted.records.is_empty() {
                doubted.position = position.cloned();
            }
            doubted.records.insert(document.key, after);
        }
        match doubted.emptied.worst(self.percent()) {
            Some((table, lost, had)) => {
                let what = format!("{lost} of {had} changed records have lost most of their rows of table `{table}`");
                Err(PollError::Shrunk { flow: self.flow.clone(), what })
            }
            None => Ok(sound),
        }
    }

    /// Reads the records that lost rows once more, by key, and stores those whose loss both reads show. `intake` converts documents to a
    /// page.
    pub(super) async fn take_in_doubted(
        &self,
        plan: &Plan,
        doubted: Doubted,
        intake: impl Fn(Vec<IntakeDocument>) -> Intake,
    ) -> Result<(), PollError> {
        let keys: Vec<DocumentKey> = doubted.records.keys().cloned().collect();
        // a passing answer that the table does not exist must not confirm itself
        self.syspro.forget_absent(&self.flow.company);
        let at_once = if plan.read.root.derive.is_some() { keys.len().max(1) } else { AT_ONCE };
        for keys in keys.chunks(at_once) {
            let documents = self.documents_by_key(&plan.read, keys).await?;
            let faulty = faulty(&documents);
            let documents = self.map(plan, documents).await?;
            for document in documents.iter().filter(|document| !faulty.contains(&document.key)) {
                let Some(first) = doubted.records.get(&document.key) else { continue };
                let more = |(table, rows): &(String, usize)| first.get(table).is_some_and(|first| first < rows);
                if let Some((table, rows)) = rows_of(plan, &document.content).into_iter().find(more) {
                    let first = first.get(&table).copied().unwrap_or_default();
                    let what =
                        format!("record `{}` had {first} rows of table `{table}`, and {rows} when Tieline read it once more", document.key);
                    return Err(PollError::Unsteady { flow: self.flow.clone(), what });
                }
            }
            self.take_in_whole(plan, intake(documents), doubted.position.clone()).await?;
        }
        Ok(())
    }

    /// Requests by key the records that a whole read has not returned.
    ///
    /// # Errors
    /// [`PollError::Unsteady`] where SYSPRO has one of them.
    pub(super) async fn really_gone(&self, plan: &Plan, keys: &[DocumentKey]) -> Result<(), PollError> {
        // their joined and child rows are not needed
        let bare = ReadPlan { joins: Vec::new(), children: Vec::new(), ..plan.read.clone() };
        let at_once = if plan.read.root.derive.is_some() { keys.len().max(1) } else { AT_ONCE };
        for some in keys.chunks(at_once) {
            let there: Vec<String> =
                self.documents_by_key(&bare, some).await?.into_iter().map(|document| format!("`{}`", document.key)).collect();
            if !there.is_empty() {
                let what = format!(
                    "{} known records were missing, and {} of them came when Tieline read them by key ({})",
                    keys.len(),
                    if keys.len() > some.len() { format!("at least {}", there.len()) } else { there.len().to_string() },
                    there.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")
                );
                return Err(PollError::Unsteady { flow: self.flow.clone(), what });
            }
        }
        Ok(())
    }

    async fn documents_by_key(&self, plan: &ReadPlan, keys: &[DocumentKey]) -> Result<Vec<Document>, PollError> {
        let credential = self.credential().await?;
        let page = self.syspro.by_key(&credential, &self.flow.company, plan, keys).await.map_err(|error| self.syspro_error(&error))?;
        Ok(page.documents)
    }
}
