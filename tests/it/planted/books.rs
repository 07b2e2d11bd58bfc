//! What both systems hold, read from the tables of the simulators. No code of the product is used: keys, currencies, periods and sums are
//! worked out here a second time.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use tieline_sim::dataset::Cell;

use crate::support::source::rows;
use crate::support::world::{COMPANY, World};

/// A record: its entity and block, its document's key, and the line's (empty for a header).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub entity: &'static str,
    pub block: &'static str,
    pub key: String,
    pub line: String,
}

impl Id {
    pub fn header(entity: &'static str, key: &str) -> Self {
        Self { entity, block: "header", key: key.to_owned(), line: String::new() }
    }

    pub fn line(entity: &'static str, key: &str, line: &str) -> Self {
        Self { entity, block: "lines", key: key.to_owned(), line: line.to_owned() }
    }

    /// What its row in ServiceNow has in `u_source_key`.
    pub fn source_key(&self) -> String {
        let line = if self.line.is_empty() { String::new() } else { format!("/{}", self.line) };
        format!("{COMPANY}/{}/{}{line}", self.entity, self.key)
    }

    /// The table that finally has its row.
    pub fn table(&self) -> &'static str {
        TABLES.iter().find(|table| (table.entity, table.block) == (self.entity, self.block)).unwrap().name
    }
}

/// A table of ServiceNow, and its columns that a tie-out adds up and sorts by.
pub struct Table {
    pub entity: &'static str,
    pub block: &'static str,
    pub name: &'static str,
    /// The number of parts of a document's key.
    parts: usize,
    amount: &'static str,
    currency: &'static str,
    year: &'static str,
    period: &'static str,
}

/// A table without amounts.
const fn plain(entity: &'static str, block: &'static str, name: &'static str, parts: usize) -> Table {
    Table { entity, block, name, parts, amount: "", currency: "", year: "", period: "" }
}

pub const TABLES: [Table; 8] = [
    plain("cost_center", "header", "cmn_cost_center", 1),
    plain("gl_account", "header", "itfm_gl_accounts", 2),
    plain("supplier", "header", "x_apo_supplier", 1),
    plain("purchase_order", "header", "proc_po", 1),
    plain("purchase_order", "lines", "proc_po_item", 1),
    Table {
        amount: "u_amount_invoiced",
        currency: "u_currency",
        year: "u_posting_year",
        period: "u_posting_period",
        ..plain("invoice", "header", "x_apo_invoice", 2)
    },
    Table { amount: "u_line_amount_invoiced", currency: "u_currency", ..plain("invoice", "lines", "x_apo_invoice_line", 2) },
    Table {
        amount: "u_amount",
        currency: "u_currency",
        year: "u_year",
        period: "u_period",
        ..plain("gl_posting", "lines", "x_apo_gl_posting", 3)
    },
];

/// The column and its value by which the instance hides suppliers from the program.
pub const HIDDEN: (&str, &str) = ("u_confidential", "yes");

/// A fiscal year and period.
pub type Period = Option<(i64, i64)>;

/// What one side has of a record.
#[derive(Debug, Clone, Default)]
pub struct Booked {
    pub period: Period,
    pub currency: String,
    pub amount: Option<Decimal>,
}

/// A row of ServiceNow.
pub struct Stored {
    pub id: Id,
    pub sys_id: String,
    pub booked: Booked,
    /// The program may not see it.
    hidden: bool,
}

