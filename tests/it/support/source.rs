//! The records that should be in ServiceNow, computed from SYSPRO's tables. It does not use the product's definitions, so that it can
//! contradict them.

use std::collections::{BTreeMap, HashSet};

use rust_decimal::Decimal;
use tieline_sim::dataset::Cell;
use tieline_sim::servicenow::ServiceNowSim;
use tieline_sim::syspro::SysproSim;

/// The rows of a table, each as a function from column to cell.
pub fn rows<T>(syspro: &SysproSim, company: &str, table: &str, mut see: impl FnMut(&dyn Fn(&str) -> Cell) -> T) -> Vec<T> {
    syspro.with(|database| {
        let table = database.company(company).unwrap().table(table).unwrap();
        let at = |name: &str| table.schema.column(name).unwrap_or_else(|| panic!("no column {name}"));
        table.slots().map(|slot| see(&|name: &str| table.cell(slot, at(name)).clone())).collect()
    })
}

/// Number of rows that should be in ServiceNow, by target table.
pub fn expected(syspro: &SysproSim, companies: &[&str]) -> Vec<(&'static str, usize)> {
    let sum = |count: &dyn Fn(&str) -> usize| companies.iter().map(|company| count(company)).sum();
    let of = |table: &'static str| sum(&|company| syspro.count(company, table).unwrap());
    vec![
        ("cmn_cost_center", of("BomCostCentre")),
        ("itfm_gl_accounts", sum(&|company| accounts(syspro, company))),
        ("x_apo_supplier", of("ApSupplier")),
        ("proc_po", of("PorMasterHdr")),
        (
            "proc_po_item",
            sum(&|company| rows(syspro, company, "PorMasterDetail", |c| c("LineType").text() != "6").into_iter().filter(|is| *is).count()),
        ),
        ("x_apo_invoice", of("ApInvoice")),
        ("x_apo_invoice_line", sum(&|company| distributions(syspro, company).len())),
        ("x_apo_gl_posting", sum(&|company| postings(syspro, company).len())),
    ]
}

fn accounts(syspro: &SysproSim, company: &str) -> usize {
    rows(syspro, company, "GenMaster", |c| !["FORCED", "RETAINED"].contains(&c("GlCode").text())).into_iter().filter(|is| *is).count()
}

/// Amounts of the distribution lines of invoices that exist.
pub fn distributions(syspro: &SysproSim, company: &str) -> Vec<Decimal> {
    let key = |c: &dyn Fn(&str) -> Cell| ["TrnYear", "TrnMonth", "Journal", "EntryNumber"].map(|name| c(name).number());
    let invoice = |c: &dyn Fn(&str) -> Cell| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned());
    let known: HashSet<_> = rows(syspro, company, "ApInvoice", invoice).into_iter().collect();
    let entries: HashSet<_> =
        rows(syspro, company, "ApJnlSummary", |c| known.contains(&invoice(c)).then(|| key(c))).into_iter().flatten().collect();
    let amounts = rows(syspro, company, "ApJnlDistrib", |c| entries.contains(&key(c)).then(|| Decimal::new(c("DistrValue").number(), 2)));
    amounts.into_iter().flatten().collect()
}

/// Amounts of the lines of posted journals.
pub fn postings(syspro: &SysproSim, company: &str) -> Vec<Decimal> {
    let key = |c: &dyn Fn(&str) -> Cell, journal: &str| ["GlYear", "GlPeriod", journal].map(|name| c(name).number());
    let posted = rows(syspro, company, "GenJournalCtl", |c| (c("JnlStatus").text() == "P").then(|| key(c, "GlJournal")));
    let posted: HashSet<_> = posted.into_iter().flatten().collect();
    let amounts = rows(syspro, company, "GenJournalDetail", |c| {
        posted.contains(&key(c, "Journal")).then(|| Decimal::new(c("EntryValue").number(), 2))
    });
    amounts.into_iter().flatten().collect()
}

/// The totals of the invoices of these companies, by ISO currency code. Amounts of different currencies are never added.
pub fn invoiced(syspro: &SysproSim, companies: &[&str]) -> BTreeMap<String, Decimal> {
    let iso = |code: &str| match code {
        "R" => "ZAR".to_owned(),
        "$" => "USD".to_owned(),
        other => other.to_owned(),
    };
    let mut sums = BTreeMap::new();
    for company in companies {
        let all = rows(syspro, company, "ApInvoice", |c| (iso(c("Currency").text()), Decimal::new(c("OrigInvValue").number(), 2)));
        all.into_iter().for_each(|(currency, amount)| *sums.entry(currency).or_default() += amount);
    }
    sums.retain(|_, sum: &mut Decimal| !sum.is_zero());
    sums
}

/// The totals of the invoices in ServiceNow, by their currency.
pub fn invoices_arrived(servicenow: &ServiceNowSim) -> BTreeMap<String, Decimal> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in servicenow.rows("x_apo_invoice") {
        let amount = row.get("u_amount_invoiced").and_then(|amount| amount.parse::<Decimal>().ok()).unwrap_or_default();
        *sums.entry(row.get("u_currency").cloned().unwrap_or_default()).or_default() += amount;
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}
