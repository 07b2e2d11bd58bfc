//! An actor that can die in every way, and records its history.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

/// How a [`Victim`] dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Handler,
    Started,
    Timer,
    Interval,
    Spawn,
    Wait,
    ResponseActFuture,
    AtomicResponse,
    /// Not a death: only the caller notices.
    ResponseFuture,
    Stop,
    Terminate,
}

/// Every panic that ends an actor.
pub const FATAL: [Way; 8] =
    [Way::Handler, Way::Started, Way::Timer, Way::Interval, Way::Spawn, Way::Wait, Way::ResponseActFuture, Way::AtomicResponse];

impl Way {
    /// Whether the message that brings the death is answered before it does its work.
    pub fn answers_first(self) -> bool {
        matches!(self, Way::Timer | Way::Interval | Way::Spawn | Way::Wait)
    }

    /// Whether the mailbox is blocked between the fatal message and the death, so that messages are still queued.
    pub fn leaves_a_queue(self) -> bool {
        matches!(self, Way::Handler | Way::Started | Way::Wait | Way::AtomicResponse)
    }

    fn panic(self) -> ! {
        panic!("killed by {self:?}")
    }
}

/// What happened to a victim, in order.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<&'static str>>>);

impl Journal {
    pub fn note(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    pub fn events(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|e| **e == event).count()
    }
}

#[derive(Default)]
pub struct Victim {
    pub journal: Journal,
    /// N times `started` still panics.
    deaths_in_started: Arc<AtomicUsize>,
    /// Whether `stopped` panics.
    dies_in_stopped: bool,
    /// Volatile: back to 0 in a restart.
    total: u32,
}

impl Victim {
    /// A victim that dies in its first `started` if this is the way.
    pub fn of(way: Way) -> Self {
        let victim = Self::default();
        victim.deaths_in_started.store(usize::from(way == Way::Started), Ordering::SeqCst);
        victim
    }

    /// A victim that dies in every `started`, and perhaps in `stopped` too.
    pub fn always(dies_in_stopped: bool) -> Self {
        let mut victim = Self::default();
        victim.deaths_in_started.store(usize::MAX, Ordering::SeqCst);
        victim.dies_in_stopped = dies_in_stopped;
        victim
    }
}

impl Actor for Victim {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.journal.note("started");
        let left = &self.deaths_in_started;
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            Way::Started.panic();
        }
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        self.journal.note("stopping");
        Running::Stop
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.journal.note("stopped");
        assert!(!self.dies_in_stopped, "killed in stopped");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.journal.note("dropped");
    }
}

impl Supervised for Victim {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.journal.note("restarting");
        self.total = 0;
    }
}

tieline::answer_ping!(Victim);

/// Adds to the volatile total and answers it.
#[derive(Message)]
#[rtype(result = "u32")]
pub struct Add(pub u32);

impl Handler<Add> for Victim {
    type Result = u32;

    fn handle(&mut self, Add(n): Add, _: &mut Self::Context) -> u32 {
        self.total += n;
        self.total
    }
}

/// Never answers, and lets other messages in meanwhile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Hang;

impl Handler<Hang> for Victim {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Hang, _: &mut Self::Context) -> Self::Result {
        Box::pin(std::future::pending().into_actor(self))
    }
}

/// Never answers, and lets nothing in meanwhile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Block;

impl Handler<Block> for Victim {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Block, _: &mut Self::Context) -> Self::Result {
        AtomicResponse::new(Box::pin(std::future::pending().into_actor(self)))
    }
}

/// Holds the whole thread until the other end of the channel is dropped.
#[derive(Message)]
#[rtype(result = "()")]
struct HoldThread {
    holds: oneshot::Sender<()>,
    until: mpsc::Receiver<()>,
}

impl Handler<HoldThread> for Victim {
    type Result = ();

    fn handle(&mut self, HoldThread { holds, until }: HoldThread, _: &mut Self::Context) {
        holds.send(()).unwrap();
        let _ = until.recv();
    }
}

/// From the return of this function, the victim's thread is blocked until the answer is dropped.
pub async fn hold_thread(victim: &Addr<Victim>) -> mpsc::Sender<()> {
    let (release, until) = mpsc::channel();
    let (holds, held) = oneshot::channel();
    victim.do_send(HoldThread { holds, until });
    held.await.unwrap();
    release
}

/// Sends itself this message N times, one after another.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Chain(pub u32);

impl Handler<Chain> for Victim {
    type Result = ();

    fn handle(&mut self, Chain(left): Chain, ctx: &mut Self::Context) {
        match left {
            0 => self.journal.note("chain ended"),
            n => ctx.notify(Chain(n - 1)),
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Die(Way);

impl Handler<Die> for Victim {
    type Result = ();

    fn handle(&mut self, Die(way): Die, ctx: &mut Self::Context) {
        let soon = Duration::from_millis(1);
        match way {
            Way::Timer => drop(ctx.run_later(soon, move |_, _| way.panic())),
            Way::Interval => drop(ctx.run_interval(soon, move |_, _| way.panic())),
            Way::Spawn => drop(ctx.spawn(async move { way.panic() }.into_actor(self))),
            Way::Wait => ctx.wait(async move { way.panic() }.into_actor(self)),
            Way::Stop => ctx.stop(),
            Way::Terminate => ctx.terminate(),
            _ => way.panic(),
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct DieActFuture;

impl Handler<DieActFuture> for Victim {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: DieActFuture, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Way::ResponseActFuture.panic() }.into_actor(self))
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct DieAtomic;

impl Handler<DieAtomic> for Victim {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: DieAtomic, _: &mut Self::Context) -> Self::Result {
        AtomicResponse::new(Box::pin(async { Way::AtomicResponse.panic() }.into_actor(self)))
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct DieFuture;

impl Handler<DieFuture> for Victim {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: DieFuture, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Way::ResponseFuture.panic() })
    }
}

/// The deadly message, queued when this returns; what comes back is its answer.
pub fn kill(victim: &Addr<Victim>, way: Way) -> impl Future<Output = Result<(), MailboxError>> + use<> {
    let answer: std::pin::Pin<Box<dyn Future<Output = _>>> = match way {
        Way::ResponseActFuture => Box::pin(victim.send(DieActFuture)),
        Way::AtomicResponse => Box::pin(victim.send(DieAtomic)),
        Way::ResponseFuture => Box::pin(victim.send(DieFuture)),
        Way::Started => Box::pin(std::future::ready(Ok(()))), // `Victim::of` has seen to it
        way => Box::pin(victim.send(Die(way))),
    };
    answer
}
