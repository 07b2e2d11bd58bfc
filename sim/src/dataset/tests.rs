//! What must be true of the data, whatever the seed.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::*;
use crate::syspro::{Switches, json::RowWriter};

fn options(documents: u32) -> DatasetOptions {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 17).expect("date");
    DatasetOptions { seed: 42, documents, lines_per_invoice: None, today, companies: Companies::Mixed, copies: 0 }
}

static SMALL: LazyLock<Database> = LazyLock::new(|| generate(&options(300)).expect("data"));
static LARGE: LazyLock<Database> = LazyLock::new(|| generate(&options(5_000)).expect("data"));

fn column(table: &Table, name: &str) -> usize {
    table.schema.column(name).expect("column")
}

fn texts<'a>(table: &'a Table, name: &str) -> Vec<&'a str> {
    let at = column(table, name);
    table.slots().map(|slot| table.cell(slot, at).text()).collect()
}

fn bytes(database: &Database) -> Vec<u8> {
    let (mut out, switches) = (vec![], Switches::default());
    for table in database.companies.values().flat_map(Company::tables) {
        let all: Vec<usize> = (0..table.schema.columns.len()).collect();
        let writer = RowWriter::new(table, &all, &switches);
        table.slots().for_each(|slot| writer.write(slot, &mut out));
    }
    out
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let again = generate(&options(300)).expect("data");
    assert!(bytes(&SMALL) == bytes(&again));
    let other = generate(&DatasetOptions { seed: 43, ..options(300) }).expect("data");
    assert!(bytes(&SMALL) != bytes(&other));
}

#[test]
fn both_companies_use_the_same_numbers_for_different_things() {
    let (large, small) = (SMALL.company("EDU1").expect("company"), SMALL.company("1").expect("company"));
    for (table, key) in [("ApSupplier", "Supplier"), ("ApInvoice", "Invoice"), ("PorMasterHdr", "PurchaseOrder"), ("GenMaster", "GlCode")] {
        let (large, small) = (large.table(table).expect("table"), small.table(table).expect("table"));
        let mine: HashSet<_> = texts(small, key).into_iter().collect();
        let shared = texts(large, key).into_iter().filter(|key| mine.contains(key)).count();
        assert!(shared >= 20, "{table}: {shared}");
    }
    assert_eq!(SMALL.count("EDU1", "ApInvoice"), Ok(300));
    assert_ne!(SMALL.sum("EDU1", "ApInvoice", "OrigInvValue"), SMALL.sum("1", "ApInvoice", "OrigInvValue"));
}

#[test]
fn lines_add_up_to_their_invoice_and_every_code_exists() {
    for company in SMALL.companies.values().chain(LARGE.companies.values()) {
        let table = |name: &str| company.table(name).expect("table");
        let (lines, summaries, invoices, accounts) = (table("ApJnlDistrib"), table("ApJnlSummary"), table("ApInvoice"), table("GenMaster"));
        let entry = |table: &Table, slot: u32| {
            ["TrnYear", "TrnMonth", "Journal", "EntryNumber"].map(|name| table.cell(slot, column(table, name)).number())
        };
        let mut sums: HashMap<[i64; 4], i64> = HashMap::new();
        let mut blank = 0;
        for slot in lines.slots() {
            *sums.entry(entry(lines, slot)).or_default() += lines.cell(slot, column(lines, "DistrValue")).number();
            let code = lines.cell(slot, column(lines, "ExpenseGlCode"));
            blank += usize::from(code.text().is_empty());
            assert!(code.text().is_empty() || accounts.find(&[company.id.as_str().into(), code.clone()]).is_some(), "{code:?}");
        }
        assert!(blank >= 1);
        assert_eq!(summaries.len(), invoices.len());
        for slot in summaries.slots() {
            let key = ["Supplier", "Invoice"].map(|name| summaries.cell(slot, column(summaries, name)).clone());
            let invoice = invoices.find(&key).expect("invoice of a journal entry");
            let value = summaries.cell(slot, column(summaries, "InvoiceValue")).number();
            // each line is rounded to the local cent by itself, and no invoice here has more than six
            let currency = invoices.cell(invoice, column(invoices, "Currency")).text().to_owned();
            let home = super::currency::local(value, currency.trim());
            let apart = sums[&entry(summaries, slot)].abs_diff(home);
            assert!(apart <= if currency.trim() == super::currency::LOCAL { 0 } else { 6 }, "{key:?}: {apart} of {home}");
            assert_eq!(invoices.cell(invoice, column(invoices, "OrigInvValue")).number(), value);
        }
        let suppliers = table("ApSupplier");
        assert!(texts(invoices, "Supplier").into_iter().all(|key| suppliers.find(&[key.into()]).is_some()));
        let ledger = table("GenJournalDetail");
        assert!(texts(ledger, "GlCode").into_iter().all(|code| accounts.find(&[company.id.as_str().into(), code.into()]).is_some()));
        assert_eq!(ledger.sum(column(ledger, "EntryValue")), Some(rust_decimal::Decimal::ZERO), "debits equal credits");
    }
}

