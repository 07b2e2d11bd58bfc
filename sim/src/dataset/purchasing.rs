//! Purchase orders, receipts, and the matching of receipts to invoices.

use chrono::NaiveDate;

use super::calendar::{after, before, fiscal};
use super::currency::{LOCAL, local, rate};
use super::database::EditError;
use super::invoice::Invoice;
use super::maker::Maker;
use super::masters::{GRN_SUSPENSE, expense_code, supplier_currency, supplier_key};
use super::payables::SPECIAL;

/// Orders that are special cases.
const SPECIAL_ORDERS: u32 = 20;
/// Lines of the longest order.
const LONGEST: u32 = 1_040;

/// The order whose receipt is matched with an invoice and whose match is then reversed.
const REVERSED: u32 = 9;

/// A line before it is written.
struct Line {
    kind: &'static str,
    /// Millionths.
    quantity: i64,
    received: i64,
    /// Hundred-thousandths, local and foreign.
    price: i64,
    foreign: i64,
    price_unit: &'static str,
    /// Millionths: ordered units in one price unit.
    factor: i64,
    /// Percent, in hundredths.
    discount: i64,
    charge: i64,
    comment: String,
}

pub(super) struct Order {
    number: String,
    supplier: String,
    currency: &'static str,
    status: &'static str,
    entered_days_ago: u64,
    lines: Vec<Line>,
}

impl Order {
    /// What the goods cost, in cents of the order's currency.
    pub(super) fn value(&self) -> i64 {
        self.lines.iter().map(|line| line.worth(line.quantity, line.foreign)).sum()
    }
}

impl Line {
    /// What N pieces cost at this price, less the discount: millionths times hundred-thousandths, per price unit, in cents.
    fn worth(&self, quantity: i64, price: i64) -> i64 {
        let exact = i128::from(quantity) * i128::from(price) * i128::from(10_000 - self.discount) / (i128::from(self.factor) * 10_000);
        i64::try_from(exact / 1_000).unwrap_or(i64::MAX)
    }
}

/// An order of an ordinary manufacturer: one to four lines of goods, of tens to tens of thousands together.
pub(super) fn ordinary(maker: &mut Maker<'_>, n: u32, supplier: u32, status: &'static str, entered_days_ago: u64) -> Order {
    let currency = supplier_currency(supplier);
    let count = maker.random.u32(1..=4);
    let lines = (0..count)
        .map(|_| {
            // dear goods in small numbers, cheap ones in large
            let (prices, quantities) = maker.pick(&[((15_000, 90_000), (1, 12)), ((1_500, 15_000), (2, 60)), ((120, 1_500), (20, 400))]);
            let cents = maker.random.i64(prices.0..prices.1);
            // prices in dollars or euros are a tenth or less
            let cents = if currency == LOCAL { cents } else { cents / 12 };
            let quantity = maker.random.i64(quantities.0..quantities.1) * 1_000_000;
            let foreign = cents * 1_000;
            Line {
                kind: maker.pick(&["1", "1", "1", "7"]),
                quantity,
                received: match status {
                    "9" => quantity,
                    // whole pieces
                    "4" => quantity / 2_000_000 * 1_000_000,
                    _ => 0,
                },
                price: local(foreign, currency),
                foreign,
                price_unit: "EA",
                factor: 1_000_000,
                discount: 0,
                charge: 0,
                comment: String::new(),
            }
        })
        .collect();
    let supplier = supplier_key(supplier);
    Order { number: format!("{:015}", 5_000 + n), supplier, currency, status, entered_days_ago, lines }
}

/// Writes orders, one for about every fifth invoice, and matches most of them.
pub(super) fn fill(maker: &mut Maker<'_>, invoices: &[Invoice]) -> Result<(), EditError> {
    let count = (u32::try_from(invoices.len()).unwrap_or(u32::MAX) / 5).max(SPECIAL_ORDERS + 4);
    for n in 0..count {
        let invoice = match n {
            // two orders for one invoice
            0 | 1 => Some(&invoices[10]),
            REVERSED => Some(&invoices[14]),
            _ if n < SPECIAL_ORDERS => None,
            _ => invoices.get((SPECIAL + (n - SPECIAL_ORDERS) * 5) as usize),
        };
        let order = order(maker, n, count, invoice);
        write(maker, &order)?;
        receive(maker, n, &order, invoice.filter(|_| order.status == "9"))?;
        if let Some(invoice) = invoice.filter(|_| n == REVERSED) {
            take_back(maker, n, &order, invoice)?;
        }
    }
    Ok(())
}

