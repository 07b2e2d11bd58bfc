//! The metrics of flows: every flow by itself, only those with a problem, or the flows of an entity together (`metrics.per_flow`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use prometheus::{IntCounterVec, IntGaugeVec};

use super::declare::{Declaring, counters, gauges};
use super::labels::{Hold, RunResult};
use crate::domain::FlowId;
use crate::domain::per_flow::ShownFlows;
use crate::domain::run::RunKind;

/// The company in series of several companies; no company can have this name.
const ALL_COMPANIES: &str = "*";

/// How long records are on their way before the lag of a flow counts as a problem, in seconds.
const LATE: i64 = 60;

/// The state of a flow in the ledger, at one scrape.
#[derive(Debug, Clone)]
pub struct FlowState {
    /// The flow.
    pub flow: FlowId,
    /// Whether a person paused it.
    pub paused: bool,
    /// Whether Tieline stopped it.
    pub stopped: bool,
    /// Whether its actors crashed too often; `None` where that is not known at present.
    pub gave_up: Option<bool>,
    /// The age of its oldest record on the way.
    pub lag: chrono::Duration,
    /// When it last made progress.
    pub progress: Option<DateTime<Utc>>,
}

impl FlowState {
    fn held(&self, why: Hold) -> Option<bool> {
        match why {
            Hold::Paused => Some(self.paused),
            Hold::Stopped => Some(self.stopped),
            Hold::GaveUp => self.gave_up,
        }
    }
}

/// The series of flows.
#[derive(Debug)]
pub(super) struct FlowMetrics {
    runs: IntCounterVec,
    lag: IntGaugeVec,
    not_running: IntGaugeVec,
    last_progress: IntGaugeVec,
    shown: Mutex<ShownFlows>,
}

