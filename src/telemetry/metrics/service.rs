//! The service itself: its actors, definitions, notices, certificate, and refused sign-ins.

use chrono::{DateTime, Utc};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::domain::task::TaskState;
use crate::telemetry::declare::{Declaring, counter, counters, gauge, gauges};
use crate::telemetry::labels::{ChannelKind, DeathCause, TaskOutcome, Telling};

/// The service itself: its actors, definitions, notices, certificate, and refused sign-ins.
#[derive(Debug)]
pub struct ServiceMetrics {
    actor_restarts: IntCounterVec,
    definitions_info: IntGaugeVec,
    definitions_in_force: IntGauge,
    definitions_reload_failed: IntGauge,
    definitions_loaded: IntGauge,
    notices: IntCounterVec,
    task_attempts: IntCounterVec,
    tasks: IntGaugeVec,
    tasks_failing: IntGauge,
    tasks_left_out: IntGauge,
    certificate_expires: IntGauge,
    certificates_refused: IntCounter,
    sign_ins_refused: IntCounter,
    sign_in_refusals_unwritten: IntCounter,
}

impl ServiceMetrics {
    pub(super) fn new(registry: &Declaring) -> Self {
        Self {
            actor_restarts: counters(
                registry,
                "actor_restarts_total",
                "Restarts of an actor, by what came before: a panic or a stop. `give_up` counts that it died too often and is not restarted.",
                &["actor", "cause"],
            ),
            definitions_info: gauges(
                registry,
                "definitions_info",
                "The definitions that this service works with; the value is always 1.",
                &["number", "hash"],
            ),
            definitions_in_force: gauge(
                registry,
                "definitions_in_force",
                "1 while the definitions of this service are those in force, 0 while it does nothing because others are.",
            ),
            definitions_reload_failed: gauge(
                registry,
                "definitions_reload_failed",
                "1 while the definition files say something that was refused; the definitions before stay in force.",
            ),
            definitions_loaded: gauge(
                registry,
                "definitions_loaded_timestamp_seconds",
                "When this service took up its definitions, in Unix time.",
            ),
            notices: counters(registry, "notice_messages_total", "Messages to people, by channel and result.", &["channel", "telling"]),
            task_attempts: counters(registry, "task_attempts_total", "Attempts to write tasks into ServiceNow, by result.", &["outcome"]),
            tasks: gauges(registry, "tasks", "Tasks that are not done, by where they stand.", &["state"]),
            tasks_failing: gauge(registry, "tasks_failing", "Tasks whose last attempt failed."),
            tasks_left_out: gauge(registry, "tasks_left_out", "What needs a task and has none, because too many are open."),
            certificate_expires: gauge(
                registry,
                "certificate_expires_timestamp_seconds",
                "When the certificate that the service serves TLS with expires; 0 without one.",
            ),
            certificates_refused: counter(
                registry,
                "certificates_refused_total",
                "Changed certificate files that could not be used; the old certificate stayed in use.",
            ),
            sign_ins_refused: counter(registry, "http_sign_ins_refused_total", "Requests refused for want of a valid API key."),
            sign_in_refusals_unwritten: counter(
                registry,
                "sign_in_refusals_unwritten_total",
                "Refused sign-ins through the OpenID provider that are no events: of no attempt that began here, or too many in an hour.",
            ),
        }
    }

    /// An actor died.
    pub fn actor_died(&self, actor: &str, cause: DeathCause) {
        self.actor_restarts.with_label_values(&[actor, cause.as_str()]).inc();
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

    /// A channel tried to send a notice.
    pub fn notified(&self, channel: ChannelKind, telling: Telling) {
        self.notices.with_label_values(&[channel.as_str(), telling.as_str()]).inc();
    }

    /// An attempt to write a task.
    pub fn task_sent(&self, outcome: TaskOutcome) {
        self.task_attempts.with_label_values(&[outcome.as_str()]).inc();
    }

    /// The tasks that are not done, and those whose last attempt failed.
    pub fn set_tasks(&self, states: &[(TaskState, i64)], failing: i64) {
        for state in TaskState::ALL {
            let tasks = states.iter().find(|(known, _)| known == state).map_or(0, |(_, tasks)| *tasks);
            self.tasks.with_label_values(&[state.as_str()]).set(tasks);
        }
        self.tasks_failing.set(failing);
    }

    /// What needs a task and has none.
    pub fn set_tasks_left_out(&self, needs: i64) {
        self.tasks_left_out.set(needs);
    }

    /// When the service's own certificate expires.
    pub fn set_certificate_expiry(&self, at: DateTime<Utc>) {
        self.certificate_expires.set(at.timestamp());
    }

    /// The certificate's files changed to something that cannot be used.
    pub fn certificate_refused(&self) {
        self.certificates_refused.inc();
    }

    /// A request had no valid API key.
    pub fn sign_in_refused(&self) {
        self.sign_ins_refused.inc();
    }

    /// A refused sign-in through the provider is no event.
    pub fn sign_in_refusal_unwritten(&self) {
        self.sign_in_refusals_unwritten.inc();
    }
}
