//! Clocks that were set back: times in the future in the ledger delay nothing.

use std::time::Duration;

use tieline::domain::FlowId;
use tieline::domain::budget::UNRESPONSIVE_AFTER;
use tieline::domain::budget::{NodeBudget, PauseReport};
use tieline::domain::ids::Incarnation;
use tieline::domain::run::{RunKind, Trigger};
use tieline::store::{DueSince, LeaseResult, Node as Known, SetNumber, Store};
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
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

fn take(store: &Store, due: Option<DueSince>) -> LeaseResult {
    run(store.flow_take(FlowId::new("EDU1", "supplier"), "one/life".into(), LEASE, Trigger::Schedule, due, UNDER)).unwrap()
}

#[test]
fn what_ran_since_it_was_due_is_told_by_its_age_and_a_time_to_come_does_not_count() {
    let (database, store) = ledger();
    let due = |kind| Some(DueSince { age: Duration::from_secs(60), kind });
    for (column, kind, other) in [("last_success_at", RunKind::Poll, RunKind::Sweep), ("last_sweep_at", RunKind::Sweep, RunKind::Poll)] {
        let set =
            |ago: &str| database.psql(&format!("UPDATE flow SET holder = NULL, lease_until = NULL, {column} = now() - interval '{ago}'"));
        set("30 seconds");
        assert!(matches!(take(&store, due(kind)), LeaseResult::Done), "{column}: it ran since");
        assert!(matches!(take(&store, due(other)), LeaseResult::Lease(..)), "{column}: of the other kind it says nothing");
        set("2 minutes");
        assert!(matches!(take(&store, due(kind)), LeaseResult::Lease(..)), "{column}: it ran before it was due");
        set("-1 day");
        assert!(matches!(take(&store, due(kind)), LeaseResult::Lease(..)), "{column}: the database's clock was set back");
        database.psql(&format!("UPDATE flow SET holder = NULL, lease_until = NULL, {column} = NULL"));
    }
}

#[test]
fn a_lease_that_reaches_further_than_any_can_holds_nothing() {
    let (database, store) = ledger();
    let held = |ahead: &str| database.psql(&format!("UPDATE flow SET holder = 'killed/life', lease_until = now() + interval '{ahead}'"));
    held("50 minutes");
    assert!(matches!(take(&store, None), LeaseResult::Held { .. }), "`flows.lease_seconds` of another node may be an hour");
    held("1 day");
    assert!(run(store.flow_status()).unwrap().iter().all(|row| row.holder.is_none()));
    assert!(matches!(take(&store, None), LeaseResult::Lease(..)));
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

/// From the next connection on the server's clock shows so much more than ours.
pub fn show_another_time(psql: &dyn Fn(&str) -> String, skew: &str) {
    psql(&format!(
        "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.now() + interval '{skew}' $$;
         DO $$ DECLARE c record; BEGIN
           EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
           FOR c IN SELECT table_name, column_name FROM information_schema.columns
                    WHERE table_schema = 'public' AND column_default LIKE '%now()%' LOOP
             EXECUTE format('ALTER TABLE %I ALTER %I SET DEFAULT public.now()', c.table_name, c.column_name);
           END LOOP;
         END $$"
    ));
}

#[test]
fn a_server_whose_clock_is_another_is_named_and_ages_are_told_by_its_clock() {
    for (skew, said) in [("1 hour", "s ahead of this machine"), ("-1 hour", "s behind this machine")] {
        let world = World::start();
        show_another_time(&|sql| world.database.psql(sql), skew);
        let out = text(&world.command(&["doctor", "--read-only"]).output().unwrap());
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.contains("ledger's clock") && out.contains(said), "{out}");
        let mut node = Node::new(&world);
        node.start_and_wait(&world);
        let flows = || serde_json::from_str::<serde_json::Value>(&node.get("/health/flows").unwrap().1).unwrap();
        wait_for("a run ends", Duration::from_secs(60), || {
            (world.database.psql("SELECT count(*) FROM flow WHERE last_progress_at > now() - interval '5 minutes'") == "6").then_some(())
        });
        for flow in flows()["flows"].as_array().unwrap() {
            let age = flow["seconds_since_progress"].as_i64().unwrap();
            assert!((0..600).contains(&age), "{skew}: {flow}");
        }
        assert_eq!(node.terminate(), Some(0), "{}", node.log());
    }
}

/// As if the server's clock had shown `ahead` more until just now.
fn set_back(psql: &dyn Fn(&str) -> String, ahead: &str) {
    for (table, columns) in [
        ("pending", "not_before since sent_at queued_at first_failed_at"),
        ("intent", "claimed_at lease_until"),
        ("flow", "lease_until"),
        ("backfill", "not_before"),
        ("downstream", "arrived_at next_check"),
        ("notice", "found_at"),
        ("notice_delivery", "not_before"),
        ("notice_message", "sent_at"),
        ("idempotency", "asked_at"),
        ("node", "seen_at paused_until pause_began"),
        ("event", "at"),
    ] {
        let moved: Vec<String> = columns.split(' ').map(|column| format!("{column} = {column} + interval '{ahead}'")).collect();
        psql(&format!("UPDATE {table} SET {}", moved.join(", ")));
    }
}

