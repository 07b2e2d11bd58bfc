//! The crash scenarios: each changes something in SYSPRO and has it copied.

use std::os::unix::process::ExitStatusExt;

use chrono::Utc;
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
use crate::support::world::{REFUSED_DATE, World};

/// A change, the command that is killed while it carries the change over, and how one sees that it arrived.
pub struct Scenario {
    pub name: &'static str,
    /// Changes something, a new one in each round; rounds of a scenario begin above a multiple of 1,000 of its own.
    pub change: fn(&World, u32),
    /// The command that is killed.
    pub command: &'static [&'static str],
    /// The command that recovers, as often as it takes.
    pub recover: &'static [&'static str],
    /// What a person does after that.
    pub correct: Option<fn(&World, u32)>,
    /// Whether the round's change arrived.
    pub expect: fn(&World, u32) -> Result<(), String>,
}

const REPLAY: &[&str] = &["replay", "--company", "EDU1", "--entity", "supplier", "--key", "042", "--why", "spoiled"];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cost_center",
        change: |world, round| {
            let code = format!("C{round}");
            add(world, "BomCostCentre", &[("CostCentre", &code), ("Description", "New")]);
            update(world, "BomCostCentre", &[("CostCentre", "100")], &[("Description", &format!("Foundry {round}"))]);
        },
        command: &["sync", "--entity", "cost_center"],
        recover: &["sync", "--entity", "cost_center"],
        correct: None,
        expect: |world, round| {
            arrived(world, "cmn_cost_center", ("code", &format!("C{round}")), ("name", "New"))?;
            arrived(world, "cmn_cost_center", ("code", "100"), ("name", &format!("Foundry {round}")))
        },
    },
    Scenario {
        name: "gl_account",
        change: |world, round| {
            let code = format!("99.{round:05}");
            add(world, "GenMaster", &[("Company", "EDU1"), ("GlCode", &code), ("Description", "New"), ("AccountType", "E")]);
        },
        command: &["sync", "--entity", "gl_account"],
        recover: &["sync", "--entity", "gl_account"],
        correct: None,
        expect: |world, round| arrived(world, "itfm_gl_accounts", ("account_number", &format!("99.{round:05}")), ("name", "New")),
    },
    Scenario {
        name: "supplier",
        change: |world, round| add_supplier(world, &format!("S{round}")),
        command: &["sync", "--entity", "supplier"],
        recover: &["sync", "--entity", "supplier"],
        correct: None,
        expect: |world, round| arrived(world, "x_apo_supplier", ("u_supplier_number", &format!("S{round}")), ("u_name", "New")),
    },
    Scenario {
        name: "supplier_changed",
        change: |world, round| update(world, "ApSupplier", &[("Supplier", "042")], &[("Telephone", &format!("+27 {round}"))]),
        command: &["sync", "--entity", "supplier"],
        recover: &["sync", "--entity", "supplier"],
        correct: None,
        expect: |world, round| arrived(world, "x_apo_supplier", ("u_supplier_number", "042"), ("u_phone", &format!("+27 {round}"))),
    },
    Scenario {
        name: "purchase_order",
        change: |world, round| add_order(world, &format!("{:015}", 900_000 + round)),
        command: &["sync", "--entity", "purchase_order"],
        recover: &["sync", "--entity", "purchase_order"],
        correct: None,
        expect: |world, round| {
            let order = format!("{:015}", 900_000 + round);
            arrived(world, "proc_po", ("number", &order), ("short_description", "Gate 1"))
        },
    },
    Scenario {
        name: "invoice",
        change: |world, round| add_invoice(world, "042", round, "2031-01-01"),
        command: &["sync", "--entity", "invoice"],
        recover: &["sync", "--entity", "invoice"],
        correct: None,
        expect: |world, round| invoice_arrived(world, round, "2031-01-01"),
    },
    Scenario {
        // a new one, and one that changed
        name: "invoices",
        change: |world, round| {
            add_invoice(world, "042", round, "2031-01-01");
            if again(round) {
                let before = format!("CR-{}", round - 1);
                let value = format!("2032-01-{:02}", round % 28 + 1);
                update(world, "ApInvoice", &[("Supplier", "042"), ("Invoice", &before)], &[("DueDate", &value)]);
            }
        },
        command: &["sync", "--entity", "invoice"],
        recover: &["sync", "--entity", "invoice"],
        correct: None,
        expect: |world, round| {
            invoice_arrived(world, round, "2031-01-01")?;
            if again(round) {
                return invoice_arrived(world, round - 1, &format!("2032-01-{:02}", round % 28 + 1));
            }
            Ok(())
        },
    },
    Scenario {
        name: "gl_posting",
        change: |world, round| {
            let (today, journal) = (today(), round.to_string());
            let head = [("GlYear", "2040"), ("GlPeriod", "1"), ("GlJournal", journal.as_str()), ("JnlStatus", "P")];
            let own =
                [("GlYear", "2040"), ("GlPeriod", "1"), ("Journal", journal.as_str()), ("Company", "EDU1"), ("GlCode", "10.100.6010")];
            for (entry, value) in [("1", "17.25"), ("2", "-17.25"), ("3", "0.01")] {
                add(
                    world,
                    "GenJournalDetail",
                    &[&own[..], &[("EntryNumber", entry), ("EntryValue", value), ("EntryDate", &today)]].concat(),
                );
            }
            add(world, "GenJournalCtl", &[&head[..], &[("PostDate", &today), ("JournalDate", &today)]].concat());
        },
        command: &["sync", "--entity", "gl_posting"],
        recover: &["sync", "--entity", "gl_posting"],
        correct: None,
        // its amounts are summed over all
        expect: |_, _| Ok(()),
    },
    Scenario {
        name: "sweep",
        change: |world, round| {
            let (old, new) = (format!("W{}", round - 1), format!("W{round}"));
            add_supplier(world, &new);
            world.run(&["sync", "--entity", "supplier"]);
            if again(round) {
                world.syspro.delete("EDU1", "ApSupplier", &[("Supplier", &old)]).unwrap();
            }
        },
        command: &["sync", "--entity", "supplier", "--sweep"],
        recover: &["sync", "--entity", "supplier", "--sweep"],
        correct: None,
        expect: |world, round| {
            arrived(world, "x_apo_supplier", ("u_supplier_number", &format!("W{round}")), ("u_active", "true"))?;
            if again(round) {
                return arrived(world, "x_apo_supplier", ("u_supplier_number", &format!("W{}", round - 1)), ("u_active", "false"));
            }
            Ok(())
        },
    },
    Scenario {
        name: "parent",
        change: |world, round| {
            let supplier = format!("P{round}");
            add_invoice(world, &supplier, round, "2031-01-01");
            // its supplier is not there: it waits
            world.run(&["sync", "--entity", "invoice"]);
            add_supplier(world, &supplier);
        },
        command: &["sync", "--entity", "supplier", "--entity", "invoice"],
        recover: &["sync", "--entity", "supplier", "--entity", "invoice"],
        correct: None,
        expect: |world, round| invoice_arrived(world, round, "2031-01-01"),
    },
    Scenario {
        name: "refused",
        change: |world, round| add_invoice(world, "042", round, REFUSED_DATE),
        command: &["sync", "--entity", "invoice"],
        recover: &["sync", "--entity", "invoice"],
        // the date is corrected in SYSPRO
        correct: Some(|world, round| {
            let invoice = format!("CR-{round}");
            update(world, "ApInvoice", &[("Supplier", "042"), ("Invoice", &invoice)], &[("DueDate", "2031-01-01")]);
        }),
        expect: |world, round| invoice_arrived(world, round, "2031-01-01"),
    },
    Scenario {
        name: "look_up",
        change: |world, round| {
            add_invoice(world, "042", round, "2031-01-01");
            let lost = if round % 2 == 0 { Fault::DropAfterCommit } else { Fault::Drop };
            world.servicenow.set_fault(FaultRule::always(lost).on_path("/api/now").times(1));
            // its answer is lost: the outcome is unknown
            world.run(&["sync", "--entity", "invoice"]);
            world.servicenow.clear_faults();
        },
        command: &["sync", "--entity", "invoice"],
        recover: &["sync", "--entity", "invoice"],
        correct: None,
        expect: |world, round| invoice_arrived(world, round, "2031-01-01"),
    },
    Scenario {
        name: "replay",
        // somebody changes the row there
        change: spoil,
        command: REPLAY,
        recover: REPLAY,
        correct: None,
        expect: unspoiled,
    },
    Scenario {
        name: "replay_lost",
        change: |world, round| {
            spoil(world, round);
            world.servicenow.set_fault(FaultRule::always(Fault::Drop).on_path("/api/now").times(1));
            // it did not arrive, and only the version from before is found
            world.run(REPLAY);
            world.servicenow.clear_faults();
        },
        command: &["sync", "--entity", "supplier"],
        recover: &["sync", "--entity", "supplier"],
        correct: None,
        expect: unspoiled,
    },
    Scenario {
        name: "replay_unknown",
        change: |world, round| {
            spoil(world, round);
            let lost = if round % 2 == 0 { Fault::DropAfterCommit } else { Fault::Drop };
            world.servicenow.set_fault(FaultRule::always(lost).on_path("/api/now").times(1));
            world.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_path("/api/now"));
            // whether it arrived is unknown, and cannot be looked up yet: which the command says by its exit code
            let _ = world.command(REPLAY).output().unwrap();
            world.servicenow.clear_faults();
        },
        // sent again meanwhile
        command: REPLAY,
        recover: &["sync", "--entity", "supplier"],
        correct: None,
        expect: unspoiled,
    },
    Scenario {
        name: "replay_first",
        change: |world, round| {
            add_supplier(world, &format!("F{round}"));
            let lost = if round % 2 == 0 { Fault::DropAfterCommit } else { Fault::Drop };
            world.servicenow.set_fault(FaultRule::always(lost).on_method("POST").on_path("/api/now").times(1));
            world.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_path("/api/now"));
            // whether its first version arrived is unknown, and cannot be looked up yet
            let _ = world.command(&["sync", "--entity", "supplier"]).output().unwrap();
            world.servicenow.clear_faults();
            assert_eq!(unsettled(world, &format!("F{round}")), "unknown");
        },
        // the new one among them
        command: &["replay", "--company", "EDU1", "--entity", "supplier", "--why", "all of them"],
        recover: &["sync", "--entity", "supplier"],
        correct: None,
        expect: |world, round| arrived(world, "x_apo_supplier", ("u_supplier_number", &format!("F{round}")), ("u_name", "New")),
    },
    Scenario {
        name: "large",
        change: |world, round| add_large_order(world, &order(round)),
        command: &["sync", "--entity", "purchase_order"],
        recover: &["sync", "--entity", "purchase_order"],
        correct: None,
        expect: |world, round| lines_arrived(world, &order(round), LINES, 0),
    },
    Scenario {
        name: "large_changed",
        change: |world, round| {
            let order = order(round);
            add_large_order(world, &order);
            // killed while it stores the outcomes of some of its batches
            let mut command = world.command(&["sync", "--entity", "purchase_order"]);
            let out = command.env("TIELINE_FAILPOINT", "kill@ledger:store_the_outcomes_of_a_batch:*#150").output().unwrap();
            assert_eq!(out.status.signal(), Some(9), "{}", text(&out));
            let places = "SELECT (SELECT count(*) > 0 FROM intent), (SELECT count(*) > 0 FROM outbox), (SELECT count(*) > 0 FROM record WHERE document_id = \
                          (SELECT max(id) FROM document))";
            assert_eq!(world.database.psql(places), "t|t|t", "some lines have arrived, some are on their way, and some are queued");
            world.run(&["hold", "EDU1", "purchase_order", &order, "--why", "to be seen"]);
            // the new version changes lines in each of these places
            for line in (1..LINES).step_by(50) {
                update(world, "PorMasterDetail", &[("PurchaseOrder", &order), ("Line", &line.to_string())], &[("MPrice", "7.25000")]);
            }
        },
        command: &["sync", "--entity", "purchase_order"],
        recover: &["sync", "--entity", "purchase_order"],
        correct: Some(|world, round| world.run(&["release", "EDU1", "purchase_order", &order(round), "--why", "seen"])),
        expect: |world, round| lines_arrived(world, &order(round), LINES, (1..LINES).step_by(50).len()),
    },
];

