//! Checks for `doctor` whether the text columns of tables are long enough for what is sent: ServiceNow cuts a longer text without an error.

use std::collections::BTreeMap;

use crate::domain::next_step::NextStep;

use super::outcome::{ProbeFinding, ProbeVerdict};
use super::probe::dictionary;
use super::token::TokenSource;
use super::transport::Transport;

/// One finding per table whose columns the dictionary shows. `expected` has the least length of each column, by table and column.
pub(super) async fn probe(
    transport: &Transport,
    tokens: &dyn TokenSource,
    expected: &BTreeMap<String, BTreeMap<String, usize>>,
) -> Vec<ProbeFinding> {
    let mut findings = Vec::new();
    for (table, columns) in expected {
        // the check of the table's columns says when the dictionary cannot be read
        let Some(known) = dictionary(transport, tokens, table).await else { continue };
        let short: Vec<String> = columns
            .iter()
            .filter_map(|(column, least)| {
                let length = known.get(column)?.length.filter(|length| length < least)?;
                Some(format!("`{column}` holds {length} characters and {least} may be sent"))
            })
            .collect();
        let compared = columns.keys().filter(|column| known.get(*column).is_some_and(|column| column.length.is_some())).count();
        let (verdict, message, next_step) = if short.is_empty() {
            (ProbeVerdict::Ok, format!("{compared} text columns are long enough for what is sent"), None)
        } else {
            let message = format!("{}; ServiceNow cuts a longer text", short.join(", "));
            (ProbeVerdict::Warning, message, Some(NextStep::LongerColumns { table: table.clone() }))
        };
        findings.push(ProbeFinding { table: format!("lengths of {table}"), verdict, message: message.into(), next_step });
    }
    findings
}
