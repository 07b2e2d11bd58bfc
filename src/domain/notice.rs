//! What people are told of without asking.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// Records were set aside.
    RecordsParked,
    /// Records that had arrived failed in ServiceNow.
    DownstreamFailed,
    /// Entries of the conflict list wait for a person.
    ConflictsOpened,
    /// Tieline itself stopped a flow.
    FlowStopped,
    /// A flow has not come to a good end for long.
    FlowStale,
    /// The service's own certificate expires soon.
    CertificateExpiring,
    /// Somebody tries the channel.
    Test,
}

words!(NoticeEvent {
    RecordsParked = "records_parked",
    DownstreamFailed = "downstream_failed",
    ConflictsOpened = "conflicts_opened",
    FlowStopped = "flow_stopped",
    FlowStale = "flow_stale",
    CertificateExpiring = "certificate_expiring",
    Test = "test",
});

impl NoticeEvent {
    /// What to do about it.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::RecordsParked => {
                "look at the failures, correct the cause, then replay them: `tieline failures`, `tieline replay --failed-only`"
            }
            Self::DownstreamFailed => "correct the record in SYSPRO or what ServiceNow names, then replay it",
            Self::ConflictsOpened => "decide whose value counts: `tieline conflicts list`, `tieline conflicts resolve`",
            Self::FlowStopped => "see why, make sure of it, then `tieline flow resume`",
            Self::FlowStale => "`tieline status` and `tieline doctor` say what is in its way",
            Self::CertificateExpiring => "renew the files of `http.certificate`; they are read anew when they change",
            Self::Test => "nothing: this was only a test",
        }
    }

    /// The page of the console about it.
    pub fn page(self) -> &'static str {
        match self {
            Self::RecordsParked | Self::DownstreamFailed => "failures",
            Self::ConflictsOpened => "conflicts",
            Self::FlowStopped | Self::FlowStale | Self::CertificateExpiring | Self::Test => "",
        }
    }
}
