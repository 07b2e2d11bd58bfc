//! The Guard's reaction to every kind of death.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::*;
use tieline::supervision::guard::{
    Child, ChildExited, ChildName, ChildSpec, Death, Exit, Liveness, Restart, RestartPolicy, Supervision, ask_all, start_on,
};
use tokio::sync::{mpsc as channel, watch};
use tokio::time::{Instant, timeout};

use super::victim::{Add, Block, FATAL, Hang, Victim, Way, hold_thread, kill};

const POLICY: RestartPolicy =
    RestartPolicy { min: Duration::from_secs(1), max: Duration::from_secs(4), limit: 4, window: Duration::from_secs(60) };

/// A parent that passes on what it receives.
struct Parent(channel::UnboundedSender<ChildExited<()>>);

impl Actor for Parent {
    type Context = Context<Self>;
}

impl Handler<ChildExited<()>> for Parent {
    type Result = ();

    fn handle(&mut self, exited: ChildExited<()>, _: &mut Self::Context) {
        self.0.send(exited).unwrap();
    }
}

fn spec(name: impl Into<ChildName>) -> ChildSpec<()> {
    ChildSpec { name: name.into(), capacity: 16, if_given_up: () }
}

/// Everything round one supervised victim.
struct Family {
    supervision: Supervision<()>,
    draining: watch::Sender<bool>,
    exits: channel::UnboundedReceiver<ChildExited<()>>,
    restarts: Arc<Mutex<Vec<Restart>>>,
}

impl Family {
    fn new() -> Self {
        let (draining, drained) = watch::channel(false);
        let (told, exits) = channel::unbounded_channel();
        let restarts = Arc::new(Mutex::new(Vec::new()));
        let seen = restarts.clone();
        let supervision = Supervision {
            policy: POLICY,
            draining: drained,
            parent: Parent(told).start().recipient(),
            observer: Arc::new(move |restart: &Restart| seen.lock().unwrap().push(restart.clone())),
        };
        Self { supervision, draining, exits, restarts }
    }

    fn start(&self, victim: Victim) -> Child<Victim> {
        start_on(&Arbiter::current(), spec("victim"), &self.supervision, move |_| victim)
    }

    fn restarts(&self) -> Vec<Restart> {
        self.restarts.lock().unwrap().clone()
    }

    async fn exit(&mut self) -> Exit {
        let exited = timeout(Duration::from_secs(600), self.exits.recv()).await.expect("the parent is told in time").unwrap();
        assert_eq!(exited.child, ChildName::from("victim"));
        exited.exit
    }
}

#[actix::test]
async fn a_panic_of_any_kind_is_followed_by_a_restart_with_the_same_address_and_queue() {
    tokio::time::pause();
    for way in FATAL {
        let mut family = Family::new();
        let victim = Victim::of(way);
        let journal = victim.journal.clone();
        let addr = family.start(victim).addr;

        let in_flight = addr.send(Hang);
        let killed = kill(&addr, way);
        let queued = addr.send(Add(1));

        let killed = killed.await;
        match way {
            Way::Started => assert_eq!(killed, Ok(())),
            _ if way.answers_first() => assert_eq!(killed, Ok(()), "{way:?}"),
            _ => assert_eq!(killed, Err(MailboxError::Closed), "{way:?}: the message in hand"),
        }
        assert_eq!(queued.await, Ok(1), "{way:?}: what was queued is answered");
        match way {
            Way::Started => drop(in_flight), // it was still queued, and now hangs for good
            _ => assert_eq!(in_flight.await, Err(MailboxError::Closed), "{way:?}: what was in flight"),
        }
        let after = addr.send(Add(2)).await.unwrap_or_else(|e| panic!("{way:?}: the address is good: {e}"));
        assert_eq!(after, if way.leaves_a_queue() { 3 } else { 2 }, "{way:?}: volatile state is lost");
        assert_eq!(journal.count("started"), 2, "{way:?}: {:?}", journal.events());
        assert_eq!(journal.count("restarting"), 1, "{way:?}: {:?}", journal.events());
        assert_eq!(journal.count("dropped"), 0, "{way:?}: the same value lives on");

        let [restart] = &family.restarts()[..] else { panic!("{way:?}: {:?}", family.restarts()) };
        assert!(restart.cause.ends_with(&format!("killed by {way:?}")), "{}", restart.cause);
        assert_eq!((restart.death, restart.deaths, restart.delay), (Death::Panic, 1, POLICY.min), "{way:?}");
        assert!(family.exits.try_recv().is_err(), "{way:?}: a restart is no exit");
    }
}

