//! AP invoices: header, journal entry, GL lines, payments, and their postings in the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calendar::{after, before, open_periods};
use super::currency::{LOCAL, local, rate};
use super::database::EditError;
use super::invoice::Invoice;
use super::ledger::{self, Entry};
use super::maker::Maker;
use super::masters::{ABROAD, SUSPENSE, control, due, expense_code, supplier_currency, supplier_key};

/// Number of invoices that are special cases, which is also the minimum for a company.
pub const SPECIAL: u32 = 26;

/// Invoices in one AP journal, at most.
const JOURNAL_SIZE: usize = 100;

/// Writes N invoices, spread over the year, and returns them in the order of their numbers.
pub(super) fn fill(maker: &mut Maker<'_>, documents: u32) -> Result<Vec<Invoice>, EditError> {
    let suppliers = u32::try_from(maker.company.table("ApSupplier")?.len()).unwrap_or(u32::MAX) - 1;
    let all: Vec<Invoice> =
        (0..documents).map(|n| if n < SPECIAL { special(maker, n) } else { ordinary(maker, n, documents, suppliers) }).collect();
    post_all(maker, &all)?;
    Ok(all)
}

/// Posts invoices in journals of a day.
pub(super) fn post_all(maker: &mut Maker<'_>, all: &[Invoice]) -> Result<(), EditError> {
    let mut days: BTreeMap<(NaiveDate, (i64, i64)), Vec<&Invoice>> = BTreeMap::new();
    for invoice in all {
        days.entry((invoice.posted, invoice.period)).or_default().push(invoice);
    }
    let mut journal = 4_000;
    for batch in days.values().flat_map(|day| day.chunks(JOURNAL_SIZE)) {
        journal += 1;
        post(maker, journal, batch)?;
    }
    Ok(())
}

fn ordinary(maker: &mut Maker<'_>, n: u32, documents: u32, suppliers: u32) -> Invoice {
    // a few suppliers send most of the invoices
    let supplier = if maker.random.u8(0..4) > 0 { maker.random.u32(0..suppliers.div_ceil(4)) } else { maker.random.u32(0..suppliers) };
    // in the order of their numbers, the last ones yesterday
    let age = 365 - 364 * u64::from(n - SPECIAL) / u64::from(documents - SPECIAL).max(1);
    let posted = maker.days_ago(age);
    invoice(maker, n, supplier, posted)
}

/// An ordinary invoice.
pub(super) fn invoice(maker: &mut Maker<'_>, n: u32, supplier: u32, posted: NaiveDate) -> Invoice {
    let invoiced = before(posted, maker.random.u64(0..25));
    let count = maker.lines.unwrap_or_else(|| maker.random.u32(1..=6)).max(1);
    let sign = if maker.random.u8(0..25) == 0 { -1 } else { 1 };
    let lines: Vec<_> = (0..count)
        .map(|line| {
            let kind = match line {
                2 => "F",
                4 => "O",
                _ => "M",
            };
            (expense_code(maker), sign * maker.random.i64(100..2_500_000), kind)
        })
        .collect();
    of_lines(maker, n, supplier, (invoiced, posted), lines)
}

