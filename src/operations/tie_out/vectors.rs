//! Change vectors: whether a table of ServiceNow has changed, by one request for all flows that share it.

use std::cell::RefCell;
use std::collections::HashMap;

use tracing::debug;

use super::values::prefix;
use super::work::{FlowWork, Sides};
use crate::definition::plan::TargetPlan;

/// The most companies in one question; with more, each flow asks for itself, because the address would be too long.
const COMPANIES: usize = 20;

/// The vectors that one tie-out has asked for.
#[derive(Default)]
pub(super) struct Vectors(RefCell<HashMap<String, Option<String>>>);

impl Vectors {
    /// The vector of a table, asked for once in a tie-out. `None`: the instance does not tell it.
    pub(super) async fn cached(&self, work: &FlowWork<'_>, sides: Sides<'_>, target: &TargetPlan, table: &str) -> Option<String> {
        let question = question(work, target, table)?;
        let key = format!("{question:?}");
        if let Some(known) = self.0.borrow().get(&key) {
            return known.clone();
        }
        let vector = ask(sides, &question).await;
        self.0.borrow_mut().insert(key, vector.clone());
        vector
    }

    /// The vector of a table now.
    pub(super) async fn fresh(&self, work: &FlowWork<'_>, sides: Sides<'_>, target: &TargetPlan, table: &str) -> Option<String> {
        ask(sides, &question(work, target, table)?).await
    }
}

/// A table, its key column, and the prefixes of the keys that are asked for.
#[derive(Debug)]
struct Question {
    table: String,
    column: String,
    prefixes: Vec<String>,
}

fn question(work: &FlowWork<'_>, target: &TargetPlan, table: &str) -> Option<Question> {
    let column = target.key_column.as_deref().and_then(|key| target.tie_out.column(key))?;
    let companies = &work.process.settings.syspro.companies;
    let entity = &work.flow.entity;
    let prefixes = match companies.len() <= COMPANIES {
        true => companies.iter().map(|company| format!("{company}/{entity}/")).collect(),
        false => vec![prefix(work.flow)],
    };
    Some(Question { table: table.to_owned(), column: column.to_owned(), prefixes })
}

async fn ask(sides: Sides<'_>, question: &Question) -> Option<String> {
    match sides.servicenow.change_vector(sides.tokens, &question.table, &question.column, &question.prefixes).await {
        Ok(vector) => vector,
        // the rows are listed, and that reports what is wrong
        Err(error) => {
            debug!(table = question.table, error = error.chain(), "ServiceNow does not tell whether the table has changed");
            None
        }
    }
}
