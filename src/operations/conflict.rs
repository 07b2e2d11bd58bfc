//! The conflict list: decides which value wins, and matches two lists for the first time. The flow's next run applies the decisions.

use super::flow::configured;
use super::selection::{self, WrongSelection};
use super::{Refused, Requested, approval};
use crate::domain::FlowId;
use crate::domain::approval::ApprovalKind;
use crate::domain::ids::ConflictId;
use crate::domain::merge::Side;
use crate::process::Process;
use crate::store::{Concerns, ConflictFilter, ConflictRow, Gated};

/// The result of a decision.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The entries that are decided.
    pub decided: Vec<ConflictRow>,
    /// The others: they are closed, do not exist, or could mean several rows.
    pub left_out: Vec<ConflictId>,
}

/// Decides entries, for their current values.
///
/// # Errors
/// [`Refused::Selection`]; [`Refused::NothingToDecide`] when none of them can be decided; an error of the ledger.
pub async fn resolve(process: &Process, ids: &[ConflictId], take: Side, requested: Requested) -> Result<Resolved, Refused> {
    selection::named(ids.len(), WrongSelection::Entries)?;
    let decided = process.store.conflict_decide(ids.to_vec(), take, requested.by, requested.why).await?;
    if decided.is_empty() {
        return Err(Refused::NothingToDecide(ids.to_vec()));
    }
    let left_out = ids.iter().copied().filter(|id| !decided.iter().any(|row| row.id == *id)).collect();
    Ok(Resolved { decided, left_out })
}

/// One entry of the list.
///
/// # Errors
/// [`Refused::NoConflict`]; an error of the ledger.
pub async fn find(process: &Process, id: ConflictId) -> Result<ConflictRow, Refused> {
    let rows = process.store.conflict_list(ConflictFilter { ids: vec![id], limit: 1, ..ConflictFilter::default() }).await?;
    rows.into_iter().next().ok_or_else(|| Refused::NoConflict(id.to_string()))
}

/// Matches two lists for the first time; answers the entries that this decided. `prefer`: the side whose value wins where both have a
/// record and differ.
///
/// # Errors
/// [`Refused::NoFlow`], [`Refused::NotAligned`]; an error of the ledger.
pub async fn adopt(process: &Process, flow: FlowId, prefer: Option<Side>, requested: Requested) -> Result<Vec<ConflictRow>, Refused> {
    configured(process, &flow)?;
    let aligned = process.definitions.now().plan(&flow.entity).is_some_and(|plan| plan.aligned().is_some());
    if !aligned {
        return Err(Refused::NotAligned(flow));
    }
    let preferred = prefer.map(|side| format!(", {side} where both differ")).unwrap_or_default();
    let subject = format!("align {flow} for the first time{preferred}");
    let open = process.store.conflict_adopted(flow.clone(), prefer).await?;
    let entries = if open == 1 { "1 entry of the conflict list is".to_owned() } else { format!("{open} entries of the conflict list are") };
    let effect = format!("{entries} decided, and the next run writes the decided values");
    match approval::needed(process, ApprovalKind::Adopt, subject, effect, Concerns::Conflicts(flow.clone()), &requested) {
        None => Ok(process.store.conflict_adopt(flow, prefer, requested.by, requested.why).await?),
        Some(ask) => match process.store.conflict_adopt_approved(flow, prefer, ask).await? {
            Gated::Done(decided) => Ok(decided),
            Gated::Asked(row) => Err(approval::asked(row)),
        },
    }
}