#[actix::test]
async fn a_panic_in_a_plain_response_future_is_the_callers_alone() {
    tokio::time::pause();
    let family = Family::new();
    let addr = family.start(Victim::default()).addr;
    assert_eq!(addr.send(Add(1)).await, Ok(1));
    assert_eq!(kill(&addr, Way::ResponseFuture).await, Err(MailboxError::Closed));
    assert_eq!(addr.send(Add(1)).await, Ok(2), "not even volatile state is lost");
    assert_eq!(family.restarts(), []);
}

#[actix::test]
async fn stopping_itself_is_a_death_like_any_other() {
    tokio::time::pause();
    for way in [Way::Stop, Way::Terminate] {
        let family = Family::new();
        let victim = Victim::default();
        let journal = victim.journal.clone();
        let addr = family.start(victim).addr;
        let in_flight = addr.send(Hang);
        let stopped = kill(&addr, way);
        let queued = addr.send(Add(1));
        let before = Instant::now();
        stopped.await.unwrap();
        assert_eq!(queued.await, Ok(1), "{way:?}");
        assert!(before.elapsed() >= POLICY.min, "{way:?}: after a wait, not at once");
        assert_eq!(in_flight.await, Err(MailboxError::Closed), "{way:?}");
        let restart = &family.restarts()[0];
        assert_eq!((restart.death, restart.cause.as_str()), (Death::Stop, "stopped itself"), "{way:?}");
        assert_eq!(journal.events(), expected_stop(way), "{way:?}");
    }
}

fn expected_stop(way: Way) -> Vec<&'static str> {
    match way {
        Way::Terminate => vec!["started", "stopped", "restarting", "started"],
        _ => vec!["started", "stopping", "stopped", "restarting", "started"],
    }
}

#[actix::test]
async fn waits_double_up_to_the_cap_and_then_the_parent_hears_that_it_gave_up() {
    tokio::time::pause();
    let mut family = Family::new();
    let victim = Victim::always(false);
    let journal = victim.journal.clone();
    let before = Instant::now();
    let child = family.start(victim);
    let queued = child.addr.send(Add(1));

    let Exit::GaveUp { cause } = family.exit().await else { panic!("it must give up") };
    assert!(cause.ends_with("killed by Started"), "{cause}");
    let s = Duration::from_secs;
    let delays: Vec<_> = family.restarts().iter().map(|r| (r.deaths, r.delay)).collect();
    assert_eq!(delays, [(1, s(1)), (2, s(2)), (3, s(4)), (4, s(4))]);
    let waited = before.elapsed();
    assert!(waited >= s(11) && waited < s(12), "{waited:?}");
    assert_eq!(journal.count("started"), 5);
    assert_eq!(journal.count("dropped"), 1);
    assert_eq!(queued.await, Err(MailboxError::Closed));
    assert!(!child.addr.connected(), "the address is closed when the parent hears of it");
}

#[actix::test]
async fn deaths_far_apart_never_add_up() {
    tokio::time::pause();
    let mut family = Family::new();
    let addr = family.start(Victim::default()).addr;
    for _ in 0..3 * POLICY.limit {
        assert_eq!(kill(&addr, Way::Handler).await, Err(MailboxError::Closed));
        tokio::time::advance(POLICY.window + Duration::from_secs(1)).await;
        assert_eq!(addr.send(Add(1)).await, Ok(1));
    }
    assert!(family.restarts().iter().all(|restart| restart.deaths == 1));
    assert!(family.exits.try_recv().is_err());
}

