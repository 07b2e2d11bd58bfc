//! What the Aligner is asked, what it answers, and what one comparison works with.

use std::time::Duration;

use actix::prelude::*;

use super::super::servicenow_token::TokenClient;
use super::write_back::WriteBack;
use crate::config::settings::SysproSource;
use crate::credentials::credential_store::CredentialStore;
use crate::domain::chain;
use crate::domain::ids::RunId;
use crate::domain::run::RunKind;
use crate::domain::{CompanyId, FlowId};
use crate::process::Process;
use crate::process::in_force::Snapshot;
use crate::retry::Class;
use crate::servicenow::{ServiceNow, ServiceNowError};
use crate::store::{Lease, Store, StoreError};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;

/// Documents, rows or entries that are read at once.
pub(super) const PAGE: i64 = 1000;

/// Request. Compares both sides once; answers when the result is in the ledger.
#[derive(Message, Clone)]
#[rtype(result = "Result<AlignReport, AlignError>")]
pub struct AlignNow {
    /// A poll or a sweep.
    pub kind: RunKind,
    /// The run.
    pub run: RunId,
    /// The flow's lease.
    pub lease: Lease,
}

/// What a run of the alignment did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlignReport {
    /// Rows read from ServiceNow.
    pub rows: usize,
    /// Records queued for sending.
    pub due: usize,
    /// New or changed entries of the conflict list.
    pub listed: usize,
    /// Entries that left it.
    pub closed: usize,
    /// Values that SYSPRO shows after Tieline asked it to store them.
    pub stored: usize,
}

/// Why the two sides were not compared, or why nothing was changed after the comparison.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AlignError {
    /// ServiceNow refuses or cannot be reached.
    #[error("its list in ServiceNow cannot be read: {text}")]
    ServiceNow {
        /// The whole chain of causes.
        text: String,
        /// What the error means for the next attempt.
        class: Class,
    },
    /// The ledger does not answer, or another node took over the flow.
    #[error("{text}")]
    Store {
        /// The whole chain of causes.
        text: String,
    },
    /// The change limit: more would change than is allowed.
    #[error(
        "the alignment would change {changes} of {list} records, more than `align.change_limit_percent` ({percent}) allows ({most}); \
         nothing was written. Check what changed on both sides; if the change is correct, raise the setting for one run"
    )]
    ChangeLimit {
        /// Records that would change or that are missing.
        changes: usize,
        /// Records of the list.
        list: usize,
        /// The setting, in percent.
        percent: u32,
        /// The number of changes that it allows.
        most: usize,
    },
}

impl AlignError {
    /// What the error means for the next attempt.
    pub fn class(&self) -> Class {
        match self {
            Self::ServiceNow { class, .. } => *class,
            Self::Store { .. } => Class::Transient,
            Self::ChangeLimit { .. } => Class::Permanent,
        }
    }
}

impl From<StoreError> for AlignError {
    fn from(error: StoreError) -> Self {
        Self::Store { text: chain(&error) }
    }
}

impl From<ServiceNowError> for AlignError {
    fn from(error: ServiceNowError) -> Self {
        Self::ServiceNow { text: error.chain(), class: error.class() }
    }
}

/// What every Aligner has from its process.
#[derive(Clone)]
pub struct AlignerParts {
    /// The companies of the settings.
    pub companies: Vec<CompanyId>,
    /// How SYSPRO is read.
    pub source: SysproSource,
    /// How long a flow's lease is valid without renewal.
    pub lease: Duration,
    /// The ledger.
    pub store: Store,
    /// The credentials.
    pub credential_store: CredentialStore,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for AlignerParts {
    fn from(process: &Process) -> Self {
        Self {
            companies: process.settings.syspro.companies.clone(),
            source: process.settings.syspro.source.clone(),
            lease: process.settings.flows.lease,
            store: process.store.clone(),
            credential_store: process.credential_store.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// All that one comparison of a flow needs.
pub(super) struct Work {
    pub(super) parts: AlignerParts,
    pub(super) definitions: Snapshot,
    pub(super) flow: FlowId,
    pub(super) servicenow: ServiceNow,
    pub(super) tokens: TokenClient,
    pub(super) write_back: Option<WriteBack>,
}
