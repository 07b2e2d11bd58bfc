//! What keeps a tie-out from a wrong result. Each guard has a test here that fails without it:
//!
//! - a difference counts only if it is still there at a second look, and what SYSPRO changes meanwhile is no person's business
//! - the named differences must explain the difference of the sums, or the sum is not verified
//! - keys are compared byte by byte, whatever ServiceNow considers equal
//! - a side that was not read completely, or without its amounts, is not verified

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
use crate::support::node::wait_for;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{parts, said, tie_out_with};

const INVOICES: &str = "x_apo_invoice";

type Row = BTreeMap<String, String>;

/// Supplier and number of the invoices that have a row in ServiceNow, in the order of their keys.
fn invoices(world: &World) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        world.servicenow.rows(INVOICES).iter().map(parts).map(|key| (key[0].clone(), key[1].clone())).collect();
    all.sort();
    all
}

fn refer(world: &World, (supplier, invoice): &(String, String), reference: &str) {
    let key = [("Supplier", supplier.as_str()), ("Invoice", invoice)];
    world.syspro.update(COMPANY, "ApInvoice", &key, &[("Reference", reference)]).unwrap();
}

/// The differences as key, kind and cause.
fn differences(report: &Value) -> BTreeSet<(String, String, String)> {
    let word = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let all = report["differences"].as_array().unwrap();
    all.iter().map(|one| (word(one, "key"), word(one, "kind"), word(one, "cause"))).collect()
}

/// The program under the shipped profile of invoices with a change, and nothing delivered yet.
fn under(change: impl Fn(&str) -> String) -> (World, String) {
    let world = World::before();
    let shipped = include_str!("../../config/profiles/apo/invoice.toml");
    let own = change(shipped);
    assert_ne!(own, shipped);
    let directory = world.site.path("definitions");
    std::fs::create_dir_all(directory.join("profiles/apo")).unwrap();
    std::fs::write(directory.join("profiles/apo/invoice.toml"), own).unwrap();
    world.set_credentials(&|arguments| world.command(arguments));
    (world, directory.display().to_string())
}

/// Delivers everything, and ties out.
pub fn delivered(world: &World, definitions: &str) -> impl Fn() -> (Value, Option<i32>) {
    let command = move |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", definitions);
        command
    };
    wait_for("everything is delivered", Duration::from_secs(90), || {
        let out = command(&["sync"]).output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
        (world.left() == "0").then_some(())
    });
    move || said(command(&["--output", "json", "tie-out", "--entity", "invoice"]))
}

