//! Every Prometheus metric, declared once and changed through a named function, in a file for each theme: `records`, `deliveries`,
//! `requests`, `enet`, `ledger`, `service`, and `telemetry/flows.rs` for what has a series per flow. Labels are closed sets: companies and
//! entities of the configuration, and the words of [`crate::telemetry::labels`]. `docs/metrics.md` is generated from the declarations.

pub mod deliveries;
pub mod enet;
pub mod ledger;
pub mod records;
pub mod requests;
pub mod service;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{HistogramVec, Registry, TextEncoder};

use self::deliveries::DeliveryMetrics;
use self::enet::EnetMetrics;
use self::ledger::LedgerMetrics;
use self::records::RecordMetrics;
use self::requests::RequestMetrics;
use self::service::ServiceMetrics;
use crate::domain::FlowId;
use crate::domain::per_flow::ShownFlows;
use crate::domain::run::RunKind;
use crate::telemetry::declare::{Declared, Declaring, VALID, gauges, histograms};
use crate::telemetry::flows::{FlowMetrics, FlowState};
use crate::telemetry::labels::RunResult;

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
    /// Records: what was read from SYSPRO and mapped, and what became of it in ServiceNow.
    pub records: RecordMetrics,
    /// Deliveries by state, and how fast ServiceNow lets Tieline send: batch size, concurrency and breaker.
    pub deliveries: DeliveryMetrics,
    /// HTTP requests to other systems, and the tokens of ServiceNow.
    pub requests: RequestMetrics,
    /// Calls of business objects of e.net, and its one session.
    pub enet: EnetMetrics,
    /// The ledger: the database, its connections and size, the audit, and retention.
    pub ledger: LedgerMetrics,
    /// The service itself: its actors, definitions, notices, certificate, and refused sign-ins.
    pub service: ServiceMetrics,
    run_duration: HistogramVec,
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
        let mut new = Self {
            flows: FlowMetrics::new(&registry),
            run_duration: histograms(
                &registry,
                "run_duration_seconds",
                "Time of a run from its lease to its end, sending included.",
                &["entity", "kind"],
                &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0],
            ),
            records: RecordMetrics::new(&registry),
            deliveries: DeliveryMetrics::new(&registry),
            requests: RequestMetrics::new(&registry),
            enet: EnetMetrics::new(&registry),
            ledger: LedgerMetrics::new(&registry),
            service: ServiceMetrics::new(&registry),
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
        self.ledger.announce();
        self.flows.announce(flows, shown);
        let entities: BTreeSet<&str> = flows.iter().map(|flow| flow.entity.as_str()).collect();
        for entity in entities {
            self.records.announce(entity);
            self.deliveries.announce(entity);
        }
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

    /// A flow made progress.
    pub fn flow_progressed(&self, flow: &FlowId, at: DateTime<Utc>) {
        self.flows.progressed(flow, at);
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
    use crate::domain::EntityName;
    use crate::domain::budget::Breaker;
    use crate::domain::delivery::{DownstreamState, FailureReason};
    use crate::domain::outside::OutsidePlace;
    use crate::domain::retention::KeptTable;
    use crate::domain::warning::WarningKind;
    use crate::telemetry::labels::{ChannelKind, DeathCause, EnetAnswer, Outcome, RequestStatus, System, Telling};

    #[test]
    fn every_function_shows_in_the_text() {
        let metrics = Metrics::new();
        let (entity, flow) = (EntityName::new("invoice"), FlowId::new("EDU1", "invoice"));
        metrics.records.documents_read(&entity, 3);
        metrics.records.versions_taken_in(&entity, 2);
        metrics.records.warned(&entity, WarningKind::Difference);
        metrics.deliveries.delivered(&entity, Outcome::Unknown, 1);
        metrics.deliveries.delivered(&entity, Outcome::Confirmed, 4);
        metrics.deliveries.set_failed(&entity, FailureReason::Rejected, 5);
        metrics.deliveries.set_unknown(&entity, 6);
        metrics.deliveries.set_waiting(&entity, 1);
        metrics.deliveries.set_on_hold(&entity, 2);
        metrics.deliveries.set_queued(&entity, 7);
        metrics.requests.requested(System::ServiceNow, "batch", RequestStatus::Answered(429), Duration::from_millis(30));
        metrics.requests.requested(System::ServiceNow, "batch", RequestStatus::Answered(201), Duration::from_millis(30));
        metrics.requests.requested(System::SysproOdata, "page", RequestStatus::TimedOut, Duration::from_secs(60));
        metrics.requests.token_requested();
        metrics.service.actor_died("writer", DeathCause::Panic);
        metrics.flow_progressed(&flow, DateTime::from_timestamp(1_700_000_000, 0).expect("an instant"));
        metrics.deliveries.set_batch_size(50);
        metrics.deliveries.set_concurrency(4);
        metrics.deliveries.set_breaker(Breaker::Open);
        metrics.ledger.store_called("take_in", Duration::from_millis(3));
        metrics.ledger.store_waited(Duration::from_micros(20));
        metrics.ledger.audit_sealed(9);
        metrics.ledger.retention_removed(KeptTable::Version, 3);
        metrics.ledger.head_put(OutsidePlace::Timestamp, false);
        metrics.ledger.set_heads_waiting(OutsidePlace::Timestamp, 2);
        metrics.ledger.set_ledger_size(1 << 20, Some(-5));
        metrics.ledger.set_tie_out(Some((crate::domain::tie_out::Verdict::Untied, 4, Duration::from_secs(90))));
        metrics.service.set_certificate_expiry(DateTime::from_timestamp(1_800_000_000, 0).expect("an instant"));
        metrics.service.certificate_refused();
        metrics.service.sign_in_refusal_unwritten();
        metrics.service.notified(ChannelKind::Webhook, Telling::Again);
        metrics.records.downstream_polled(&flow.entity, DownstreamState::Unknown);
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
        metrics.ledger.set_ledger_up(true);
        metrics.ledger.set_connections(2, 1);
        metrics.ledger.set_unsealed(8);
        metrics.enet.enet_called("setup", EnetAnswer::Unlicensed, Duration::from_millis(3));
        metrics.enet.set_enet_session(true);
        metrics.enet.set_enet_leased(true);
        metrics.enet.enet_evicted(DateTime::from_timestamp(1_700_000_300, 0).expect("an instant"));
        metrics.records.set_conflicts("cost_center", "edited", "to_apply", 4);
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
            "tieline_audit_heads_total{place=\"timestamp\",put=\"failed\"} 1",
            "tieline_ledger_bytes 1048576",
            "tieline_ledger_growth_bytes -5",
            "tieline_tie_out_result 2",
            "tieline_tie_out_open_items 4",
            "tieline_tie_out_age_seconds 90",
            "tieline_certificate_expires_timestamp_seconds 1800000000",
            "tieline_certificates_refused_total 1",
            "tieline_sign_in_refusals_unwritten_total 1",
            "tieline_audit_heads_waiting{place=\"timestamp\"} 2",
            "tieline_notice_messages_total{channel=\"webhook\",telling=\"again\"} 1",
            "tieline_downstream_checks_total{entity=\"invoice\",verdict=\"unknown\"} 1",
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
