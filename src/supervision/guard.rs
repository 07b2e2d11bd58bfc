//! The Guard: an actor that survives its panics, with the same address and the same queue.
//!
//! `actix::Supervisor` restarts an actor that stopped itself, at once and endlessly, and never one that panicked. The Guard polls the actor
//! inside `catch_unwind`, so that a panic and a `ctx.stop()` are handled the same way: wait, reset, continue. The wait doubles up to a
//! maximum. More than [`RestartPolicy::limit`] deaths within [`RestartPolicy::window`] end the actor, and its parent is told.
//!
//! A restart loses the current message, timers and futures in progress. Their callers get `MailboxError::Closed` once the wait is over, and
//! must treat it as "maybe done". It keeps the mailbox and every `Addr`. This module knows nothing of what the actors do, and the parent
//! decides what an exit means: leave one flow out, or end the process.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use actix::dev::{ContextFut, channel};
use actix::prelude::*;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{error, warn};

use super::panics::describe;
use crate::retry::{self, Backoff};

/// How often a dead actor is restarted, and after which wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The wait after the first death; it doubles with every further one within the window.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// The most deaths within the window that are followed by a restart.
    pub limit: usize,
    /// How long a death counts.
    pub window: Duration,
}

impl Default for RestartPolicy {
    /// 5 restarts within 10 minutes, after 0.5 to 30 seconds.
    fn default() -> Self {
        Self { min: Duration::from_millis(500), max: Duration::from_secs(30), limit: 5, window: Duration::from_secs(600) }
    }
}

impl RestartPolicy {
    /// Records a death, and answers the wait; `None` once more than `limit` deaths are inside `window`.
    fn next_delay(&self, deaths: &mut VecDeque<Instant>, now: Instant) -> Option<Duration> {
        deaths.push_back(now);
        deaths.retain(|death| now.saturating_duration_since(*death) <= self.window);
        let nth = deaths.len();
        let times = u32::try_from(nth).unwrap_or(u32::MAX);
        (nth <= self.limit).then(|| retry::even_delay(times, Backoff::new(self.min, self.max)))
    }
}

/// The name of an actor: `writer`, or `poller EDU1/invoice`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChildName {
    /// The kind of actor: a closed set, for a metric label.
    pub kind: &'static str,
    /// What it serves, where there are several of a kind.
    pub serves: Option<Arc<str>>,
}

impl ChildName {
    /// The name of an actor that serves one of several things.
    pub fn serving(kind: &'static str, what: &impl fmt::Display) -> Self {
        Self { kind, serves: Some(what.to_string().into()) }
    }
}

impl From<&'static str> for ChildName {
    fn from(kind: &'static str) -> Self {
        Self { kind, serves: None }
    }
}

impl fmt::Display for ChildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serves {
            Some(what) => write!(f, "{} {what}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

/// How an actor ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It stopped itself while the service was draining.
    Drained,
    /// Nobody held its address any more.
    Unreferenced,
    /// It died too often, or could not be created.
    GaveUp {
        /// The cause of the last death: a panic's full text, or `stopped itself`.
        cause: String,
    },
}

/// A child has ended for good: its `Addr` is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildExited<C> {
    /// The child.
    pub child: ChildName,
    /// How it ended.
    pub exit: Exit,
    /// The parent's decision for giving up, as given at the start.
    pub if_given_up: C,
}

impl<C: 'static> Message for ChildExited<C> {
    type Result = ();
}

/// The settings of a child at its start. `C` is the parent's own type for the consequence of giving up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildSpec<C> {
    /// Which actor it is.
    pub name: ChildName,
    /// The number of messages in its mailbox before `try_send` is refused and `send` waits.
    pub capacity: usize,
    /// What the parent does if it gives up.
    pub if_given_up: C,
}

/// How an actor dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It panicked.
    Panic,
    /// It stopped itself, although the service is not draining.
    Stop,
}

/// One death that will be followed by a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The actor.
    pub child: ChildName,
    /// How it died.
    pub death: Death,
    /// The cause.
    pub cause: String,
    /// Deaths within the policy's window, this one included.
    pub deaths: usize,
    /// The wait until the restart.
    pub delay: Duration,
}

/// Called at every restart, on the actor's thread; counts it in the metrics.
pub type Observer = Arc<dyn Fn(&Restart) + Send + Sync>;

/// The common settings of all children of one parent.
#[derive(Clone)]
pub struct Supervision<C: Send + 'static> {
    /// How dead actors are restarted.
    pub policy: RestartPolicy,
    /// `true` once the service is stopping: an actor that then stops itself is done.
    pub draining: watch::Receiver<bool>,
    /// Gets the exits.
    pub parent: Recipient<ChildExited<C>>,
    /// Gets the restarts.
    pub observer: Observer,
}

