//! Correct values, from outside: rows in SYSPRO's tables, the real binary, and the result in ServiceNow, in `failures` and in `record`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use chrono::Utc;
use rust_decimal::Decimal;
use tieline_sim::syspro::SysproSim;

use super::support::world::{COMPANY, World};
use crate::binary::{Site, text};

/// A world in which the entities have arrived.
fn world(entities: &[&str]) -> World {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    for entity in entities {
        sync(&world, entity, 0);
    }
    world
}

fn sync(world: &World, entity: &str, code: i32) -> Output {
    let out = world.command(&["sync", "--entity", entity]).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{entity}: {}", text(&out));
    out
}

fn sync_s2p(world: &World, entity: &str) {
    let out = world.command(&["sync", "--entity", entity]).env("TIELINE__SERVICENOW__PROFILE", "s2p").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{entity}: {}", text(&out));
}

fn said(world: &World, arguments: &[&str]) -> String {
    text(&world.command(arguments).output().unwrap())
}

fn insert(syspro: &SysproSim, table: &str, values: &[(&str, &str)]) {
    syspro.insert(COMPANY, table, values).unwrap();
}

/// An order of today with one stocked line.
fn order(syspro: &SysproSim, number: &str, header: &[(&str, &str)], line: &[(&str, &str)]) {
    let today = Utc::now().date_naive().to_string();
    let plain = [("PurchaseOrder", number), ("OrderStatus", "4"), ("Supplier", "0000010"), ("OrderEntryDate", &today), ("Currency", "R")];
    let all = |first: &[(&'static str, &str)], then: &[(&str, &str)]| -> Vec<(String, String)> {
        let mut values: BTreeMap<String, String> = first.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        values.extend(then.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        values.into_iter().collect()
    };
    let pairs = |all: &[(String, String)]| -> Vec<(String, String)> { all.to_vec() };
    let header = pairs(&all(&plain, header));
    insert(syspro, "PorMasterHdr", &header.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let plain = [("PurchaseOrder", number), ("Line", "1"), ("LineType", "1"), ("MOrderQty", "1")];
    let line = pairs(&all(&plain, line));
    insert(syspro, "PorMasterDetail", &line.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
}

/// An invoice of today with its distribution.
fn invoice(syspro: &SysproSim, number: &str, header: &[(&str, &str)], lines: &[&str]) {
    let today = Utc::now().date_naive().to_string();
    let own = [("Supplier", "0000010"), ("Invoice", number)];
    let dated = [("InvoiceDate", today.as_str()), ("JournalDate", &today)];
    insert(syspro, "ApInvoice", &[&own[..], &dated[..], header].concat());
    let journal = (900 + number.bytes().map(u32::from).sum::<u32>()).to_string();
    let entry = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", journal.as_str()), ("EntryNumber", "1")];
    insert(syspro, "ApJnlSummary", &[&entry[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
    for (sub, value) in lines.iter().enumerate() {
        let line = [("SubEntry", ["1", "2", "3"][sub]), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", value)];
        insert(syspro, "ApJnlDistrib", &[&entry[..], &line[..]].concat());
    }
}

#[test]
fn orders_arrive_with_the_status_and_price_that_syspro_means() {
    let world = world(&["supplier"]);
    let thousand = [
        ("MPrice", "20.00"),
        ("MForeignPrice", "20.00"),
        ("MPriceUom", "TH"),
        ("MOrderUom", "EA"),
        ("MConvFactPrcUm", "1000"),
        ("MMulDivPrc", "D"),
        ("MDiscPct1", "10"),
        ("MOrderQty", "5000"),
    ];
    order(&world.syspro, "V-CANCELLED", &[("CancelledFlag", "Y")], &[("MPrice", "1")]);
    order(&world.syspro, "V-FOREIGN", &[("Currency", "$")], &[("MPrice", "1850.00"), ("MForeignPrice", "100.00")]);
    order(&world.syspro, "V-OWN", &[], &[("MPrice", "1850.00"), ("MForeignPrice", "1850.00")]);
    order(&world.syspro, "V-THOUSAND", &[], &thousand);
    order(&world.syspro, "V-SMALL", &[], &[("MPrice", "0.0045")]);
    order(&world.syspro, "V-NOTHING", &[], &[("MPrice", "0.00001")]);
    order(&world.syspro, "V-VALUE", &[], &[("MPrice", "10"), ("MDiscValFlag", "V"), ("MDiscValue", "3")]);
    sync(&world, "purchase_order", 3);

    let header = |number: &str| world.servicenow.find("proc_po", "number", number).unwrap_or_else(|| panic!("no order {number}"));
    let line = |number: &str| {
        let order = header(number)["sys_id"].clone();
        world.servicenow.find("proc_po_item", "purchase_order", &order).unwrap_or_else(|| panic!("no line of {number}"))
    };
    let number = |row: &BTreeMap<String, String>, column: &str| Decimal::from_str_exact(&row[column]).unwrap().normalize();
    let decimal = |text: &str| Decimal::from_str_exact(text).unwrap().normalize();
    assert_eq!((header("V-CANCELLED")["status"].as_str(), line("V-CANCELLED")["status"].as_str()), ("canceled", "canceled"));
    assert_eq!((header("V-OWN")["status"].as_str(), line("V-OWN")["status"].as_str()), ("ordered", "ordered"));
    assert_eq!((header("V-FOREIGN")["u_currency"].as_str(), number(&line("V-FOREIGN"), "cost")), ("USD", decimal("100")));
    assert_eq!((header("V-OWN")["u_currency"].as_str(), number(&line("V-OWN"), "cost")), ("ZAR", decimal("1850")));
    let thousand = line("V-THOUSAND");
    assert_eq!((number(&thousand, "cost"), number(&thousand, "total_cost")), (decimal("0.018"), decimal("90")));
    assert_eq!(number(&header("V-THOUSAND"), "total_cost"), decimal("90"));
    assert_eq!(number(&line("V-SMALL"), "cost"), decimal("0.0045"));

    // what cannot be sent right is not sent at all, and named
    assert!(world.servicenow.find("proc_po", "number", "V-NOTHING").is_none());
    assert!(world.servicenow.find("proc_po", "number", "V-VALUE").is_none());
    let failures = said(&world, &["failures", "--output", "json"]);
    for word in ["V-NOTHING", "0.00001", "V-VALUE", "MDiscValFlag"] {
        assert!(failures.contains(word), "`{word}` is missing in: {failures}");
    }
}

#[test]
fn an_invoices_lines_are_in_the_companys_currency_and_a_difference_is_said() {
    let world = world(&["supplier", "gl_account"]);
    let foreign = [("OrigInvValue", "100.00"), ("Currency", "$"), ("ConvRate", "18.2531"), ("MulDiv", "M")];
    invoice(&world.syspro, "V-1", &foreign, &["1000.00", "825.31"]);
    let own = [("OrigInvValue", "100.00"), ("Currency", "R"), ("ConvRate", "1"), ("MulDiv", "M")];
    invoice(&world.syspro, "V-2", &own, &["60.00", "80.00"]);
    sync(&world, "invoice", 0);
    let header = world.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", "V-1").unwrap();
    assert_eq!((header["u_amount_invoiced"].as_str(), header["u_currency"].as_str()), ("100.00", "USD"));
    assert_eq!((header["u_line_total"].as_str(), header["u_line_currency"].as_str()), ("1825.31", "ZAR"));
    let lines = world.servicenow.rows("x_apo_invoice_line").into_iter().filter(|row| row["u_supplier_invoice_number"] == "V-1");
    let mut lines: Vec<(String, String)> = lines.map(|row| (row["u_line_amount_invoiced"].clone(), row["u_currency"].clone())).collect();
    lines.sort();
    assert_eq!(lines, [("1000.00".to_owned(), "ZAR".to_owned()), ("825.31".to_owned(), "ZAR".to_owned())]);
    let quiet = said(&world, &["record", COMPANY, "invoice", "0000010/V-1"]);
    assert!(!quiet.contains("add up"), "{quiet}");
    let told = said(&world, &["record", COMPANY, "invoice", "0000010/V-2"]);
    assert!(told.contains("OrigInvValue: is 100.00 ZAR; its 2 `lines` add up to 140.00 ZAR"), "{told}");
}

#[test]
fn invoice_numbers_that_are_long_or_differ_by_case_alone_are_invoices_of_their_own_in_source_to_pay() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    let sync = |entity: &str| sync_s2p(&world, entity);
    let own = [("OrigInvValue", "1.00"), ("Currency", "R"), ("ConvRate", "1"), ("MulDiv", "M")];
    let supplier = "000000000000777";
    insert(&world.syspro, "ApSupplier", &[("Supplier", supplier), ("SupplierName", "Long"), ("Currency", "R")]);
    let today = Utc::now().date_naive().to_string();
    let numbers = ["INVOICE-2026-0000-01", "INVOICE-2026-0000-02", "abc-1", "ABC-1"];
    for (at, number) in numbers.iter().enumerate() {
        let key = [("Supplier", supplier), ("Invoice", *number)];
        insert(&world.syspro, "ApInvoice", &[&key[..], &[("InvoiceDate", today.as_str()), ("JournalDate", &today)], &own].concat());
        let entry = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", ["81", "82", "83", "84"][at]), ("EntryNumber", "1")];
        insert(&world.syspro, "ApJnlSummary", &[&entry[..], &key, &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
        let line = [("SubEntry", "1"), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", "1.00")];
        insert(&world.syspro, "ApJnlDistrib", &[&entry[..], &line].concat());
    }
    for entity in ["gl_account", "supplier", "invoice"] {
        sync(entity);
    }
    let external = |table: &str| -> Vec<String> {
        let rows = world.servicenow.rows(table);
        let long = rows.into_iter().filter_map(|row| row.get("u_external_invoice_number").cloned());
        long.filter(|text| text.starts_with("EDU1/000000000000777/")).collect()
    };
    let (mut headers, mut lines) = (external("sn_shop_invoice"), external("sn_shop_invoice_line"));
    headers.sort();
    lines.sort();
    // ServiceNow compares without case
    let told_apart: BTreeSet<String> = headers.iter().map(|text| text.to_lowercase()).collect();
    assert_eq!((headers.len(), told_apart.len()), (4, 4), "{headers:?}");
    assert!(headers.iter().all(|text| text.chars().count() <= 40), "{headers:?}");
    assert_eq!(headers, lines, "each line finds its own header");
}

#[test]
fn small_quantities_small_prices_and_dinars_keep_their_digits() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    order(&world.syspro, "S-QUANTITY", &[], &[("MOrderQty", "0.004"), ("MPrice", "0.0045")]);
    order(&world.syspro, "S-DINAR", &[("Currency", "KWD")], &[("MPrice", "734.30"), ("MForeignPrice", "12.345")]);
    // SYSPRO's own amounts have two decimals; a dinar has three
    let dinar = [("OrigInvValue", "12.34"), ("Currency", "KWD"), ("ConvRate", "1"), ("MulDiv", "M")];
    invoice(&world.syspro, "S-1", &dinar, &["12.34"]);
    for entity in ["supplier", "gl_account", "purchase_order", "invoice"] {
        sync_s2p(&world, entity);
    }
    let line = |number: &str| world.servicenow.find("sn_shop_purchase_order_line", "u_erp_po_number", number).unwrap();
    let small = line("S-QUANTITY");
    assert_eq!((small["u_quantity"].as_str(), small["u_unit_price"].as_str()), ("0.004000", "0.0045"));
    assert_eq!(line("S-DINAR")["u_unit_price"], "12.345");
    let header = world.servicenow.find("sn_shop_invoice", "u_supplier_invoice_number", "S-1").unwrap();
    assert_eq!((header["u_amount_invoiced"].as_str(), header["u_currency"].as_str()), ("12.340", "KWD"));
}

#[test]
fn a_companys_currency_is_demanded_with_its_key_and_shown_with_its_origin() {
    let site = Site::alone();
    let path = site.path("tieline.toml");
    let without = std::fs::read_to_string(&path).unwrap().replace("currency = \"ZAR\"\n", "");
    std::fs::write(&path, &without).unwrap();
    let out = site.run(&["check"]);
    assert_eq!(out.status.code(), Some(4), "{}", text(&out));
    for word in ["company.EDU1.currency", "company.1.currency", "`[company.EDU1]`", "`invoice`", "ISO 4217"] {
        assert!(text(&out).contains(word), "`{word}` is missing in: {}", text(&out));
    }
    // what needs none is not held up
    let out = site.command(&["check"]).env("TIELINE__FLOWS__ENTITIES", "supplier,gl_account").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    std::fs::write(&path, format!("{without}[company.EDU1]\ncurrency = \"R\"\n")).unwrap();
    let out = site.command(&["check"]).env("TIELINE__COMPANY__1__CURRENCY", "USD").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(text(&out).contains("company.EDU1.currency = R"), "{}", text(&out));
    assert!(text(&out).contains("company.1.currency = USD  (variable `TIELINE__COMPANY__1__CURRENCY`)"), "{}", text(&out));
}
