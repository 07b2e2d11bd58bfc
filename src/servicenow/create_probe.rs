//! Tests the right to create for `doctor`: creates a row with a special key and deletes it again, so that none is left.
//!
//! The key starts with [`trial_row::TRIAL`], as no record's key does, and is the same in every test. So a row that an earlier test left is
//! found by it and deleted first; as long as it cannot be deleted, no other row is created. When an answer was lost, the row is searched
//! for by the key.

mod import;
mod table;
mod trial_row;

use std::collections::BTreeSet;

use crate::definition::plan::{TargetPlan, WriteMode};

use super::outcome::ProbeFinding;
use super::token::TokenSource;
use super::transport::Transport;

/// Tests each target table once, however many blocks write to it.
pub(super) async fn try_create(transport: &Transport, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
    let mut findings = Vec::new();
    let mut tried = BTreeSet::new();
    for target in targets.iter().filter(|target| tried.insert(target.table.as_str())) {
        let (verdict, message, next_step) = match target.write {
            WriteMode::Table => table::try_one(transport, tokens, target).await,
            WriteMode::ImportSet => import::try_one(transport, tokens, target).await,
        };
        findings.push(ProbeFinding { table: target.table.clone(), verdict, message: message.into(), next_step });
    }
    findings
}
