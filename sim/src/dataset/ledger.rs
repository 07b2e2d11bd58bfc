//! GL journals: header, lines and, once posted, the ledger's transactions.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calendar::{earlier, fiscal};
use super::currency::{CURRENCIES, LOCAL, local};
use super::database::{Company, EditError};
use super::invoice::Invoice;
use super::maker::Maker;
use super::masters::{BANK, SUSPENSE, control};
use super::table::Cell;

/// One line of a journal; debit positive, local cents.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    code: String,
    value: i64,
    foreign: i64,
    currency: &'static str,
    kind: &'static str,
    supplier: String,
    invoice: String,
    ap_journal: i64,
    comment: &'static str,
    analysis: i64,
}

impl Entry {
    pub(super) fn of_invoice(code: &str, value: i64, kind: &'static str, invoice: &Invoice, journal: i64, foreign: i64) -> Self {
        Self {
            code: code.to_owned(),
            value,
            foreign,
            currency: invoice.currency,
            kind,
            supplier: invoice.supplier.clone(),
            invoice: invoice.number.clone(),
            ap_journal: journal,
            comment: "AP invoice",
            analysis: 0,
        }
    }

    /// A payment of an invoice, on the control account or the bank account.
    pub(super) fn of_payment(code: &str, value: i64, invoice: &Invoice, foreign: i64) -> Self {
        Self { comment: "AP payment", ..Self::of_invoice(code, value, "PAY", invoice, 0, foreign) }
    }

    pub(super) fn plain(code: &str, value: i64, comment: &'static str) -> Self {
        Self { code: code.to_owned(), value, foreign: value, currency: LOCAL, comment, ..Self::default() }
    }
}

/// The header of a journal.
struct Header<'a> {
    period: (i64, i64),
    dated: NaiveDate,
    posted: Option<NaiveDate>,
    status: &'static str,
    source: &'static str,
    module: &'a str,
}

/// Posts a sub-module's journal on its day.
pub(super) fn post(maker: &mut Maker<'_>, period: (i64, i64), posted: NaiveDate, module: &str, entries: &[Entry]) -> Result<(), EditError> {
    let header = Header { period, dated: posted, posted: Some(posted), status: "P", source: "J", module };
    write(maker, &header, entries).map(|_| ())
}

/// Posts a journal that a person entered.
pub(super) fn post_by_hand(maker: &mut Maker<'_>, period: (i64, i64), posted: NaiveDate, entries: &[Entry]) -> Result<(), EditError> {
    let header = Header { period, dated: posted, posted: Some(posted), status: "P", source: "E", module: "" };
    write(maker, &header, entries).map(|_| ())
}

