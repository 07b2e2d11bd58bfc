//! Records that SYSPRO deletes while the definition in force does not mark them: they are counted once a definition marks them, and a
//! replay marks them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Under, text_of, world};
use crate::definitions::Files;
use crate::support::node::Node;
use crate::support::world::{COMPANY, World};

const ENTITIES: &str = "supplier,purchase_order,invoice,cost_center";
const ORDER: &str = "M-ORDER";

fn site<'a>(world: &'a World, profile: &str, files: Option<&Files>) -> Under<'a> {
    let mut variables = vec![("FLOWS__ENTITIES", ENTITIES.to_owned()), ("SERVICENOW__PROFILE", profile.to_owned())];
    variables.extend(files.map(|files| ("DEFINITIONS__DIRECTORY", files.path())));
    Under { world, variables }
}

fn add(world: &World, table: &str, values: &[(&str, &str)]) {
    world.syspro.insert(COMPANY, table, values).unwrap();
}

/// An order with three lines, an invoice and a cost centre.
fn filled() -> World {
    let world = world();
    let today = chrono::Utc::now().date_naive().to_string();
    let order = [("OrderStatus", "4"), ("Supplier", "M-1"), ("OrderEntryDate", today.as_str()), ("Currency", "R")];
    add(&world, "ApSupplier", &[("Supplier", "M-1"), ("SupplierName", "One"), ("Currency", "R")]);
    add(&world, "PorMasterHdr", &[&[("PurchaseOrder", ORDER)][..], &order[..]].concat());
    for (line, quantity) in [("1", "5"), ("2", "7"), ("3", "11")] {
        let units = [("MOrderUom", "EA"), ("MPriceUom", "EA"), ("MConvFactPrcUm", "1"), ("MMulDivPrc", "M")];
        let own = [("PurchaseOrder", ORDER), ("Line", line), ("LineType", "1"), ("MStockCode", "A1"), ("MStockDes", "Casting")];
        let price = [("MOrderQty", quantity), ("MPrice", "10.00"), ("MForeignPrice", "10.00")];
        add(&world, "PorMasterDetail", &[&own[..], &units[..], &price[..]].concat());
    }
    let dates = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("Currency", "R")];
    let values = [("Supplier", "M-1"), ("Invoice", "M-9"), ("OrigInvValue", "100.00"), ("MthInvBal1", "100.00")];
    add(&world, "ApInvoice", &[&values[..], &dates[..]].concat());
    add(&world, "BomCostCentre", &[("CostCentre", "M-CC"), ("Description", "To go")]);
    world
}

fn delete(world: &World, table: &str, key: &[(&str, &str)]) {
    world.syspro.delete(COMPANY, table, key).unwrap();
}

fn delete_line(world: &World, line: &str) {
    delete(world, "PorMasterDetail", &[("PurchaseOrder", ORDER), ("Line", line)]);
}

/// A number without the zeros at its end.
fn number(row: &BTreeMap<String, String>, column: &str) -> String {
    row[column].parse::<Decimal>().unwrap().normalize().to_string()
}

/// Line, quantity and state of the order's lines.
fn lines(world: &World) -> Vec<(String, String, String)> {
    let suffix = format!("/{ORDER}/");
    let rows = world.servicenow.rows("proc_po_item").into_iter().filter(|row| row["u_source_key"].contains(&suffix));
    let mut all: Vec<_> = rows.map(|row| (text_of(&row, "u_line"), number(&row, "ordered_quantity"), text_of(&row, "status"))).collect();
    all.sort();
    all
}

fn line(n: &str, quantity: &str, state: &str) -> (String, String, String) {
    (n.to_owned(), quantity.to_owned(), state.to_owned())
}

fn invoice(world: &World) -> (String, String) {
    let row = world.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", "M-9").unwrap();
    (text_of(&row, "u_source_state"), number(&row, "u_amount_open"))
}

