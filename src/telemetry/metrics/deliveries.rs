//! Deliveries by state, and how fast ServiceNow lets Tieline send: batch size, concurrency and breaker.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use crate::domain::EntityName;
use crate::domain::budget::Breaker;
use crate::domain::delivery::FailureReason;
use crate::telemetry::declare::{Declaring, counters, gauge, gauges};
use crate::telemetry::labels::Outcome;

/// Deliveries by state, and how fast ServiceNow lets Tieline send: batch size, concurrency and breaker.
#[derive(Debug)]
pub struct DeliveryMetrics {
    deliveries: IntCounterVec,
    deliveries_failed: IntGaugeVec,
    deliveries_unknown: IntGaugeVec,
    deliveries_waiting: IntGaugeVec,
    deliveries_on_hold: IntGaugeVec,
    deliveries_queued: IntGaugeVec,
    batch_size: IntGauge,
    concurrency: IntGauge,
    breaker: IntGauge,
}

impl DeliveryMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            deliveries: counters(
                registry,
                "deliveries_total",
                "Attempts to deliver a target record, by how they ended.",
                &["entity", "outcome"],
            ),
            deliveries_failed: gauges(
                registry,
                "deliveries_failed",
                "Target records that failed and are not tried again automatically, by reason.",
                &["entity", "reason"],
            ),
            deliveries_unknown: gauges(
                registry,
                "deliveries_unknown",
                "Target records that were sent and whose outcome is unknown; Tieline looks them up.",
                &["entity"],
            ),
            deliveries_waiting: gauges(
                registry,
                "deliveries_waiting",
                "Target records that wait for a record they refer to and that has not been delivered.",
                &["entity"],
            ),
            deliveries_on_hold: gauges(registry, "deliveries_on_hold", "Target records of records that a person holds.", &["entity"]),
            deliveries_queued: gauges(
                registry,
                "deliveries_queued",
                "Target records that are queued, being sent or retried; lines that follow their header are counted.",
                &["entity"],
            ),
            batch_size: gauge(registry, "batch_size", "Records per batch that the instance accepts at present."),
            concurrency: gauge(registry, "concurrency", "Concurrent batches that the instance accepts at present."),
            breaker: gauge(
                registry,
                "breaker",
                "Circuit breaker to ServiceNow. 0: batches are sent. 1: one trial batch is sent. 2: nothing is sent, because batches in a row failed.",
            ),
        }
    }

    /// Shows the counters of an entity with zero from the start.
    pub(super) fn announce(&self, entity: &str) {
        for outcome in Outcome::ALL {
            self.deliveries.with_label_values(&[entity, outcome.as_str()]);
        }
    }

    /// Attempts to deliver records of one entity ended with this outcome.
    pub fn delivered(&self, entity: &EntityName, outcome: Outcome, count: u64) {
        self.deliveries.with_label_values(&[entity.as_str(), outcome.as_str()]).inc_by(count);
    }

    /// How many target records failed for a reason.
    pub fn set_failed(&self, entity: &EntityName, reason: FailureReason, count: i64) {
        self.deliveries_failed.with_label_values(&[entity.as_str(), reason.as_str()]).set(count);
    }

    /// The number of target records with an unknown outcome.
    pub fn set_unknown(&self, entity: &EntityName, count: i64) {
        self.deliveries_unknown.with_label_values(&[entity.as_str()]).set(count);
    }

    /// How many target records wait for a parent.
    pub fn set_waiting(&self, entity: &EntityName, count: i64) {
        self.deliveries_waiting.with_label_values(&[entity.as_str()]).set(count);
    }

    /// How many target records are on hold.
    pub fn set_on_hold(&self, entity: &EntityName, count: i64) {
        self.deliveries_on_hold.with_label_values(&[entity.as_str()]).set(count);
    }

    /// How many target records are queued or being sent.
    pub fn set_queued(&self, entity: &EntityName, count: i64) {
        self.deliveries_queued.with_label_values(&[entity.as_str()]).set(count);
    }

    /// The batch size changed.
    pub fn set_batch_size(&self, records: usize) {
        self.batch_size.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// The number of concurrent batches changed.
    pub fn set_concurrency(&self, batches: usize) {
        self.concurrency.set(i64::try_from(batches).unwrap_or(i64::MAX));
    }

    /// The breaker changed.
    pub fn set_breaker(&self, breaker: Breaker) {
        self.breaker.set(breaker as i64);
    }
}
