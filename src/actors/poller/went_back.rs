//! Detects a SYSPRO company that was restored from a backup: it has none of the newest records that were read from it. Records that it no
//! longer has would be marked as gone, and records with their old content would never be compared again. The flow therefore stops until a
//! person has said what happened.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tracing::debug;

use super::complete::Sizes;
use super::{PollError, Reader};
use crate::definition::Plan;
use crate::domain::DocumentKey;
use crate::domain::life::went_back;
use crate::store::{FlowRow, GoneDocument};

/// The number of newest records to check.
pub(super) const SAMPLE: i64 = 20;
/// Time between two such checks of a flow that polls.
const EVERY: Duration = Duration::from_secs(3600);

impl Reader {
    /// Before a poll, once an hour: checks whether SYSPRO still has the newest records that the ledger knows. A check that cannot be made
    /// counts as passed.
    pub(super) async fn same_company(&self, plan: &Plan, row: &FlowRow) -> Result<(), PollError> {
        let checked = self.newest_checked.get().is_some_and(|at| at.elapsed() < EVERY);
        // a person has just confirmed this, or the keys are not rows of their own
        if checked || row.whole_next || Sizes::of(row).accept || plan.read.root.derive.is_some() {
            return Ok(());
        }
        let newest = self.newest().await?;
        if !newest.is_empty() {
            let keys: Vec<DocumentKey> = newest.iter().map(DocumentKey::from_text).collect();
            // a record that a rule excludes still exists
            match self.by_key(&plan.read.without_rules(), &keys).await {
                Ok(found) => {
                    let found: HashSet<DocumentKey> = found.into_iter().collect();
                    self.believe_newest(keys.len(), keys.iter().filter(|key| !found.contains(*key)).count())?;
                }
                Err(why) => debug!(flow = %self.flow, why, "Tieline could not check whether SYSPRO has the newest records"),
            }
        }
        self.newest_checked.set(Some(Instant::now()));
        Ok(())
    }

    /// After a whole read: checks whether most of the newest records are among those that it has not seen.
    pub(super) async fn newest_are_there(&self, gone: &[GoneDocument]) -> Result<(), PollError> {
        let newest = self.newest().await?;
        let gone: HashSet<&str> = gone.iter().map(|gone| gone.key.as_str()).collect();
        self.believe_newest(newest.len(), newest.iter().filter(|key| gone.contains(key.as_str())).count())
    }

    async fn newest(&self) -> Result<Vec<String>, PollError> {
        self.parts.store.document_newest(self.flow.clone(), SAMPLE).await.map_err(|error| self.store_error(&error))
    }

    fn believe_newest(&self, asked: usize, missing: usize) -> Result<(), PollError> {
        if went_back(asked, missing, self.parts.flows.went_back_percent) {
            return Err(PollError::WentBack { flow: self.flow.clone(), missing, asked });
        }
        Ok(())
    }
}