impl FlowMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            runs: counters(
                registry,
                "runs_total",
                "Runs of a flow on this node, by kind and how they ended.",
                &["company", "entity", "kind", "result"],
            ),
            lag: gauges(
                registry,
                "flow_lag_seconds",
                "Age of the oldest record of a flow that is queued, sent, retried or unknown, since it was queued or released. Retries and look-ups do not reset it. 0 if there is none.",
                &["company", "entity"],
            ),
            not_running: gauges(registry, "flow_not_running", "1 while a flow does not run, by why.", &["company", "entity", "why"]),
            last_progress: gauges(
                registry,
                "flow_last_progress_timestamp_seconds",
                "When a flow last got on, in Unix time.",
                &["company", "entity"],
            ),
            shown: Mutex::default(),
        }
    }

    /// Shows all counters with zero from the start.
    pub(super) fn announce(&self, flows: &[FlowId], shown: ShownFlows) {
        let before = std::mem::replace(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner), shown);
        if before != shown {
            self.runs.reset();
            self.reset_gauges();
        }
        for flow in flows {
            let (company, entity) = (flow.company.as_str(), flow.entity.as_str());
            for kind in RunKind::ALL {
                for result in RunResult::ALL {
                    if let Some(company) = run_company(shown, company, *result, Series::Expected) {
                        self.runs.with_label_values(&[company, entity, kind.as_str(), result.as_str()]);
                    }
                }
            }
            if shown == ShownFlows::All {
                for why in Hold::ALL {
                    self.not_running.with_label_values(&[company, entity, why.as_str()]);
                }
                self.lag.with_label_values(&[company, entity]);
            }
        }
    }

    /// Removes the series of a flow that is no longer configured.
    pub(super) fn forget(&self, flow: &FlowId) {
        let (company, entity) = (flow.company.as_str(), flow.entity.as_str());
        // an error means that the series did not exist
        for why in Hold::ALL {
            let _ = self.not_running.remove_label_values(&[company, entity, why.as_str()]);
        }
        let _ = self.lag.remove_label_values(&[company, entity]);
        let _ = self.last_progress.remove_label_values(&[company, entity]);
    }

    /// A run ended.
    pub(super) fn ran(&self, flow: &FlowId, kind: RunKind, result: RunResult) {
        if let Some(company) = run_company(self.shown(), flow.company.as_str(), result, Series::Counted) {
            self.runs.with_label_values(&[company, flow.entity.as_str(), kind.as_str(), result.as_str()]).inc();
        }
    }

    /// A flow made progress. Where flows have no series of their own, the next scrape reads it from the ledger.
    pub(super) fn progressed(&self, flow: &FlowId, at: DateTime<Utc>) {
        if self.shown() == ShownFlows::All {
            self.last_progress.with_label_values(&[flow.company.as_str(), flow.entity.as_str()]).set(at.timestamp());
        }
    }

    /// Whether the actors of a flow crashed too often, while the ledger does not answer.
    pub(super) fn set_gave_up(&self, flow: &FlowId, gave_up: bool) {
        if self.shown() == ShownFlows::All {
            self.hold((flow.company.as_str(), flow.entity.as_str()), Hold::GaveUp, gave_up);
        }
    }

    /// The state of every flow, as the ledger has it now.
    pub(super) fn show(&self, flows: &[FlowState]) {
        match self.shown() {
            ShownFlows::All => flows.iter().for_each(|state| self.show_one(state)),
            ShownFlows::Problems => self.show_problems(flows),
            ShownFlows::Together => self.show_together(flows),
        }
    }

    fn show_one(&self, state: &FlowState) {
        let place = (state.flow.company.as_str(), state.flow.entity.as_str());
        for why in Hold::ALL {
            // unknown: the last value stays
            if let Some(held) = state.held(*why) {
                self.hold(place, *why, held);
            }
        }
        if let Some(at) = state.progress {
            self.last_progress.with_label_values(&[place.0, place.1]).set(at.timestamp());
        }
        self.lag.with_label_values(&[place.0, place.1]).set(seconds(state.lag));
    }

    /// Flows that do not run, flows whose records are late, and of each entity the flow whose last progress is the oldest.
    fn show_problems(&self, flows: &[FlowState]) {
        self.reset_gauges();
        for state in flows {
            let place = (state.flow.company.as_str(), state.flow.entity.as_str());
            for why in Hold::ALL.iter().filter(|why| state.held(**why) == Some(true)) {
                self.hold(place, *why, true);
            }
            if seconds(state.lag) >= LATE {
                self.lag.with_label_values(&[place.0, place.1]).set(seconds(state.lag));
            }
        }
        for (state, at) in oldest(flows).into_values() {
            self.last_progress.with_label_values(&[state.flow.company.as_str(), state.flow.entity.as_str()]).set(at.timestamp());
        }
    }

    /// Each entity: whether any flow does not run, the longest lag, and the oldest progress.
    fn show_together(&self, flows: &[FlowState]) {
        self.reset_gauges();
        let mut entities: BTreeMap<&str, Vec<&FlowState>> = BTreeMap::new();
        for state in flows {
            entities.entry(state.flow.entity.as_str()).or_default().push(state);
        }
        for (entity, flows) in entities {
            let place = (ALL_COMPANIES, entity);
            for why in Hold::ALL {
                self.hold(place, *why, flows.iter().any(|state| state.held(*why) == Some(true)));
            }
            let longest = flows.iter().map(|state| seconds(state.lag)).max().unwrap_or_default();
            self.lag.with_label_values(&[place.0, place.1]).set(longest);
        }
        for (entity, (_, at)) in oldest(flows) {
            self.last_progress.with_label_values(&[ALL_COMPANIES, entity]).set(at.timestamp());
        }
    }

    fn hold(&self, (company, entity): (&str, &str), why: Hold, held: bool) {
        self.not_running.with_label_values(&[company, entity, why.as_str()]).set(i64::from(held));
    }

    fn reset_gauges(&self) {
        self.lag.reset();
        self.not_running.reset();
        self.last_progress.reset();
    }

    fn shown(&self) -> ShownFlows {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(lag: chrono::Duration) -> i64 {
    lag.num_seconds().max(0)
}

/// Of each entity the flow that made progress longest ago.
fn oldest(flows: &[FlowState]) -> BTreeMap<&str, (&FlowState, DateTime<Utc>)> {
    let mut oldest: BTreeMap<&str, (&FlowState, DateTime<Utc>)> = BTreeMap::new();
    for (state, at) in flows.iter().filter_map(|state| Some((state, state.progress?))) {
        let known = oldest.entry(state.flow.entity.as_str()).or_insert((state, at));
        if at < known.1 {
            *known = (state, at);
        }
    }
    oldest
}

/// Why a series of runs is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    /// Runs may follow: it exists from the start.
    Expected,
    /// A run ended.
    Counted,
}

