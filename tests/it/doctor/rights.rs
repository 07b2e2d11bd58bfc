//! The right to create: proven by a row that is deleted again, and the message if it is not.

use std::process::Output;

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::ServiceNowOptions;

use super::rows;
use crate::cli::json;
use crate::support::world::World;

const KEY: &str = "u_source_key";

/// A world whose target tables hold one row each, so that their columns show.
fn world(change: impl FnOnce(&mut ServiceNowOptions)) -> World {
    let world = World::with(change);
    world.set_credentials(&|arguments| world.command(arguments));
    for table in ["cmn_cost_center", "itfm_gl_accounts", "proc_po", "proc_po_item"] {
        world.servicenow.insert_row(table, &[(KEY, "somebody's"), ("u_source_version", "1")]).unwrap();
    }
    // where transforms have put rows until now
    for (staging, target) in [
        ("sn_apo_supplier", "x_apo_supplier"),
        ("sn_apo_invoice", "x_apo_invoice"),
        ("sn_apo_invoice_line", "x_apo_invoice_line"),
        ("sn_apo_gl_posting", "x_apo_gl_posting"),
    ] {
        let marks = [(KEY, "somebody's"), ("sys_import_state", "inserted"), ("sys_target_table", target)];
        world.servicenow.insert_row(staging, &marks).unwrap();
        world.servicenow.insert_row(target, &[(KEY, "somebody's")]).unwrap();
    }
    world
}

fn doctor(world: &World, more: &[&str]) -> Output {
    let mut command = world.command(&["doctor", "--output", "json"]);
    command.args(more).output().unwrap()
}

fn right<'a>(answer: &'a Value, table: &str) -> &'a Value {
    let found = rows(answer, "right to create in ").into_iter().filter(|row| row["what"] == format!("right to create in {table}"));
    let found: Vec<&Value> = found.collect();
    assert_eq!(found.len(), 1, "{table}: {answer}");
    found[0]
}

fn is(row: &Value, verdict: &str, words: &str) {
    let said = format!("{} {}", row["found"].as_str().unwrap(), row["to_do"].as_str().unwrap());
    assert!(row["verdict"] == verdict && said.contains(words), "not {verdict} with `{words}`: {row}");
}

/// How many rows every table has in which something could have been left.
fn row_counts(world: &World) -> Vec<(&'static str, usize)> {
    let tables = [
        "cmn_cost_center",
        "itfm_gl_accounts",
        "proc_po",
        "proc_po_item",
        "sn_apo_supplier",
        "sn_apo_invoice",
        "sn_apo_invoice_line",
        "sn_apo_gl_posting",
        "x_apo_supplier",
        "x_apo_invoice",
        "x_apo_invoice_line",
        "x_apo_gl_posting",
    ];
    tables.into_iter().map(|table| (table, world.servicenow.count(table))).collect()
}

#[test]
fn it_is_proven_without_a_row_that_stays() {
    let world = world(|_| ());
    let before = row_counts(&world);
    let answer = json(&doctor(&world, &[]), 0);
    for table in ["cmn_cost_center", "itfm_gl_accounts", "proc_po", "proc_po_item"] {
        is(right(&answer, table), "ok", "was deleted");
    }
    for table in ["sn_apo_supplier", "sn_apo_invoice", "sn_apo_invoice_line", "sn_apo_gl_posting"] {
        is(right(&answer, table), "ok", "could be staged");
    }
    assert!(answer.as_array().unwrap().iter().all(|row| row["system"].is_string()), "{answer}");
    assert_eq!(row_counts(&world), before);
    assert_eq!(world.servicenow.writes(), 12, "four rows made, and these and four staging rows taken away");

    // nothing is written at all where only reading was asked for
    let answer = json(&doctor(&world, &["--read-only"]), 0);
    let rights = rows(&answer, "right to create in ");
    assert_eq!(rights.len(), 8);
    rights.into_iter().for_each(|row| is(row, "unknown", "not tried"));
    assert_eq!(world.servicenow.writes(), 12);
}