#[test]
fn every_value_fits_its_column_and_windows_1252() {
    let extra = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";
    for table in SMALL.companies.values().flat_map(Company::tables) {
        for slot in table.slots() {
            for (at, schema) in table.schema.columns.iter().enumerate() {
                let (cell, place) = (table.cell(slot, at), format!("{}.{}", table.schema.name, schema.name));
                match schema.sql {
                    SqlType::Char(width) | SqlType::Varchar(width) => {
                        let text = cell.text();
                        assert!(matches!(cell, Cell::Text(_)) && text.chars().count() <= usize::from(width), "{place} {cell:?}");
                        assert!(text.chars().all(|c| c <= '\u{ff}' || extra.contains(c)), "{place} {cell:?}");
                    }
                    SqlType::Decimal(precision, _) => {
                        assert!(matches!(cell, Cell::Number(n) if n.unsigned_abs() < 10_u64.pow(precision.into())), "{place} {cell:?}");
                    }
                    SqlType::DateTime => assert!(matches!(cell, Cell::Null | Cell::Date(_)), "{place} {cell:?}"),
                    SqlType::RowVersion => assert!(cell.number() > 0),
                }
            }
        }
    }
}

fn some(company: &Company, table: &str, filter: &str) -> usize {
    use crate::syspro::{filter::Filter, plan::Bound};
    let table = company.table(table).expect("table");
    let filter = Filter::parse(filter).expect("filter");
    let bound = Bound::new(&filter, table.schema, &|name| table.schema.column(name)).expect("bound");
    table.slots().filter(|slot| bound.holds(table, *slot, false)).count()
}

