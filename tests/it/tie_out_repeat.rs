//! A tie-out takes over what an earlier one found where neither system nor the ledger has changed, and nowhere else.

use serde_json::Value;
use tieline::domain::answered::Answered;
use tieline::domain::ids::TieOutId;
use tieline::store::{Store, TieOutReading};
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::database::{Database, settings};
use crate::support::run;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{items, parts, said, tie_out_with};

/// Whether each block of an entity was taken over.
fn taken_over(report: &Value, entity: &str) -> Vec<bool> {
    let blocks = report["blocks"].as_array().unwrap().iter().filter(|one| one["entity"] == entity);
    blocks.map(|one| one["read_at"].is_string()).collect()
}

/// What a tie-out says besides its number and its times.
fn results(report: &Value) -> Value {
    let mut blocks = report["blocks"].clone();
    for block in blocks.as_array_mut().unwrap() {
        for name in ["listed_at", "read_at"] {
            block.as_object_mut().unwrap().remove(name);
        }
    }
    serde_json::json!([report["result"], blocks, report["buckets"], report["controls"], report["subledger"]])
}

/// The sums by supplier of the newest tie-out, in an order of their own: two flows are compared at a time.
fn groups(world: &World) -> Value {
    let (shown, _) = said(world.command(&["--output", "json", "tie-out", "show", "--by", "supplier"]));
    let mut groups = shown["groups"].as_array().unwrap().clone();
    groups.sort_by_key(Value::to_string);
    groups.into()
}

fn update_invoice(world: &World, reference: &str) {
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    let key = parts(&row);
    let of = [("Supplier", key[0].as_str()), ("Invoice", key[1].as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &of, &[("Reference", reference)]).unwrap();
}

#[test]
fn what_has_not_changed_is_taken_over_and_says_the_same() {
    let world = World::start();
    let (first, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{first:#}");
    let of_first = groups(&world);
    let read = |world: &World| world.syspro.traffic(COMPANY, "ApInvoice").requests;
    let before = read(&world);
    let (second, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{second:#}");
    assert_eq!(results(&second), results(&first));
    assert_eq!(groups(&world), of_first);
    assert!(
        of_first.as_array().is_some_and(|groups| !groups.is_empty())
            && first["subledger"].as_array().is_some_and(|lines| !lines.is_empty())
    );
    for block in second["blocks"].as_array().unwrap() {
        assert_eq!(block["read_at"].is_string(), block["left_out"].is_null(), "{block:#}");
        assert_eq!(block["listed_at"].is_string(), block["left_out"].is_null(), "{block:#}");
    }
    // SYSPRO was asked all the same
    assert!(read(&world) > before);
    // a third one takes over what the second one took over
    let (third, _) = tie_out_with(&world, &[]);
    assert_eq!(results(&third), results(&first));
    assert_eq!(taken_over(&third, "invoice"), [true, true], "{third:#}");
    // another period is another question
    let period = first["buckets"].as_array().unwrap().iter().find_map(|bucket| bucket["period"].as_str()).unwrap();
    let (of_period, _) = tie_out_with(&world, &["--period", period]);
    assert_eq!(taken_over(&of_period, "invoice"), [false, false], "{of_period:#}");
    let (of_period, _) = tie_out_with(&world, &["--period", period]);
    assert_eq!(taken_over(&of_period, "invoice"), [true, true], "{of_period:#}");
    let (all, _) = tie_out_with(&world, &[]);
    assert_eq!((taken_over(&all, "invoice"), results(&all)), (vec![false, false], results(&first)), "{all:#}");
    // on request all of it is compared
    let (fresh, _) = tie_out_with(&world, &["--entity", "invoice", "--fresh"]);
    assert_eq!(taken_over(&fresh, "invoice"), [false, false], "{fresh:#}");
}

#[test]
fn a_change_in_syspro_is_found_and_the_other_flows_are_taken_over() {
    let world = World::start();
    assert_eq!(tie_out_with(&world, &[]).1, Some(0));
    update_invoice(&world, "Silent");
    let (changed, _) = tie_out_with(&world, &[]);
    assert_eq!(taken_over(&changed, "invoice"), [false, false], "{changed:#}");
    assert_eq!(taken_over(&changed, "supplier"), [true], "{changed:#}");
    let found = items(&world, &[]);
    assert_eq!((found.len(), found[0]["cause"].as_str()), (1, Some("not_read_yet")), "{found:#?}");
    // with a difference, the flow is compared each time
    let (again, _) = tie_out_with(&world, &[]);
    assert_eq!(taken_over(&again, "invoice"), [false, false], "{again:#}");
    assert_eq!(items(&world, &[]).len(), 1);
    // it is delivered: the ledger and ServiceNow have changed
    world.rest(&["sync", "--sweep"]).unwrap();
    let (delivered, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, taken_over(&delivered, "invoice")), (Some(0), vec![false, false]), "{delivered:#}");
    let (settled, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, taken_over(&settled, "invoice")), (Some(0), vec![true, true]), "{settled:#}");
    // new records
    world.syspro.tick(1).unwrap();
    let (report, _) = tie_out_with(&world, &[]);
    assert_eq!(taken_over(&report, "invoice"), [false, false], "{report:#}");
    assert!(items(&world, &[]).iter().any(|item| item["kind"] == "missing"), "{report:#}");
}

#[test]
fn a_change_in_servicenow_or_of_the_ledger_alone_is_compared() {
    let world = World::start();
    assert_eq!(tie_out_with(&world, &[]).1, Some(0));
    // the ledger: an event of a document, though both systems stay as they are
    let document = world.database.psql("SELECT min(id) FROM document WHERE entity = 'supplier'");
    world.database.psql(&format!("INSERT INTO audit (kind, document_id, actor) VALUES ('replayed', {document}, 'somebody')"));
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, taken_over(&report, "supplier")), (Some(0), vec![false]), "{report:#}");
    assert_eq!(taken_over(&report, "invoice"), [true, true], "{report:#}");
    // ServiceNow
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_supplier_invoice_number", "edited")]));
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, taken_over(&report, "invoice")), (Some(3), vec![false, false]), "{report:#}");
    assert_eq!(taken_over(&report, "supplier"), [true], "{report:#}");
}

