//! Flows and rows that cannot simply be compared: flows that are not configured, rows of an earlier release, keys of no record.

use std::process::{Command, Stdio};

use serde_json::Value;
use tieline::domain::FlowId;
use tieline::domain::ids::DocumentId;
use tieline::store::{BlockTable, ComparedPage, ComparedPart, RestoredRow, RowPlace, Store};
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::schema::ColumnKind;

use super::{rename, restore_after, row_of, run_to, server, supplier, world};
use crate::binary::{text, wait_until};
use crate::support::database::{self, Database};
use crate::support::node::Node;
use crate::support::run;
use crate::support::servers::Server;
use crate::support::world::{COMPANY, Ledger, World};

/// The configuration makes two flows alone.
fn few(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("TIELINE__FLOWS__ENTITIES", "cost_center,gl_account");
    command
}

fn stopped(world: &World, entity: &str) -> String {
    world.database.psql(&format!("SELECT coalesce(stopped, '') FROM flow WHERE entity = '{entity}'"))
}

#[test]
fn a_flow_that_is_not_configured_sends_nothing_of_the_backup_and_is_compared_before_it_runs_again() {
    let world = world();
    let who = supplier(&world);
    rename(&world, &who, "Queued in the backup");
    world.servicenow.set_fault(FaultRule::always(Fault::Status(503)).on_method("POST").on_path("/api/now"));
    world.command(&["sync", "--entity", "supplier"]).output().unwrap();
    let pending = || world.database.psql("SELECT count(*) FROM undelivered WHERE entity = 'supplier'");
    assert_ne!(pending(), "0");
    restore_after(&world, || {
        world.servicenow.clear_faults();
        rename(&world, &who, "After the backup");
        let row = [("Supplier", "LATER"), ("SupplierName", "New"), ("Currency", "R")];
        world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
        world.rest(&["sync"]).unwrap();
        assert_eq!(row_of(&world, &who)["u_name"], "After the backup");
        world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", "LATER")]).unwrap();
    });
    assert_ne!(pending(), "0");
    let out = few(&world, &["restored"]).output().unwrap();
    let said = text(&out);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.contains("EDU1/supplier is not configured") && said.contains("its pending records were dropped"), "{said}");
    assert_eq!(pending(), "0", "nothing of the backup is sent");
    let out = few(&world, &["sync"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "the flows that are configured run: {}", text(&out));

    // it is configured again: it waits for a comparison
    let said = run_to(&world, 1, &["sync", "--entity", "supplier"]);
    let said = said.0 + &said.1;
    assert!(said.contains("was not configured when the ledger was compared") && said.contains("`tieline restored`"), "{said}");
    assert_eq!(row_of(&world, &who)["u_name"], "After the backup");
    let report: Value = serde_json::from_str(&run_to(&world, 0, &["restored", "--output", "json"]).0).unwrap();
    let flow = report["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "supplier").unwrap().clone();
    assert_eq!((&flow["configured"], &flow["adopted"], &flow["unknown"]), (&Value::from(true), &Value::from(0), &Value::from(1)), "{flow}");
    assert_eq!(stopped(&world, "supplier"), "");
    world.rest(&["sync"]).unwrap();
    assert_eq!((row_of(&world, &who)["u_name"].as_str(), row_of(&world, "LATER")["u_active"].as_str()), ("After the backup", "false"));
    world.check().unwrap();
}

#[test]
fn a_person_who_resumes_such_a_flow_has_everything_of_it_sent_by_its_content() {
    let world = world();
    let who = supplier(&world);
    let name = row_of(&world, &who)["u_name"].clone();
    restore_after(&world, || {
        rename(&world, &who, "After the backup");
        world.rest(&["sync"]).unwrap();
        // it reads as in the backup: nothing of it seems changed to the ledger
        rename(&world, &who, &name);
    });
    assert_eq!(few(&world, &["restored"]).output().unwrap().status.code(), Some(0));
    for entity in ["supplier", "purchase_order", "invoice", "gl_posting"] {
        run_to(&world, 0, &["flow", "resume", COMPANY, entity, "--why", "a test"]);
    }
    world.rest(&["sync"]).unwrap();
    assert_eq!(row_of(&world, &who)["u_name"], name);
    world.check().unwrap();
}

#[test]
fn records_that_were_gone_before_the_backup_are_marked_again_and_do_not_count_as_gone() {
    let world = world();
    let names: Vec<String> = (10..18).map(|n| format!("OLD{n}")).collect();
    for name in &names {
        let row = [("Supplier", name.as_str()), ("SupplierName", "Old"), ("Currency", "R")];
        world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
    }
    world.rest(&["sync"]).unwrap();
    for name in &names {
        world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", name)]).unwrap();
    }
    let out = world.command(&["sync", "--sweep"]).env("TIELINE__FLOWS__WENT_BACK_PERCENT", "100").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    world.rest(&["sync"]).unwrap();
    // as an earlier release wrote them; and one that a person has switched on again
    for (n, name) in names.iter().enumerate() {
        let row = row_of(&world, name);
        assert_eq!(row["u_active"], "false");
        let number = row["u_source_version"].split('-').next().unwrap().to_owned();
        let fields = [("u_source_version", number.as_str()), ("u_active", if n == 0 { "true" } else { "false" })];
        assert!(world.servicenow.edit_row("x_apo_supplier", &row["sys_id"], &fields));
    }
    restore_after(&world, || {});
    let report: Value = serde_json::from_str(&run_to(&world, 0, &["restored", "--output", "json"]).0).unwrap();
    let flow = report["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "supplier").unwrap().clone();
    assert_eq!(flow["again"], names.len(), "{flow}");
    // one that went since counts
    let strict = |more: &[&str]| {
        let mut command = world.command(more);
        command.env("TIELINE__FLOWS__MAX_GONE_PER_SWEEP", "3").env("TIELINE__FLOWS__MAX_SHRINK_PERCENT", "5");
        command.output().unwrap()
    };
    let out = strict(&["sync"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert_eq!(stopped(&world, "supplier"), "");
    world.rest(&["sync"]).unwrap();
    for name in &names {
        let row = row_of(&world, name);
        assert!(row["u_active"] == "false" && row["u_source_version"].contains('-'), "{row:?}");
    }
    world.check().unwrap();
}

#[test]
fn a_key_that_no_record_can_have_is_named_and_left_alone() {
    // a key column of a site's own, with room for more than a key needs
    let wide = World::with(|instance| {
        instance.table("x_apo_supplier").unwrap().set_column("u_source_key", ColumnKind::Text(8000));
    });
    let world = World { database: Ledger::Own(Server::primary(false)), ..wide };
    world.set_credentials(&|arguments| world.command(arguments));
    world.rest(&["sync"]).unwrap();
    // words that do not compress, so that no row of an index has room for them
    let mut random = fastrand::Rng::with_seed(7);
    let long: String = (0..6000).map(|_| random.alphanumeric().to_ascii_uppercase()).collect();
    let key = format!("{COMPANY}/supplier/{long}");
    restore_after(&world, || {
        let fields = [("u_source_key", key.as_str()), ("u_supplier_number", "SOMEBODY")];
        world.servicenow.insert_row("x_apo_supplier", &fields).expect("a row");
    });
    let row = row_of(&world, "SOMEBODY");
    assert_eq!(row["u_source_key"].len(), key.len(), "the column holds it whole");
    let out = world.command(&["restored"]).output().unwrap();
    let said = text(&out);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.contains("were not changed") && said.contains(&row["sys_id"]), "{said}");
    world.rest(&["sync"]).unwrap();
    assert_eq!(row_of(&world, "SOMEBODY"), row);
    assert!(world.servicenow.delete_row("x_apo_supplier", &row["sys_id"]));
    world.check().unwrap();
}

#[test]
fn two_comparisons_at_once_are_one_too_many() {
    let world = world();
    restore_after(&world, || {});
    // the first one is kept busy by an instance that does not answer
    world.servicenow.set_fault(FaultRule::always(Fault::Hang).on_method("GET").on_path("/api/now/table"));
    let mut first = world.command(&["restored"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the first one compares", || world.database.psql("SELECT count(*) FROM restored_part") != "0");
    let other = Node::new(&world);
    let out = other.command(&world, &["restored"]).output().unwrap();
    let said = text(&out);
    assert!(out.status.code() == Some(6) && said.contains("another `tieline restored` is comparing this ledger"), "{out:?} {said}");
    // whatever became of it, the next one continues
    first.kill().unwrap();
    first.wait().unwrap();
    world.servicenow.clear_faults();
    wait_until("the database has let go", || server(&world).psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0");
    run_to(&world, 0, &["restored"]);
    world.rest(&["sync"]).unwrap();
    world.check().unwrap();
}

#[test]
fn rows_of_two_tables_with_one_sys_id_are_two_rows() {
    run(async {
        let database = Database::migrated().await;
        let store = Store::connect(&database::settings(), &database.url()).unwrap();
        let flow = FlowId::new(COMPANY, "invoice");
        database.psql(
            "INSERT INTO document (id, company, entity, key, version, hash) VALUES (1, 'EDU1', 'invoice', 'K', 1, ''); \
             INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, own_row) \
             VALUES (1, 'header', '', 'a', 'first', 1, 1, true)",
        );
        let both = ["first", "second"].map(|table| BlockTable { block: "header".to_owned(), target_table: table.to_owned() });
        store.restored_parts(1, flow.clone(), both.to_vec()).await.unwrap();
        for place in both {
            let at = RowPlace { target_table: place.target_table.clone(), sys_id: "a".into() };
            let row = RestoredRow {
                block: "header".into(),
                source_key: format!("EDU1/invoice/{}", place.target_table),
                place: at,
                version: None,
            };
            store.restored_keep(1, flow.clone(), place, vec![row], None).await.unwrap();
        }
        let left = store.restored_left(1, flow.clone(), 10).await.unwrap();
        assert_eq!(left.iter().map(|row| row.place.target_table.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        // the row with the same sys_id in the other table is not the one that the ledger means
        let row = left.into_iter().next_back().map(|row| row.place);
        let part = ComparedPart { document_id: DocumentId(1), block: "header".into(), record_key: String::new(), row };
        let found = vec![("header".to_owned(), "EDU1/invoice/second".to_owned())];
        let page = ComparedPage { last_key: "K".into(), adopted: vec![part], found, ..ComparedPage::default() };
        store.restored_compared(1, flow.clone(), page).await.unwrap();
        assert_eq!(database.psql("SELECT target_table, sys_id FROM record"), "second|a");
        assert_eq!(store.restored_left(1, flow, 10).await.unwrap().len(), 1, "the other row is still to be told");
    });
}

#[test]
fn flows_that_were_stopped_before_the_restore_are_named_with_what_they_need() {
    let world = world();
    world.database.psql("UPDATE flow SET stopped = 'the table lost too many rows' WHERE entity = 'invoice'");
    run_to(&world, 0, &["flow", "pause", COMPANY, "gl_posting", "--why", "a test"]);
    restore_after(&world, || {});
    let (said, named) = run_to(&world, 0, &["restored"]);
    assert!(said.contains("The other flows may run again.") && !said.contains("\nFlows may run again"), "{said}");
    for words in [
        "EDU1/invoice does not run yet: it was stopped before the comparison: the table lost too many rows",
        "`tieline flow resume EDU1 invoice --why …`",
        "EDU1/gl_posting does not run yet",
        "`tieline flow resume EDU1 gl_posting --why …`",
    ] {
        assert!(named.contains(words), "{words}: {named}");
    }
    assert!(!named.contains("EDU1/supplier"), "{named}");
}

#[test]
fn an_earlier_release_reads_again_what_was_kept_of_parts_that_were_not_read_to_their_end() {
    let database = run(crate::support::database::Database::migrated());
    database.psql(
        "INSERT INTO restored_part (life, company, entity, block, target_table, state, after, hidden) VALUES \
         (1, 'EDU1', 'supplier', '', '', 'open', 'S1', 0), (1, 'EDU1', 'supplier', 'a', 't', 'open', 'k', 3), \
         (1, 'EDU1', 'supplier', 'b', 't', 'done', 'l', 0), (1, 'EDU1', 'supplier', 'c', 't', 'unreadable', '', 0)",
    );
    database.psql(include_str!("../../../migrations/2026-11-29-060100_key_restored_rows_by_table/down.sql"));
    let parts = "SELECT string_agg(block || ' ' || state || ' ' || after || ' ' || hidden, ', ' ORDER BY block) FROM restored_part";
    assert_eq!(database.psql(parts), " open S1 0, a open  0, b open  0, c unreadable  0");
}
