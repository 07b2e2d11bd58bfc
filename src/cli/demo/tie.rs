//! The summary: both systems asked from their own side, and what explains any difference.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::Systems;
use crate::actors::Deps;
use crate::cli::output;
use crate::domain::money::format_decimal;
use crate::domain::run::RunCounts;
use crate::sim::faults::{Fault, FaultPlan, FaultRule};
use crate::sim::servicenow::ServiceNowSim;
use crate::sim::syspro::SysproSim;
use crate::store::FlowStatus;

/// One entity's line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    entity: String,
    counts: RunCounts,
    /// Records that are set aside with a reason.
    parked: i64,
    /// What the amounts are of.
    amount_of: &'static str,
    /// The amount in SYSPRO's tables.
    syspro: Option<Decimal>,
    /// The amount in ServiceNow's tables.
    servicenow: Option<Decimal>,
    /// The amount of the records that are set aside.
    set_aside: Option<Decimal>,
    /// Rows with a key that another row has too.
    duplicates: usize,
}

impl Line {
    /// SYSPRO's amount is ServiceNow's and what is set aside, and nothing is there twice.
    pub(super) fn ties(&self) -> bool {
        let amounts = match (self.syspro, self.servicenow) {
            (Some(syspro), Some(servicenow)) => syspro == servicenow + self.set_aside.unwrap_or_default(),
            _ => true,
        };
        amounts && self.duplicates == 0
    }
}

/// Where an entity's amount stands on both sides.
struct Measure {
    entity: &'static str,
    amount_of: &'static str,
    block: &'static str,
    target: &'static str,
    column: &'static str,
    /// Reads SYSPRO's side out of its tables.
    syspro: Option<fn(&SysproSim, &str) -> Decimal>,
}

const MEASURES: &[Measure] = &[
    Measure { entity: "cost_center", amount_of: "", block: "header", target: "cmn_cost_center", column: "", syspro: None },
    Measure { entity: "gl_account", amount_of: "", block: "header", target: "itfm_gl_accounts", column: "", syspro: None },
    Measure { entity: "supplier", amount_of: "", block: "header", target: "x_apo_supplier", column: "", syspro: None },
    Measure { entity: "purchase_order", amount_of: "unit prices", block: "lines", target: "proc_po_item", column: "cost", syspro: Some(order_prices) },
    Measure { entity: "invoice", amount_of: "invoice totals", block: "header", target: "x_apo_invoice", column: "u_amount_invoiced", syspro: Some(invoices) },
    Measure {
        entity: "invoice",
        amount_of: "distribution lines",
        block: "lines",
        target: "x_apo_invoice_line",
        column: "u_line_amount_invoiced",
        syspro: Some(distributions),
    },
    Measure { entity: "gl_posting", amount_of: "posted debits", block: "lines", target: "x_apo_gl_posting", column: "u_amount", syspro: None },
    Measure { entity: "gl_posting", amount_of: "posted movements", block: "lines", target: "x_apo_gl_posting", column: "u_amount", syspro: Some(postings) },
];

/// The rows of a table, each as a function from column name to cell.
fn rows<T>(syspro: &SysproSim, company: &str, table: &str, mut see: impl FnMut(&dyn Fn(&str) -> Cell) -> T) -> Vec<T> {
    syspro.with(|database| {
        let Ok(table) = database.company(company).and_then(|company| company.table(table)) else { return Vec::new() };
        let at = |name: &str| table.schema.columns.iter().position(|column| column.name == name);
        table.slots().map(|slot| see(&|name: &str| at(name).map_or(Cell::Null, |at| table.cell(slot, at).clone()))).collect()
    })
}

fn cents(number: i64) -> Decimal {
    Decimal::new(number, 2)
}

fn invoices(syspro: &SysproSim, company: &str) -> Decimal {
    syspro.sum(company, "ApInvoice", "OrigInvValue").unwrap_or_default()
}

/// Prices of order lines that are no comments, each rounded to the cent as it is sent.
fn order_prices(syspro: &SysproSim, company: &str) -> Decimal {
    let prices = rows(syspro, company, "PorMasterDetail", |cell| {
        let price = Decimal::new(cell("MPrice").number(), 5);
        if cell("LineType").text() == "6" { Decimal::ZERO } else { parse_decimal(&format_decimal(price, 2)).unwrap_or_default() }
    });
    prices.into_iter().sum()
}

/// Distribution lines of invoices that exist.
fn distributions(syspro: &SysproSim, company: &str) -> Decimal {
    let key = |cell: &dyn Fn(&str) -> Cell| ["TrnYear", "TrnMonth", "Journal", "EntryNumber"].map(|name| cell(name).number());
    let known: HashSet<(String, String)> = rows(syspro, company, "ApInvoice", |cell| (cell("Supplier").text().to_owned(), cell("Invoice").text().to_owned()))
        .into_iter()
        .collect();
    let entries: HashSet<[i64; 4]> = rows(syspro, company, "ApJnlSummary", |cell| {
        known.contains(&(cell("Supplier").text().to_owned(), cell("Invoice").text().to_owned())).then(|| key(cell))
    })
    .into_iter()
    .flatten()
    .collect();
    rows(syspro, company, "ApJnlDistrib", |cell| if entries.contains(&key(cell)) { cents(cell("DistrValue").number()) } else { Decimal::ZERO })
        .into_iter()
        .sum()
}

/// Lines of posted journals.
fn postings(syspro: &SysproSim, company: &str) -> Decimal {
    let key = |cell: &dyn Fn(&str) -> Cell, journal: &str| ["GlYear", "GlPeriod", journal].map(|name| cell(name).number());
    let posted: HashSet<[i64; 3]> = rows(syspro, company, "GenJournalCtl", |cell| (cell("JnlStatus").text() == "P").then(|| key(cell, "GlJournal")))
        .into_iter()
        .flatten()
        .collect();
    rows(syspro, company, "GenJournalDetail", |cell| {
        if posted.contains(&key(cell, "Journal")) { cents(cell("EntryValue").number()).abs() } else { Decimal::ZERO }
    })
    .into_iter()
    .sum()
}
