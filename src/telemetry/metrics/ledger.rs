//! The ledger: the database, its connections and size, the audit, and retention.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::domain::outside::OutsidePlace;
use crate::domain::retention::KeptTable;
use crate::domain::tie_out::Verdict;
use crate::telemetry::declare::{Declaring, counter, counters, gauge, gauges, histogram, histograms};
use crate::telemetry::labels::HeadPut;

/// The ledger: the database, its connections and size, the audit, and retention.
#[derive(Debug)]
pub struct LedgerMetrics {
    ledger_up: IntGauge,
    store_connections: IntGaugeVec,
    audit_unsealed_rows: IntGauge,
    store_duration: HistogramVec,
    store_connection_wait: Histogram,
    audit_sealed_rows: IntCounter,
    audit_heads: IntCounterVec,
    audit_heads_waiting: IntGaugeVec,
    retention_removed: IntCounterVec,
    ledger_bytes: IntGauge,
    ledger_growth: IntGauge,
    tie_out_result: IntGauge,
    tie_out_open: IntGauge,
    tie_out_age: IntGauge,
}

impl LedgerMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        let calls = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
        Self {
            ledger_up: gauge(registry, "ledger_up", "1 when the database answered during this scrape, 0 when it did not."),
            store_connections: gauges(registry, "store_connections", "Connections to the database, by state.", &["state"]),
            audit_unsealed_rows: gauge(registry, "audit_unsealed_rows", "Audit rows that are not sealed into the chain yet."),
            store_duration: histograms(registry, "store_seconds", "Time of a call to the database.", &["call"], &calls),
            store_connection_wait: histogram(registry, "store_connection_wait_seconds", "Wait for a database connection.", &calls),
            audit_sealed_rows: counter(registry, "audit_sealed_rows_total", "Audit rows sealed into the chain."),
            audit_heads: counters(
                registry,
                "audit_heads_total",
                "Attempts to put the head of a signed day outside the ledger, by place and result.",
                &["place", "put"],
            ),
            audit_heads_waiting: gauges(
                registry,
                "audit_heads_waiting",
                "Signed days of the last week whose head is due outside the ledger and not there yet, by place.",
                &["place"],
            ),
            retention_removed: counters(
                registry,
                "retention_removed_total",
                "Rows that retention removed from a table of the ledger; for `event`, rows of the audit.",
                &["table"],
            ),
            ledger_bytes: gauge(registry, "ledger_bytes", "Size of the database, in bytes."),
            ledger_growth: gauge(
                registry,
                "ledger_growth_bytes",
                "Bytes by which the database grew within a day, by the newest sample that is about a day old; 0 without one.",
            ),
            tie_out_result: gauge(
                registry,
                "tie_out_result",
                "Result of the newest tie-out that is done: 0 tied, 1 balanced, 2 untied, 3 unverified; -1 without one.",
            ),
            tie_out_open: gauge(
                registry,
                "tie_out_open_items",
                "Differences and documents of the newest tie-out that a person must look at.",
            ),
            tie_out_age: gauge(registry, "tie_out_age_seconds", "Time since the newest tie-out that is done began; 0 without one."),
        }
    }

    /// Shows the counters with zero from the start.
    pub(super) fn announce(&self) {
        for table in KeptTable::ALL {
            self.retention_removed.with_label_values(&[table.as_str()]);
        }
        for place in OutsidePlace::ALL {
            for outcome in HeadPut::ALL {
                self.audit_heads.with_label_values(&[place.as_str(), outcome.as_str()]);
            }
        }
    }

    /// Whether the database answered.
    pub fn set_ledger_up(&self, up: bool) {
        self.ledger_up.set(i64::from(up));
    }

    /// Connections in use and idle.
    pub fn set_connections(&self, busy: u32, idle: u32) {
        self.store_connections.with_label_values(&["busy"]).set(busy.into());
        self.store_connections.with_label_values(&["idle"]).set(idle.into());
    }

    /// Audit rows that are not sealed yet.
    pub fn set_unsealed(&self, rows: i64) {
        self.audit_unsealed_rows.set(rows);
    }

    /// A call to the database ended. `call` is its name, such as `take_in`.
    pub fn store_called(&self, call: &'static str, took: Duration) {
        self.store_duration.with_label_values(&[call]).observe(took.as_secs_f64());
    }

    /// A caller got its database connection after this time.
    pub fn store_waited(&self, waited: Duration) {
        self.store_connection_wait.observe(waited.as_secs_f64());
    }

    /// The head of a signed day was put outside the ledger, or could not be.
    pub fn head_put(&self, place: OutsidePlace, done: bool) {
        let outcome = if done { HeadPut::Done } else { HeadPut::Failed };
        self.audit_heads.with_label_values(&[place.as_str(), outcome.as_str()]).inc();
    }

    /// Signed days whose head is not at a place yet.
    pub fn set_heads_waiting(&self, place: OutsidePlace, days: i64) {
        self.audit_heads_waiting.with_label_values(&[place.as_str()]).set(days);
    }

    /// Retention removed rows of a table.
    pub fn retention_removed(&self, table: KeptTable, rows: i64) {
        self.retention_removed.with_label_values(&[table.as_str()]).inc_by(rows.unsigned_abs());
    }

    /// The size of the ledger, and its growth within a day.
    pub fn set_ledger_size(&self, bytes: i64, growth: Option<i64>) {
        self.ledger_bytes.set(bytes);
        self.ledger_growth.set(growth.unwrap_or_default());
    }

    /// The newest tie-out that is done: its result, its open items and its age; `None`: there is none.
    pub fn set_tie_out(&self, newest: Option<(Verdict, i64, Duration)>) {
        let (result, open, age) = newest.unwrap_or((Verdict::Tied, 0, Duration::ZERO));
        let result = match result {
            _ if newest.is_none() => -1,
            Verdict::Tied => 0,
            Verdict::Balanced => 1,
            Verdict::Untied => 2,
            Verdict::Unverified => 3,
        };
        self.tie_out_result.set(result);
        self.tie_out_open.set(open);
        self.tie_out_age.set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    }

    /// Audit rows were sealed.
    pub fn audit_sealed(&self, rows: u64) {
        self.audit_sealed_rows.inc_by(rows);
    }
}
