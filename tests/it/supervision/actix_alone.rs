//! actix 0.13 without the Guard.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix::prelude::*;
use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::victim::{Add, Chain, FATAL, Hang, Victim, Way, hold_thread, kill};

const CLOSED: Result<u32, MailboxError> = Err(MailboxError::Closed);

fn start(victim: Victim, supervised: bool) -> Addr<Victim> {
    if supervised { Supervisor::start(|_| victim) } else { victim.start() }
}

#[actix::test]
async fn a_panic_ends_an_actor_for_good_with_or_without_supervisor() {
    tokio::time::pause();
    for (way, supervised) in FATAL.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        let victim = Victim::of(way);
        let journal = victim.journal.clone();
        let addr = start(victim, supervised);
        let in_flight = addr.send(Hang);
        let killed = kill(&addr, way);
        let queued = addr.send(Add(1));

        let (killed, queued, in_flight) = (killed.await, queued.await, in_flight.await);
        if way != Way::Started && !way.answers_first() {
            assert_eq!(killed, Err(MailboxError::Closed), "{way:?}, supervised: {supervised}: the message in hand");
        }
        if way.leaves_a_queue() {
            assert_eq!(queued, CLOSED, "{way:?}, supervised: {supervised}: what is queued");
        }
        assert_eq!(in_flight, Err(MailboxError::Closed), "{way:?}, supervised: {supervised}: what is in flight");
        assert!(!addr.connected(), "{way:?}, supervised: {supervised}");
        assert_eq!(addr.send(Add(1)).await, CLOSED, "{way:?}, supervised: {supervised}: whatever comes later");
        addr.do_send(Add(1)); // vanishes
        let life = journal.events();
        assert_eq!(life, ["started", "stopping", "stopped", "dropped"], "{way:?}, supervised: {supervised}");
    }
}

/// In a process of its own, which is this test again.
#[test]
fn a_panic_in_stopped_during_a_panic_aborts_the_process() {
    const AGAIN: &str = "TIELINE_TEST_DIE_TWICE";
    if std::env::var_os(AGAIN).is_some() {
        System::new().block_on(async {
            let addr = Victim::always(true).start();
            let _ = addr.send(Add(1)).await;
        });
        return; // not reached: a success would say that actix has changed
    }
    let name = "supervision::actix_alone::a_panic_in_stopped_during_a_panic_aborts_the_process";
    let run = std::process::Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(AGAIN, "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&run.status), Some(6), "SIGABRT: {}\n{said}", run.status);
}

#[actix::test]
async fn a_panic_in_a_plain_response_future_is_the_callers_alone() {
    tokio::time::pause();
    for supervised in [false, true] {
        let addr = start(Victim::default(), supervised);
        assert_eq!(addr.send(Add(1)).await, Ok(1));
        assert_eq!(kill(&addr, Way::ResponseFuture).await, Err(MailboxError::Closed));
        assert_eq!(addr.send(Add(1)).await, Ok(2));
    }
}

#[actix::test]
async fn the_arbiter_and_its_other_actors_survive_a_panic() {
    let arbiter = Arbiter::new();
    let other = Victim::start_in_arbiter(&arbiter.handle(), |_| Victim::default());
    for (way, supervised) in FATAL.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        let addr = if supervised {
            Supervisor::start_in_arbiter(&arbiter.handle(), move |_| Victim::of(way))
        } else {
            Victim::start_in_arbiter(&arbiter.handle(), move |_| Victim::of(way))
        };
        let in_flight = addr.send(Hang);
        let _ = kill(&addr, way).await;
        assert_eq!(in_flight.await, Err(MailboxError::Closed), "{way:?}");
    }
    assert_eq!(other.send(Add(1)).await, Ok(1));
    arbiter.stop();
}

#[actix::test]
async fn a_factory_that_panics_leaves_a_closed_address() {
    let arbiter = Arbiter::new();
    let addr: Addr<Victim> = Supervisor::start_in_arbiter(&arbiter.handle(), |_| panic!("no actor"));
    assert_eq!(addr.send(Add(1)).await, CLOSED);
    let other = Victim::start_in_arbiter(&arbiter.handle(), |_| Victim::default());
    assert_eq!(other.send(Add(1)).await, Ok(1), "the arbiter lives on");
    arbiter.stop();
}

