//! The database fails under the running service in every way that a site sees: the service reports it, loses nothing and continues.

use std::cell::RefCell;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
use crate::support::node::{Node, wait_for, wait_until_right};
use crate::support::servers::{Private, Server, Tmpfs};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(60);

/// There is always something to carry, and it takes a while.
fn business(world: &World) {
    world.servicenow.set_fault(FaultRule::always(Fault::Slow(150)).on_path("/api/now"));
    world.syspro.tick(6).unwrap();
}

fn calm(world: &World) {
    world.servicenow.clear_faults();
}

/// Waits until something is being sent.
fn sending(psql: &dyn Fn(&str) -> String) {
    wait_for("something is sent", LIMIT, || (!["0", ""].contains(&psql("SELECT count(*) FROM intent").as_str())).then_some(()));
}

/// Readiness turns red, and says that it is for the ledger and why.
fn red(node: &Node, why: &str) -> String {
    let last = RefCell::new(None);
    let words = std::fmt::from_fn(|f| write!(f, "readiness is red for `{why}`, it says {:?}; {}", last.borrow(), node.log()));
    wait_for(words, LIMIT, || {
        last.replace(node.ready());
        last.borrow()
            .clone()
            .filter(|(status, body)| *status == 503 && body.contains("the ledger: ") && body.contains(why))
            .map(|(_, body)| body)
    })
}

fn green(node: &Node) {
    wait_for(std::fmt::from_fn(|f| write!(f, "readiness is green again: {}", node.log())), LIMIT, || {
        node.ready().filter(|(status, _)| *status == 200)
    });
}

fn said(node: &Node, words: &str) {
    wait_for(std::fmt::from_fn(|f| write!(f, "the log says `{words}`: {}", node.log())), LIMIT, || {
        node.log().contains(words).then_some(())
    });
}

/// A service with a private server, in this directory or one of its own, with everything carried over once.
fn private(world: &World, state: Option<&Path>) -> (Node, Private, String) {
    let mut node = Node::new(world).with("DATABASE__URL", "");
    if let Some(state) = state {
        node = node.with("STATE__DIRECTORY", &state.display().to_string());
    }
    let server = Private { state: state.map_or_else(|| node.site.path("state"), Path::to_owned) };
    std::fs::create_dir_all(world.site.path("state")).unwrap();
    node.start_and_wait(world);
    world.set_credentials(&|arguments| node.command(world, arguments));
    let key = node.key(world);
    wait_until_right(&node, &key, LIMIT, || world.check_in(&|sql| server.psql(sql)));
    (node, server, key)
}

#[test]
fn a_private_server_that_dies_is_started_again() {
    let world = World::before();
    let (mut node, server, key) = private(&world, None);
    let psql = |sql: &str| server.psql(sql);

    // killed, and kept away for a while by somebody who starts or stops it
    business(&world);
    node.run_all(&key);
    sending(&psql);
    let busy = File::open(server.state.join("postgres/start.lock")).unwrap();
    busy.lock().unwrap();
    let killed = server.pid().unwrap();
    server.signal(Signal::SIGKILL);
    let words = red(&node, "Connection refused");
    println!("database: killed: {words}");
    assert_eq!(server.pid(), Some(killed), "nobody starts it while another process has the lock");
    said(&node, "database cannot be reached");
    drop(busy);
    green(&node);
    said(&node, "private database runs again");
    assert_ne!(server.pid(), Some(killed));
    server.one();

    // stopped by an administrator
    business(&world);
    node.run_all(&key);
    sending(&psql);
    let stopped = server.pid().unwrap();
    // without waiting: the service may have started the next one before pg_ctl checks whether this one is gone, and it would wait for that
    assert!(server.pg_ctl(&["stop", "-W", "-m", "fast"]));
    wait_for("it is started again", LIMIT, || server.pid().filter(|pid| *pid != stopped));
    green(&node);
    server.one();

    // restarted by an administrator: whichever of the two is first, one server runs
    business(&world);
    node.run_all(&key);
    let before = server.pid().unwrap();
    let _ = server.pg_ctl(&["restart", "-w", "-m", "immediate"]);
    green(&node);
    server.one();
    assert_ne!(server.pid(), Some(before));

    calm(&world);
    wait_until_right(&node, &key, LIMIT, || world.check_in(&psql));
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
    // left on purpose, it stays away
    assert_eq!(server.pid(), None);
}

