//! The pace for one instance, shared by all workers: records per batch, concurrent batches, pauses, and the circuit breaker.
//!
//! Additive increase, multiplicative decrease. When nothing succeeds any more, the breaker opens: nothing is sent for a time that doubles,
//! then one batch is sent as a trial, and the others follow only when it succeeds. Otherwise an instance that is down would give batch
//! after batch an unknown outcome.
//!
//! Several nodes share the instance: each takes its share of the concurrent batches, and also makes the pauses that the instance asked of
//! another node.
//!
//! A pause that the instance asks for has a maximum, whatever the answer says: one date far in the future must not stop everything for
//! days. During a long pause a single record is sent as a trial now and then. When that succeeds, or a person ends the pause, it is over
//! for all nodes.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{info, warn};

use super::verdict::Others;
use crate::config::settings::ServiceNowSettings;
use crate::domain::budget::{Breaker, NodeBudget, OthersBudget, share};
use crate::domain::delivery::Attempt;
use crate::domain::ids::DeliveryId;
use crate::process::budget::Budget;
use crate::retry::{self, Backoff};
use crate::store::{DeliveryOutcome, Settlement};
use crate::telemetry::metrics::metrics;

/// A pause up to this long is waited out within the run set; a longer one ends the run set.
const PATIENCE: Duration = Duration::from_secs(5);

/// A batch that took longer than this does not grow further: the instance cancels a request after 30 s.
const COMFORT: Duration = Duration::from_secs(8);

/// Consecutive batches without any success before the breaker opens.
const FAILURES: u32 = 5;

/// Up to this many different records without a usable answer since the last success do not count as an instance that is down: each may be
/// the cause itself.
pub(super) const FEW: usize = 5;

/// This many consecutive waits, of an open breaker or because the instance asked for a pause, are waited out within a run set, however short
/// they are; then the run set ends.
const WAITED_OUT: u32 = 2;

/// How many characters of an answer that asks for a pause are kept.
const SAID: usize = 300;

/// The most deliveries without an answer that are remembered.
const SUSPECTS: usize = 10_000;

/// What the instance accepts at present.
pub(super) struct Pace {
    state: Rc<RefCell<State>>,
    freed: Rc<Notify>,
    batch_limit: usize,
    concurrency: usize,
    /// The waits of an open breaker.
    backoff: Backoff,
    /// The longest pause that an instance may ask for.
    longest: Duration,
    budget: Arc<Budget>,
}

struct State {
    size: usize,
    /// Concurrent batches that this node has found to be possible.
    allowed: usize,
    /// Concurrent batches that this node may use beside the other nodes.
    part: usize,
    in_flight: usize,
    /// Successful batches since `allowed` last changed.
    good: usize,
    /// The end of this node's own pause: the instance asked for it, or nothing succeeds.
    own_pause: Option<Instant>,
    /// The end of the pauses of other nodes, as last reported.
    heard_pause: Option<Instant>,
    /// What the instance asked for, where that is the reason of the pause.
    asked: Option<RequestedPause>,
    /// When the next trial is made during a pause that the instance asked for.
    trial_at: Option<Instant>,
    /// Whether the batch in flight is such a trial.
    trial: bool,
    /// Consecutive batches without any success.
    failures: u32,
    /// How often the breaker has opened since the last success.
    opened: u32,
    /// How often the instance has asked for a pause since the last success.
    throttled: u32,
    breaker: Breaker,
    /// Deliveries whose last attempt had no usable answer: another such attempt shows nothing new about the instance.
    suspects: HashSet<DeliveryId>,
    /// Those of them whose first such attempt was after the last success.
    unanswered: HashSet<DeliveryId>,
    /// Whether something succeeded, and the breaker has not opened since.
    proven: bool,
}

/// What the instance asked for.
#[derive(Debug, Clone)]
struct RequestedPause {
    wait: Duration,
    said: String,
    since: Instant,
}

/// Permission for one batch in flight; returned when dropped.
pub(super) struct Slot {
    state: Rc<RefCell<State>>,
    freed: Rc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.in_flight -= 1;
        if state.in_flight == 0 && std::mem::take(&mut state.trial) {
            // nothing was due: the trial is still to be made
            state.trial_at = Some(Instant::now());
        }
        drop(state);
        self.freed.notify_waiters();
    }
}