#[actix::test]
async fn a_supervised_actor_that_stops_is_restarted_on_the_same_value_and_keeps_its_queue() {
    tokio::time::pause();
    for way in [Way::Stop, Way::Terminate] {
        let victim = Victim::default();
        let journal = victim.journal.clone();
        let addr = start(victim, true);
        let in_flight = addr.send(Hang);
        let stopped = kill(&addr, way);
        let queued = addr.send(Add(1));
        let before = Instant::now();
        stopped.await.unwrap();
        assert_eq!(queued.await, Ok(1), "{way:?}");
        assert_eq!(in_flight.await, Err(MailboxError::Closed), "{way:?}");
        assert_eq!(before.elapsed(), Duration::ZERO, "{way:?}: at once");
        let mut life = journal.events();
        life.retain(|event| *event != "stopping"); // `terminate` leaves it out
        assert_eq!(life, ["started", "stopped", "restarting", "started"], "{way:?}");

        for _ in 0..1000 {
            kill(&addr, way).await.unwrap();
        }
        addr.send(Add(1)).await.unwrap();
        assert_eq!(journal.count("restarting"), 1001, "{way:?}: without a limit");
        assert_eq!(before.elapsed(), Duration::ZERO, "{way:?}: without a delay");
        assert_eq!(journal.count("dropped"), 0, "{way:?}");

        drop(addr);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(journal.count("dropped"), 1, "{way:?}: it ends with the last address");
    }
}

#[actix::test]
async fn an_unsupervised_actor_that_stops_leaves_what_is_queued_and_in_flight() {
    tokio::time::pause();
    let addr = start(Victim::default(), false);
    let in_flight = addr.send(Hang);
    let stopped = kill(&addr, Way::Stop);
    let queued = addr.send(Add(1));
    assert_eq!(stopped.await, Ok(()));
    assert_eq!(in_flight.await, Err(MailboxError::Closed));
    assert_eq!(queued.await, CLOSED);
}

#[actix::test]
async fn stopping_an_arbiter_waits_for_nothing() {
    let arbiter = Arbiter::new();
    let addr = Victim::start_in_arbiter(&arbiter.handle(), |_| Victim::default());
    assert_eq!(addr.send(Add(1)).await, Ok(1));
    let in_flight = addr.send(Hang);
    arbiter.stop();
    assert_eq!(in_flight.await, Err(MailboxError::Closed));
}

/// In a thread of its own, because it ends a whole System.
#[test]
fn stopping_the_system_waits_for_nothing() {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runner = System::new();
        runner.block_on(async move {
            let addr = Victim::default().start();
            assert_eq!(addr.send(Add(1)).await, Ok(1));
            let in_flight = addr.send(Hang);
            // another thread hears the answer, whatever becomes of this one
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                tell.send(runtime.block_on(in_flight))
            });
            System::current().stop();
        });
        runner.run().unwrap();
    });
    thread.join().unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(Err(MailboxError::Closed)));
}

#[test]
fn every_profile_unwinds_because_nothing_catches_an_abort() {
    let manifest: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
    let profiles = manifest["profile"].as_table().unwrap();
    for (name, profile) in profiles {
        let panic = profile.get("panic").and_then(toml::Value::as_str).unwrap_or("unwind");
        assert_eq!(panic, "unwind", "profile `{name}`");
    }
}

struct Worker;

impl Actor for Worker {
    type Context = SyncContext<Self>;
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Work(bool);

impl Handler<Work> for Worker {
    type Result = u32;