/// The database dies in the middle of a single run: it is started again within it, and nothing is lost.
#[test]
fn a_private_server_that_dies_under_a_sync_is_started_again() {
    let world = World::before();
    let (mut node, server, _) = private(&world, None);
    let psql = |sql: &str| server.psql(sql);
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
    assert_eq!(server.pid(), None);
    business(&world);
    let log = node.site.path("sync.log");
    let mut command = node.command(&world, &["sync"]);
    let mut sync = command.stdout(std::process::Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let words = || std::fs::read_to_string(&log).unwrap();
    wait_for(std::fmt::from_fn(|f| write!(f, "something is sent: {}", words())), LIMIT, || {
        (!["0", ""].contains(&psql("SELECT count(*) FROM intent").as_str())).then_some(())
    });
    let killed = server.pid().unwrap();
    server.signal(Signal::SIGKILL);
    wait_for(std::fmt::from_fn(|f| write!(f, "it is started again: {}", words())), LIMIT, || server.pid().filter(|pid| *pid != killed));
    calm(&world);
    let code = wait_for(std::fmt::from_fn(|f| write!(f, "the sync ends: {}", words())), LIMIT, || sync.try_wait().unwrap()).code();
    println!("database: killed under a sync, which ended with {code:?}: {}", words());
    assert!(words().contains("private database runs again"), "{}", words());
    // the next process settles its work at the latest
    let mut tries = 0;
    let settled = || node.command(&world, &["sync"]).output().unwrap();
    while settled().status.code() != Some(0) {
        tries += 1;
        assert!(tries < 5, "{}", text(&settled()));
    }
    let again = node.command(&world, &["status"]).output().unwrap();
    assert!(again.status.success(), "{}", text(&again));
    node.start_and_wait(&world);
    world.check_in(&psql).unwrap();
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}

#[test]
fn a_server_that_hangs_is_waited_for() {
    let world = World::before();
    let server = Server::primary(false);
    let mut node = Node::new(&world).with("DATABASE__URL", &server.url());
    for (key, value) in [("STATEMENT_TIMEOUT_SECONDS", "3"), ("CALL_TIMEOUT_SECONDS", "4")] {
        node = node.with(&format!("DATABASE__{key}"), value);
    }
    let psql = |sql: &str| server.psql(sql);
    std::fs::create_dir_all(world.site.path("state")).unwrap();
    node.start_and_wait(&world);
    world.set_credentials(&|arguments| node.command(&world, arguments));
    let key = node.key(&world);
    business(&world);
    node.run_all(&key);
    sending(&psql);
    let hanging = server.hang();
    let words = red(&node, "did not answer within 4 s");
    println!("database: hanging: {words}");
    said(&node, "did not answer within 4 s");
    assert_eq!(node.get("/health/live").unwrap().0, 200);
    drop(hanging);
    green(&node);
    calm(&world);
    wait_until_right(&node, &key, LIMIT, || world.check_in(&psql));
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}

#[test]
fn a_fail_over_to_the_standby_loses_and_doubles_nothing() {
    let world = World::before();
    let primary = Server::primary(true);
    let standby = primary.standby();
    primary.create_database();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port, standby.port);
    let url = format!("postgresql://tieline@{hosts}/tieline?target_session_attrs=read-write");
    let mut node = Node::new(&world).with("DATABASE__URL", &url);
    std::fs::create_dir_all(world.site.path("state")).unwrap();
    node.start_and_wait(&world);
    world.set_credentials(&|arguments| node.command(&world, arguments));
    let key = node.key(&world);
    business(&world);
    node.run_all(&key);
    sending(&|sql| primary.psql(sql));
    primary.kill();
    let words = red(&node, "Connection refused");
    println!("database: primary killed: {words}");
    world.syspro.tick(3).unwrap();
    // so late that the outcomes of what was on its way could not be stored at once
    said(&node, "the results of a batch could not be stored; Tieline retries");
    standby.promote();
    green(&node);
    calm(&world);
    wait_until_right(&node, &key, LIMIT, || world.check_in(&|sql| standby.psql(sql)));
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
    // another cluster's process with the same data, and a timeline of its own: nothing was restored
    assert_eq!(standby.psql("SELECT count(*), max(number) FROM ledger_life"), "1|1");
}

#[test]
fn a_full_disk_is_survived() {
    let Some(disk) = Tmpfs::mount(260) else {
        println!("database: skipped: a tmpfs of its own can be mounted by root alone");
        return;
    };
    let world = World::before();
    let (mut node, server, key) = private(&world, Some(&disk.path().join("state")));
    let psql = |sql: &str| server.psql(sql);
    business(&world);
    disk.fill();
    // more than what is left in the segment of the log that is being written
    server.write_until_full();
    node.run_all(&key);
    said(&node, "No space left on device");
    // every request is told of the disk, and not of a database that does not answer
    let place = server.state.join("postgres").display().to_string();
    let named =
        |text: &str| text.contains("the disk of the private database is full: ") && text.contains(&format!(" bytes are free at {place}"));
    wait_for(std::fmt::from_fn(|f| write!(f, "readiness names the disk: {:?}", node.ready())), LIMIT, || {
        node.ready().filter(|(status, body)| *status == 503 && named(body))
    });
    for arguments in [&["status"][..], &["status", "--output", "json"], &["doctor", "--read-only", "--output", "json"]] {
        let said = text(&node.command(&world, arguments).output().unwrap());
        assert!(said.contains(&place) && said.contains("bytes") && (named(&said) || arguments[0] == "doctor"), "{arguments:?}: {said}");
    }
    world.syspro.tick(3).unwrap();
    disk.free();
    calm(&world);
    green(&node);
    wait_until_right(&node, &key, LIMIT, || world.check_in(&psql));
    server.one();
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}
