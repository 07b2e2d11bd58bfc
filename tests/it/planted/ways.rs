//! The ways in which each cause is planted. Those that need a run of the program come first; what people do to single rows comes last.

use std::time::Duration;

use rust_decimal::{Decimal, RoundingStrategy};
use tieline_sim::dataset::Cell;
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::LateFailure;
use tieline_sim::servicenow::schema::Abort;

use super::books::{Booked, HIDDEN, Id, part};
use super::plant::{Invoice, Item, Planter, item};
use super::site::{KEPT, OTHER_TAX};
use crate::support::world::{COMPANY, REFUSED_DATE};

/// The days before today of what is left out by `[flows] since`, and of that date.
const LONG_AGO: u64 = 900;
pub const SINCE: u64 = 800;
/// The most lines of a journal that is taken back.
const SMALL: usize = 4;

const AMOUNT: &str = "u_amount_invoiced";
const LINE_AMOUNT: &str = "u_line_amount_invoiced";

/// Keys as SQL and the command line take them.
fn keys(invoices: &[Invoice]) -> Vec<String> {
    invoices.iter().map(Invoice::key).collect()
}

fn in_list(invoices: &[Invoice]) -> String {
    keys(invoices).iter().map(|key| format!("'{}'", key.replace('\'', "''"))).collect::<Vec<_>>().join(", ")
}