/// Lines of a document that needs many batches.
const LINES: usize = 3_000;

fn order(round: u32) -> String {
    format!("{:015}", 800_000 + round)
}

/// An order that needs many batches.
fn add_large_order(world: &World, order: &str) {
    let today = today();
    let head = [("PurchaseOrder", order), ("Supplier", "042"), ("OrderStatus", "4"), ("OrderEntryDate", &today), ("Currency", "R")];
    add(world, "PorMasterHdr", &[&head[..], &[("DeliveryName", "Gate 1"), ("OrderDueDate", &today)]].concat());
    for line in 1..=LINES {
        let line = line.to_string();
        let own = [("PurchaseOrder", order), ("Line", &line), ("LineType", "1"), ("MStockCode", "A100"), ("MStockDes", "Bolt")];
        add(world, "PorMasterDetail", &[&own[..], &[("MOrderQty", "3"), ("MPrice", "12.50000"), ("MGlCode", "10.100.6010")]].concat());
    }
}

/// Whether ServiceNow has all lines of an order, so many of them with the changed price.
fn lines_arrived(world: &World, order: &str, lines: usize, changed: usize) -> Result<(), String> {
    let rows = world.servicenow.rows("proc_po_item");
    let own: Vec<_> = rows.iter().filter(|row| row["u_source_key"].contains(order)).collect();
    let new = own.iter().filter(|row| row["cost"].starts_with("7.25")).count();
    if (own.len(), new) == (lines, changed) { Ok(()) } else { Err(format!("{} lines, {new} of them changed", own.len())) }
}