fn number(n: u32) -> String {
    match n {
        2 => " 00001".into(),
        3 => "U03679".into(),
        4 => "u03679".into(),
        5 => "042".into(),
        6 => "42".into(),
        _ => format!("{:015}", 5_000 + n),
    }
}

fn order(maker: &mut Maker<'_>, n: u32, count: u32, invoice: Option<&Invoice>) -> Order {
    let status = match n {
        0 | 1 => "9",
        2 => "0",
        3 => "1",
        4 | 10..=15 => "4",
        5 => "*",
        REVERSED => {
            // draw once, as for the orders around it, so that later random values do not change
            maker.pick(&["4", "4", "9", "1"]);
            "9"
        }
        _ if invoice.is_some() => "9",
        _ => maker.pick(&["4", "4", "9", "1"]),
    };
    let (supplier, currency) = match (invoice, n) {
        (Some(invoice), _) => (invoice.supplier.clone(), invoice.currency),
        (None, 10) => ("0000011".to_owned(), "$"),
        (None, 11) => ("0000012".to_owned(), "EUR"),
        (None, _) => (supplier_key(n % 9), LOCAL),
    };
    let entered_days_ago = match invoice {
        Some(invoice) => u64::try_from((maker.today - invoice.posted).num_days()).unwrap_or(0) + 30,
        None => u64::from(364 - 360 * n / count.max(1)),
    };
    let length = match n {
        12 => 2,
        13 => LONGEST,
        _ => maker.random.u32(1..=5),
    };
    let lines = (0..length).map(|line| order_line(maker, n, line, status, currency)).collect();
    Order { number: number(n), supplier, currency, status, entered_days_ago, lines }
}

fn order_line(maker: &mut Maker<'_>, n: u32, line: u32, status: &str, currency: &str) -> Line {
    let kind = match (n, line) {
        // nothing but comments
        (12, _) => "6",
        (7 | 8, 1) => "4",
        (7 | 8, 2) => "5",
        (_, 0) => "1",
        (_, 3) => "6",
        _ => maker.pick(&["1", "1", "7"]),
    };
    let goods = matches!(kind, "1" | "7");
    let quantity = if goods { maker.random.i64(1..200) * 1_000_000 } else { 0 };
    let foreign = if goods { maker.random.i64(100..900_000) * 1_000 } else { 0 };
    let received = match status {
        "9" => quantity,
        "4" if line.is_multiple_of(2) => quantity / 2,
        _ => 0,
    };
    // bought by the piece, priced by the hundred
    let hundred = n == 14 && line == 0;
    // priced by the thousand, with a discount: 90.00 for 5,000 of them
    let thousand = n == 15 && line == 0;
    let (quantity, received, foreign) = if thousand { (5_000_000_000, 0, 2_000_000) } else { (quantity, received, foreign) };
    let (price_unit, factor) = match (hundred, thousand) {
        (true, _) => ("100", 100_000_000),
        (_, true) => ("TH", 1_000_000_000),
        _ => ("EA", 1_000_000),
    };
    Line {
        kind,
        quantity,
        received,
        price: local(foreign, currency),
        foreign,
        price_unit,
        factor,
        discount: if thousand { 1_000 } else { 0 },
        charge: if matches!(kind, "4" | "5") { maker.random.i64(1_000..90_000) } else { 0 },
        comment: match kind {
            "4" => "Freight".into(),
            "5" => "Pallets".into(),
            "6" => format!("Note {line}: handle with care – “fragile”"),
            _ => String::new(),
        },
    }
}