fn active(world: &World) -> String {
    text_of(&world.servicenow.find("cmn_cost_center", "code", "M-CC").unwrap(), "u_active")
}

fn outdated(site: &Under<'_>) -> i64 {
    site.flows().iter().map(|flow| flow["outdated"].as_i64().unwrap()).sum()
}

#[test]
fn what_is_deleted_under_another_profile_is_counted_and_marked_after_the_way_back() {
    let world = filled();
    let (apo, s2p) = (site(&world, "apo", None), site(&world, "s2p", None));
    apo.says(&["sync"], 0);
    assert_eq!(lines(&world), [line("1", "5", "ordered"), line("2", "7", "ordered"), line("3", "11", "ordered")]);
    assert_eq!((invoice(&world), active(&world)), (("current".into(), "100".into()), "true".into()));

    delete_line(&world, "2");
    delete(&world, "ApInvoice", &[("Supplier", "M-1"), ("Invoice", "M-9")]);
    delete(&world, "BomCostCentre", &[("CostCentre", "M-CC")]);
    s2p.says(&["sync", "--sweep"], 3);
    // nothing of the other profile's rows is touched, and nothing false is said of them
    assert_eq!((lines(&world)[1].clone(), invoice(&world).0), (line("2", "7", "ordered"), "current".into()));
    let said = s2p.says(&["record", COMPANY, "invoice", "M-1/M-9"], 0);
    assert!(said.contains("ServiceNow has it in `x_apo_invoice` as it was last sent, not marked"), "{said}");
    assert!(said.contains("the definition in force does not write there") && said.contains("x_apo_invoice "), "{said}");
    assert!(!said.contains("never had it"), "{said}");
    let said = s2p.says(&["record", COMPANY, "purchase_order", ORDER], 0);
    assert!(said.contains("in `proc_po_item` as last sent") && said.contains("lines `M-ORDER/"), "{said}");
    // both profiles write cost centres into one table: there it is marked at once
    let said = s2p.says(&["record", COMPANY, "cost_center", "M-CC"], 0);
    assert!(said.contains("gone from SYSPRO, and marked so in ServiceNow at"), "{said}");

    // back again: what was mapped in between is counted, by every counter
    let said = apo.says(&["sync"], 3);
    assert!(said.contains("3 records were mapped under another definition"), "{said}");
    assert_eq!(["purchase_order", "invoice", "cost_center"].map(|entity| apo.outdated(entity)), [1, 1, 1]);
    let said = apo.says(&["status"], 0);
    assert!(said.contains("3 records were mapped under another definition"), "{said}");
    let doctor = crate::binary::text(&apo.run(&["doctor"])).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(doctor.contains("1 of EDU1/invoice") && doctor.contains("1 of EDU1/purchase_order"), "{doctor}");
    let said = apo.says(&["record", COMPANY, "invoice", "M-1/M-9"], 0);
    assert!(said.contains("not marked") && said.contains("`tieline replay --outdated --why …` compares it"), "{said}");
    let mut node = Node::new(&world).with("FLOWS__ENTITIES", ENTITIES);
    node.start_and_wait(&world);
    let (_, metrics) = node.get("/metrics").unwrap();
    assert_eq!(node.terminate(), Some(0));
    for entity in ["purchase_order", "invoice", "cost_center"] {
        assert!(metrics.contains(&format!("tieline_records_outdated{{entity=\"{entity}\"}} 1")), "{metrics}");
    }

    // above what is allowed, nothing is sent
    let writes = world.servicenow.writes();
    let said = apo.replay(&["--allow", "2"], 3);
    assert!(said.contains("3 records differ, and --allow 2 was given: nothing was sent"), "{said}");
    assert_eq!((world.servicenow.writes(), outdated(&apo), lines(&world)[1].clone()), (writes, 3, line("2", "7", "ordered")));
    let said = apo.replay(&["--allow", "3"], 0);
    assert!(said.contains("3 records differ, which is within the limit"), "{said}");
    assert_eq!(lines(&world), [line("1", "5", "ordered"), line("2", "0", "canceled"), line("3", "11", "ordered")]);
    assert_eq!((invoice(&world), active(&world)), (("removed".into(), "0".into()), "false".into()));
    for (entity, key) in [("invoice", "M-1/M-9"), ("cost_center", "M-CC")] {
        let said = apo.says(&["record", COMPANY, entity, key], 0);
        assert!(said.contains("gone from SYSPRO, and marked so in ServiceNow at"), "{said}");
    }
    for table in ["proc_po_item", "proc_po", "x_apo_invoice", "cmn_cost_center"] {
        assert_eq!(world.servicenow.duplicates(table, "u_source_key"), 0, "{table}");
    }
    apo.says(&["sync", "--sweep"], 0);
    assert!(apo.replay(&[], 0).contains("Every record was mapped under the definition in force"));

    // and what comes back is whole
    add(&world, "BomCostCentre", &[("CostCentre", "M-CC"), ("Description", "Back")]);
    apo.says(&["sync", "--sweep"], 0);
    assert_eq!((active(&world).as_str(), world.servicenow.duplicates("cmn_cost_center", "u_source_key")), ("true", 0));
}

