//! State shared by the server's workers and the test that controls them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use actix_web::body::BodySize;
use serde::Serialize;

use super::enet::options::EnetAccounts;
use super::enet::state::Enet;
use super::options::Switches;
use crate::dataset::Database;
use crate::faults::Faults;
use crate::lock::lock;

/// A page that has just been written for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRead {
    /// The company.
    pub company: String,
    /// The table.
    pub table: String,
    /// Rows in the page.
    pub rows: usize,
    /// Rows that were examined to find them.
    pub examined: usize,
}

/// Requests and rows of one table in one company.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Requests, refused ones included; a request that a fault answers is not counted.
    pub requests: u64,
    /// Requests answered with another status than 200.
    pub refused: u64,
    /// Rows sent.
    pub rows: u64,
    /// Rows examined to find them.
    #[serde(rename = "looked_at")]
    pub examined: u64,
    /// Bytes of bodies.
    pub bytes: u64,
}

/// Runs after each page, with the data open for change.
pub type LiveWrites = Box<dyn FnMut(&mut Database, &PageRead) + Send>;

pub(super) struct Operators {
    /// Read by the service when it started.
    pub(super) loaded: Vec<(String, String)>,
    /// The current operators in SYSPRO.
    pub(super) current: Vec<(String, String)>,
}

/// The state of the HTTP service.
pub(super) struct Shared {
    database: RwLock<Database>,
    switches: RwLock<Switches>,
    pub(super) operators: Mutex<Operators>,
    traffic: Mutex<BTreeMap<(String, String), Traffic>>,
    live_writes: Mutex<Option<LiveWrites>>,
    pub(super) faults: Faults,
    pub(super) enet: Enet,
}

impl Shared {
    pub(super) fn new(database: Database, switches: Switches, operator: (String, String), enet: EnetAccounts, faults: Faults) -> Self {
        Self {
            database: RwLock::new(database),
            switches: RwLock::new(switches),
            operators: Mutex::new(Operators { loaded: vec![operator.clone()], current: vec![operator] }),
            traffic: Mutex::default(),
            live_writes: Mutex::default(),
            faults,
            enet: Enet::new(enet),
        }
    }

    pub(super) fn database(&self) -> RwLockReadGuard<'_, Database> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn database_mut(&self) -> RwLockWriteGuard<'_, Database> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switches(&self) -> Switches {
        self.switches.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn switches_mut(&self) -> RwLockWriteGuard<'_, Switches> {
        self.switches.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn may_read(&self, username: &str, password: &str) -> bool {
        let operators = lock(&self.operators);
        let list = if self.switches().reload_operators_on_restart { &operators.loaded } else { &operators.current };
        list.iter().any(|(name, secret)| name == username && secret == password)
    }

    pub(super) fn traffic(&self) -> MutexGuard<'_, BTreeMap<(String, String), Traffic>> {
        lock(&self.traffic)
    }

    pub(super) fn record(&self, company: &str, table: &str, status: u16, size: BodySize) {
        let mut traffic = self.traffic();
        let entry = traffic.entry((company.to_owned(), table.to_owned())).or_default();
        entry.requests += 1;
        entry.refused += u64::from(status != 200);
        if let BodySize::Sized(bytes) = size {
            entry.bytes += bytes;
        }
    }

    /// Counts the page, then lets the test change the data before the next one.
    pub(super) fn page_was_read(&self, read: &PageRead) {
        let mut traffic = self.traffic();
        let entry = traffic.entry((read.company.clone(), read.table.clone())).or_default();
        entry.rows += read.rows as u64;
        entry.examined += read.examined as u64;
        drop(traffic);
        if let Some(change) = lock(&self.live_writes).as_mut() {
            change(&mut self.database_mut(), read);
        }
    }

    pub(super) fn set_live_writes(&self, change: Option<LiveWrites>) {
        *lock(&self.live_writes) = change;
    }
}
