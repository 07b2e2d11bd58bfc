//! Checks for `doctor` whether the table behind a staging table has the columns that the transform map fills, and whether they are long
//! enough: the map drops a value without a column, and ServiceNow cuts a longer text, both without an error.

use std::collections::BTreeMap;

use crate::definition::plan::TargetPlan;
use crate::domain::next_step::NextStep;

use super::outcome::{ProbeFinding, ProbeVerdict};
use super::probe::dictionary;
use super::token::TokenSource;
use super::transform_map::Map;
use super::transport::Transport;

/// A finding, if the dictionary shows the table. `expected` has the least length of what is filled, by the column of the staging table.
pub(super) async fn probe(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    maps: &[Map],
    expected: &BTreeMap<String, usize>,
) -> Option<ProbeFinding> {
    let table = &target.target_table;
    // the check of the table's columns says when the dictionary cannot be read
    let known = dictionary(transport, tokens, table).await?;
    let (mut missing, mut short, mut compared) = (Vec::new(), Vec::new(), 0);
    let mut missing_in = String::new();
    for map in maps.iter().filter(|map| map.target == *table) {
        for (from, to) in &map.fields {
            // ServiceNow's own columns are in every table, and a field map by a script has no source
            if to.is_empty() || to.starts_with("sys_") {
                continue;
            }
            let Some(column) = known.get(to) else {
                missing.push(format!("`{to}`"));
                missing_in.clone_from(&map.name);
                continue;
            };
            compared += 1;
            if let (Some(length), Some(least)) = (column.length, expected.get(from))
                && length < *least
            {
                short.push(format!("`{to}` holds {length} characters and {least} may come from `{from}`"));
            }
        }
    }
    let (verdict, message, next_step) = if !missing.is_empty() {
        let message =
            format!("the dictionary has no column {}, which the map `{missing_in}` fills: the values are dropped", missing.join(", "));
        (ProbeVerdict::Failed, message, Some(NextStep::MakeColumnsBehind { table: table.clone(), map: missing_in }))
    } else if !short.is_empty() {
        let message = format!("{}; ServiceNow cuts a longer text", short.join(", "));
        (ProbeVerdict::Warning, message, Some(NextStep::LongerColumns { table: table.clone() }))
    } else {
        (ProbeVerdict::Ok, format!("all {compared} columns that the map fills are there and long enough"), None)
    };
    Some(ProbeFinding { table: format!("columns of {table} behind {}", target.table), verdict, message: message.into(), next_step })
}
