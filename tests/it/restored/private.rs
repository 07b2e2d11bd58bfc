//! A backup of the private database, with the commands of docs/backup.md.

use std::process::Command;

use serde_json::Value;

use super::{rename, row_of, supplier};
use crate::binary::text;
use crate::support::world::{COMPANY, World};

/// The program with the private database in the site's state directory.
fn private(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env_remove("TIELINE__DATABASE__URL");
    command
}

fn run_to(world: &World, code: i32, arguments: &[&str]) -> (String, String) {
    let out = private(world, arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn a_dump_is_loaded_into_a_new_private_cluster_on_the_same_machine() {
    let world = World::before();
    world.set_credentials(&|arguments| private(&world, arguments));
    run_to(&world, 0, &["sync"]);
    let dump = world.site.path("tieline.dump");
    let dump = dump.to_str().unwrap();
    run_to(&world, 0, &["database", "--", "pg_dump", "--format=custom", &format!("--file={dump}")]);
    let who = supplier(&world);
    rename(&world, &who, "After the backup");
    let row = [("Supplier", "LATER"), ("SupplierName", "New"), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
    run_to(&world, 0, &["sync"]);
    let rows = world.servicenow.count("x_apo_supplier");

    // the state directory stays, and knows of rows that the backup does not have
    std::fs::rename(world.site.path("state/postgres"), world.site.path("away")).unwrap();
    let load = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--exit-on-error", "--dbname=tieline", dump];
    run_to(&world, 0, &[&["database", "--"], &load[..]].concat());
    let said = run_to(&world, 0, &["status"]).0;
    assert!(said.starts_with("RESTORED, NOT COMPARED: the ledger was restored: it was kept in database cluster"), "{said}");
    assert!(!said.contains("all delivered"), "{said}");
    let status: Value = serde_json::from_str(&run_to(&world, 0, &["status", "--output", "json"]).0).unwrap();
    assert_eq!((&status["restored"]["number"], &status["restored"]["compared_at"]), (&Value::from(2), &Value::Null), "{status}");
    run_to(&world, 4, &["sync"]);
    run_to(&world, 0, &["restored"]);
    let status: Value = serde_json::from_str(&run_to(&world, 0, &["status", "--output", "json"]).0).unwrap();
    assert_eq!(status["restored"], Value::Null, "{status}");
    run_to(&world, 0, &["sync"]);
    assert_eq!(world.servicenow.count("x_apo_supplier"), rows, "no row is there twice");
    assert_eq!(row_of(&world, &who)["u_name"], "After the backup");
    run_to(&world, 0, &["audit", "verify"]);
    world.check_in(&|sql| run_to(&world, 0, &["database", "--", "psql", "-XAtqc", sql]).0.trim_end().to_owned()).unwrap();
}

#[test]
fn a_program_on_the_database_has_its_connection_and_ends_the_command_with_its_code() {
    let world = World::start();
    let on = |code: i32, arguments: &[&str]| super::run_to(&world, code, &[&["database", "--"], arguments].concat());
    let flows = world.database.psql("SELECT count(*) FROM flow");
    assert_eq!(on(0, &["psql", "-XAtc", "SELECT count(*) FROM flow"]).0.trim(), flows);
    assert_eq!(on(37, &["sh", "-c", "exit 37"]).0, "");
    assert_eq!(on(128 + 15, &["sh", "-c", "kill -TERM $$"]).0, "");
    let said = on(1, &["no-such-program"]).1;
    assert!(said.contains("`no-such-program` cannot be run"), "{said}");
    let said = super::run_to(&world, 2, &["database"]).1;
    assert!(said.contains("COMMAND"), "{said}");
}
