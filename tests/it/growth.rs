//! A live feed, and what grows with it: memory, descriptors, threads, the log, and the rows of each table. `TIELINE_GROWTH_MINUTES=60` runs
//! it for an hour; a test run makes a few rounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::http::ask;
use crate::support::node::Node;
use crate::support::world::World;

/// Rounds before anything is measured: connections, caches and prepared statements are made by then.
const WARM: u32 = 4;
/// Rounds of a test run after that.
const ROUNDS: u32 = 6;
/// How long a round may take on a machine that does other things as well.
const ROUND_TIME: Duration = Duration::from_secs(300);
/// No flow runs, and no record is outstanding.
const AT_REST_NOW: &str = "-|-";
/// Invoices of a round.
const INVOICES: u32 = 5;
/// Tables whose rows come and go: when idle, they have no more rows than this, however long the feed has run.
const AT_REST: &[(&str, i64)] = &[
    ("pending", 0),
    ("outbox", 0),
    ("run_count", 0),
    ("intent", 0),
    ("awaited_parent", 0),
    ("sweep_seen", 0),
    ("node", 1),
    ("flow", 6),
    ("idempotency", 0),
    ("console_session", 0),
    ("definition_in_force", 1),
    ("definition_node", 2),
];

/// What the process has.
#[derive(Debug, Clone)]
struct Held {
    memory_mib: i64,
    descriptors: i64,
    threads: i64,
    log_bytes: i64,
    rows: BTreeMap<String, i64>,
}

fn status(pid: u32, field: &str) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

fn held(world: &World, node: &Node) -> Held {
    let pid = node.service.as_ref().unwrap().child.id();
    let tables = world.database.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
    let counts: Vec<String> = tables.lines().map(|table| format!("SELECT '{table}', (SELECT count(*) FROM \"{table}\")")).collect();
    let rows = world.database.psql(&counts.join(" UNION ALL "));
    let row = |line: &str| line.split_once('|').map(|(table, count)| (table.to_owned(), count.parse().unwrap()));
    Held {
        memory_mib: status(pid, "VmRSS") >> 10,
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as i64,
        threads: status(pid, "Threads"),
        log_bytes: std::fs::metadata(node.site.path("service.log")).unwrap().len() as i64,
        rows: rows.lines().filter_map(row).collect(),
    }
}

/// Data change in SYSPRO, and all changes arrive; readers read in the meantime.
fn round(world: &World, node: &Node, key: &str) {
    world.syspro.tick(INVOICES).unwrap();
    // a flow that is on its way already may have read before the change: asked again until all of it is there
    let invoices = world.syspro.count("EDU1", "ApInvoice").unwrap();
    let mut asked = None::<Instant>;
    let mut seen = String::new();
    let began = Instant::now();
    let arrived = || world.servicenow.count("x_apo_invoice");
    while asked.is_none() || seen != AT_REST_NOW || arrived() < invoices {
        assert!(began.elapsed() < ROUND_TIME, "the round has not arrived: {} of {invoices} invoices; flows and records: {seen}", arrived());
        // while flows run they are not asked again: they would always run
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(5) && seen == AT_REST_NOW) {
            node.run_all(key);
            asked = Some(Instant::now());
        }
        for path in ["/api/v1/flows", "/api/v1/failures", "/metrics", "/health/ready"] {
            assert!(ask(&node.site, "GET", path, Some(key), "").is_some(), "{path}");
        }
        std::thread::sleep(Duration::from_millis(50));
        seen = world.database.psql(
            "SELECT coalesce((SELECT string_agg(entity, ' ') FROM flow WHERE lease_until > now()), '-'), \
             coalesce((SELECT string_agg(entity || ' ' || state || ' ' || n, ', ') FROM \
                       (SELECT entity, state, count(*) AS n FROM undelivered GROUP BY 1, 2) p), '-')",
        );
    }
}

#[test]
fn a_live_feed_leaves_what_it_delivers_and_grows_nothing_else() {
    let world = World::start();
    let mut node = Node::new(&world).with("LOG__LEVEL", "info").with("FLOWS__SWEEP", "0 3 * * SUN");
    let key = node.key(&world);
    node.start_and_wait(&world);
    (0..WARM).for_each(|_| round(&world, &node, &key));
    let before = held(&world, &node);
    let until = std::env::var("TIELINE_GROWTH_MINUTES").ok().map(|minutes| {
        let minutes: u64 = minutes.parse().expect("a number of minutes");
        Instant::now() + Duration::from_secs(60 * minutes)
    });
    let mut rounds = 0;
    while until.map_or(rounds < ROUNDS, |until| Instant::now() < until) {
        round(&world, &node, &key);
        rounds += 1;
    }
    // threads that wait for nothing more go after some seconds
    let began = Instant::now();
    let mut after = held(&world, &node);
    while after.threads - before.threads > 4 && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(500));
        after = held(&world, &node);
    }
    let rounds = i64::from(rounds);
    println!("before {before:?}\nafter {rounds} rounds {after:?}");
    // a debug build's allocator keeps some; what grows with each round shows in an hour of them
    assert!(after.memory_mib - before.memory_mib <= 24, "memory: {} MiB, then {}", before.memory_mib, after.memory_mib);
    assert!(after.descriptors - before.descriptors <= 16, "descriptors: {} then {}", before.descriptors, after.descriptors);
    assert!(after.threads - before.threads <= 4, "threads: {} then {}", before.threads, after.threads);
    let logged = (after.log_bytes - before.log_bytes) / rounds.max(1);
    assert!(logged < 64 << 10, "{logged} bytes of log a round");
    for (table, most) in AT_REST {
        assert!(after.rows.get(*table).is_some_and(|rows| rows <= most), "{table}: {:?}, at most {most}", after.rows.get(*table));
    }
    // what is kept grows with what was carried: a changed record leaves a version, some deliveries, and their audit
    let grown = |table: &str| after.rows[table] - before.rows[table];
    let changed = grown("version").max(1);
    for (table, of_each) in [("document", 1), ("delivery", 6), ("record", 6), ("event", 24)] {
        assert!(grown(table) <= changed * of_each + rounds * 40, "{table}: {} rows more for {changed} versions", grown(table));
    }
    let kept = ["document", "version", "delivery", "record", "event", "audit_leaf", "audit_seal", "run"];
    for (table, count) in &after.rows {
        let bounded = kept.contains(&table.as_str()) || AT_REST.iter().any(|(name, _)| name == table);
        assert!(bounded || count - before.rows.get(table).unwrap_or(&0) <= 8, "{table}: {:?} rows, then {count}", before.rows.get(table));
    }
    assert!(grown("run") <= rounds * 40 && grown("audit_seal") <= rounds * 40, "{} runs, {} seals", grown("run"), grown("audit_seal"));
    world.check().unwrap();
    assert_eq!(node.terminate(), Some(0));
}
