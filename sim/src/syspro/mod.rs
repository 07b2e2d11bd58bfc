//! A simulator of SYSPRO 8: its OData service and its e.net over made-up companies.
//!
//! [`SysproSim`] starts and controls it from a test; `/_sim` controls it when it runs as its own process.

pub mod control;
pub mod enet;
pub mod filter;
pub mod json;
pub mod metadata;
pub mod options;
pub mod plan;
pub mod query;
mod routes;
mod state;

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use actix_web::web;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use url::Url;

pub use control::Stats;
pub use enet::{EnetAccounts, EnetStats, EnetSwitches, SessionCounts};
pub use options::{RawText, Release, Switches, SysproOptions};
pub use state::{LiveWrites, PageRead, Traffic};

use self::routes::SERVICE;
use self::state::Shared;
use super::dataset::live::{self, Ticked};
use super::dataset::{Database, EditError, generate};
use super::faults::Faults;
use super::lock::lock;
use super::server::{RunningServer, serve};

/// A SYSPRO that runs until it is stopped or dropped.
pub struct SysproSim {
    /// The service's address, `…/SYSPRO8Odata/SYSPROOData`; companies are segments below it.
    pub url: Url,
    /// e.net, `…/SYSPROWCFService/Rest`.
    pub enet_url: Url,
    /// The server's root, for `/_sim`.
    pub root: Url,
    /// The certificate authority to trust, in PEM form; `None` without TLS.
    pub ca_pem: Option<String>,
    /// Fault rules; a test may change them at any time.
    pub faults: Faults,
    shared: web::Data<Shared>,
    server: RunningServer,
    /// Dropping it ends the feed.
    _feed: Option<mpsc::Sender<()>>,
}

impl SysproSim {
    /// Generates the data and starts the service.
    ///
    /// # Errors
    ///
    /// When it cannot listen on the address.
    pub fn start(options: SysproOptions) -> io::Result<Self> {
        let database = generate(&options.dataset).map_err(io::Error::other)?;
        let operator = (options.username, options.password);
        let shared = web::Data::new(Shared::new(database, options.switches, operator, options.enet, options.faults.clone()));
        let for_workers = shared.clone();
        let server = serve(options.listen, options.tls, options.workers, move |config| routes::configure(config, &for_workers))?;
        let url = server.url.join(&SERVICE[1..]).map_err(io::Error::other)?;
        let enet_url = server.url.join(&enet::REST[1..]).map_err(io::Error::other)?;
        let feed = match options.feed {
            None => None,
            Some((every, invoices)) => {
                let (stop, stopped) = mpsc::channel();
                let shared = shared.clone();
                thread::Builder::new().name("sim-feed".into()).spawn(move || {
                    while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                        if let Err(error) = live::tick(&mut shared.database_mut(), invoices) {
                            tracing::warn!(%error, "the simulator could not change its data");
                        }
                    }
                })?;
                Some(stop)
            }
        };
        let (root, ca_pem) = (server.url.clone(), server.ca_pem.clone());
        Ok(Self { url, enet_url, root, ca_pem, faults: options.faults, shared, server, _feed: feed })
    }

    /// Closes every connection and frees the port.
    pub fn stop(self) {
        self.server.stop();
    }

    /// Changes every company: posts `invoices` new invoices today, pays some older ones, edits a supplier and an order without a change
    /// date, deletes a supplier.
    pub fn tick(&self, invoices: u32) -> Result<Ticked, EditError> {
        live::tick(&mut self.shared.database_mut(), invoices)
    }

    /// Adds a row; numbers and dates as text (`12.50`, `2026-01-31`), columns not named are blank.
    pub fn insert(&self, company: &str, table: &str, values: &[(&str, &str)]) -> Result<(), EditError> {
        self.shared.database_mut().insert(company, table, values)
    }

    /// Changes the row whose key columns have these values.
    pub fn update(&self, company: &str, table: &str, key: &[(&str, &str)], values: &[(&str, &str)]) -> Result<(), EditError> {
        self.shared.database_mut().update(company, table, key, values)
    }

    /// Removes the row whose key columns have these values.
    pub fn delete(&self, company: &str, table: &str, key: &[(&str, &str)]) -> Result<(), EditError> {
        self.shared.database_mut().delete(company, table, key)
    }

    /// How many rows a table has.
    pub fn count(&self, company: &str, table: &str) -> Result<usize, EditError> {
        self.shared.database().count(company, table)
    }

    /// The exact sum of a decimal column.
    pub fn sum(&self, company: &str, table: &str, column: &str) -> Result<Decimal, EditError> {
        self.shared.database().sum(company, table, column)
    }

    /// Reads the data.
    pub fn with<T>(&self, read: impl FnOnce(&Database) -> T) -> T {
        read(&self.shared.database())
    }

    /// Changes the data under one lock.
    pub fn change<T>(&self, change: impl FnOnce(&mut Database) -> T) -> T {
        change(&mut self.shared.database_mut())
    }

    /// Sets a function that runs after every page, before the next page can be read; `None` removes it. It must only use the data it is
    /// given: a call of the simulator's other functions from inside it deadlocks.
    pub fn live_writes(&self, change: Option<LiveWrites>) {
        self.shared.set_live_writes(change);
    }

    /// Changes switches while the service runs.
    pub fn switch(&self, turn: impl FnOnce(&mut Switches)) {
        turn(&mut self.shared.switches_mut());
    }

    /// Removes tables with all their rows from every company.
    pub fn lack(&self, tables: &[&str]) {
        self.shared.switches_mut().absent.extend(tables.iter().map(|table| (*table).to_owned()));
        self.shared.database_mut().companies.values_mut().for_each(|company| company.drop_tables(tables));
    }

    /// Sets the server's date.
    pub fn set_today(&self, today: NaiveDate) {
        self.shared.database_mut().today = today;
    }

    /// Gives the operator a new password in SYSPRO. By default the service uses it only after [`Self::restart_service`].
    pub fn set_operator(&self, username: &str, password: &str) {
        lock(&self.shared.operators).current = vec![(username.to_owned(), password.to_owned())];
    }

    /// Restarts the OData service: it reads the operators again.
    pub fn restart_service(&self) {
        let mut operators = lock(&self.shared.operators);
        operators.loaded = operators.current.clone();
    }

    /// Counts, sums and traffic, as `/_sim/stats` shows them.
    pub fn stats(&self) -> Stats {
        control::collect(&self.shared)
    }

    /// e.net's sessions and calls.
    pub fn enet_stats(&self) -> EnetStats {
        self.shared.enet.stats()
    }

    /// Logs a person in with the operator's code, which ends the operator's e.net sessions. Returns how many.
    pub fn evict(&self, operator: &str) -> usize {
        self.shared.enet.evict(operator)
    }

    /// Ends every e.net session, as a restart of that service does. Returns how many.
    pub fn expire_sessions(&self) -> usize {
        self.shared.enet.expire()
    }

    /// Changes who may log on to e.net, and what is licensed there.
    pub fn enet_accounts(&self, change: impl FnOnce(&mut EnetAccounts)) {
        change(&mut lock(&self.shared.enet.accounts));
    }

    /// Requests and rows of one table in one company.
    pub fn traffic(&self, company: &str, table: &str) -> Traffic {
        self.shared.traffic().get(&(company.to_owned(), table.to_owned())).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
