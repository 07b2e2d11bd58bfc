//! What is old goes, and nothing that is needed: a ledger that is ten years older than it was, through the binary.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::text;
use crate::support::node::{Node, wait_for};
use crate::support::source::rows;
use crate::support::world::{COMPANY, World};
use crate::support::{Options, Rig, run};

/// The columns that show the age of rows.
const AGES: &[(&str, &str)] = &[
    ("version", "read_at"),
    ("delivery", "created_at"),
    ("record", "confirmed_at"),
    ("run", "started_at ended_at"),
    ("backfill", "asked_at ended_at"),
    ("downstream", "arrived_at ended_at"),
    ("conflict", "opened_at changed_at closed_at"),
    ("notice", "found_at"),
    ("notice_message", "sent_at"),
    ("idempotency", "asked_at"),
    ("console_session", "opened_at used_at expires_at"),
    ("node", "seen_at paused_until"),
    ("event", "at"),
];

/// A command that must end with this code; its standard output and error.
fn said(world: &World, code: i32, arguments: &[&str]) -> String {
    said_with(world, code, arguments, &[])
}

fn said_with(world: &World, code: i32, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let mut command = world.command(arguments);
    for (key, value) in settings {
        command.env(format!("TIELINE__RETENTION__{key}"), value);
    }
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    text(&out)
}

fn json(world: &World, arguments: &[&str], settings: &[(&str, &str)]) -> Value {
    let mut command = world.command(&[arguments, &["--output", "json"]].concat());
    for (key, value) in settings {
        command.env(format!("TIELINE__RETENTION__{key}"), value);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", text(&out));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// The rows that a pass removed, or would, from one table.
fn of_table(report: &Value, table: &str) -> i64 {
    let tables = report["tables"].as_array().unwrap();
    tables.iter().find(|row| row["table"] == table).unwrap_or_else(|| panic!("no {table}: {report}"))["rows"].as_i64().unwrap()
}

/// Seals until everything is sealed: a transaction in another test's database delays it.
fn seal(world: &World) {
    let started = Instant::now();
    loop {
        said(world, 0, &["audit", "seal"]);
        if json(world, &["audit", "verify"], &[])["unsealed"] == 0 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "the audit cannot be sealed");
    }
}

/// Everything happened ten years earlier. The seals are made again, because they cover the times.
fn age(world: &World) {
    // the line of an event says when it was, too
    world.database.psql(&format!("UPDATE event SET line = replace(line, {}, {})", written("at"), written("(at - interval '10 years')")));
    for (table, columns) in AGES {
        let moved: Vec<String> = columns.split(' ').map(|column| format!("{column} = {column} - interval '10 years'")).collect();
        world.database.psql(&format!("UPDATE {table} SET {}", moved.join(", ")));
    }
    world.database.psql("DELETE FROM audit_seal; DELETE FROM audit_leaf; DELETE FROM audit_day");
    seal(world);
}

/// A time as the line of an event has it.
fn written(at: &str) -> String {
    format!("'\"at\":\"' || to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || 'Z\"'")
}

fn rename(world: &World, supplier: &str, name: &str) {
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", supplier)], &[("SupplierName", name)]).unwrap();
}

fn count(world: &World, sql: &str) -> i64 {
    world.database.psql(&format!("SELECT count(*) FROM {sql}")).parse().unwrap()
}

/// The numbers of a supplier's rows in a table.
fn of_supplier(world: &World, supplier: &str, table: &str) -> i64 {
    count(world, &format!("{table} t JOIN document d ON d.id = t.document_id WHERE d.entity = 'supplier' AND d.key = '{supplier}'"))
}

/// The suppliers in SYSPRO, sorted.
fn suppliers(world: &World) -> Vec<String> {
    let mut suppliers = rows(&world.syspro, COMPANY, "ApSupplier", |cell| cell("Supplier").text().to_owned());
    suppliers.sort();
    suppliers
}

/// A world in which one supplier has three versions that arrived, and another has two that arrived and a third that is on hold.
fn with_history() -> (World, String, String) {
    let world = World::start();
    let suppliers = suppliers(&world);
    let (delivered, held) = (suppliers[1].clone(), suppliers[2].clone());
    for name in ["Second Name", "Third Name"] {
        if name == "Third Name" {
            said(&world, 0, &["hold", COMPANY, "supplier", &held, "--why", "a test"]);
        }
        rename(&world, &delivered, name);
        rename(&world, &held, name);
        world.rest(&["sync", "--sweep", "--entity", "supplier"]).unwrap();
    }
    for supplier in [&delivered, &held] {
        assert_eq!(of_supplier(&world, supplier, "version"), 3, "{supplier}");
    }
    assert_eq!(count(&world, "pending WHERE state = 'on_hold'"), 1);
    world.database.psql(
        "INSERT INTO backfill (company, entity, state, requested_by, why, ended_at) VALUES ('EDU1', 'supplier', 'done', 'anna', 'x', now()),
           ('EDU1', 'supplier', 'open', 'anna', 'x', NULL);
         INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow, closed_at) VALUES
           ('EDU1', 'cost_center', '1', '100', 'name', 'edited', 'closed', 'a', 'b', now()),
           ('EDU1', 'cost_center', '2', '200', 'name', 'edited', 'open', 'a', 'b', NULL);
         INSERT INTO downstream (document_id, block, record_key, delivery_id, company, entity, state, next_check, ended_at) VALUES
           (-1, 'header', '', -1, 'EDU1', 'invoice', 'done', now(), now()), (-2, 'header', '', -2, 'EDU1', 'invoice', 'open', now(), NULL);
         INSERT INTO notice (event, count) VALUES ('records_failed', 1);
         INSERT INTO notice_delivery (notice_id, channel) SELECT id, 'mail' FROM notice;
         INSERT INTO notice_message (channel, notices) VALUES ('mail', 1);
         INSERT INTO idempotency (caller, key, request) VALUES ('x', 'x', '');
         INSERT INTO api_key (name, role, prefix, hash) VALUES ('anna', 'viewer', 'p', '');
         INSERT INTO audit (kind, actor, detail) VALUES ('action', 'a test', '{\"action\":\"api key add\",\"name\":\"anna\",\"role\":\"viewer\"}');
         INSERT INTO console_session (token_hash, api_key_id, expires_at) SELECT 'x', id, now() FROM api_key;
         INSERT INTO node (incarnation, name, batch_size, concurrency, breaker, paused_until)
         VALUES (gen_random_uuid(), 'old', 1, 1, 'closed', now())",
    );
    (world, delivered, held)
}