/// A part of a key: as SYSPRO has it, except that it stays one part.
pub fn part(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

/// The ISO code of a currency; `None`: it stands for none.
fn iso(code: &str) -> Option<String> {
    match code {
        "R" => Some("ZAR".to_owned()),
        "$" => Some("USD".to_owned()),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Some(code.to_owned()),
        _ => None,
    }
}

fn cents(cell: &Cell) -> Option<Decimal> {
    Some(Decimal::new(cell.number(), 2))
}

/// The parts of a key that are numbers.
fn numbers(cell: &dyn Fn(&str) -> Cell, names: &[&str]) -> Vec<i64> {
    names.iter().map(|name| cell(name).number()).collect()
}

fn joined(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("/")
}

/// Every record of SYSPRO that should be in ServiceNow.
pub fn of_syspro(world: &World) -> BTreeMap<Id, Booked> {
    let of = |table: &str, see: &dyn Fn(&dyn Fn(&str) -> Cell) -> Option<(Id, Booked)>| rows(&world.syspro, COMPANY, table, see);
    let known = |entity: &'static str, key: String| Some((Id::header(entity, &key), Booked::default()));
    let mut all = of("BomCostCentre", &|c| known("cost_center", part(c("CostCentre").text())));
    all.extend(of("GenMaster", &|c| {
        let code = c("GlCode").text().to_owned();
        let used = !["FORCED", "RETAINED"].contains(&code.as_str());
        known("gl_account", format!("{}/{}", part(c("Company").text()), part(&code))).filter(|_| used)
    }));
    all.extend(of("ApSupplier", &|c| known("supplier", part(c("Supplier").text()))));
    all.extend(of("PorMasterHdr", &|c| known("purchase_order", part(c("PurchaseOrder").text()))));
    all.extend(of("PorMasterDetail", &|c| {
        let key = part(c("PurchaseOrder").text());
        let line = format!("{key}/{}", c("Line").number());
        (c("LineType").text() != "6").then(|| (Id::line("purchase_order", &key, &line), Booked::default()))
    }));
    let invoice = |c: &dyn Fn(&str) -> Cell| format!("{}/{}", part(c("Supplier").text()), part(c("Invoice").text()));
    let headers = of("ApInvoice", &|c| {
        let period = Some((c("InvoiceYear").number(), c("InvoiceMonth").number()));
        let booked = Booked { period, currency: iso(c("Currency").text())?, amount: cents(&c("OrigInvValue")) };
        Some((Id::header("invoice", &invoice(c)), booked))
    });
    let there: HashSet<&str> = headers.iter().flatten().map(|(id, _)| id.key.as_str()).collect();
    const ENTRY: [&str; 4] = ["TrnYear", "TrnMonth", "Journal", "EntryNumber"];
    let entries: HashMap<Vec<i64>, String> =
        rows(&world.syspro, COMPANY, "ApJnlSummary", |c| (numbers(c, &ENTRY), invoice(c))).into_iter().collect();
    let lines = of("ApJnlDistrib", &|c| {
        let entry = numbers(c, &ENTRY);
        let key = entries.get(&entry).filter(|key| there.contains(key.as_str()))?;
        let line = format!("{}/{}", joined(&entry), c("SubEntry").number());
        let booked = Booked { period: Some((entry[0], entry[1])), currency: "ZAR".to_owned(), amount: cents(&c("DistrValue")) };
        Some((Id::line("invoice", key, &line), booked))
    });
    let posted = rows(&world.syspro, COMPANY, "GenJournalCtl", |c| {
        (c("JnlStatus").text() == "P").then(|| numbers(c, &["GlYear", "GlPeriod", "GlJournal"]))
    });
    let posted: HashSet<Vec<i64>> = posted.into_iter().flatten().collect();
    all.extend(of("GenJournalDetail", &|c| {
        let journal = numbers(c, &["GlYear", "GlPeriod", "Journal"]);
        let line = format!("{}/{}", joined(&journal), c("EntryNumber").number());
        let booked = Booked { period: Some((journal[0], journal[1])), currency: "ZAR".to_owned(), amount: cents(&c("EntryValue")) };
        posted.contains(&journal).then(|| (Id::line("gl_posting", &joined(&journal), &line), booked))
    }));
    all.into_iter().chain(lines).chain(headers).flatten().collect()
}

/// Every row of ServiceNow with a key of Tieline.
pub fn of_servicenow(world: &World) -> Vec<Stored> {
    TABLES.iter().flat_map(|table| rows_of(world, table)).collect()
}

fn rows_of(world: &World, table: &Table) -> Vec<Stored> {
    let columns = ["u_source_key", "sys_id", table.amount, table.currency, table.year, table.period, HIDDEN.0];
    let start = format!("{COMPANY}/{}/", table.entity);
    let stored = |texts: Vec<String>| {
        let key = texts[0].strip_prefix(&start)?;
        // a key with small letters ends with a digest
        let key = key.split_once('~').map_or(key, |(key, _)| key);
        let parts: Vec<&str> = key.split('/').collect();
        let (own, line) = parts.split_at_checked(table.parts)?;
        let id = Id { entity: table.entity, block: table.block, key: own.join("/"), line: line.join("/") };
        let (code, amount) = texts[2].split_once(';').unwrap_or((&texts[3], &texts[2]));
        let number = |text: &str| text.parse::<i64>().ok();
        let booked =
            Booked { period: number(&texts[4]).zip(number(&texts[5])), currency: code.to_owned(), amount: amount.parse::<Decimal>().ok() };
        Some(Stored { id, sys_id: texts[1].clone(), booked, hidden: texts[6] == HIDDEN.1 })
    };
    world.servicenow.texts(table.name, &columns).into_iter().filter_map(stored).collect()
}

/// Number of records and their amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: i64,
    pub amount: Decimal,
}

impl Sum {
    fn add(&mut self, amount: Option<Decimal>) {
        self.count += 1;
        self.amount += amount.unwrap_or_default();
    }
}

/// Entity, block, period and currency.
pub type Bucket = (String, String, String, String);

/// The sums of SYSPRO, of what the ledger has delivered, of what is gone and marked, and of ServiceNow.
pub type Sums = [Sum; 4];

/// The sums of both systems as they are now. `was`: SYSPRO's records before anything was planted by hand; `delivered`: what had arrived of
/// them; `marked`: what SYSPRO no longer has, and ServiceNow keeps with a mark.
pub fn sums(
    world: &World,
    was: &BTreeMap<Id, Booked>,
    delivered: &HashMap<Id, Stored>,
    marked: &BTreeMap<Id, Booked>,
) -> BTreeMap<Bucket, Sums> {
    let now = of_syspro(world);
    let mut all: BTreeMap<Bucket, Sums> = BTreeMap::new();
    let bucket = |id: &Id, period: Period, currency: &str| {
        let period = period.map(|(year, period)| format!("{year}-{period:02}")).unwrap_or_default();
        (id.entity.to_owned(), id.block.to_owned(), period, currency.to_owned())
    };
    for (id, booked) in &now {
        let [syspro, ledger, ..] = all.entry(bucket(id, booked.period, &booked.currency)).or_default();
        syspro.add(booked.amount);
        if let Some(sent) = delivered.get(id) {
            ledger.add(sent.booked.amount);
        }
    }
    for (id, booked) in marked {
        all.entry(bucket(id, booked.period, &booked.currency)).or_default()[2].add(booked.amount);
    }
    for row in of_servicenow(world).iter().filter(|row| !row.hidden) {
        let record = now.get(&row.id).or(marked.get(&row.id));
        // a row belongs to the period of its record; without one, to its own, or to that of the record that was
        let period = match record {
            Some(record) => record.period,
            None => row.booked.period.or(was.get(&row.id).and_then(|record| record.period)),
        };
        let own = Some(row.booked.currency.as_str()).filter(|code| !code.is_empty());
        let currency = own.or(record.map(|record| record.currency.as_str())).unwrap_or_default();
        all.entry(bucket(&row.id, period, currency)).or_default()[3].add(row.booked.amount);
    }
    all
}
