//! How every supervised actor is started: its name, its mailbox, and what Root does when its supervisor gives up.

use crate::domain::FlowId;
use crate::supervision::guard::{self, ChildName, ChildSpec};

/// Messages that a mailbox holds before senders wait. The default of actix is 16. A run set sends to every flow at once, and the actors of
/// the flows then send to the session, the token and the Writer.
pub(super) const MAILBOX: usize = 64;

/// Messages in the mailbox of the token's actor: room for a thousand callers that send at once when a token has expired.
const TOKEN_MAILBOX: usize = 4096;

/// What Root does when the supervisor of an actor gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfGivenUp {
    /// Ends the process: without the actor, no record is read or delivered.
    EndProcess,
    /// Continues without the actor: records are read and delivered without it.
    LeaveOut,
    /// Stops this flow.
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

/// The actor that keeps the token.
pub(super) fn token(kind: &'static str) -> ChildSpec<IfGivenUp> {
    ChildSpec { capacity: TOKEN_MAILBOX, ..vital(kind) }
}

/// An actor that reading and delivering do not need.
pub(super) fn optional(kind: &'static str) -> ChildSpec<IfGivenUp> {
    ChildSpec { name: kind.into(), capacity: MAILBOX, if_given_up: IfGivenUp::LeaveOut }
}

/// One of a flow's own actors.
pub(super) fn of_flow(kind: &'static str, flow: &FlowId) -> ChildSpec<IfGivenUp> {
    ChildSpec { name: ChildName::serving(kind, flow), capacity: MAILBOX, if_given_up: IfGivenUp::LeaveFlowOut(flow.clone()) }
}
