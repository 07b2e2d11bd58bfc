//! Sends what is due of one entity: claims a batch, sends it or looks it up, and stores the outcome.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use chrono::Utc;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::apart::{self, Apart, Parts};
use super::dropped;
use super::error::WriteError;
use super::outgoing::{self, Outgoing, Unsendable};
use super::pace::{self, Pace, Paused};
use super::parts::WriterParts;
use super::shared_answer::SharedAnswer;
use super::verdict::{self, Others};
use crate::actors::servicenow_token::TokenClient;
use crate::definition::Plan;
use crate::definition::plan::{PartialWrite, TargetPlan};
use crate::domain::delivery::Attempt;
use crate::domain::run::RunCounts;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::process::budget::Budget;
use crate::process::heartbeat::Heartbeat;
use crate::process::in_force::Snapshot;
use crate::retry::{self, Backoff, Class};
use crate::servicenow::{self, FieldDifference, OutRecord, ServiceNow};
use crate::store::{Arrived, Claim, DeliveryOutcome, Queue, SetNumber, Settlement, StoreError};
use crate::telemetry::labels::Outcome;
use crate::telemetry::metrics::metrics;

/// The waits before an outcome is stored again.
const STORE_AGAIN: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// State that a restart may lose.
pub(super) struct Volatile {
    pub(super) pace: Pace,
    pub(super) pumps: RefCell<HashMap<EntityName, Rc<Pump>>>,
    fields: RefCell<dropped::ObservedFields>,
    pub(super) restarted: Cell<bool>,
    /// Releases what waited for a parent; all flows of a run set ask for it when they have been read.
    released: SharedAnswer<Result<(), WriteError>>,
    /// The entities with due deliveries.
    due: SharedAnswer<Result<Rc<HashSet<String>>, WriteError>>,
}

/// The sending of one entity: the number of batches in flight, and a signal when one has returned.
#[derive(Default)]
pub(super) struct Pump {
    busy: Cell<usize>,
    /// Passes over the deliveries that are running: only these claim any.
    passes: Cell<usize>,
    pub(super) running: Cell<bool>,
    settled: Notify,
    /// Why sending last stopped, until a caller has read it.
    pub(super) trouble: RefCell<Option<WriteError>>,
}

impl Volatile {
    pub(super) fn new(parts: &WriterParts, budget: &Arc<Budget>) -> Self {
        Self {
            pace: Pace::new(&parts.settings.servicenow, parts.settings.retry.backoff, budget.clone()),
            pumps: RefCell::default(),
            fields: RefCell::default(),
            restarted: Cell::new(false),
            released: SharedAnswer::default(),
            due: SharedAnswer::default(),
        }
    }
}

/// What one pass over an entity's deliveries needs.
pub(super) struct Sender {
    pub(super) parts: WriterParts,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) servicenow: ServiceNow,
    pub(super) tokens: TokenClient,
    pub(super) volatile: Rc<Volatile>,
    pub(super) pump: Rc<Pump>,
    pub(super) entity: EntityName,
}

/// Nothing may be sent for a while: what is due waits for the next run set.
fn paused_for(paused: Paused) -> Result<Found, WriteError> {
    let seconds = paused.wait.as_secs() + 1;
    match paused.failures {
        // the instance asked for a pause, which is not an error
        0 => Ok(Found::Nothing),
        failures => Err(WriteError::ServiceNow {
            text: format!(
                "sending to ServiceNow failed {failures} times in a row; Tieline pauses for {seconds} s, then sends one trial batch"
            ),
            class: Class::Transient,
        }),
    }
}

/// What a worker found to do.
enum Found {
    Work,
    Nothing,
}

impl Sender {
    /// Releases what waited for a parent that is delivered, and adds up what the batches counted.
    pub(super) async fn release(&self) -> Result<(), WriteError> {
        let store = &self.parts.store;
        let release = async || {
            store.run_add_counts().await?;
            store.pending_release_all().await?;
            Ok(())
        };
        self.volatile.released.get(release).await
    }

    /// Sends until nothing is due. Several workers share the queues; half of them take lines first, so that headers do not make lines pile
    /// up.
    pub(super) async fn drain(&self) -> Result<(), WriteError> {
        if self.nothing_due().await? {
            return Ok(());
        }
        loop {
            let definitions = self.parts.definitions.now();
            self.pump.passes.set(self.pump.passes.get() + 1);
            let sent = self.drain_with(&definitions).await;
            self.pump.passes.set(self.pump.passes.get() - 1);
            // new definitions came into force here: the rest is sent with them
            if self.parts.definitions.now().number == definitions.number {
                return sent;
            }
        }
    }

