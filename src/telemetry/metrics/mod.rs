//! Every Prometheus metric, declared once and changed through a named function. Labels are closed sets: companies and entities of the
//! configuration, and the words of [`crate::telemetry::labels`]. `docs/metrics.md` is generated from the declarations.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

use crate::domain::budget::Breaker;
use crate::domain::delivery::FailureReason;
use crate::domain::per_flow::ShownFlows;
use crate::domain::retention::KeptTable;
use crate::domain::run::RunKind;
use crate::domain::warning::WarningKind;
use crate::domain::{EntityName, FlowId};
use crate::telemetry::declare::{Declared, Declaring, VALID, counter, counters, gauge, gauges, histogram, histograms};
use crate::telemetry::flows::{FlowMetrics, FlowState};
use crate::telemetry::labels::{ChannelKind, DeathCause, EnetAnswer, Outcome, PollVerdict, RequestStatus, RunResult, System, Telling};

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(Metrics::new)
}

/// Every metric, on a registry of its own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    declared: Vec<Declared>,
    flows: FlowMetrics,
    run_duration: HistogramVec,
    ledger_up: IntGauge,
    store_connections: IntGaugeVec,
    audit_unsealed_rows: IntGauge,
    documents_read: IntCounterVec,
    versions: IntCounterVec,
    mapping_warnings: IntCounterVec,
    deliveries: IntCounterVec,
    deliveries_failed: IntGaugeVec,
    records_not_as_sent: IntGaugeVec,
    records_outdated: IntGaugeVec,
    deliveries_unknown: IntGaugeVec,
    deliveries_waiting: IntGaugeVec,
    deliveries_on_hold: IntGaugeVec,
    deliveries_queued: IntGaugeVec,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    token_requests: IntCounter,
    actor_restarts: IntCounterVec,
    batch_size: IntGauge,
    concurrency: IntGauge,
    breaker: IntGauge,
    store_duration: HistogramVec,
    store_connection_wait: Histogram,
    audit_sealed_rows: IntCounter,
    retention_removed: IntCounterVec,
    ledger_bytes: IntGauge,
    ledger_growth: IntGauge,
    downstream_polls: IntCounterVec,
    notices: IntCounterVec,
    certificate_expires: IntGauge,
    certificates_refused: IntCounter,
    sign_ins_refused: IntCounter,
    enet_calls: IntCounterVec,
    enet_call_duration: HistogramVec,
    enet_sessions_open: IntGauge,
    enet_operator_leased: IntGauge,
    enet_evictions: IntCounter,
    enet_back_off_until: IntGauge,
    conflicts: IntGaugeVec,
    definitions_info: IntGaugeVec,
    definitions_in_force: IntGauge,
    definitions_reload_failed: IntGauge,
    definitions_loaded: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Fresh metrics, all zero.
    pub fn new() -> Self {
        let registry = Declaring::default();
        let requests = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let calls = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
        let mut new = Self {
            flows: FlowMetrics::new(&registry),
            run_duration: histograms(
                &registry,
                "run_duration_seconds",
                "Time of a run from its lease to its end, sending included.",
                &["entity", "kind"],
                &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0],
            ),
            ledger_up: gauge(&registry, "ledger_up", "1 when the database answered during this scrape, 0 when it did not."),
            store_connections: gauges(&registry, "store_connections", "Connections to the database, by state.", &["state"]),
            audit_unsealed_rows: gauge(&registry, "audit_unsealed_rows", "Audit rows that are not sealed into the chain yet."),
            documents_read: counters(&registry, "documents_read_total", "Documents read from SYSPRO.", &["entity"]),
            versions: counters(&registry, "versions_total", "New contents of documents taken in.", &["entity"]),
            mapping_warnings: counters(
                &registry,
                "mapping_warnings_total",
                "What was said of new contents on their way: a text cut, a digit rounded off, a total that is not the sum of its lines, several orders for a field that takes one.",
                &["entity", "warning"],
            ),
            deliveries: counters(
                &registry,
                "deliveries_total",
                "Attempts to deliver a target record, by how they ended.",
                &["entity", "outcome"],
            ),
            deliveries_failed: gauges(
                &registry,
                "deliveries_failed",
                "Target records that failed and are not tried again automatically, by reason.",
                &["entity", "reason"],
            ),
            records_not_as_sent: gauges(
                &registry,
                "records_not_as_sent",
                "Records in ServiceNow of which it kept a field otherwise than it was sent.",
                &["entity"],
            ),
            records_outdated: gauges(
                &registry,
                "records_outdated",
                "Records that were last mapped under another definition than the one in force.",
                &["entity"],
            ),
            deliveries_unknown: gauges(
                &registry,
                "deliveries_unknown",
                "Target records that were sent and whose outcome is unknown; Tieline looks them up.",
                &["entity"],
            ),
            deliveries_waiting: gauges(
                &registry,
                "deliveries_waiting",
                "Target records that wait for a record they refer to and that has not been delivered.",
                &["entity"],
            ),
            deliveries_on_hold: gauges(&registry, "deliveries_on_hold", "Target records of records that a person holds.", &["entity"]),
            deliveries_queued: gauges(
                &registry,
                "deliveries_queued",
                "Target records that are queued, being sent or retried; lines that follow their header are counted.",
                &["entity"],
            ),
            requests: counters(&registry, "requests_total", "HTTP requests to the outside systems.", &["system", "kind", "status"]),
            request_duration: histograms(
                &registry,
                "request_duration_seconds",
                "Time of an HTTP request, the answer's body included.",
                &["system", "kind"],
                &requests,
            ),
            token_requests: counter(&registry, "token_requests_total", "OAuth tokens asked for."),
            actor_restarts: counters(
                &registry,
                "actor_restarts_total",
                "Restarts of an actor, by what came before: a panic or a stop. `give_up` counts that it died too often and is not restarted.",
                &["actor", "cause"],
            ),
            batch_size: gauge(&registry, "batch_size", "Records per batch that the instance accepts at present."),
            concurrency: gauge(&registry, "concurrency", "Concurrent batches that the instance accepts at present."),
            breaker: gauge(
                &registry,
                "breaker",
                "Circuit breaker to ServiceNow. 0: batches are sent. 1: one trial batch is sent. 2: nothing is sent, because batches in a row failed.",
            ),
            store_duration: histograms(&registry, "store_seconds", "Time of a call to the database.", &["call"], &calls),
            store_connection_wait: histogram(&registry, "store_connection_wait_seconds", "Wait for a database connection.", &calls),
            audit_sealed_rows: counter(&registry, "audit_sealed_rows_total", "Audit rows sealed into the chain."),
            retention_removed: counters(
                &registry,
                "retention_removed_total",
                "Rows that retention removed from a table of the ledger; for `event`, rows of the audit.",
                &["table"],
            ),
            ledger_bytes: gauge(&registry, "ledger_bytes", "Size of the database, in bytes."),
            ledger_growth: gauge(
                &registry,
                "ledger_growth_bytes",
                "Bytes by which the database grew within a day, by the newest sample that is about a day old; 0 without one.",
            ),
            certificate_expires: gauge(
                &registry,
                "certificate_expires_timestamp_seconds",
                "When the certificate that the service serves TLS with expires; 0 without one.",
            ),
            certificates_refused: counter(
                &registry,
                "certificates_refused_total",
                "Changed certificate files that could not be used; the old certificate stayed in use.",
            ),
            notices: counters(
                &registry,
                "notice_messages_total",
                "Messages to people, by channel and what became of them.",
                &["channel", "telling"],
            ),
            downstream_polls: counters(
                &registry,
                "downstream_checks_total",
                "Checks of what ServiceNow did with target records after they had arrived, by result.",
                &["entity", "verdict"],
            ),
            sign_ins_refused: counter(&registry, "http_sign_ins_refused_total", "Requests refused for want of a valid API key."),
            enet_calls: counters(
                &registry,
                "enet_calls_total",
                "Calls of business objects of e.net, by what was called and how they ended.",
                &["operation", "answer"],
            ),
            enet_call_duration: histograms(
                &registry,
                "enet_call_duration_seconds",
                "Time of a call of a business object from its turn to its end, a logon included.",
                &["operation"],
                &requests,
            ),
            enet_sessions_open: gauge(&registry, "enet_sessions_open", "Sessions of e.net that this node has open: 0 or 1."),
            enet_operator_leased: gauge(
                &registry,
                "enet_operator_leased",
                "1 while this node has the lease of the e.net operator, which keeps other nodes off it.",
            ),
            enet_evictions: counter(
                &registry,
                "enet_evictions_total",
                "Sessions ended by a person who logged in with the operator's code.",
            ),
            enet_back_off_until: gauge(
                &registry,
                "enet_back_off_until_timestamp_seconds",
                "Until when e.net is left alone because a person uses the operator, in Unix time; 0 when that never was.",
            ),
            conflicts: gauges(
                &registry,
                "conflicts",
                "Entries of the conflict list: `open` waits for a decision, `to_apply` is to be applied in SYSPRO.",
                &["entity", "kind", "state"],
            ),
            definitions_info: gauges(
                &registry,
                "definitions_info",
                "The definitions that this service works with; the value is always 1.",
                &["number", "hash"],
            ),
            definitions_in_force: gauge(
                &registry,
                "definitions_in_force",
                "1 while the definitions of this service are those in force, 0 while it does nothing because others are.",
            ),
            definitions_reload_failed: gauge(
                &registry,
                "definitions_reload_failed",
                "1 while the definition files say something that was refused; the definitions before stay in force.",
            ),
            definitions_loaded: gauge(
                &registry,
                "definitions_loaded_timestamp_seconds",
                "When this service took up its definitions, in Unix time.",
            ),
            registry: Registry::new(),
            declared: Vec::new(),
        };
        gauges(&registry, "build_info", "Always 1; the version is a label.", &["version"])
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        (new.registry, new.declared) = registry.into_parts();
        #[cfg(target_os = "linux")]
        new.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self())).expect(VALID);
        new
    }

    /// Every metric of Tieline, in the order of declaration.
    pub fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// Shows all counters of these flows with zero from the start: a counter that appears with its first event hides this event from
    /// `increase`. `shown`: which flows have series of their own.
    pub fn announce(&self, flows: &[FlowId], shown: ShownFlows) {
        for table in KeptTable::ALL {
            self.retention_removed.with_label_values(&[table.as_str()]);
        }
        self.flows.announce(flows, shown);
        let entities: BTreeSet<&str> = flows.iter().map(|flow| flow.entity.as_str()).collect();
        for entity in entities {
            self.documents_read.with_label_values(&[entity]);
            self.versions.with_label_values(&[entity]);
            for kind in WarningKind::ALL {
                self.mapping_warnings.with_label_values(&[entity, kind.as_str()]);
            }
            for outcome in Outcome::ALL {
                self.deliveries.with_label_values(&[entity, outcome.as_str()]);
            }
        }
    }

    /// The definitions of this process: their number in the ledger, their hash, since when, and whether they are in force.
    pub fn set_definitions(&self, number: i32, hash: &str, loaded_at: DateTime<Utc>, in_force: bool) {
        // only one series: the former set is no longer used
        self.definitions_info.reset();
        self.definitions_info.with_label_values(&[&number.to_string(), hash]).set(1);
        self.definitions_loaded.set(loaded_at.timestamp());
        self.definitions_in_force.set(i64::from(in_force));
    }

    /// Whether the definition files have content that was refused.
    pub fn definitions_refused(&self, refused: bool) {
        self.definitions_reload_failed.set(i64::from(refused));
    }

    /// Removes the series of a flow that is no longer configured: its last values must not be shown forever.
    pub fn forget(&self, flow: &FlowId) {
        self.flows.forget(flow);
    }

    /// A run of a flow ended.
    pub fn ran(&self, flow: &FlowId, kind: RunKind, result: RunResult, took: Duration) {
        self.flows.ran(flow, kind, result);
        if result != RunResult::NotBegun {
            self.run_duration.with_label_values(&[flow.entity.as_str(), kind.as_str()]).observe(took.as_secs_f64());
        }
    }

    /// The state of every flow, as the ledger has it now.
    pub fn set_flows(&self, flows: &[FlowState]) {
        self.flows.show(flows);
    }

    /// Whether the actors of a flow crashed too often; for a scrape during which the ledger does not answer.
    pub fn set_gave_up(&self, flow: &FlowId, gave_up: bool) {
        self.flows.set_gave_up(flow, gave_up);
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

    /// Attempts to deliver records of one entity ended with this outcome.
    pub fn delivered(&self, entity: &EntityName, outcome: Outcome, count: u64) {
        self.deliveries.with_label_values(&[entity.as_str(), outcome.as_str()]).inc_by(count);
    }

    /// How many target records failed for a reason.
    pub fn set_failed(&self, entity: &EntityName, reason: FailureReason, count: i64) {
        self.deliveries_failed.with_label_values(&[entity.as_str(), reason.as_str()]).set(count);
    }

    /// The number of records whose content in ServiceNow differs from what was sent.
    pub fn set_not_as_sent(&self, entity: &EntityName, count: i64) {
        self.records_not_as_sent.with_label_values(&[entity.as_str()]).set(count);
    }

    /// The number of records that were last mapped under another definition.
    pub fn set_outdated(&self, entity: &EntityName, count: i64) {
        self.records_outdated.with_label_values(&[entity.as_str()]).set(count);
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

    /// A request to an outside system ended. `kind` is its purpose, such as `page`, `batch`, `look_up`.
    pub fn requested(&self, system: System, kind: &'static str, status: RequestStatus, took: Duration) {
        self.requests.with_label_values(&[system.as_str(), kind, status.as_str()]).inc();
        self.request_duration.with_label_values(&[system.as_str(), kind]).observe(took.as_secs_f64());
    }

    /// A token was requested.
    pub fn token_requested(&self) {
        self.token_requests.inc();
    }

    /// An actor died.
    pub fn actor_died(&self, actor: &str, cause: DeathCause) {
        self.actor_restarts.with_label_values(&[actor, cause.as_str()]).inc();
    }

    /// A flow made progress.
    pub fn flow_progressed(&self, flow: &FlowId, at: DateTime<Utc>) {
        self.flows.progressed(flow, at);
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

    /// A call to the database ended. `call` is its name, such as `take_in`.
    pub fn store_called(&self, call: &'static str, took: Duration) {
        self.store_duration.with_label_values(&[call]).observe(took.as_secs_f64());
    }

    /// A caller got its database connection after this time.
    pub fn store_waited(&self, waited: Duration) {
        self.store_connection_wait.observe(waited.as_secs_f64());
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

    /// Audit rows were sealed.
    pub fn audit_sealed(&self, rows: u64) {
        self.audit_sealed_rows.inc_by(rows);
    }

    /// When the service's own certificate expires.
    pub fn set_certificate_expiry(&self, at: DateTime<Utc>) {
        self.certificate_expires.set(at.timestamp());
    }

    /// The certificate's files changed to something that cannot be used.
    pub fn certificate_refused(&self) {
        self.certificates_refused.inc();
    }

    /// A channel tried to send a notice.
    pub fn notified(&self, channel: ChannelKind, telling: Telling) {
        self.notices.with_label_values(&[channel.as_str(), telling.as_str()]).inc();
    }

    /// A delivered record was polled.
    pub fn downstream_polled(&self, entity: &EntityName, verdict: PollVerdict) {
        self.downstream_polls.with_label_values(&[entity.as_str(), verdict.as_str()]).inc();
    }

    /// A request had no valid API key.
    pub fn sign_in_refused(&self) {
        self.sign_ins_refused.inc();
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

    /// The number of entries of a kind in the conflict list.
    pub fn set_conflicts(&self, entity: &str, kind: &str, state: &str, count: i64) {
        self.conflicts.with_label_values(&[entity, kind, state]).set(count);
    }

    /// Everything in Prometheus' text format.
    pub fn gather(&self) -> String {
        // it fails only for a metric without a name
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| format!("# {error}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_shows_in_the_text() {
        let metrics = Metrics::new();
        let (entity, flow) = (EntityName::new("invoice"), FlowId::new("EDU1", "invoice"));
        metrics.documents_read(&entity, 3);
        metrics.versions_taken_in(&entity, 2);
        metrics.warned(&entity, WarningKind::Difference);
        metrics.delivered(&entity, Outcome::Unknown, 1);
        metrics.delivered(&entity, Outcome::Confirmed, 4);
        metrics.set_failed(&entity, FailureReason::Rejected, 5);
        metrics.set_unknown(&entity, 6);
        metrics.set_waiting(&entity, 1);
        metrics.set_on_hold(&entity, 2);
        metrics.set_queued(&entity, 7);
        metrics.requested(System::ServiceNow, "batch", RequestStatus::Answered(429), Duration::from_millis(30));
        metrics.requested(System::ServiceNow, "batch", RequestStatus::Answered(201), Duration::from_millis(30));
        metrics.requested(System::SysproOdata, "page", RequestStatus::TimedOut, Duration::from_secs(60));
        metrics.token_requested();
        metrics.actor_died("writer", DeathCause::Panic);
        metrics.flow_progressed(&flow, DateTime::from_timestamp(1_700_000_000, 0).expect("an instant"));
        metrics.set_batch_size(50);
        metrics.set_concurrency(4);
        metrics.set_breaker(Breaker::Open);
        metrics.store_called("take_in", Duration::from_millis(3));
        metrics.store_waited(Duration::from_micros(20));
        metrics.audit_sealed(9);
        metrics.retention_removed(KeptTable::Version, 3);
        metrics.set_ledger_size(1 << 20, Some(-5));
        metrics.set_certificate_expiry(DateTime::from_timestamp(1_800_000_000, 0).expect("an instant"));
        metrics.certificate_refused();
        metrics.notified(ChannelKind::Webhook, Telling::Again);
        metrics.downstream_polled(&flow.entity, PollVerdict::CouldNotTell);
        metrics.ran(&flow, RunKind::Poll, RunResult::Done, Duration::from_secs(2));
        metrics.ran(&flow, RunKind::Poll, RunResult::NotBegun, Duration::ZERO);
        metrics.set_flows(&[FlowState {
            flow,
            paused: true,
            stopped: false,
            gave_up: None,
            lag: chrono::Duration::seconds(61),
            progress: None,
        }]);
        metrics.set_ledger_up(true);
        metrics.set_connections(2, 1);
        metrics.set_unsealed(8);
        metrics.enet_called("setup", EnetAnswer::Unlicensed, Duration::from_millis(3));
        metrics.set_enet_session(true);
        metrics.set_enet_leased(true);
        metrics.enet_evicted(DateTime::from_timestamp(1_700_000_300, 0).expect("an instant"));
        metrics.set_conflicts("cost_center", "edited", "to_apply", 4);
        let text = metrics.gather();
        for line in [
            "tieline_documents_read_total{entity=\"invoice\"} 3",
            "tieline_versions_total{entity=\"invoice\"} 2",
            "tieline_mapping_warnings_total{entity=\"invoice\",warning=\"difference\"} 1",
            "tieline_deliveries_total{entity=\"invoice\",outcome=\"unknown\"} 1",
            "tieline_deliveries_total{entity=\"invoice\",outcome=\"confirmed\"} 4",
            "tieline_deliveries_failed{entity=\"invoice\",reason=\"rejected\"} 5",
            "tieline_deliveries_unknown{entity=\"invoice\"} 6",
            "tieline_deliveries_waiting{entity=\"invoice\"} 1",
            "tieline_deliveries_on_hold{entity=\"invoice\"} 2",
            "tieline_deliveries_queued{entity=\"invoice\"} 7",
            "tieline_requests_total{kind=\"batch\",status=\"429\",system=\"servicenow\"} 1",
            "tieline_requests_total{kind=\"batch\",status=\"2xx\",system=\"servicenow\"} 1",
            "tieline_requests_total{kind=\"page\",status=\"timed_out\",system=\"syspro_odata\"} 1",
            "tieline_request_duration_seconds_bucket{kind=\"batch\",system=\"servicenow\",le=\"0.05\"} 2",
            "tieline_token_requests_total 1",
            "tieline_actor_restarts_total{actor=\"writer\",cause=\"panic\"} 1",
            "tieline_flow_last_progress_timestamp_seconds{company=\"EDU1\",entity=\"invoice\"} 1700000000",
            "tieline_batch_size 50",
            "tieline_concurrency 4",
            "tieline_breaker 2",
            "tieline_store_seconds_count{call=\"take_in\"} 1",
            "tieline_store_connection_wait_seconds_count 1",
            "tieline_audit_sealed_rows_total 9",
            "tieline_retention_removed_total{table=\"version\"} 3",
            "tieline_ledger_bytes 1048576",
            "tieline_ledger_growth_bytes -5",
            "tieline_certificate_expires_timestamp_seconds 1800000000",
            "tieline_certificates_refused_total 1",
            "tieline_notice_messages_total{channel=\"webhook\",telling=\"again\"} 1",
            "tieline_downstream_checks_total{entity=\"invoice\",verdict=\"could_not_tell\"} 1",
            "tieline_runs_total{company=\"EDU1\",entity=\"invoice\",kind=\"poll\",result=\"done\"} 1",
            "tieline_runs_total{company=\"EDU1\",entity=\"invoice\",kind=\"poll\",result=\"not_begun\"} 1",
            "tieline_run_duration_seconds_count{entity=\"invoice\",kind=\"poll\"} 1",
            "tieline_flow_lag_seconds{company=\"EDU1\",entity=\"invoice\"} 61",
            "tieline_flow_not_running{company=\"EDU1\",entity=\"invoice\",why=\"paused\"} 1",
            "tieline_ledger_up 1",
            "tieline_store_connections{state=\"busy\"} 2",
            "tieline_audit_unsealed_rows 8",
            "tieline_enet_calls_total{answer=\"unlicensed\",operation=\"setup\"} 1",
            "tieline_enet_call_duration_seconds_count{operation=\"setup\"} 1",
            "tieline_enet_sessions_open 1",
            "tieline_enet_operator_leased 1",
            "tieline_enet_evictions_total 1",
            "tieline_enet_back_off_until_timestamp_seconds 1700000300",
            "tieline_conflicts{entity=\"cost_center\",kind=\"edited\",state=\"to_apply\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains(&format!("tieline_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))));
        assert!(!cfg!(target_os = "linux") || text.contains("process_resident_memory_bytes "));
        assert!(text.lines().filter(|line| line.starts_with("# HELP")).count() >= 17);
    }

    #[test]
    fn there_is_one_set_per_process() {
        assert!(std::ptr::eq(metrics(), metrics()));
    }
}
