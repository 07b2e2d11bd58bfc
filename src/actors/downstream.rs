//! `Downstream`: polls delivered records until ServiceNow reports a final state.
//!
//! The ledger keeps which records to poll, when, and what was seen, so that a restart loses nothing: a record that was taken and has no
//! result is taken again. A record that fails later is treated like a refused one, or is queued again where its definition says so. Only
//! one page is requested at a time in this process, so that deliveries keep their speed. Runs on the delivery arbiter.

use std::time::Duration;

use actix::prelude::*;
use tracing::{info, warn};

use super::servicenow_token::TokenClient;
use crate::definition::plan::{TargetPlan, WatchPlan};
use crate::definition::record::source_key;
use crate::domain::chain;
use crate::domain::next_step::NextStep;
use crate::domain::version::VersionText;
use crate::domain::{CompanyId, DocumentKey, EntityName};
use crate::process::Process;
use crate::process::in_force::InForce;
use crate::process::mode::Mode;
use crate::process::permission::Permission;
use crate::retry::{self, Backoff};
use crate::servicenow::{Arrived, Later, ServiceNow};
use crate::store::{DownstreamDue, DownstreamVerdict, Queue, Store};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::metrics::metrics;

/// Time between two checks for records that are due.
const EVERY: Duration = Duration::from_secs(15);
/// Records per page.
const PAGE: i64 = 200;
/// After this time a record that was taken and has no result is due again.
const AGAIN: Duration = Duration::from_secs(600);
/// The longest wait between two polls of a record.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What Downstream works with.
#[derive(Clone)]
pub struct DownstreamParts {
    /// The definitions that say what is watched.
    pub definitions: InForce,
    /// Whether this process may work.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for DownstreamParts {
    fn from(process: &Process) -> Self {
        Self {
            definitions: process.definitions.clone(),
            permission: process.permission(),
            store: process.store.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// Polls delivered records.
pub struct Downstream {
    parts: DownstreamParts,
    servicenow: ServiceNow,
    tokens: TokenClient,
    mode: Mode,
    polling: bool,
}

/// Request. Polls all records that are due; answers when that is done.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PollArrived;

/// Reminder. Polls, and sets the next reminder.
#[derive(Message)]
#[rtype(result = "()")]
struct PollDue;

impl Downstream {
    /// At rest. In a service it polls by itself, and not only when asked.
    pub fn new(parts: DownstreamParts, servicenow: ServiceNow, tokens: TokenClient, mode: Mode) -> Self {
        Self { parts, servicenow, tokens, mode, polling: false }
    }

    fn poll(&mut self) -> impl ActorFuture<Self, Output = ()> + 'static {
        let begins = !std::mem::replace(&mut self.polling, true);
        let work = Work { parts: self.parts.clone(), servicenow: self.servicenow.clone(), tokens: self.tokens.clone() };
        async move {
            if begins {
                work.run().await;
            }
            begins
        }
        .into_actor(self)
        .map(|began, this, _| {
            if began {
                this.polling = false;
            }
        })
    }
}

impl Actor for Downstream {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.polling = false;
        if self.mode.is_service() {
            ctx.notify_later(PollDue, EVERY);
        }
    }
}

impl Supervised for Downstream {}

impl Handler<PollArrived> for Downstream {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: PollArrived, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.poll())
    }
}

impl Handler<PollDue> for Downstream {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: PollDue, _: &mut Self::Context) -> Self::Result {
        // set after the work, so that polls never overlap
        Box::pin(self.poll().map(|(), _, ctx| {
            ctx.notify_later(PollDue, EVERY);
        }))
    }
}

struct Work {
    parts: DownstreamParts,
    servicenow: ServiceNow,
    tokens: TokenClient,
}

impl Work {
    async fn run(&self) {
        // a node with other definitions than those in force does nothing, and neither does one that waits
        if !self.parts.permission.is_given() {
            return;
        }
        let definitions = self.parts.definitions.now();
        for plan in &definitions.plans {
            for target in &plan.targets {
                let Some(watch) = &target.watch else { continue };
                if let Err(problem) = self.target(&plan.entity, target, watch).await {
                    warn!(entity = %plan.entity, block = target.block, problem, "delivered records could not be polled; Tieline retries later");
                }
            }
        }
    }

    /// Polls the due records of one target, page by page.
    async fn target(&self, entity: &EntityName, target: &TargetPlan, watch: &WatchPlan) -> Result<(), String> {
        let queue = Queue { entity: entity.to_string(), block: target.block.clone() };
        while !self.parts.stopping.has_begun() {
            let taken = self.parts.store.downstream_take(queue.clone(), PAGE, AGAIN).await;
            let due = taken.map_err(|error| chain(&error))?;
            if due.is_empty() {
                return Ok(());
            }
            self.parts.crash.at("downstream:before_poll", entity.as_str());
            let arrived: Vec<Arrived> = due.iter().map(|due| arrived(entity, due)).collect();
            let later = self.servicenow.later(&self.tokens, target, watch, &arrived).await.map_err(|error| error.chain())?;
            self.parts.crash.at("downstream:after_poll", entity.as_str());
            let seen: Vec<(DownstreamDue, DownstreamVerdict)> = due
                .into_iter()
                .zip(later)
                .map(|(due, later)| {
                    let verdict = verdict(watch, &due, later);
                    (due, verdict)
                })
                .collect();
            for (due, verdict) in &seen {
                metrics().records.downstream_polled(entity, verdict.state());
                if let DownstreamVerdict::Failed(said, again) = verdict {
                    info!(%entity, key = due.key, said, again = again.is_some(), "a delivered record failed in ServiceNow");
                }
            }
            self.parts.store.downstream_settle(queue.clone(), seen, NextStep::Downstream).await.map_err(|error| chain(&error))?;
        }
        Ok(())
    }
}