/// A started actor.
pub struct Child<A: Actor> {
    /// The actor.
    pub name: ChildName,
    /// Its address, valid across restarts.
    pub addr: Addr<A>,
    resting: Arc<AtomicBool>,
}

impl<A: Actor<Context = Context<A>> + Handler<Ping>> Child<A> {
    /// The parent's handle to check whether the child is alive. Counts as a reference to the actor, like an `Addr`.
    pub fn liveness_check(&self) -> LivenessCheck {
        LivenessCheck { child: self.name.clone(), ping: self.addr.clone().recipient(), resting: self.resting.clone() }
    }
}

/// Starts an actor under a Guard on an arbiter.
///
/// The address is valid at once, before the actor exists. `make` runs on the arbiter's thread, because actors hold objects that cannot
/// change threads, such as an HTTP client. Every failure, including a panic in `make` and an arbiter that has already ended, reaches the
/// parent as a [`ChildExited`]. An arbiter that is stopped later ends its actors silently; a [`LivenessCheck`] then returns `Gone`.
pub fn start_on<A, C, F>(on: &ArbiterHandle, spec: ChildSpec<C>, supervision: &Supervision<C>, make: F) -> Child<A>
where
    A: Supervised + Actor<Context = Context<A>>,
    C: Clone + Send + Unpin + 'static,
    F: FnOnce(&mut Context<A>) -> A + Send + 'static,
{
    let (sender, receiver) = channel::channel(spec.capacity);
    let resting = Arc::new(AtomicBool::new(false));
    let (supervised, shared, child) = (supervision.clone(), resting.clone(), spec.clone());
    let sent = on.spawn_fn(move || {
        let made = catch_unwind(AssertUnwindSafe(move || {
            let mut ctx = Context::with_receiver(receiver);
            let actor = make(&mut ctx);
            Box::pin(ctx.into_future(actor))
        }));
        match made {
            Ok(actor) => {
                let guard = Guard { child, actor, backoff: None, deaths: VecDeque::new(), supervision: supervised, resting: shared };
                actix::spawn(guard.run());
            }
            Err(panic) => report(&supervised, child, Exit::GaveUp { cause: format!("could not be started: {}", describe(panic.as_ref())) }),
        }
    });
    if !sent {
        report(supervision, spec.clone(), Exit::GaveUp { cause: "could not be started: its arbiter has ended".to_owned() });
    }
    Child { name: spec.name, addr: Addr::new(sender), resting }
}

/// Logs an exit and tells the parent.
fn report<C: Send + 'static>(supervision: &Supervision<C>, spec: ChildSpec<C>, exit: Exit) {
    let ChildSpec { name: child, if_given_up, .. } = spec;
    match &exit {
        Exit::GaveUp { cause } => error!(%child, %cause, "actor ended"),
        Exit::Drained | Exit::Unreferenced => tracing::info!(%child, ?exit, "actor ended"),
    }
    supervision.parent.do_send(ChildExited { child, exit, if_given_up }); // a parent that is gone needs no news
}

/// Owns an actor and its mailbox, and survives its deaths.
struct Guard<A: Supervised + Actor<Context = Context<A>>, C: Send + 'static> {
    child: ChildSpec<C>,
    actor: Pin<Box<ContextFut<A, Context<A>>>>, // owns the mailbox, so the Addr stays good
    backoff: Option<Pin<Box<Sleep>>>,
    deaths: VecDeque<Instant>,
    supervision: Supervision<C>,
    resting: Arc<AtomicBool>,
}

impl<A: Supervised + Actor<Context = Context<A>>, C: Clone + Send + Unpin + 'static> Guard<A, C> {
    async fn run(mut self) {
        let exit = (&mut self).await;
        let (supervision, child) = (self.supervision.clone(), self.child.clone());
        // dropping a context runs the actor once more, to stop it: a panic in that must not prevent the report
        if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(self))) {
            error!(child = %child.name, cause = describe(panic.as_ref()), "actor panicked while it was dropped");
        }
        report(&supervision, child, exit);
    }

    /// Handles a death: waits, or gives up.
    fn died(&mut self, death: Death, cause: String) -> Option<Exit> {
        let Some(delay) = self.supervision.policy.next_delay(&mut self.deaths, Instant::now()) else {
            return Some(Exit::GaveUp { cause });
        };
        let restart = Restart { child: self.child.name.clone(), death, cause, deaths: self.deaths.len(), delay };
        warn!(child = %restart.child, cause = %restart.cause, deaths = restart.deaths, ?delay, "actor died; Tieline restarts it");
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.supervision.observer)(&restart))) {
            error!(child = %self.child.name, cause = describe(panic.as_ref()), "the observer of restarts panicked");
        }
        self.resting.store(true, Ordering::Release);
        self.backoff = Some(Box::pin(sleep(delay)));
        None
    }
}

