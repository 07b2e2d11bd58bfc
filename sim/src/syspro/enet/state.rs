//! Sessions, accounts and call counts of the simulated e.net.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::options::EnetAccounts;
use super::sessions::{SessionCounts, Sessions};
use crate::lock::lock;

/// The e.net state that the server's workers share.
pub(in crate::syspro) struct Enet {
    sessions: Mutex<Sessions>,
    pub(in crate::syspro) accounts: Mutex<EnetAccounts>,
    /// Calls by operation and business object.
    calls: Mutex<BTreeMap<String, u64>>,
}

/// The e.net part of `/_sim/stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnetStats {
    /// Sessions.
    pub sessions: SessionCounts,
    /// Calls that reached a business object, such as `Query/COMFND`; posts as `Transaction/Post/APSTIN`.
    pub calls: BTreeMap<String, u64>,
}

impl Enet {
    pub(in crate::syspro) fn new(accounts: EnetAccounts) -> Self {
        Self { sessions: Mutex::default(), accounts: Mutex::new(accounts), calls: Mutex::default() }
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    pub(in crate::syspro) fn stats(&self) -> EnetStats {
        EnetStats { sessions: self.sessions().counts(), calls: lock(&self.calls).clone() }
    }

    /// Logs a person in with the operator's code. Returns how many sessions that ended.
    pub(in crate::syspro) fn evict(&self, operator: &str) -> usize {
        self.sessions().evict(operator)
    }

    /// Ends every session, as a restart of the service does. Returns how many.
    pub(in crate::syspro) fn expire(&self) -> usize {
        self.sessions().expire()
    }

    pub(super) fn count(&self, call: &str) {
        *lock(&self.calls).entry(call.to_owned()).or_default() += 1;
    }
}