    /// Whether it is known, without a claim, that there is nothing to send or to look up: a claim of each queue by each worker costs many
    /// times more. During a pause the workers run and report it.
    async fn nothing_due(&self) -> Result<bool, WriteError> {
        // a pass that runs may have claimed what is due, and its batch may release lines
        if self.pump.passes.get() > 0 || self.volatile.pace.is_paused() {
            return Ok(false);
        }
        let store = &self.parts.store;
        let due = self.volatile.due.get(async || Ok(Rc::new(store.delivery_due().await?.into_iter().collect()))).await?;
        Ok(!due.contains(self.entity.as_str()) && self.pump.passes.get() == 0)
    }

    async fn drain_with(&self, definitions: &Snapshot) -> Result<(), WriteError> {
        let Some(plan) = definitions.plan(&self.entity) else { return Ok(()) };
        let targets: Vec<&TargetPlan> = plan.targets.iter().collect();
        let workers = (0..self.parts.settings.servicenow.concurrency.max(1)).map(|n| {
            let mut order = targets.clone();
            if n % 2 == 1 {
                order.reverse();
            }
            self.work(order, definitions.number)
        });
        join_all(workers).await.into_iter().collect()
    }

    async fn work(&self, targets: Vec<&TargetPlan>, under: SetNumber) -> Result<(), WriteError> {
        loop {
            // registered before the claims, so that a batch that is settled in between is noticed
            let settled = self.pump.settled.notified();
            if self.parts.stopping.has_begun() || self.parts.permission.is_waiting() {
                return Ok(());
            }
            let mut found = Found::Nothing;
            for target in &targets {
                if let Found::Work = self.one_batch(target, Attempt::Send, under).await? {
                    found = Found::Work;
                    break;
                }
            }
            if let Found::Nothing = found {
                for target in &targets {
                    if let Found::Work = self.one_batch(target, Attempt::LookUp, under).await? {
                        found = Found::Work;
                        break;
                    }
                }
            }
            match found {
                Found::Work => {}
                // another worker's batch may release lines
                Found::Nothing if self.pump.busy.get() > 0 => settled.await,
                Found::Nothing => return Ok(()),
            }
        }
    }

    /// Claims a batch, sends it or looks it up, and stores the outcome.
    async fn one_batch(&self, target: &TargetPlan, attempt: Attempt, under: SetNumber) -> Result<Found, WriteError> {
        let _slot = match self.volatile.pace.slot(attempt).await {
            Ok(slot) => slot,
            Err(paused) => return paused_for(paused),
        };
        let size = self.volatile.pace.size();
        let queue = Queue { entity: self.entity.to_string(), block: target.block.clone() };
        // time for a look-up, for the batch itself, and for the ledger
        let lease = 2 * self.parts.settings.servicenow.connection.longest() + Duration::from_secs(10);
        // taken before the claim, so that it is never later than the ledger's time
        let claimed = Instant::now();
        let claim = self.parts.store.delivery_claim(queue, self.parts.node.clone(), size as i64, lease, attempt, under).await?;
        if claim.deliveries.is_empty() {
            return Ok(Found::Nothing);
        }
        // only a batch that was really claimed makes the other workers wait
        self.pump.busy.set(self.pump.busy.get() + 1);
        let done = self.send_and_settle(target, claim, attempt, claimed, lease).await;
        self.pump.busy.set(self.pump.busy.get() - 1);
        self.pump.settled.notify_waiters();
        done
    }

