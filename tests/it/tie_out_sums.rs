//! The sums that ServiceNow itself computes, against those of the rows that it lists: a row that a listing loses is found, a column that
//! cannot be added up is named with its reason, and an unchanged table is not asked again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::schema::ColumnKind;
use tieline_sim::servicenow::{AggregateRights, ServiceNowOptions};

use crate::support::node::wait_for;
use crate::support::world::World;
use crate::tie_out::{items, tie_out_with};
use crate::tie_out_guards::delivered;

const INVOICES: &str = "x_apo_invoice";

/// An instance that keeps the amounts of invoices as numbers, those of their lines as texts and those of postings as money.
fn typed(options: &mut ServiceNowOptions) {
    options.dictionary = true;
    options.table(INVOICES).unwrap().set_column("u_amount_invoiced", ColumnKind::Decimal);
    options.table("x_apo_invoice_line").unwrap().set_column("u_line_amount_invoiced", ColumnKind::Text(40));
    options.table("x_apo_gl_posting").unwrap().set_column("u_amount", ColumnKind::Currency);
}

/// The same, whose lists lose the rows with this reference.
fn loses(options: &mut ServiceNowOptions, rights: AggregateRights) {
    typed(options);
    options.aggregate_rights = rights;
    options.table(INVOICES).unwrap().unlisted = Some(("u_reference".into(), "lost".into()));
}

/// A row of nobody, which no list shows.
fn lose(world: &World) {
    let row = [
        ("u_source_key", "EDU1/invoice/NOBODY/1"),
        ("u_amount_invoiced", "77.00"),
        ("u_currency", "ZAR"),
        ("u_posting_year", "2001"),
        ("u_posting_period", "3"),
        ("u_reference", "lost"),
    ];
    world.servicenow.insert_row(INVOICES, &row).unwrap();
}