/// Nothing may be sent before this time, and it is too long to wait here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paused {
    /// How long.
    pub(super) wait: Duration,
    /// How many consecutive batches failed, where that is the reason.
    pub(super) failures: u32,
}

impl Pace {
    /// The starting pace; `backoff` gives the waits of an open breaker.
    pub(super) fn new(settings: &ServiceNowSettings, backoff: Backoff, budget: Arc<Budget>) -> Self {
        let (batch_limit, concurrency) = (settings.batch_limit.max(1), settings.concurrency.max(1));
        let state = State {
            size: settings.batch_size.clamp(1, batch_limit),
            allowed: concurrency,
            part: concurrency,
            in_flight: 0,
            good: 0,
            own_pause: None,
            heard_pause: None,
            asked: None,
            trial_at: None,
            trial: false,
            failures: 0,
            opened: 0,
            throttled: 0,
            breaker: Breaker::Closed,
            suspects: HashSet::new(),
            unanswered: HashSet::new(),
            proven: false,
        };
        publish(&state, &budget);
        let longest = settings.longest_pause;
        Self { state: Rc::new(RefCell::new(state)), freed: Rc::default(), batch_limit, concurrency, backoff, longest, budget }
    }

    /// Records in the next batch.
    pub(super) fn size(&self) -> usize {
        let state = self.state.borrow();
        if state.trial { 1 } else { state.size }
    }

    /// Waits for permission to send a batch, and for the end of a short pause. A look-up is never the trial of a long pause.
    ///
    /// # Errors
    /// [`Paused`] when the pause is too long to wait here.
    pub(super) async fn slot(&self, attempt: Attempt) -> Result<Slot, Paused> {
        loop {
            // registered before the decision, so that a slot that is freed in between is noticed
            let freed = self.freed.notified();
            match self.decide(Instant::now(), attempt)? {
                Decision::Go => return Ok(Slot { state: self.state.clone(), freed: self.freed.clone() }),
                Decision::Later(until) => tokio::time::sleep_until(until).await,
                Decision::Full => freed.await,
            }
        }
    }

    /// Whether nothing may be sent now: the instance asked for a pause, or nothing succeeds.
    pub(super) fn is_paused(&self) -> bool {
        let state = self.state.borrow();
        state.paused_until().is_some_and(|until| until > Instant::now())
    }

    /// Whether another batch may be sent now.
    fn decide(&self, now: Instant, attempt: Attempt) -> Result<Decision, Paused> {
        let mut state = self.state.borrow_mut();
        if let Some((others, resumed)) = self.budget.update() {
            state.part = share(self.concurrency, others.nodes);
            if let Some(at) = resumed
                && state.asked.as_ref().is_some_and(|asked| asked.since < Instant::from_std(at))
            {
                info!("a person ended the pause that ServiceNow asked for: records are sent again");
                state.lift();
            }
            state.hear(others, now, self.backoff.longest);
            publish(&state, &self.budget);
        }
        if let Some(until) = state.paused_until().filter(|until| *until > now) {
            let wait = until - now;
            let due = state.trial_at.is_some_and(|at| at <= now + Duration::from_secs(1));
            if attempt == Attempt::Send && due && wait > PATIENCE && state.breaker == Breaker::Closed && state.in_flight == 0 {
                info!("ServiceNow asked for a long pause; one record is sent as a trial before its end");
                state.trial_at = Some(now + self.backoff.longest);
                (state.trial, state.in_flight) = (true, 1);
                return Ok(Decision::Go);
            }
            let failures = if state.breaker == Breaker::Open { state.failures } else { 0 };
            let ends = wait > PATIENCE || (failures > 0 && state.opened > WAITED_OUT) || state.throttled > WAITED_OUT;
            return if ends { Err(Paused { wait, failures }) } else { Ok(Decision::Later(until)) };
        }
        (state.own_pause, state.heard_pause, state.asked, state.trial_at) = (None, None, None, None);
        if state.breaker == Breaker::Open {
            state.breaker = Breaker::HalfOpen;
            info!("one batch is sent as a trial");
            publish(&state, &self.budget);
        }
        let allowed = if state.breaker == Breaker::HalfOpen { 1 } else { state.allowed.min(state.part) };
        if state.in_flight >= allowed {
            return Ok(Decision::Full);
        }
        state.in_flight += 1;
        Ok(Decision::Go)
    }

