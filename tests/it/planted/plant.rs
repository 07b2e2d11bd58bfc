//! Plants the differences: each at a record of its own, and each with the items that a tie-out should list for it.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use fastrand::Rng;
use rust_decimal::Decimal;
use tieline_sim::dataset::Cell;

use super::books::{Booked, Id, Stored, part};
use super::site::Site;
use crate::support::source::rows;
use crate::support::world::COMPANY;

/// One line of a tie-out's list.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: Id,
    pub kind: &'static str,
    /// The field with two values; empty: the whole record.
    pub field: &'static str,
}

/// One difference.
#[derive(Debug)]
pub struct Planted {
    pub cause: &'static str,
    /// How it was planted.
    pub way: &'static str,
    pub items: Vec<Item>,
}

/// An invoice of SYSPRO.
#[derive(Debug, Clone)]
pub struct Invoice {
    pub supplier: String,
    pub number: String,
    pub period: (i64, i64),
    pub currency: String,
    /// Cents.
    pub value: i64,
    /// What is not paid of it.
    pub open: i64,
    pub lines: Vec<Line>,
}

/// A line of it: its key, and its cents.
#[derive(Debug, Clone)]
pub struct Line {
    pub key: [i64; 5],
    pub value: i64,
}

impl Invoice {
    pub fn key(&self) -> String {
        format!("{}/{}", part(&self.supplier), part(&self.number))
    }

    pub fn is_paid(&self) -> bool {
        self.open == 0 && self.value != 0 && !self.lines.is_empty()
    }

    pub fn id(&self) -> Id {
        Id::header("invoice", &self.key())
    }

    pub fn line(&self, at: usize) -> Id {
        let line = self.lines[at].key.map(|number| number.to_string()).join("/");
        Id::line("invoice", &self.key(), &line)
    }

    /// The header and all lines, as items of this kind.
    pub fn whole(&self, kind: &'static str) -> Vec<Item> {
        let ids = std::iter::once(self.id()).chain((0..self.lines.len()).map(|at| self.line(at)));
        ids.map(|id| Item { id, kind, field: "" }).collect()
    }
}

/// What may be planted in, in random order.
pub struct Planter<'a> {
    pub site: &'a Site,
    pub random: Rng,
    /// The differences of each cause.
    pub each: usize,
    pub today: NaiveDate,
    pub invoices: Vec<Invoice>,
    pub suppliers: Vec<String>,
    /// Lines of orders, by order and number.
    pub order_lines: Vec<(String, i64)>,
    /// Lines of posted journals: year, period, journal, entry.
    pub postings: Vec<[i64; 4]>,
    /// The rows of ServiceNow before anybody changed them by hand.
    pub delivered: HashMap<Id, Stored>,
    /// Records that SYSPRO no longer has, and that ServiceNow keeps with a mark.
    pub marked: BTreeMap<Id, Booked>,
    pub planted: Vec<Planted>,
    /// Suppliers that new invoices may name.
    named: Vec<String>,
    made: i64,
}

/// What a column holds in a row.
fn cents(value: i64) -> String {
    Decimal::new(value, 2).to_string()
}

pub fn item(id: Id, kind: &'static str, field: &'static str) -> Item {
    Item { id, kind, field }
}

impl<'a> Planter<'a> {
    pub fn new(site: &'a Site, seed: u64, each: usize) -> Self {
        let syspro = &site.world.syspro;
        let named = rows(syspro, COMPANY, "ApSupplier", |c| c("Supplier").text().to_owned());
        let mut lines: HashMap<(String, String), Vec<Line>> = HashMap::new();
        let entry = |c: &dyn Fn(&str) -> Cell| ["TrnYear", "TrnMonth", "Journal", "EntryNumber"].map(|name| c(name).number());
        let of: HashMap<[i64; 4], (String, String)> =
            rows(syspro, COMPANY, "ApJnlSummary", |c| (entry(c), (c("Supplier").text().to_owned(), c("Invoice").text().to_owned())))
                .into_iter()
                .collect();
        for (at, sub, value) in rows(syspro, COMPANY, "ApJnlDistrib", |c| (entry(c), c("SubEntry").number(), c("DistrValue").number())) {
            let key = [at[0], at[1], at[2], at[3], sub];
            lines.entry(of[&at].clone()).or_default().push(Line { key, value });
        }
        let invoices = rows(syspro, COMPANY, "ApInvoice", |c| {
            let (supplier, number) = (c("Supplier").text().to_owned(), c("Invoice").text().to_owned());
            let lines = lines.remove(&(supplier.clone(), number.clone())).unwrap_or_default();
            Invoice {
                supplier,
                number,
                period: (c("InvoiceYear").number(), c("InvoiceMonth").number()),
                currency: c("Currency").text().to_owned(),
                value: c("OrigInvValue").number(),
                open: c("MthInvBal1").number(),
                lines,
            }
        });
        let order_lines = rows(syspro, COMPANY, "PorMasterDetail", |c| {
            (c("LineType").text() != "6").then(|| (c("PurchaseOrder").text().to_owned(), c("Line").number()))
        });
        let posted = rows(syspro, COMPANY, "GenJournalCtl", |c| {
            (c("JnlStatus").text() == "P").then(|| ["GlYear", "GlPeriod", "GlJournal"].map(|name| c(name).number()))
        });
        let posted: std::collections::HashSet<[i64; 3]> = posted.into_iter().flatten().collect();
        let mut postings =
            rows(syspro, COMPANY, "GenJournalDetail", |c| ["GlYear", "GlPeriod", "Journal", "EntryNumber"].map(|name| c(name).number()));
        postings.retain(|at| posted.contains(&[at[0], at[1], at[2]]));
        let mut own = Self {
            site,
            random: Rng::with_seed(seed),
            each,
            today: syspro.with(|database| database.today),
            invoices,
            suppliers: named.clone(),
            order_lines: order_lines.into_iter().flatten().collect(),
            postings,
            delivered: HashMap::new(),
            marked: BTreeMap::new(),
            planted: Vec::new(),
            named,
            made: 0,
        };
        own.random.shuffle(&mut own.invoices);
        own.random.shuffle(&mut own.suppliers);
        own.random.shuffle(&mut own.order_lines);
        own.random.shuffle(&mut own.postings);
        own
    }