#[test]
fn what_was_sent_under_both_profiles_is_marked_in_the_table_that_is_written_again() {
    let world = filled();
    let (apo, s2p) = (site(&world, "apo", None), site(&world, "s2p", None));
    apo.says(&["sync"], 0);
    s2p.replay(&["--allow", "100000"], 0);
    let of_s2p = || {
        let rows = world.servicenow.rows("sn_shop_purchase_order_line").into_iter();
        let mut all: Vec<_> = rows
            .filter(|row| row["u_source_key"].contains(&format!("/{ORDER}/")))
            .map(|row| (text_of(&row, "u_erp_po_line_number"), text_of(&row, "u_source_state")))
            .collect();
        all.sort();
        all
    };
    let state = |n: &str, state: &str| (n.to_owned(), state.to_owned());
    assert_eq!(of_s2p(), [state("1", "current"), state("2", "current"), state("3", "current")]);
    delete_line(&world, "2");
    s2p.says(&["sync", "--sweep"], 0);
    assert_eq!(of_s2p()[1], state("2", "removed"));
    assert_eq!(lines(&world)[1], line("2", "7", "ordered"));

    // by key, as well as by a replay of all: the row of before is found, and takes what was last sent to it
    apo.says(&["sync"], 3);
    for (entity, key) in [("supplier", "M-1"), ("purchase_order", ORDER)] {
        // the others are still mapped under the other profile
        let said = apo.says(&["replay", "--entity", entity, "--key", key, "--why", "one"], 3);
        assert!(said.contains("1 sent again: 1 delivered"), "{said}");
    }
    assert_eq!(lines(&world), [line("1", "5", "ordered"), line("2", "0", "canceled"), line("3", "11", "ordered")]);
    delete_line(&world, "3");
    apo.says(&["sync", "--sweep", "--entity", "purchase_order"], 3);
    assert_eq!(lines(&world)[2], line("3", "0", "canceled"));
    // and back once more: what is gone there and marked is left as it is, what is not is marked
    assert_eq!(of_s2p(), [state("1", "current"), state("2", "removed"), state("3", "current")]);
    s2p.says(&["sync"], 3);
    s2p.replay(&["--allow", "100000"], 0);
    assert_eq!(of_s2p(), [state("1", "current"), state("2", "removed"), state("3", "removed")]);
    assert_eq!(world.servicenow.duplicates("sn_shop_purchase_order_line", "u_source_key"), 0);
    assert_eq!(world.servicenow.duplicates("proc_po_item", "u_source_key"), 0);
}

