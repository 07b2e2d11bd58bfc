//! The conflict list: whose value counts, and two lists that are put in step. The flow's next run acts on it.

use super::{Refused, Requested};
use crate::actors::Deps;
use crate::domain::FlowId;
use crate::domain::merge::Side;
use crate::store::ConflictRow;

/// Decides entries, for the values that stand there now; answers those that were decided. The others are closed, not there, or could mean several rows.
///
/// # Errors
/// [`Refused::NothingToDecide`] when none of them can be decided; the ledger's.
pub async fn resolve(deps: &Deps, ids: &[i64], take: Side, requested: Requested) -> Result<Vec<ConflictRow>, Refused> {
    let decided = deps.store.conflict_decide(ids.to_vec(), take, requested.by, requested.why.into()).await?;
    if decided.is_empty() { Err(Refused::NothingToDecide(ids.to_vec())) } else { Ok(decided) }
}

/// Takes two lists for put in step from now on; answers the entries that this decided. `prefer`: whose value counts where both have a record and
/// differ.
///
/// # Errors
/// [`Refused::NotAligned`]; the ledger's.
pub async fn adopt(deps: &Deps, flow: FlowId, prefer: Option<Side>, requested: Requested) -> Result<Vec<ConflictRow>, Refused> {
    let aligned = deps.definitions.now().plan(&flow.entity).is_some_and(|plan| plan.aligned().is_some());
    if !aligned || !deps.settings.syspro.companies.contains(&flow.company) {
        return Err(Refused::NotAligned(flow));
    }
    Ok(deps.store.conflict_adopt(flow, prefer, requested.by, requested.why.into()).await?)
}
