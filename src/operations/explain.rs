//! Where a record is, and why.

use super::Refused;
use crate::actors::Deps;
use crate::doctor::one_record::{self, Seen};
use crate::domain::FlowId;
use crate::store::RecordView;

/// What is known of a record.
#[derive(Debug)]
pub enum Explained {
    /// Its life, as the ledger has it.
    Known(Box<RecordView>),
    /// It was never read; SYSPRO itself was asked why.
    NeverRead(Seen),
}

/// The life of a record; of one that was never read SYSPRO is asked, as a command asks it. A running service has [`super::Service::explain`].
///
/// # Errors
/// The ledger's.
pub async fn explain(deps: &Deps, flow: &FlowId, key: &str) -> Result<Explained, Refused> {
    match known(deps, flow, key).await? {
        Some(view) => Ok(Explained::Known(view)),
        None => Ok(Explained::NeverRead(one_record::ask(deps, None, flow, key).await)),
    }
}

/// The life of a record that was read.
pub(super) async fn known(deps: &Deps, flow: &FlowId, key: &str) -> Result<Option<Box<RecordView>>, Refused> {
    let view = deps.store.record_view(flow.company.to_string(), flow.entity.to_string(), key.to_owned()).await?;
    Ok(view.known.then(|| Box::new(view)))
}