#[test]
fn a_line_that_goes_while_its_block_is_not_written_is_marked_once_it_is_again() {
    let world = filled();
    let files = Files::new();
    let shipped = include_str!("../../../config/profiles/apo/purchase_order.toml");
    files.write("profiles/apo/purchase_order.toml", shipped);
    files.write("profiles/apo/invoice.toml", include_str!("../../../config/profiles/apo/invoice.toml"));
    let apo = site(&world, "apo", Some(&files));
    apo.says(&["sync"], 0);
    let rows = world
        .database
        .psql("SELECT string_agg(sys_id, ' ' ORDER BY record_key) FROM record WHERE block = 'lines' AND target_table = 'proc_po_item'");

    let (without, _) = shipped.split_once("[lines]").unwrap();
    files.write("profiles/apo/purchase_order.toml", without);
    delete_line(&world, "2");
    apo.says(&["sync", "--sweep"], 3);
    assert_eq!(lines(&world)[1], line("2", "7", "ordered"));
    let said = apo.says(&["record", COMPANY, "purchase_order", ORDER], 0);
    assert!(said.contains("in `proc_po_item` as last sent") || said.contains("unchanged in SYSPRO"), "{said}");
    apo.replay(&["--allow", "100000"], 0);
    let said = apo.says(&["record", COMPANY, "purchase_order", ORDER], 0);
    assert!(said.contains("in `proc_po_item` as last sent"), "{said}");

    files.write("profiles/apo/purchase_order.toml", shipped);
    apo.says(&["sync", "--sweep"], 3);
    let count = apo.outdated("purchase_order");
    assert!(count > 0);
    assert_eq!(lines(&world)[1], line("2", "7", "ordered"), "nothing is sent that was not counted");
    let said = apo.replay(&["--allow", "0"], 3);
    assert!(said.contains(&format!("{count} records differ")) && said.contains("nothing was sent"), "{said}");
    apo.replay(&["--allow", &count.to_string()], 0);
    assert_eq!(lines(&world), [line("1", "5", "ordered"), line("2", "0", "canceled"), line("3", "11", "ordered")]);
    // the rows are those of before
    let now = world
        .database
        .psql("SELECT string_agg(sys_id, ' ' ORDER BY record_key) FROM record WHERE block = 'lines' AND target_table = 'proc_po_item'");
    assert_eq!((now, world.servicenow.duplicates("proc_po_item", "u_source_key")), (rows, 0));
    apo.says(&["sync", "--sweep"], 0);
    assert_eq!(world.database.psql("SELECT count(*) FROM former_record"), "0");
}

#[test]
fn what_goes_while_no_rule_marks_it_is_marked_once_there_is_one() {
    let world = filled();
    let files = Files::new();
    let shipped = include_str!("../../../config/profiles/apo/cost_center.toml");
    let without = shipped.replace("gone = { u_active = \"false\" }\n", "");
    assert_ne!(without, shipped);
    files.write("profiles/apo/invoice.toml", include_str!("../../../config/profiles/apo/invoice.toml"));
    files.write("profiles/apo/cost_center.toml", shipped);
    let apo = site(&world, "apo", Some(&files));
    apo.says(&["sync"], 0);
    files.write("profiles/apo/cost_center.toml", &without);
    delete(&world, "BomCostCentre", &[("CostCentre", "M-CC")]);
    apo.says(&["sync", "--sweep"], 3);
    let said = apo.says(&["record", COMPANY, "cost_center", "M-CC"], 0);
    assert!(said.contains("its definition does not change the row in ServiceNow"), "{said}");
    files.write("profiles/apo/cost_center.toml", shipped);
    apo.says(&["sync"], 3);
    let said = apo.says(&["record", COMPANY, "cost_center", "M-CC"], 0);
    assert!(said.contains("ServiceNow has it in `cmn_cost_center` as it was last sent, not marked"), "{said}");
    assert_eq!((apo.outdated("cost_center"), active(&world).as_str()), (1, "true"));
    let said = apo.replay(&["--allow", "1"], 0);
    assert!(said.contains("1 records differ"), "{said}");
    assert_eq!(active(&world), "false");
}