    async fn send_and_settle(
        &self,
        target: &TargetPlan,
        mut claim: Claim,
        attempt: Attempt,
        claimed: Instant,
        lease: Duration,
    ) -> Result<Found, WriteError> {
        self.parts.crash.at("writer:before_send", self.entity.as_str());
        let heartbeat = self.heartbeat.clone();
        let servicenow = self.servicenow.leased_until(claimed + lease, Rc::new(move || heartbeat.alive_since(claimed.into_std())));
        let started = Instant::now();
        let Outgoing { records, unsendable } = match outgoing::records(&self.parts.store, &self.entity, target, &mut claim, attempt).await {
            Ok(outgoing) => outgoing,
            Err(error) => {
                // nothing was sent: it is due again, and needs no look-up
                let outcomes = verdict::of_nothing_sent(&self.parts.settings, &claim, &error.to_string(), attempt);
                self.store_outcomes(&claim, outcomes.into(), Vec::new().into(), attempt, claimed + lease).await?;
                return Err(error);
            }
        };
        for (delivery, problem) in &unsendable {
            if let Unsendable::Unreadable(problem) = problem {
                error!(delivery = delivery.delivery_id.0, key = delivery.key, problem, "a delivery failed");
            }
        }
        let mut stops = Vec::new();
        let readable = async |like: &OutRecord| servicenow.answers_for(&self.tokens, target, like).await;
        // whether a record may adopt a row depends on which rows the ledger knows to belong to others
        let adopts = self.parts.settings.servicenow.adopt && !target.natural_key.is_empty();
        let parts = if attempt == Attempt::Send && adopts { Parts::UpToAnswer } else { Parts::All };
        let mut asked_for = None;
        let (mut outcomes, stop) = if attempt.is_look_up() {
            let ask = async |part: &[OutRecord]| servicenow.settle(&self.tokens, target, part).await;
            match apart::ask_apart(&records, parts, ask, readable).await {
                Ok(Apart { each: settled, answered, stop }) => {
                    let returned: Vec<_> = settled.iter().map(|one| one.as_ref().ok().and_then(dropped::of_settled)).collect();
                    stops = self.stops(&servicenow, target, &claim, &records, &returned).await;
                    let others = self.others(answered).await;
                    (verdict::of_lookup(&self.parts.settings, target, &claim, settled, others), stop)
                }
                Err(error) => (verdict::of_failed_lookup(&claim, &error), Some(error)),
            }
        } else {
            // a request that fails as a whole has written nothing: rows are read before they are written
            let ask = async |part: &[OutRecord]| servicenow.send(&self.tokens, target, part).await;
            match apart::ask_apart(&records, parts, ask, readable).await {
                Ok(Apart { each: outcomes, stop, .. }) => {
                    let returned: Vec<_> = outcomes.iter().map(|one| one.as_ref().ok().and_then(dropped::of_outcome)).collect();
                    stops = self.stops(&servicenow, target, &claim, &records, &returned).await;
                    asked_for = outcomes.iter().flatten().filter_map(servicenow::Outcome::asked_for).max();
                    let answered = outcomes
                        .iter()
                        .flatten()
                        .any(|outcome| !matches!(outcome, servicenow::Outcome::Unknown { .. } | servicenow::Outcome::Deferred { .. }));
                    let others = self.others(answered).await;
                    (verdict::of_send(&self.parts.settings, target, &claim, outcomes, others), stop)
                }
                Err(error) => (verdict::of_failed_send(&self.parts.settings, &claim, &error), Some(error)),
            }
        };
        self.parts.crash.at("writer:after_send", self.entity.as_str());
        if attempt == Attempt::Send && stop.is_none() && !outcomes.is_empty() {
            self.volatile.pace.learn(&outcomes, started.elapsed(), asked_for);
        }
        outcomes.extend(verdict::of_unsendable(&unsendable, attempt));
        claim.deliveries.extend(unsendable.into_iter().map(|(delivery, _)| delivery));
        for (flow, why) in &stops {
            error!(%flow, why, "the flow is stopped");
        }
        let sent = outcomes.len();
        self.store_outcomes(&claim, outcomes.into(), stops.into(), attempt, claimed + lease).await?;
        self.parts.crash.at("writer:after_settle", self.entity.as_str());
        match stop {
            None => {
                self.pump.trouble.take();
                Ok(Found::Work)
            }
            Some(error) => {
                if let Some(wait) = error.retry_after() {
                    self.volatile.pace.throttled(wait, &error.chain(), sent);
                }
                if error.class() == Class::Transient {
                    self.volatile.pace.failed(sent);
                }
                Err(error.into())
            }
        }
    }

    /// Whether a record without an answer is itself the cause. `answered`: another record of its batch got an answer. If nothing has
    /// succeeded yet, an instance that accepts no writes gives the same answers. Then the record is the cause only if hardly any other
    /// record is left to try.
    async fn others(&self, answered: bool) -> Others {
        match self.volatile.pace.others() {
            Some(others) => others,
            None if answered => Others::GetThrough,
            None => {
                let definitions = self.parts.definitions.now();
                let companies = &self.parts.settings.syspro.companies;
                let queue = |plan: &Plan, company: &CompanyId| {
                    let block = plan.targets.first()?.block.clone();
                    Some((company.clone(), Queue { entity: plan.entity.to_string(), block }))
                };
                let queues = definitions.plans.iter().flat_map(|plan| companies.iter().filter_map(move |company| queue(plan, company)));
                let few = i64::try_from(pace::FEW).unwrap_or(i64::MAX);
                // if the ledger does not answer, nothing is counted against a record
                match self.parts.store.delivery_open(queues.collect(), few + 1).await {
                    Ok(open) if open <= few => Others::GetThrough,
                    _ => Others::MayNot,
                }
            }
        }
    }

