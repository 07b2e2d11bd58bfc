//! The possible words of metric labels.

use std::fmt;
use std::str::FromStr;

use crate::domain::delivery::words;

/// An outside system, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// SYSPRO's OData service.
    SysproOdata,
    /// SYSPRO's e.net service.
    SysproEnet,
    /// ServiceNow.
    ServiceNow,
    /// Receivers of notices.
    Notices,
    /// The time-stamping authority.
    Timestamp,
    /// The OpenID provider through which people sign in.
    SignIn,
}

words!(System {
    SysproOdata = "syspro_odata",
    SysproEnet = "syspro_enet",
    ServiceNow = "servicenow",
    Notices = "notices",
    Timestamp = "timestamp",
    SignIn = "sign_in",
});

/// The end of a request, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// With an answer of this HTTP status.
    Answered(u16),
    /// Nothing was sent.
    NotConnected,
    /// No answer in time.
    TimedOut,
    /// The connection broke before the whole answer had arrived, or the answer was too large.
    Broken,
}

impl RequestStatus {
    /// Every word.
    #[cfg(test)]
    pub(super) fn words() -> [&'static str; 13] {
        let numbers = [401, 403, 404, 429, 503, 200, 300, 400, 500, 100].map(Self::Answered);
        let [a, b, c, d, e, f, g, h, i, j] = numbers.map(Self::as_str);
        [a, b, c, d, e, f, g, h, i, j, Self::NotConnected.as_str(), Self::TimedOut.as_str(), Self::Broken.as_str()]
    }

    /// Statuses that matter to an operator keep their number, the others become their class.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RequestStatus::Answered(401) => "401",
            RequestStatus::Answered(403) => "403",
            RequestStatus::Answered(404) => "404",
            RequestStatus::Answered(429) => "429",
            RequestStatus::Answered(503) => "503",
            RequestStatus::Answered(200..=299) => "2xx",
            RequestStatus::Answered(300..=399) => "3xx",
            RequestStatus::Answered(400..=499) => "4xx",
            RequestStatus::Answered(500..=599) => "5xx",
            RequestStatus::Answered(_) => "other",
            RequestStatus::NotConnected => "not_connected",
            RequestStatus::TimedOut => "timed_out",
            RequestStatus::Broken => "broken",
        }
    }
}

/// The end of an attempt to deliver a record, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// ServiceNow has it.
    Confirmed,
    /// ServiceNow has it, but one or more fields came back different.
    PartialWrite,
    /// A temporary failure; retried later.
    Deferred,
    /// The answer was lost.
    Unknown,
    /// It is not retried automatically.
    Failed,
    /// A newer version replaced it.
    Superseded,
}

words!(Outcome {
    Confirmed = "confirmed",
    PartialWrite = "partial_write",
    Deferred = "deferred",
    Unknown = "unknown",
    Failed = "failed",
    Superseded = "superseded",
});

/// The end of a run of a flow, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// Everything was read, and what could be sent was.
    Done,
    /// It ended early; the flow is run again.
    Failed,
    /// It did not start: another node has the flow or ran it already, or the flow is held.
    NotBegun,
}

words!(RunResult {
    Done = "done",
    Failed = "failed",
    NotBegun = "not_begun",
});

/// The kind of a notice channel, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// A message posted to an address.
    Webhook,
    /// Mail.
    Mail,
}

words!(ChannelKind { Webhook = "webhook", Mail = "mail" });

/// The result of sending a notice, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// It was accepted.
    Sent,
    /// It was not accepted, and is sent again.
    Again,
    /// The channel gave it up.
    Failed,
}

words!(Telling { Sent = "sent", Again = "again", Failed = "failed" });

/// The result of putting the head of a signed day outside, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadPut {
    /// It is there.
    Done,
    /// It is not.
    Failed,
}

words!(HeadPut { Done = "done", Failed = "failed" });

/// What became of a task in ServiceNow, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// It was created.
    Created,
    /// Its texts were changed.
    Updated,
    /// It was closed, or was closed or gone there.
    Closed,
    /// The attempt failed, and is repeated.
    Failed,
}

words!(TaskOutcome { Created = "created", Updated = "updated", Closed = "closed", Failed = "failed" });

/// Why a flow does not run, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A person paused it.
    Paused,
    /// Tieline stopped it, because a column or a field changed.
    Stopped,
    /// Its actors crashed too often.
    GaveUp,
}

words!(Hold {
    Paused = "paused",
    Stopped = "stopped",
    GaveUp = "gave_up",
});

/// The reason why an actor's death is counted, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeathCause {
    /// It panicked, and is restarted.
    Panic,
    /// It stopped itself, and is restarted.
    Stop,
    /// It crashed too often, and is not restarted.
    GiveUp,
}

words!(DeathCause {
    Panic = "panic",
    Stop = "stop",
    GiveUp = "give_up",
});

/// The end of a call of an e.net business object, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnetAnswer {
    /// The business object answered; its XML may still contain an error.
    Answered,
    /// The call or the logon itself was refused.
    Refused,
    /// The object is not licensed.
    Unlicensed,
    /// The session ended, and so did the one that replaced it.
    SessionLost,
    /// A person uses the operator.
    Evicted,
    /// No licence seat was free.
    NoSeat,
    /// Another node uses the operator.
    InUse,
    /// There was no answer, or none that could be read.
    Lost,
    /// Nothing was sent: the ledger, a credential or the e.net session was not available.
    NotSent,
}

words!(EnetAnswer {
    Answered = "answered",
    Refused = "refused",
    Unlicensed = "unlicensed",
    SessionLost = "session_lost",
    Evicted = "evicted",
    NoSeat = "no_seat",
    InUse = "in_use",
    Lost = "lost",
    NotSent = "not_sent",
});