impl<A: Supervised + Actor<Context = Context<A>>, C: Clone + Send + Unpin + 'static> Future for Guard<A, C> {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Exit> {
        let this = &mut *self;
        loop {
            let (death, cause) = if let Some(delay) = this.backoff.as_mut() {
                ready!(delay.as_mut().poll(cx));
                this.backoff = None;
                this.resting.store(false, Ordering::Release);
                match catch_unwind(AssertUnwindSafe(|| this.actor.restart())) {
                    Ok(true) => continue, // restarting() ran; the next poll runs started()
                    Ok(false) => return Poll::Ready(Exit::Unreferenced),
                    Err(panic) => (Death::Panic, describe(panic.as_ref())),
                }
            } else {
                match catch_unwind(AssertUnwindSafe(|| this.actor.as_mut().poll(cx))) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(())) if *this.supervision.draining.borrow() => return Poll::Ready(Exit::Drained),
                    Ok(Poll::Ready(())) if !this.actor.ctx().connected() => return Poll::Ready(Exit::Unreferenced),
                    Ok(Poll::Ready(())) => (Death::Stop, "stopped itself".to_owned()),
                    Err(panic) => (Death::Panic, describe(panic.as_ref())),
                }
            };
            if let Some(exit) = this.died(death, cause) {
                return Poll::Ready(exit);
            }
        }
    }
}

/// A liveness question. Every actor answers it from its mailbox, so that the answer proves that messages are handled.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Ping;

/// Lets actors answer [`Ping`](crate::supervision::guard::Ping): `answer_ping!(Writer, AuditRecorder);`.
///
/// A macro, because one `impl<A: Actor> Handler<Ping> for A` is what Rust's orphan rule forbids.
#[macro_export]
macro_rules! answer_ping {
    ($($actor:ty),+ $(,)?) => {
        $(impl actix::Handler<$crate::supervision::guard::Ping> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::supervision::guard::Ping, _: &mut Self::Context) {}
        })+
    };
}

/// The result of a [`Ping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It answered.
    Alive,
    /// It died and waits for its restart by the Guard.
    Resting,
    /// No answer within the limit, and no restart pending: it is stuck, and a stuck thread cannot be killed.
    Unresponsive,
    /// Its mailbox is closed: it has ended, and its parent was told.
    Gone,
}

/// The parent's handle to check a child.
#[derive(Clone)]
pub struct LivenessCheck {
    /// The child.
    pub child: ChildName,
    ping: Recipient<Ping>,
    resting: Arc<AtomicBool>,
}

impl LivenessCheck {
    /// Whether the child is alive. Never waits longer than `limit`.
    pub async fn ask(&self, limit: Duration) -> Liveness {
        if self.is_resting() {
            return Liveness::Resting; // a ping would only lie in the mailbox
        }
        match self.ping.send(Ping).timeout(limit).await {
            Ok(()) => Liveness::Alive,
            // it may have died in the meantime, with this ping in its queue
            Err(_) if self.is_resting() => Liveness::Resting,
            Err(MailboxError::Timeout) => Liveness::Unresponsive,
            Err(MailboxError::Closed) => Liveness::Gone,
        }
    }

    fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Acquire)
    }
}

/// Checks all children at once, so that it takes at most `limit`, however many are stuck.
pub async fn ask_all(liveness_checks: &[LivenessCheck], limit: Duration) -> Vec<(ChildName, Liveness)> {
    join_all(liveness_checks.iter().map(|liveness_check| async move { (liveness_check.child.clone(), liveness_check.ask(limit).await) }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_then_the_policy_gives_up() {
        let s = Duration::from_secs;
        let policy = RestartPolicy { min: s(1), max: s(4), limit: 4, window: s(60) };
        let (mut deaths, start) = (VecDeque::new(), Instant::now());
        let delays: Vec<_> = (0..5).map(|_| policy.next_delay(&mut deaths, start)).collect();
        assert_eq!(delays, [Some(s(1)), Some(s(2)), Some(s(4)), Some(s(4)), None]);
        assert_eq!(policy.next_delay(&mut deaths, start + s(61)), Some(s(1)), "old deaths are forgotten");
    }

    #[test]
    fn a_policy_without_end_stays_at_its_cap() {
        let policy = RestartPolicy { limit: usize::MAX, ..RestartPolicy::default() };
        let (mut deaths, now) = (VecDeque::new(), Instant::now());
        let last = (0..200).map(|_| policy.next_delay(&mut deaths, now)).last();
        assert_eq!(last, Some(Some(policy.max)), "it does not overflow");
    }

    #[test]
    fn a_child_says_what_it_serves() {
        assert_eq!(ChildName::from("writer").to_string(), "writer");
        assert_eq!(ChildName::serving("poller", &"EDU1/invoice").to_string(), "poller EDU1/invoice");
    }
}
