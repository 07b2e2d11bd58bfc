//! A simulator of a ServiceNow instance: OAuth, Table API, Import Set API and Batch API over HTTP or HTTPS.
//!
//! It owns rows in memory and the rules that act on them, and follows the facts known of the real system rather than a client's
//! convenience; whatever they leave open is a switch in [`ServiceNowOptions`]. Faults are rules of [`crate::faults`]; by
//! [`crate::faults::Fault::Named`] it knows further `twice` (a request that arrives two times), `hibernation`, `revoke_tokens`, `error_in_200`, `error_in_200_after_commit`,
//! `operation_failed_after_commit`, `cancelled_after_commit`, `broken_result_after_commit` and `wrong_sys_id` ([`WRONG_SYS_ID`] instead of each row's id). A rule whose path begins with `batch:`, such as
//! `batch:/api/now/import`, strikes single items of a batch.
//!
//! Left out: Attachment, Aggregate and AP Invoice APIs, XML, JSONv2, SOAP, `^NQ` and scripts in queries, domain separation.

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
mod token;
mod values;

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

pub use options::{CallerSysId, LateFailure, LongText, RateRule, SecondStage, SemaphoreRule, ServiceNowOptions};

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
    /// When the address cannot be parsed, is taken or not ours, or the certificate cannot be made.
    pub fn start(options: ServiceNowOptions) -> std::io::Result<Self> {
        let listen = options.listen.parse().map_err(|error| {
            let text = format!("`{}` is no address and port: {error}", options.listen);
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

    /// Stops it; connections are cut.
    pub fn stop(self) {
        self.server.stop();
    }

    /// What was chosen.
    pub fn options(&self) -> &ServiceNowOptions {
        &self.instance.options
    }

    /// Every row of a table, empty columns left out; nothing for a table there is not.
    pub fn rows(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        self.with(table, stats::rows)
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

    /// A row keyed by hand; its `sys_id`, `None` for a table there is not or an id that is taken.
    pub fn insert_row(&self, table: &str, fields: &[(&str, &str)]) -> Option<String> {
        self.instance.insert_by_hand(table, fields)
    }

    /// A row changed by hand; whether there is one.
    pub fn edit_row(&self, table: &str, sys_id: &str, fields: &[(&str, &str)]) -> bool {
        self.instance.edit_by_hand(table, sys_id, fields)
    }

    /// A row deleted by hand; whether there was one.
    pub fn delete_row(&self, table: &str, sys_id: &str) -> bool {
        self.instance.delete_by_hand(table, sys_id)
    }

    /// The instance's clock goes on by this: whatever would have happened meanwhile has. Tokens and limits keep their own time.
    pub fn advance(&self, time: Duration) {
        self.instance.store().ahead += i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        drop(self.instance.settled());
    }

    /// Which rows of a staging table fail in its second stage from now on, whenever they arrived.
    pub fn set_late_failures(&self, table: &str, failures: &[LateFailure]) {
        self.instance.settled().jobs.set_failures(table, failures);
    }

    /// The job that tries lines again that came before their header, at once.
    pub fn retrigger(&self) {
        let (mut store, mut work) = (self.instance.settled(), Work::default());
        scheduled::retrigger(&mut store, &self.instance.options, &mut work);
        self.instance.writes.fetch_add(u64::from(work.commits), Ordering::SeqCst);
    }

    /// How often a token was asked for.
    pub fn token_requests(&self) -> u64 {
        self.instance.tokens().requests
    }

    /// How many requests there were, by method and route; items of batches as `batched POST …`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.instance.counts).clone()
    }

    /// Records inserted, changed or deleted for good by callers.
    pub fn writes(&self) -> u64 {
        self.instance.writes.load(Ordering::SeqCst)
    }

    /// Records written whose answer a fault took away.
    pub fn undelivered(&self) -> u64 {
        self.instance.undelivered.load(Ordering::SeqCst)
    }

    /// Every token is dead from now on.
    pub fn revoke_tokens(&self) {
        self.instance.tokens().revoke_all();
    }

    /// Adds a fault behind the others.
    pub fn set_fault(&self, rule: FaultRule) {
        self.instance.faults.push(rule);
    }

    /// Puts a plan of faults in place of whatever was in force.
    pub fn set_faults(&self, plan: &FaultPlan) {
        self.instance.faults.replace(plan);
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.instance.faults.clear();
    }

    /// How many faults have struck.
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
