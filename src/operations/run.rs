//! Runs flows once. [`Service::run`](super::Service::run) starts one flow in a running service; a command runs a set in its own process.

use crate::actors::scheduler::ExecuteRunSet;
use crate::actors::scheduler::run_set::{RunSetReport, RunSetRequest};
use crate::actors::system::ActorSystem;
use crate::domain::FlowId;
use crate::domain::reason::Reason;
use crate::domain::run::RunKind;

/// A run set that a person asked for; each run's audit has the reason.
pub(super) fn asked(flows: Vec<(FlowId, RunKind)>, by: String, why: Option<Reason>) -> RunSetRequest {
    RunSetRequest::by_hand(flows, by, why.map(Into::into))
}

/// The actors ended before the runs did. What the runs have done stays, and the next run continues there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was interrupted")]
pub struct Interrupted;

/// Runs a set of flows with these actors, and answers when all have ended. The reason is optional, because a schedule may run the command.
///
/// # Errors
/// [`Interrupted`].
pub async fn run_set(
    system: &ActorSystem,
    flows: Vec<(FlowId, RunKind)>,
    by: String,
    why: Option<Reason>,
) -> Result<RunSetReport, Interrupted> {
    system.scheduler.send(ExecuteRunSet(asked(flows, by, why))).await.map_err(|_| Interrupted)
}
