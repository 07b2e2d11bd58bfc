//! The state of the instance: rows, tokens, limits and counts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::faults::Faults;
use crate::lock::lock;

use super::load::Load;
use super::options::ServiceNowOptions;
use super::reply::{Call, Reply, Work};
use super::store::{Field, Store, Writer};
use super::tasks::after_write;
use super::token::Tokens;
use super::{aggregate, import_set, scheduled, stats, table_api};

/// The state of the instance, shared by the server's workers.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) options: ServiceNowOptions,
    pub(super) store: Mutex<Store>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) faults: Faults,
    pub(super) load: Load,
    pub(super) counts: Mutex<BTreeMap<String, u64>>,
    pub(super) writes: AtomicU64,
    pub(super) undelivered: AtomicU64,
    pub(super) running: AtomicUsize,
    pub(super) most_running: AtomicUsize,
    pub(super) cookies: AtomicU64,
}

/// Counts down when a request ends, however it ends.
pub(super) struct Running<'a>(&'a Instance);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Instance {
    pub(super) fn new(options: ServiceNowOptions) -> Self {
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

    /// The rows. A panic under the lock leaves no row half written, so later requests may go on.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// The rows, after all work that is due.
    pub(super) fn settled(&self) -> MutexGuard<'_, Store> {
        let mut store = self.store();
        let settled = scheduled::settle(&mut store, &self.options);
        self.writes.fetch_add(u64::from(settled.commits), Ordering::SeqCst);
        store
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    pub(super) fn count(&self, kind: &str) {
        let mut counts = lock(&self.counts);
        match counts.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                counts.insert(kind.to_owned(), 1);
            }
        }
    }

    pub(super) fn rated(&self, path: &str) -> Result<Vec<(&'static str, String)>, Reply> {
        self.load.rated(path)
    }

    pub(super) fn undelivered(&self, commits: u32) {
        self.undelivered.fetch_add(u64::from(commits), Ordering::SeqCst);
    }

    pub(super) fn cookie_seen(&self) {
        self.cookies.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn enter(&self) -> Running<'_> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        Running(self)
    }

    /// One call of the Table or Import Set API.
    pub(super) fn dispatch(&self, call: &Call, work: &mut Work) -> Reply {
        let table = call.path.starts_with("/api/now/table/");
        let stats = call.path.starts_with("/api/now/stats/");
        if !table && !stats && !call.path.starts_with("/api/now/import/") {
            return Reply::error(self.options.unknown_route_status, "Requested URI does not represent any resource", Some(&call.path));
        }
        if let Some(problem) = call.format_problem(&self.options) {
            return problem;
        }
        let before = work.commits;
        let mut store = self.settled();
        let reply = if stats {
            aggregate::handle(&store, call, &self.options)
        } else if table {
            table_api::handle(&mut store, call, &self.options, work)
        } else {
            import_set::handle(&mut store, call, &self.options, work)
        };
        drop(store);
        self.writes.fetch_add(u64::from(work.commits - before), Ordering::SeqCst);
        reply
    }

    /// Inserts a row as a user would: no rule of the instance applies.
    pub(super) fn insert_by_hand(&self, table: &str, fields: &[(&str, &str)]) -> Option<String> {
        let mut store = self.store();
        let slot = store.insert(table, &owned(fields), Writer::Hand, &self.options).ok()?;
        let table = store.tables.get(table)?;
        table.row(slot).map(|row| table.id_text(row))
    }

    pub(super) fn edit_by_hand(&self, table: &str, sys_id: &str, fields: &[(&str, &str)]) -> bool {
        let mut store = self.store();
        let slot = store.tables.get(table).and_then(|table| table.find_id(sys_id));
        let done = slot.is_some_and(|slot| store.update(table, slot, &owned(fields), Writer::Hand, &self.options).is_ok());
        if let Some(slot) = slot {
            after_write(&mut store, table, slot, &self.options);
        }
        done
    }

    pub(super) fn delete_by_hand(&self, table: &str, sys_id: &str) -> bool {
        let mut store = self.store();
        let slot = store.tables.get(table).and_then(|table| table.find_id(sys_id));
        slot.is_some_and(|slot| store.tables.get_mut(table).is_some_and(|table| table.remove(slot)))
    }

    pub(super) fn stats(&self) -> Value {
        let store = self.settled();
        let tables: BTreeMap<&str, Value> =
            store.tables.iter().filter(|(_, table)| table.live > 0).map(|(name, table)| (name.as_str(), stats::table(table))).collect();
        json!({
            "tables": tables,
            "token_requests": self.tokens().requests,
            "requests": *lock(&self.counts),
            "writes": self.writes.load(Ordering::SeqCst),
            "undelivered": self.undelivered.load(Ordering::SeqCst),
            "max_concurrency": self.most_running.load(Ordering::SeqCst),
            "cookies_seen": self.cookies.load(Ordering::SeqCst),
            "faults_struck": self.faults.triggered(),
        })
    }
}

fn owned<'a>(fields: &[(&'a str, &'a str)]) -> Vec<Field<'a>> {
    fields.iter().map(|(column, value)| (Cow::Borrowed(*column), Cow::Borrowed(*value))).collect()
}

/// Method and route of a call, without table and id: `POST /api/now/import`.
pub(super) fn kind(call: &Call) -> String {
    let path = call.path.as_str();
    let known = ["/api/now/table", "/api/now/import", "/api/now/stats", "/api/now/batch", "/oauth_token.do", "/oauth_revoke_token.do"];
    let route = if path.ends_with("/insertMultiple") {
        "/api/now/import/insertMultiple"
    } else {
        known.into_iter().find(|route| path.starts_with(route)).unwrap_or("other")
    };
    format!("{} {route}", call.method)
}