#[test]
fn what_changes_while_a_tie_out_reads_is_no_difference() {
    let world = World::start();
    let all = invoices(&world);
    let [arrived, late, again] = [&all[0], &all[1], &all[2]];
    // SYSPRO has been read, and ServiceNow's rows are asked for
    let before = world.servicenow.faults_triggered();
    let listing = FaultRule::always(Fault::Held).on_method("GET").on_path("/api/now/table/x_apo_invoice");
    world.servicenow.set_fault(listing.on_body("STARTSWITHEDU1/invoice/"));
    let mut command = world.command(&["--output", "json", "tie-out", "--entity", "invoice"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("it asks for the rows", Duration::from_secs(60), || (world.servicenow.faults_triggered() > before).then_some(()));
    // one changes, one is new, and both arrive; one changes once more after its change has arrived, and one after the cut alone
    refer(&world, arrived, "arrived");
    refer(&world, again, "first");
    let new = [("Supplier", "042"), ("Invoice", "NEW1"), ("InvoiceDate", "2026-01-15"), ("OrigInvValue", "12.34"), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApInvoice", &new).unwrap();
    world.rest(&["sync", "--sweep", "--entity", "invoice"]).unwrap();
    refer(&world, again, "second");
    refer(&world, late, "late");
    world.servicenow.clear_faults();
    let out = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    let found = report["differences"].as_array().unwrap();
    assert_eq!((found.len(), out.status.code()), (1, Some(0)), "{report:#}");
    let shown = [&found[0]["syspro"], &found[0]["servicenow"], &found[0]["cause"], &found[0]["open"]];
    assert_eq!(shown, [&json!("second"), &json!("first"), &json!("not_read_yet"), &json!(false)], "{report:#}");
    assert!(report["buckets"].as_array().unwrap().iter().all(|one| one["state"] != "untied" && one["state"] != "unverified"), "{report:#}");
}

#[test]
fn amounts_that_the_named_differences_do_not_explain_are_not_verified() {
    // with its currency, an amount cannot be compared with a number that the instance may have converted
    let (world, definitions) = under(|shipped| {
        shipped.replacen(
            "u_amount_invoiced = { from = \"OrigInvValue\", as = \"amount\" }",
            "u_amount_invoiced = { from = \"OrigInvValue\", as = \"amount\", with_currency = true }",
            1,
        )
    });
    let tie_out = delivered(&world, &definitions);
    let (report, exit) = tie_out();
    assert_eq!((exit, differences(&report).len()), (Some(0), 0), "{report:#}");
    let rows = world.servicenow.rows(INVOICES);
    let amount = |row: &Row| row["u_amount_invoiced"].strip_prefix("ZAR;").map(|amount| amount.parse::<Decimal>().unwrap());
    let row = rows.iter().find(|row| amount(row).is_some_and(|amount| amount > Decimal::ZERO)).unwrap();
    let other = amount(row).unwrap() + Decimal::ONE;
    assert!(world.servicenow.edit_row(INVOICES, &row["sys_id"], &[("u_amount_invoiced", &other.to_string())]));
    let (report, exit) = tie_out();
    assert_eq!((exit, differences(&report).len()), (Some(8), 0), "{report:#}");
    let buckets = report["buckets"].as_array().unwrap();
    let wrong: Vec<&Value> = buckets.iter().filter(|one| one["state"] != "tied").collect();
    assert_eq!((wrong.len(), &wrong[0]["state"], &wrong[0]["difference"]), (1, &json!("unverified"), &json!("1.00")), "{report:#}");
    assert!(report["blocks"].as_array().unwrap().iter().all(|one| one["unverified"].is_null()), "each side was read: {report:#}");
}

#[test]
fn keys_that_servicenow_considers_equal_are_different_records() {
    let world = World::start();
    let rows = world.servicenow.rows(INVOICES);
    let of = |number: &str| rows.iter().find(|row| row["u_supplier_invoice_number"] == number).unwrap();
    // a key with small letters ends with a digest
    let key = |row: &Row| parts(row).join("/").split('~').next().unwrap().to_owned();
    // two that differ only by case
    let (small, capital) = (of("abc-1"), of("ABC-1"));
    assert!(world.servicenow.edit_row(INVOICES, &small["sys_id"], &[("u_reference", "edited")]));
    assert!(world.servicenow.delete_row(INVOICES, &capital["sys_id"]));
    // a row whose key somebody writes in small letters is no longer the row of its record
    let moved = rows.iter().find(|row| row["u_source_key"].contains("/INV0")).unwrap();
    let lower = moved["u_source_key"].replace("/INV0", "/inv0");
    assert!(world.servicenow.edit_row(INVOICES, &moved["sys_id"], &[("u_source_key", &lower)]));
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    let is = |key: String, kind: &str, cause: &str| (key, kind.to_owned(), cause.to_owned());
    let expected = BTreeSet::from([
        is(key(small), "differs", "changed_in_servicenow"),
        is(key(capital), "missing", "deleted_in_servicenow"),
        is(key(moved), "missing", "deleted_in_servicenow"),
        is(lower.clone(), "extra", "unknown_row"),
    ]);
    assert_eq!((exit, differences(&report)), (Some(3), expected), "{report:#}");
}

#[test]
fn a_side_that_was_not_read_completely_is_not_verified() {
    let world = World::start();
    world.syspro.switch(|switches| switches.left_out = Some(("ApInvoice".into(), 7)));
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    assert_eq!(exit, Some(8), "{report:#}");
    let why: Vec<&str> = report["blocks"].as_array().unwrap().iter().filter_map(|one| one["unverified"].as_str()).collect();
    assert!(why.len() == 2 && why.iter().all(|why| why.contains("SYSPRO counts 26 rows of `ApInvoice`")), "{report:#}");
    // with a part of SYSPRO's records, all others would seem to be too many
    assert_eq!(differences(&report).len(), 0, "{report:#}");
    assert!(report["buckets"].as_array().unwrap().iter().all(|one| one["state"] == "unverified"), "{report:#}");
}

#[test]
fn amounts_that_servicenow_does_not_return_are_not_verified() {
    let (world, definitions) = under(|shipped| {
        shipped.replacen("[header.tie_out]\n", "[header.tie_out]\ncolumns = { u_amount_invoiced = \"amount_elsewhere\" }\n", 1)
    });
    let (report, exit) = delivered(&world, &definitions)();
    assert_eq!(exit, Some(8), "{report:#}");
    let header = report["blocks"].as_array().unwrap().iter().find(|one| one["block"] == "header").unwrap();
    assert!(header["unverified"].as_str().unwrap().contains("so no amount was compared"), "{report:#}");
}
