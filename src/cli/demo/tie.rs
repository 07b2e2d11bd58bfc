//! The summary: both systems asked from their own side, and what explains any difference.

use std::collections::HashSet;

use rust_decimal::Decimal;
use serde::Serialize;

use super::Systems;
use crate::actors::Deps;
use crate::cli::Failure;
use crate::cli::output;
use crate::domain::money::{format_decimal, parse_decimal};
use crate::domain::run::RunCounts;
use crate::sim::dataset::table::Cell;
use crate::sim::faults::{Fault, FaultRule};
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
    /// Rows in ServiceNow's table.
    rows: usize,
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
    /// SYSPRO's amount less ServiceNow's and what is set aside.
    fn difference(&self) -> Option<Decimal> {
        Some(self.syspro? - self.servicenow? - self.set_aside.unwrap_or_default())
    }

    /// No difference, and nothing is there twice.
    pub(super) fn ties(&self) -> bool {
        self.difference().is_none_or(|difference| difference.is_zero()) && self.duplicates == 0
    }
}

/// Where an entity's amount stands on both sides.
struct Measure {
    entity: &'static str,
    amount_of: &'static str,
    block: &'static str,
    target: &'static str,
    column: &'static str,
    /// Only amounts above zero: the debits of journals that balance.
    debits: bool,
    /// Reads SYSPRO's side out of its tables.
    syspro: Option<fn(&SysproSim, &str) -> Decimal>,
}

/// An entity of which only the rows are counted.
const fn counted(entity: &'static str, target: &'static str) -> Measure {
    Measure { entity, amount_of: "", block: "header", target, column: "", debits: false, syspro: None }
}

