//! The right to create, tried for `doctor`: a row with a key of its own is made and taken away again, so that none is left.
//!
//! Its key begins with [`trial_row::TRIAL`], which no record's does, and is the same at every try: what an earlier try left is found by it
//! and taken away first, and as long as that cannot be done no other row is made. When an answer was lost, the row is searched for by the
//! key.

mod import;
mod table;
mod trial_row;

use std::collections::BTreeSet;

use crate::definition::plan::{TargetPlan, WriteMode};

use super::outcome::ProbeFinding;
use super::token::TokenSource;
use super::transport::Transport;

/// Tries each table that is written to once, however many blocks write to it.
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