fn write(maker: &mut Maker<'_>, header: &Header<'_>, entries: &[Entry]) -> Result<i64, EditError> {
    let (year, period) = header.period;
    // numbering restarts in each period
    let journal = next(maker.company, "GenJournalCtl", &[year.into(), period.into()], "GlJournal")?;
    let id = maker.company.id.clone();
    let posted = if header.status == "P" { "Y" } else { "N" };
    let source = if header.module.is_empty() { if header.source == "V" { "RV" } else { "JE" } } else { header.module };
    for (number, entry) in (1_i64..).zip(entries) {
        let reference = if entry.invoice.is_empty() { format!("JNL {journal}") } else { entry.invoice.clone() };
        let row = vec![
            ("GlYear", year.into()),
            ("GlPeriod", period.into()),
            ("Journal", journal.into()),
            ("EntryNumber", number.into()),
            ("EntryType", if entry.value < 0 { "C".into() } else { "D".into() }),
            ("GlCode", (&entry.code).into()),
            ("Reference", (&reference).into()),
            ("Comment", entry.comment.into()),
            ("EntryValue", entry.value.into()),
            ("EntryDate", header.dated.into()),
            ("EntryPosted", posted.into()),
            ("InterCompanyFlag", "N".into()),
            ("Company", (&id).into()),
            ("CurrencyValue", entry.foreign.into()),
            ("PostCurrency", entry.currency.into()),
            ("Type", entry.kind.into()),
            ("TransactionDate", header.dated.into()),
            ("DocumentDate", header.dated.into()),
            ("Source", source.into()),
            ("SubModJournal", entry.ap_journal.into()),
            ("SubModApInvoice", (&entry.invoice).into()),
            ("SubModSupplier", (&entry.supplier).into()),
            ("AnalysisEntry", entry.analysis.into()),
        ];
        maker.company.add("GenJournalDetail", row)?;
        if header.status == "P" {
            *maker.moved.entry((entry.code.clone(), year, period)).or_default() += entry.value;
            let line = next(maker.company, "GenTransaction", &[(&id).into(), (&entry.code).into(), year.into(), period.into()], "GlLine")?;
            let row = vec![
                ("Company", (&id).into()),
                ("GlCode", (&entry.code).into()),
                ("GlYear", year.into()),
                ("GlPeriod", period.into()),
                ("GlLine", line.into()),
                ("Source", source.into()),
                ("Journal", journal.into()),
                ("JnlDate", header.dated.into()),
                ("Reference", reference.into()),
                ("EntryValue", entry.value.into()),
                ("Comment", entry.comment.into()),
                ("TransactionDate", header.dated.into()),
                ("SubModJournal", entry.ap_journal.into()),
                ("SubModApInvoice", (&entry.invoice).into()),
                ("SubModSupplier", (&entry.supplier).into()),
            ];
            maker.company.add("GenTransaction", row)?;
        }
    }
    let side = |sign: i64| entries.iter().map(|entry| (entry.value * sign).max(0)).sum::<i64>();
    let row = vec![
        ("GlYear", year.into()),
        ("GlPeriod", period.into()),
        ("GlJournal", journal.into()),
        ("JournalDate", header.dated.into()),
        ("NumOfEntries", i64::try_from(entries.len()).unwrap_or(i64::MAX).into()),
        ("DebitAmount", side(1).into()),
        ("CreditAmount", side(-1).into()),
        ("JnlPostingType", "N".into()),
        ("Source", header.source.into()),
        ("Operator", "ADMIN".into()),
        ("JnlStatus", header.status.into()),
        ("Reference", format!("{} {journal}", if header.module.is_empty() { "JE" } else { header.module }).into()),
        ("Authorised", "Y".into()),
        ("AuthorisedBy", "FINANCE".into()),
        ("PostedBy", if header.posted.is_some() { "ADMIN".into() } else { "".into() }),
        ("PostDate", header.posted.into()),
        ("Notation", "".into()),
        ("JournalSource", header.module.into()),
        ("JnlPrintFlag", "Y".into()),
    ];
    maker.company.add("GenJournalCtl", row)?;
    Ok(journal)
}

/// Posts a payment: control account against bank.
pub(super) fn post_payment(
    maker: &mut Maker<'_>,
    supplier: &str,
    number: &str,
    currency: &str,
    cents: i64,
    day: NaiveDate,
) -> Result<(), EditError> {
    let home = local(cents, currency);
    let known = CURRENCIES.iter().map(|(code, ..)| *code).find(|code| *code == currency).unwrap_or(LOCAL);
    let entry = |code: &str, value: i64, foreign: i64| Entry {
        code: code.to_owned(),
        value,
        foreign,
        currency: known,
        kind: "PAY",
        supplier: supplier.to_owned(),
        invoice: number.to_owned(),
        comment: "AP payment",
        ..Entry::default()
    };
    post(maker, fiscal(day), day, "AP", &[entry(control(currency), home, cents), entry(BANK, -home, -cents)])
}

/// Closing balances of a year.
const CLOSINGS: i64 = 15;

/// Adds what was posted to the balances of the accounts: the current one, and those at the end of periods that are over.
pub(super) fn settle(maker: &mut Maker<'_>) -> Result<(), EditError> {
    let (id, now) = (Cell::from(&maker.company.id), fiscal(maker.today));
    let mut by_account: BTreeMap<String, Vec<((i64, i64), i64)>> = BTreeMap::new();
    for ((code, year, period), value) in std::mem::take(&mut maker.moved) {
        by_account.entry(code).or_default().push(((year, period), value));
    }
    for (code, moved) in by_account {
        let key = [id.clone(), Cell::from(&code)];
        let Some(before) = number(maker.company, "GenMaster", &key, "CurrentBalance")? else { continue };
        let total: i64 = moved.iter().map(|(_, value)| value).sum();
        maker.company.set("GenMaster", &key, vec![("CurrentBalance", (before + total).into())])?;
        let first = moved.iter().map(|((year, _), _)| *year).min().unwrap_or(now.0);
        for year in first..=now.0 {
            let row = [id.clone(), Cell::from(&code), year.into()];
            let old = |company: &Company, column: &str| Ok(number(company, "GenHistory", &row, column)?.unwrap_or(before));
            // what was posted up to the end of a period, and is not in the balance yet
            let up_to = |period: i64| moved.iter().filter(|(at, _)| *at <= (year, period)).map(|(_, value)| value).sum::<i64>();
            let mut values = vec![("BeginYearBalance".to_owned(), old(maker.company, "BeginYearBalance")? + up_to(0))];
            for period in (1..=CLOSINGS).filter(|period| (year, *period) < now) {
                let column = format!("ClosingBalPer{period}");
                let closing = old(maker.company, &column)? + up_to(period);
                values.push((column, closing));
            }
            let mut cells: Vec<(&str, Cell)> = values.iter().map(|(name, value)| (name.as_str(), (*value).into())).collect();
            if maker.company.table("GenHistory")?.find(&row).is_some() {
                maker.company.set("GenHistory", &row, cells)?;
            } else {
                cells.extend([("Company", row[0].clone()), ("GlCode", row[1].clone()), ("GlYear", row[2].clone())]);
                maker.company.add("GenHistory", cells)?;
            }
        }
    }
    Ok(())
}

