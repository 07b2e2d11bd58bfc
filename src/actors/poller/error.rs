//! The reasons why a flow did not run, or did not run to its end, and their consequences for its next runs.

use crate::actors::aligner::AlignError;
use crate::credentials::credential_store::CredentialError;
use crate::domain::FlowId;
use crate::retry::Class;
use crate::store::AfterError;

/// Why a flow did not run, or did not finish.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PollError {
    /// It is running in this process.
    #[error("flow {flow} is running already")]
    Running {
        /// The flow.
        flow: FlowId,
    },
    /// Another node holds it.
    #[error("flow {flow} is held by node `{holder}` until {until}; two nodes never read one flow")]
    Held {
        /// The flow.
        flow: FlowId,
        /// The node that holds it.
        holder: String,
        /// End of the lease, if it is not renewed.
        until: String,
    },
    /// It has completed a run since it was due.
    #[error("flow {flow} has run since it was due")]
    Done {
        /// The flow.
        flow: FlowId,
    },
    /// It is paused.
    #[error("flow {flow} was paused by `{by}`; resume it first")]
    Paused {
        /// The flow.
        flow: FlowId,
        /// The person who paused it.
        by: String,
    },
    /// Tieline itself stopped it, and a person has not resumed it yet.
    #[error("flow {flow} is stopped: {why}")]
    Stopped {
        /// The flow.
        flow: FlowId,
        /// Why.
        why: String,
    },
    /// A column holds another kind of value than before.
    #[error(
        "flow {flow}: {what}. Nothing of this page was stored, and the flow is stopped, because keys and amounts may now have another \
         meaning. Correct the proxy or service between SYSPRO and Tieline, or make sure that the change is right (an upgrade of SYSPRO or \
         its OData service), then resume the flow: `tieline flow resume {} {} --why …`; `type_change = \"report\"` in the entity's \
         definition only reports such changes",
        flow.company, flow.entity
    )]
    Drift {
        /// The flow.
        flow: FlowId,
        /// What changed.
        what: String,
    },
    /// SYSPRO refuses or cannot be reached.
    #[error("flow {flow}: {text}")]
    Syspro {
        /// The flow.
        flow: FlowId,
        /// The whole chain of causes.
        text: String,
        /// What the error means for the next attempt.
        class: Class,
        /// Whether every further run will fail the same way until a person acts.
        lasts: bool,
        /// Whether the system could not be reached at all.
        unreachable: bool,
    },
    /// There is no credential, or it cannot be decrypted.
    #[error("flow {flow}: {problem}")]
    Credential {
        /// The flow.
        flow: FlowId,
        /// Why.
        problem: CredentialError,
    },
    /// The ledger does not answer, or another node took over the flow.
    #[error("flow {flow}: {text}")]
    Store {
        /// The flow.
        flow: FlowId,
        /// The whole chain of causes.
        text: String,
    },
    /// So many deliveries wait that reading has stopped, and none of them moves.
    #[error(
        "flow {flow}: {waiting} of its records wait to be sent and none was delivered for {minutes} min, so reading stops here; the next \
         run continues at this page. See `tieline status` for why nothing is sent; `flows.backlog` and `flows.backlog_wait_minutes` are \
         the limits"
    )]
    Backlog {
        /// The flow.
        flow: FlowId,
        /// The number of waiting deliveries; counted up to twice the limit.
        waiting: i64,
        /// Minutes since the last delivery.
        minutes: u64,
    },
    /// New definitions came into force during the run: the next run maps the rest with them.
    #[error("flow {flow} stopped at the end of a page because definitions number {in_force} came into force; the next run continues there")]
    Definitions {
        /// The flow.
        flow: FlowId,
        /// The number of those in force.
        in_force: i32,
    },
    /// The service is stopping.
    #[error("flow {flow} stopped at the end of a page because the service stops; the next run continues there")]
    Stopping {
        /// The flow.
        flow: FlowId,
    },
    /// The two sides could not be compared, or too much would change.
    #[error("flow {flow}: {problem}")]
    Align {
        /// The flow.
        flow: FlowId,
        /// Why.
        problem: AlignError,
    },
    /// The Mapper crashed too often: the current documents are not the cause, and nothing is stored.
    #[error(
        "flow {flow}: its Mapper crashed too often and is not started again; the log says why. Restart the service; if it happens again, report it"
    )]
    MapperEnded {
        /// The flow.
        flow: FlowId,
    },
    /// A sweep would mark more documents as gone than the limits allow.
    #[error(
        "flow {flow}: the sweep did not see {gone} of the {known} known documents, more than {limits}; nothing was marked, and the flow is \
         stopped. If they are really gone from SYSPRO, run `tieline flow resume {} {} --accept-smaller --why …`, which accepts it for one \
         full read. If they are not, find out why the service omits them, then resume the flow without `--accept-smaller`",
        flow.company, flow.entity
    )]
    TooManyGone {
        /// The flow.
        flow: FlowId,
        /// The number of documents that it would mark.
        gone: i64,
        /// The number of documents in the ledger.
        known: i64,
        /// The limits that it exceeds.
        limits: String,
    },
    /// SYSPRO no longer has the newest records.
    #[error(
        "flow {flow}: {missing} of the {asked} newest records are no longer in SYSPRO: the company was restored to an earlier state, or \
         its service omits rows. Nothing was marked as gone, and the flow is stopped. If the company was restored, {}; if the records were \
         deleted, `tieline flow resume {} {} --accept-smaller --why …` accepts it for one whole read (`flows.went_back_percent`)",
        crate::domain::life::COMPARE,
        flow.company, flow.entity
    )]
    WentBack {
        /// The flow.
        flow: FlowId,
        /// The number of missing records.
        missing: usize,
        /// The number of records that were checked.
        asked: usize,
    },
    /// A second read returned what the first did not.
    #[error(
        "flow {flow}: {what}. SYSPRO's service omits rows in some answers, so the read is not complete: nothing is marked as gone or \
         emptied. The next run reads again; if this happens again, find out why the service omits rows (a view, paging, queries that skip \
         locked rows)"
    )]
    Unsteady {
        /// The flow.
        flow: FlowId,
        /// What only one of the two reads returned.
        what: String,
    },
    /// A table that had rows answers with none, or with a fraction.
    #[error(
        "flow {flow}: {what}, which is more than `flows.max_shrink_percent` allows. Nothing is marked as gone or emptied, and the flow is \
         stopped: most likely the service, a view or the operator's rights omit rows. After you have corrected that, resume the flow: \
         `tieline flow resume {} {} --why …`; if SYSPRO really has so few, add `--accept-smaller`, which accepts it until the next full \
         read has ended",
        flow.company, flow.entity
    )]
    Shrunk {
        /// The flow.
        flow: FlowId,
        /// The table that has become smaller.
        what: String,
    },
}