fn arrived(entity: &EntityName, due: &DownstreamDue) -> Arrived {
    let key = source_key(&CompanyId::new(&due.company), entity, &DocumentKey::from_text(&due.key), &due.record_key);
    Arrived {
        source_key: key.to_string(),
        version: VersionText::new(i64::from(due.version), &due.payload_hash),
        sys_id: due.sys_id.clone(),
    }
}

/// The consequence of a row's state.
fn verdict(watch: &WatchPlan, due: &DownstreamDue, later: Later) -> DownstreamVerdict {
    let first = Duration::from_secs(60 * u64::from(watch.first_minutes.max(1)));
    let doubled = |times: i32| {
        let nth = u32::try_from(times).unwrap_or_default().saturating_add(1);
        retry::even_delay(nth, Backoff::new(first, LONGEST)).as_secs().cast_signed()
    };
    let over = due.age >= i64::from(watch.give_up_days) * 86_400;
    let days = watch.give_up_days;
    match later {
        Later::Done(said) => DownstreamVerdict::Done(said.into()),
        Later::Failed(said) => {
            let again = (i64::from(due.replays) < i64::from(watch.replay_failed)).then(|| doubled(due.replays));
            DownstreamVerdict::Failed(said.into(), again)
        }
        Later::Open if over => DownstreamVerdict::Unknown(format!("ServiceNow has not finished with it after {days} days")),
        Later::Silent(why) if over => DownstreamVerdict::Unknown(why.into()),
        // a row that was just written may not be readable yet
        Later::Vanished if due.polls > 0 || over => {
            DownstreamVerdict::Unknown("its row no longer exists or is hidden, and ServiceNow had reported no result before".to_owned())
        }
        Later::Open | Later::Silent(_) | Later::Vanished => DownstreamVerdict::Open(doubled(due.polls)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::plan::WatchRow;
    use crate::domain::ids::{DeliveryId, DocumentId};

    fn due(polls: i32, replays: i32, age: i64) -> DownstreamDue {
        let (company, key, sys_id) = ("EDU1".to_owned(), "k".to_owned(), "s".to_owned());
        DownstreamDue {
            document_id: DocumentId(1),
            record_key: String::new(),
            delivery_id: DeliveryId(1),
            company,
            key,
            version: 1,
            payload_hash: Vec::new(),
            sys_id,
            polls,
            replays,
            age,
        }
    }

    fn watch() -> WatchPlan {
        WatchPlan {
            row: WatchRow::Target,
            column: Some("state".into()),
            done: vec!["done".into()],
            failed: vec!["bad".into()],
            message: None,
            first_minutes: 5,
            give_up_days: 7,
            replay_failed: 2,
        }
    }

    #[test]
    fn polls_come_at_growing_intervals_until_it_is_given_up() {
        let watch = watch();
        let waits = [0, 1, 2, 9, 40].map(|polls| verdict(&watch, &due(polls, 0, 0), Later::Open));
        assert_eq!(waits, [300, 600, 1200, 86_400, 86_400].map(DownstreamVerdict::Open));
        let week = 7 * 86_400;
        assert!(matches!(verdict(&watch, &due(9, 0, week), Later::Open), DownstreamVerdict::Unknown(said) if said.contains("7 days")));
        assert!(matches!(verdict(&watch, &due(9, 0, week), Later::Silent("x".into())), DownstreamVerdict::Unknown(_)));
        assert_eq!(verdict(&watch, &due(9, 0, week), Later::Done("state = done".into())), DownstreamVerdict::Done("state = done".into()));
    }

    #[test]
    fn a_row_that_cannot_be_found_is_polled_twice() {
        let watch = watch();
        assert_eq!(verdict(&watch, &due(0, 0, 0), Later::Vanished), DownstreamVerdict::Open(300));
        assert!(matches!(verdict(&watch, &due(1, 0, 0), Later::Vanished), DownstreamVerdict::Unknown(_)));
    }

    #[test]
    fn what_failed_is_sent_again_as_often_as_the_definition_says() {
        let watch = watch();
        let failed = |replays| verdict(&watch, &due(0, replays, 0), Later::Failed("no".into()));
        assert_eq!(
            [failed(0), failed(1), failed(2)],
            [Some(300), Some(600), None].map(|again| DownstreamVerdict::Failed("no".into(), again))
        );
    }
}
