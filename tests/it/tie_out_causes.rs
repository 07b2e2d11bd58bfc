//! Causes that only the two systems can tell, planted through the simulators as people and jobs would make them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use tieline_sim::servicenow::ServiceNowOptions;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{counted, items, parts, said, tie_out_with};

/// The differences by kind and cause.
fn counts(found: &[Value]) -> Vec<(String, String, usize)> {
    counted(found).into_iter().map(|((kind, cause), count)| (kind, cause, count)).collect()
}

fn is(kind: &str, cause: &str, count: usize) -> (String, String, usize) {
    (kind.to_owned(), cause.to_owned(), count)
}

#[test]
fn what_syspro_purged_after_payment_is_told_from_what_it_lost() {
    let world = World::start();
    let rows = world.servicenow.rows("x_apo_invoice");
    let is_paid = |row: &&BTreeMap<String, String>| row["u_amount_open"].trim_matches(['0', '.', '-']).is_empty();
    let paid = rows.iter().find(is_paid).unwrap();
    let open = rows.iter().find(|row| !is_paid(row)).unwrap();
    let lines = |row: &BTreeMap<String, String>| {
        let of = |line: &&BTreeMap<String, String>| line["u_invoice_source_key"] == row["u_source_key"];
        world.servicenow.rows("x_apo_invoice_line").iter().filter(of).count()
    };
    for row in [paid, open] {
        let key = parts(row);
        world.syspro.delete(COMPANY, "ApInvoice", &[("Supplier", &key[0]), ("Invoice", &key[1])]).unwrap();
    }
    let (report, exit) = tie_out_with(&world, &[]);
    // the next sweep ends both
    assert_eq!(exit, Some(0), "{report:#}");
    let found = items(&world, &[]);
    assert_eq!(counts(&found), [is("extra", "gone", 1 + lines(open)), is("extra", "purged", 1 + lines(paid))], "{found:#?}");
    // they count in the period of their last content
    assert!(found.iter().all(|item| item["period"].is_number()), "{found:#?}");
    world.rest(&["sync", "--sweep"]).unwrap();
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, items(&world, &[]).len()), (Some(0), 0), "{report:#}");
}

#[test]
fn what_a_rule_leaves_out_is_named_with_the_rule() {
    let world = World::start();
    // a posted journal is put on hold: the definition reads posted ones alone
    let row = world.servicenow.rows("x_apo_gl_posting").swap_remove(0);
    let key = parts(&row);
    let of = [("GlYear", key[0].as_str()), ("GlPeriod", &key[1]), ("GlJournal", &key[2])];
    world.syspro.update(COMPANY, "GenJournalCtl", &of, &[("JnlStatus", "H")]).unwrap();
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    let found = items(&world, &[]);
    assert!(!found.is_empty());
    for item in &found {
        assert_eq!((item["kind"].as_str(), item["cause"].as_str(), &item["open"]), (Some("extra"), Some("left_out"), &Value::Bool(false)));
        assert!(item["message"].as_str().unwrap().contains("JnlStatus eq 'P'"), "{item:#}");
    }
    let shown = text(&world.command(&["tie-out", "items"]).output().unwrap());
    assert!(shown.contains("left out by a rule") && shown.contains("check that the rule"), "{shown}");
}

#[test]
fn what_is_older_than_the_first_date_is_left_out() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    let mut dates = source::rows(&world.syspro, COMPANY, "ApInvoice", |cell| cell("InvoiceDate").date().max(cell("JournalDate").date()));
    dates.sort();
    let since = dates[dates.len() / 2].unwrap().to_string();
    let command = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__FLOWS__SINCE", &since);
        command
    };
    let started = Instant::now();
    loop {
        let out = command(&["sync"]).output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
        if world.left() == "0" {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "{}", text(&out));
    }
    let (report, exit) = said(command(&["--output", "json", "tie-out", "--entity", "invoice"]));
    let found = items(&world, &["--entity", "invoice"]);
    let causes: BTreeSet<&str> = found.iter().filter_map(|item| item["cause"].as_str()).collect();
    assert_eq!((causes, exit), (BTreeSet::from(["left_out"]), Some(0)), "{found:#?} {report:#}");
    assert!(found.iter().all(|item| item["message"].as_str().unwrap().contains("flows.since")), "{found:#?}");
    // without that date, no run has read them
    let (_, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    let found = items(&world, &["--entity", "invoice"]);
    assert!(exit == Some(0) && found.iter().all(|item| item["cause"] == "not_read_yet"), "{found:#?}");
}