#[test]
fn the_cases_that_real_sites_have_are_there() {
    for company in SMALL.companies.values() {
        let has = |table: &str, filter: &str, least: usize| {
            let found = some(company, table, filter);
            assert!(found >= least, "company {}: {found} rows of {table} where {filter}", company.id);
        };
        has("ApSupplier", "Supplier eq '042' or Supplier eq '42' or Supplier eq 'Abc01' or Supplier eq 'ABC01' or Supplier eq ' 00007'", 5);
        has("ApSupplier", "OnHold eq 'Y'", 1);
        has("ApSupplier", "Email eq ''", 1);
        has("ApSupplier", "contains(SupplierName,'€')", 1);
        has("ApInvoice", "Invoice eq 'INV-DUP'", 2);
        has("ApInvoice", "OrigInvValue lt 0", 1);
        has("ApInvoice", "MthInvBal1 eq 0 and OrigInvValue ne 0", 1);
        has("ApInvoice", "Invoice eq 'abc-1' or Invoice eq 'ABC-1' or Invoice eq '042' or Invoice eq '42' or Invoice eq ' 00001'", 5);
        has("ApInvoice", "JournalDate eq 2026-03-17 and InvoiceDate lt 2025-12-31", 1);
        has("ApInvoice", "DueDate eq null", 1);
        has("ApInvoice", "Currency eq '$' and MulDiv eq 'M'", 1);
        has("ApInvoice", "Currency eq 'EUR' and MulDiv eq 'D'", 1);
        has("ApInvoice", "JournalDate ge 2026-03-10 and InvoiceYear eq 2026 and InvoiceMonth eq 8", 1);
        has("ApInvoice", "JournalDate ge 2026-03-10 and InvoiceYear eq 2026 and InvoiceMonth eq 7", 1);
        has("ApInvoicePay", "JournalDate eq 2026-03-17", 1);
        has("ApJnlDistrib", "ExpenseType eq 'F'", 1);
        has("ApJnlDistrib", "ExpenseType eq 'O'", 1);
        for status in ["0", "1", "4", "9", "*"] {
            has("PorMasterHdr", &format!("OrderStatus eq '{status}'"), 1);
        }
        has("PorMasterHdr", "CancelledFlag eq 'Y'", 1);
        for kind in ["1", "4", "5", "6", "7"] {
            has("PorMasterDetail", &format!("LineType eq '{kind}'"), 1);
        }
        has("PorMasterDetail", "MPriceUom eq '100'", 1);
        has("PorMasterDetail", "Line gt 1000", 1);
        has("GrnMatching", "Invoice eq '70010'", 2);
        has("GrnMatching", "MatchedValue lt 0", 1);
        has("GenMaster", "GlCode eq 'FORCED' or GlCode eq 'RETAINED'", 4);
        has("GenMaster", "AccountType eq 'S' or AccountType eq 'T'", 2);
        has("GenMaster", "ControlAccFlag eq 'Y'", 1);
        has("GenMaster", "AccOnHldFlag eq 'Y'", 1);
        has("GenMaster", "contains(GlCode,'-')", 1);
        has("GenJournalCtl", "GlPeriod eq 13", 1);
        has("GenJournalCtl", "PostDate eq 2026-03-17 and JournalDate lt 2026-02-01", 1);
        for status in ["P", "N", "H", "C"] {
            has("GenJournalCtl", &format!("JnlStatus eq '{status}'"), 1);
        }
        has("GenJournalCtl", "GlJournal eq 1", 6);
        has("GenJournalCtl", "Source eq 'V'", 1);
        has("GenJournalDetail", "Comment eq 'Integration, twice' and EntryValue eq 431.27", 2);
        has("GenAnalysisTrn", "AnalysisEntry eq 901", 3);
        has("BomCostCentre", "CostCentre eq '042' or CostCentre eq '42' or CostCentre eq 'Lab' or CostCentre eq 'LAB'", 4);
        let orders: HashSet<_> = {
            let table = company.table("GrnDetails").expect("table");
            let matched = company.table("GrnMatching").expect("table");
            let of = |slot| matched.cell(slot, column(matched, "Invoice")).text() == "70010";
            let grns: HashSet<_> =
                matched.slots().filter(|slot| of(*slot)).map(|slot| matched.cell(slot, column(matched, "Grn")).text()).collect();
            let of = |slot| grns.contains(table.cell(slot, column(table, "Grn")).text());
            table.slots().filter(|slot| of(*slot)).map(|slot| table.cell(slot, column(table, "PurchaseOrder")).text().to_owned()).collect()
        };
        assert_eq!(orders.len(), 2, "one invoice matched to two orders");
    }
}

/// What AP owes at home on a control account, by `MthInvBal1` to `MthInvBal3`, and what the account owes then.
fn owed(company: &Company, today: chrono::NaiveDate) -> ([i64; 3], [i64; 3]) {
    use super::calendar::open_periods;
    let (invoices, accounts, history) = (
        company.table("ApInvoice").expect("table"),
        company.table("GenMaster").expect("table"),
        company.table("GenHistory").expect("table"),
    );
    let at_home = |slot: &u32| invoices.cell(*slot, column(invoices, "Currency")).text() == "R";
    let balances = [1, 2, 3].map(|n| {
        let at = column(invoices, &format!("MthInvBal{n}"));
        invoices.slots().filter(at_home).map(|slot| invoices.cell(slot, at).number()).sum::<i64>()
    });
    let key = [Cell::from(&company.id), Cell::from("10.000.2100")];
    let now = accounts.cell(accounts.find(&key).expect("the control account"), column(accounts, "CurrentBalance")).number();
    let open = open_periods(today);
    let then = |(year, period): (i64, i64)| {
        let slot = history.find(&[key[0].clone(), key[1].clone(), year.into()]).expect("a year");
        -history.cell(slot, column(history, &format!("ClosingBalPer{period}"))).number()
    };
    (balances, [-now, then(open[1]), then(open[2])])
}

