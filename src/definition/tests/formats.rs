//! The display of columns: dates, amounts with their currency, numbers, and unchanged values.

use super::site::site;
use super::*;
use crate::domain::format::Formats;
use crate::domain::history::Flat;

/// The displayed value of a column, with its currency.
fn shown(formats: &Formats, field: &str, value: &str, others: &[(&str, &str)]) -> String {
    let all: Flat = others.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let shown = formats.show(field, value, &all);
    format!("{}{}{}", shown.text, if shown.currency.is_empty() { "" } else { " " }, shown.currency)
        + if shown.date { " (date)" } else { "" }
}

#[test]
fn amounts_have_the_currency_of_their_record_their_row_or_the_company() {
    let definitions = shipped("apo");
    let invoice = plan(&definitions, "invoice").formats(Some("ZAR"));
    assert_eq!(shown(&invoice, "OrigInvValue", "1500000", &[("Currency", "JPY")]), "1,500,000 JPY");
    assert_eq!(shown(&invoice, "MthInvBal1", "12.5", &[("Currency", "KWD")]), "12.500 KWD");
    assert_eq!(shown(&invoice, "lines[1].DistrValue", "1000", &[("Currency", "USD")]), "1,000.00 ZAR", "in company currency");
    assert_eq!(shown(&invoice, "InvoiceDate", "2026-01-31", &[]), "2026-01-31 (date)");
    assert_eq!(shown(&invoice, "Invoice", "2026-01-31", &[]), "2026-01-31", "a text is no date");
    assert_eq!(shown(&invoice, "Supplier", "0001000", &[]), "0001000", "a code is no number");
    let nobody_said = plan(&definitions, "invoice").formats(None);
    assert_eq!(shown(&nobody_said, "lines[1].DistrValue", "1000", &[("Currency", "USD")]), "1,000.00");

    let posting = plan(&definitions, "gl_posting").formats(Some("ZAR"));
    let row = [("lines[1].PostCurrency", "USD"), ("lines[2].PostCurrency", "EUR")];
    assert_eq!(shown(&posting, "lines[2].CurrencyValue", "2500", &row), "2,500.00 EUR", "of the row itself");
    assert_eq!(shown(&posting, "lines[2].EntryValue", "2500", &row), "2,500.00 ZAR");

    let order = plan(&definitions, "purchase_order").formats(Some("ZAR"));
    assert_eq!(shown(&order, "lines[1].MForeignPrice", "20", &[("Currency", "USD")]), "20.00 USD", "of the record, for each of its rows");
    assert_eq!(shown(&order, "lines[1].MPrice", "20", &[("Currency", "USD")]), "20.00 ZAR");
    // a number that is not an amount of money
    assert_eq!(shown(&order, "lines[1].MOrderQty", "5000", &[]), "5,000.00");
    assert_eq!(shown(&order, "lines[1].MStockDes", "5000", &[]), "5000");
    assert_eq!(shown(&order, "lines[1].MLatestDueDate", "2026-01-31", &[]), "2026-01-31 (date)");
}

#[test]
fn numbers_are_shown_as_their_fields_write_them_and_what_they_are_computed_into_does_not_count() {
    let entity = "[root]\ntable = \"AssetMaster\"\nkey = [\"Asset\"]\ncolumns = [\"Kind\", \"Value\", \"Rate\", \"Other\", \"Currency\"]\n\
                  [[child]]\nname = \"parts\"\ntable = \"AssetPart\"\nkey = [\"Asset\", \"Part\"]\ncolumns = [\"Cost\", \"Weight\"]\n";
    let profile = "[header]\ntable = \"x_asset\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_total = \"0\" }\n[header.fields]\n\
                   u_total = { sum = \"parts.Cost\", as = \"decimal(3)\" }\n\
                   u_rate = { from = \"Rate\", as = \"decimal(4)\", times = \"Value\" }\n\
                   u_value = { first = [{ if = { Kind = \"A\" }, from = \"Value\", as = \"amount\", currency = \"Currency\" }, { constant = \"0\" }] }\n\
                   [parts]\ntable = \"x_part\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\ngone = { u_weight = \"0\" }\n[parts.fields]\n\
                   u_weight = { from = \"Weight\", as = \"decimal(1)\" }\nu_other = { from = \"root.Other\", as = \"decimal(2)\" }\n";
    let site = site(&[("entities/asset.toml", entity), ("profiles/apo/asset.toml", profile)]);
    let definitions = load(Some(site.path()), "apo", &["asset".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let formats = plan(&definitions, "asset").formats(None);
    assert_eq!(shown(&formats, "parts[1].Cost", "1000", &[]), "1,000.000", "of a sum");
    assert_eq!(shown(&formats, "parts[1].Weight", "1000", &[]), "1,000.0");
    assert_eq!(shown(&formats, "Other", "1000", &[]), "1,000.00", "of the record, in a line");
    assert_eq!(shown(&formats, "Value", "1000", &[("Currency", "JPY")]), "1,000 JPY", "of one of several cases");
    assert_eq!(shown(&formats, "Rate", "1000", &[]), "1000", "the unit of the product is not that of its column");
}

#[test]
fn a_written_amount_names_the_place_of_its_currency() {
    let definitions = shipped("apo");
    let written = |entity: &str, block: &str| plan(&definitions, entity).written_amounts(block);
    let (invoice, lines) = (written("invoice", "header"), written("invoice", "lines"));
    assert_eq!(invoice.get("u_amount_invoiced"), Some(&WrittenCurrency::Field("u_currency".into())));
    assert_eq!(invoice.get("u_line_total"), Some(&WrittenCurrency::Own));
    assert_eq!(lines.get("u_line_amount_invoiced"), Some(&WrittenCurrency::Own));
    assert_eq!((invoice.get("u_invoice_line_count"), lines.get("u_line_number")), (None, None), "a count and a number");
    assert!(written("invoice", "nowhere").is_empty());
}
