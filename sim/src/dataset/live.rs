//! Changes to the data while a client reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::database::{Company, Database, EditError};
use super::invoice::Invoice;
use super::maker::Maker;
use super::table::Cell;
use super::{ledger, masters, ordinary, payables};

/// New invoices of a tick when no one says how many.
pub const TICK: u32 = 5;

/// What a tick did, over all companies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticked {
    /// Invoices posted today.
    pub invoices: u32,
    /// Older invoices paid today: one more `ApInvoicePay` row and another balance.
    pub amended: u32,
    /// Suppliers edited without a change date.
    pub suppliers_edited: u32,
    /// Open orders whose quantity was changed without a change date.
    pub orders_amended: u32,
    /// Suppliers added.
    pub suppliers_added: u32,
    /// Suppliers deleted.
    pub suppliers_deleted: u32,
}

/// Changes every company: posts `invoices` new invoices today, pays a quarter as many older ones, edits one supplier and one order without
/// a change date, deletes one supplier and adds another.
pub fn tick(database: &mut Database, invoices: u32) -> Result<Ticked, EditError> {
    let mut done = Ticked::default();
    let today = database.today;
    for company in database.companies.values_mut() {
        company.ticks += 1;
        let ticks = company.ticks;
        let count = |company: &Company, table: &str| company.table(table).map(|table| u32::try_from(table.len()).unwrap_or(u32::MAX));
        let (suppliers, first) = (count(company, "ApSupplier")? - 1, count(company, "ApInvoice")?);
        let mut maker = Maker { company, random: fastrand::Rng::with_seed(ticks), today, lines: None, moved: BTreeMap::new() };
        let new: Vec<Invoice> = (0..invoices)
            .map(|n| {
                // only suppliers without special meaning send more
                let supplier = regular(&mut maker, masters::FIRST_ORDINARY..suppliers);
                if maker.company.ordinary {
                    ordinary::bill(&mut maker, first + n, supplier, today)
                } else {
                    payables::invoice(&mut maker, first + n, supplier, today)
                }
            })
            .collect();
        let journal = 900_000 + i64::try_from(ticks).unwrap_or(0);
        payables::post(&mut maker, journal, &new.iter().collect::<Vec<_>>())?;
        done.invoices += invoices;
        for invoice in &new {
            // the balance changes, the master data does not
            let key = [invoice.supplier.as_str().into()];
            let balance = cell(maker.company, "ApSupplier", &key, "CurrentBalance")?.number();
            maker.company.set("ApSupplier", &key, vec![("CurrentBalance", (balance + invoice.value).into())])?;
        }
        for _ in 0..invoices.div_ceil(4) {
            done.amended += u32::from(amend(&mut maker)?);
        }
        let edited = regular(&mut maker, 0..suppliers);
        let edited = masters::supplier_key(edited);
        let telephone = format!("+27 11 700 {:04}", ticks % 10_000);
        maker.company.set("ApSupplier", &[edited.into()], vec![("Telephone", telephone.into())])?;
        done.suppliers_edited += 1;
        done.orders_amended += u32::from(amend_order(&mut maker)?);
        let old = [format!("ZTEMP{}", ticks - 1).into()];
        maker.company.remove("ApSupplier", &old)?;
        maker.company.remove("ApSupplierAddr", &old)?;
        masters::spare_supplier(&mut maker, &format!("ZTEMP{ticks}"))?;
        done.suppliers_deleted += 1;
        done.suppliers_added += 1;
        ledger::settle(&mut maker)?;
    }
    Ok(done)
}

/// Pays the whole balance of up to `invoices` random open invoices of a company today. Returns how many: fewer if fewer are open.
pub fn pay_open(database: &mut Database, company: &str, invoices: u32) -> Result<u32, EditError> {
    let today = database.today;
    let company = database.company_mut(company)?;
    // the number of payments grows with each call, so two calls choose differently
    let seed = u64::try_from(company.table("ApInvoicePay")?.len()).unwrap_or(u64::MAX);
    let mut maker = Maker { company, random: fastrand::Rng::with_seed(seed), today, lines: None, moved: BTreeMap::new() };
    let mut paid = 0;
    while paid < invoices && amend(&mut maker)? {
        paid += 1;
    }
    ledger::settle(&mut maker)?;
    Ok(paid)
}

/// Pays the open balance of a random invoice.
fn amend(maker: &mut Maker<'_>) -> Result<bool, EditError> {
    let table = maker.company.table("ApInvoice")?;
    let [balance, next, currency] = ["MthInvBal1", "NextPaymEntry", "Currency"].map(|name| table.schema.column(name).unwrap_or_default());
    let start = maker.random.usize(0..table.len());
    let order = table.slots().skip(start).chain(table.slots().take(start));
    let Some(slot) = order.into_iter().find(|slot| table.cell(*slot, balance).number() != 0) else { return Ok(false) };
    let (supplier, number) = (table.cell(slot, 0).clone(), table.cell(slot, 1).clone());
    let (cents, entry) = (table.cell(slot, balance).number(), table.cell(slot, next).number() + 1);
    let currency = table.cell(slot, currency).text().to_owned();
    let today = maker.today;
    payables::pay(maker, supplier.text(), number.text(), entry, &currency, cents, today)?;
    if maker.company.ordinary {
        ledger::post_payment(maker, supplier.text(), number.text(), &currency, cents, today)?;
    }
    maker.company.set("ApInvoice", &[supplier, number], vec![("MthInvBal1", 0.into()), ("NextPaymEntry", entry.into())])?;
    Ok(true)
}

/// Raises the quantity on the first goods line of a random open order by one piece.
fn amend_order(maker: &mut Maker<'_>) -> Result<bool, EditError> {
    let orders = maker.company.table("PorMasterHdr")?;
    let status = orders.schema.column("OrderStatus").unwrap_or_default();
    let open: Vec<Cell> =
        orders.slots().filter(|slot| orders.cell(*slot, status).text() == "4").map(|slot| orders.cell(slot, 0).clone()).collect();
    if open.is_empty() {
        return Ok(false);
    }
    let key = [open[maker.random.usize(0..open.len())].clone(), 1.into()];
    let quantity = cell(maker.company, "PorMasterDetail", &key, "MOrderQty")?.number();
    if quantity == 0 {
        return Ok(false);
    }
    maker.company.set("PorMasterDetail", &key, vec![("MOrderQty", (quantity + 1_000_000).into())])?;
    Ok(true)
}

/// A random supplier of those generated with the company. A test may have added suppliers, so the row count alone does not identify them.
fn regular(maker: &mut Maker<'_>, among: std::ops::Range<u32>) -> u32 {
    let table = maker.company.table("ApSupplier");
    let there = |n: &u32| table.as_ref().is_ok_and(|table| table.find(&[masters::supplier_key(*n).into()]).is_some());
    let all: Vec<u32> = among.filter(there).collect();
    if all.is_empty() { 0 } else { all[maker.random.usize(0..all.len())] }
}

fn cell(company: &Company, table: &str, key: &[Cell], column: &str) -> Result<Cell, EditError> {
    let table = company.table(table)?;
    let missing = || EditError::Missing(table.schema.name.clone(), format!("{key:?}"));
    let slot = table.find(key).ok_or_else(missing)?;
    let at = table.schema.column(column).ok_or_else(missing)?;
    Ok(table.cell(slot, at).clone())
}
