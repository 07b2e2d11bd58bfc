//! The events that people are notified of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::next_step::NextStep;

/// An event for a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// Records failed.
    RecordsFailed,
    /// Records were delivered, and ServiceNow stored a field differently.
    PartialWrite,
    /// Delivered records failed in ServiceNow.
    DownstreamFailed,
    /// Entries of the conflict list wait for a person.
    ConflictsOpened,
    /// Tieline itself stopped a flow.
    FlowStopped,
    /// A flow has not succeeded for long.
    FlowStale,
    /// The service's own certificate expires soon.
    CertificateExpiring,
    /// A scheduled tie-out found what a person must look at, or could not verify both sides.
    TieOutNotTied,
    /// The ledger was restored from a backup.
    LedgerRestored,
    /// A day of the audit was signed: the head of the audit, to be kept outside.
    AuditHead,
    /// A change suspended the signatures of a period.
    CloseSuspended,
    /// An API key expires soon, or has expired.
    KeyExpiring,
    /// Something waits for a second person.
    ApprovalNeeded,
    /// A person tests the channel.
    Test,
}

words!(NoticeEvent {
    RecordsFailed = "records_failed",
    PartialWrite = "partial_write",
    DownstreamFailed = "downstream_failed",
    ConflictsOpened = "conflicts_opened",
    FlowStopped = "flow_stopped",
    FlowStale = "flow_stale",
    CertificateExpiring = "certificate_expiring",
    TieOutNotTied = "tie_out_not_tied",
    LedgerRestored = "ledger_restored",
    AuditHead = "audit_head",
    CloseSuspended = "close_suspended",
    KeyExpiring = "key_expiring",
    ApprovalNeeded = "approval_needed",
    Test = "test",
});

impl NoticeEvent {
    /// What to do about it.
    pub fn next_step(self) -> NextStep {
        match self {
            Self::RecordsFailed => NextStep::ReviewFailures,
            Self::PartialWrite => NextStep::CompareFields,
            Self::DownstreamFailed => NextStep::Downstream,
            Self::ConflictsOpened => NextStep::DecideConflicts,
            Self::FlowStopped => NextStep::ResumeFlow,
            Self::FlowStale => NextStep::CheckFlow,
            Self::CertificateExpiring => NextStep::RenewCertificate,
            Self::TieOutNotTied => NextStep::TieOutReview,
            Self::LedgerRestored => NextStep::LedgerRestored,
            Self::AuditHead => NextStep::KeepHead,
            Self::CloseSuspended => NextStep::CloseAgain,
            Self::KeyExpiring => NextStep::RenewKey,
            Self::ApprovalNeeded => NextStep::AnswerApproval,
            Self::Test => NextStep::TestOnly,
        }
    }

    /// The page of the console about it.
    pub fn page(self) -> &'static str {
        match self {
            Self::RecordsFailed | Self::DownstreamFailed => "failures",
            Self::PartialWrite => "audit?kind=partial_write",
            Self::ConflictsOpened => "conflicts",
            Self::TieOutNotTied => "tie-out",
            Self::LedgerRestored => "audit?kind=restored",
            Self::AuditHead => "audit?kind=action",
            Self::CloseSuspended => "close",
            Self::ApprovalNeeded => "approvals",
            Self::FlowStopped | Self::FlowStale | Self::CertificateExpiring | Self::KeyExpiring | Self::Test => "",
        }
    }
}