/// What a pass must never touch.
fn whole(world: &World) {
    for (what, sql) in [
        ("current versions", "document d WHERE NOT EXISTS (SELECT FROM version v WHERE v.document_id = d.id AND v.version = d.version)"),
        ("deliveries in ServiceNow", "record r WHERE NOT EXISTS (SELECT FROM delivery l WHERE l.id = r.delivery_id)"),
        (
            "versions in ServiceNow",
            "record r WHERE NOT EXISTS (SELECT FROM version v WHERE v.document_id = r.document_id AND v.version = r.version)",
        ),
        ("outstanding deliveries", "pending p WHERE NOT EXISTS (SELECT FROM delivery l WHERE l.id = p.delivery_id)"),
    ] {
        assert_eq!(count(world, sql), 0, "{what} are missing");
    }
}

#[test]
fn ten_years_later_the_history_goes_and_the_next_poll_sends_nothing() {
    let (world, delivered, held) = with_history();
    age(&world);
    // what happens today is young, and has a seal of its own
    world.rest(&["sync"]).unwrap();
    seal(&world);
    let archive = world.site.path("archive");
    let settings = [("ARCHIVE_DIRECTORY", archive.to_str().unwrap())];

    // nothing is old where nothing may go
    let never: Vec<(&str, &str)> = [
        "EVENTS_YEARS",
        "VERSIONS_YEARS",
        "DELIVERIES_DAYS",
        "RUNS_DAYS",
        "BACKFILLS_DAYS",
        "DOWNSTREAM_DAYS",
        "CONFLICTS_DAYS",
        "NOTICES_DAYS",
        "IDEMPOTENCY_KEYS_DAYS",
        "SESSIONS_DAYS",
        "NODES_DAYS",
    ]
    .map(|key| (key, "never"))
    .to_vec();
    let nothing = json(&world, &["retention"], &never);
    assert!(nothing["tables"].as_array().unwrap().iter().all(|row| row["rows"] == 0 && row["kept"] == "never removed"), "{nothing}");

    let would = json(&world, &["retention", "--dry-run"], &settings);
    assert!(!archive.exists(), "a dry run writes nothing");
    let unsealed = "INSERT INTO audit (kind, actor) VALUES ('action', 'unsealed')";
    world.database.psql(unsealed);
    world.database.psql(&format!(
        "UPDATE event SET at = at - interval '10 years', line = replace(line, {}, {}) WHERE actor = 'unsealed'",
        written("at"),
        written("(at - interval '10 years')")
    ));
    let (rows_before, seals_before) = (count(&world, "audit"), count(&world, "audit_seal"));

    let report = json(&world, &["retention"], &settings);
    assert_eq!(report["tables"], would["tables"], "what the dry run said");
    for table in ["backfill", "conflict", "downstream", "notice", "idempotency", "console_session", "node"] {
        assert_eq!(of_table(&report, table), 1, "{table}: {report}");
    }
    for table in ["version", "delivery", "run", "event"] {
        assert!(of_table(&report, table) > 1, "{table}: {report}");
    }
    assert_eq!((count(&world, "notice_delivery"), count(&world, "notice_message")), (0, 0));
    assert_eq!((count(&world, "conflict"), count(&world, "backfill"), count(&world, "downstream")), (1, 1, 1), "what is open stays");

    whole(&world);
    assert_eq!((of_supplier(&world, &delivered, "version"), of_supplier(&world, &delivered, "delivery")), (1, 1));
    assert_eq!((of_supplier(&world, &held, "version"), of_supplier(&world, &held, "delivery")), (3, 3), "it has a pending row");
    let record = json(&world, &["record", COMPANY, "supplier", &delivered], &[]);
    assert_eq!(record["versions"][0]["version"], 3, "{record}");
    assert!(record["versions"][0].to_string().contains("Third Name"), "{record}");

    audit_holds(&world, &report, rows_before, seals_before);
    archive_proves(&world, &archive);
    nothing_is_sent(&world);

    let again = json(&world, &["retention"], &settings);
    assert!(again["tables"].as_array().unwrap().iter().all(|row| row["rows"] == 0), "{again}");
    by_hand(&world);
}