    /// Flows that must stop, because ServiceNow stores nothing of a field.
    async fn stops(
        &self,
        servicenow: &ServiceNow,
        target: &TargetPlan,
        claim: &Claim,
        records: &[OutRecord],
        returned: &[Option<&[FieldDifference]>],
    ) -> Vec<(FlowId, String)> {
        let found = self.volatile.fields.borrow_mut().note(target, claim, records, returned);
        let mut stops: Vec<(FlowId, String)> = Vec::new();
        for dropped in found {
            let flow = dropped.flow();
            // the field may have been kept before this process started, or a person has accepted that records lack it
            let kept = target.partial_write != PartialWrite::Stop && servicenow.keeps_field(&self.tokens, target, dropped.field()).await;
            let accepted = target.partial_write == PartialWrite::Record
                && self.parts.store.record_partial_known(flow.clone(), dropped.field().to_owned()).await.unwrap_or(false);
            if kept || accepted {
                self.volatile.fields.borrow_mut().kept(&dropped);
                continue;
            }
            self.volatile.fields.borrow_mut().stopped(&dropped);
            if stops.iter().all(|(stopped, _)| stopped != flow) {
                stops.push((flow.clone(), dropped.why(target)));
            }
        }
        stops
    }

    /// Stores the outcome of a batch. If the ledger does not answer, this is repeated as long as the batch belongs to this node: a known
    /// outcome needs no look-up.
    async fn store_outcomes(
        &self,
        claim: &Claim,
        outcomes: Arc<[Settlement]>,
        stops: Arc<[(FlowId, String)]>,
        attempt: Attempt,
        until: Instant,
    ) -> Result<(), WriteError> {
        let settle = || {
            let (queue, node) = (claim.queue.clone(), self.parts.node.clone());
            self.parts.store.settle(claim.batch_id, queue, node, outcomes.clone(), stops.clone(), attempt)
        };
        let mut repeated = false;
        let settled = settle
            .retry(retry::delays(STORE_AGAIN))
            .when(|error| error.class() == Class::Transient && !matches!(error, StoreError::Fenced { .. }))
            .adjust(|_, wait| wait.filter(|wait| Instant::now() + *wait < until))
            .notify(|error, _| {
                repeated = true;
                warn!(%error, records = outcomes.len(), "the results of a batch could not be stored; Tieline retries");
            })
            .await;
        match settled {
            Ok((stored, arrived)) => self.count(claim, &stored, &arrived, attempt),
            // an earlier attempt may have been stored although its answer was lost
            Err(StoreError::Fenced { .. }) if repeated => {}
            Err(error @ StoreError::Fenced { .. }) => warn!(%error, "the batch took longer than its lease; it is looked up"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Counts what is stored, so that no metric is ahead of the ledger.
    fn count(&self, claim: &Claim, outcomes: &[Settlement], arrived: &[Arrived], attempt: Attempt) {
        let mut by_company: HashMap<&str, RunCounts> = HashMap::new();
        for (delivery, outcome) in claim.deliveries.iter().zip(outcomes) {
            let counts = by_company.entry(&delivery.company).or_default();
            counts.sent += i64::from(attempt == Attempt::Send);
            let word = match &outcome.verdict {
                DeliveryOutcome::Confirmed { partial, .. } => {
                    counts.confirmed += 1;
                    if partial.is_empty() { Outcome::Confirmed } else { Outcome::PartialWrite }
                }
                DeliveryOutcome::Failed { .. } => Outcome::Failed,
                DeliveryOutcome::Deferred { .. } | DeliveryOutcome::Withdrawn { .. } => Outcome::Deferred,
                DeliveryOutcome::Unknown { .. } => Outcome::Unknown,
            };
            metrics().deliveries.delivered(&self.entity, word, 1);
        }
        for one in arrived {
            by_company.entry(&one.company).or_default().delivered += one.records;
        }
        for (company, counts) in by_company {
            self.parts.progress.add(&FlowId::new(company, self.entity.as_str()), counts);
        }
        let records = claim.deliveries.len();
        debug!(entity = %self.entity, block = claim.queue.block, records, look_up = attempt.is_look_up(), at = %Utc::now(), "batch settled");
    }
}