impl Planter<'_> {
    /// Before the first run: what the instance will cut, and what another code list will write in another way.
    pub fn before_the_load(&mut self) {
        for n in 0..self.each {
            let invoice = self.any_invoice();
            // half of it is kept
            let text = format!("{n:05} {}", "reference ".repeat(2));
            assert!(text.len() > KEPT);
            self.change(&invoice, &[("Reference", text.trim_end())]);
            self.plant("partial_write", "a text longer than the column", vec![item(invoice.id(), "differs", "u_reference")]);
            let invoice = self.any_invoice();
            self.change(&invoice, &[("FirstTaxCode", OTHER_TAX)]);
            self.plant("outdated", "a code list that changed after the delivery", vec![item(invoice.id(), "differs", "u_tax_code")]);
        }
    }

    /// What runs leave behind: refused, waiting, held, refused later, and sent without an answer.
    pub fn by_runs(&mut self) {
        let refused_later = self.refused_later();
        self.refused();
        self.waiting();
        self.held();
        let taken = self.take_away();
        self.site.rest(&["sync", "--sweep", "--entity", "invoice"]);
        let count = |state: &str| self.site.undelivered(state);
        assert_eq!([count("waiting"), count("on_hold"), count("failed")], [self.each, self.each, 2 * self.each]);
        self.without_answer();
        self.delivered = super::books::of_servicenow(&self.site.world).into_iter().map(|row| (row.id.clone(), row)).collect();
        self.come_back(taken);
        // rejected rows are removed, or emptied, by the instance's own workflow
        for (way, invoice) in self.turns(2).into_iter().zip(refused_later) {
            let id = invoice.id();
            if way == 0 {
                self.delete(&id);
                self.plant("downstream", "rejected by the workflow, and removed", vec![item(id, "missing", "")]);
            } else {
                self.edit(&id, &[(AMOUNT, "0.00")]);
                self.plant("downstream", "rejected by the workflow, and emptied", vec![item(id, "differs", AMOUNT)]);
            }
        }
    }

    /// Paid invoices that SYSPRO no longer has when the next sweep comes, with their rows.
    fn take_away(&mut self) -> Vec<(Invoice, Vec<(String, Cell)>)> {
        let mut taken = Vec::new();
        for _ in 0..2 * self.few() {
            let invoice = self.invoice(Invoice::is_paid);
            let row = self.remove(&invoice);
            taken.push((invoice, row));
        }
        taken
    }

    /// Half of the invoices that were marked as purged come back, and no run has seen it. The others stay as they are, and somebody changes
    /// their rows.
    fn come_back(&mut self, mut taken: Vec<(Invoice, Vec<(String, Cell)>)>) {
        for (invoice, row) in taken.split_off(self.few()) {
            self.put_back(&row);
            let items = invoice.whole("differs").into_iter().map(|one| Item { field: "u_source_state", ..one }).collect();
            self.plant("not_read_yet", "an invoice that is back after it was marked as purged", items);
        }
        for (invoice, _) in taken {
            let money = |currency: &str, value: i64, period| Booked {
                period: Some(period),
                currency: currency.into(),
                amount: Some(Decimal::new(value, 2)),
            };
            let id = invoice.id();
            self.marked.insert(id.clone(), money(&self.delivered[&id].booked.currency.clone(), invoice.value, invoice.period));
            for (at, line) in invoice.lines.iter().enumerate() {
                self.marked.insert(invoice.line(at), money("ZAR", line.value, (line.key[0], line.key[1])));
            }
            self.edit(&id, &[("u_supplier_invoice_number", "edited")]);
            self.plant(
                "changed_in_servicenow",
                "an invoice that SYSPRO no longer has",
                vec![item(id, "differs", "u_supplier_invoice_number")],
            );
        }
    }

    fn refused_later(&mut self) -> Vec<Invoice> {
        let invoices: Vec<Invoice> = (0..self.each).map(|_| self.any_invoice()).collect();
        let failure = |invoice: &Invoice| LateFailure {
            column: "u_source_key".into(),
            when: Abort::Equals(invoice.id().source_key()),
            state: "rejected".into(),
            message: "the supplier is blocked".into(),
        };
        let world = &self.site.world;
        world.servicenow.set_late_failures("sn_apo_invoice", &invoices.iter().map(failure).collect::<Vec<_>>());
        world.servicenow.advance(Duration::from_secs(1800));
        world.database.psql(&format!(
            "UPDATE downstream w SET next_check = now() FROM document d \
             WHERE d.id = w.document_id AND d.entity = 'invoice' AND d.key IN ({})",
            in_list(&invoices)
        ));
        self.site.rest(&["sync", "--entity", "invoice"]);
        assert_eq!(self.site.undelivered("failed"), self.each, "what was rejected later failed");
        invoices
    }

    fn refused(&mut self) {
        for way in self.turns(3) {
            let items = match way {
                0 => {
                    let invoice = self.any_invoice();
                    self.change(&invoice, &[("DueDate", REFUSED_DATE)]);
                    vec![item(invoice.id(), "differs", "u_due_date")]
                }
                1 => self.new_invoice(2, &[("DueDate", REFUSED_DATE)]).whole("missing"),
                _ => vec![item(self.new_invoice(0, &[("Currency", "%%")]).id(), "unmapped", "")],
            };
            let way = ["a change that ServiceNow refuses", "a new invoice that ServiceNow refuses", "a currency that no list knows"][way];
            self.plant("failed", way, items);
        }
    }

    fn waiting(&mut self) {
        for (n, way) in self.turns(2).into_iter().enumerate() {
            let invoice = self.new_invoice(way, &[("Supplier", &format!("ABSENT{n:03}"))]);
            self.plant("waiting", "a new invoice of a supplier that there is not", invoice.whole("missing"));
        }
    }

    fn held(&mut self) {
        let ways = self.turns(2);
        let invoices: Vec<Invoice> = ways.iter().map(|_| self.any_invoice()).collect();
        let keys = keys(&invoices);
        let hold: Vec<&str> = ["hold", COMPANY, "invoice"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        self.site.run(&[&hold[..], &["--why", "in dispute"]].concat(), &[0]);
        for (way, invoice) in ways.into_iter().zip(invoices) {
            let (values, field) =
                if way == 0 { (("Reference", "in dispute"), "u_reference") } else { (("OrigInvValue", "98765.43"), AMOUNT) };
            self.change(&invoice, &[values]);
            self.plant("on_hold", "a change of an invoice that a person holds", vec![item(invoice.id(), "differs", field)]);
        }
    }

    /// New invoices whose requests get no answer. Nothing is looked up before the tie-out.
    fn without_answer(&mut self) {
        for way in self.turns(2) {
            let invoice = self.new_invoice(way, &[]);
            self.plant("unknown", "a new invoice whose request got no answer", invoice.whole("missing"));
        }
        let world = &self.site.world;
        world.servicenow.set_fault(FaultRule::always(Fault::Drop).on_method("POST").on_path("/api/now"));
        // what was not tried while nothing answered is tried by the next command
        for _ in 0..10 {
            let mut command = self.site.command(&["sync", "--entity", "invoice"]);
            command.env("TIELINE__SERVICENOW__READ_DELAY_SECONDS", "3600").output().unwrap();
            if self.site.undelivered("unknown") == self.each {
                break;
            }
        }
        assert_eq!(self.site.undelivered("unknown"), self.each);
        world.servicenow.clear_faults();
    }

    /// What people do in both systems, after the last run.
    pub fn by_hand(&mut self) {
        self.queued();
        self.not_read();
        self.left_out();
        self.gone();
        self.staged();
        self.rounded();
        self.changed();
        self.hidden();
        self.deleted();
        self.twice();
        self.unknown_rows();
        self.unexplained();
        // what was sent with the former word is outdated from now on
        self.site.list("VAT7");
    }

    fn queued(&mut self) {
        let ways = self.turns(3);
        let invoices: Vec<Invoice> = ways.iter().map(|_| self.any_invoice()).collect();
        let keys = keys(&invoices);
        let named = keys.iter().flat_map(|key| ["--key", key.as_str()]);
        let replay: Vec<&str> =
            ["replay", "--company", COMPANY, "--entity", "invoice", "--no-send", "--why", "a test"].into_iter().chain(named).collect();
        self.site.run(&replay, &[0]);
        for (way, invoice) in ways.into_iter().zip(invoices) {
            let (id, line) = (invoice.id(), invoice.line(0));
            let items = match way {
                0 => {
                    self.delete(&id);
                    vec![item(id, "missing", "")]
                }
                1 => {
                    self.edit(&id, &[(AMOUNT, "0.07")]);
                    vec![item(id, "differs", AMOUNT)]
                }
                _ => {
                    self.edit(&line, &[(LINE_AMOUNT, "0.07")]);
                    vec![item(line, "differs", LINE_AMOUNT)]
                }
            };
            self.plant("queued", "a row that somebody changed, and whose record is queued again", items);
        }
    }

    fn not_read(&mut self) {
        const WAYS: [&str; 6] = [
            "a new invoice",
            "a silent edit of a text",
            "a silent edit of an amount",
            "a silent edit of a line",
            "a silent edit of a posting",
            "a silent edit of a supplier",
        ];
        // some are there already
        for way in self.turns(WAYS.len()).into_iter().skip(self.few()) {
            let syspro = &self.site.world.syspro;
            let items = match way {
                0 => self.new_invoice(2, &[]).whole("missing"),
                1 => {
                    let invoice = self.any_invoice();
                    self.change(&invoice, &[("Reference", "silent")]);
                    vec![item(invoice.id(), "differs", "u_reference")]
                }
                2 => {
                    let invoice = self.any_invoice();
                    self.change(&invoice, &[("OrigInvValue", "87654.32")]);
                    vec![item(invoice.id(), "differs", AMOUNT)]
                }
                3 => {
                    let invoice = self.any_invoice();
                    let key = invoice.lines[0].key.map(|number| number.to_string());
                    let names = ["TrnYear", "TrnMonth", "Journal", "EntryNumber", "SubEntry"];
                    let key: Vec<(&str, &str)> = names.into_iter().zip(key.iter().map(String::as_str)).collect();
                    syspro.update(COMPANY, "ApJnlDistrib", &key, &[("DistrValue", "76543.21")]).unwrap();
                    vec![item(invoice.line(0), "differs", LINE_AMOUNT), item(invoice.id(), "differs", "u_line_total")]
                }
                4 => {
                    let at = self.posting();
                    let key = at.map(|number| number.to_string());
                    let names = ["GlYear", "GlPeriod", "Journal", "EntryNumber"];
                    let key: Vec<(&str, &str)> = names.into_iter().zip(key.iter().map(String::as_str)).collect();
                    self.site.world.syspro.update(COMPANY, "GenJournalDetail", &key, &[("EntryValue", "65432.10")]).unwrap();
                    vec![item(posting(at), "differs", "u_amount")]
                }
                _ => {
                    let id = self.supplier();
                    syspro_name(self, &id);
                    vec![item(id, "differs", "u_name")]
                }
            };
            self.plant("not_read_yet", WAYS[way], items);
        }
    }

    fn left_out(&mut self) {
        for way in self.turns(3) {
            // by the first date; or by a rule of the profile; or by the filter of the definition
            let journal = if way == 2 { self.small_journal(SMALL) } else { None };
            let syspro = &self.site.world.syspro;
            let (way, items) = match (way, journal) {
                (0, _) => {
                    let date = self.days_ago(LONG_AGO);
                    let invoice = self.new_invoice(1, &[("InvoiceDate", &date), ("JournalDate", &date)]);
                    ("an invoice before the first date", invoice.whole("missing"))
                }
                (_, Some(lines)) => {
                    let key = lines[0].map(|number| number.to_string());
                    let key = [("GlYear", key[0].as_str()), ("GlPeriod", &key[1]), ("GlJournal", &key[2])];
                    syspro.update(COMPANY, "GenJournalCtl", &key, &[("JnlStatus", "H")]).unwrap();
                    ("a journal that is no longer posted", lines.into_iter().map(|at| item(posting(at), "extra", "")).collect())
                }
                // also where no small journal is left
                _ => {
                    let (order, line) = self.order_line();
                    let key = [("PurchaseOrder", order.as_str()), ("Line", &line.to_string())];
                    self.site.world.syspro.update(COMPANY, "PorMasterDetail", &key, &[("LineType", "6")]).unwrap();
                    ("a line of an order that became a comment", vec![item(order_line(&order, line), "extra", "")])
                }
            };
            self.plant("left_out", way, items);
        }
    }

    fn gone(&mut self) {
        for _ in 0..self.each {
            let owed = self.invoice(|one| one.open != 0 && !one.lines.is_empty());
            self.remove(&owed);
            self.plant("gone", "an invoice that is removed before it is paid", owed.whole("extra"));
            let paid = self.invoice(Invoice::is_paid);
            self.remove(&paid);
            self.plant("purged", "an invoice that is removed after it was paid", paid.whole("extra"));
        }
    }

    fn staged(&mut self) {
        let servicenow = &self.site.world.servicenow;
        let staged = ["sn_apo_invoice", "sn_apo_invoice_line"].map(|table| servicenow.texts(table, &["u_source_key", "sys_id"]));
        for way in self.turns(2) {
            let invoice = self.any_invoice();
            let (id, table) = if way == 0 { (invoice.id(), "sn_apo_invoice") } else { (invoice.line(0), "sn_apo_invoice_line") };
            let key = id.source_key();
            for row in staged[way].iter().filter(|row| row[0] == key) {
                assert!(servicenow.edit_row(table, &row[1], &[("sys_import_state", "pending")]));
            }
            self.delete(&id);
            self.plant("staged", "a staged row that is not processed, and no row of the record", vec![item(id, "missing", "")]);
        }
    }

    fn rounded(&mut self) {
        for way in self.turns(2) {
            let invoice = self.invoice(|one| one.value % 10 != 0);
            let id = invoice.id();
            if way == 0 {
                let cut = Decimal::new(invoice.value, 2).round_dp_with_strategy(1, RoundingStrategy::ToZero);
                self.edit(&id, &[(AMOUNT, &cut.to_string())]);
                self.plant("rounding", "an amount with one decimal less", vec![item(id, "differs", AMOUNT)]);
            } else {
                self.edit(&id, &[(AMOUNT, "XTS;7.25")]);
                // it is missing in one currency, and too much in the other
                let items = vec![item(id.clone(), "differs", AMOUNT), item(id, "differs", AMOUNT)];
                self.plant("rounding", "an amount in the column's own currency", items);
            }
        }
    }

    fn changed(&mut self) {
        const WAYS: [&str; 7] = ["an amount", "a currency", "a text", "a line", "a supplier", "a line of an order", "a posting"];
        for way in self.turns(WAYS.len()).into_iter().skip(self.few()) {
            let (id, field, text) = match way {
                0 => (self.any_invoice().id(), AMOUNT, "0.07"),
                1 => {
                    let invoice = self.any_invoice();
                    (invoice.id(), "u_currency", if invoice.currency == "R" { "USD" } else { "ZAR" })
                }
                2 => (self.any_invoice().id(), "u_supplier_invoice_number", "edited"),
                3 => (self.any_invoice().line(0), LINE_AMOUNT, "0.07"),
                4 => (self.supplier(), "u_name", "edited"),
                5 => {
                    let (order, line) = self.order_line();
                    (order_line(&order, line), "ordered_quantity", "98765.00")
                }
                _ => (posting(self.posting()), "u_amount", "0.07"),
            };
            self.edit(&id, &[(field, text)]);
            // a changed currency is missing in one, and too much in the other
            let items: Vec<Item> = (0..if way == 1 { 2 } else { 1 }).map(|_| item(id.clone(), "differs", field)).collect();
            self.plant("changed_in_servicenow", WAYS[way], items);
        }
    }

    fn hidden(&mut self) {
        for _ in 0..self.each {
            let id = self.supplier();
            self.edit(&id, &[HIDDEN]);
            self.plant("hidden", "a supplier that an access rule hides", vec![item(id, "missing", "")]);
        }
    }

    fn deleted(&mut self) {
        const WAYS: [&str; 6] = ["an invoice", "a line", "a supplier", "an order", "a line of an order", "a posting"];
        for way in self.turns(WAYS.len()) {
            let id = self.some_record(way);
            self.delete(&id);
            self.plant("deleted_in_servicenow", WAYS[way], vec![item(id, "missing", "")]);
        }
    }

    fn twice(&mut self) {
        const WAYS: [&str; 6] = ["an invoice", "a line", "a supplier", "an order", "a line of an order", "a posting"];
        for way in self.turns(WAYS.len()) {
            let id = self.some_record(way);
            self.copy(&id);
            self.plant("twice", WAYS[way], vec![item(id, "twice", "")]);
        }
    }

    /// A record in which nothing was planted yet.
    fn some_record(&mut self, way: usize) -> Id {
        match way {
            0 => self.any_invoice().id(),
            1 => self.any_invoice().line(0),
            2 => self.supplier(),
            3 => Id::header("purchase_order", &part(&self.order_line().0)),
            4 => {
                let (order, line) = self.order_line();
                order_line(&order, line)
            }
            _ => posting(self.posting()),
        }
    }

    fn unknown_rows(&mut self) {
        const WAYS: [&str; 5] =
            ["an invoice of nobody", "an invoice of nobody in a period", "a line of a known invoice", "a supplier", "a posting"];
        for (n, way) in self.turns(WAYS.len()).into_iter().enumerate() {
            let period = self.invoices[0].period;
            let (year, month) = (period.0.to_string(), period.1.to_string());
            let currency = ("u_currency", ["ZAR", "USD", "EUR"][n % 3]);
            let id = match way {
                0 | 1 => Id::header("invoice", &format!("NOBODY/N{n}")),
                2 => Id::line("invoice", &self.any_invoice().key(), &format!("2099/1/1/{n}/1")),
                3 => Id::header("supplier", &format!("NOBODY{n}")),
                _ => Id::line("gl_posting", &format!("2099/1/{n}"), &format!("2099/1/{n}/1")),
            };
            match way {
                0 => self.stranger(&id, &[(AMOUNT, "77.10"), currency]),
                1 => self.stranger(&id, &[(AMOUNT, "77.11"), currency, ("u_posting_year", &year), ("u_posting_period", &month)]),
                2 => self.stranger(&id, &[(LINE_AMOUNT, "77.12"), ("u_currency", "ZAR")]),
                3 => self.stranger(&id, &[("u_name", "Nobody")]),
                _ => self.stranger(&id, &[("u_amount", "77.14"), ("u_currency", "ZAR"), ("u_year", &year), ("u_period", &month)]),
            }
            self.plant("unknown_row", WAYS[way], vec![item(id, "extra", "")]);
        }
    }

    /// Rows that are not there, of records whose row the ledger does not know: as after a delivery that named none.
    fn unexplained(&mut self) {
        for way in self.turns(2) {
            let invoice = self.any_invoice();
            let id = if way == 0 { invoice.id() } else { invoice.line(0) };
            self.delete(&id);
            let (key, line) = (id.key.replace('\'', "''"), id.line.clone());
            let sql = format!(
                "UPDATE record r SET sys_id = '', own_row = false FROM document d WHERE d.id = r.document_id AND d.entity = 'invoice' AND d.key = '{key}' \
                 AND r.block = '{}' AND r.record_key = '{line}' RETURNING 1",
                id.block
            );
            assert_eq!(self.site.world.database.psql(&sql), "1");
            self.plant("unexplained", "no row, and the ledger knows none", vec![item(id, "missing", "")]);
        }
    }
}

fn posting(at: [i64; 4]) -> Id {
    let text = |numbers: &[i64]| numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("/");
    Id::line("gl_posting", &text(&at[..3]), &text(&at))
}

fn order_line(order: &str, line: i64) -> Id {
    Id::line("purchase_order", &part(order), &format!("{}/{line}", part(order)))
}

/// Renames a supplier in SYSPRO.
fn syspro_name(planter: &Planter<'_>, id: &Id) {
    let syspro = &planter.site.world.syspro;
    syspro.update(COMPANY, "ApSupplier", &[("Supplier", &id.key)], &[("SupplierName", "Silent (Pty) Ltd")]).unwrap();
}