#[test]
fn an_answer_that_does_not_come_is_not_the_same() {
    let world = World::start();
    assert_eq!(tie_out_with(&world, &[]).1, Some(0));
    world.syspro.faults.push(FaultRule::always(Fault::Status(500)).on_path(&world.table_path("ApSupplier")));
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(5), "{report:#}");
    let block = report["blocks"].as_array().unwrap().iter().find(|one| one["entity"] == "supplier").unwrap();
    assert!(block["unread"] == true && block["read_at"].is_null(), "{block:#}");
    world.syspro.faults.clear();
    // what was not read is not taken over
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, taken_over(&report, "supplier")), (Some(0), vec![false]), "{report:#}");
    let (report, _) = tie_out_with(&world, &[]);
    assert_eq!(taken_over(&report, "supplier"), [true], "{report:#}");
}

#[test]
fn what_results_depend_on_besides_the_answers_is_compared() {
    let world = World::start();
    let invoices = |setting: Option<(&str, &str)>| {
        let mut command = world.command(&["--output", "json", "tie-out", "--entity", "invoice"]);
        command.envs(setting);
        let (report, exit) = said(command);
        assert_eq!(exit, Some(0), "{report:#}");
        taken_over(&report, "invoice")
    };
    let changed = |what: &str, setting: Option<(&str, &str)>| {
        assert_eq!((invoices(setting), invoices(setting)), (vec![false, false], vec![true, true]), "{what}");
    };
    changed("the first one", None);
    // SYSPRO would answer the earlier requests as before
    changed("a setting of SYSPRO", Some(("TIELINE__SYSPRO__PAGE_SIZE", "7")));
    changed("the setting as it was", None);
    world.syspro.switch(|switches| switches.metadata = false);
    changed("no types of columns", None);
    let shipped = include_str!("../../config/profiles/apo/invoice.toml");
    let own = shipped.replacen("supplier = \"u_supplier\"\n", "", 1);
    assert_ne!(own, shipped);
    let directory = world.site.path("definitions");
    std::fs::create_dir_all(directory.join("profiles/apo")).unwrap();
    std::fs::write(directory.join("profiles/apo/invoice.toml"), own).unwrap();
    changed("definitions", Some(("TIELINE__DEFINITIONS__DIRECTORY", directory.to_str().unwrap())));
}