/// The states of what is not delivered of a supplier.
fn unsettled(world: &World, supplier: &str) -> String {
    world.database.psql(&format!(
        "SELECT string_agg(u.state, ', ') FROM undelivered u JOIN document d ON d.id = u.document_id WHERE d.entity = 'supplier' AND d.key = '{supplier}'"
    ))
}

/// Whether there was a round of the same scenario before.
fn again(round: u32) -> bool {
    round % 1_000 > 1
}

fn spoil(world: &World, round: u32) {
    let row = world.servicenow.find("x_apo_supplier", "u_supplier_number", "042").unwrap();
    assert!(world.servicenow.edit_row("x_apo_supplier", &row["sys_id"], &[("u_name", &format!("spoiled {round}"))]));
}

fn unspoiled(world: &World, round: u32) -> Result<(), String> {
    let row = world.servicenow.find("x_apo_supplier", "u_supplier_number", "042").unwrap();
    if row["u_name"].contains("spoiled") { Err(format!("still spoiled in round {round}")) } else { Ok(()) }
}

fn today() -> String {
    Utc::now().date_naive().to_string()
}

fn add(world: &World, table: &str, values: &[(&str, &str)]) {
    world.syspro.insert("EDU1", table, values).unwrap();
}

fn update(world: &World, table: &str, key: &[(&str, &str)], values: &[(&str, &str)]) {
    world.syspro.update("EDU1", table, key, values).unwrap();
}

