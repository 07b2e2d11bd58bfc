//! The errors of e.net: what was tried, what came back, what to do. They never contain a URL, a password or a session id.

use std::time::Duration;

use crate::net::NetError;
use crate::redact::Quoted;
use crate::retry::Class;
use crate::telemetry::labels::EnetAnswer;

/// Why e.net gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum EnetError {
    /// The client cannot be created from the settings.
    #[error("e.net cannot be reached with these settings (`[syspro]`)")]
    Setup {
        /// What is wrong.
        #[source]
        source: NetError,
    },
    /// No address is set.
    #[error("`syspro.enet_url` is missing: the address of e.net's REST service, such as `http://erp.example:31002/SYSPROWCFService/Rest`")]
    NoAddress,
    /// No answer, or an incomplete one.
    #[error(
        "e.net gave no answer to {asked}; check that the e.net Communications Load Balancer runs and that `syspro.enet_url` names its REST port"
    )]
    Unreachable {
        /// The request.
        asked: String,
        /// What happened.
        #[source]
        source: NetError,
    },
    /// Wrong password of the operator.
    #[error(
        "e.net refused the password of operator `{operator}`; set it again with `tieline credential set syspro-enet --username {operator} --password-stdin`"
    )]
    WrongPassword {
        /// The operator.
        operator: String,
    },
    /// Any other refusal of a logon.
    #[error(
        "e.net refused the logon of operator `{operator}` to company `{company}`: {answer}; check the operator, its companies, the company password \
         (credential `syspro-enet-company`) and the e.net licence in SYSPRO"
    )]
    LogonRefused {
        /// The operator.
        operator: String,
        /// The company.
        company: String,
        /// The answer of e.net.
        answer: Quoted,
    },
    /// No licence seat is free.
    #[error(
        "no e.net seat is free for operator `{operator}`: {answer}; Tieline retries later. Give the operator a seat of its own, or end \
         idle sessions in SYSPRO's Users screen"
    )]
    NoSeat {
        /// The operator.
        operator: String,
        /// The answer of e.net.
        answer: Quoted,
    },
    /// A person uses the operator now.
    #[error(
        "somebody logged in to SYSPRO with operator `{operator}`, which ended the session for {asked}; Tieline does not use e.net for \
         {seconds} s. Use this operator for Tieline only"
    )]
    Evicted {
        /// The operator.
        operator: String,
        /// The request.
        asked: String,
        /// The pause before the next call to e.net, in seconds.
        seconds: u64,
    },
    /// Two sessions in a row ended.
    #[error(
        "the e.net session ended at {asked}, and so did the next one: {answer}; is operator `{operator}` used elsewhere, by another node or a person?"
    )]
    SessionLost {
        /// The operator.
        operator: String,
        /// The request.
        asked: String,
        /// The answer of e.net.
        answer: Quoted,
    },
    /// The object is not installed or not licensed.
    #[error(
        "business object `{object}` is not installed or not licensed for operator `{operator}` (e.net exception 100000); license its \
         functional area for the operator in SYSPRO"
    )]
    Unlicensed {
        /// The object.
        object: String,
        /// The operator.
        operator: String,
    },
    /// The request itself was refused.
    #[error("e.net refused {asked}: {answer}")]
    Refused {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The answer of the business object or the server.
        answer: Quoted,
    },
    /// An HTML page where data was expected.
    #[error("e.net answered {asked} with a page instead of data (status {status}): {answer}; check `syspro.enet_url`")]
    NotData {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The start of the page.
        answer: Quoted,
    },
    /// Truncated or malformed XML.
    #[error("e.net's answer to {asked} cannot be read: {problem}")]
    Malformed {
        /// The request.
        asked: String,
        /// What is wrong.
        problem: Quoted,
    },
    /// A condition that COMFND cannot express.
    #[error("{asked} cannot be sent to COMFND: {problem}; change the condition in the entity's definition, or read it through OData")]
    Condition {
        /// The request.
        asked: String,
        /// The part that it cannot express.
        problem: String,
    },
    /// Another node uses the operator.
    #[error(
        "operator `{operator}` is used by another node (`{holder}`), and e.net allows it one session; Tieline retries later. Give each \
         node that reads at the same time a database of its own and an operator of its own, or let one node read"
    )]
    Held {
        /// The operator.
        operator: String,
        /// The node that holds it.
        holder: String,
    },
    /// It is unknown whether the operator is free.
    #[error("the ledger does not say whether e.net's operator is free: {problem}")]
    Ledger {
        /// The ledger's error.
        problem: String,
    },
    /// The actor of the session is being restarted.
    #[error("{asked} could not be sent to e.net: the session actor is being restarted; try again")]
    Restarting {
        /// The request.
        asked: String,
    },
    /// The operator's credential is not available.
    #[error("{problem}")]
    Credential {
        /// Why.
        problem: String,
    },
}

impl EnetError {
    /// What the error means for the next attempt of a query. The outcome of a call that writes is unknown after [`EnetError::Unreachable`].
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { source, .. } => match source {
                NetError::Setup { .. } | NetError::TooLarge { .. } => Class::Permanent,
                _ => Class::Transient,
            },
            Self::NoSeat { .. } | Self::Evicted { .. } | Self::Held { .. } => Class::Throttled,
            Self::SessionLost { .. } | Self::Malformed { .. } | Self::Restarting { .. } | Self::Ledger { .. } => Class::Transient,
            Self::NotData { status, .. } if *status >= 500 || *status == 200 => Class::Transient,
            _ => Class::Permanent,
        }
    }

    /// The label in the metrics.
    pub(super) fn answer(&self) -> EnetAnswer {
        match self {
            Self::Unlicensed { .. } => EnetAnswer::Unlicensed,
            Self::SessionLost { .. } => EnetAnswer::SessionLost,
            Self::Evicted { .. } => EnetAnswer::Evicted,
            Self::NoSeat { .. } => EnetAnswer::NoSeat,
            Self::Held { .. } => EnetAnswer::InUse,
            Self::Unreachable { .. } | Self::NotData { .. } | Self::Malformed { .. } => EnetAnswer::Lost,
            Self::WrongPassword { .. } | Self::LogonRefused { .. } | Self::Refused { .. } => EnetAnswer::Refused,
            Self::Setup { .. }
            | Self::NoAddress
            | Self::Condition { .. }
            | Self::Ledger { .. }
            | Self::Restarting { .. }
            | Self::Credential { .. } => EnetAnswer::NotSent,
        }
    }

    /// How long to make no calls to e.net.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Evicted { seconds, .. } => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }
}
