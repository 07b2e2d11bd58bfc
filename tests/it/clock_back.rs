//! Clocks that were set back: what the ledger has of a time to come holds nothing up.

use std::time::Duration;

use tieline::domain::FlowId;
use tieline::store::{SetNumber, Store, Taken};

use crate::support::database::{self, Database};
use crate::support::node::{Node, wait_for};
use crate::support::run;
use crate::support::world::World;

const UNDER: SetNumber = SetNumber(0);
const LEASE: Duration = Duration::from_secs(10);

fn ledger() -> (Database, Store) {
    let database = Database::empty();
    let store = Store::connect(&database::settings(), &database.url()).unwrap();
    run(store.migrate()).unwrap();
    database.psql("INSERT INTO flow (company, entity) VALUES ('EDU1', 'supplier')");
    (database, store)
}

fn take(store: &Store, due: Option<(Duration, bool)>) -> Taken {
    run(store.flow_take(FlowId::new("EDU1", "supplier"), "one/life".into(), LEASE, false, due, UNDER)).unwrap()
}

#[test]
fn what_ran_since_it_was_due_is_told_by_its_age_and_a_time_to_come_does_not_count() {
    let (database, store) = ledger();
    let minute = Duration::from_secs(60);
    for (column, sweep) in [("last_success_at", false), ("last_sweep_at", true)] {
        let set =
            |ago: &str| database.psql(&format!("UPDATE flow SET holder = NULL, lease_until = NULL, {column} = now() - interval '{ago}'"));
        set("30 seconds");
        assert!(matches!(take(&store, Some((minute, sweep))), Taken::Done), "{column}: it ran since");
        assert!(matches!(take(&store, Some((minute, !sweep))), Taken::Lease(..)), "{column}: of the other kind it says nothing");
        set("2 minutes");
        assert!(matches!(take(&store, Some((minute, sweep))), Taken::Lease(..)), "{column}: it ran before it was due");
        set("-1 day");
        assert!(matches!(take(&store, Some((minute, sweep))), Taken::Lease(..)), "{column}: the database's clock was set back");
        database.psql(&format!("UPDATE flow SET holder = NULL, lease_until = NULL, {column} = NULL"));
    }
}

#[test]
fn a_lease_that_reaches_further_than_any_can_holds_nothing() {
    let (database, store) = ledger();
    let held = |ahead: &str| database.psql(&format!("UPDATE flow SET holder = 'killed/life', lease_until = now() + interval '{ahead}'"));
    held("50 minutes");
    assert!(matches!(take(&store, None), Taken::Held { .. }), "`flows.lease_seconds` of another node may be an hour");
    held("1 day");
    assert!(run(store.flow_status()).unwrap().iter().all(|row| row.holder.is_none()));
    assert!(matches!(take(&store, None), Taken::Lease(..)));
}

#[test]
fn scheduled_runs_take_place_although_the_last_ones_ended_tomorrow() {
    let world = World::start();
    world.database.psql("UPDATE flow SET last_success_at = now() + interval '1 day', last_sweep_at = now() + interval '1 day'");
    world
        .database
        .psql("UPDATE flow SET holder = 'killed/life', lease_until = now() + interval '1 day' WHERE entity IN ('supplier', 'gl_account')");
    let flows = world.database.psql("SELECT count(*) FROM flow");
    let before = world.database.psql("SELECT coalesce(max(started_at), '-infinity') FROM run");
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let ended = format!("SELECT count(DISTINCT (company, entity)) FROM run WHERE started_at > '{before}' AND outcome = 'done'");
    wait_for("each flow runs", Duration::from_secs(30), || (world.database.psql(&ended) == flows).then_some(()));
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}