#[test]
fn what_ap_owes_is_what_its_control_account_owes() {
    let mut apart = generate(&DatasetOptions { companies: Companies::Apart, ..options(300) }).expect("data");
    for database in [&SMALL.clone(), &apart] {
        for company in database.companies.values() {
            let (balances, control) = owed(company, database.today);
            assert_eq!(balances, control, "{}", company.id);
            assert!(balances.iter().all(|balance| *balance != 0), "{balances:?}");
        }
    }
    // and it stays so while business goes on
    for _ in 0..5 {
        live::tick(&mut apart, 8).expect("tick");
    }
    let company = apart.company("EDU1").expect("company");
    let (balances, control) = owed(company, apart.today);
    assert_eq!(balances, control);
}

#[test]
fn large_tables_have_sizes_around_the_cap() {
    assert_eq!(LARGE.count("EDU1", "ApInvoice"), Ok(5_000));
    assert_eq!(LARGE.count("EDU1", "GenAnalysisCode"), Ok(5_000));
    assert!(LARGE.count("EDU1", "ApJnlDistrib").expect("table") > 5_000);
}

#[test]
fn business_goes_on_and_stays_consistent() {
    let mut database = SMALL.clone();
    let mut orders = 0;
    for _ in 0..30 {
        let done = live::tick(&mut database, 8).expect("tick");
        assert_eq!((done.invoices, done.amended, done.suppliers_edited, done.suppliers_deleted), (16, 4, 2, 2));
        orders += done.orders_amended;
    }
    assert!(orders > 10, "{orders}");
    assert_ne!(database.sum("EDU1", "PorMasterDetail", "MOrderQty"), SMALL.sum("EDU1", "PorMasterDetail", "MOrderQty"));
    assert_eq!(database.sum("EDU1", "PorMasterHdr", "AmendedCount"), SMALL.sum("EDU1", "PorMasterHdr", "AmendedCount"));
    assert_eq!(database.count("EDU1", "ApInvoice"), Ok(300 + 240));
    assert_eq!(database.count("EDU1", "ApSupplier"), SMALL.count("EDU1", "ApSupplier"));
    assert_eq!(database.sum("EDU1", "GenJournalDetail", "EntryValue"), Ok(rust_decimal::Decimal::ZERO));
    assert_eq!(database.sum("EDU1", "ApJnlSummary", "InvoiceValue"), database.sum("EDU1", "ApInvoice", "OrigInvValue"));
    let before = SMALL.count("EDU1", "ApInvoicePay").expect("table");
    assert_eq!(database.count("EDU1", "ApInvoicePay"), Ok(before + 60));
}