fn block(report: &Value, entity: &str, name: &str) -> Value {
    let blocks = report["blocks"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    blocks.iter().find(|one| one["entity"] == entity && one["block"] == name).unwrap_or_else(|| panic!("{report:#}")).clone()
}

/// What a tie-out says, and the requests that ServiceNow got for it.
fn counted(world: &World, options: &[&str]) -> (Value, Option<i32>, BTreeMap<String, u64>) {
    let before = world.servicenow.requests();
    let (report, exit) = tie_out_with(world, options);
    let mut requests = world.servicenow.requests();
    for (name, count) in before {
        if let Some(now) = requests.get_mut(&name) {
            *now -= count;
        }
    }
    requests.retain(|_, count| *count > 0);
    (report, exit, requests)
}

#[test]
fn numbers_are_summed_with_one_request_and_other_columns_are_named_with_their_reason() {
    let world = World::with(typed).settled();
    let (report, exit, requests) = counted(&world, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    let header = block(&report, "invoice", "header");
    assert!(header["summed_groups"].as_i64().is_some_and(|groups| groups > 1), "{header:#}");
    assert_eq!(header["not_summed"], Value::Null, "{header:#}");
    let why = |entity: &str, name: &str| block(&report, entity, name)["not_summed"].as_str().unwrap_or_default().to_owned();
    let lines = why("invoice", "lines");
    assert!(lines.contains("`u_line_amount_invoiced` of `x_apo_invoice_line` is of the type `string`"), "{lines}");
    let postings = why("gl_posting", "lines");
    assert!(
        postings.contains("`u_amount` of `x_apo_gl_posting` is of the type `currency`") && postings.contains("reference"),
        "{postings}"
    );
    // what has no amounts has nothing to say
    assert_eq!(why("supplier", "header"), "");
    let sums = |requests: &BTreeMap<String, u64>| requests.get("GET /api/now/stats").copied().unwrap_or_default();
    // a change vector of each of the tables that were listed, and the sums of the one that can be summed
    let tables = report["blocks"].as_array().unwrap().iter().filter(|one| one["tables"].as_array().unwrap().len() == 1).count() as u64;
    assert_eq!(sums(&requests), tables + 1, "{requests:#?}");
    // nothing has changed: no table is listed or summed again, and what was found is still said
    let (again, exit, requests) = counted(&world, &[]);
    let listed = requests.get("GET /api/now/table");
    assert_eq!((exit, sums(&requests), listed), (Some(0), tables, None), "{requests:#?}");
    assert!(requests.values().sum::<u64>() <= 10, "{requests:#?}");
    for (entity, name) in [("invoice", "header"), ("invoice", "lines"), ("gl_posting", "lines")] {
        let (was, is) = (block(&report, entity, name), block(&again, entity, name));
        assert_eq!((&is["summed_groups"], &is["not_summed"]), (&was["summed_groups"], &was["not_summed"]), "{is:#}");
    }
    let out = world.command(&["tie-out", "show"]).output().unwrap();
    let shown = crate::binary::text(&out);
    assert!(shown.contains("ServiceNow's own sums were not compared: `u_line_amount_invoiced`"), "{shown}");
}

#[test]
fn a_row_that_lists_lose_and_sums_count_is_found_with_both_numbers() {
    let world = World::with(|options| loses(options, AggregateRights::Table)).settled();
    lose(&world);
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    assert_eq!(exit, Some(8), "{report:#}");
    let header = block(&report, "invoice", "header");
    let why = header["unverified"].as_str().unwrap_or_default();
    let said = "`x_apo_invoice`, ZAR 2001 3: ServiceNow counts 1 rows and sums 77, the 0 rows read sum to 0";
    assert_eq!(why, said, "{header:#}");
    assert!(block(&report, "invoice", "lines")["unverified"].is_null(), "{report:#}");
    // no difference is claimed, and no sum of the block counts as tied
    assert_eq!(items(&world, &[]), Vec::<Value>::new());
    let sums = report["buckets"].as_array().unwrap().iter().filter(|one| one["block"] == "header");
    assert!(sums.clone().count() > 0 && sums.clone().all(|one| one["state"] == "unverified"), "{report:#}");
    // it is not forgotten: the table is listed and summed until both agree
    assert_eq!(tie_out_with(&world, &["--entity", "invoice"]).1, Some(8));
    let row = world.servicenow.find(INVOICES, "u_source_key", "EDU1/invoice/NOBODY/1").unwrap();
    assert!(world.servicenow.delete_row(INVOICES, &row["sys_id"]));
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert!(block(&report, "invoice", "header")["summed_groups"].is_i64(), "{report:#}");
}

#[test]
fn a_release_that_refuses_to_count_hidden_rows_is_not_asked_for_their_sums() {
    let world = World::with(|options| loses(options, AggregateRights::EveryRow)).settled();
    lose(&world);
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    let header = block(&report, "invoice", "header");
    assert_eq!((exit, &header["unverified"], &header["summed_groups"]), (Some(0), &Value::Null, &Value::Null), "{report:#}");
    let why = header["not_summed"].as_str().unwrap_or_default();
    assert!(why.contains("ServiceNow does not say whether `x_apo_invoice` changes"), "{header:#}");
    // a hidden row that is counted is reported by both: the count of the list and the sums
    let hides = |options: &mut ServiceNowOptions| {
        typed(options);
        options.aggregate_rights = AggregateRights::Table;
        options.table(INVOICES).unwrap().hidden = Some(("u_reference".into(), "lost".into()));
    };
    let world = World::with(hides).settled();
    lose(&world);
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    let header = block(&report, "invoice", "header");
    let why = header["unverified"].as_str().unwrap_or_default();
    assert_eq!(exit, Some(8), "{header:#}");
    assert!(why.contains("1 rows of `x_apo_invoice` are hidden") && why.contains("ServiceNow counts"), "{header:#}");
}

#[test]
fn a_table_that_changes_while_it_is_listed_is_not_compared_with_its_sums() {
    let world = World::with(typed).settled();
    // the sums are held until a row was added behind the listing
    let sums = FaultRule::always(Fault::Held).on_table(INVOICES).on_body("sysparm_group_by").times(1);
    world.servicenow.set_fault(sums);
    let mut command = world.command(&["--output", "json", "tie-out", "--entity", "invoice", "--why", "month end"]);
    // held for longer than the request may take otherwise
    command.env("TIELINE__SERVICENOW__REQUEST_QUOTA_SECONDS", "60");
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    wait_for("the sums", Duration::from_secs(60), || (world.servicenow.faults_triggered() == 1).then_some(()));
    let row = [("u_source_key", "EDU1/invoice/NOBODY/1"), ("u_amount_invoiced", "77.00"), ("u_currency", "ZAR")];
    let id = world.servicenow.insert_row(INVOICES, &row).unwrap();
    world.servicenow.clear_faults();
    let out = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let header = block(&report, "invoice", "header");
    assert_eq!((out.status.code(), &header["unverified"]), (Some(0), &Value::Null), "{header:#}");
    assert_eq!(header["not_summed"], json!("`x_apo_invoice` changed while it was listed"), "{header:#}");
    assert!(world.servicenow.delete_row(INVOICES, &id));
    let (report, exit) = tie_out_with(&world, &["--entity", "invoice"]);
    let header = block(&report, "invoice", "header");
    assert_eq!((exit, header["summed_groups"].is_i64(), &header["not_summed"]), (Some(0), true, &Value::Null), "{header:#}");
}

/// Under the shipped profile of invoices with one more line for the header, and nothing delivered yet.
fn declared(options: impl FnOnce(&mut ServiceNowOptions), line: &str) -> (World, String) {
    let world = World::with(options);
    let shipped = include_str!("../../config/profiles/apo/invoice.toml");
    let own = shipped.replacen("[header.tie_out]\n", &format!("[header.tie_out]\n{line}\n"), 1);
    let directory = world.site.path("definitions");
    std::fs::create_dir_all(directory.join("profiles/apo")).unwrap();
    std::fs::write(directory.join("profiles/apo/invoice.toml"), own).unwrap();
    world.set_credentials(&|arguments| world.command(arguments));
    (world, directory.display().to_string())
}

#[test]
fn a_definition_says_whether_a_column_can_be_summed_and_what_is_no_number_is_named() {
    let (world, definitions) = declared(typed, "sums = false");
    let (report, exit) = delivered(&world, &definitions)();
    let why = block(&report, "invoice", "header")["not_summed"].as_str().unwrap_or_default().to_owned();
    assert!(exit == Some(0) && why.contains("`sums` of the definition says that `u_amount_invoiced`"), "{report:#}");

    // texts that are declared to be numbers: the instance leaves out their sum
    let texts = |options: &mut ServiceNowOptions| options.table(INVOICES).unwrap().set_column("u_amount_invoiced", ColumnKind::Text(40));
    let (world, definitions) = declared(texts, "sums = true");
    let tie_out = delivered(&world, &definitions);
    let (report, exit) = tie_out();
    let header = block(&report, "invoice", "header");
    let why = header["not_summed"].as_str().unwrap_or_default();
    assert!(why.contains("ServiceNow leaves out the sum of `u_amount_invoiced`") && header["unverified"].is_null(), "{header:#}");
    assert_eq!(exit, Some(0), "{report:#}");
    // one of them is no number
    let row = world.servicenow.rows(INVOICES).swap_remove(0);
    assert!(world.servicenow.edit_row(INVOICES, &row["sys_id"], &[("u_amount_invoiced", "twelve")]));
    let header = block(&tie_out().0, "invoice", "header");
    let why = header["not_summed"].as_str().unwrap_or_default();
    assert!(why.contains("is `twelve`, which is no number") && header["unverified"].is_null(), "{header:#}");
}
