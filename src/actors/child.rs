//! What every supervised actor is started with: its name, its mailbox, and what Root does when it gives up.

use crate::domain::FlowId;
use crate::supervision::guard::{self, ChildName, ChildSpec};

/// Messages that a mailbox holds before senders wait. The default of actix is 16. A run set asks every flow at once, and the actors of the flows
/// then ask the session, the token and the Writer.
pub(super) const MAILBOX: usize = 64;

/// What Root does when an actor gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfGivenUp {
    /// Ends the process: no record is read or delivered without the actor.
    EndProcess,
    /// Leaves the actor out: everything is read and delivered all the same.
    LeaveOut,
    /// Leaves this flow out.
    LeaveFlowOut(FlowId),
}

/// How the actors here are supervised.
pub(super) type Supervision = guard::Supervision<IfGivenUp>;

/// A supervised actor has ended for good.
pub(super) type ChildExited = guard::ChildExited<IfGivenUp>;

/// An actor that everything depends on.
pub(super) fn vital(kind: &'static str) -> ChildSpec<IfGivenUp> {
    ChildSpec { name: kind.into(), capacity: MAILBOX, if_given_up: IfGivenUp::EndProcess }
}

/// An actor without which everything is read and delivered all the same.
pub(super) fn optional(kind: &'static str) -> ChildSpec<IfGivenUp> {
    ChildSpec { name: kind.into(), capacity: MAILBOX, if_given_up: IfGivenUp::LeaveOut }
}

/// One of a flow's own actors.
pub(super) fn of_flow(kind: &'static str, flow: &FlowId) -> ChildSpec<IfGivenUp> {
    ChildSpec { name: ChildName::serving(kind, flow), capacity: MAILBOX, if_given_up: IfGivenUp::LeaveFlowOut(flow.clone()) }
}
