//! The state of a record, and the reason.

use super::Refused;
use crate::doctor::one_record::{self, Seen};
use crate::domain::FlowId;
use crate::process::Process;
use crate::store::RecordView;

/// The result for a record.
#[derive(Debug)]
pub enum Explained {
    /// Its history in the ledger.
    Known(Box<RecordView>),
    /// It was never read; holds what SYSPRO shows about it.
    NeverRead(Seen),
}

/// The history of a record. For one that was never read, SYSPRO is queried as a command does it. A running service has
/// [`super::Service::explain`].
///
/// # Errors
/// [`Refused::NoFlow`]; an error of the ledger.
pub async fn explain(process: &Process, flow: &FlowId, key: &str) -> Result<Explained, Refused> {
    match known(process, flow, key).await? {
        Some(view) => Ok(Explained::Known(view)),
        None => Ok(Explained::NeverRead(one_record::ask(process, None, flow, key).await)),
    }
}

/// The history of a record that was read; `None` for one that was never read, of a company and an entity that are known.
///
/// # Errors
/// As [`explain`].
pub(super) async fn known(process: &Process, flow: &FlowId, key: &str) -> Result<Option<Box<RecordView>>, Refused> {
    let view = process.store.record_view(flow.company.to_string(), flow.entity.to_string(), key.to_owned()).await?;
    if view.known {
        return Ok(Some(Box::new(view)));
    }
    process.names().await?.check(Some(flow.company.as_str()), Some(flow.entity.as_str())).map_err(Refused::NoFlow)?;
    Ok(None)
}
