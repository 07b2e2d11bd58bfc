//! The ledger after a restore, through the binary: its audit, its notices, and its messages.

mod after;
mod drill;
mod flows;
mod other_side;
mod private;
mod under;

use serde_json::Value;
use tieline::domain::notice::NoticeEvent;
use tieline::store::{NoticeRules, Store};
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::{text, wait_until};
use crate::support::database;
use crate::support::node::Node;
use crate::support::servers::Server;
use crate::support::world::{COMPANY, Ledger, REFUSED_DATE, World};
use crate::support::{run, source};

/// A world on a server of its own.
fn world() -> World {
    World::start_on(Server::primary(false))
}

fn server(world: &World) -> &Server {
    let Ledger::Own(server) = &world.database else { panic!("a server of its own") };
    server
}

/// A command with this exit code; standard output and standard error.
fn run_to(world: &World, code: i32, arguments: &[&str]) -> (String, String) {
    let out = world.command(arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

fn verify(world: &World, code: i32) -> Value {
    let said = run_to(world, code, &["audit", "verify", "--output", "json"]).0;
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// An invoice that the instance refuses, which causes a notice.
fn refuse(world: &World, which: usize) {
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    let (supplier, invoice) = &invoices[which];
    let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", REFUSED_DATE)]).unwrap();
    run_to(world, 3, &["sync", "--sweep", "--entity", "invoice"]);
}

/// The notices found now: each event with its records.
fn news(world: &World) -> Vec<String> {
    let store = Store::connect(&database::settings(), &world.database.url().into()).unwrap();
    let before = world.database.psql("SELECT coalesce(max(id), 0) FROM notice");
    let events = vec![NoticeEvent::RecordsFailed, NoticeEvent::LedgerRestored];
    for _ in 0..3 {
        let rules = NoticeRules {
            events: events.clone(),
            channels: vec!["webhook".into()],
            stale_hours: 1000,
            key_notice_days: 14,
            flows: Vec::new(),
        };
        run(store.notice_collect(rules, Vec::new())).unwrap();
    }
    let found = world.database.psql(&format!("SELECT event || ' ' || count FROM notice WHERE id > {before} ORDER BY id"));
    found.lines().map(str::to_owned).collect()
}

/// Two audit rows that nothing seals automatically.
fn pause_and_resume(world: &World) {
    for action in ["pause", "resume"] {
        run_to(world, 0, &["flow", action, COMPANY, "gl_posting", "--why", "a test"]);
    }
}

/// Seals until nothing is left: a transaction that is open anywhere (the server's own upkeep) leaves what came after it for the next time.
fn seal(world: &World) {
    wait_until("everything is sealed", || {
        run_to(world, 0, &["audit", "seal"]);
        verify(world, 0)["unsealed"] == 0
    });
}

/// Whether each kind of change is seen in the rows of one life, and is gone again.
fn tampering_is_seen(world: &World, life: i32) {
    let victim = world.database.psql(&format!("SELECT min(id) FROM event WHERE life = {life} AND kind <> 'restored'"));
    let columns = "at, xid, kind, company, entity, batch_id, run_id, actor, documents, records, line, life";
    for (change, undo) in [
        (
            format!("UPDATE event SET actor = 'nobody' WHERE id = {victim}"),
            format!("UPDATE event SET actor = 'tieline' WHERE id = {victim}"),
        ),
        (
            format!("UPDATE event SET line = replace(line, '\"records\":', '\"records\": ') WHERE id = {victim}"),
            format!("UPDATE event SET line = replace(line, '\"records\": ', '\"records\":') WHERE id = {victim}"),
        ),
        (
            format!("CREATE TABLE kept AS SELECT * FROM event WHERE id = {victim}; DELETE FROM event WHERE id = {victim}"),
            format!("INSERT INTO event (id, {columns}) SELECT id, {columns} FROM kept; DROP TABLE kept"),
        ),
        (
            // not the newest: a newest row that vanishes is a ledger that went back
            format!("INSERT INTO event (id, {columns}) SELECT -id, {columns} FROM event WHERE id = {victim}"),
            "DELETE FROM event WHERE id < 0".to_owned(),
        ),
    ] {
        let actor = world.database.psql(&format!("SELECT actor FROM event WHERE id = {victim}"));
        world.database.psql(&change);
        let seen = verify(world, 1);
        assert!(seen["broken_at"].is_i64(), "life {life}: {change}: {seen}");
        world.database.psql(&undo.replace("'tieline'", &format!("'{actor}'")));
        verify(world, 0);
    }
}

#[test]
fn a_dump_loaded_into_another_cluster_begins_a_new_life() {
    let mut world = world();
    refuse(&world, 0);
    assert_eq!(news(&world), ["records_failed 1"]);
    seal(&world);
    refuse(&world, 1);
    pause_and_resume(&world);
    let (rows, sealed) = (world.database.psql("SELECT count(*) FROM audit"), verify(&world, 0));
    assert!(sealed["unsealed"].as_i64().unwrap() > 0 && sealed["seals"].as_i64().unwrap() > 0, "{sealed}");
    let cluster = world.database.psql("SELECT system_identifier FROM pg_control_system()");
    let backup = world.site.path("ledger.dump");
    server(&world).dump(&backup);

    world.database = Ledger::Own(Server::primary(false));
    server(&world).load(&backup);
    let now = world.database.psql("SELECT system_identifier FROM pg_control_system()");
    assert_ne!(cluster, now);
    let said = run_to(&world, 0, &["status"]).1;
    for words in ["the ledger was restored", &cluster, &now, "it holds what happened up to 20"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(
        world.database.psql("SELECT string_agg(number::text, ',' ORDER BY number) FROM ledger_life"),
        "1,2",
        "once, not per command"
    );

    // the end of the old life covers what no seal had covered, and the new one is sealed like any other
    let report = verify(&world, 0);
    assert_eq!(report["rows"].to_string(), rows, "all of the old life is sealed: {report}");
    assert!(report["unsealed"].as_i64().unwrap() > 0, "{report}");
    let store = Store::connect(&database::settings(), &world.database.url().into()).unwrap();
    assert_eq!(run(store.gauges()).unwrap().unsealed, report["unsealed"].as_i64().unwrap(), "the metric counts what verify counts");
    seal(&world);
    let report = verify(&world, 0);
    assert_eq!((report["unsealed"].as_i64(), report["rows"].to_string()), (Some(0), world.database.psql("SELECT count(*) FROM audit")));
    assert_eq!(run(store.gauges()).unwrap().unsealed, 0);
    let mark = world.database.psql("SELECT life, mark FROM audit_seal WHERE mark IS NOT NULL");
    assert!(mark.starts_with("1|the ledger was restored: it was kept in database cluster"), "{mark}");

    // no notice goes out twice, or never
    assert_eq!(news(&world), ["records_failed 1", "ledger_restored 1"]);
    assert_eq!(news(&world), Vec::<String>::new());
    let kinds = run_to(&world, 0, &["audit", "--kind", "restored", "--output", "json"]).0;
    assert!(kinds.contains(&cluster) && kinds.contains(&now), "{kinds}");
    let doctor = world.command(&["doctor", "--output", "json"]).output().unwrap();
    assert!(text(&doctor).contains("the ledger was restored"), "{}", text(&doctor));

    pause_and_resume(&world);
    seal(&world);
    tampering_is_seen(&world, 1);
    tampering_is_seen(&world, 2);
    // a row of a life that there is not is covered by nothing
    world
        .database
        .psql("INSERT INTO event (id, kind, actor, documents, records, line, life) VALUES (-1, 'action', 'nobody', '{}', 1, '{}', 99)");
    let strange = verify(&world, 1);
    assert!(strange["problem"].as_str().unwrap().contains("event -1 was put where everything is sealed"), "{strange}");
    world.database.psql("DELETE FROM event WHERE life = 99");
}

/// What was exported after the backup is named: it is known by its hash, and nobody has changed anything.
#[test]
fn a_restored_ledger_says_which_leaves_are_known_by_hash_only() {
    let world = world();
    seal(&world);
    let backup = world.site.path("ledger.dump");
    server(&world).dump(&backup);
    let before: i64 = world.database.psql("SELECT max(leaf) FROM audit_leaf").parse().unwrap();
    pause_and_resume(&world);
    seal(&world);
    let kept = world.site.path("kept");
    let kept = kept.to_str().unwrap();
    run_to(&world, 0, &["audit", "export", "--to", kept]);
    assert!(run_to(&world, 0, &["audit", "verify", "--kept", kept]).0.contains("contains all"));
    let after: i64 = world.database.psql("SELECT max(last_leaf) FROM audit_seal").parse().unwrap();
    let head = run_to(&world, 0, &["audit", "head"]).0.lines().next().unwrap().to_owned();

    server(&world).empty_database();
    server(&world).load(&backup);
    run_to(&world, 0, &["status"]);
    seal(&world);
    let known = format!("restored: leaves {} to {after} are known by hash only", before + 1);
    let said = run_to(&world, 0, &["audit", "verify", "--kept", kept]).0;
    assert!(said.contains(&known) && said.contains("life 1 ended: the ledger was restored"), "{said}");
    let json = run_to(&world, 0, &["audit", "verify", "--kept", kept, "--output", "json"]).0;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["outside"]["restored"].is_string() && json["broken_at"].is_null(), "{json}");
    let said = run_to(&world, 0, &["audit", "verify", "--head", &head]).0;
    assert!(said.contains("known by hash only"), "{said}");
    // no export goes over what was kept
    std::fs::rename(world.site.path("kept"), world.site.path("elsewhere")).unwrap();
    run_to(&world, 0, &["audit", "export", "--to", kept]);
    // nobody restored anything: the same difference is a change
    world.database.psql("UPDATE audit_seal SET mark = NULL");
    run_to(&world, 1, &["audit", "verify"]);
}

#[test]
fn a_dump_loaded_into_the_same_cluster_is_seen_by_its_tables() {
    let world = world();
    let backup = world.site.path("ledger.dump");
    server(&world).dump(&backup);
    server(&world).empty_database();
    server(&world).load(&backup);
    let said = run_to(&world, 0, &["status"]).1;
    assert!(said.contains("its tables were created again in the same database cluster"), "{said}");
    assert!(run_to(&world, 0, &["status"]).1.contains("`tieline restored`"), "until it was compared");
    assert_eq!(world.database.psql("SELECT count(*) FROM ledger_life"), "2", "begun once");
    seal(&world);
}

#[test]
fn a_ledger_that_went_back_in_its_cluster_is_seen_by_what_the_node_saw() {
    let world = world();
    server(&world).keep_files();
    // a restart of the server, and a command without any change, are nothing
    assert!(!run_to(&world, 0, &["status"]).1.contains("restored"));
    world.syspro.tick(3).unwrap();
    world.rest(&["sync"]).unwrap();
    let rows = world.database.psql("SELECT max(id) FROM audit");
    server(&world).put_files_back();
    assert_ne!(world.database.psql("SELECT max(id) FROM audit"), rows);
    let said = run_to(&world, 0, &["status"]).1;
    assert!(said.contains(&format!("this node saw audit row {rows} committed")), "{said}");
    run_to(&world, 0, &["status"]);
    assert_eq!(world.database.psql("SELECT count(*) FROM ledger_life"), "2", "begun once");
    seal(&world);
}

#[test]
fn a_service_under_which_the_ledger_goes_back_ends_and_writes_nothing() {
    let world = world();
    server(&world).keep_files();
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let first = world.database.psql("SELECT max(id) FROM audit");
    let key = node.key(&world);
    node.run_all(&key);
    // the last row that it saw is in its file, and is newer than the backup
    wait_until("the node has seen more than the backup has", || {
        let kept = std::fs::read_to_string(node.site.path("state/high-water")).unwrap_or_default();
        let kept: Option<Value> = serde_json::from_str(&kept).ok();
        kept.is_some_and(|kept| kept["audit"].as_i64() > first.parse::<i64>().ok())
    });
    server(&world).put_files_back();
    let before = world.database.psql("SELECT max(id), count(*) FROM audit");
    let child = &mut node.service.as_mut().unwrap().child;
    wait_until("the service ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(4), "{}", node.log());
    assert!(node.log().contains("the ledger was restored while this process ran"), "{}", node.log());
    assert_eq!(world.database.psql("SELECT max(id), count(*) FROM audit"), before);
}

#[test]
fn a_ledger_of_an_earlier_release_is_brought_up_to_date_and_keeps_its_chain() {
    let world = world();
    seal(&world);
    let (seals, rows) = (world.database.psql("SELECT count(*) FROM audit_seal"), world.database.psql("SELECT sum(rows) FROM audit_seal"));
    let down = include_str!("../../../migrations/2026-11-29-020000_number_ledger_lives/down.sql");
    world.database.psql(&format!("{down}; DELETE FROM __diesel_schema_migrations WHERE version = '20261129020000'"));
    run_to(&world, 0, &["status"]);
    let report = verify(&world, 0);
    assert_eq!((report["seals"].to_string(), report["rows"].to_string()), (seals, rows), "{report}");
    // where it lives is written down now, and is no restore
    let known = world.database.psql("SELECT number, system_identifier IS NOT NULL, compared_at IS NOT NULL FROM ledger_life");
    assert_eq!(known, "1|t|t");
    world.syspro.tick(1).unwrap();
    world.rest(&["sync"]).unwrap();
    seal(&world);
}

#[test]
fn an_account_that_may_not_see_its_cluster_works_and_is_told() {
    let world = world();
    for sql in [
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC",
        "CREATE ROLE plain LOGIN",
        "GRANT ALL ON SCHEMA public TO plain",
        "DO $$ DECLARE t record; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') \
         LOOP EXECUTE format('ALTER TABLE %I OWNER TO plain', t.relname); END LOOP; END $$",
    ] {
        world.database.psql(sql);
    }
    let plain = world.database.url().replace("tieline@", "plain@");
    let doctor = world.command(&["doctor", "--output", "json"]).env("TIELINE__DATABASE__URL", &plain).output().unwrap();
    let said = text(&doctor);
    assert!(said.contains("the server does not show its cluster identifier") && said.contains("GRANT EXECUTE"), "{said}");
    world.syspro.tick(1).unwrap();
    let out = world.command(&["sync"]).env("TIELINE__DATABASE__URL", &plain).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert_eq!(world.database.psql("SELECT count(*) FROM ledger_life"), "1");
}

/// The supplier that a test edits, and what its row in ServiceNow says.
fn supplier(world: &World) -> String {
    source::rows(&world.syspro, COMPANY, "ApSupplier", |c| c("Supplier").text().trim_end().to_owned()).swap_remove(0)
}

fn rename(world: &World, supplier: &str, name: &str) {
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", supplier)], &[("SupplierName", name)]).unwrap();
}

fn row_of(world: &World, supplier: &str) -> std::collections::BTreeMap<String, String> {
    world.servicenow.find("x_apo_supplier", "u_supplier_number", supplier).expect("its row")
}

/// Backs the ledger up, lets something happen and arrive, and puts the backup in its place.
fn restore_after(world: &World, happens: impl FnOnce()) {
    let backup = world.site.path("ledger.dump");
    server(world).dump(&backup);
    happens();
    server(world).empty_database();
    server(world).load(&backup);
}

#[test]
fn a_delivery_is_not_confirmed_by_another_content_that_has_its_number() {
    let world = world();
    let who = supplier(&world);
    restore_after(&world, || {
        rename(&world, &who, "After the backup");
        world.rest(&["sync"]).unwrap();
        assert!(row_of(&world, &who)["u_source_version"].starts_with("2-"), "{:?}", row_of(&world, &who));
    });
    run_to(&world, 0, &["restored"]);
    rename(&world, &who, "After the restore");
    // the request is lost before it is processed: the existing row has the searched number
    let lost = FaultRule::always(Fault::Drop).on_method("POST").on_path("/api/now/import");
    world.servicenow.set_fault(lost.clone());
    world.servicenow.set_fault(FaultRule::always(Fault::Drop).on_method("POST").on_path("/api/now/v1/batch"));
    run_to(&world, 3, &["sync", "--entity", "supplier"]);
    assert_eq!(row_of(&world, &who)["u_name"], "After the backup");
    world.servicenow.clear_faults();
    world.rest(&["sync"]).unwrap();
    assert_eq!(row_of(&world, &who)["u_name"], "After the restore");
    world.check().unwrap();
}

#[test]
fn nothing_runs_before_the_comparison_and_what_only_reads_says_why() {
    let world = world();
    let who = supplier(&world);
    let name = row_of(&world, &who)["u_name"].clone();
    restore_after(&world, || {
        rename(&world, &who, "After the backup");
        world.rest(&["sync"]).unwrap();
        // as it was in the backup: nothing of it seems changed to the ledger
        rename(&world, &who, &name);
    });
    for (code, arguments) in
        [(4, &["sync"][..]), (4, &["run"]), (4, &["replay", "--all", "--why", "x"]), (0, &["status"]), (0, &["audit", "verify"])]
    {
        let said = run_to(&world, code, arguments).1;
        assert!(said.contains("the ledger was restored") && said.contains("`tieline restored`"), "{arguments:?}: {said}");
    }
    let doctor = world.command(&["doctor", "--output", "json"]).output().unwrap();
    assert!(text(&doctor).contains("has not been compared with ServiceNow"), "{}", text(&doctor));

    let said = run_to(&world, 0, &["restored", "--output", "json"]).0;
    let report: Value = serde_json::from_str(&said).unwrap();
    let flows = report["flows"].as_array().unwrap();
    let suppliers = flows.iter().find(|flow| flow["entity"] == "supplier").unwrap();
    let count = world.syspro.count(COMPANY, "ApSupplier").unwrap();
    assert_eq!((&suppliers["again"], &suppliers["unknown"]), (&Value::from(1), &Value::from(0)), "{report}");
    assert_eq!(suppliers["adopted"], count - 1, "{report}");
    // once more it is a person who says so: all of it agrees but what waits for the next run
    let said = run_to(&world, 0, &["restored"]).0;
    assert!(said.contains("to send again"), "{said}");
    world.rest(&["sync"]).unwrap();
    assert_eq!(row_of(&world, &who)["u_name"], name, "it reads as in the backup, and ServiceNow had something else");
    world.check().unwrap();
    let said = run_to(&world, 0, &["restored", "--output", "json"]).0;
    let report: Value = serde_json::from_str(&said).unwrap();
    assert!(
        report["flows"].as_array().unwrap().iter().all(|flow| flow["again"] == 0 && flow["unknown"] == 0),
        "{report} {:?} {}",
        row_of(&world, &who),
        world.database.psql(&format!("SELECT d.key, d.version, encode(d.hash, 'hex'), r.* FROM document d JOIN record r ON r.document_id = d.id WHERE d.key = '{who}'"))
    );
}

#[test]
fn what_came_and_went_after_the_backup_is_adopted_and_marked() {
    let world = world();
    restore_after(&world, || {
        for name in ["KEPT", "GONE"] {
            let row = [("Supplier", name), ("SupplierName", "New"), ("Currency", "R")];
            world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
        }
        world.rest(&["sync"]).unwrap();
        world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", "GONE")]).unwrap();
    });
    let before = row_of(&world, "GONE")["u_active"].clone();
    assert_eq!(before, "true");
    let said = run_to(&world, 0, &["restored", "--output", "json"]).0;
    let report: Value = serde_json::from_str(&said).unwrap();
    let suppliers = report["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "supplier").unwrap();
    assert_eq!(suppliers["unknown"], 2, "{report}");
    world.rest(&["sync"]).unwrap();
    assert_eq!((row_of(&world, "KEPT")["u_active"].as_str(), row_of(&world, "GONE")["u_active"].as_str()), ("true", "false"));
    world.check().unwrap();
}

#[test]
fn another_node_at_work_keeps_the_comparison_away() {
    let world = world();
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    wait_until("the node shows itself", || {
        world.database.psql("SELECT count(*) FROM node WHERE seen_at > now() - interval '5 seconds'") != "0"
    });
    let said = run_to(&world, 6, &["restored"]).1;
    assert!(said.contains(&node.name()) && said.contains("stop them first"), "{said}");
    assert_eq!(world.database.psql("SELECT count(*) FROM ledger_life"), "1", "nothing was begun");
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}
