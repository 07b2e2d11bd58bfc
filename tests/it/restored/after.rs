//! What the runs after the comparison do with records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{restore_after, row_of, run_to, world};
use crate::binary::text;
use crate::definitions::Files;
use crate::support::servers::Server;
use crate::support::source;
use crate::support::world::{COMPANY, Ledger, World};

fn supplier(world: &World, name: &str, fields: &[(&str, &str)]) {
    let row = [&[("Supplier", name), ("SupplierName", "New"), ("Currency", "R")], fields].concat();
    world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
}

#[test]
fn adopted_rows_lose_what_syspro_has_emptied() {
    let world = world();
    restore_after(&world, || {
        supplier(&world, "EMPTIED", &[("Telephone", "011 555 0100"), ("Contact", "Somebody")]);
        world.rest(&["sync"]).unwrap();
        assert_eq!(row_of(&world, "EMPTIED")["u_phone"], "011 555 0100");
    });
    let key = [("Supplier", "EMPTIED")];
    world.syspro.update(COMPANY, "ApSupplier", &key, &[("Telephone", "")]).unwrap();
    run_to(&world, 0, &["restored"]);
    world.rest(&["sync"]).unwrap();
    let row = row_of(&world, "EMPTIED");
    let phone = row.get("u_phone").map(String::as_str).unwrap_or_default();
    assert_eq!((phone, row["u_name"].as_str()), ("", "New"), "{row:?}");
    world.check().unwrap();
}

