//! What a site costs that has nothing to do: the statements and requests of a poll without news, and the calls of a service at rest.

use std::time::Duration;

use tieline::actors::system::ActorSystem;
use tieline::domain::FlowId;
use tieline::domain::ids::RunId;
use tieline::domain::run::{RunKind, Trigger};
use tieline::store::{DueSince, Lease, LeaseResult, NewRun, QuietEnd, SetNumber, Store, StoreError};
use tieline::telemetry::metrics;

use crate::support::database::{Database, settings};
use crate::support::node::{ENTITIES, Node, wait_for};
use crate::support::world::World;
use crate::support::{Options, Rig, ask, errors, node, run};

/// Statements of a poll that finds nothing, `BEGIN` and `COMMIT` included: it takes the flow and begins its run, counts the flow's backlog,
/// looks for due deliveries, and ends all of it. 27 were counted before.
const STATEMENTS: u64 = 4;

/// The sum of all series of a metric that have this text in their labels.
fn total(text: &str, name: &str, label: &str) -> u64 {
    let mine = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains(label);
    text.lines().filter(mine).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Statements and requests to SYSPRO of one run of these flows.
async fn cost(rig: &Rig, system: &ActorSystem, flows: &[(&str, &str)]) -> (u64, u64) {
    let requests = || total(&metrics().gather(), "tieline_requests_total", "system=\"syspro_odata\"");
    let before = (rig.store.statements(), requests());
    let flows = flows.iter().map(|(company, entity)| FlowId::new(*company, *entity)).collect();
    let report = ask(system, flows, RunKind::Poll).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    assert!(report.flows.iter().all(|(_, result)| result.as_ref().unwrap().counts.read == 0), "there is no news");
    (rig.store.statements() - before.0, requests() - before.1)
}

#[test]
fn a_poll_without_news_costs_few_statements_however_many_queries_it_sends() {
    run(async {
        // no document is of a later date
        let rig = Rig::start(Options::new(20).with("FLOWS__SINCE", "2099-01-01")).await;
        let system = rig.system();
        let plan = |entity: &str| rig.process.definitions.now().plan(&entity.into()).unwrap().read.changes.len() as u64;
        // the entities with the fewest and the most queries for changes
        let mut entities: Vec<(&str, u64)> = ENTITIES.iter().map(|entity| (*entity, plan(entity))).collect();
        entities.retain(|(_, queries)| *queries > 0);
        entities.sort_by_key(|(_, queries)| *queries);
        let chosen = [*entities.first().unwrap(), *entities.last().unwrap()];
        assert!(chosen[0].1 < chosen[1].1, "the entities differ in their queries: {entities:?}");
        // beforehand: `$metadata`, the credential, the rows of the flows and the newest records, which are asked for once an hour
        for (entity, _) in chosen {
            cost(&rig, &system, &[("EDU1", entity), ("1", entity)]).await;
        }
        rig.database.psql("UPDATE flow SET watermark = NULL");
        for (entity, queries) in chosen {
            let one = cost(&rig, &system, &[("EDU1", entity)]).await;
            rig.database.psql("UPDATE flow SET watermark = NULL");
            let both = cost(&rig, &system, &[("EDU1", entity), ("1", entity)]).await;
            rig.database.psql("UPDATE flow SET watermark = NULL");
            let (statements, requests) = (both.0 - one.0, both.1 - one.1);
            println!("{entity}: {statements} statements, {requests} requests for {queries} queries");
            assert!(statements <= STATEMENTS, "{entity}: {statements} statements");
            assert!(requests <= 2 * queries, "{entity}: {requests} requests for {queries} queries");
        }
        // each poll is a run, which the audit has from its start to its end
        let runs = "SELECT count(*) = 10 AND every(kind = 'poll' AND outcome = 'done' AND ended_at >= started_at AND definition IS NOT NULL) FROM run";
        assert_eq!(rig.database.psql(runs), "t");
        let audited = "SELECT count(*) = 10 AND every(said = 'begun done') FROM (SELECT string_agg(detail::json ->> 'event', ' ' ORDER BY id) AS said \
                       FROM audit WHERE kind = 'run' GROUP BY run_id) r";
        assert_eq!(rig.database.psql(audited), "t");
        system.stop(Duration::from_secs(20)).await;
    });
}

/// A quiet end is stored by the holder alone, under the definitions of its run, and once.
#[test]
fn a_run_begins_and_ends_quietly_under_its_lease_alone_and_once() {
    run(async {
        let database = Database::migrated().await;
        let store = Store::connect(&settings(), &database.url()).unwrap();
        let flow = FlowId::new("EDU1", "invoice");
        let under = SetNumber(0);
        let take = async |name: &str, trigger: Trigger, due: Option<DueSince>| {
            let run = NewRun { id: RunId::fresh(), flow: flow.clone(), kind: RunKind::Poll, requested_by: "anna".into(), reason: None };
            let taken = store.flow_run(run.clone(), node(name).holder(), Duration::from_secs(60), trigger, due, under).await;
            taken.map(|taken| (run.id, taken))
        };
        let leased = |(run, taken): (RunId, LeaseResult)| match taken {
            LeaseResult::Lease(lease, row) => (run, lease, row),
            other => panic!("{other:?}"),
        };
        let end = |run: RunId, lease: &Lease| QuietEnd {
            run,
            lease: lease.clone(),
            watermark: "2026-03-01".parse().unwrap(),
            sizes: None,
            error: None,
        };
        let events = || database.psql("SELECT string_agg(detail::json ->> 'event', ' ' ORDER BY id) FROM audit WHERE kind = 'run'");

        // the first run finds no row of its flow
        let (run, lease, row) = leased(take("one", Trigger::Schedule, None).await.unwrap());
        assert_eq!((lease.epoch, row.watermark), (1, None));
        assert!(matches!(take("two", Trigger::Person, None).await.unwrap().1, LeaseResult::Held { .. }));
        assert!(store.flow_end_quiet(end(run, &lease)).await.unwrap());
        // as after a lost answer
        assert!(store.flow_end_quiet(end(run, &lease)).await.unwrap());
        assert_eq!(events(), "begun done");

        // it has run since it was due
        let due = DueSince { age: Duration::from_secs(60), kind: RunKind::Poll };
        assert!(matches!(take("two", Trigger::Schedule, Some(due)).await.unwrap().1, LeaseResult::Done));
        let (run, lease, row) = leased(take("one", Trigger::Schedule, None).await.unwrap());
        assert_eq!((lease.epoch, row.watermark), (2, "2026-03-01".parse().ok()));

        // another node takes over, and ends the run of the first one
        database.psql("UPDATE flow SET lease_until = now() - interval '1 s'");
        let before = store.statements();
        let (second, taken, _) = leased(take("two", Trigger::Schedule, None).await.unwrap());
        assert!(store.statements() > before + 1, "an open run is ended first");
        assert!(!store.flow_end_quiet(end(run, &lease)).await.unwrap());
        assert_eq!(events(), "begun done begun failed begun");
        assert!(store.flow_end_quiet(end(second, &taken)).await.unwrap());

        // a pause holds up the schedule alone
        store.flow_pause(flow.clone(), "anna".into(), "audit".parse().unwrap()).await.unwrap();
        assert!(matches!(take("one", Trigger::Schedule, None).await.unwrap().1, LeaseResult::Paused { .. }));
        let before = store.statements();
        let (third, lease, _) = leased(take("one", Trigger::Person, None).await.unwrap());
        assert_eq!(store.statements(), before + 1);

        // other definitions came into force
        database.psql(
            "INSERT INTO definition (number, hash, mapper, profile, carried, files) VALUES (7, 'h', 1, 'apo', '{}', '{}');
             INSERT INTO definition_in_force (number, adopted_by) VALUES (7, 'anna')",
        );
        assert!(!store.flow_end_quiet(end(third, &lease)).await.unwrap());
        assert!(matches!(take("one", Trigger::Person, None).await, Err(StoreError::OtherDefinitions { .. })));
        database.psql("DELETE FROM definition_in_force");
        let failed = QuietEnd { error: Some("ServiceNow did not answer".into()), ..end(third, &lease) };
        assert!(store.flow_end_quiet(failed).await.unwrap());
        assert_eq!(database.psql("SELECT outcome || ': ' || error FROM run ORDER BY id DESC LIMIT 1"), "failed: ServiceNow did not answer");
        let state = "SELECT concat_ws(' ', holder IS NULL, epoch, watermark, last_success_at < last_error_at, last_error) FROM flow";
        assert_eq!(database.psql(state), "t 4 2026-03-01 t ServiceNow did not answer");
    });
}

#[test]
fn a_service_at_rest_calls_the_ledger_as_often_with_many_flows_as_with_few() {
    let world = World::start();
    let mut each_beat = Vec::new();
    for companies in ["EDU1", "EDU1,1"] {
        let mut node = Node::new(&world).with("SYSPRO__COMPANIES", companies);
        // the first cycle is at the start, the next one not within this test
        for entity in ENTITIES {
            node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 29 2 *");
        }
        node.start_and_wait(&world);
        let flows = (companies.split(',').count() * ENTITIES.len()) as u64;
        let scrape = || node.get("/metrics").unwrap().1;
        let ran = |text: &str| total(text, "tieline_runs_total", "result=\"done\"");
        wait_for("every flow has run", Duration::from_secs(120), || (ran(&scrape()) >= flows).then_some(()));
        let queued = |text: &str| total(text, "tieline_deliveries_queued", "");
        wait_for("everything was sent", Duration::from_secs(120), || (queued(&scrape()) == 0).then_some(()));
        let beats = |text: &str| total(text, "tieline_store_seconds_count", "call=\"write a heartbeat\"");
        // of the scrapes themselves, and of what goes by its own longer interval
        let other = |text: &str| {
            let own = [
                "read what the metrics show",
                "find the newest tie-out",
                "seal the audit",
                "say what it holds last",
                // the pass of the day
                "begin a day of the ledger",
                "remove what is old",
                "remove old events",
                // once a day
                "see which days are to be signed",
                "read signed days",
            ];
            own.iter().map(|call| total(text, "tieline_store_seconds_count", &format!("call=\"{call}\""))).sum::<u64>()
        };
        let calls = |text: &str| total(text, "tieline_store_seconds_count", "") - other(text);
        let before = wait_for("it is at rest", Duration::from_secs(60), || {
            let first = scrape();
            let then = wait_for("two heartbeats", Duration::from_secs(60), || {
                let then = scrape();
                (beats(&then) >= beats(&first) + 2).then_some(then)
            });
            (ran(&first) == ran(&then) && calls(&then) - calls(&first) <= 3 * (beats(&then) - beats(&first))).then_some(then)
        });
        let after = wait_for("some heartbeats", Duration::from_secs(60), || {
            let now = scrape();
            (beats(&now) - beats(&before) >= 10).then_some(now)
        });
        each_beat.push((calls(&after) - calls(&before), beats(&after) - beats(&before)));
        node.terminate();
    }
    // two for each heartbeat, which is one of them; a scrape may come between the two
    assert!(each_beat.iter().all(|(calls, beats)| *calls <= 2 * beats + 2), "calls and heartbeats: {each_beat:?}");
}
