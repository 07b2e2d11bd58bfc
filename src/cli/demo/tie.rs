//! The summary: counts and sums both systems independently, and explains every difference.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use serde::Serialize;

use super::systems::Systems;
use crate::cli::Failure;
use crate::cli::output;
use crate::domain::backlog::Backlog;
use crate::domain::money::{amount_in, parse_decimal, thousands};
use crate::domain::run::RunCounts;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::process::Process;
use crate::store::FlowStatus;
use tieline_sim::dataset::ODD;
use tieline_sim::dataset::table::Cell;
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::ServiceNowSim;
use tieline_sim::syspro::SysproSim;

/// The currency of the simulated companies' books.
const OWN: &str = "ZAR";

/// Both systems' records and amounts.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    records: Vec<Records>,
    totals: Vec<Total>,
}

/// The records of one flow.
#[derive(Debug, Serialize)]
struct Records {
    company: String,
    entity: &'static str,
    counts: RunCounts,
    /// Undelivered records.
    undelivered: Backlog,
    /// Rows of the company in ServiceNow's tables.
    rows: usize,
    /// Rows with the same key as another row.
    duplicates: usize,
}

/// The sum of amounts in one currency in one company; amounts of different currencies are never added.
#[derive(Debug, Serialize)]
struct Total {
    company: String,
    amounts_of: &'static str,
    currency: String,
    /// In SYSPRO's tables.
    syspro: Decimal,
    /// In ServiceNow's tables.
    servicenow: Decimal,
    /// Of the records that are not delivered.
    undelivered: Decimal,
    /// SYSPRO's sum, less ServiceNow's and the undelivered one.
    difference: Decimal,
}

impl Summary {
    /// Whether there is no difference and no duplicate.
    pub(super) fn ties(&self) -> bool {
        self.totals.iter().all(|total| total.difference.is_zero()) && self.records.iter().all(|records| records.duplicates == 0)
    }

    /// Undelivered records.
    pub(super) fn undelivered(&self) -> Backlog {
        let mut all = Backlog::default();
        self.records.iter().for_each(|records| all += records.undelivered);
        all
    }

    /// Delivered records.
    pub(super) fn delivered(&self) -> i64 {
        self.records.iter().map(|records| records.counts.delivered).sum()
    }

    /// Rows in ServiceNow.
    pub(super) fn rows(&self) -> usize {
        self.records.iter().map(|records| records.rows).sum()
    }
}

/// A row's amount: its currency and value.
type Amount = (String, Decimal);

/// How to sum amounts on both sides.
struct Measure {
    entity: &'static str,
    /// Their name for people.
    amounts_of: &'static str,
    block: &'static str,
    target: &'static str,
    /// Reads SYSPRO's amounts from its tables.
    syspro: fn(&SysproSim, &str) -> Vec<Amount>,
    /// Reads the amount of a row in ServiceNow, or of one that would be sent.
    row: fn(&Row) -> Option<Decimal>,
}

/// The fields of a row.
type Row = BTreeMap<String, String>;

/// Entities, and the tables of their records.
const ENTITIES: &[(&str, &[&str])] = &[
    ("cost_center", &["cmn_cost_center"]),
    ("gl_account", &["itfm_gl_accounts"]),
    ("supplier", &["x_apo_supplier"]),
    ("purchase_order", &["proc_po", "proc_po_item"]),
    ("invoice", &["x_apo_invoice", "x_apo_invoice_line"]),
    ("gl_posting", &["x_apo_gl_posting"]),
];

const MEASURES: &[Measure] = &[
    Measure {
        entity: "purchase_order",
        amounts_of: "Goods ordered",
        block: "lines",
        target: "proc_po_item",
        syspro: ordered,
        row: |row| Some(number(row, "ordered_quantity")? * number(row, "cost")?),
    },
    Measure {
        entity: "invoice",
        amounts_of: "Invoices",
        block: "header",
        target: "x_apo_invoice",
        syspro: invoices,
        row: |row| number(row, "u_amount_invoiced"),
    },
    Measure {
        entity: "invoice",
        amounts_of: "Invoice lines",
        block: "lines",
        target: "x_apo_invoice_line",
        syspro: distributions,
        row: |row| number(row, "u_line_amount_invoiced"),
    },
    // only the debits: a journal adds up to zero
    Measure {
        entity: "gl_posting",
        amounts_of: "GL debits",
        block: "lines",
        target: "x_apo_gl_posting",
        syspro: debits,
        row: |row| number(row, "u_amount").map(|amount| amount.max(Decimal::ZERO)),
    },
];

fn number(row: &Row, column: &str) -> Option<Decimal> {
    parse_decimal(row.get(column)?)
}

/// The ISO code of a currency of the simulated companies.
fn iso(code: &str) -> String {
    match code.trim() {
        "R" => "ZAR",
        "$" => "USD",
        other => other,
    }
    .to_owned()
}

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