#[test]
fn a_record_of_unknown_content_is_not_mapped_by_another_definition() {
    let world = world();
    restore_after(&world, || {
        supplier(&world, "LATER", &[]);
        world.rest(&["sync"]).unwrap();
    });
    run_to(&world, 0, &["restored"]);
    let before = row_of(&world, "LATER");
    let files = Files::new();
    let shipped = include_str!("../../../config/profiles/apo/supplier.toml");
    let own = shipped.replace("u_fax = \"Fax\"", "u_fax = { constant = \"none\" }");
    assert_ne!(own, shipped);
    files.write("profiles/apo/supplier.toml", &own);
    files.write("profiles/apo/invoice.toml", include_str!("../../../config/profiles/apo/invoice.toml"));
    let with_files = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", files.path());
        command.output().unwrap()
    };
    let replay = ["replay", "--outdated", "--entity", "supplier", "--allow", "1000", "--why", "a test", "--output", "json"];
    let out = with_files(&replay);
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
    let state = "SELECT count(*) FILTER (WHERE v.hash <> ''), count(*) FROM document d JOIN version v ON v.document_id = d.id WHERE d.key = 'LATER'";
    assert_eq!(world.database.psql(state), "0|1", "nothing was made of it");
    assert_eq!(
        world.database.psql("SELECT count(*) FROM undelivered p JOIN document d ON d.id = p.document_id WHERE d.key = 'LATER'"),
        "0"
    );
    assert_eq!(row_of(&world, "LATER"), before);
    // the whole read brings its content, and maps it by the definition in force
    let out = with_files(&["sync"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let row = row_of(&world, "LATER");
    assert_eq!((row["u_fax"].as_str(), row["u_name"].as_str()), ("none", "New"), "{row:?}");
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
}

#[test]
fn a_flow_that_the_backup_did_not_know_reads_its_history() {
    let world = World { database: Ledger::Own(Server::primary(false)), ..World::before() };
    world.set_credentials(&|arguments| world.command(arguments));
    for entity in ["cost_center", "gl_account", "supplier"] {
        world.rest(&["sync", "--entity", entity]).unwrap();
    }
    assert_eq!(world.database.psql("SELECT count(*) FROM flow WHERE entity = 'invoice'"), "0");
    restore_after(&world, || {
        world.rest(&["sync"]).unwrap();
        world.check().unwrap();
    });
    let rows = world.servicenow.count("x_apo_invoice");
    world.syspro.tick(2).unwrap();
    let report: Value = serde_json::from_str(&run_to(&world, 0, &["restored", "--output", "json"]).0).unwrap();
    let flow = report["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "invoice").unwrap().clone();
    assert!(flow["unknown"].as_u64() >= Some(rows as u64), "{flow}");
    world.rest(&["sync"]).unwrap();
    assert_eq!(world.servicenow.count("x_apo_invoice"), rows + 2);
    assert_eq!(world.database.psql("SELECT watermark IS NOT NULL, whole_next FROM flow WHERE entity = 'invoice'"), "t|f");
    world.check().unwrap();
}

#[test]
fn of_aligned_records_neither_side_loses_a_change() {
    let world = World { database: Ledger::Own(Server::primary(false)), ..World::before() };
    world.set_credentials(&|arguments| world.command(arguments));
    let files = Files::new();
    files.write("profiles/apo/invoice.toml", include_str!("../../../config/profiles/apo/invoice.toml"));
    let cost = include_str!("../../../config/profiles/apo/cost_center.toml");
    let gl = include_str!("../../../config/profiles/apo/gl_account.toml");
    files.write("profiles/apo/cost_center.toml", &format!("{cost}\n[header.align]\n"));
    files.write("profiles/apo/gl_account.toml", &format!("{gl}\n[header.align]\n"));
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", files.path());
        let out = command.output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{arguments:?}: {}", text(&out));
        String::from_utf8(out.stdout).unwrap()
    };
    let sync = || drop(run(&["sync"]));
    sync();
    for entity in ["cost_center", "gl_account"] {
        run(&["conflicts", "adopt", "--company", COMPANY, "--entity", entity, "--why", "go live"]);
    }
    sync();
    sync();
    let accounts = source::rows(&world.syspro, COMPANY, "GenMaster", |c| c("GlCode").text().trim_end().to_owned());
    let account = |n: usize| accounts[n].as_str();
    let places = [("100", account(0)), ("200", account(1)), ("300", account(2))];
    let syspro = |n: usize, name: &str| {
        let (centre, account) = places[n];
        world.syspro.update(COMPANY, "BomCostCentre", &[("CostCentre", centre)], &[("Description", name)]).unwrap();
        world.syspro.update(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", account)], &[("Description", name)]).unwrap();
    };
    let rows = |n: usize| {
        let (centre, account) = places[n];
        [("cmn_cost_center", "code", centre), ("itfm_gl_accounts", "account_number", account)]
            .map(|(table, column, key)| (table, world.servicenow.find(table, column, key).expect("a row")))
    };
    let servicenow = |n: usize, name: &str| {
        for (table, row) in rows(n) {
            assert!(world.servicenow.edit_row(table, &row["sys_id"], &[("name", name)]));
        }
    };
    let names = |n: usize| rows(n).map(|(_, row)| row["name"].clone());
    restore_after(&world, || {
        // to ServiceNow, after the backup
        syspro(0, "Of SYSPRO");
        syspro(1, "Of SYSPRO, before an edit");
        sync();
        assert_eq!(names(0), ["Of SYSPRO", "Of SYSPRO"]);
        // to SYSPRO, after the backup
        servicenow(2, "Of ServiceNow");
        sync();
    });
    // since: a user's edit over what the ledger does not know it has sent
    servicenow(1, "Of ServiceNow, over it");
    run(&["restored"]);
    for _ in 0..3 {
        sync();
    }
    assert_eq!(names(0), ["Of SYSPRO", "Of SYSPRO"]);
    assert_eq!(names(1), ["Of ServiceNow, over it", "Of ServiceNow, over it"], "nobody has decided to overwrite it");
    assert_eq!(names(2), ["Of ServiceNow", "Of ServiceNow"]);
    let listed: Value = serde_json::from_str(&run(&["conflicts", "list", "--output", "json"])).unwrap();
    let mut by_key: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in listed.as_array().unwrap_or_else(|| panic!("{listed}")) {
        let word = |name: &str| row[name].as_str().unwrap_or_default();
        by_key.entry(word("key")).or_default().push((word("field"), word("state")));
    }
    for n in [1, 2] {
        for key in [places[n].0, places[n].1] {
            let found = by_key.iter().find(|(found, _)| **found == key || found.ends_with(&format!("/{key}")));
            assert!(found.is_some_and(|(_, entries)| entries.iter().any(|entry| entry.0 == "name")), "{key} is with a person: {by_key:?}");
        }
    }
}