fn add_supplier(world: &World, supplier: &str) {
    add(world, "ApSupplier", &[("Supplier", supplier), ("SupplierName", "New"), ("Currency", "R")]);
}

fn add_order(world: &World, order: &str) {
    let today = today();
    let head = [("PurchaseOrder", order), ("Supplier", "042"), ("OrderStatus", "4"), ("OrderEntryDate", &today), ("Currency", "R")];
    add(world, "PorMasterHdr", &[&head[..], &[("DeliveryName", "Gate 1"), ("OrderDueDate", &today)]].concat());
    for (line, price) in [("1", "12.50000"), ("2", "0.12345")] {
        let own = [("PurchaseOrder", order), ("Line", line), ("LineType", "1"), ("MStockCode", "A100"), ("MStockDes", "Bolt")];
        add(world, "PorMasterDetail", &[&own[..], &[("MOrderQty", "3"), ("MPrice", price), ("MGlCode", "10.100.6010")]].concat());
    }
}

/// An invoice with two lines, dated today.
fn add_invoice(world: &World, supplier: &str, round: u32, due: &str) {
    let (today, invoice, journal) = (today(), format!("CR-{round}"), round.to_string());
    let own = [("Supplier", supplier), ("Invoice", invoice.as_str())];
    let dated = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("DueDate", due), ("OrigInvValue", "12.53"), ("Currency", "R")];
    let entry = [("TrnYear", "2030"), ("TrnMonth", "2"), ("Journal", journal.as_str()), ("EntryNumber", "1")];
    add(world, "ApJnlSummary", &[&entry[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
    for (sub, value) in [("1", "12.50"), ("2", "0.03")] {
        add(world, "ApJnlDistrib", &[&entry[..], &[("SubEntry", sub), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", value)]].concat());
    }
    add(world, "ApInvoice", &[&own[..], &dated[..]].concat());
}

fn invoice_arrived(world: &World, round: u32, due: &str) -> Result<(), String> {
    arrived(world, "x_apo_invoice", ("u_supplier_invoice_number", &format!("CR-{round}")), ("u_due_date", due))
}

fn arrived(world: &World, table: &str, (key, value): (&str, &str), (field, should): (&str, &str)) -> Result<(), String> {
    match world.servicenow.find(table, key, value) {
        None => Err(format!("{table} has no row with {key} `{value}`")),
        Some(row) => {
            let is = row.get(field).map_or("", String::as_str);
            // a description holds more than the one thing
            if is.contains(should) { Ok(()) } else { Err(format!("{table} {value}: {field} is `{is}`, not `{should}`")) }
        }
    }
}