/// An invoice with these lines, of this date and posted on that; paid some days after it is due, in most cases.
pub(super) fn of_lines(
    maker: &mut Maker<'_>,
    n: u32,
    supplier: u32,
    (invoiced, posted): (NaiveDate, NaiveDate),
    lines: Vec<(String, i64, &'static str)>,
) -> Invoice {
    let value = lines.iter().map(|(_, cents, _)| cents).sum();
    let due = due(supplier, invoiced);
    let paid_on = after(due, maker.random.u64(0..10)).max(after(posted, 1));
    let paid = match maker.random.u8(0..20) {
        _ if paid_on > maker.today => 0,
        0 => 0,
        1 => value / 3,
        _ => value,
    };
    Invoice {
        supplier: supplier_key(supplier),
        number: match supplier % 4 {
            0 => format!("INV{:06}", 10_000 + n),
            1 => format!("{:015}", 149_218 + n),
            2 => format!("{}/{n:05}", invoiced.format("%y")),
            _ => format!("{}", 70_000 + n),
        },
        currency: supplier_currency(supplier),
        branch: ["10", "20", "30"][supplier as usize % 3],
        invoiced,
        due: Some(due),
        posted,
        period: open_periods(posted)[0],
        value,
        paid,
        paid_on,
        reference: if n.is_multiple_of(3) { format!("Delivery {n}") } else { String::new() },
        lines,
    }
}

/// Special cases, each of which some careless client handles wrongly.
fn special(maker: &mut Maker<'_>, n: u32) -> Invoice {
    let supplier = match n {
        0 => 0,
        1 => 11,
        // keys of suppliers that differ in leading zeros and in case
        2..=5 => n - 1,
        6 => 5,
        13 => 9,
        14 => 10,
        20 => 6,
        23 => 7,
        24 => 8,
        _ => 11,
    };
    let posted = maker.days_ago(u64::from(40 + n * 3));
    let mut one = invoice(maker, n, supplier, posted);
    // only those below are paid
    one.paid = 0;
    match n {
        0 | 1 => one.number = "INV-DUP".into(),
        2 => {
            one.value = -one.value.abs();
            one.lines.iter_mut().for_each(|line| line.1 = -line.1.abs());
        }
        3 => {
            one.paid = one.value;
            one.paid_on = after(posted, 20);
        }
        4 => {
            one.paid = one.value / 4;
            one.paid_on = after(posted, 20);
        }
        5 => {
            one.posted = maker.today;
            one.invoiced = maker.days_ago(120);
            one.due = Some(maker.days_ago(90));
            one.period = open_periods(maker.today)[0];
        }
        6 | 7 => {
            one.posted = maker.days_ago(u64::from(n - 5));
            one.period = open_periods(one.posted)[n as usize - 5];
        }
        8 => one.due = None,
        9 => {
            one.lines = vec![
                ("10.100.6010".into(), 120_055, "M"),
                ("10.500.6040".into(), 7_500, "F"),
                ("20.300.6020".into(), 31_010, "M"),
                ("".into(), 9_999, "M"),
                ("10.000.2300".into(), 18_000, "O"),
                ("1908-00".into(), -564, "O"),
            ];
            one.value = one.lines.iter().map(|line| line.1).sum();
        }
        // a currency without decimals, and one with three
        11 => {
            one.currency = "JPY";
            one.lines = vec![("10.100.6010".into(), 18_500_000, "M"), ("10.100.6020".into(), 100, "M")];
            one.value = 18_500_100;
        }
        20 => one.currency = "KWD",
        12 => {
            // changed long after it was posted: only the payment's date tells
            one.posted = maker.days_ago(300);
            one.invoiced = maker.days_ago(310);
            one.due = Some(maker.days_ago(280));
            one.period = open_periods(one.posted)[0];
            one.paid = one.value;
            one.paid_on = maker.today;
        }
        15 => one.number = "abc-1".into(),
        16 => one.number = "ABC-1".into(),
        17 => one.number = "042".into(),
        18 => one.number = "42".into(),
        19 => one.number = " 00001".into(),
        21 => one.reference = "Gießerei “Süd” – 5 € à Noël".into(),
        22 => {
            one.lines = vec![("10.100.6010".into(), 0, "M")];
            one.value = 0;
        }
        23 => one.number = "O'NEIL/7".into(),
        24 => one.number = "A&B+C%20#1?".into(),
        25 => {
            one.value = 9_999_999_999_999;
            one.lines = vec![("10.100.6010".into(), 9_999_999_999_998, "M"), ("10.100.6020".into(), 1, "M")];
        }
        _ => {}
    }
    one
}

/// One AP journal with its invoices, and the GL journal that follows from it.
pub(super) fn post(maker: &mut Maker<'_>, journal: i64, invoices: &[&Invoice]) -> Result<(), EditError> {
    let Some(first) = invoices.first() else { return Ok(()) };
    let (year, month) = first.period;
    let mut entries = vec![];
    for (entry, invoice) in (1_i64..).zip(invoices) {
        header(maker, journal, entry, invoice)?;
        let summary = vec![
            ("TrnYear", year.into()),
            ("TrnMonth", month.into()),
            ("Journal", journal.into()),
            ("EntryNumber", entry.into()),
            ("Supplier", (&invoice.supplier).into()),
            ("Invoice", (&invoice.number).into()),
            ("TransactionCode", if invoice.value < 0 { "C".into() } else { "I".into() }),
            ("InvoiceValue", invoice.value.into()),
            ("SupplierGlCode", control(invoice.currency).into()),
            ("TrnDate", invoice.posted.into()),
            ("AnalysisEntry", (entry % 7).into()),
        ];
        maker.company.add("ApJnlSummary", summary)?;
        let mut total = 0;
        for (line, (code, cents, kind)) in (1_i64..).zip(&invoice.lines) {
            // the distribution goes to the ledger, which is kept in local currency
            let home = local(*cents, invoice.currency);
            let distribution = vec![
                ("TrnYear", year.into()),
                ("TrnMonth", month.into()),
                ("Journal", journal.into()),
                ("EntryNumber", entry.into()),
                ("SubEntry", line.into()),
                ("ExpenseGlCode", code.into()),
                ("DistrValue", home.into()),
                ("Reference", if line % 3 == 1 { (&invoice.number).into() } else { "".into() }),
                ("ExpenseType", (*kind).into()),
                // not that of the summary: a join over it loses lines
                ("AnalysisEntry", (line % 2).into()),
            ];
            maker.company.add("ApJnlDistrib", distribution)?;
            total += home;
            let code = if code.is_empty() { SUSPENSE } else { code };
            entries.push(Entry::of_invoice(code, home, "EXP", invoice, journal, *cents));
        }
        entries.push(Entry::of_invoice(control(invoice.currency), -total, "INV", invoice, journal, -invoice.value));
    }
    ledger::post(maker, first.period, first.posted, "AP", &entries)
}

fn header(maker: &mut Maker<'_>, journal: i64, entry: i64, invoice: &Invoice) -> Result<(), EditError> {
    let (year, month) = invoice.period;
    let (rate, way) = rate(invoice.currency);
    let balance = invoice.value - invoice.paid;
    let paid_in = open_periods(invoice.paid_on)[0];
    let settled = invoice.paid != 0 && balance == 0;
    let open = open_periods(maker.today);
    let at_end_of = |month: (i64, i64)| {
        let posted = if invoice.period <= month { invoice.value } else { 0 };
        posted - if paid_in <= month { invoice.paid } else { 0 }
    };
    let row = vec![
        ("Supplier", (&invoice.supplier).into()),
        ("Invoice", (&invoice.number).into()),
        ("InvoiceDate", invoice.invoiced.into()),
        ("DueDate", invoice.due.into()),
        ("DiscountDate", invoice.due.map(|due| before(due, 14)).into()),
        ("JournalDate", invoice.posted.into()),
        ("Journal", journal.into()),
        ("InvoiceYear", year.into()),
        ("InvoiceMonth", month.into()),
        ("Branch", if invoice.currency == LOCAL { invoice.branch.into() } else { ABROAD.into() }),
        ("Reference", (&invoice.reference).into()),
        ("OrigInvValue", invoice.value.into()),
        ("OrigDiscValue", (invoice.value / 40).into()),
        ("MthInvBal1", balance.into()),
        ("MthInvBal2", at_end_of(open[1]).into()),
        ("MthInvBal3", at_end_of(open[2]).into()),
        ("YearInvBalZero", if settled { paid_in.0.into() } else { 0.into() }),
        ("MonthInvBalZero", if settled { paid_in.1.into() } else { 0.into() }),
        ("Currency", invoice.currency.into()),
        ("CurrencyValue", invoice.value.into()),
        ("ExchangeRate", rate.into()),
        ("ConvRate", rate.into()),
        ("MulDiv", way.into()),
        ("PostCurrency", invoice.currency.into()),
        ("AccountCur", invoice.currency.into()),
        ("FirstTaxCode", "A".into()),
        ("NextPaymEntry", i64::from(invoice.paid != 0).into()),
        ("EntryNumber", entry.into()),
        ("OrigInvRate", rate.into()),
    ];
    maker.company.add("ApInvoice", row)?;
    if invoice.paid != 0 {
        pay(maker, &invoice.supplier, &invoice.number, 1, invoice.currency, invoice.paid, invoice.paid_on)?;
    }
    Ok(())
}

/// A payment: one more row beside the invoice.
pub(super) fn pay(
    maker: &mut Maker<'_>,
    supplier: &str,
    number: &str,
    entry: i64,
    currency: &str,
    cents: i64,
    on: NaiveDate,
) -> Result<(), EditError> {
    let (year, month) = open_periods(on)[0];
    let (rate, way) = rate(currency);
    let row = vec![
        ("Supplier", supplier.into()),
        ("Invoice", number.into()),
        ("EntryNumber", entry.into()),
        ("TrnType", "P".into()),
        ("JournalDate", on.into()),
        ("Journal", (7_000 + i64::from(on.to_epoch_days() % 1_000)).into()),
        ("PaymentReference", format!("EFT {}", on.format("%Y%m%d")).into()),
        ("TrnValue", (-cents).into()),
        ("TrnYear", year.into()),
        ("TrnMonth", month.into()),
        ("PostValue", (-local(cents, currency)).into()),
        ("PostCurrency", currency.into()),
        ("PostConvRate", rate.into()),
        ("PostMulDiv", way.into()),
        ("AccountCur", currency.into()),
        ("PaymentNumber", format!("{:010}", on.to_epoch_days()).into()),
    ];
    maker.company.add("ApInvoicePay", row)?;
    Ok(())
}
