//! HTTP requests to other systems, and the tokens of ServiceNow.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec};

use crate::telemetry::declare::{Declaring, REQUEST_BUCKETS, counter, counters, histograms};
use crate::telemetry::labels::{RequestStatus, System};

/// HTTP requests to other systems, and the tokens of ServiceNow.
#[derive(Debug)]
pub struct RequestMetrics {
    requests: IntCounterVec,
    request_duration: HistogramVec,
    token_requests: IntCounter,
}

impl RequestMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            requests: counters(registry, "requests_total", "HTTP requests to the outside systems.", &["system", "kind", "status"]),
            request_duration: histograms(
                registry,
                "request_duration_seconds",
                "Time of an HTTP request, the answer's body included.",
                &["system", "kind"],
                &REQUEST_BUCKETS,
            ),
            token_requests: counter(registry, "token_requests_total", "OAuth tokens asked for."),
        }
    }

    /// A request to an outside system ended. `kind` is its purpose, such as `page`, `batch`, `look_up`.
    pub fn requested(&self, system: System, kind: &'static str, status: RequestStatus, took: Duration) {
        self.requests.with_label_values(&[system.as_str(), kind, status.as_str()]).inc();
        self.request_duration.with_label_values(&[system.as_str(), kind]).observe(took.as_secs_f64());
    }

    /// A token was requested.
    pub fn token_requested(&self) {
        self.token_requests.inc();
    }
}
