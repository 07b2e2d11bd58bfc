//! Creates and registers metrics, with the information for their documentation.

use std::cell::RefCell;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The declaration of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name, with the prefix `tieline_`.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its help text.
    pub help: String,
    /// Its labels, in the order of their declaration.
    pub labels: Vec<String>,
}

/// A registry during its creation.
#[derive(Default)]
pub(super) struct Declaring {
    registry: Registry,
    declared: RefCell<Vec<Declared>>,
}

impl Declaring {
    /// The registry, and what is in it.
    pub(super) fn into_parts(self) -> (Registry, Vec<Declared>) {
        (self.registry, self.declared.into_inner())
    }

    fn add<C: Collector + Clone + 'static>(&self, kind: &'static str, collector: &C) {
        for desc in collector.desc() {
            let (name, help, labels) = (desc.fq_name.clone(), desc.help.clone(), desc.variable_labels.clone());
            self.declared.borrow_mut().push(Declared { name, kind, help, labels });
        }
        self.registry.register(Box::new(collector.clone())).expect(VALID);
    }
}

/// Names and labels are constants, and a test creates them all: creating or registering one cannot fail later.
pub(super) const VALID: &str = "metric names are constants, distinct and well-formed";

/// The bounds of histograms of requests to other systems, in seconds.
pub(super) const REQUEST_BUCKETS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("tieline_{name}"), help)
}

pub(super) fn counter(to: &Declaring, name: &str, help: &str) -> IntCounter {
    let metric = IntCounter::with_opts(opts(name, help)).expect(VALID);
    to.add("counter", &metric);
    metric
}

pub(super) fn counters(to: &Declaring, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let metric = IntCounterVec::new(opts(name, help), labels).expect(VALID);
    to.add("counter", &metric);
    metric
}

pub(super) fn gauge(to: &Declaring, name: &str, help: &str) -> IntGauge {
    let metric = IntGauge::with_opts(opts(name, help)).expect(VALID);
    to.add("gauge", &metric);
    metric
}

pub(super) fn gauges(to: &Declaring, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    let metric = IntGaugeVec::new(opts(name, help), labels).expect(VALID);
    to.add("gauge", &metric);
    metric
}

pub(super) fn histogram(to: &Declaring, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
    let metric = Histogram::with_opts(opts).expect(VALID);
    to.add("histogram", &metric);
    metric
}

pub(super) fn histograms(to: &Declaring, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
    let metric = HistogramVec::new(opts, labels).expect(VALID);
    to.add("histogram", &metric);
    metric
}