/// The company under which a run is counted. With problems alone, a failed run counts for its flow and any other run for all companies, so
/// that sums are right. `None`: a series that does not exist before its first run.
fn run_company(shown: ShownFlows, company: &str, result: RunResult, series: Series) -> Option<&str> {
    match (shown, result) {
        (ShownFlows::All, _) => Some(company),
        (ShownFlows::Problems, RunResult::Failed) => Some(company).filter(|_| series == Series::Counted),
        (ShownFlows::Problems | ShownFlows::Together, _) => Some(ALL_COMPANIES),
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::Metrics;
    use super::*;

    fn site(companies: usize) -> Vec<FlowId> {
        (0..companies).flat_map(|n| ["supplier", "invoice"].map(|entity| FlowId::new(format!("C{n}").as_str(), entity))).collect()
    }

    fn well(flow: &FlowId) -> FlowState {
        let progress = DateTime::from_timestamp(1_700_000_000, 0);
        FlowState { flow: flow.clone(), paused: false, stopped: false, gave_up: Some(false), lag: chrono::Duration::zero(), progress }
    }

    /// The lines about flows: without the counters of entities.
    fn lines(metrics: &Metrics) -> Vec<String> {
        let about = |line: &&str| line.starts_with("tieline_flow_") || line.starts_with("tieline_runs_total{");
        metrics.gather().lines().filter(about).map(str::to_owned).collect()
    }

    /// A site whose flows are all well, or of which one company is paused, one is late, one is silent and one fails.
    fn shown(shown: ShownFlows, companies: usize, problems: bool) -> Vec<String> {
        let (metrics, flows) = (Metrics::new(), site(companies));
        metrics.announce(&flows, shown);
        let mut states: Vec<FlowState> = flows.iter().map(well).collect();
        for flow in &flows {
            metrics.ran(flow, RunKind::Poll, RunResult::Done, std::time::Duration::ZERO);
        }
        if problems {
            states[0].paused = true;
            states[3].lag = chrono::Duration::seconds(61);
            states[4].progress = DateTime::from_timestamp(1_600_000_000, 0);
            metrics.ran(&flows[5], RunKind::Poll, RunResult::Failed, std::time::Duration::ZERO);
        }
        metrics.set_flows(&states);
        // twice: what was a problem is none any more
        metrics.set_flows(&states);
        lines(&metrics)
    }

    #[test]
    fn every_flow_has_seventeen_lines_when_all_are_shown() {
        for companies in [3, 10] {
            assert_eq!(shown(ShownFlows::All, companies, true).len(), 17 * 2 * companies);
        }
    }

    #[test]
    fn lines_do_not_grow_with_the_companies_when_flows_are_shown_together() {
        for problems in [false, true] {
            assert_eq!([3, 150].map(|companies| shown(ShownFlows::Together, companies, problems).len()), [17 * 2; 2]);
        }
        let found = shown(ShownFlows::Together, 3, true);
        for line in [
            "tieline_flow_not_running{company=\"*\",entity=\"supplier\",why=\"paused\"} 1",
            "tieline_flow_not_running{company=\"*\",entity=\"invoice\",why=\"paused\"} 0",
            "tieline_flow_lag_seconds{company=\"*\",entity=\"invoice\"} 61",
            "tieline_flow_last_progress_timestamp_seconds{company=\"*\",entity=\"supplier\"} 1600000000",
            "tieline_runs_total{company=\"*\",entity=\"invoice\",kind=\"poll\",result=\"done\"} 3",
            "tieline_runs_total{company=\"*\",entity=\"invoice\",kind=\"poll\",result=\"failed\"} 1",
        ] {
            assert!(found.iter().any(|one| one == line), "{line}\n{found:#?}");
        }
    }

    #[test]
    fn a_flow_that_is_well_has_no_line_when_problems_are_shown() {
        // the runs that did not fail, and the oldest progress of each entity
        assert_eq!([3, 150].map(|companies| shown(ShownFlows::Problems, companies, false).len()), [(8 + 1) * 2; 2]);
        let found = shown(ShownFlows::Problems, 150, true);
        assert_eq!(found.len(), (8 + 1) * 2 + 3, "one paused, one late, one failed");
        for line in [
            "tieline_flow_not_running{company=\"C0\",entity=\"supplier\",why=\"paused\"} 1",
            "tieline_flow_lag_seconds{company=\"C1\",entity=\"invoice\"} 61",
            "tieline_flow_last_progress_timestamp_seconds{company=\"C2\",entity=\"supplier\"} 1600000000",
            "tieline_runs_total{company=\"C2\",entity=\"invoice\",kind=\"poll\",result=\"failed\"} 1",
            "tieline_runs_total{company=\"*\",entity=\"invoice\",kind=\"poll\",result=\"done\"} 150",
        ] {
            assert!(found.iter().any(|one| one == line), "{line}\n{found:#?}");
        }
    }
}