const MEASURES: &[Measure] = &[
    counted("cost_center", "cmn_cost_center"),
    counted("gl_account", "itfm_gl_accounts"),
    counted("supplier", "x_apo_supplier"),
    Measure {
        entity: "purchase_order",
        amount_of: "line prices",
        block: "lines",
        target: "proc_po_item",
        column: "cost",
        debits: false,
        syspro: Some(order_prices),
    },
    Measure {
        entity: "invoice",
        amount_of: "invoice totals",
        block: "header",
        target: "x_apo_invoice",
        column: "u_amount_invoiced",
        debits: false,
        syspro: Some(invoices),
    },
    Measure {
        entity: "invoice",
        amount_of: "distribution lines",
        block: "lines",
        target: "x_apo_invoice_line",
        column: "u_line_amount_invoiced",
        debits: false,
        syspro: Some(distributions),
    },
    Measure {
        entity: "gl_posting",
        amount_of: "posted debits",
        block: "lines",
        target: "x_apo_gl_posting",
        column: "u_amount",
        debits: true,
        syspro: Some(posted_debits),
    },
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

/// Prices of one ordered unit of lines that are no comments, in the order's currency, each with the four decimals that are sent.
fn order_prices(syspro: &SysproSim, company: &str) -> Decimal {
    // an order in local currency has both prices alike
    let prices = rows(syspro, company, "PorMasterDetail", |cell| {
        if cell("LineType").text() == "6" {
            return Decimal::ZERO;
        }
        let factor = Decimal::new(cell("MConvFactPrcUm").number(), 6);
        let rest = Decimal::ONE - Decimal::new(cell("MDiscPct1").number(), 4);
        let price = Decimal::new(cell("MForeignPrice").number(), 5) * rest;
        let price = if cell("MMulDivPrc").text() == "D" { price / factor } else { price * factor };
        parse_decimal(&format_decimal(price, 4)).unwrap_or_default()
    });
    prices.into_iter().sum()
}

/// Distribution lines of invoices that exist.
fn distributions(syspro: &SysproSim, company: &str) -> Decimal {
    let key = |cell: &dyn Fn(&str) -> Cell| ["TrnYear", "TrnMonth", "Journal", "EntryNumber"].map(|name| cell(name).number());
    let known: HashSet<(String, String)> =
        rows(syspro, company, "ApInvoice", |cell| (cell("Supplier").text().to_owned(), cell("Invoice").text().to_owned()))
            .into_iter()
            .collect();
    let entries: HashSet<[i64; 4]> = rows(syspro, company, "ApJnlSummary", |cell| {
        known.contains(&(cell("Supplier").text().to_owned(), cell("Invoice").text().to_owned())).then(|| key(cell))
    })
    .into_iter()
    .flatten()
    .collect();
    rows(
        syspro,
        company,
        "ApJnlDistrib",
        |cell| if entries.contains(&key(cell)) { cents(cell("DistrValue").number()) } else { Decimal::ZERO },
    )
    .into_iter()
    .sum()
}

/// Debits of posted journals.
fn posted_debits(syspro: &SysproSim, company: &str) -> Decimal {
    let key = |cell: &dyn Fn(&str) -> Cell, journal: &str| ["GlYear", "GlPeriod", journal].map(|name| cell(name).number());
    let posted: HashSet<[i64; 3]> =
        rows(syspro, company, "GenJournalCtl", |cell| (cell("JnlStatus").text() == "P").then(|| key(cell, "GlJournal")))
            .into_iter()
            .flatten()
            .collect();
    rows(syspro, company, "GenJournalDetail", |cell| {
        if posted.contains(&key(cell, "Journal")) { cents(cell("EntryValue").number().max(0)) } else { Decimal::ZERO }
    })
    .into_iter()
    .sum()
}

/// Amounts above zero only, where the measure wants debits.
fn counted_in(measure: &Measure, amount: Decimal) -> Decimal {
    if measure.debits { amount.max(Decimal::ZERO) } else { amount }
}

fn servicenow_amount(servicenow: &ServiceNowSim, measure: &Measure) -> Decimal {
    let rows = servicenow.rows(measure.target);
    let amounts = rows.iter().filter_map(|row| parse_decimal(row.get(measure.column)?));
    amounts.map(|amount| counted_in(measure, amount)).sum()
}

/// Every entity's line, each amount asked of the system that holds it.
pub(super) async fn summary(deps: &Deps, systems: &Systems, status: &[FlowStatus]) -> Result<Vec<Line>, Failure> {
    let mut lines: Vec<Line> = Vec::new();
    for measure in MEASURES {
        let mut counts = RunCounts::default();
        for (flow, more) in deps.progress.all() {
            if flow.entity.as_str() == measure.entity {
                counts += more;
            }
        }
        let parked = status.iter().filter(|s| s.entity == measure.entity).map(|row| row.backlog().total()).sum();
        let mut line = Line {
            entity: measure.entity.to_owned(),
            counts,
            parked,
            amount_of: measure.amount_of,
            rows: systems.servicenow.count(measure.target),
            syspro: None,
            servicenow: None,
            set_aside: None,
            duplicates: systems.servicenow.duplicates(measure.target, "u_source_key"),
        };
        if let Some(read) = measure.syspro {
            let companies = &deps.settings.syspro.companies;
            line.syspro = Some(companies.iter().map(|company| read(&systems.syspro, company.as_str())).sum());
            line.servicenow = Some(servicenow_amount(&systems.servicenow, measure));
            let aside = deps.store.pending_amounts(measure.entity.into(), measure.block.into(), measure.column.into()).await?;
            line.set_aside = Some(aside.into_iter().map(|amount| counted_in(measure, amount)).sum());
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The summary for people.
pub(super) fn print(lines: &[Line]) {
    let money = |amount: Option<Decimal>| amount.map_or_else(String::new, |amount| grouped(&format_decimal(amount, 2)));
    let rows = lines.iter().map(|l| {
        let first = l.amount_of != "distribution lines";
        let count = |n: i64| if first { n.to_string() } else { String::new() };
        let c = &l.counts;
        vec![
            if first { l.entity.clone() } else { String::new() },
            count(c.read),
            count(c.sent),
            count(c.confirmed),
            count(l.parked),
            l.amount_of.to_owned(),
            money(l.syspro),
            money(l.servicenow),
            money(l.set_aside),
            money(l.difference()),
        ]
    });
    let headers = ["entity", "read", "sent", "confirmed", "parked", "amount of", "SYSPRO", "ServiceNow", "set aside", "difference"];
    println!("{}", output::table(&headers, &[1, 2, 3, 4, 6, 7, 8, 9], rows));
}

/// `1234567.89` as `1,234,567.89`.
fn grouped(text: &str) -> String {
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if cents.is_empty() { format!("{sign}{out}") } else { format!("{sign}{out}.{cents}") }
}

/// Both systems misbehave now and then, as data.
pub(super) fn add_faults(syspro: &SysproSim, servicenow: &ServiceNowSim) {
    syspro.faults.push(FaultRule::always(Fault::Status(502)).rate(0.02));
    syspro.faults.push(FaultRule::always(Fault::CutBody).rate(0.02));
    syspro.faults.push(FaultRule::always(Fault::HtmlPage200).rate(0.01));
    for (fault, rate) in [
        (Fault::DropAfterCommit, 0.05),
        (Fault::StatusAfterCommit(500), 0.02),
        (Fault::Status(502), 0.03),
        (Fault::RetryAfter(1), 0.02),
        (Fault::BrokenJsonAfterCommit, 0.02),
    ] {
        servicenow.set_fault(FaultRule::always(fault).rate(rate).on_path("/api/now"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (plain, shown) in [("0.00", "0.00"), ("999.50", "999.50"), ("1000.00", "1,000.00"), ("-1234567.89", "-1,234,567.89")] {
            assert_eq!(grouped(plain), shown);
        }
    }
}
