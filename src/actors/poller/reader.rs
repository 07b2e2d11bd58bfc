//! What a run needs, and what its errors mean.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;

use super::error::PollError;
use crate::actors::aligner::AlignNow;
use crate::actors::mapper::MapPage;
use crate::actors::syspro_session::{CredentialRefused, GetCredential};
use crate::actors::writer::{Drain, Nudge};
use crate::config::settings::{FlowSettings, SysproSettings};
use crate::domain::chain;
use crate::domain::{DocumentKey, FlowId};
use crate::process::Process;
use crate::process::in_force::Snapshot;
use crate::retry::Backoff;
use crate::store::{Node, Store, StoreError};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::syspro::enet::EnetError;
use crate::syspro::{SysproError, SysproReader};
use crate::telemetry::progress::Progress;

/// What every Poller has from its process.
#[derive(Clone)]
pub struct PollerParts {
    /// `[flows]`
    pub flows: FlowSettings,
    /// `[syspro]`
    pub syspro: SysproSettings,
    /// The waits between two attempts.
    pub backoff: Backoff,
    /// The ledger.
    pub store: Store,
    /// The identity of this node, which holds the leases.
    pub node: Node,
    /// Counts of the current run set.
    pub progress: Arc<Progress>,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for PollerParts {
    fn from(process: &Process) -> Self {
        Self {
            flows: process.settings.flows.clone(),
            syspro: process.settings.syspro.clone(),
            backoff: process.settings.retry.backoff,
            store: process.store.clone(),
            node: process.node.clone(),
            progress: process.progress.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// What a run needs; cloned for each.
#[derive(Clone)]
pub struct Reader {
    /// What every Poller has from its process.
    pub parts: PollerParts,
    /// The flow.
    pub flow: FlowId,
    /// The definitions for every run of this reader.
    pub definitions: Snapshot,
    /// SYSPRO, through OData or e.net.
    pub syspro: SysproReader,
    /// Hands out the operator's credential.
    pub session: Recipient<GetCredential>,
    /// Is told when SYSPRO refuses the credential.
    pub refused: Recipient<CredentialRefused>,
    /// Maps pages.
    pub mapper: Recipient<MapPage>,
    /// Compares both sides, for flows whose records may change on both.
    pub aligner: Option<Recipient<AlignNow>>,
    /// Is told that deliveries are due.
    pub nudge: Recipient<Nudge>,
    /// Sends due deliveries.
    pub drain: Recipient<Drain>,
    /// Documents that crashed the Mapper, with the hash of the content; kept over a restart.
    pub poison: Poison,
    /// When the newest records were last checked in SYSPRO.
    pub newest_checked: Rc<Cell<Option<Instant>>>,
    /// Whether the current run has taken in anything that the ledger did not have.
    pub took_in: Rc<Cell<bool>>,
}

/// Keys and hashes of documents that are not to be mapped again.
pub type Poison = Rc<RefCell<HashMap<DocumentKey, [u8; 32]>>>;

impl Reader {
    pub(super) fn store_error(&self, error: &StoreError) -> PollError {
        if let StoreError::OtherDefinitions { in_force, .. } = error {
            return PollError::Definitions { flow: self.flow.clone(), in_force: *in_force };
        }
        PollError::Store { flow: self.flow.clone(), text: chain(error) }
    }

    pub(super) fn syspro_error(&self, error: &SysproError) -> PollError {
        if let SysproError::WrongPassword { .. } | SysproError::Enet { source: EnetError::WrongPassword { .. } } = error {
            self.refused.do_send(CredentialRefused);
        }
        if let SysproError::ColumnGone { .. } = error {
            return PollError::Drift { flow: self.flow.clone(), what: error.to_string() };
        }
        let unreachable = matches!(error, SysproError::Unreachable { .. } | SysproError::Tls { .. })
            || matches!(error, SysproError::Enet { source: EnetError::Unreachable { .. } });
        PollError::Syspro { flow: self.flow.clone(), text: chain(error), class: error.class(), lasts: error.lasts(), unreachable }
    }
}