impl PollError {
    /// Whether the run did not start, for a reason that is not an error.
    pub(super) fn before_begin(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Done { .. } | Self::Running { .. } | Self::Paused { .. } | Self::Stopped { .. })
    }

    /// What the error means for the runs after this one.
    pub(super) fn after(&self) -> AfterError {
        match self {
            Self::Drift { .. } | Self::Shrunk { .. } | Self::TooManyGone { .. } | Self::WentBack { .. } => AfterError::Stop,
            Self::Syspro { lasts: true, .. } => AfterError::Lasts,
            _ => AfterError::TryAgain,
        }
    }

    /// What it means for the next attempt.
    pub fn class(&self) -> Class {
        match self {
            Self::Syspro { class, .. } => *class,
            Self::Align { problem, .. } => problem.class(),
            // the other node may die; the ledger may recover; a person may set the credential
            Self::Held { .. }
            | Self::Backlog { .. }
            | Self::Store { .. }
            | Self::Credential { .. }
            | Self::Stopping { .. }
            | Self::Definitions { .. } => Class::Transient,
            Self::MapperEnded { .. } => Class::Bug,
            Self::Running { .. }
            | Self::Done { .. }
            | Self::Paused { .. }
            | Self::Stopped { .. }
            | Self::Drift { .. }
            | Self::Unsteady { .. }
            | Self::Shrunk { .. }
            | Self::WentBack { .. }
            | Self::TooManyGone { .. } => Class::Permanent,
        }
    }
}
