//! The order of an invoice: goods receipts in SYSPRO that an invoice is matched with, and the result on the invoice and its lines in
//! ServiceNow.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::{Duration, Utc};

use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
use crate::support::world::{COMPANY, World};

const SUPPLIER: &str = "0000010";

/// A world that is read through one of the two interfaces and written by one of the profiles.
struct Side {
    world: World,
    profile: &'static str,
    enet: bool,
}

impl Side {
    /// Suppliers and accounts have arrived.
    fn new(profile: &'static str, enet: bool, before: impl FnOnce(&World)) -> Self {
        let mut world = World::before();
        if enet {
            world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
        }
        before(&world);
        let side = Self { world, profile, enet };
        side.world.set_credentials(&|arguments| side.command(arguments));
        side.sync("supplier");
        side.sync("gl_account");
        side
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.env("TIELINE__SERVICENOW__PROFILE", self.profile);
        if self.enet {
            command.env("TIELINE__SYSPRO__SOURCE", "enet").env("TIELINE__SYSPRO__ENET_URL", self.world.syspro.enet_url.as_str());
        }
        command
    }

    fn sync(&self, entity: &str) {
        let out = self.command(&["sync", "--entity", entity]).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{entity}: {}", text(&out));
    }

    fn say(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let out = self.command(arguments).output().unwrap();
        (out.status.code(), text(&out))
    }

    fn insert(&self, table: &str, values: &[(&str, &str)]) {
        self.world.syspro.insert(COMPANY, table, values).unwrap_or_else(|error| panic!("{table}: {error}"));
    }