#[test]
fn apart_from_the_awkward_cases_the_figures_are_those_of_a_manufacturer() {
    let database = generate(&DatasetOptions { companies: Companies::Apart, ..options(300) }).expect("data");
    assert_eq!(database.companies.keys().collect::<Vec<_>>(), ["EDU1", ODD]);
    let company = database.company("EDU1").expect("company");
    let table = |name: &str| company.table(name).expect("table");
    let numbers = |name: &str, of: &str| -> Vec<i64> {
        let (table, at) = (table(name), column(table(name), of));
        table.slots().map(|slot| table.cell(slot, at).number()).collect()
    };
    // invoices: from tens to some ten thousands, a few credit notes, most of it paid, tax on what is bought at home
    let values = numbers("ApInvoice", "OrigInvValue");
    assert_eq!(values.len(), 300);
    assert!(values.iter().all(|cents| (100..12_000_000).contains(&cents.abs())), "{:?}", values.iter().max());
    let credits = values.iter().filter(|cents| **cents < 0).count();
    assert!((1..20).contains(&credits), "{credits}");
    assert!(some(company, "ApInvoice", "MthInvBal1 eq 0") > 150);
    let tax = some(company, "ApJnlDistrib", "ExpenseGlCode eq '10.000.2300'");
    assert_eq!(tax, some(company, "ApInvoice", "Currency eq 'R'"));
    assert!(some(company, "ApInvoice", "Currency eq '$'") > 0 && some(company, "ApInvoice", "Currency eq 'EUR'") > 0);
    // none of the special cases
    for (table, filter) in [
        ("ApInvoice", "Currency eq 'JPY' or Currency eq 'KWD' or DueDate eq null or OrigInvValue eq 0"),
        ("ApSupplier", "Supplier eq '042' or Supplier eq 'Abc01' or Supplier eq ' 00007'"),
        ("ApJnlDistrib", "ExpenseGlCode eq ''"),
        ("BomCostCentre", "CostCentre eq '042' or CostCentre eq 'Lab'"),
    ] {
        assert_eq!(some(company, table, filter), 0, "{table} where {filter}");
    }
    // orders: tens to tens of thousands each
    let (lines, orders) = (table("PorMasterDetail"), table("PorMasterHdr"));
    let mut worth: HashMap<String, i128> = HashMap::new();
    for slot in lines.slots() {
        let [quantity, price] = ["MOrderQty", "MForeignPrice"].map(|name| i128::from(lines.cell(slot, column(lines, name)).number()));
        *worth.entry(lines.cell(slot, 0).text().to_owned()).or_default() += quantity * price / 1_000_000_000;
    }
    assert_eq!(worth.len(), orders.len());
    assert!(worth.values().all(|cents| (100..9_000_000).contains(cents)), "{:?}", worth.values().max());
    // every journal balances, goods received are taken off again by the invoices for them
    let ledger = table("GenJournalDetail");
    let mut journals: HashMap<[i64; 3], i64> = HashMap::new();
    let mut received = (0, 0);
    for slot in ledger.slots() {
        let value = ledger.cell(slot, column(ledger, "EntryValue")).number();
        let key = ["GlYear", "GlPeriod", "Journal"].map(|name| ledger.cell(slot, column(ledger, name)).number());
        *journals.entry(key).or_default() += value;
        if ledger.cell(slot, column(ledger, "GlCode")).text() == "10.000.2150" {
            received = if value < 0 { (received.0 + value, received.1) } else { (received.0, received.1 + value) };
        }
    }
    assert!(journals.len() > 100 && journals.values().all(|sum| *sum == 0));
    assert!(received.1 > 0 && received.0 + received.1 <= 0, "more is invoiced than was received: {received:?}");
    let accounts = table("GenMaster");
    assert!(texts(ledger, "GlCode").into_iter().all(|code| accounts.find(&["EDU1".into(), code.into()]).is_some()));

    // the special cases are all in the other company, and a tick changes both
    let odd = database.company(ODD).expect("company");
    assert_eq!(some(odd, "ApInvoice", "OrigInvValue eq 99999999999.99"), 1);
    assert!(some(odd, "ApInvoice", "Currency eq 'KWD'") == 1 && some(odd, "ApSupplier", "Supplier eq 'Abc01'") == 1);
    let mut later = database.clone();
    for _ in 0..5 {
        live::tick(&mut later, 3).expect("tick");
    }
    assert_eq!(later.count("EDU1", "ApInvoice"), Ok(315));
    assert_eq!(later.sum("EDU1", "GenJournalDetail", "EntryValue"), Ok(rust_decimal::Decimal::ZERO));
}

#[test]
fn further_companies_have_the_data_of_the_first_one() {
    let database = generate(&DatasetOptions { copies: 2, ..options(60) }).expect("data");
    assert_eq!(database.companies.keys().collect::<Vec<_>>(), ["1", "C001", "C002", "EDU1"]);
    assert_eq!(database.company("C002").expect("company").id, "C002");
    for table in ["ApInvoice", "GlJournalDetail", "GenGroups"] {
        assert_eq!(database.count("C001", table), database.count("EDU1", table), "{table}");
    }
}