#[actix::test]
async fn stopping_while_draining_is_the_end_and_all_that_was_queued_before_is_done() {
    tokio::time::pause();
    let mut family = Family::new();
    let addr = family.start(Victim::default()).addr;
    let queued = addr.send(Add(1));
    family.draining.send(true).unwrap();
    let stopped = kill(&addr, Way::Stop);
    assert_eq!(family.exit().await, Exit::Drained);
    assert_eq!(queued.await, Ok(1));
    assert_eq!(stopped.await, Ok(()));
    assert_eq!(family.restarts(), []);
}

#[actix::test]
async fn a_panic_while_draining_is_still_repaired_so_that_the_queue_is_done() {
    tokio::time::pause();
    let mut family = Family::new();
    let addr = family.start(Victim::default()).addr;
    family.draining.send(true).unwrap();
    let killed = kill(&addr, Way::Handler);
    let queued = addr.send(Add(1));
    let stopped = kill(&addr, Way::Stop);
    assert_eq!(killed.await, Err(MailboxError::Closed));
    assert_eq!(queued.await, Ok(1));
    assert_eq!(stopped.await, Ok(()));
    assert_eq!(family.exit().await, Exit::Drained);
}

#[actix::test]
async fn an_actor_nobody_holds_ends_without_a_wait() {
    tokio::time::pause();
    let mut family = Family::new();
    let child = family.start(Victim::default());
    child.addr.send(Add(1)).await.unwrap();
    let before = Instant::now();
    drop(child);
    assert_eq!(family.exit().await, Exit::Unreferenced);
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());
    assert_eq!(family.restarts(), []);
}

#[actix::test]
async fn a_factory_that_panics_is_reported_and_its_address_is_closed() {
    tokio::time::pause();
    let mut family = Family::new();
    let child: Child<Victim> =
        start_on(&Arbiter::current(), spec("victim"), &family.supervision, |_| panic!("the CA file `x.pem` cannot be read"));
    let queued = child.addr.send(Add(1));
    let Exit::GaveUp { cause } = family.exit().await else { panic!("it must give up") };
    assert!(cause.starts_with("could not be started: ") && cause.ends_with("the CA file `x.pem` cannot be read"), "{cause}");
    assert_eq!(queued.await, Err(MailboxError::Closed));
    assert_eq!(child.liveness_check().ask(POLICY.min).await, Liveness::Gone);
}

#[actix::test]
async fn an_arbiter_that_has_ended_is_reported() {
    let mut family = Family::new();
    let arbiter = Arbiter::new();
    let handle = arbiter.handle();
    arbiter.stop();
    tokio::task::spawn_blocking(move || arbiter.join()).await.unwrap().unwrap();
    let child = start_on(&handle, spec("victim"), &family.supervision, |_| Victim::default());
    assert_eq!(family.exit().await, Exit::GaveUp { cause: "could not be started: its arbiter has ended".to_owned() });
    assert_eq!(child.addr.send(Add(1)).await, Err(MailboxError::Closed));
}

#[actix::test]
async fn an_actor_that_cannot_even_be_dropped_is_still_reported() {
    tokio::time::pause();
    let mut family = Family::new();
    let victim = Victim::always(true);
    let _child = family.start(victim);
    assert!(matches!(family.exit().await, Exit::GaveUp { .. }));
}

