//! Records: what was read from SYSPRO and mapped, and what became of it in ServiceNow.

use prometheus::{IntCounterVec, IntGaugeVec};

use crate::domain::EntityName;
use crate::domain::delivery::DownstreamState;
use crate::domain::warning::WarningKind;
use crate::telemetry::declare::{Declaring, counters, gauges};

/// Records: what was read from SYSPRO and mapped, and what became of it in ServiceNow.
#[derive(Debug)]
pub struct RecordMetrics {
    documents_read: IntCounterVec,
    versions: IntCounterVec,
    mapping_warnings: IntCounterVec,
    records_not_as_sent: IntGaugeVec,
    records_outdated: IntGaugeVec,
    conflicts: IntGaugeVec,
    downstream_polls: IntCounterVec,
}

impl RecordMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            documents_read: counters(registry, "documents_read_total", "Documents read from SYSPRO.", &["entity"]),
            versions: counters(registry, "versions_total", "New contents of documents stored.", &["entity"]),
            mapping_warnings: counters(
                registry,
                "mapping_warnings_total",
                "Warnings while mapping new contents: a text cut, a digit rounded off, a total that is not the sum of its lines, several \
             orders for a field that takes one.",
                &["entity", "warning"],
            ),
            records_not_as_sent: gauges(
                registry,
                "records_not_as_sent",
                "Records in ServiceNow with another value in a field than Tieline sent.",
                &["entity"],
            ),
            records_outdated: gauges(
                registry,
                "records_outdated",
                "Records that were last mapped under another definition than the one in force.",
                &["entity"],
            ),
            conflicts: gauges(
                registry,
                "conflicts",
                "Entries of the conflict list: `open` waits for a decision, `to_apply` is to be applied in SYSPRO.",
                &["entity", "kind", "state"],
            ),
            downstream_polls: counters(
                registry,
                "downstream_checks_total",
                "Checks of what ServiceNow did with target records after they had arrived, by result.",
                &["entity", "verdict"],
            ),
        }
    }

    /// Shows the counters of an entity with zero from the start.
    pub(super) fn announce(&self, entity: &str) {
        self.documents_read.with_label_values(&[entity]);
        self.versions.with_label_values(&[entity]);
        for kind in WarningKind::ALL {
            self.mapping_warnings.with_label_values(&[entity, kind.as_str()]);
        }
    }

    /// Documents came from SYSPRO.
    pub fn documents_read(&self, entity: &EntityName, count: u64) {
        self.documents_read.with_label_values(&[entity.as_str()]).inc_by(count);
    }

    /// New contents were stored.
    pub fn versions_taken_in(&self, entity: &EntityName, count: u64) {
        self.versions.with_label_values(&[entity.as_str()]).inc_by(count);
    }

    /// A new content caused a warning.
    pub fn warned(&self, entity: &EntityName, kind: WarningKind) {
        self.mapping_warnings.with_label_values(&[entity.as_str(), kind.as_str()]).inc();
    }

    /// The number of records whose content in ServiceNow differs from what was sent.
    pub fn set_not_as_sent(&self, entity: &EntityName, count: i64) {
        self.records_not_as_sent.with_label_values(&[entity.as_str()]).set(count);
    }

    /// The number of records that were last mapped under another definition.
    pub fn set_outdated(&self, entity: &EntityName, count: i64) {
        self.records_outdated.with_label_values(&[entity.as_str()]).set(count);
    }

    /// The number of entries of a kind in the conflict list.
    pub fn set_conflicts(&self, entity: &str, kind: &str, state: &str, count: i64) {
        self.conflicts.with_label_values(&[entity, kind, state]).set(count);
    }

    /// A delivered record was polled.
    pub fn downstream_polled(&self, entity: &EntityName, state: DownstreamState) {
        self.downstream_polls.with_label_values(&[entity.as_str(), state.as_str()]).inc();
    }
}
