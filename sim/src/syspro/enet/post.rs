//! APSTIN: AP invoices posted through e.net. Tieline never calls it; a test can prove that only because the simulator supports it.

use rust_decimal::Decimal;

use super::answer::Answer;
use super::options::EnetSwitches;
use super::setup::Parameters;
use super::xml::{Node, Writer};
use crate::dataset::{Cell, Company, EditError};
use tieline_values::money::parse_decimal;

/// One good item.
struct Invoice {
    supplier: String,
    number: String,
    value: i64,
    currency: Cell,
    date: Cell,
    lines: Vec<(String, i64)>,
}

/// Posts the items of a document. `today` dates the journal.
pub(super) fn post(parameters: &Node, document: &Node, company: &mut Company, today: chrono::NaiveDate, switches: &EnetSwitches) -> Answer {
    let period = parameters.child("Parameters").unwrap_or(parameters).text_of("PostingPeriod").to_owned();
    let flags = Parameters::read(parameters);
    let root = document.name.to_ascii_lowercase();
    let mut writer = Writer::new(&root, "8.0.021");
    let (mut good, mut invalid) = (vec![], 0_u32);
    for item in document.all("Item") {
        writer.open("item");
        match check(item, company, &period, switches, &good) {
            Ok(invoice) => good.push(invoice),
            Err((element, sentence)) => {
                invalid += 1;
                writer.open(&element.to_ascii_lowercase());
                writer.value("Value", item.text_of(element));
                writer.value("ErrorNumber", "180001");
                writer.value("ErrorDescription", &sentence);
                writer.close(&element.to_ascii_lowercase());
            }
        }
        writer.close("item");
    }
    let apply = !flags.validate_only && (invalid == 0 || !flags.entire_document);
    if apply && !good.is_empty() {
        match write(&good, company, today) {
            Ok(journal) if !switches.no_key_on_success => {
                writer.value("Journal", &format!("{journal:>10}"));
                writer.value("TrnYear", &today.format("%Y").to_string());
                writer.value("TrnMonth", &today.format("%m").to_string());
            }
            Ok(_) => {}
            Err(error) => return Answer::error(&root, &error.to_string()),
        }
    }
    writer.open("StatusOfItems");
    writer.value("ItemsProcessed", &format!("{:06}", if apply { good.len() } else { 0 }));
    writer.value("ItemsInvalid", &format!("{invalid:06}"));
    writer.close("StatusOfItems");
    Answer::Xml(writer.finish())
}

fn check<'e>(
    item: &Node,
    company: &Company,
    period: &str,
    switches: &EnetSwitches,
    before: &[Invoice],
) -> Result<Invoice, (&'e str, String)> {
    let (supplier, number) = (item.text_of("Supplier").to_owned(), item.text_of("Invoice").to_owned());
    let failed = |error: EditError| ("Supplier", error.to_string());
    let suppliers = company.table("ApSupplier").map_err(failed)?;
    let Some(slot) = suppliers.find(&[supplier.as_str().into()]) else {
        return Err(("Supplier", format!("Supplier '{supplier}' not found")));
    };
    let of = |name: &str| suppliers.cell(slot, suppliers.schema.column(name).unwrap_or_default()).clone();
    if of("OnHold").text() == "Y" {
        return Err(("Supplier", format!("Supplier '{supplier}' is on hold")));
    }
    let taken = company.table("ApInvoice").map_err(failed)?.find(&[supplier.as_str().into(), number.as_str().into()]).is_some();
    if number.is_empty() || taken || before.iter().any(|other| other.supplier == supplier && other.number == number) {
        return Err(("Invoice", format!("Invoice '{number}' already on file for supplier '{supplier}'")));
    }
    if !matches!(period, "" | "C" | "P" | "B") || (!period.is_empty() && switches.closed_periods.contains(period)) {
        return Err(("InvoiceDate", "Posting period closed".into()));
    }
    let cents =
        |text: &str| parse_decimal(text.trim()).and_then(|value| i64::try_from((value * Decimal::ONE_HUNDRED).trunc().mantissa()).ok());
    let value = cents(item.text_of("TransactionValue")).ok_or(("TransactionValue", "TransactionValue is not valid".to_owned()))?;
    let accounts = company.table("GenMaster").map_err(failed)?;
    let code_at = accounts.schema.column("GlCode").unwrap_or_default();
    let mut lines = vec![];
    for line in item.all("LedgerDistribution") {
        let code = line.text_of("LedgerCode").to_owned();
        if !accounts.slots().any(|slot| accounts.cell(slot, code_at).text() == code) {
            return Err(("LedgerCode", format!("GL code '{code}' not found")));
        }
        lines.push((code, cents(line.text_of("LedgerValue")).ok_or(("LedgerValue", "LedgerValue is not valid".to_owned()))?));
    }
    if lines.iter().map(|(_, value)| value).sum::<i64>() != value {
        return Err(("TransactionValue", "The distribution does not add up to the transaction value".into()));
    }
    let date = super::values::read(item.text_of("InvoiceDate"), "InvoiceDate", crate::dataset::SqlType::DateTime);
    let date = date.map_err(|sentence| ("InvoiceDate", sentence))?;
    Ok(Invoice { supplier, number, value, currency: of("Currency"), date, lines })
}

fn write(invoices: &[Invoice], company: &mut Company, today: chrono::NaiveDate) -> Result<i64, EditError> {
    use chrono::Datelike;
    let (year, month) = (i64::from(today.year()), i64::from(today.month()));
    let journal = 800_001 + i64::try_from(company.table("ApInvoice")?.len()).unwrap_or(0);
    for (entry, invoice) in (1_i64..).zip(invoices) {
        let key = |more: Vec<(&'static str, Cell)>| {
            let mut row: Vec<(&str, Cell)> =
                vec![("TrnYear", year.into()), ("TrnMonth", month.into()), ("Journal", journal.into()), ("EntryNumber", entry.into())];
            row.extend(more);
            row
        };
        let (supplier, number) = (Cell::from(&invoice.supplier), Cell::from(&invoice.number));
        let row = vec![
            ("Supplier", supplier.clone()),
            ("Invoice", number.clone()),
            ("InvoiceDate", invoice.date.clone()),
            ("JournalDate", today.into()),
            ("Journal", journal.into()),
            ("InvoiceYear", year.into()),
            ("InvoiceMonth", month.into()),
            ("OrigInvValue", invoice.value.into()),
            ("CurrencyValue", invoice.value.into()),
            ("MthInvBal1", invoice.value.into()),
            ("Currency", invoice.currency.clone()),
        ];
        company.add("ApInvoice", row)?;
        let summary = vec![("Supplier", supplier), ("Invoice", number), ("TransactionCode", "I".into()), ("TrnDate", today.into())];
        company.add("ApJnlSummary", key(summary))?;
        for (sub, (code, value)) in (1_i64..).zip(&invoice.lines) {
            let line = vec![("SubEntry", sub.into()), ("ExpenseGlCode", code.into()), ("DistrValue", (*value).into())];
            company.add("ApJnlDistrib", key(line))?;
        }
    }
    Ok(journal)
}