    /// The way in which each difference of a cause is planted, of so many ways.
    pub fn turns(&mut self, ways: usize) -> Vec<usize> {
        let first = self.random.usize(0..ways);
        (0..self.each).map(|n| (first + n) % ways).collect()
    }

    /// How many of each cause are planted in a way that needs a run of its own.
    pub fn few(&self) -> usize {
        (self.each / 5).max(1)
    }

    pub fn plant(&mut self, cause: &'static str, way: &'static str, items: Vec<Item>) {
        self.planted.push(Planted { cause, way, items });
    }

    /// An invoice in which nothing was planted yet.
    pub fn invoice(&mut self, fits: impl Fn(&Invoice) -> bool) -> Invoice {
        let at = self.invoices.iter().position(fits).expect("an invoice is left for it");
        self.invoices.swap_remove(at)
    }

    pub fn any_invoice(&mut self) -> Invoice {
        self.invoice(|one| one.value != 0 && !one.lines.is_empty())
    }

    pub fn supplier(&mut self) -> Id {
        Id::header("supplier", &part(&self.suppliers.pop().expect("a supplier is left")))
    }

    /// A line of an order in which nothing was planted yet.
    pub fn order_line(&mut self) -> (String, i64) {
        let one = self.order_lines.pop().expect("a line of an order is left");
        self.order_lines.retain(|(order, _)| *order != one.0);
        one
    }

    /// A line of a journal in which nothing was planted yet.
    pub fn posting(&mut self) -> [i64; 4] {
        let one = self.postings.pop().expect("a posting is left");
        self.postings.retain(|at| at[..3] != one[..3]);
        one
    }

    /// The lines of a journal with at most so many, in which nothing was planted yet.
    pub fn small_journal(&mut self, most: usize) -> Option<Vec<[i64; 4]>> {
        let mut journals: BTreeMap<[i64; 3], usize> = BTreeMap::new();
        self.postings.iter().for_each(|at| *journals.entry([at[0], at[1], at[2]]).or_default() += 1);
        let one = *journals.iter().find(|(_, count)| **count <= most)?.0;
        let of = |at: &[i64; 4]| at[..3] == one[..];
        let lines = self.postings.iter().copied().filter(of).collect();
        self.postings.retain(|at| !of(at));
        Some(lines)
    }

    /// The day so many days ago.
    pub fn days_ago(&self, days: u64) -> String {
        self.today.checked_sub_days(Days::new(days)).unwrap().to_string()
    }

    /// Changes an invoice in SYSPRO.
    pub fn change(&self, invoice: &Invoice, values: &[(&str, &str)]) {
        let key = [("Supplier", invoice.supplier.as_str()), ("Invoice", &invoice.number)];
        self.site.world.syspro.update(COMPANY, "ApInvoice", &key, values).unwrap();
    }

    /// Removes an invoice from SYSPRO; its lines stay, and belong to none. Returns its row.
    pub fn remove(&self, invoice: &Invoice) -> Vec<(String, Cell)> {
        let key = [("Supplier", invoice.supplier.as_str()), ("Invoice", &invoice.number)];
        let syspro = &self.site.world.syspro;
        let row = syspro.with(|database| {
            let table = database.company(COMPANY).unwrap().table("ApInvoice").unwrap();
            let slot = table.find(&key.map(|(_, text)| Cell::from(text))).unwrap();
            let columns = table.schema.columns.iter().enumerate().filter(|(_, column)| column.name != "TimeStamp");
            columns.map(|(at, column)| (column.name.clone(), table.cell(slot, at).clone())).collect()
        });
        syspro.delete(COMPANY, "ApInvoice", &key).unwrap();
        row
    }

