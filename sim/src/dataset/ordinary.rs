//! An ordinary manufacturer: orders of tens to tens of thousands, goods received, invoices that are matched with them, bills for
//! consumables, value added tax, payments, salaries and depreciation, and the postings of all that.
//!
//! Orders in dollars and euros carry no tax. The special cases are in another company.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calendar::{before, open_periods};
use super::currency::{LOCAL, local};
use super::database::EditError;
use super::invoice::Invoice;
use super::ledger::{self, Entry};
use super::maker::Maker;
use super::masters::{
    BANK, DEPRECIATED, DEPRECIATION, FIRST_ORDINARY, GRN_SUSPENSE, INPUT_TAX, STOCK, WAGES, control, expense_code, supplier_currency,
};
use super::payables;
use super::purchasing::{self, Order};

/// Value added tax, in percent.
const TAX: i64 = 15;
/// What most bills come to without tax, in local cents; the larger ones are rarer.
const BILLS: [(i64, i64); 4] = [(4_500, 45_000), (45_000, 260_000), (45_000, 260_000), (260_000, 1_900_000)];
/// Days between an order and the invoice for it.
const ORDERED_BEFORE: u64 = 30;

/// Fills a company that has its master data.
pub(super) fn fill(maker: &mut Maker<'_>, documents: u32) -> Result<(), EditError> {
    // one is spare
    let suppliers = u32::try_from(maker.company.table("ApSupplier")?.len()).unwrap_or(u32::MAX) - 1;
    let mut invoices = Vec::new();
    let mut orders: Vec<(Order, Option<usize>)> = Vec::new();
    for n in 0..documents {
        // a few suppliers send most of the invoices
        let among = if maker.random.u8(0..4) > 0 { suppliers.div_ceil(4) } else { suppliers };
        let supplier = FIRST_ORDINARY + maker.random.u32(0..among);
        // in the order of their numbers, the last ones yesterday
        let age = 365 - 364 * u64::from(n) / u64::from(documents);
        if n % 5 < 3 {
            let order = purchasing::ordinary(maker, n, supplier, "9", age + ORDERED_BEFORE);
            invoices.push(for_goods(maker, n, supplier, age, order.value()));
            orders.push((order, Some(invoices.len() - 1)));
        } else {
            let posted = maker.days_ago(age);
            invoices.push(bill(maker, n, supplier, posted));
        }
    }
    // those that are still open: received in part, printed, not printed yet, and a cancelled one
    for n in 0..(documents / 8).max(4) {
        let supplier = FIRST_ORDINARY + maker.random.u32(0..suppliers);
        let status = if n == 3 { "*" } else { ["4", "4", "1"][n as usize % 3] };
        let days = maker.random.u64(2..45);
        orders.push((purchasing::ordinary(maker, documents + n, supplier, status, days), None));
    }
    payables::post_all(maker, &invoices)?;
    let mut received: BTreeMap<NaiveDate, Vec<Entry>> = BTreeMap::new();
    for (n, (order, invoice)) in (0_u32..).zip(&orders) {
        purchasing::write(maker, order)?;
        let (day, worth) = purchasing::receive(maker, n, order, invoice.map(|at| &invoices[at]))?;
        if worth != 0 {
            let both = [Entry::plain(STOCK, worth, "Goods received"), Entry::plain(GRN_SUSPENSE, -worth, "Goods received")];
            received.entry(day).or_default().extend(both);
        }
    }
    for (day, entries) in &received {
        ledger::post(maker, open_periods(*day)[0], *day, "GR", entries)?;
    }
    pay(maker, &invoices)?;
    by_hand(maker)
}

/// The invoice for the goods of an order: goods received and not invoiced, sometimes freight, and tax.
fn for_goods(maker: &mut Maker<'_>, n: u32, supplier: u32, age: u64, value: i64) -> Invoice {
    let posted = maker.days_ago(age);
    let invoiced = before(posted, maker.random.u64(0..3));
    let mut lines = vec![(GRN_SUSPENSE.to_owned(), value, "M")];
    if maker.random.u8(0..4) == 0 {
        let freight = (value / 40).clamp(1_500, 60_000);
        lines.push(("10.500.6040".to_owned(), freight, "F"));
    }
    tax(supplier, &mut lines);
    payables::of_lines(maker, n, supplier, (invoiced, posted), lines)
}

/// A bill for consumables or services: one or two expense accounts, and tax. Every 40th number is a credit note.
pub(super) fn bill(maker: &mut Maker<'_>, n: u32, supplier: u32, posted: NaiveDate) -> Invoice {
    let invoiced = before(posted, maker.random.u64(0..9));
    let sign = if n % 40 == 14 { -1 } else { 1 };
    let count = maker.random.u32(1..=2);
    let mut lines: Vec<(String, i64, &'static str)> = (0..count)
        .map(|_| {
            let (least, most) = maker.pick(&BILLS);
            let cents = maker.random.i64(least..most);
            let cents = if supplier_currency(supplier) == LOCAL { cents } else { cents / 12 };
            (expense_code(maker), sign * cents, "M")
        })
        .collect();
    tax(supplier, &mut lines);
    let mut invoice = payables::of_lines(maker, n, supplier, (invoiced, posted), lines);
    if sign < 0 {
        invoice.number = format!("CN{n:05}");
    }
    invoice
}

/// Adds the tax that a local supplier charges.
fn tax(supplier: u32, lines: &mut Vec<(String, i64, &'static str)>) {
    if supplier_currency(supplier) == LOCAL {
        let net: i64 = lines.iter().map(|(_, cents, _)| cents).sum();
        lines.push((INPUT_TAX.to_owned(), (net * TAX + 50 * net.signum()) / 100, "O"));
    }
}

/// The postings of the payments: control account against bank.
pub(super) fn pay(maker: &mut Maker<'_>, invoices: &[Invoice]) -> Result<(), EditError> {
    let mut paid: BTreeMap<NaiveDate, Vec<Entry>> = BTreeMap::new();
    for invoice in invoices.iter().filter(|invoice| invoice.paid != 0) {
        let home = local(invoice.paid, invoice.currency);
        let control = control(invoice.currency);
        let both = [Entry::of_payment(control, home, invoice, invoice.paid), Entry::of_payment(BANK, -home, invoice, -invoice.paid)];
        paid.entry(invoice.paid_on).or_default().extend(both);
    }
    for (day, entries) in &paid {
        ledger::post(maker, open_periods(*day)[0], *day, "AP", entries)?;
    }
    Ok(())
}

/// Monthly journals entered by hand.
fn by_hand(maker: &mut Maker<'_>) -> Result<(), EditError> {
    for month in 0..12_u64 {
        let day = maker.days_ago(5 + month * 30);
        let wages = 18_400_000 + maker.random.i64(-900_000..900_000);
        for (code, against, cents, comment) in
            [(WAGES, BANK, wages, "Salaries of the month"), (DEPRECIATION, DEPRECIATED, 2_150_000, "Depreciation of the month")]
        {
            let entries = [Entry::plain(code, cents, comment), Entry::plain(against, -cents, comment)];
            ledger::post_by_hand(maker, open_periods(day)[0], day, &entries)?;
        }
    }
    Ok(())
}
