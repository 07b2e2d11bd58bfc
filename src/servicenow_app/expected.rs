//! What an instance must have for the definitions in force, made by hand or by the application: `tieline doctor` compares it with the dictionary.

use std::collections::BTreeMap;

use crate::definition::Definitions;
use crate::definition::extent::Extent;
use crate::definition::plan::TargetPlan;

use super::model::ColumnKind;
use super::shipped::Shipped;

/// The least length of each column, in characters, by table and column.
///
/// A column that the application brings must be as long as the application makes it. A column of ServiceNow's must hold what is certainly
/// sent, because the widths of SYSPRO's columns are unknown.
pub fn lengths(definitions: &Definitions) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut tables: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for target in definitions.plans.iter().flat_map(|plan| &plan.targets) {
        for field in target.fields.iter().filter(|field| field.name != "sys_id") {
            let extent = target.extent(field, &definitions.code_lists);
            let Some(length) = least(target, &field.name, extent) else { continue };
            let column = tables.entry(target.table.clone()).or_default().entry(field.name.clone()).or_default();
            *column = length.max(*column);
        }
    }
    tables
}

/// The least length of each column that a transform map fills, by staging table and its column.
///
/// What the application makes behind its own staging tables must be as long as it makes it; for all others, what is certainly sent counts.
pub fn behind(definitions: &Definitions) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut tables: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for target in definitions.plans.iter().flat_map(|plan| &plan.targets).filter(|target| target.target_table != target.table) {
        let columns = tables.entry(target.table.clone()).or_default();
        columns.extend(target.key_column.iter().map(|name| (name.clone(), TargetPlan::key_extent().length)));
        columns.extend(target.version_column.iter().map(|name| (name.clone(), TargetPlan::version_extent().length)));
        for field in &target.fields {
            let extent = target.extent(field, &definitions.code_lists);
            let is_own = match Shipped::find(&target.table) {
                // the shipped map fills columns of other names
                Some(staging) => staging.lacks(&field.name),
                None => Shipped::find(&target.target_table).is_none_or(|behind| behind.lacks(&field.name)),
            };
            let length = match ColumnKind::of(extent) {
                ColumnKind::Text(length) if is_own => length,
                ColumnKind::Text(_) if extent.certain => extent.length,
                _ => continue,
            };
            let column = columns.entry(field.name.clone()).or_default();
            *column = length.max(*column);
        }
    }
    tables
}

fn least(target: &TargetPlan, column: &str, extent: Extent) -> Option<usize> {
    let is_own = Shipped::find(&target.table).is_none_or(|shipped| shipped.lacks(column));
    match ColumnKind::text_of(extent) {
        ColumnKind::Text(length) if is_own => Some(length),
        _ if extent.certain => Some(extent.length),
        _ => None,
    }
}
