//! Three nodes on one database: one is killed during its work; one is halted until others have taken over, and then continues.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::node::{Node, wait_for, wait_until_right};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(60);

/// A flow held by one of the nodes that has a batch on its way as well: which node, which flow, and the lease's epoch.
fn at_work(world: &World, nodes: &[Node]) -> Option<(usize, String, i64)> {
    let found = world.database.psql(
        "SELECT f.entity, f.epoch, i.node FROM flow f JOIN intent i ON starts_with(f.holder, i.node || '/') \
         WHERE f.lease_until > now() ORDER BY i.lease_until DESC LIMIT 1",
    );
    let mut parts = found.split('|');
    let (entity, epoch, name) = (parts.next()?, parts.next()?, parts.next()?);
    let node = nodes.iter().position(|node| node.service.is_some() && node.name() == name)?;
    Some((node, entity.to_owned(), epoch.parse().unwrap()))
}

/// Whether a node that was just halted is within a transaction.
///
/// Its locks would stand until PostgreSQL ends its session after the statement timeout of a minute, and so long its transaction would also
/// hold back the notices of every other test on the same server.
fn in_transaction(world: &World) -> bool {
    let sessions = || {
        world.database.psql(
            "SELECT pid, xact_start FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND (backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')",
        )
    };
    // a transaction of a living node goes on between two looks
    let (before, after) = (sessions(), sessions());
    before.lines().any(|session| after.lines().any(|other| other == session))
}

fn epoch(world: &World, entity: &str) -> i64 {
    world.database.psql(&format!("SELECT epoch FROM flow WHERE entity = '{entity}'")).parse().unwrap()
}

/// Waits until another node has the flow; how long that took.
fn taken_over(world: &World, entity: &str, before: i64, name: &str) -> Duration {
    let started = Instant::now();
    wait_for(format!("{entity} is taken over from {name}"), LIMIT, || (epoch(world, entity) > before).then_some(()));
    started.elapsed()
}

/// Work that takes a while: SYSPRO and ServiceNow are slow, and there is more of it all the time.
fn business(world: &World) {
    world.syspro.tick(8).unwrap();
    world.syspro.switch(|switches| switches.latency_ms = 150);
    world.servicenow.set_fault(FaultRule::always(Fault::Slow(250)).on_path("/api/now"));
}