pub(super) fn write(maker: &mut Maker<'_>, order: &Order) -> Result<(), EditError> {
    let entered = maker.days_ago(order.entered_days_ago);
    let completed = (order.status == "9").then(|| after(entered, 28).min(maker.today));
    let printed = (order.status == "4" || order.status == "9").then(|| after(entered, 1).min(maker.today));
    let (rate, way) = rate(order.currency);
    let cancelled = order.status == "*";
    let warehouse = maker.pick(&["MAIN", "COAST"]);
    let row = vec![
        ("PurchaseOrder", (&order.number).into()),
        ("OrderStatus", order.status.into()),
        ("ActiveFlag", if completed.is_some() || cancelled { "N".into() } else { "Y".into() }),
        ("CancelledFlag", if cancelled { "Y".into() } else { "".into() }),
        ("Supplier", (&order.supplier).into()),
        ("OrderEntryDate", entered.into()),
        ("OrderDueDate", after(entered, 30).into()),
        ("DateLastDocPrt", printed.into()),
        ("DatePoCompleted", completed.into()),
        ("OrderType", if order.currency == LOCAL { "L".into() } else { "I".into() }),
        ("Currency", order.currency.into()),
        ("ExchangeRate", rate.into()),
        ("MulDiv", way.into()),
        ("ExchRateFixed", "N".into()),
        ("TaxStatus", "N".into()),
        ("TermsCode", "30".into()),
        ("Buyer", maker.pick(&["BM", "TN", "JO"]).into()),
        ("Warehouse", warehouse.into()),
        ("PrintCount", i64::from(printed.is_some()).into()),
        ("AmendedCount", if order.number == "U03679" { 99.into() } else { 0.into() }),
        ("DeliveryName", "Main works".into()),
        ("DeliveryAddr1", "1 Foundry Lane".into()),
        ("DeliveryAddr2", "Cape Town".into()),
        ("PostalCode", "7441".into()),
        ("DiscPct1", if order.number == "042" { 250.into() } else { 0.into() }),
        ("NextDetailLine", i64::try_from(order.lines.len() + 1).unwrap_or(0).into()),
        ("Email", "buying@works.example".into()),
    ];
    maker.company.add("PorMasterHdr", row)?;
    for (number, line) in (1_i64..).zip(&order.lines) {
        let received = (line.received > 0).then(|| after(entered, 27).min(maker.today));
        let code = if line.kind == "7" { expense_code(maker) } else { String::new() };
        let goods = matches!(line.kind, "1" | "7");
        let unit = |name: &str| if goods { name.into() } else { "".into() };
        let row = vec![
            ("PurchaseOrder", (&order.number).into()),
            ("Line", number.into()),
            ("LineType", line.kind.into()),
            (
                "MStockCode",
                if goods { format!("{}{:04}", if line.kind == "1" { "A" } else { "NS-" }, number * 37 % 10_000).into() } else { "".into() },
            ),
            ("MStockDes", if goods { "Casting, machined Ø 40 mm".into() } else { "".into() }),
            ("MWarehouse", unit(warehouse)),
            ("MOrderUom", unit("EA")),
            ("MStockingUom", unit("EA")),
            ("MPriceUom", unit(line.price_unit)),
            ("MOrderQty", line.quantity.into()),
            ("MReceivedQty", line.received.into()),
            ("MPrice", line.price.into()),
            ("MForeignPrice", line.foreign.into()),
            ("MConvFactPrcUm", line.factor.into()),
            ("MMulDivPrc", if line.factor == 1_000_000 { "M".into() } else { "D".into() }),
            ("MDiscPct1", line.discount.into()),
            ("MConvFactOrdUm", 1_000_000.into()),
            ("MMulDivAlloc", "M".into()),
            ("MLatestDueDate", after(entered, 30).into()),
            ("MOrigDueDate", after(entered, 25).into()),
            ("MLastReceiptDat", received.into()),
            ("MTaxCode", "A".into()),
            ("MProductClass", if goods { "CAST".into() } else { "".into() }),
            ("MCompleteFlag", if order.status == "9" { "Y".into() } else { ["N", ""][usize::from(number % 2 == 0)].into() }),
            ("MGlCode", code.into()),
            ("NComment", (&line.comment).into()),
            ("NMscChargeValue", local(line.charge, order.currency).into()),
            ("NMscChargeFor", line.charge.into()),
        ];
        maker.company.add("PorMasterDetail", row)?;
    }
    Ok(())
}

