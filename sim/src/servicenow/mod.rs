//! A simulator of a ServiceNow instance: OAuth, Table API, Import Set API and Batch API over HTTP or HTTPS.
//!
//! It holds rows in memory, applies the rules of an instance to them, and behaves as the real system is known to; where that is not known,
//! a switch in [`ServiceNowOptions`] decides.
//!
//! Faults are rules of [`crate::faults`]. As [`crate::faults::Fault::Named`] it also implements `twice` (a request that arrives two times),
//! `hibernation`, `revoke_tokens`, `error_in_200`, `error_in_200_after_commit`, `operation_failed_after_commit`, `cancelled_after_commit`,
//! `broken_result_after_commit` and `wrong_sys_id` ([`WRONG_SYS_ID`] instead of each row's id). A rule whose path begins with `batch:`,
//! such as `batch:/api/now/import`, applies to single items of a batch.
//!
//! Left out: Attachment, Aggregate and AP Invoice APIs, XML, JSONv2, SOAP, `^NQ` and scripts in queries, domain separation.

mod aggregate;
mod application;
mod batch;
mod catalog;
mod dictionary;
mod fault_answer;
mod http;
mod import_set;
mod instance;
mod jobs;
mod load;
mod options;
mod outcome;
mod procurement;
mod query;
mod reply;
mod rows;
mod scheduled;
pub mod schema;
mod second_stage;
mod stats;
mod store;
mod table_api;
mod tasks;
mod token;
mod values;
mod xml;

pub use application::ApplicationError;
pub use fault_answer::WRONG_SYS_ID;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rust_decimal::Decimal;
use url::Url;

use super::faults::{FaultPlan, FaultRule};
use super::lock::lock;
use super::server::{RunningServer, serve};

pub use options::{AggregateRights, CallerSysId, LateFailure, LongText, RateRule, SecondStage, SemaphoreRule, ServiceNowOptions};

use instance::Instance;
use reply::Work;

/// A running instance.
#[derive(Debug)]
pub struct ServiceNowSim {
    instance: Arc<Instance>,
    server: RunningServer,
}

impl ServiceNowSim {
    /// Starts an instance and returns once it accepts connections.
    ///
    /// # Errors
    /// When the address is invalid, in use or not local, or the certificate cannot be created.
    pub fn start(options: ServiceNowOptions) -> std::io::Result<Self> {
        let listen = options.listen.parse().map_err(|error| {
            let text = format!("`{}` is not an address with a port: {error}", options.listen);
            std::io::Error::new(std::io::ErrorKind::InvalidInput, text)
        })?;
        let (tls, workers) = (options.tls, options.workers);
        let instance = Arc::new(Instance::new(options));
        let server = serve(listen, tls, workers, http::configure(instance.clone()))?;
        Ok(Self { instance, server })
    }

    /// The instance's url.
    pub fn url(&self) -> &Url {
        &self.server.url
    }