#[test]
fn a_killed_and_a_stopped_node_lose_and_double_nothing() {
    let world = World::start();
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::new(&world).with("SERVICENOW__BATCH_SIZE", "4")).collect();
    let key = nodes[0].key(&world);
    business(&world);
    for node in &mut nodes {
        node.start_and_wait(&world);
    }

    // one dies in the middle of work
    let (dead, entity, before) = wait_for("a node at work", LIMIT, || at_work(&world, &nodes));
    nodes[dead].kill();
    let dead_name = nodes[dead].name();
    world.syspro.tick(2).unwrap();
    let took = taken_over(&world, &entity, before, &dead_name);
    println!("nodes: {entity} was taken over from the dead node after {took:?}");

    // another node is halted until others have taken its flow and its batch
    let mut asked = None::<Instant>;
    let (zombie, entity, before) = wait_for("another node at work", LIMIT, || {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
            world.syspro.tick(4).unwrap();
            nodes.iter().filter(|node| node.service.is_some()).for_each(|node| node.run_all(&key));
            asked = Some(Instant::now());
        }
        let (node, entity, epoch) = at_work(&world, &nodes)?;
        nodes[node].signal(Signal::SIGSTOP);
        // it may have come to its end meanwhile
        let held = format!(
            "SELECT count(*) FROM flow f JOIN intent i ON starts_with(f.holder, i.node || '/') WHERE f.entity = '{entity}' AND f.epoch = {epoch}"
        );
        if world.database.psql(&held) == "0" || in_transaction(&world) {
            nodes[node].signal(Signal::SIGCONT);
            return None;
        }
        Some((node, entity, epoch))
    });
    let name = nodes[zombie].name();
    let other = (0..3).find(|n| *n != dead && *n != zombie).unwrap();
    let took = wait_for_other(&world, &nodes[other], &key, &entity, before);
    println!("nodes: {entity} was taken over from the stopped node after {took:?}");
    wait_for("the stopped node's batches are given up", LIMIT, || {
        (world.database.psql(&format!("SELECT count(*) FROM intent WHERE node = '{name}'")) == "0").then_some(())
    });
    nodes[dead].start(&world);
    world.syspro.tick(2).unwrap();
    nodes[zombie].signal(Signal::SIGCONT);
    // its writes are refused: the flow and the batch belong to others now
    let refused = |what: &str| nodes[zombie].log().lines().any(|line| line.contains(what) && line.contains("another node has taken over"));
    wait_for("the stopped node's late settlement is refused", LIMIT, || refused("batch ").then_some(()));
    wait_for("the stopped node's late read is refused", LIMIT, || refused(&entity).then_some(()));

    world.servicenow.clear_faults();
    world.syspro.switch(|switches| switches.latency_ms = 0);
    wait_until_right(&nodes[zombie], &key, LIMIT, || world.check());
    // the node that was killed was started again without being waited for
    wait_for("three lives, and the one that was killed", LIMIT, || {
        let status = nodes[other].command(&world, &["--output", "json", "status"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        let living = |alive: bool| status["nodes"].as_array().unwrap().iter().filter(|node| node["alive"] == alive).count();
        ((living(true), living(false)) == (3, 1)).then_some(())
    });
    for node in &mut nodes {
        assert_eq!(node.terminate(), Some(0), "{}", node.log());
    }
    world.check().unwrap();
    // nothing is left of any life
    assert_eq!(world.database.psql("SELECT count(*) FROM flow WHERE holder IS NOT NULL"), "0");
    let twice = "SELECT count(*) FROM (SELECT delivery_id FROM audit WHERE kind = 'confirmed' GROUP BY 1 HAVING count(*) > 1) twice";
    assert_eq!(world.database.psql(twice), "0");
}

/// Asks one node for runs until it has the flow: no schedule may be due just now.
fn wait_for_other(world: &World, other: &Node, key: &str, entity: &str, before: i64) -> Duration {
    let (started, mut asked) = (Instant::now(), None::<Instant>);
    wait_for(format!("{entity} is taken over from the stopped node"), LIMIT, || {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            other.run_all(key);
            asked = Some(Instant::now());
        }
        (epoch(world, entity) > before).then_some(())
    });
    started.elapsed()
}

#[test]
fn a_dead_nodes_flow_is_taken_over_by_one_that_is_busy_with_another() {
    let world = World::start();
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::new(&world).with("SYSPRO__PAGE_SIZE", "2")).collect();
    world.syspro.tick(10).unwrap();
    // both flows take far longer than a lease
    for path in ["GenMaster", "ApInvoice"] {
        world.syspro.faults.push(FaultRule::always(Fault::Slow(3_000)).on_path(&world.table_path(path)));
    }
    let held = |entity: &str, name: String| {
        let sql = format!("SELECT epoch FROM flow WHERE entity = '{entity}' AND starts_with(holder, '{name}/') AND lease_until > now()");
        world.database.psql(&sql).parse::<i64>().ok()
    };
    nodes[0].start_and_wait(&world);
    let before = wait_for("one node reads the accounts", LIMIT, || held("gl_account", nodes[0].name()));
    nodes[1].start_and_wait(&world);
    let busy = wait_for("the other reads invoices", LIMIT, || held("invoice", nodes[1].name()));
    assert_eq!(held("gl_account", nodes[0].name()), Some(before), "the accounts were read too soon");
    nodes[0].kill();
    let took = taken_over(&world, "gl_account", before, &nodes[0].name());
    println!("nodes: taken over by a busy node after {took:?}");
    assert_eq!(held("invoice", nodes[1].name()), Some(busy), "it waited until the other was free, or was not busy at all");
    world.syspro.faults.clear();
    let key = nodes[1].key(&world);
    wait_until_right(&nodes[1], &key, LIMIT, || world.check());
    assert_eq!(nodes[1].terminate(), Some(0), "{}", nodes[1].log());
}