/// The number in a column of the row with this key; `None`: there is no such row.
fn number(company: &Company, table: &str, key: &[Cell], column: &str) -> Result<Option<i64>, EditError> {
    let table = company.table(table)?;
    let at = table.schema.column(column).ok_or_else(|| EditError::Column(table.schema.name.clone(), column.to_owned()))?;
    Ok(table.find(key).map(|slot| table.cell(slot, at).number()))
}

/// The next free number in this column, among rows whose key starts with this prefix.
fn next(company: &Company, table: &str, prefix: &[Cell], column: &str) -> Result<i64, EditError> {
    let table = company.table(table)?;
    let at = table.schema.column(column).ok_or_else(|| EditError::Column(table.schema.name.clone(), column.to_owned()))?;
    let mut from = vec![];
    prefix.iter().for_each(|cell| cell.encode(&mut from));
    let mut to = from.clone();
    // numbers are eight bytes, so nothing below the prefix lies above this
    to.extend([u8::MAX; 9]);
    let last = table.range(0, &(from, Some(to))).next_back();
    Ok(last.map_or(0, |slot| table.cell(slot, at).number()) + 1)
}

/// Journals entered by hand, and special cases that a careless client handles wrongly.
pub(super) fn special_journals(maker: &mut Maker<'_>) -> Result<(), EditError> {
    let now = fiscal(maker.today);
    let (yesterday, long_ago) = (maker.days_ago(1), maker.days_ago(75));
    let pair = |value: i64, comment| [Entry::plain("10.800.6070", value, comment), Entry::plain(BANK, -value, comment)];
    let plain = |period, dated, posted, status| Header { period, dated, posted, status, source: "E", module: "" };
    // a thirteenth period, posted a while ago into the year that is over
    write(maker, &plain((now.0 - 1, 13), long_ago, Some(long_ago), "P"), &pair(100_000, "Audit adjustment"))?;
    // dated months ago, posted today
    write(maker, &plain(earlier(now, 2), long_ago, Some(maker.today), "P"), &pair(25_050, "Late correction"))?;
    write(maker, &plain(now, yesterday, None, "N"), &pair(7_700, "Not posted yet"))?;
    write(maker, &plain(now, yesterday, None, "H"), &pair(7_800, "On hold"))?;
    write(maker, &plain(now, yesterday, None, "C"), &pair(7_900, "Cancelled"))?;
    // an interrupted integration: the same lines twice, under two numbers
    for _ in 0..2 {
        write(maker, &plain(now, yesterday, Some(yesterday), "P"), &pair(43_127, "Integration, twice"))?;
    }
    // an accrual and its reversal in the period after
    write(maker, &plain(earlier(now, 1), maker.days_ago(35), Some(maker.days_ago(35)), "P"), &pair(500_000, "Accrual"))?;
    let reversal = Header { source: "V", ..plain(now, maker.days_ago(3), Some(maker.days_ago(3)), "P") };
    write(maker, &reversal, &pair(-500_000, "Accrual, reversed"))?;
    // one line with three analysis rows: joining them multiplies it
    let mut analysed = pair(60_000, "Consultants");
    analysed[0].analysis = 901;
    write(maker, &plain(now, yesterday, Some(yesterday), "P"), &analysed)?;
    for (project, cents) in [("P00001", 10_000), ("P00002", 20_000), ("P00003", 30_000)] {
        let row = vec![
            ("AnalysisEntry", 901.into()),
            ("GlYear", now.0.into()),
            ("GlPeriod", now.1.into()),
            ("AnalysisCategory", "PROJECT".into()),
            ("AnalysisCode1", project.into()),
            ("EntryValue", cents.into()),
        ];
        maker.company.add("GenAnalysisTrn", row)?;
    }
    // a line on suspense with nothing on the other side is not possible; a journal of zero is
    write(maker, &plain(now, yesterday, Some(yesterday), "P"), &[Entry::plain(SUSPENSE, 0, "Nothing")]).map(|_| ())
}