    fn handle(&mut self, Work(well): Work, _: &mut Self::Context) -> u32 {
        assert!(well, "killed at work");
        1
    }
}

#[actix::test]
async fn a_sync_arbiter_loses_a_thread_for_ever_with_each_panic() {
    let addr = SyncArbiter::start(2, || Worker);
    assert_eq!(addr.send(Work(true)).await, Ok(1));
    assert_eq!(addr.send(Work(false)).await, CLOSED);
    assert_eq!(addr.send(Work(true)).await, Ok(1), "one thread is left");
    assert_eq!(addr.send(Work(false)).await, CLOSED);
    let last = timeout(Duration::from_secs(30), addr.send(Work(true))).await.expect("an answer");
    assert_eq!(last, CLOSED, "none is left");
}

#[actix::test]
async fn a_panic_in_blocking_work_is_one_error_for_one_caller() {
    let panicked = web::block(|| panic!("killed in a pool")).await;
    assert!(panicked.is_err());
    assert_eq!(web::block(|| 1).await.unwrap(), 1);
    let panicked = tokio::task::spawn_blocking(|| panic!("killed in a pool")).await;
    assert!(panicked.unwrap_err().is_panic());
}

#[actix::test]
async fn blocking_work_runs_to_its_end_whoever_gave_up_waiting() {
    let done = Arc::new(AtomicBool::new(false));
    let (told, seen) = (done.clone(), done.clone());
    let (release, held) = mpsc::channel::<()>();
    let (ended, end) = tokio::sync::oneshot::channel();
    let task = tokio::task::spawn_blocking(move || {
        let _ = held.recv();
        told.store(true, Ordering::SeqCst);
        let _ = ended.send(());
    });
    assert!(timeout(Duration::from_millis(20), task).await.is_err(), "the caller gives up, and drops the task");
    assert!(!seen.load(Ordering::SeqCst));
    drop(release);
    timeout(Duration::from_secs(30), end).await.expect("in time").expect("it ran on");
    assert!(done.load(Ordering::SeqCst));
}

#[actix::test]
async fn a_panic_in_a_web_handler_closes_the_connection_and_the_worker_lives() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let app = || App::new().route("/dies", web::get().to(dies)).route("/lives", web::get().to(HttpResponse::Ok));
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
    let handle = server.handle();
    actix::spawn(server);
    assert_eq!(get(at, "/dies").await, "", "no answer at all");
    assert!(get(at, "/lives").await.starts_with("HTTP/1.1 200"), "the only worker lives");
    handle.stop(false).await;
}

async fn dies() -> HttpResponse {
    panic!("killed in a page")
}

async fn get(at: std::net::SocketAddr, path: &str) -> String {
    let ask = async {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await; // a reset is as good an end as any
        String::from_utf8_lossy(&answer).into_owned()
    };
    timeout(Duration::from_secs(30), ask).await.expect("an end of the connection")
}

#[derive(Default)]
struct Service;

impl Actor for Service {
    type Context = Context<Self>;
}

impl Supervised for Service {}

impl SystemService for Service {}

impl Handler<Work> for Service {
    type Result = u32;

    fn handle(&mut self, Work(well): Work, _: &mut Self::Context) -> u32 {
        assert!(well, "killed at work");
        1
    }
}

#[actix::test]
async fn the_registry_hands_out_a_dead_address_for_ever() {
    assert_eq!(Service::from_registry().send(Work(true)).await, Ok(1));
    assert_eq!(Service::from_registry().send(Work(false)).await, CLOSED);
    for _ in 0..3 {
        assert_eq!(Service::from_registry().send(Work(true)).await, CLOSED);
    }
}

#[actix::test]
async fn a_handler_that_blocks_holds_up_every_actor_of_its_arbiter() {
    let (one, other) = (Arbiter::new(), Arbiter::new());
    let blocks = Victim::start_in_arbiter(&one.handle(), |_| Victim::default());
    let same = Victim::start_in_arbiter(&one.handle(), |_| Victim::default());
    let elsewhere = Victim::start_in_arbiter(&other.handle(), |_| Victim::default());
    assert_eq!(same.send(Add(1)).await, Ok(1));
    let release = hold_thread(&blocks).await;
    assert_eq!(same.send(Add(1)).timeout(Duration::from_millis(100)).await, Err(MailboxError::Timeout));
    assert_eq!(elsewhere.send(Add(1)).await, Ok(1));
    drop(release);
    assert!(same.send(Add(1)).await.is_ok());
    one.stop();
    other.stop();
}

#[actix::test]
async fn a_chain_of_messages_to_self_holds_up_its_neighbours_until_it_ends() {
    let victim = Victim::default();
    let journal = victim.journal.clone();
    let turns = Arc::new(AtomicUsize::new(0));
    let addr = victim.start();
    let counted = turns.clone();
    let neighbour = actix::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    tokio::task::yield_now().await;
    addr.do_send(Chain(10_000));
    let before = turns.load(Ordering::SeqCst);
    while journal.count("chain ended") == 0 {
        tokio::task::yield_now().await;
    }
    let meanwhile = turns.load(Ordering::SeqCst) - before;
    assert!(meanwhile < 100, "the neighbour had {meanwhile} turns during 10 000 messages");
    neighbour.abort();
}
