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
mod http;
mod import_set;
mod load;
mod options;
mod procurement;
mod query;
mod reply;
mod rows;
pub mod schema;
mod second_stage;
mod stats;
mod store;
mod table_api;
mod token;
mod values;

pub use http::WRONG_SYS_ID;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use url::Url;

use super::faults::{FaultPlan, FaultRule, Faults};
use super::server::{RunningServer, serve};

pub use options::{CallerSysId, LateFailure, LongText, RateRule, SecondStage, SemaphoreRule, ServiceNowOptions};

use load::Load;
use reply::{Call, Reply, Work};
use store::{Field, Store, Writer};
use token::Tokens;

/// The instance behind the server.
#[derive(Debug)]
struct Instance {
    options: ServiceNowOptions,
    store: Mutex<Store>,
    tokens: Mutex<Tokens>,
    faults: Faults,
    load: Load,
    counts: Mutex<BTreeMap<String, u64>>,
    writes: AtomicU64,
    undelivered: AtomicU64,
    running: AtomicUsize,
    most_running: AtomicUsize,
    cookies: AtomicU64,
}

/// Counts down when a request ends, however it ends.
struct Running<'a>(&'a Instance);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Instance {
    fn new(options: ServiceNowOptions) -> Self {
        Self {
            store: Mutex::new(Store::new(&options)),
            tokens: Mutex::default(),
            faults: Faults::default(),
            load: Load::new(&options),
            counts: Mutex::default(),
            writes: AtomicU64::new(0),
            undelivered: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            cookies: AtomicU64::new(0),
            options,
        }
    }

    /// The rows. A panic under the lock leaves whole rows, so the lock is taken all the same.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows, after whatever was due has been done.
    fn settled(&self) -> MutexGuard<'_, Store> {
        let mut store = self.store();
        let settled = import_set::settle(&mut store, &self.options);
        self.writes.fetch_add(u64::from(settled.commits), Ordering::SeqCst);
        store
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, kind: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                counts.insert(kind.to_owned(), 1);
            }
        }
    }

    fn rated(&self, path: &str) -> Result<Vec<(&'static str, String)>, Reply> {
        self.load.rated(path)
    }

    fn undelivered(&self, commits: u32) {
        self.undelivered.fetch_add(u64::from(commits), Ordering::SeqCst);
    }

    fn cookie_seen(&self) {
        self.cookies.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self) -> Running<'_> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        Running(self)
    }

    /// One call of the Table or Import Set API.
    fn dispatch(&self, call: &Call, work: &mut Work) -> Reply {
        let table = call.path.starts_with("/api/now/table/");
        if !table && !call.path.starts_with("/api/now/import/") {
            return Reply::error(self.options.unknown_route_status, "Requested URI does not represent any resource", Some(&call.path));
        }
        if let Some(problem) = call.format_problem(&self.options) {
            return problem;
        }
        let before = work.commits;
        let mut store = self.settled();
        let reply = if table {
            table_api::handle(&mut store, call, &self.options, work)
        } else {
            import_set::handle(&mut store, call, &self.options, work)
        };
        drop(store);
        self.writes.fetch_add(u64::from(work.commits - before), Ordering::SeqCst);
        reply
    }

    /// A row keyed by hand: no rule of the instance applies.
    fn insert_by_hand(&self, table: &str, fields: &[(&str, &str)]) -> Option<String> {
        let mut store = self.store();
        let slot = store.insert(table, &owned(fields), Writer::Hand, &self.options).ok()?;
        let table = store.tables.get(table)?;
        table.row(slot).map(|row| table.id_text(row))
    }

    fn edit_by_hand(&self, table: &str, sys_id: &str, fields: &[(&str, &str)]) -> bool {
        let mut store = self.store();
        let slot = store.tables.get(table).and_then(|table| table.find_id(sys_id));
        slot.is_some_and(|slot| store.update(table, slot, &owned(fields), Writer::Hand, &self.options).is_ok())
    }

    fn delete_by_hand(&self, table: &str, sys_id: &str) -> bool {
        let mut store = self.store();
        let slot = store.tables.get(table).and_then(|table| table.find_id(sys_id));
        slot.is_some_and(|slot| store.tables.get_mut(table).is_some_and(|table| table.remove(slot)))
    }

    fn stats(&self) -> Value {
        let store = self.settled();
        let tables: BTreeMap<&str, Value> =
            store.tables.iter().filter(|(_, table)| table.live > 0).map(|(name, table)| (name.as_str(), stats::table(table))).collect();
        json!({
            "tables": tables,
            "token_requests": self.tokens().requests,
            "requests": *self.counts.lock().unwrap_or_else(PoisonError::into_inner),
            "writes": self.writes.load(Ordering::SeqCst),
            "undelivered": self.undelivered.load(Ordering::SeqCst),
            "max_concurrency": self.most_running.load(Ordering::SeqCst),
            "cookies_seen": self.cookies.load(Ordering::SeqCst),
            "faults_struck": self.faults.triggered(),
        })
    }
}

/// Method and route of a call, without table and id: `POST /api/now/import`.
fn kind(call: &Call) -> String {
    let path = call.path.as_str();
    let known = ["/api/now/table", "/api/now/import", "/api/now/batch", "/oauth_token.do", "/oauth_revoke_token.do"];
    let route = if path.ends_with("/insertMultiple") {
        "/api/now/import/insertMultiple"
    } else {
        known.into_iter().find(|route| path.starts_with(route)).unwrap_or("other")
    };
    format!("{} {route}", call.method)
}

/// The answer of a status a fault asks for inside a batch.
fn failure_of(status: u16) -> Reply {
    match status {
        403 => Reply::error(403, "Operation Failed", None),
        429 => Reply::error(429, "Rate limit exceeded", None),
        500 => Reply::cancelled(),
        _ => Reply::page(status, "Error"),
    }
}

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
        second_stage::retrigger(&mut store, &self.instance.options, &mut work);
        self.instance.writes.fetch_add(u64::from(work.commits), Ordering::SeqCst);
    }

    /// How often a token was asked for.
    pub fn token_requests(&self) -> u64 {
        self.instance.tokens().requests
    }

    /// How many requests there were, by method and route; items of batches as `batched POST …`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.instance.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

fn owned<'a>(fields: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
    fields.iter().map(|(column, value)| (Cow::Borrowed(*column), Cow::Borrowed(*value))).collect()
}
