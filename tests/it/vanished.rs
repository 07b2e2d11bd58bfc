//! Records that disappear in SYSPRO are marked in ServiceNow, so that their amounts no longer count; records that come back are sent
//! completely.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

type Row = BTreeMap<String, String>;

fn add(world: &World, table: &str, values: &[(&str, &str)]) {
    world.syspro.insert(COMPANY, table, values).unwrap();
}

fn today() -> String {
    chrono::Utc::now().date_naive().to_string()
}

/// An invoice of today; the journal entry is numbered by it.
fn add_invoice(world: &World, supplier: &str, invoice: &str, entry: &str, open: &str, amounts: &[&str]) {
    let today = today();
    let total: Decimal = amounts.iter().map(|amount| amount.parse::<Decimal>().unwrap()).sum();
    let own = [("Supplier", supplier), ("Invoice", invoice)];
    let values = [
        ("InvoiceDate", today.as_str()),
        ("JournalDate", &today),
        ("OrigInvValue", &total.to_string()),
        ("MthInvBal1", open),
        ("Currency", "R"),
    ];
    add(world, "ApInvoice", &[&own[..], &values[..]].concat());
    let journal = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", entry)];
    add(world, "ApJnlSummary", &[&journal[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
    for (n, amount) in (1..).zip(amounts) {
        let line = [("SubEntry", &*n.to_string()), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", *amount)];
        add(world, "ApJnlDistrib", &[&journal[..], &line[..]].concat());
    }
}

fn delete_invoice(world: &World, supplier: &str, invoice: &str, entry: &str, lines: usize) {
    let delete = |table: &str, key: &[(&str, &str)]| world.syspro.delete(COMPANY, table, key).unwrap();
    delete("ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)]);
    let journal = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", entry)];
    delete("ApJnlSummary", &journal);
    for n in 1..=lines {
        delete("ApJnlDistrib", &[&journal[..], &[("SubEntry", &*n.to_string())]].concat());
    }
}

fn number(row: &Row, column: &str) -> Decimal {
    row.get(column).filter(|text| !text.is_empty()).map_or(Decimal::ZERO, |text| text.parse().unwrap())
}

fn invoice(world: &World, supplier: &str, invoice: &str) -> Row {
    let rows = world.servicenow.rows("x_apo_invoice");
    let own = |row: &Row| row["u_supplier"] == supplier && row["u_supplier_invoice_number"] == invoice;
    rows.into_iter().find(own).unwrap_or_else(|| panic!("no invoice {invoice} of {supplier}"))
}

/// Amount and state of each line.
fn lines(world: &World, supplier: &str, invoice: &str) -> Vec<(String, Decimal, String)> {
    let key = format!("{COMPANY}/invoice/{supplier}/{invoice}");
    let rows = world.servicenow.rows("x_apo_invoice_line").into_iter().filter(|row| row["u_invoice_source_key"] == key);
    let mut lines: Vec<_> =
        rows.map(|row| (row["u_line_number"].clone(), number(&row, "u_line_amount_invoiced"), row["u_source_state"].clone())).collect();
    lines.sort();
    lines
}

fn line(n: &str, amount: &str, state: &str) -> (String, Decimal, String) {
    (n.to_owned(), amount.parse().unwrap(), state.to_owned())
}

fn sweep(world: &World) -> serde_json::Value {
    let out = world.command(&["sync", "--sweep", "--output", "json"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn well(world: &World, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{arguments:?}: {}", text(&out));
    text(&out)
}

#[test]
fn after_a_supplier_merge_both_sides_owe_the_same_and_paid_invoices_keep_their_amounts() {
    let world = World::start();
    add(&world, "ApSupplier", &[("Supplier", "OLD"), ("SupplierName", "Old"), ("Currency", "R")]);
    add(&world, "ApSupplier", &[("Supplier", "NEW"), ("SupplierName", "New"), ("Currency", "R")]);
    add_invoice(&world, "OLD", "M-1", "1", "100.00", &["60.00", "40.00"]);
    add_invoice(&world, "OLD", "M-2", "2", "100.00", &["100.00"]);
    add_invoice(&world, "OLD", "PAID", "3", "0.00", &["250.00"]);
    well(&world, &["sync"]);
    let owed = |world: &World| {
        (world.servicenow.sum("x_apo_invoice", "u_amount_open"), world.syspro.sum(COMPANY, "ApInvoice", "MthInvBal1").unwrap())
    };
    assert_eq!(owed(&world).0, owed(&world).1);

    // both open invoices move to the other supplier, the paid one is purged at the period's end, and the old supplier goes
    delete_invoice(&world, "OLD", "M-1", "1", 2);
    delete_invoice(&world, "OLD", "M-2", "2", 1);
    delete_invoice(&world, "OLD", "PAID", "3", 1);
    world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", "OLD")]).unwrap();
    add_invoice(&world, "NEW", "M-1", "1", "100.00", &["60.00", "40.00"]);
    add_invoice(&world, "NEW", "M-2", "2", "100.00", &["100.00"]);
    let report = sweep(&world);
    let flow = |entity: &str| report["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == entity).unwrap().clone();
    assert_eq!((flow("invoice")["gone"].as_i64(), flow("supplier")["gone"].as_i64()), (Some(3), Some(1)));
    let (servicenow, syspro) = owed(&world);
    assert_eq!(servicenow, syspro, "what is owed twice is paid twice");
    let lines_of = |state: &str| {
        let rows = world.servicenow.rows("x_apo_invoice_line").into_iter().filter(|row| row["u_source_state"] != state);
        rows.map(|row| number(&row, "u_line_amount_invoiced")).sum::<Decimal>()
    };
    assert_eq!(lines_of("purged"), source::distributions(&world.syspro, COMPANY).into_iter().sum());
    let removed = invoice(&world, "OLD", "M-1");
    assert_eq!((removed["u_source_state"].as_str(), number(&removed, "u_amount_open")), ("removed", Decimal::ZERO));
    assert_eq!(number(&removed, "u_amount_invoiced"), Decimal::from(100), "what it was is still to be read");
    assert_eq!(lines(&world, "OLD", "M-1"), [line("1", "0", "removed"), line("2", "0", "removed")]);
    let purged = invoice(&world, "OLD", "PAID");
    assert_eq!((purged["u_source_state"].as_str(), number(&purged, "u_amount_invoiced")), ("purged", Decimal::from(250)));
    assert_eq!(lines(&world, "OLD", "PAID"), [line("1", "250", "purged")]);
    assert_eq!(world.servicenow.find("x_apo_supplier", "u_supplier_number", "OLD").unwrap()["u_active"], "false");
    let said = well(&world, &["audit", "--entity", "invoice", "--key", "OLD/PAID"]);
    assert!(said.contains("purged"), "{said}");

    // sent again by hand, what is gone stays gone
    let before = (invoice(&world, "OLD", "M-1")["u_source_state"].clone(), lines(&world, "OLD", "M-1"));
    well(&world, &["replay", "--entity", "invoice", "--key", "OLD/M-1", "--why", "once more"]);
    assert_eq!((invoice(&world, "OLD", "M-1")["u_source_state"].clone(), lines(&world, "OLD", "M-1")), before);
    // and what comes back is whole
    add_invoice(&world, "OLD", "M-1", "4", "70.00", &["60.00", "40.00"]);
    add(&world, "ApSupplier", &[("Supplier", "OLD"), ("SupplierName", "Old"), ("Currency", "R")]);
    well(&world, &["sync"]);
    let back = invoice(&world, "OLD", "M-1");
    assert_eq!(
        (back["u_source_state"].as_str(), number(&back, "u_amount_open"), number(&back, "u_line_total")),
        ("current", Decimal::from(70), Decimal::from(100))
    );
    let (servicenow, syspro) = owed(&world);
    assert_eq!(servicenow, syspro);
    assert_eq!(world.servicenow.find("x_apo_supplier", "u_supplier_number", "OLD").unwrap()["u_active"], "true");
}

#[test]
fn an_order_has_no_more_ordered_than_its_lines_in_syspro() {
    let world = World::start();
    let today = today();
    let header = |order: &str, status: &str| {
        let values =
            [("PurchaseOrder", order), ("OrderStatus", status), ("Supplier", "042"), ("OrderEntryDate", &today), ("Currency", "R")];
        add(&world, "PorMasterHdr", &values);
    };
    let line = |order: &str, line: &str, quantity: &str| {
        let values = [
            ("PurchaseOrder", order),
            ("Line", line),
            ("LineType", "1"),
            ("MStockCode", "A1"),
            ("MStockDes", "Casting"),
            ("MOrderUom", "EA"),
            ("MPriceUom", "EA"),
            ("MConvFactPrcUm", "1"),
            ("MMulDivPrc", "M"),
            ("MOrderQty", quantity),
            ("MPrice", "10.00"),
            ("MForeignPrice", "10.00"),
        ];
        add(&world, "PorMasterDetail", &values);
    };
    header("V-OPEN", "4");
    for (n, quantity) in [("1", "5"), ("2", "7"), ("3", "11"), ("4", "13")] {
        line("V-OPEN", n, quantity);
    }
    header("V-REMOVED", "4");
    line("V-REMOVED", "1", "17");
    header("V-PURGED", "9");
    line("V-PURGED", "1", "19");
    well(&world, &["sync"]);
    let order = |number: &str| world.servicenow.find("proc_po", "number", number).unwrap();
    let items = |number: &str| {
        let id = order(number)["sys_id"].clone();
        let rows = world.servicenow.rows("proc_po_item").into_iter().filter(|row| row.get("purchase_order") == Some(&id));
        let mut rows: Vec<_> = rows.map(|row| (row["u_line"].clone(), number_of(&row), row["status"].clone())).collect();
        rows.sort();
        rows
    };
    fn number_of(row: &Row) -> Decimal {
        number(row, "ordered_quantity")
    }
    let item = |n: &str, quantity: i64, status: &str| (n.to_owned(), Decimal::from(quantity), status.to_owned());
    assert_eq!(items("V-OPEN"), [item("1", 5, "ordered"), item("2", 7, "ordered"), item("3", 11, "ordered"), item("4", 13, "ordered")]);

    // one line is deleted, one becomes a comment, one gets another number
    let key = |order: &'static str, line: &'static str| [("PurchaseOrder", order), ("Line", line)];
    world.syspro.delete(COMPANY, "PorMasterDetail", &key("V-OPEN", "2")).unwrap();
    world.syspro.update(COMPANY, "PorMasterDetail", &key("V-OPEN", "3"), &[("LineType", "6"), ("NComment", "as before")]).unwrap();
    world.syspro.delete(COMPANY, "PorMasterDetail", &key("V-OPEN", "4")).unwrap();
    line("V-OPEN", "9", "13");
    well(&world, &["sync"]);
    let after =
        [item("1", 5, "ordered"), item("2", 0, "canceled"), item("3", 0, "canceled"), item("4", 0, "canceled"), item("9", 13, "ordered")];
    assert_eq!(items("V-OPEN"), after);
    // a replay takes none of it back
    well(&world, &["replay", "--entity", "purchase_order", "--key", "V-OPEN", "--why", "once more"]);
    assert_eq!(items("V-OPEN"), after);

    for (order, line) in [("V-REMOVED", "1"), ("V-PURGED", "1")] {
        world.syspro.delete(COMPANY, "PorMasterHdr", &[("PurchaseOrder", order)]).unwrap();
        world.syspro.delete(COMPANY, "PorMasterDetail", &key(order, line)).unwrap();
    }
    sweep(&world);
    assert_eq!((order("V-REMOVED")["status"].as_str(), items("V-REMOVED")), ("canceled", vec![item("1", 0, "canceled")]));
    assert_eq!((order("V-PURGED")["status"].as_str(), items("V-PURGED")[0].1), ("received", Decimal::from(19)), "it was complete");

    // what comes back is whole, and still under its order
    line("V-OPEN", "2", "7");
    header("V-REMOVED", "4");
    line("V-REMOVED", "1", "17");
    well(&world, &["sync"]);
    assert_eq!(items("V-OPEN")[1], item("2", 7, "ordered"));
    assert_eq!((order("V-REMOVED")["status"].as_str(), items("V-REMOVED")), ("ordered", vec![item("1", 17, "ordered")]));
    assert_eq!(world.servicenow.duplicates("proc_po_item", "u_source_key"), 0);
}

#[test]
fn what_servicenow_never_got_leaves_no_trace_there_when_it_is_gone() {
    let world = World::start();
    add_invoice(&world, "NOBODY", "GHOST", "1", "100.00", &["100.00"]);
    let out = world.command(&["sync"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "it waits for its supplier: {}", text(&out));
    delete_invoice(&world, "NOBODY", "GHOST", "1", 1);
    sweep(&world);
    let there = || world.servicenow.rows("x_apo_invoice").iter().any(|row| row["u_supplier_invoice_number"] == "GHOST");
    assert!(!there());
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
    // the same invoice again, and its supplier
    add_invoice(&world, "NOBODY", "GHOST", "1", "100.00", &["100.00"]);
    add(&world, "ApSupplier", &[("Supplier", "NOBODY"), ("SupplierName", "Somebody"), ("Currency", "R")]);
    well(&world, &["sync"]);
    assert!(there(), "an unchanged content that never arrived must still be sent");
    assert_eq!(lines(&world, "NOBODY", "GHOST"), [line("1", "100", "current")]);
    world.check().unwrap();
}

#[test]
fn postings_accounts_and_cost_centres_that_are_gone_are_marked() {
    let world = World::start();
    let journals = source::rows(&world.syspro, COMPANY, "GenJournalCtl", |c| {
        (c("JnlStatus").text() == "P").then(|| ["GlYear", "GlPeriod", "GlJournal"].map(|name| c(name).number().to_string()))
    });
    let mut journals = journals.into_iter().flatten();
    let (held, shorter) = (journals.next().unwrap(), journals.next().unwrap());
    let postings = |journal: &[String; 3]| {
        let own = |row: &Row| (&row["u_year"], &row["u_period"], &row["u_journal"]) == (&journal[0], &journal[1], &journal[2]);
        let mut rows: Vec<Row> = world.servicenow.rows("x_apo_gl_posting").into_iter().filter(own).collect();
        rows.sort_by_key(|row| row["u_entry_number"].parse::<u32>().unwrap());
        rows
    };
    let amounts = |rows: &[Row]| rows.iter().map(|row| number(row, "u_amount")).collect::<Vec<_>>();
    let (of_held, of_shorter) = (amounts(&postings(&held)), amounts(&postings(&shorter)));
    assert!(of_held.len() > 1 && of_shorter.len() > 1);
    // a journal that is no longer posted, a line that is gone from another, an account, a cost centre
    let key = |journal: &[String; 3], names: [&'static str; 3]| -> Vec<(&'static str, String)> {
        names.into_iter().zip(journal.clone()).collect()
    };
    fn texts<'a>(key: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
        key.iter().map(|(name, text)| (*name, text.as_str())).collect()
    }
    let header = key(&held, ["GlYear", "GlPeriod", "GlJournal"]);
    world.syspro.update(COMPANY, "GenJournalCtl", &texts(&header), &[("JnlStatus", "H")]).unwrap();
    let first = postings(&shorter)[0]["u_entry_number"].clone();
    let mut entry = key(&shorter, ["GlYear", "GlPeriod", "Journal"]);
    entry.push(("EntryNumber", first));
    world.syspro.delete(COMPANY, "GenJournalDetail", &texts(&entry)).unwrap();
    add(&world, "GenMaster", &[("Company", COMPANY), ("GlCode", "GONE"), ("Description", "Gone"), ("AccountType", "E")]);
    add(&world, "BomCostCentre", &[("CostCentre", "GONE"), ("Description", "Gone")]);
    well(&world, &["sync"]);
    let active = |table: &str, column: &str| world.servicenow.find(table, column, "GONE").unwrap()["u_active"].clone();
    assert_eq!((active("itfm_gl_accounts", "account_number"), active("cmn_cost_center", "code")), ("true".into(), "true".into()));
    world.syspro.delete(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", "GONE")]).unwrap();
    world.syspro.delete(COMPANY, "BomCostCentre", &[("CostCentre", "GONE")]).unwrap();
    sweep(&world);
    assert_eq!((active("itfm_gl_accounts", "account_number"), active("cmn_cost_center", "code")), ("false".into(), "false".into()));
    let marked = postings(&held);
    assert_eq!(amounts(&marked), of_held, "what was posted is not made nothing because its journal is not to be seen");
    assert!(marked.iter().all(|row| row["u_source_state"] == "removed"), "{marked:#?}");
    let shortened = postings(&shorter);
    assert_eq!((number(&shortened[0], "u_amount"), shortened[0]["u_source_state"].as_str()), (Decimal::ZERO, "removed"));
    assert_eq!(amounts(&shortened)[1..], of_shorter[1..]);
    // posted again, everything is as before; and a record that exists again is active again, in its former row
    world.syspro.update(COMPANY, "GenJournalCtl", &texts(&header), &[("JnlStatus", "P")]).unwrap();
    add(&world, "GenMaster", &[("Company", COMPANY), ("GlCode", "GONE"), ("Description", "Back"), ("AccountType", "E")]);
    add(&world, "BomCostCentre", &[("CostCentre", "GONE"), ("Description", "Back")]);
    sweep(&world);
    for (table, column) in [("itfm_gl_accounts", "account_number"), ("cmn_cost_center", "code")] {
        let rows: Vec<_> = world.servicenow.rows(table).into_iter().filter(|row| row[column] == "GONE").collect();
        assert!(rows.len() == 1 && rows[0]["u_active"] == "true" && rows[0]["name"] == "Back", "{table}: {rows:#?}");
    }
    assert!(postings(&held).iter().all(|row| row["u_source_state"] == "current"));
    assert_eq!(amounts(&postings(&held)), of_held);
}