#[test]
fn what_servicenow_has_not_processed_is_staged_with_its_age() {
    let world = World::start();
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    let staged = world.servicenow.rows("sn_apo_invoice");
    let own: Vec<_> = staged.iter().filter(|one| one["u_source_key"] == row["u_source_key"]).collect();
    for one in &own {
        assert!(world.servicenow.edit_row("sn_apo_invoice", &one["sys_id"], &[("sys_import_state", "pending")]));
    }
    assert!(world.servicenow.delete_row("x_apo_invoice", &row["sys_id"]));
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    let found = items(&world, &[]);
    assert_eq!(counts(&found), [is("missing", "staged", 1)], "{found:#?}");
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.contains("staged at ") && message.contains(" min ago"), "{message}");
    // processed, and still no row: somebody deleted it
    for one in &own {
        assert!(world.servicenow.edit_row("sn_apo_invoice", &one["sys_id"], &[("sys_import_state", "inserted")]));
    }
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(counts(&items(&world, &[])), [is("missing", "deleted_in_servicenow", 1)]);
}

#[test]
fn a_column_that_rounds_or_has_its_own_currency_is_told_from_a_person() {
    let world = World::start();
    let rows = world.servicenow.rows("x_apo_invoice");
    let mut uneven = rows.iter().filter(|row| {
        let cents = row["u_amount_invoiced"].split_once('.').map(|(_, cents)| cents);
        cents.is_some_and(|cents| cents.len() == 2 && !cents.ends_with('0'))
    });
    let (rounded, converted, changed) = (uneven.next().unwrap(), uneven.next().unwrap(), uneven.next().unwrap());
    let edit = |row: &BTreeMap<String, String>, text: &str| {
        assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", text)]));
    };
    let amount: rust_decimal::Decimal = rounded["u_amount_invoiced"].parse().unwrap();
    edit(rounded, &amount.round_dp(1).to_string());
    edit(converted, "XTS;7.25");
    edit(changed, "0.07");
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(3), "{report:#}");
    let found = items(&world, &[]);
    let of = |row: &BTreeMap<String, String>| -> Vec<&str> {
        let key = row["u_source_key"].strip_prefix("EDU1/invoice/").unwrap();
        let own = found.iter().filter(|item| item["document_key"] == key);
        own.map(|item| item["cause"].as_str().unwrap()).collect()
    };
    assert_eq!((of(rounded), of(changed)), (vec!["rounding"], vec!["changed_in_servicenow"]), "{found:#?}");
    // missing in the record's currency, and too much in the column's
    assert_eq!((of(converted), found.len()), (vec!["rounding", "rounding"], 4), "{found:#?}");
    let buckets = report["buckets"].as_array().unwrap();
    assert!(buckets.iter().any(|bucket| bucket["currency"] == "XTS" && bucket["servicenow"]["sum"] == "7.25"), "{report:#}");
    assert!(buckets.iter().all(|bucket| bucket["state"] != "unverified"), "{report:#}");
}

#[test]
fn a_row_that_is_counted_and_not_shown_is_hidden() {
    let hides = |options: &mut ServiceNowOptions| {
        options.table("x_apo_invoice").unwrap().hidden = Some(("u_reference".into(), "not for you".into()));
    };
    let world = World::with(hides).settled();
    let mut rows = world.servicenow.rows("x_apo_invoice");
    let (hidden, deleted) = (rows.swap_remove(0), rows.swap_remove(0));
    assert!(world.servicenow.edit_row("x_apo_invoice", &hidden["sys_id"], &[("u_reference", "not for you")]));
    assert!(world.servicenow.delete_row("x_apo_invoice", &deleted["sys_id"]));
    let (report, exit) = tie_out_with(&world, &[]);
    // what cannot be read is not verified, and named as far as it is known
    assert_eq!(exit, Some(8), "{report:#}");
    let found = items(&world, &[]);
    assert_eq!(counts(&found), [is("missing", "deleted_in_servicenow", 1), is("missing", "hidden", 1)], "{found:#?}");
    assert!(found.iter().any(|item| item["message"].as_str().is_some_and(|text| text.contains(&hidden["u_source_key"]))), "{found:#?}");
    let block = report["blocks"].as_array().unwrap().iter().find(|block| block["unverified"].is_string()).unwrap();
    assert!(block["unverified"].as_str().unwrap().contains("1 rows of `x_apo_invoice` are hidden"), "{block:#}");
}