/// The chain holds, and says what is known by hash only; each removal is an event.
fn audit_holds(world: &World, report: &Value, rows_before: i64, seals_before: i64) {
    assert_eq!(count(world, "event WHERE actor = 'unsealed'"), 1, "an event without a seal stays");
    assert_eq!(count(world, "audit_seal"), seals_before, "seals stay");
    let removed = of_table(report, "event");
    let told = count(world, "audit WHERE kind = 'retention'");
    assert_eq!(count(world, "audit"), rows_before - removed + told);
    let verified = json(world, &["audit", "verify"], &[]);
    assert_eq!(verified["removed_rows"], removed, "{verified}");
    assert!(verified["removed_seals"].as_i64().unwrap() > 0 && verified["broken_at"].is_null(), "{verified}");
    assert!(said(world, 0, &["audit", "verify"]).contains("known by hash only"));
    let events = said(world, 0, &["audit", "--kind", "retention", "--output", "json"]);
    let events: Vec<Value> = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_events = events.iter().find(|event| event["detail"]["table"] == "event").unwrap();
    assert_eq!(of_events["detail"]["rows"], removed, "{of_events}");
    assert!(of_events["detail"]["sha256"].as_str().is_some_and(|text| text.len() == 64), "{of_events}");
    assert!(events.iter().all(|event| event["actor"].as_str().is_some_and(|who| who.starts_with("user "))), "{events:?}");
}