    /// An invoice of today over 100.00, with goods, freight and another charge.
    fn invoice(&self, number: &str) {
        let today = today();
        let own = [("Supplier", SUPPLIER), ("Invoice", number)];
        let money = [("OrigInvValue", "100.00"), ("Currency", "R"), ("ConvRate", "1"), ("MulDiv", "M")];
        self.insert("ApInvoice", &[&own[..], &[("InvoiceDate", today.as_str()), ("JournalDate", &today)], &money].concat());
        let journal = (900 + number.bytes().map(u32::from).sum::<u32>()).to_string();
        let entry = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", journal.as_str()), ("EntryNumber", "1")];
        self.insert("ApJnlSummary", &[&entry[..], &own, &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
        for (sub, kind, value) in [("1", "M", "80.00"), ("2", "F", "5.00"), ("3", "O", "15.00")] {
            let line = [("SubEntry", sub), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", value), ("ExpenseType", kind)];
            self.insert("ApJnlDistrib", &[&entry[..], &line].concat());
        }
    }

    /// Goods received for a line of an order, by a journal and entry of their own.
    fn receipt(&self, grn: &str, entry: &str, order: &str, line: &str) {
        let key = [("Supplier", SUPPLIER), ("Grn", grn), ("GrnSource", "P"), ("Journal", "77"), ("JournalEntry", entry)];
        self.insert("GrnDetails", &[&key[..], &[("PurchaseOrder", order), ("PurchaseOrderLin", line), ("OrigGrnValue", "80.00")]].concat());
    }

    /// An entry of a receipt matched with an invoice today.
    fn matched(&self, grn: &str, (journal, entry): (&str, &str), invoice: &str, value: &str) {
        let today = today();
        let key = [("Supplier", SUPPLIER), ("Grn", grn), ("TransactionType", "P"), ("Journal", journal), ("EntryNumber", entry)];
        self.insert("GrnMatching", &[&key[..], &[("Invoice", invoice), ("MatchedValue", value), ("MatchedDate", &today)]].concat());
    }

    fn header(&self, number: &str) -> BTreeMap<String, String> {
        let table = if self.profile == "apo" { "x_apo_invoice" } else { "sn_shop_invoice" };
        self.world.servicenow.find(table, "u_supplier_invoice_number", number).unwrap_or_else(|| panic!("no invoice {number}"))
    }

    /// Amount, order and line of an invoice's lines; nothing where there is no such column.
    fn lines(&self, number: &str) -> Vec<[String; 3]> {
        let table = if self.profile == "apo" { "x_apo_invoice_line" } else { "sn_shop_invoice_line" };
        let part = format!("/{number}/2030/");
        let rows = self.world.servicenow.rows(table).into_iter().filter(|row| row["u_source_key"].contains(&part));
        let fields = ["u_line_amount_invoiced", "u_purchase_order", "u_purchase_order_line"];
        let mut lines: Vec<_> = rows.map(|row| fields.map(|field| row.get(field).cloned().unwrap_or_default())).collect();
        lines.sort();
        assert_eq!(lines.len(), 3, "{number}: {lines:?}");
        lines
    }

    /// The order and its lines as the header has them, and the order and line on the line of merchandise; freight and other charges have none.
    fn says(&self, number: &str, orders: &str, order_lines: &str, (order, line): (&str, &str)) {
        let header = self.header(number);
        let column = |name: &str| header.get(name).cloned().unwrap_or_default();
        let found = [column("u_purchase_order"), column("u_purchase_order_lines"), column("u_amount_invoiced")];
        assert_eq!(found, [orders, order_lines, "100.00"], "{number} through {}", if self.enet { "e.net" } else { "OData" });
        let goods = ["80.00", order, line].map(str::to_owned);
        let others = ["15.00", "5.00"].map(|amount| [amount.to_owned(), String::new(), String::new()]);
        assert_eq!(self.lines(number), [others[0].clone(), others[1].clone(), goods], "{number}");
    }
}

fn today() -> String {
    Utc::now().date_naive().to_string()
}

/// Invoices that are matched in every way there is.
fn all_ways(side: &Side) {
    for number in ["W-ONE", "W-TWO", "W-BACK", "W-NONE", "W-LINES", "W-ODD", "W-SHARED", "W-FREE"] {
        side.invoice(number);
    }
    side.receipt("G-ONE", "1", "000000000000123", "4");
    side.matched("G-ONE", ("77", "1"), "W-ONE", "80.00");
    // a second part of the same entry is the same order line
    side.matched("G-ONE", ("77", "1"), "W-SHARED", "10.00");
    side.receipt("G-TWO", "1", "000000000000124", "1");
    side.matched("G-TWO", ("77", "1"), "W-TWO", "30.00");
    side.matched("G-ONE", ("77", "1"), "W-TWO", "50.00");
    // reversed by a row of its own, under another journal
    side.receipt("G-BACK", "1", "000000000000125", "1");
    side.receipt("G-BACK", "2", "000000000000126", "1");
    side.matched("G-BACK", ("77", "1"), "W-BACK", "80.00");
    side.matched("G-BACK", ("4711", "1"), "W-BACK", "-80.00");
    // one receipt of two order lines: the invoice is matched with the second, and W-LINES with both
    side.receipt("G-LINES", "1", "000000000000127", "1");
    side.receipt("G-LINES", "2", "000000000000127", "2");
    side.matched("G-LINES", ("77", "1"), "W-LINES", "40.00");
    side.matched("G-LINES", ("77", "2"), "W-LINES", "40.00");
    side.matched("G-LINES", ("77", "2"), "W-FREE", "0.00");
    // the match names a journal that the receipt does not have: any of its lines may be meant
    side.receipt("G-ODD", "1", "000000000000128", "1");
    side.receipt("G-ODD", "2", "000000000000129", "7");
    side.matched("G-ODD", ("5001", "9"), "W-ODD", "80.00");
}

#[test]
fn an_invoice_and_its_goods_carry_the_orders_that_it_is_matched_with() {
    for enet in [false, true] {
        let side = Side::new("apo", enet, |_| {});
        all_ways(&side);
        side.sync("invoice");
        side.says("W-ONE", "000000000000123", "000000000000123/4", ("000000000000123", "4"));
        side.says("W-SHARED", "000000000000123", "000000000000123/4", ("000000000000123", "4"));
        side.says("W-TWO", "000000000000123, 000000000000124", "000000000000123/4, 000000000000124/1", ("", ""));
        side.says("W-BACK", "", "", ("", ""));
        side.says("W-NONE", "", "", ("", ""));
        side.says("W-LINES", "000000000000127", "000000000000127/1, 000000000000127/2", ("000000000000127", ""));
        side.says("W-FREE", "000000000000127", "000000000000127/2", ("000000000000127", "2"));
        side.says("W-ODD", "000000000000128, 000000000000129", "000000000000128/1, 000000000000129/7", ("", ""));
        let (code, said) = side.say(&["failures"]);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn source_to_pay_gets_the_order_where_there_is_one_and_the_record_says_where_there_are_several() {
    let side = Side::new("s2p", false, |_| {});
    all_ways(&side);
    side.sync("invoice");
    let order = |number: &str| side.header(number).get("u_purchase_order").cloned().unwrap_or_default();
    let line = |number: &str| side.lines(number).into_iter().find(|line| line[0] == "80.00").unwrap()[2].clone();
    assert_eq!((order("W-ONE").as_str(), line("W-ONE").as_str()), ("000000000000123", "4"));
    assert_eq!((order("W-LINES").as_str(), line("W-LINES").as_str()), ("000000000000127", ""));
    assert_eq!((order("W-TWO").as_str(), line("W-TWO").as_str()), ("", ""));
    assert_eq!((order("W-NONE").as_str(), order("W-BACK").as_str()), ("", ""));
    let (_, told) = side.say(&["record", COMPANY, "invoice", &format!("{SUPPLIER}/W-TWO")]);
    assert!(told.contains("u_purchase_order: takes one value, and there are 2"), "{told}");
    assert!(told.contains("000000000000123, 000000000000124"), "{told}");
    let (_, quiet) = side.say(&["record", COMPANY, "invoice", &format!("{SUPPLIER}/W-ONE")]);
    assert!(!quiet.contains("takes one"), "{quiet}");
}

#[test]
fn a_match_that_is_made_or_reversed_after_the_invoice_was_delivered_updates_it() {
    let side = Side::new("apo", false, |_| {});
    side.invoice("L-1");
    side.receipt("G-L", "1", "000000000000130", "2");
    // no date of the invoice says that anything has happened
    let long_ago = (Utc::now().date_naive() - Duration::days(200)).to_string();
    let key = [("Supplier", SUPPLIER), ("Invoice", "L-1")];
    side.sync("invoice");
    side.says("L-1", "", "", ("", ""));
    side.world.syspro.update(COMPANY, "ApInvoice", &key, &[("InvoiceDate", &long_ago), ("JournalDate", &long_ago)]).unwrap();
    side.matched("G-L", ("77", "1"), "L-1", "80.00");
    side.sync("invoice");
    side.says("L-1", "000000000000130", "000000000000130/2", ("000000000000130", "2"));
    side.matched("G-L", ("4712", "1"), "L-1", "-80.00");
    side.sync("invoice");
    side.says("L-1", "", "", ("", ""));
}

#[test]
fn a_passing_answer_that_there_is_no_such_table_takes_no_order_away() {
    for table in ["GrnMatching", "GrnDetails"] {
        let side = Side::new("apo", false, |_| {});
        side.invoice("P-1");
        side.receipt("G-P", "1", "000000000000131", "3");
        side.matched("G-P", ("77", "1"), "P-1", "80.00");
        side.sync("invoice");
        for times in 1..=6 {
            side.world.syspro.faults.clear();
            side.world.syspro.faults.push(FaultRule::always(Fault::Status(404)).on_table(table).times(times));
            let (code, said) = side.say(&["sync", "--entity", "invoice"]);
            assert!(matches!(code, Some(0 | 1)), "{said}");
            side.says("P-1", "000000000000131", "000000000000131/3", ("000000000000131", "3"));
            // a table that seems to have gone altogether stops the flow, as any other that shrinks
            if said.contains("is stopped") {
                assert!(said.contains("had") && said.contains(table), "{said}");
                side.say(&["flow", "resume", COMPANY, "invoice", "--why", "it is there again"]);
            }
        }
        side.world.syspro.faults.clear();
        side.sync("invoice");
        side.says("P-1", "000000000000131", "000000000000131/3", ("000000000000131", "3"));
    }
}

#[test]
fn a_site_without_matching_carries_its_invoices_and_the_doctor_says_what_is_missing() {
    for (enet, tables) in [(false, &["GrnMatching", "GrnDetails"][..]), (true, &["GrnMatching", "GrnDetails"]), (false, &["GrnDetails"])] {
        let side = Side::new("apo", enet, |world| world.syspro.lack(tables));
        side.invoice("N-1");
        if tables.len() == 1 {
            side.matched("G-N", ("77", "1"), "N-1", "80.00");
        }
        side.sync("invoice");
        side.says("N-1", "", "", ("", ""));
        // and again, when a table is known to be missing
        side.invoice("N-2");
        side.sync("invoice");
        side.says("N-2", "", "", ("", ""));
        let (code, said) = side.say(&["doctor", "--read-only"]);
        assert_eq!(code, Some(0), "{said}");
        for table in tables {
            let finding = said.split("\n\n").find(|finding| finding.contains(table)).unwrap_or_else(|| panic!("{table}: {said}"));
            assert!(finding.contains("warning"), "{finding}");
        }
        assert!(said.contains("may_be_absent"), "{said}");
    }
}
