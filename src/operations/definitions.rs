//! Puts definitions into force for every node. Only the command line asks for it: the files are on the machine of the command.

use super::{Refused, Requested};
use crate::definition::SetText;
use crate::store::{AdoptResult, Adopter, MayAdopt, Store};

/// Puts this set into force, whichever set is in force now. Where `[approvals]` asks for a second person (`approval_hours`: for how long), it
/// asks for one first. `node`: the name of the node whose files they are, if it has one.
///
/// # Errors
/// An error of the ledger.
pub async fn adopt(
    store: &Store,
    approval_hours: Option<u32>,
    set: SetText,
    node: Option<String>,
    requested: Requested,
) -> Result<AdoptResult, Refused> {
    let who = Adopter { node, actor: requested.by, why: Some(requested.why.into()), may: MayAdopt::Any, approval_hours };
    Ok(store.definition_adopt(set, who).await?)
}
