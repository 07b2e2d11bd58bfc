//! Stopping the service during its work.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::node::{Node, wait_for, wait_until_right};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(60);

/// A node that is sending, with much still to send: one batch at a time, each with this fault.
fn sending(world: &World, fault: Fault) -> (Node, String) {
    let mut node = Node::new(world).with("SERVICENOW__BATCH_SIZE", "2").with("SERVICENOW__CONCURRENCY", "2").with("LOG__LEVEL", "info");
    // an answer that takes long is waited for
    node = node.with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "60").with("SERVICENOW__BODY_TIMEOUT_SECONDS", "60");
    let key = node.key(world);
    node.start_and_wait(world);
    wait_until_right(&node, &key, LIMIT, || world.check());
    world.syspro.tick(10).unwrap();
    world.servicenow.set_fault(FaultRule::always(fault).on_method("POST").on_path("/api/now"));
    let slow = world.servicenow.faults_triggered();
    node.run_all(&key);
    // ServiceNow has its request: a stop before that would send nothing
    wait_for("a batch is on its way", LIMIT, || (world.servicenow.faults_triggered() > slow).then_some(()));
    (node, key)
}

fn ended(node: &mut Node, limit: Duration) -> Option<i32> {
    let child = &mut node.service.as_mut().unwrap().child;
    let code = wait_for("the service ends", limit, || child.try_wait().unwrap()).code();
    node.service = None;
    code
}

#[test]
fn a_stop_lets_what_is_in_hand_come_to_its_end() {
    let world = World::start();
    let (mut node, key) = sending(&world, Fault::Slow(300));
    let asked = Instant::now();
    node.signal(Signal::SIGTERM);
    assert_eq!(ended(&mut node, Duration::from_secs(40)), Some(0), "{}", node.log());
    println!("stopping: ended after {:?}", asked.elapsed());
    // every answer came within the deadline: no outcome is unknown, and no lease is left
    assert_eq!(world.database.psql("SELECT count(*) FROM intent"), "0", "{}", node.log());
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered WHERE state IN ('sending', 'unknown')"), "0");
    assert_eq!(world.database.psql("SELECT count(*) FROM flow WHERE holder IS NOT NULL"), "0");
    assert_eq!(world.database.psql("SELECT count(*) FROM run WHERE ended_at IS NULL"), "0");
    world.servicenow.clear_faults();
    node.start_and_wait(&world);
    wait_until_right(&node, &key, LIMIT, || world.check());
    assert_eq!(node.terminate(), Some(0));
}

/// The log names who waits for what, at once and then every 10 s, and not twenty times a second.
#[test]
fn a_stop_says_now_and_then_which_flows_it_waits_for() {
    let world = World::start();
    let (mut node, _) = sending(&world, Fault::Held);
    let asked = Instant::now();
    node.signal(Signal::SIGTERM);
    let lines = || {
        let log = node.log();
        log.lines().filter(|line| line.contains("waiting for")).map(str::to_owned).collect::<Vec<_>>()
    };
    wait_for("it says so at once", Duration::from_secs(8), || (!lines().is_empty()).then_some(()));
    wait_for("it says so again", LIMIT, || {
        assert!(asked.elapsed() < Duration::from_secs(30), "it says so once: {}", node.log());
        (lines().len() > 1).then_some(())
    });
    let said = lines();
    assert!(said.iter().any(|line| line.contains("EDU1/") || line.contains("batches")), "{said:?}");
    assert!(said.len() <= 4, "{said:?}");
    world.servicenow.clear_faults();
    assert_eq!(ended(&mut node, Duration::from_secs(60)), Some(0), "{}", node.log());
}

#[test]
fn a_second_signal_ends_the_service_at_once() {
    let world = World::start();
    let (mut node, key) = sending(&world, Fault::Held);
    node.signal(Signal::SIGTERM);
    wait_for("it is stopping", LIMIT, || node.log().contains("stopping: running work is finished first").then_some(()));
    // the surface has closed, and the flows are waited for
    wait_for("it waits for the flows", LIMIT, || node.log().contains("waiting for").then_some(()));
    let asked = Instant::now();
    node.signal(Signal::SIGTERM);
    assert_eq!(ended(&mut node, Duration::from_secs(5)), Some(0), "{}", node.log());
    println!("stopping: ended {:?} after the second signal", asked.elapsed());
    assert!(node.log().contains("a second signal"), "{}", node.log());
    // work was left, and is found again
    assert_ne!(world.left(), "0");
    world.servicenow.clear_faults();
    node.start_and_wait(&world);
    wait_until_right(&node, &key, LIMIT, || world.check());
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_stop_ends_at_its_deadline_whatever_hangs() {
    let world = World::start();
    let mut node = Node::new(&world).with("SYSPRO__REQUEST_TIMEOUT_SECONDS", "120");
    let key = node.key(&world);
    let triggered = world.syspro.faults.triggered();
    world.syspro.faults.push(FaultRule::always(Fault::Slow(100_000)).on_path(&world.table_path("ApInvoice")));
    node.start_and_wait(&world);
    let reading = "SELECT count(*) FROM flow WHERE entity = 'invoice' AND holder IS NOT NULL";
    wait_for("the invoices are read", LIMIT, || (world.database.psql(reading) == "1").then_some(()));
    // other tables are asked first
    wait_for("a request hangs", LIMIT, || (world.syspro.faults.triggered() > triggered).then_some(()));
    let asked = Instant::now();
    node.signal(Signal::SIGTERM);
    assert_eq!(ended(&mut node, Duration::from_secs(50)), Some(0), "{}", node.log());
    println!("stopping: ended after {:?} in spite of a request that hangs", asked.elapsed());
    assert!(asked.elapsed() > Duration::from_secs(20), "it did not wait for the request: {}", node.log());
    world.syspro.faults.clear();
    world.syspro.tick(2).unwrap();
    node.start_and_wait(&world);
    wait_until_right(&node, &key, LIMIT, || world.check());
    assert_eq!(node.terminate(), Some(0));
}