/// The files have what was removed; a changed one is found.
fn archive_proves(world: &World, archive: &Path) {
    let names: Vec<String> = std::fs::read_dir(archive).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let of = |table: &str| names.iter().find(|name| name.starts_with(&format!("tieline-{table}-"))).cloned();
    for table in ["version", "delivery", "run", "backfill", "conflict", "downstream", "notice", "event"] {
        assert!(of(table).is_some(), "{table}: {names:?}");
    }
    for table in ["idempotency", "console_session", "node"] {
        assert!(of(table).is_none(), "{table}: {names:?}");
    }
    let versions = std::fs::read_to_string(archive.join(of("version").unwrap())).unwrap();
    assert!(versions.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["content"].is_string()), "{versions}");
    assert!(versions.contains("Second Name"));

    let place = archive.to_str().unwrap();
    assert!(said(world, 0, &["audit", "verify", "--archive", place]).contains("The archive has the rows of"));
    let path = archive.join(of("event").unwrap());
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replacen("confirmed", "konfirmed", 1)).unwrap();
    let refused = said(world, 1, &["audit", "verify", "--archive", place]);
    assert!(refused.contains("the archive does not match") && refused.contains("tieline-event-"), "{refused}");
    std::fs::write(&path, whole).unwrap();
    said(world, 0, &["audit", "verify", "--archive", place]);
}

fn nothing_is_sent(world: &World) {
    let state = || {
        (world.servicenow.writes(), count(world, "version"), count(world, "delivery"), count(world, "record"), count(world, "undelivered"))
    };
    let before = state();
    for arguments in [&["sync"][..], &["sync", "--sweep"]] {
        world.rest(arguments).unwrap();
        assert_eq!(state(), before, "{arguments:?}");
    }
}

/// An event that a person deleted is found, and so is a seal that a person marked as removed.
fn by_hand(world: &World) {
    seal(world);
    let of = "event e JOIN audit_leaf l ON l.event_id = e.id JOIN audit_seal s ON l.leaf BETWEEN s.first_leaf AND s.last_leaf";
    let victim = world.database.psql(&format!("SELECT max(s.id) FROM {of} WHERE e.kind = 'run'"));
    let leaf = world.database.psql(&format!("SELECT first_leaf FROM audit_seal WHERE id = {victim}"));
    world.database.psql(&format!(
        "CREATE TABLE kept AS SELECT e.* FROM {of} WHERE s.id = {victim}; DELETE FROM event WHERE id IN (SELECT id FROM kept)"
    ));
    let broken = |what: &str| {
        let said = said(world, 1, &["audit", "verify"]);
        assert!(said.contains(&format!("leaf {leaf} does not fit")), "{what}: {said}");
    };
    broken("events are missing");
    world.database.psql(&format!("UPDATE audit_seal SET removed_at = now() WHERE id = {victim}"));
    broken("no event says that retention removed them");
    world.database.psql(&format!("UPDATE audit_seal SET removed_at = NULL WHERE id = {victim}; INSERT INTO event SELECT * FROM kept"));
    said(world, 0, &["audit", "verify"]);
    // an event in the range of a removed seal was added by hand
    world.database.psql(
        "INSERT INTO event SELECT (SELECT max(id) FROM event) + 1000, k.at, s.from_xid, s.life, k.kind, k.company, k.entity, k.batch_id, k.run_id, \
         k.actor, k.documents, k.records, k.line FROM (SELECT * FROM kept LIMIT 1) k, audit_seal s \
         WHERE s.id = (SELECT min(id) FROM audit_seal WHERE removed_at IS NOT NULL)",
    );
    said(world, 1, &["audit", "verify"]);
}

#[test]
fn a_changed_event_is_not_removed() {
    let world = World::start();
    age(&world);
    world.rest(&["sync"]).unwrap();
    seal(&world);
    world.database.psql("UPDATE event SET actor = 'nobody' WHERE id = (SELECT min(id) FROM event)");
    let before = count(&world, "event");
    let refused = said_with(&world, 1, &["retention"], &[("VERSIONS_YEARS", "never"), ("RUNS_DAYS", "never"), ("NODES_DAYS", "never")]);
    assert!(refused.contains("does not match its rows"), "{refused}");
    assert_eq!(count(&world, "event"), before);
    assert_eq!(count(&world, "audit_seal WHERE removed_at IS NOT NULL"), 0);
}