/// Goods received for each line of an order, and the invoice they are matched with; answers the day and what they are worth, in local cents.
pub(super) fn receive(maker: &mut Maker<'_>, n: u32, order: &Order, invoice: Option<&Invoice>) -> Result<(NaiveDate, i64), EditError> {
    let grn = format!("{:015}", 8_000 + n);
    let received = before(maker.days_ago(order.entered_days_ago), 0);
    let received = after(received, 27).min(maker.today);
    let (year, month) = fiscal(received);
    let (rate, way) = rate(order.currency);
    let journal = 2_000 + i64::from(n);
    let mut all = 0;
    for (number, line) in (1_i64..).zip(&order.lines).filter(|(_, line)| line.received > 0) {
        let value = |price: i64| line.worth(line.received, price);
        let worth = value(line.price);
        all += worth;
        let matched = invoice.is_some();
        let row = vec![
            ("Supplier", (&order.supplier).into()),
            ("Grn", (&grn).into()),
            ("GrnSource", "P".into()),
            ("Journal", journal.into()),
            ("JournalEntry", number.into()),
            ("OrigReceiptDate", received.into()),
            ("DebitRecGlCode", GRN_SUSPENSE.into()),
            ("GrnYear", year.into()),
            ("GrnMonth", month.into()),
            ("PurchaseOrder", (&order.number).into()),
            ("PurchaseOrderLin", number.into()),
            ("StockCode", format!("A{:04}", number * 37 % 10_000).into()),
            ("StockDescription", "Casting, machined Ø 40 mm".into()),
            ("Warehouse", "MAIN".into()),
            ("QtyReceived", line.received.into()),
            ("QtyUom", "EA".into()),
            ("DeliveryNote", format!("DN{n}").into()),
            ("OrigGrnValue", worth.into()),
            ("CurGrnValue", worth.into()),
            ("MatchedValue", if matched { worth.into() } else { 0.into() }),
            ("GrnMatchedFlag", if matched { "Y".into() } else { "N".into() }),
            ("GrnMatchedYear", if matched { year.into() } else { 0.into() }),
            ("GrnMatchedMonth", if matched { month.into() } else { 0.into() }),
            ("CurrencyValue", value(line.foreign).into()),
            ("PostCurrency", order.currency.into()),
            ("ConvRate", rate.into()),
            ("MulDiv", way.into()),
            ("MTaxCode", "A".into()),
        ];
        maker.company.add("GrnDetails", row)?;
        let receipt = vec![
            ("PurchaseOrder", (&order.number).into()),
            ("PurchaseOrderLin", number.into()),
            ("DateReceived", received.into()),
            ("QtyReceived", line.received.into()),
            ("PriceReceived", line.price.into()),
            ("Reference", (&grn).into()),
        ];
        maker.company.add("PorHistReceipt", receipt)?;
        if let Some(invoice) = invoice {
            let (year, month) = invoice.period;
            let row = vec![
                ("Supplier", (&order.supplier).into()),
                ("Grn", (&grn).into()),
                ("TransactionType", "P".into()),
                ("Journal", journal.into()),
                ("EntryNumber", number.into()),
                ("Invoice", (&invoice.number).into()),
                ("MatchedValue", worth.into()),
                ("MatchedDate", invoice.posted.into()),
                ("MatchedYear", year.into()),
                ("MatchedMonth", month.into()),
                ("MatchedQty", line.received.into()),
            ];
            maker.company.add("GrnMatching", row)?;
        }
    }
    Ok((received, all))
}

/// Reverses the match of an order's receipt with an invoice the day after, by a journal of its own.
fn take_back(maker: &mut Maker<'_>, n: u32, order: &Order, invoice: &Invoice) -> Result<(), EditError> {
    let grn = format!("{:015}", 8_000 + n);
    let back = after(invoice.posted, 1).min(maker.today);
    let (year, month) = fiscal(back);
    let journal = 2_000 + i64::from(n);
    for (number, line) in (1_i64..).zip(&order.lines).filter(|(_, line)| line.received > 0) {
        let row = vec![
            ("Supplier", (&order.supplier).into()),
            ("Grn", (&grn).into()),
            ("TransactionType", "P".into()),
            ("Journal", (journal + 100_000).into()),
            ("EntryNumber", number.into()),
            ("Invoice", (&invoice.number).into()),
            ("MatchedValue", (-line.worth(line.received, line.price)).into()),
            ("MatchedDate", back.into()),
            ("MatchedYear", year.into()),
            ("MatchedMonth", month.into()),
            ("MatchedQty", (-line.received).into()),
        ];
        maker.company.add("GrnMatching", row)?;
        let receipt = [(&order.supplier).into(), (&grn).into(), "P".into(), journal.into(), number.into()];
        let open =
            vec![("MatchedValue", 0.into()), ("GrnMatchedFlag", "N".into()), ("GrnMatchedYear", 0.into()), ("GrnMatchedMonth", 0.into())];
        maker.company.set("GrnDetails", &receipt, open)?;
    }
    Ok(())
}