#[test]
fn what_waits_in_the_ledger_is_moved_back_with_its_clock_once() {
    let (database, store) = ledger();
    let node = |name: &str| Known { name: name.into(), incarnation: Incarnation::fresh() };
    let beat = |node: &Known| {
        run(store.node_heartbeat(node.clone(), NodeBudget::default(), PauseReport::default(), UNRESPONSIVE_AFTER, None)).unwrap().set_back
    };
    let (one, two) = (node("one"), node("two"));
    assert!(beat(&one).is_none() && beat(&two).is_none());
    database.psql(
        "INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, not_before, sent_at) VALUES
           (1, 1, 'EDU1', 'supplier', 1, 'header', '', 'queued', now() + interval '20 minutes', NULL),
           (2, 2, 'EDU1', 'supplier', 1, 'header', '', 'unknown', now() - interval '2 days', now() - interval '2 days'),
           (3, 3, 'EDU1', 'supplier', 1, 'header', '', 'unknown', now(), now());
         INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, lease_until)
         VALUES ('a0000000-0000-0000-0000-000000000001', 'three', 'b0000000-0000-0000-0000-000000000001', 'supplier', 'header', 1, '{}', now() + interval '5 minutes');
         INSERT INTO backfill (company, entity, requested_by, why, not_before) VALUES ('EDU1', 'supplier', 'anna', 'x', now() + interval '10 minutes');
         INSERT INTO downstream (document_id, block, record_key, delivery_id, company, entity, next_check)
         VALUES (1, 'header', '', 1, 'EDU1', 'supplier', now() + interval '10 minutes');
         INSERT INTO notice (event, count) VALUES ('x', 1);
         INSERT INTO notice_delivery (notice_id, channel, not_before) SELECT id, 'mail', now() + interval '10 minutes' FROM notice;
         INSERT INTO notice_message (channel, notices) VALUES ('mail', 1);
         INSERT INTO idempotency (caller, key, request) VALUES ('x', 'x', '')",
    );
    set_back(&|sql| database.psql(sql), "30 seconds");
    assert!(beat(&one).is_none(), "what is small is waited for");
    set_back(&|sql| database.psql(sql), "1 day");
    let seen = beat(&two).expect("it was set back");
    assert!((86_400..86_500).contains(&(seen.before - seen.now).num_seconds()), "{seen:?}");
    assert!(beat(&one).is_none() && beat(&two).is_none(), "once for all nodes");
    // minutes still to wait, rounded; the one of two days ago shows a day
    let minutes = |what: &str, table: &str| database.psql(&format!("SELECT round(extract(epoch FROM {what} - now()) / 60) FROM {table}"));
    for (what, table, expected) in [
        ("not_before", "pending WHERE delivery_id = 1", "20"),
        ("not_before", "pending WHERE delivery_id = 2", "-1440"),
        ("sent_at", "pending WHERE delivery_id = 2", "-1440"),
        ("sent_at", "pending WHERE delivery_id = 3", "0"),
        ("since", "pending WHERE delivery_id = 3", "0"),
        ("lease_until", "intent", "5"),
        ("not_before", "backfill", "10"),
        ("next_check", "downstream", "10"),
        ("not_before", "notice_delivery", "10"),
        ("found_at", "notice", "0"),
        ("sent_at", "notice_message", "0"),
        ("asked_at", "idempotency", "0"),
        ("max(seen_at)", "node", "0"),
    ] {
        assert_eq!(minutes(what, table).trim_start_matches("-0"), expected.trim_start_matches("-0"), "{table}.{what}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM audit WHERE detail LIKE '%follow the clock%'"), "1");
}

#[test]
fn retries_backfills_and_batches_of_dead_nodes_do_not_wait_for_a_time_that_the_servers_clock_showed_before() {
    let world = World::start();
    let mut node = Node::new(&world);
    world.servicenow.set_fault(FaultRule::always(Fault::Status(503)));
    let mut replay = node.command(&world, &["replay", "--entity", "supplier", "--all", "--why", "a test"]);
    replay.env("TIELINE__RETRY__MIN_DELAY_SECONDS", "600").env("TIELINE__RETRY__MAX_DELAY_SECONDS", "600");
    let asked = text(&replay.output().unwrap());
    assert_ne!(world.left(), "0", "{asked}");
    world.servicenow.clear_faults();
    // one was on its way when its node died, and a backfill had failed
    world.database.psql(
        "UPDATE pending SET sent_at = now(), batch_id = 'a0000000-0000-0000-0000-000000000001'
         WHERE delivery_id = (SELECT min(delivery_id) FROM pending);
         INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, lease_until)
         SELECT batch_id, 'killed', 'b0000000-0000-0000-0000-000000000001', entity, block, 1, ARRAY[delivery_id], now() FROM undelivered WHERE state = 'sending';
         INSERT INTO backfill (company, entity, requested_by, why) VALUES ('EDU1', 'supplier', 'anna', 'a test')",
    );
    set_back(&|sql| world.database.psql(sql), "1 day");
    world
        .database
        .psql("UPDATE pending SET not_before = now() + interval '1 day'; UPDATE backfill SET not_before = now() + interval '1 day'");
    node.start_and_wait(&world);
    wait_for("nothing waits", Duration::from_secs(60), || (world.left() == "0").then_some(()));
    wait_for("the backfill is done", Duration::from_secs(60), || {
        (world.database.psql("SELECT state FROM backfill") == "done").then_some(())
    });
    assert!(node.log().contains("the clock of the ledger's server was set back"), "{}", node.log());
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
    // times were moved in the database, which the audit would show
    world.check_in(&|sql| world.database.psql(sql)).unwrap();
}