#[actix::test]
async fn an_observer_that_panics_does_not_end_the_actor() {
    tokio::time::pause();
    let mut family = Family::new();
    let told = Arc::new(AtomicUsize::new(0));
    let counted = told.clone();
    family.supervision.observer = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("cannot count")
    });
    let addr = family.start(Victim::default()).addr;
    assert_eq!(kill(&addr, Way::Handler).await, Err(MailboxError::Closed));
    assert_eq!(addr.send(Add(1)).await, Ok(1));
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[actix::test]
async fn a_child_is_known_by_what_it_serves() {
    tokio::time::pause();
    let mut family = Family::new();
    let name = ChildName::serving("poller", &"EDU1/invoice");
    let child = start_on(&Arbiter::current(), spec(name.clone()), &family.supervision, |_| Victim::default());
    drop(child);
    assert_eq!(family.exits.recv().await.unwrap(), ChildExited { child: name, exit: Exit::Unreferenced, if_given_up: () });
}

#[actix::test]
async fn neighbours_do_not_notice_a_death() {
    tokio::time::pause();
    let family = Family::new();
    let (one, other) = (family.start(Victim::default()), family.start(Victim::default()));
    assert_eq!(other.addr.send(Add(1)).await, Ok(1));
    assert_eq!(kill(&one.addr, Way::Handler).await, Err(MailboxError::Closed));
    assert_eq!(other.addr.send(Add(1)).await, Ok(2));
}

#[actix::test]
async fn a_ping_tells_the_living_the_resting_the_stuck_and_the_gone_apart() {
    tokio::time::pause();
    let limit = Duration::from_millis(200);
    let mut family = Family::new();
    let alive = family.start(Victim::default());
    let resting = family.start(Victim::default());
    let stuck = family.start(Victim::default());
    assert_eq!(kill(&resting.addr, Way::Timer).await, Ok(()));
    tokio::time::sleep(Duration::from_millis(10)).await;
    stuck.addr.do_send(Block);
    let liveness_checks = [alive.liveness_check(), resting.liveness_check(), stuck.liveness_check()];
    let before = Instant::now();
    let found: Vec<_> = ask_all(&liveness_checks, limit).await.into_iter().map(|(_, liveness)| liveness).collect();
    assert_eq!(found, [Liveness::Alive, Liveness::Resting, Liveness::Unresponsive]);
    assert!(before.elapsed() < limit * 2, "all are asked at once: {:?}", before.elapsed());

    tokio::time::sleep(POLICY.min).await;
    assert_eq!(resting.liveness_check().ask(limit).await, Liveness::Alive, "after its rest");

    family.draining.send(true).unwrap();
    kill(&alive.addr, Way::Stop).await.unwrap();
    assert_eq!(family.exit().await, Exit::Drained);
    assert_eq!(liveness_checks[0].ask(limit).await, Liveness::Gone);
}

/// Real time: another thread must notice a stuck thread.
#[actix::test]
async fn a_thread_that_stands_still_is_silent_and_the_others_are_not() {
    let limit = Duration::from_millis(200);
    let family = Family::new();
    let arbiter = Arbiter::new();
    let stuck = start_on(&arbiter.handle(), spec("stuck"), &family.supervision, |_| Victim::default());
    let neighbour = start_on(&arbiter.handle(), spec("neighbour"), &family.supervision, |_| Victim::default());
    let elsewhere = family.start(Victim::default());
    assert_eq!(neighbour.addr.send(Add(1)).await, Ok(1));

    let release = hold_thread(&stuck.addr).await;
    let liveness_checks = [stuck.liveness_check(), neighbour.liveness_check(), elsewhere.liveness_check()];
    let found: Vec<_> = ask_all(&liveness_checks, limit).await.into_iter().map(|(_, liveness)| liveness).collect();
    assert_eq!(found, [Liveness::Unresponsive, Liveness::Unresponsive, Liveness::Alive]);

    drop(release);
    assert_eq!(liveness_checks[0].ask(Duration::from_secs(30)).await, Liveness::Alive);

    arbiter.stop();
    tokio::task::spawn_blocking(move || arbiter.join()).await.unwrap().unwrap();
    assert_eq!(liveness_checks[0].ask(limit).await, Liveness::Gone, "its arbiter took it along");
}
