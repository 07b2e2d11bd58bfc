//! Calls of business objects of e.net, and its one session.

use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};

use crate::telemetry::declare::{Declaring, REQUEST_BUCKETS, counter, counters, gauge, histograms};
use crate::telemetry::labels::EnetAnswer;

/// Calls of business objects of e.net, and its one session.
#[derive(Debug)]
pub struct EnetMetrics {
    enet_calls: IntCounterVec,
    enet_call_duration: HistogramVec,
    enet_sessions_open: IntGauge,
    enet_operator_leased: IntGauge,
    enet_evictions: IntCounter,
    enet_back_off_until: IntGauge,
}

impl EnetMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            enet_calls: counters(
                registry,
                "enet_calls_total",
                "Calls of business objects of e.net, by what was called and how they ended.",
                &["operation", "answer"],
            ),
            enet_call_duration: histograms(
                registry,
                "enet_call_duration_seconds",
                "Time of a call of a business object from its turn to its end, a logon included.",
                &["operation"],
                &REQUEST_BUCKETS,
            ),
            enet_sessions_open: gauge(registry, "enet_sessions_open", "Sessions of e.net that this node has open: 0 or 1."),
            enet_operator_leased: gauge(
                registry,
                "enet_operator_leased",
                "1 while this node has the lease of the e.net operator, which keeps other nodes off it.",
            ),
            enet_evictions: counter(registry, "enet_evictions_total", "Sessions ended by a person who logged in with the operator's code."),
            enet_back_off_until: gauge(
                registry,
                "enet_back_off_until_timestamp_seconds",
                "Until when e.net is paused because a person uses the operator, in Unix time; 0 if it was never paused.",
            ),
        }
    }

    /// A call of a business object ended. `operation` is `query` or `setup`.
    pub fn enet_called(&self, operation: &'static str, answer: EnetAnswer, took: Duration) {
        self.enet_calls.with_label_values(&[operation, answer.as_str()]).inc();
        self.enet_call_duration.with_label_values(&[operation]).observe(took.as_secs_f64());
    }

    /// Whether an e.net session is open.
    pub fn set_enet_session(&self, open: bool) {
        self.enet_sessions_open.set(i64::from(open));
    }

    /// Whether this node holds the operator.
    pub fn set_enet_leased(&self, leased: bool) {
        self.enet_operator_leased.set(i64::from(leased));
    }

    /// A person logged in with the operator's code; no e.net calls are made until this time.
    pub fn enet_evicted(&self, until: DateTime<Utc>) {
        self.enet_evictions.inc();
        self.enet_back_off_until.set(until.timestamp());
    }
}