fn invoices(syspro: &SysproSim, company: &str) -> Vec<Amount> {
    rows(syspro, company, "ApInvoice", |cell| (iso(cell("Currency").text()), cents(cell("OrigInvValue").number())))
}

/// The currency of each order.
fn order_currencies(syspro: &SysproSim, company: &str) -> HashMap<String, String> {
    let of = |cell: &dyn Fn(&str) -> Cell| (cell("PurchaseOrder").text().to_owned(), iso(cell("Currency").text()));
    rows(syspro, company, "PorMasterHdr", of).into_iter().collect()
}

/// The value of goods by the lines of orders: pieces times unit price, less the discount, in the order's currency.
fn ordered(syspro: &SysproSim, company: &str) -> Vec<Amount> {
    let currencies = order_currencies(syspro, company);
    let worth = |cell: &dyn Fn(&str) -> Cell| {
        // comments, freight and charges have no quantity
        if matches!(cell("LineType").text(), "4" | "5" | "6") {
            return None;
        }
        let factor = Decimal::new(cell("MConvFactPrcUm").number(), 6);
        let rest = Decimal::ONE - Decimal::new(cell("MDiscPct1").number(), 4);
        // an order in local currency has the same value in both prices
        let price = Decimal::new(cell("MForeignPrice").number(), 5) * rest;
        let price = if cell("MMulDivPrc").text() == "D" { price / factor } else { price * factor };
        let currency = currencies.get(cell("PurchaseOrder").text()).cloned().unwrap_or_default();
        Some((currency, Decimal::new(cell("MOrderQty").number(), 6) * price))
    };
    rows(syspro, company, "PorMasterDetail", worth).into_iter().flatten().collect()
}

/// Distribution lines of invoices that exist, in the company's currency.
fn distributions(syspro: &SysproSim, company: &str) -> Vec<Amount> {
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
    let of = |cell: &dyn Fn(&str) -> Cell| entries.contains(&key(cell)).then(|| (OWN.to_owned(), cents(cell("DistrValue").number())));
    rows(syspro, company, "ApJnlDistrib", of).into_iter().flatten().collect()
}

/// Debits of posted journals, in the company's currency.
fn debits(syspro: &SysproSim, company: &str) -> Vec<Amount> {
    let key = |cell: &dyn Fn(&str) -> Cell, journal: &str| ["GlYear", "GlPeriod", journal].map(|name| cell(name).number());
    let posted: HashSet<[i64; 3]> =
        rows(syspro, company, "GenJournalCtl", |cell| (cell("JnlStatus").text() == "P").then(|| key(cell, "GlJournal")))
            .into_iter()
            .flatten()
            .collect();
    let of = |cell: &dyn Fn(&str) -> Cell| {
        posted.contains(&key(cell, "Journal")).then(|| (OWN.to_owned(), cents(cell("EntryValue").number().max(0))))
    };
    rows(syspro, company, "GenJournalDetail", of).into_iter().flatten().collect()
}

/// The three sums of one kind of amounts, by company and currency.
type Sums = BTreeMap<(String, String), [Decimal; 3]>;

/// The company in a key that Tieline has written.
fn company_of(row: &Row) -> String {
    row.get("u_source_key").and_then(|key| key.split('/').next()).unwrap_or_default().to_owned()
}

/// The sums of these amounts in each system and in the ledger.
async fn sums(process: &Process, systems: &Systems, measure: &Measure) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    let mut add = |at: usize, company: &str, currency: &str, amount: Decimal| {
        sums.entry((company.to_owned(), currency.to_owned())).or_default()[at] += amount;
    };
    let companies = &process.settings.syspro.companies;
    for company in companies {
        for (currency, amount) in (measure.syspro)(&systems.syspro, company.as_str()) {
            add(0, company.as_str(), &currency, amount);
        }
    }
    // an order's line has the currency of its header
    let orders = systems.servicenow.rows("proc_po");
    let of_header: HashMap<&str, &str> =
        orders.iter().filter_map(|row| Some((row.get("sys_id")?.as_str(), row.get("u_currency")?.as_str()))).collect();
    for row in systems.servicenow.rows(measure.target) {
        let of_header = row.get("purchase_order").and_then(|header| of_header.get(header.as_str()));
        let currency = row.get("u_currency").map(String::as_str).or(of_header.copied()).unwrap_or_default();
        if let Some(amount) = (measure.row)(&row) {
            add(1, &company_of(&row), currency, amount);
        }
    }
    let of_order: HashMap<&str, HashMap<String, String>> =
        companies.iter().map(|company| (company.as_str(), order_currencies(&systems.syspro, company.as_str()))).collect();
    for one in process.store.pending_payloads(measure.entity.into(), measure.block.into()).await? {
        let row: Row = serde_json::from_str(&one.payload).unwrap_or_default();
        let of_order = || of_order.get(one.company.as_str())?.get(&one.key).map(String::as_str);
        let currency = row.get("u_currency").map(String::as_str).or_else(of_order).unwrap_or_default();
        if let Some(amount) = (measure.row)(&row) {
            add(2, &one.company, currency, amount);
        }
    }
    // a currency with only zeros shows nothing
    sums.retain(|_, sums| sums.iter().any(|sum| !sum.is_zero()));
    Ok(sums)
}