    /// The authority that signed its certificate, PEM; `None` without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.server.ca_pem.as_deref()
    }

    /// Stops it and closes all connections.
    pub fn stop(self) {
        self.server.stop();
    }

    /// The options it was started with.
    pub fn options(&self) -> &ServiceNowOptions {
        &self.instance.options
    }

    /// Every row of a table, empty columns left out; none for an unknown table.
    pub fn rows(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        self.with(table, stats::rows)
    }

    /// One row of a table, empty columns left out.
    pub fn row(&self, table: &str, sys_id: &str) -> Option<BTreeMap<String, String>> {
        self.with(table, |table| stats::row(table, sys_id))
    }

    /// These columns of every row of a table. With many rows, it takes a fraction of the memory of [`Self::rows`].
    pub fn texts(&self, table: &str, columns: &[&str]) -> Vec<Vec<String>> {
        self.with(table, |table| stats::texts(table, columns))
    }

    /// The number of rows.
    pub fn count(&self, table: &str) -> usize {
        self.with(table, |table| table.live)
    }

    /// The exact sum of a column.
    pub fn sum(&self, table: &str, column: &str) -> Decimal {
        self.with(table, |table| stats::sum(table, column))
    }

    /// How many rows repeat a text of the column that another row has, without case.
    pub fn duplicates(&self, table: &str, column: &str) -> usize {
        self.with(table, |table| {
            let (distinct, filled) = stats::distinct(table, column);
            filled - distinct
        })
    }

    /// The row with this text in this column.
    pub fn find(&self, table: &str, column: &str, text: &str) -> Option<BTreeMap<String, String>> {
        self.rows(table).into_iter().find(|row| row.get(column).is_some_and(|value| value == text))
    }

    fn with<T: Default>(&self, table: &str, read: impl FnOnce(&rows::Table) -> T) -> T {
        let store = self.instance.settled();
        store.tables.get(table).map(read).unwrap_or_default()
    }

    /// Inserts a row as a user would. Returns its `sys_id`; `None` for an unknown table or an id in use.
    pub fn insert_row(&self, table: &str, fields: &[(&str, &str)]) -> Option<String> {
        self.instance.insert_by_hand(table, fields)
    }

    /// Changes a row as a user would; whether it exists.
    pub fn edit_row(&self, table: &str, sys_id: &str, fields: &[(&str, &str)]) -> bool {
        self.instance.edit_by_hand(table, sys_id, fields)
    }

    /// Deletes a row as a user would; whether it existed.
    pub fn delete_row(&self, table: &str, sys_id: &str) -> bool {
        self.instance.delete_by_hand(table, sys_id)
    }

    /// Moves the instance's clock forward and does everything that came due meanwhile. Tokens and limits use the real clock.
    pub fn advance(&self, time: Duration) {
        self.instance.store().ahead += i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        drop(self.instance.settled());
    }

    /// Sets which rows of a staging table fail in its second stage from now on, including rows that arrived earlier.
    pub fn set_late_failures(&self, table: &str, failures: &[LateFailure]) {
        self.instance.settled().jobs.set_failures(table, failures);
    }

    /// Runs at once the job that transforms again the lines that came before their header.
    pub fn retrigger(&self) {
        let (mut store, mut work) = (self.instance.settled(), Work::default());
        scheduled::retrigger(&mut store, &self.instance.options, &mut work);
        self.instance.writes.fetch_add(u64::from(work.commits), Ordering::SeqCst);
    }

    /// Number of token requests.
    pub fn token_requests(&self) -> u64 {
        self.instance.tokens().requests
    }

    /// How many requests there were, by method and route; items of batches as `batched POST …`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.instance.counts).clone()
    }

    /// Records that callers inserted, changed or deleted.
    pub fn writes(&self) -> u64 {
        self.instance.writes.load(Ordering::SeqCst)
    }

    /// Records written whose answer a fault lost.
    pub fn undelivered(&self) -> u64 {
        self.instance.undelivered.load(Ordering::SeqCst)
    }

    /// Revokes every token.
    pub fn revoke_tokens(&self) {
        self.instance.tokens().revoke_all();
    }

    /// Adds a fault rule after the others.
    pub fn set_fault(&self, rule: FaultRule) {
        self.instance.faults.push(rule);
    }

    /// Replaces all fault rules by this plan.
    pub fn set_faults(&self, plan: &FaultPlan) {
        self.instance.faults.replace(plan);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.instance.faults.clear();
    }

    /// How many faults have been triggered.
    pub fn faults_triggered(&self) -> u64 {
        self.instance.faults.triggered()
    }

    /// The most requests that ran at once.
    pub fn max_concurrency(&self) -> usize {
        self.instance.most_running.load(Ordering::SeqCst)
    }

    /// How many requests brought a session cookie back.
    pub fn cookies_seen(&self) -> u64 {
        self.instance.cookies.load(Ordering::SeqCst)
    }
}