#[test]
fn an_access_rule_is_told_from_a_rule_and_what_stays_is_named() {
    let world = world(|options| {
        let table = |name: &str| options.tables.iter().position(|table| table.name == name).unwrap();
        let (accounts, orders, items) = (table("itfm_gl_accounts"), table("proc_po"), table("proc_po_item"));
        let (suppliers, invoices, postings) = (table("sn_apo_supplier"), table("sn_apo_invoice"), table("sn_apo_gl_posting"));
        options.tables[suppliers].no_delete = true;
        options.tables[accounts].no_create = true;
        options.tables[orders].mandatory = vec!["number".into()];
        options.tables[items].no_delete = true;
        options.tables[invoices].no_create = true;
        options.tables[postings].maps[0].coalesce.clear();
    });
    world.servicenow.insert_row("x_apo_invoice_line", &[("u_amount", "1")]).unwrap();
    let before = row_counts(&world);
    let answer = json(&doctor(&world, &[]), 1);
    is(right(&answer, "cmn_cost_center"), "ok", "was deleted");
    is(right(&answer, "itfm_gl_accounts"), "failed", "ACL Exception Insert Failed");
    is(right(&answer, "itfm_gl_accounts"), "failed", "a role that creates rows");
    is(right(&answer, "proc_po"), "unknown", "Data Policy Exception");
    is(right(&answer, "sn_apo_invoice"), "failed", "ACL Exception Insert Failed");
    // a map that accepts a row without a key as a new one is reported, and its row deleted
    is(right(&answer, "sn_apo_gl_posting"), "warning", "coalesce on the key column");
    // rows that such a map might change keep it from being tried
    is(right(&answer, "sn_apo_invoice_line"), "unknown", "not tried");

    // the one row that cannot be deleted is named whole, and stays the only one
    let left = world.servicenow.find("proc_po_item", KEY, "tieline-doctor/proc_po_item").expect("it stays");
    let row = right(&answer, "proc_po_item");
    is(row, "failed", &left["sys_id"]);
    is(row, "failed", "`u_source_key` = `tieline-doctor/proc_po_item`");
    is(row, "failed", "ACL Exception Delete Failed");
    // a staging row is removed by the instance itself, and nothing came of it
    is(right(&answer, "sn_apo_supplier"), "warning", "after seven days");
    let stays = ["proc_po_item", "sn_apo_supplier"];
    let with_one = |(table, count): (&'static str, usize)| (table, count + usize::from(stays.contains(&table)));
    let expected: Vec<_> = before.into_iter().map(with_one).collect();
    assert_eq!(row_counts(&world), expected);
    let again = json(&doctor(&world, &[]), 1);
    is(right(&again, "proc_po_item"), "failed", "a row of an earlier test exists");
    is(right(&again, "sn_apo_supplier"), "warning", "after seven days");
    assert_eq!(row_counts(&world), expected, "another row was added");
}

#[test]
fn a_row_that_may_not_be_seen_is_told_of_and_stays_the_only_one() {
    const MARK: &str = "tieline-doctor/proc_po";
    let world = world(|options| options.table("proc_po").unwrap().hidden = Some((KEY.into(), MARK.into())));
    let examined = || {
        let mut command = world.command(&["doctor", "--output", "json"]);
        // with our sys_id the instance itself would refuse another
        json(&command.env("TIELINE__SERVICENOW__DERIVED_SYS_ID", "false").output().unwrap(), 1)
    };
    let count = world.servicenow.count("proc_po");
    let answer = examined();
    is(right(&answer, "proc_po"), "failed", &world.servicenow.find("proc_po", KEY, MARK).expect("it stays")["sys_id"]);
    is(right(&examined(), "proc_po"), "failed", "it may not be read");
    assert_eq!(world.servicenow.count("proc_po"), count + 1);
}

#[test]
fn a_lost_answer_and_an_earlier_try_leave_nothing() {
    let world = world(|_| ());
    let before = row_counts(&world);
    let post = |fault: Fault, table: &str| FaultRule::always(fault).on_method("POST").on_table(table).times(1);
    world.servicenow.set_fault(post(Fault::DropAfterCommit, "cmn_cost_center"));
    world.servicenow.set_fault(post(Fault::Named("operation_failed_after_commit".into()), "proc_po"));
    world.servicenow.set_fault(post(Fault::Status(503), "proc_po_item"));
    world.servicenow.set_fault(post(Fault::DropAfterCommit, "sn_apo_supplier"));
    world.servicenow.set_fault(post(Fault::Status(502), "sn_apo_invoice"));
    world.servicenow.insert_row("itfm_gl_accounts", &[(KEY, "tieline-doctor/itfm_gl_accounts")]).unwrap();
    let answer = json(&doctor(&world, &[]), 0);
    is(right(&answer, "cmn_cost_center"), "ok", "although the answer did not say so");
    is(right(&answer, "proc_po"), "ok", "although the answer did not say so");
    is(right(&answer, "proc_po_item"), "unknown", "no row is there yet");
    is(right(&answer, "itfm_gl_accounts"), "ok", "was deleted");
    is(right(&answer, "sn_apo_supplier"), "ok", "could be staged");
    is(right(&answer, "sn_apo_invoice"), "unknown", "no row is there yet");
    assert_eq!(row_counts(&world), before);
}

#[test]
fn killed_between_making_and_taking_away_the_next_examination_takes_it_away() {
    let world = world(|_| ());
    let before = row_counts(&world);
    for (path, table) in [("table/cmn_cost_center", "cmn_cost_center"), ("import/sn_apo_supplier", "sn_apo_supplier")] {
        let point = format!("kill@http:POST:/api/now/{path}:answered");
        let out = world.command(&["doctor"]).env("TIELINE_FAILPOINT", point).output().unwrap();
        assert_eq!(out.status.code(), None, "it was not killed: {}", crate::binary::text(&out));
        let left = |(name, count): &(&'static str, usize)| (*name, count + usize::from(*name == table));
        assert_eq!(row_counts(&world), before.iter().map(left).collect::<Vec<_>>(), "{table}");
        let answer = json(&doctor(&world, &[]), 0);
        is(right(&answer, table), "ok", "was deleted");
        assert_eq!(row_counts(&world), before);
    }
}