/// Records and amounts of every company, each read from the system that has them.
pub(super) async fn summary(process: &Process, systems: &Systems, status: &[FlowStatus]) -> Result<Summary, Failure> {
    let companies = &process.settings.syspro.companies;
    let mut summary = Summary { records: Vec::new(), totals: Vec::new() };
    for &(entity, targets) in ENTITIES {
        let mut rows: HashMap<String, usize> = HashMap::new();
        for row in targets.iter().flat_map(|target| systems.servicenow.rows(target)) {
            *rows.entry(company_of(&row)).or_default() += 1;
        }
        // a key contains its company, so that two companies never share one
        let duplicates: usize = targets.iter().map(|target| systems.servicenow.duplicates(target, "u_source_key")).sum();
        for (at, company) in companies.iter().enumerate() {
            let is_this = |row: &&FlowStatus| row.company == company.as_str() && row.entity == entity;
            summary.records.push(Records {
                company: company.to_string(),
                entity,
                counts: process.progress.of(&FlowId::new(company.as_str(), entity)),
                undelivered: status.iter().find(is_this).map(FlowStatus::backlog).unwrap_or_default(),
                rows: rows.get(company.as_str()).copied().unwrap_or_default(),
                duplicates: if at == 0 { duplicates } else { 0 },
            });
        }
    }
    for measure in MEASURES {
        let all = sums(process, systems, measure).await?;
        summary.totals.extend(all.into_iter().map(|((company, currency), [syspro, servicenow, undelivered])| Total {
            company,
            amounts_of: measure.amounts_of,
            currency,
            syspro,
            servicenow,
            undelivered,
            difference: syspro - servicenow - undelivered,
        }));
    }
    Ok(summary)
}

/// The summary for people: each company separately, within 80 columns.
pub(super) fn text(summary: &Summary, companies: &[CompanyId]) -> String {
    let mut text = String::new();
    for company in companies {
        let company = company.as_str();
        text += &format!("\n{company}: {}\n", about(company));
        let rows = summary.records.iter().filter(|records| records.company == company).map(|records| {
            let counts = &records.counts;
            let numbers = [counts.read, counts.delivered, records.undelivered.total(), i64::try_from(records.rows).unwrap_or(i64::MAX)];
            [EntityName::new(records.entity).heading()].into_iter().chain(numbers.map(|number| thousands(&number.to_string()))).collect()
        });
        let headers = ["records", "read", "delivered", "not delivered", "rows in ServiceNow"];
        text += &format!("{}\n", output::table(&headers, &[1, 2, 3, 4], rows));
        let of_company = || summary.totals.iter().filter(|total| total.company == company);
        let rows = of_company().map(|total| {
            let amounts = [total.syspro, total.servicenow, total.difference].map(|amount| amount_in(amount, &total.currency));
            [total.amounts_of.to_owned(), total.currency.clone()].into_iter().chain(amounts).collect()
        });
        text += &format!("{}\n", output::table(&["amounts of", "in", "SYSPRO", "ServiceNow", "difference"], &[2, 3, 4], rows));
        // a column for it would be too wide, and is usually empty
        for total in of_company().filter(|total| !total.undelivered.is_zero()) {
            let (amount, currency, what) = (amount_in(total.undelivered, &total.currency), &total.currency, total.amounts_of);
            text += &format!("{what}: {amount} {currency} are not delivered; the difference is without them.\n");
        }
    }
    text
}

/// What the data of a company are for.
fn about(company: &str) -> &'static str {
    if company == ODD {
        "awkward values on purpose, such as 99,999,999,999.99 and similar keys"
    } else {
        "a manufacturer that keeps its books in rand (ZAR)"
    }
}

/// Makes both systems fail now and then, by data.
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
    fn what_is_not_delivered_is_said_with_its_currency_within_80_columns() {
        let most = Decimal::new(10_000_000_000_000, 2);
        let total = |currency: &str, undelivered: Decimal| Total {
            company: ODD.into(),
            amounts_of: "Goods ordered",
            currency: currency.into(),
            syspro: most,
            servicenow: most - undelivered,
            undelivered,
            difference: Decimal::ZERO,
        };
        let totals = vec![total("KWD", Decimal::ZERO), total("ZAR", Decimal::new(1_234_567, 2))];
        let summary = Summary { records: Vec::new(), totals };
        assert!(summary.ties());
        let text = text(&summary, &[ODD.into()]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("Goods ordered: 12,345.67 ZAR are not delivered;") && !text.contains("KWD are"), "{text}");
        let mut untied = summary;
        untied.totals[0].difference = Decimal::ONE;
        assert!(!untied.ties());
    }
}
