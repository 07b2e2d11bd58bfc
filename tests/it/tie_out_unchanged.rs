//! A table of ServiceNow that has not changed since the last tie-out is not listed again.

use std::collections::BTreeMap;

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::world::World;
use crate::tie_out::{items, parts, tie_out_with};

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

/// The number of requests that list or read rows.
fn listed(requests: &BTreeMap<String, u64>) -> u64 {
    requests.iter().filter(|(name, _)| name.contains("GET /api/now/table")).map(|(_, count)| count).sum()
}

#[test]
fn an_unchanged_table_is_not_listed_again_and_a_changed_one_is() {
    let world = World::start();
    let (first, exit, requests) = counted(&world, &[]);
    assert_eq!(exit, Some(0), "{first:#}");
    assert!(listed(&requests) >= 8, "{requests:#?}");
    let (second, exit, requests) = counted(&world, &[]);
    assert_eq!(exit, Some(0), "{second:#}");
    assert_eq!(listed(&requests), 0, "{requests:#?}");
    assert!(requests.values().sum::<u64>() <= 10, "{requests:#?}");
    // it shows the same sums, and since when the rows are known
    let sums = |report: &Value| -> Vec<Value> { report["buckets"].as_array().unwrap().clone() };
    assert_eq!(sums(&second), sums(&first));
    let block = |report: &Value| report["blocks"].as_array().unwrap().iter().find(|one| one["entity"] == "invoice").unwrap().clone();
    assert!(block(&first)["listed_at"].is_null() && block(&second)["listed_at"].is_string(), "{second:#}");
    // SYSPRO is read afresh: a change there is found without a listing
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    let key = parts(&row);
    let of = [("Supplier", key[0].as_str()), ("Invoice", &key[1])];
    world.syspro.update(crate::support::world::COMPANY, "ApInvoice", &of, &[("Reference", "Silent")]).unwrap();
    let (report, _, requests) = counted(&world, &[]);
    let found = items(&world, &[]);
    assert_eq!((found.len(), found[0]["cause"].as_str()), (1, Some("not_read_yet")), "{report:#}");
    assert_eq!(listed(&requests), 0, "{requests:#?}");
    // a row that is changed, one that is deleted and one that is added: the table is listed again
    let other = world.servicenow.rows("x_apo_invoice").into_iter().find(|one| one["sys_id"] != row["sys_id"]).unwrap();
    for change in [0, 1, 2] {
        match change {
            0 => assert!(world.servicenow.edit_row("x_apo_invoice", &other["sys_id"], &[("u_supplier_invoice_number", "edited")])),
            1 => assert!(world.servicenow.delete_row("x_apo_invoice", &other["sys_id"])),
            _ => {
                let stranger = [("u_source_key", "EDU1/invoice/NOBODY/1"), ("u_amount_invoiced", "77.00"), ("u_currency", "ZAR")];
                assert!(world.servicenow.insert_row("x_apo_invoice", &stranger).is_some());
            }
        }
        let (report, exit, requests) = counted(&world, &["--entity", "invoice"]);
        assert_eq!(exit, Some(3), "{change}: {report:#}");
        assert!(listed(&requests) > 0, "{change}: {requests:#?}");
        let blocks = report["blocks"].as_array().unwrap();
        let known = |name: &str| blocks.iter().find(|one| one["block"] == name).unwrap()["listed_at"].is_string();
        // its lines have not changed
        assert_eq!([known("header"), known("lines")], [false, true], "{change}: {report:#}");
    }
    // the same differences, found again without a listing: it would fail. Rows that differ are read again by their keys
    let before = items(&world, &[]);
    let listing = FaultRule::always(Fault::Status(403)).on_method("GET").on_path("/api/now/table/x_apo_invoice");
    world.servicenow.set_fault(listing.on_body("STARTSWITHEDU1/invoice/"));
    let triggered = world.servicenow.faults_triggered();
    let (report, exit, _) = counted(&world, &["--entity", "invoice"]);
    assert_eq!((exit, items(&world, &[]).len()), (Some(3), before.len()), "{report:#}");
    assert_eq!(world.servicenow.faults_triggered(), triggered, "{report:#}");
    let (report, exit, _) = counted(&world, &["--entity", "invoice", "--fresh"]);
    assert!(exit != Some(3) && world.servicenow.faults_triggered() > triggered, "a listing is noticed: {report:#}");
    world.servicenow.clear_faults();
    // on request all of it is listed
    let (report, _, requests) = counted(&world, &["--fresh"]);
    assert!(listed(&requests) >= 8, "{requests:#?}");
    assert!(report["blocks"].as_array().unwrap().iter().all(|one| one["listed_at"].is_null()), "{report:#}");
    assert_eq!(report["scope"]["fresh"], true);
}

#[test]
fn an_instance_that_does_not_count_is_listed_as_before() {
    let world = World::start();
    world.servicenow.set_fault(FaultRule::always(Fault::Status(403)).on_path("/api/now/stats/x_apo_invoice"));
    for _ in 0..2 {
        let (report, exit, requests) = counted(&world, &["--entity", "invoice"]);
        assert_eq!(exit, Some(0), "{report:#}");
        assert!(listed(&requests) > 0, "{requests:#?}");
        let header = &report["blocks"].as_array().unwrap()[0];
        assert!(header["listed_at"].is_null() && header["unverified"].is_null(), "{header:#}");
    }
}