    /// Gives an invoice back to SYSPRO as it was.
    pub fn put_back(&self, row: &[(String, Cell)]) {
        let values = row.iter().map(|(name, cell)| (name.as_str(), cell.clone())).collect();
        self.site.world.syspro.change(|database| database.company_mut(COMPANY).unwrap().add("ApInvoice", values)).unwrap();
    }

    /// A new invoice in SYSPRO with so many lines; `values` replace those that it would have.
    pub fn new_invoice(&mut self, lines: usize, values: &[(&str, &str)]) -> Invoice {
        self.made += 1;
        let like = self.invoices[self.random.usize(0..self.invoices.len())].period;
        let lines: Vec<Line> = (1_i64..)
            .take(lines)
            .map(|sub| Line { key: [like.0, like.1, 900_000 + self.made, 1, sub], value: self.random.i64(1_000..2_000_000) })
            .collect();
        let value = if lines.is_empty() { self.random.i64(1_000..2_000_000) } else { lines.iter().map(|line| line.value).sum() };
        let (today, amount, number) = (self.today.to_string(), cents(value), format!("PLANT{:05}", self.made));
        let (year, month) = (like.0.to_string(), like.1.to_string());
        let supplier = self.named[self.random.usize(0..self.named.len())].clone();
        let mut all = BTreeMap::from([
            ("Supplier", supplier.as_str()),
            ("Invoice", &number),
            ("InvoiceDate", &today),
            ("JournalDate", &today),
            ("InvoiceYear", &year),
            ("InvoiceMonth", &month),
            ("OrigInvValue", &amount),
            ("MthInvBal1", &amount),
            ("Currency", ["R", "$", "EUR"][self.made as usize % 3]),
        ]);
        all.extend(values.iter().copied());
        let syspro = &self.site.world.syspro;
        syspro.insert(COMPANY, "ApInvoice", &all.iter().map(|(name, value)| (*name, *value)).collect::<Vec<_>>()).unwrap();
        for (at, line) in lines.iter().enumerate() {
            let key = line.key.map(|number| number.to_string());
            let entry = [("TrnYear", key[0].as_str()), ("TrnMonth", &key[1]), ("Journal", &key[2]), ("EntryNumber", &key[3])];
            if at == 0 {
                let summary = [("Supplier", all["Supplier"]), ("Invoice", all["Invoice"]), ("TransactionCode", "I"), ("TrnDate", &today)];
                syspro.insert(COMPANY, "ApJnlSummary", &[&entry[..], &summary].concat()).unwrap();
            }
            let value = cents(line.value);
            let own = [("SubEntry", key[4].as_str()), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", &value), ("ExpenseType", "M")];
            syspro.insert(COMPANY, "ApJnlDistrib", &[&entry[..], &own].concat()).unwrap();
        }
        let (supplier, currency) = (all["Supplier"].to_owned(), all["Currency"].to_owned());
        Invoice { supplier, number, period: like, currency, value, open: value, lines }
    }

    /// The row of a record that was delivered.
    pub fn row(&self, id: &Id) -> &str {
        &self.delivered.get(id).unwrap_or_else(|| panic!("{id:?} was not delivered")).sys_id
    }

    /// Changes a row in ServiceNow, as a person would.
    pub fn edit(&self, id: &Id, values: &[(&str, &str)]) {
        assert!(self.site.world.servicenow.edit_row(id.table(), self.row(id), values), "{id:?}");
    }

    /// Deletes a row in ServiceNow, as a person would.
    pub fn delete(&self, id: &Id) {
        assert!(self.site.world.servicenow.delete_row(id.table(), self.row(id)), "{id:?}");
    }

    /// Inserts a second row with the key and the values of a record.
    pub fn copy(&self, id: &Id) {
        let row = self.site.world.servicenow.row(id.table(), self.row(id)).unwrap();
        let own: Vec<(&str, &str)> =
            row.iter().filter(|(name, _)| !name.starts_with("sys_")).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.site.world.servicenow.insert_row(id.table(), &own).unwrap();
    }

    /// Inserts a row with the key of a record that there is not.
    pub fn stranger(&self, id: &Id, values: &[(&str, &str)]) {
        let key = id.source_key();
        let own = [&[("u_source_key", key.as_str())][..], values].concat();
        self.site.world.servicenow.insert_row(id.table(), &own).unwrap();
    }
}