#[test]
fn a_service_removes_what_is_old_once_a_day() {
    let world = World::start();
    world.rest(&["sync"]).unwrap();
    world.database.psql("UPDATE run SET started_at = started_at - interval '10 years', ended_at = ended_at - interval '10 years'");
    let old = "run WHERE ended_at < now() - interval '1 year'";
    assert!(count(&world, old) > 0 && count(&world, "ledger_day") == 0, "a command begins no day");
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    wait_for("the pass of the day", Duration::from_secs(60), || (count(&world, old) == 0).then_some(()));
    assert_eq!(count(&world, "ledger_day"), 1);
    let events = said(&world, 0, &["audit", "--kind", "retention", "--output", "json"]);
    let events: Vec<Value> = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(events.iter().any(|event| event["detail"]["table"] == "run" && event["actor"] == "tieline"), "{events:?}");
    whole(&world);
    node.terminate();
}

/// A seal may cover so many events that their removal takes longer than any other statement or call may.
#[test]
fn a_long_removal_of_events_exceeds_no_limit_and_stops_nobody() {
    let world = World::start();
    world.rest(&["sync"]).unwrap();
    // more than are read at once
    world.database.psql("INSERT INTO audit (kind, actor) SELECT 'action', 'many' FROM generate_series(1, 1000)");
    age(&world);
    world.rest(&["sync"]).unwrap();
    seal(&world);
    world.database.psql(
        "CREATE TABLE gate (); INSERT INTO gate DEFAULT VALUES;
         CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep(6);
             WHILE EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP;
             RETURN NULL;
         END $$;
         CREATE TRIGGER gate BEFORE DELETE ON event FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate()",
    );
    let mut command = world.command(&["retention", "--output", "json"]);
    command.env("TIELINE__DATABASE__STATEMENT_TIMEOUT_SECONDS", "5").env("TIELINE__DATABASE__CALL_TIMEOUT_SECONDS", "5");
    let removal = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("it deletes", Duration::from_secs(60), || {
        let deleting = "pg_stat_activity WHERE datname = current_database() AND query LIKE 'DELETE FROM event %' AND state = 'active'";
        (count(&world, deleting) > 0).then_some(())
    });
    let before = count(&world, "event");
    rename(&world, &suppliers(&world)[0], "Another Name");
    world.rest(&["sync", "--sweep", "--entity", "supplier"]).unwrap();
    said(&world, 0, &["audit", "seal"]);
    assert!(count(&world, "event") > before, "deliveries continue");
    assert_eq!(count(&world, "audit_seal WHERE removed_at IS NOT NULL"), 0, "it still deletes");
    world.database.psql("DELETE FROM gate");
    let out = removal.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(of_table(&report, "event") > 1000, "{report}");
    assert_eq!(count(&world, "event WHERE actor = 'many'"), 0);
    seal(&world);
    said(&world, 0, &["audit", "verify"]);
}

#[test]
fn one_node_begins_a_day_and_its_sample_shows_the_growth() {
    run(async {
        let rig = Rig::start(Options::of_one_company(1)).await;
        let size = rig.store.ledger_size().await.unwrap();
        assert!(size.bytes > 1 << 20 && size.growth.is_none(), "{size:?}");
        assert!(rig.store.ledger_day_begin().await.unwrap());
        assert!(!rig.store.ledger_day_begin().await.unwrap(), "another node, or the same one a minute later");
        assert_eq!(rig.store.ledger_size().await.unwrap().growth, None, "of today");
        rig.database.psql("UPDATE ledger_day SET day = day - 2, at = at - interval '2 days', bytes = bytes - 2000000");
        let growth = rig.store.ledger_size().await.unwrap().growth.unwrap();
        assert!((900_000..1_400_000).contains(&growth), "{growth}");
        assert!(rig.store.ledger_day_begin().await.unwrap(), "the next day");
    });
}
