//! A backup loaded over the ledger of a running service.

use std::time::Duration;

use serde_json::Value;

use super::{rename, run_to, seal, server, supplier, world};
use crate::binary::wait_until;
use crate::support::node::{Node, wait_for};

#[test]
fn a_service_under_which_a_dump_is_loaded_ends_and_writes_nothing() {
    let world = world();
    let backup = world.site.path("ledger.dump");
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let key = node.key(&world);
    node.run_all(&key);
    server(&world).dump(&backup);
    let who = supplier(&world);
    rename(&world, &who, "After the backup");
    node.run_all(&key);
    let newest = world.database.psql("SELECT max(id) FROM event").parse::<i64>().unwrap();
    let mark = || std::fs::read_to_string(node.site.path("state/high-water")).unwrap_or_default();
    wait_until("the node has kept what it saw", || {
        let kept: Option<Value> = serde_json::from_str(&mark()).ok();
        kept.is_some_and(|kept| kept["audit"].as_i64() >= Some(newest))
    });
    server(&world).load_over(&backup);
    let rows = "SELECT max(id), count(*), (SELECT count(*) FROM run), (SELECT count(*) FROM undelivered), (SELECT max(seen_at) FROM node) FROM audit";
    let (before, kept, writes) = (world.database.psql(rows), mark(), world.servicenow.writes());
    let log = node.site.path("state/high-water");
    let child = &mut node.service.as_mut().unwrap().child;
    let code = wait_for("the service ends", Duration::from_secs(20), || child.try_wait().unwrap());
    assert_eq!(code.code(), Some(4), "{}", node.log());
    assert!(node.log().contains("the ledger was restored while this process ran"), "{}", node.log());
    assert_eq!(world.database.psql(rows), before, "nothing is written: {}", node.log());
    assert_eq!(std::fs::read_to_string(log).unwrap(), kept, "what was seen stays the witness");
    assert_eq!(world.servicenow.writes(), writes, "nothing is sent");

    run_to(&world, 0, &["restored"]);
    world.rest(&["sync"]).unwrap();
    world.check().unwrap();
    seal(&world);
}

#[test]
fn a_service_whose_rows_are_replaced_in_their_tables_ends_and_keeps_what_it_saw() {
    let world = world();
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let key = node.key(&world);
    node.run_all(&key);
    let mark = || std::fs::read_to_string(node.site.path("state/high-water")).unwrap_or_default();
    let newest = world.database.psql("SELECT max(id) FROM event").parse::<i64>().unwrap();
    wait_until("the node has kept what it saw", || {
        let kept: Option<Value> = serde_json::from_str(&mark()).ok();
        kept.is_some_and(|kept| kept["audit"].as_i64() >= Some(newest))
    });
    let kept: Value = serde_json::from_str(&mark()).unwrap();
    // as data alone that are loaded: the tables stay
    world.database.psql("DELETE FROM event WHERE id > (SELECT max(id) - 5000 FROM event)");
    let child = &mut node.service.as_mut().unwrap().child;
    let code = wait_for("the service ends", Duration::from_secs(30), || child.try_wait().unwrap());
    assert_eq!(code.code(), Some(4), "{}", node.log());
    let now: Value = serde_json::from_str(&std::fs::read_to_string(node.site.path("state/high-water")).unwrap()).unwrap();
    assert!(now["audit"].as_i64() >= kept["audit"].as_i64(), "{now} {kept}");
}