    /// Answers when no batch is in flight any more.
    pub(super) async fn quiet(&self) {
        loop {
            let freed = self.freed.notified();
            if self.state.borrow().in_flight == 0 {
                return;
            }
            freed.await;
        }
    }

    /// Called after the instance refused a batch of `sent` records and asked for a pause of `wait`. `said` is its message.
    pub(super) fn throttled(&self, wait: Duration, said: &str, sent: usize) {
        let mut state = self.state.borrow_mut();
        state.halve(sent);
        state.trial = false;
        state.throttled(wait, said, self);
        publish(&state, &self.budget);
    }

    /// Learns from a batch with outcomes: increases after success, halves after failure. `asked_for`: the longest time that the instance
    /// asked for, if it did.
    pub(super) fn learn(&self, outcomes: &[Settlement], took: Duration, asked_for: Option<Duration>) {
        let mut state = self.state.borrow_mut();
        let trial = std::mem::take(&mut state.trial);
        let (mut through, mut asked) = (outcomes.is_empty(), None::<(Duration, &str)>);
        let mut first_time = Vec::new();
        for outcome in outcomes {
            match &outcome.verdict {
                DeliveryOutcome::Deferred { throttled: true, wait, message, .. } => {
                    asked = asked.max(Some((asked_for.unwrap_or(*wait), message.as_str())));
                }
                DeliveryOutcome::Unknown { .. } | DeliveryOutcome::Deferred { .. } => {
                    if state.suspects.insert(outcome.delivery_id) {
                        first_time.push(outcome.delivery_id);
                    }
                }
                // a refusal is an answer
                DeliveryOutcome::Confirmed { .. } | DeliveryOutcome::Failed { .. } | DeliveryOutcome::Withdrawn { .. } => {
                    through = true;
                    state.suspects.remove(&outcome.delivery_id);
                }
            }
        }
        let full = outcomes.len() >= state.size;
        if asked.is_some() || !first_time.is_empty() || took > COMFORT {
            state.halve(if asked.is_some() && !through { outcomes.len() } else { usize::MAX });
        } else {
            if full {
                state.size = (state.size + state.size / 4 + 1).min(self.batch_limit);
            }
            state.good += 1;
            if state.good >= state.allowed {
                state.allowed = (state.allowed + 1).min(self.concurrency);
                state.good = 0;
            }
        }
        if state.suspects.len() > SUSPECTS {
            state.suspects.clear();
            state.unanswered.clear();
        }
        if through {
            state.through();
        }
        if through && trial && asked.is_none() {
            info!("the trial succeeded: the pause that ServiceNow asked for is over");
            state.lift();
            self.budget.lifted();
        }
        if let Some((wait, said)) = asked {
            state.throttled(wait, said, self);
        }
        if !through {
            let nothing_new = first_time.is_empty();
            state.unanswered.extend(first_time);
            if !nothing_new || state.breaker != Breaker::Closed || state.unanswered.len() > FEW {
                state.failed(self.backoff)
            }
        }
        publish(&state, &self.budget);
        drop(state);
        self.freed.notify_waiters();
    }

    /// Whether the instance processes records at present: a record without an answer is then the cause itself. `None`: nothing has
    /// succeeded since this program started, or since the breaker opened.
    pub(super) fn others(&self) -> Option<Others> {
        let state = self.state.borrow();
        if state.breaker != Breaker::Closed || state.unanswered.len() > FEW {
            return Some(Others::MayNot);
        }
        state.proven.then_some(Others::GetThrough)
    }

    /// Called after a batch of `sent` records of which none succeeded because of a temporary error.
    pub(super) fn failed(&self, sent: usize) {
        let mut state = self.state.borrow_mut();
        state.halve(sent);
        state.trial = false;
        state.failed(self.backoff);
        publish(&state, &self.budget);
    }
}

enum Decision {
    Go,
    Later(Instant),
    Full,
}

impl State {
    /// After a batch of `sent` records: halves the size of the next batch and the allowed size. The next batch may then not contain the
    /// record that made this one fail.
    fn halve(&mut self, sent: usize) {
        self.size = (self.size.min(sent) / 2).max(1);
        self.allowed = (self.allowed / 2).max(1);
        self.good = 0;
    }