/// Each condition alone, as the ledger has it: what may have changed, or was not compared to its end, is read again.
#[test]
fn only_what_was_verified_without_a_difference_and_to_its_end_is_taken_over() {
    let world = World::start();
    let invoices = || taken_over(&tie_out_with(&world, &["--entity", "invoice"]).0, "invoice");
    assert_eq!((invoices(), invoices()), (vec![false, false], vec![true, true]));
    for (what, change) in [
        ("the read did not end", "UPDATE tie_out_read SET complete = false"),
        ("the tie-out did not end", "UPDATE tie_out SET state = 'failed' WHERE id = (SELECT max(id) FROM tie_out)"),
        ("the ledger was restored since", "UPDATE tie_out_read SET life = life - 1"),
        ("ServiceNow was listed since", "UPDATE tie_out_listing SET listed_at = now()"),
        (
            "there is a difference",
            "INSERT INTO tie_out_item (tie_out_id, company, entity, block, document_key, record_key, currency, kind, cause)
             SELECT max(id), 'EDU1', 'invoice', 'header', 'K', '', 'ZAR', 'missing', 'deleted_in_servicenow' FROM tie_out",
        ),
        (
            "a block is not verified",
            "UPDATE tie_out_block SET unverified = 'x' WHERE block = 'lines' AND tie_out_id = (SELECT max(id) FROM tie_out)",
        ),
        (
            "a block was not read",
            "UPDATE tie_out_block SET unread = true WHERE block = 'lines' AND tie_out_id = (SELECT max(id) FROM tie_out)",
        ),
        (
            "a sum is not verified",
            "UPDATE tie_out_bucket SET verdict = 'unverified' WHERE id = (SELECT max(id) FROM tie_out_bucket WHERE entity = 'invoice')",
        ),
    ] {
        world.database.psql(change);
        assert_eq!((invoices(), invoices()), (vec![false, false], vec![true, true]), "{what}");
    }
}

#[test]
fn of_two_tie_outs_that_read_at_once_the_later_one_counts() {
    run(async {
        let database = Database::migrated().await;
        let store = Store::connect(&settings(), &database.url()).unwrap();
        database.psql("INSERT INTO tie_out (requested_by, why, state, ended_at) SELECT 'x', 'y', 'done', now() FROM generate_series(1, 2)");
        let of = || TieOutReading { company: "A".into(), entity: "invoice".into(), basis: "b".into() };
        let answer = |address: &str| vec![Answered { address: address.into(), digest: [7; 32] }];
        let (one, other) = (TieOutId(1), TieOutId(2));
        store.tie_out_reading(one, of()).await.unwrap();
        store.tie_out_reading(other, of()).await.unwrap();
        store.tie_out_answered(other, of(), 1, answer("later")).await.unwrap();
        // the first one goes on to its end
        store.tie_out_answered(one, of(), 2, answer("earlier")).await.unwrap();
        store.tie_out_was_read(one, of()).await.unwrap();
        assert!(store.tie_out_read_before(of()).await.unwrap().is_none(), "the later one has not ended");
        store.tie_out_was_read(other, of()).await.unwrap();
        assert_eq!(store.tie_out_read_before(of()).await.unwrap().map(|read| read.tie_out_id), Some(other));
        assert_eq!(store.tie_out_answers(of(), 0, 10).await.unwrap(), answer("later"));
    });
}
