//! Stores a page that the ledger refuses by halves, down to the one document that is the reason. That document fails under its key.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::warn;

use super::{PollError, Reader};
use crate::definition::Plan;
use crate::domain::chain;
use crate::domain::delivery::FailureReason;
use crate::domain::{DocumentKey, Fault};
use crate::store::{BackfillStep, Intake, IntakeDocument, MapFailure, StoreError};

/// How many characters of the original key a document keeps in its replacement key when the ledger refuses its own.
const KEY_SHOWN: usize = 100;

impl Reader {
    /// Stores a page, in parts where the ledger refuses it as a whole. `before`: the read position until the whole page is stored.
    pub(super) async fn take_in_whole(&self, plan: &Plan, page: Intake, before: Option<Value>) -> Result<(), PollError> {
        let page = Arc::new(page);
        let refusal = match self.take_in_shared(page.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !refusal.is_about_content() || page.documents.is_empty() {
            return Err(self.store_error(&refusal));
        }
        warn!(flow = %self.flow, error = %chain(&refusal), "the ledger refuses a page; Tieline stores it in halves to find the record that \
             causes this");
        let page = Arc::unwrap_or_clone(page);
        let part = |documents: Vec<IntakeDocument>| Intake {
            documents,
            position: before.clone(),
            watermark: None,
            kinds: None,
            notes: Vec::new(),
            backfill: page.backfill.as_ref().map(|step| BackfillStep { position: before.clone(), done: false, ..step.clone() }),
            ..page.clone_without_documents()
        };
        let mut todo = vec![page.documents.clone()];
        while let Some(mut documents) = todo.pop() {
            if documents.len() > 1 {
                let back = documents.split_off(documents.len() / 2);
                for half in [documents, back] {
                    match self.take_in_shared(Arc::new(part(half.clone()))).await {
                        Ok(()) => {}
                        Err(error) if error.is_about_content() => todo.push(half),
                        Err(error) => return Err(self.store_error(&error)),
                    }
                }
                continue;
            }
            let Some(document) = documents.pop() else { continue };
            self.take_in_refused(plan, &document, &refusal, &part).await?;
        }
        // the rest of the page is only its end position
        let end = Intake { documents: Vec::new(), ..page };
        self.take_in_shared(Arc::new(end)).await.map_err(|error| self.store_error(&error))
    }

    /// Stores a document that the ledger refuses as a failure under its key, or under a replacement key where the ledger refuses the key.
    async fn take_in_refused(
        &self,
        plan: &Plan,
        document: &IntakeDocument,
        first: &StoreError,
        part: &impl Fn(Vec<IntakeDocument>) -> Intake,
    ) -> Result<(), PollError> {
        let reason = match self.take_in_shared(Arc::new(part(vec![document.clone()]))).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let fault = Fault::of_rows(format!(
            "the ledger refuses this record: {}. The other records of the page were stored. Correct it in SYSPRO, or report it",
            chain(&reason)
        ));
        let digest: [u8; 32] = Sha256::digest(document.key.as_str().as_bytes()).into();
        let short: String = document.key.as_str().chars().take(KEY_SHOWN).collect();
        let named = format!("{short}…~{}", hex::encode(&digest[..4]));
        for key in [document.key.clone(), DocumentKey::from_text(named)] {
            let failed = IntakeDocument {
                key,
                hash: document.hash,
                content: crate::definition::content::faulty(&fault),
                mapped: Err(MapFailure {
                    reason: FailureReason::Unreadable,
                    block: plan.targets.first().map_or_else(|| "header".to_owned(), |target| target.block.clone()),
                    message: fault.text.clone(),
                    field: String::new(),
                    next_step: fault.next_step.clone(),
                }),
                warnings: Vec::new(),
                facts: document.facts.clone(),
                gone: document.gone,
                marks: document.marks.clone(),
            };
            if self.take_in_shared(Arc::new(part(vec![failed]))).await.is_ok() {
                warn!(flow = %self.flow, key = %document.key, error = %fault.text, "a record fails, because the ledger refuses it");
                return Ok(());
            }
        }
        // the ledger refuses even an empty document: the error is the ledger's own
        Err(self.store_error(first))
    }
}