    /// The instance asks for this much time. If it asks again and again, the wait is at least the shortest wait of the breaker.
    fn throttled(&mut self, asked: Duration, said: &str, pace: &Pace) {
        let granted = asked.min(pace.longest);
        let (now, said) = (Instant::now(), said.chars().take(SAID).collect::<String>());
        let current = self.asked.as_ref().filter(|_| self.own_pause.is_some_and(|until| until > now));
        if current.is_none_or(|current| current.wait < asked) {
            self.asked = Some(RequestedPause { wait: asked, said: said.clone(), since: now });
        }
        if granted > pace.backoff.longest && self.trial_at.is_none_or(|at| at <= now) {
            self.trial_at = Some(now + pace.backoff.longest);
            warn!(
                asked_seconds = asked.as_secs(),
                granted_seconds = granted.as_secs(),
                said,
                "ServiceNow asks for a long pause; one record is sent as a trial each `retry.max_delay_seconds`, and `tieline resume` ends the pause"
            );
        }
        // the batches that were in flight at its first request for time show nothing new
        if self.paused_until().is_some_and(|until| until > now) {
            return self.pause(granted);
        }
        self.throttled += 1;
        let wait = if self.throttled > WAITED_OUT { granted.max(pace.backoff.first) } else { granted };
        if self.throttled == 1 {
            info!(?wait, "ServiceNow asks for a pause; nothing is sent until it ends");
        } else if self.throttled == WAITED_OUT + 1 {
            warn!(?wait, "ServiceNow asks for pauses repeatedly; the rest is sent in later runs");
        }
        self.pause(wait);
    }

    fn pause(&mut self, wait: Duration) {
        self.own_pause = self.own_pause.max(Some(Instant::now() + wait));
    }

    /// Nothing is sent before this time.
    fn paused_until(&self) -> Option<Instant> {
        self.own_pause.max(self.heard_pause)
    }

    /// Ends the pause that the instance asked for before its time.
    fn lift(&mut self) {
        if self.breaker == Breaker::Closed {
            (self.own_pause, self.heard_pause) = (None, None);
        }
        (self.asked, self.trial_at, self.throttled) = (None, None, 0);
    }

    /// Applies a pause of another node here as well.
    fn hear(&mut self, others: OthersBudget, now: Instant, trial_after: Duration) {
        // reported again each time: a pause that is over there is over here
        if others.pause.is_zero() {
            self.heard_pause = self.heard_pause.filter(|_| self.breaker != Breaker::Closed);
            return;
        }
        if others.broken && self.breaker == Breaker::Closed {
            info!(wait = ?others.pause, "ServiceNow accepts nothing from another node; sending pauses");
            self.breaker = Breaker::Open;
            self.failures = self.failures.max(1);
        }
        self.heard_pause = Some(now + others.pause);
        if others.pause > trial_after && self.trial_at.is_none() {
            self.trial_at = Some(now + trial_after);
        }
    }

    fn through(&mut self) {
        (self.failures, self.opened, self.throttled, self.proven) = (0, 0, 0, true);
        if self.unanswered.len() > FEW {
            // they failed with the instance, which shows nothing about each of them
            self.suspects.retain(|delivery| !self.unanswered.contains(delivery));
        }
        self.unanswered.clear();
        if std::mem::replace(&mut self.breaker, Breaker::Closed) != Breaker::Closed {
            info!("the instance accepts records again");
        }
    }

    fn failed(&mut self, backoff: Backoff) {
        self.failures += 1;
        // the batches that were in flight when it opened show nothing new
        let opens = self.breaker == Breaker::HalfOpen || (self.breaker == Breaker::Closed && self.failures >= FAILURES);
        if opens {
            self.opened += 1;
            self.proven = false;
            let wait = retry::delay(self.opened, backoff);
            self.pause(wait);
            self.breaker = Breaker::Open;
            warn!(failures = self.failures, ?wait, "ServiceNow no longer accepts anything; sending pauses");
        }
    }
}

fn publish(state: &State, budget: &Budget) {
    let concurrency = state.allowed.min(state.part);
    metrics().deliveries.set_batch_size(state.size);
    metrics().deliveries.set_concurrency(concurrency);
    metrics().deliveries.set_breaker(state.breaker);
    let own = NodeBudget { batch_size: state.size, concurrency, breaker: state.breaker, pause: Duration::ZERO };
    let asked = state.asked.as_ref().map(|asked| (asked.wait, asked.said.clone(), asked.since.into_std()));
    budget.found(own, state.own_pause.map(Instant::into_std), asked);
}

#[cfg(test)]
mod tests;
