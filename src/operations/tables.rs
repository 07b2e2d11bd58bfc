//! The tables of ServiceNow that finally have the records of a target.

use std::collections::BTreeSet;

use crate::definition::plan::{TargetPlan, WriteMode};
use crate::domain::FlowId;
use crate::process::Process;
use crate::retry::Class;
use crate::servicenow::{ServiceNow, TokenSource};
use crate::store::StoreError;

/// The tables, or why they are not known.
pub(super) enum Tables {
    /// At least one.
    Known {
        /// Their names.
        tables: Vec<String>,
        /// The column with the key in them.
        key_column: String,
    },
    /// Why not, for people.
    Unknown(String),
}

/// The tables of a target. The transform decides where the records of a staging table go: the ledger knows it of what was delivered, and
/// the staging rows of the last days.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn tables(
    process: &Process,
    servicenow: &ServiceNow,
    tokens: &dyn TokenSource,
    flow: &FlowId,
    target: &TargetPlan,
) -> Result<Tables, StoreError> {
    let Some(key_column) = target.key_column.as_deref().and_then(|key| target.tie_out.column(key)).map(str::to_owned) else {
        return Ok(Tables::Unknown(format!(
            "the definition of `{}` names no `key_column`, so its rows cannot be identified",
            target.table
        )));
    };
    let elsewhere = |table: &String| !table.eq_ignore_ascii_case(&target.table);
    if target.write == WriteMode::Table || elsewhere(&target.target_table) {
        return Ok(Tables::Known { tables: vec![target.target_table.clone()], key_column });
    }
    let delivered = process.store.restored_tables(flow.clone()).await?;
    let own = delivered.into_iter().filter(|one| one.block == target.block).map(|one| one.target_table);
    let mut tables: BTreeSet<String> = own.collect();
    match servicenow.landed(tokens, target, &format!("{}/{}/", flow.company, flow.entity)).await {
        Ok(landed) => tables.extend(landed),
        // staging rows need not be readable
        Err(error) if error.class() == Class::Permanent => {}
        Err(error) => return Ok(Tables::Unknown(format!("ServiceNow could not be read: {}", error.chain()))),
    }
    let tables: Vec<String> = tables.into_iter().filter(elsewhere).collect();
    if tables.is_empty() {
        return Ok(Tables::Unknown(format!(
            "the target table of the transform map of `{}` is unknown: name it as `target_table` in the profile's definition",
            target.table
        )));
    }
    Ok(Tables::Known { tables, key_column })
}
