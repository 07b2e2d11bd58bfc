//! The tables of a tie-out: their columns, and the cells of their rows. Pure.

use rust_decimal::Decimal;

use crate::domain::DocumentKey;
use crate::domain::currency::minor_units;
use crate::domain::fiscal::{FiscalPeriod, period_text};
use crate::domain::tie_out::Cause;
use crate::operations::export::Row;
use crate::report::{Cell, Field};
use crate::store::{SubledgerEntry, TieOutBucket, TieOutControl, TieOutGroup, TieOutItem};

/// The sums.
pub(super) const SUMS: [Field; 18] = [
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14).by(),
    Field::text("block", "Block", 10).by(),
    Field::text("period", "Period", 10),
    Field::text("currency", "Currency", 9).by(),
    Field::number("syspro_records", "SYSPRO records", 10).added(),
    Field::amount("syspro_amount", "SYSPRO amount", 18).added(),
    Field::number("gone_records", "Gone records", 10).added(),
    Field::amount("gone_amount", "Gone amount", 16).added(),
    Field::number("servicenow_records", "ServiceNow records", 11).added(),
    Field::amount("servicenow_amount", "ServiceNow amount", 18).added(),
    Field::amount("difference", "Difference", 16).added(),
    Field::number("ledger_records", "Delivered records, by the ledger", 12),
    Field::amount("ledger_amount", "Delivered amount, by the ledger", 18),
    Field::number("open", "Open differences", 11),
    Field::number("timing", "Differences that will end", 11),
    Field::amount("explained", "Amount of the named differences", 16),
    Field::text("result", "Result", 11),
];

/// The differences.
pub(super) const DIFFERENCES: [Field; 22] = [
    Field::number("id", "Number", 9),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("block", "Block", 10),
    Field::text("key", "Record", 24),
    Field::text("line", "Line", 12),
    Field::text("period", "Period", 10),
    Field::text("currency", "Currency", 9),
    Field::amount("amount", "Effect on the difference", 16),
    Field::text("kind", "Kind", 20),
    Field::text("field", "Field", 20),
    Field::text("syspro", "SYSPRO", 24),
    Field::text("servicenow", "ServiceNow", 24),
    Field::text("table", "Table in ServiceNow", 24),
    Field::text("sys_id", "Row in ServiceNow", 34),
    Field::text("updated_by", "Changed last by", 18),
    Field::text("updated_at", "Changed last at (UTC)", 20),
    Field::text("cause", "Cause", 26),
    Field::text("open", "Open", 7),
    Field::text("next_step", "Next step", 50),
    Field::text("message", "Message", 40),
    Field::instant("first_seen_at", "First seen (UTC)"),
];

/// The sums by supplier, account or document type.
pub(super) const GROUPS: [Field; 14] = [
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14).by(),
    Field::text("block", "Block", 10).by(),
    Field::text("period", "Period", 10),
    Field::text("currency", "Currency", 9).by(),
    Field::text("by", "By", 12),
    Field::text("value", "Value", 20),
    Field::number("syspro_records", "SYSPRO records", 10).added(),
    Field::amount("syspro_amount", "SYSPRO amount", 18).added(),
    Field::number("gone_records", "Gone records", 10).added(),
    Field::amount("gone_amount", "Gone amount", 16).added(),
    Field::number("servicenow_records", "ServiceNow records", 11).added(),
    Field::amount("servicenow_amount", "ServiceNow amount", 18).added(),
    Field::amount("difference", "Difference", 16).added(),
];

/// What was not compared.
pub(super) const NOT_COMPARED: [Field; 4] = [
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("block", "Block", 10),
    Field::text("why", "Why, or what was not compared", 110),
];

/// The controls of SYSPRO's documents.
pub(super) const CONTROLS: [Field; 7] = [
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("control", "Control", 60),
    Field::number("checked", "Documents checked", 12),
    Field::number("violated", "Violated", 10),
    Field::number("not_possible", "Not possible", 10),
    Field::text("why_not_checked", "Why not checked", 40),
];

/// The entries behind the sub-ledger and its control accounts. Their sums are in the sub-ledger.
pub(super) const ENTRIES: [Field; 9] = [
    Field::number("id", "Number", 9),
    Field::text("company", "Company", 10),
    Field::text("account", "Control account", 16),
    Field::text("kind", "Kind", 16),
    Field::text("period", "Period", 10),
    Field::text("journal", "Journal", 14),
    Field::text("source", "Source", 20),
    Field::text("reference", "Reference", 30),
    Field::amount("amount", "Amount", 18),
];

/// The decimals of a currency; two if ISO 4217 does not list it.
fn decimals(currency: &str) -> u32 {
    minor_units(currency).unwrap_or(2)
}

pub(super) fn amount(amount: Option<Decimal>, currency: &str) -> Cell {
    match amount {
        Some(amount) if !currency.is_empty() => Cell::Amount(amount, decimals(currency)),
        _ => Cell::Empty,
    }
}

/// A key; an empty one is no key.
fn key(key: &str) -> Cell {
    if key.is_empty() { Cell::Empty } else { Cell::word(key, DocumentKey::shown(key)) }
}

pub(super) fn sum(bucket: &TieOutBucket) -> Row {
    let amount = |of: Option<Decimal>| amount(of, &bucket.currency);
    vec![
        bucket.company.as_str().into(),
        bucket.entity.as_str().into(),
        bucket.block.as_str().into(),
        period_text(bucket.year, bucket.period).into(),
        bucket.currency.as_str().into(),
        bucket.syspro_records.into(),
        amount(bucket.syspro_amount),
        bucket.gone_records.into(),
        amount(bucket.gone_amount),
        bucket.servicenow_records.into(),
        amount(bucket.servicenow_amount),
        amount(Some(bucket.difference())),
        bucket.ledger_records.into(),
        amount(bucket.ledger_amount),
        bucket.open_items.into(),
        bucket.timing_items.into(),
        amount(bucket.explained),
        bucket.verdict.as_str().into(),
    ]
}

pub(super) fn difference(item: &TieOutItem) -> Row {
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    vec![
        item.id.0.into(),
        item.company.as_str().into(),
        item.entity.as_str().into(),
        item.block.as_str().into(),
        key(&item.document_key),
        key(&item.record_key),
        period_text(item.year, item.period).into(),
        item.currency.as_str().into(),
        amount(item.amount, &item.currency),
        Cell::word(item.kind.as_str(), item.kind.text()),
        item.field.clone().into(),
        item.syspro_value.clone().into(),
        item.servicenow_value.clone().into(),
        item.target_table.clone().into(),
        item.sys_id.clone().into(),
        item.updated_by.clone().into(),
        item.updated_at.clone().into(),
        Cell::word(cause.as_str(), cause.text()),
        Cell::yes_or_no(item.open),
        cause.next_step().to_string().into(),
        item.message.clone().into(),
        item.first_seen_at.into(),
    ]
}

pub(super) fn group(group: &TieOutGroup) -> Row {
    let amount = |of: Option<Decimal>| amount(of, &group.currency);
    // without amounts the records are compared
    let difference = match group.currency.is_empty() {
        true => group.records_difference().into(),
        false => amount(Some(group.difference())),
    };
    vec![
        group.company.as_str().into(),
        group.entity.as_str().into(),
        group.block.as_str().into(),
        period_text(group.year, group.period).into(),
        group.currency.as_str().into(),
        Cell::word(group.grouped_by.as_str(), group.grouped_by.text()),
        group.value.as_str().into(),
        group.syspro_records.into(),
        amount(group.syspro_amount),
        group.gone_records.into(),
        amount(group.gone_amount),
        group.servicenow_records.into(),
        amount(group.servicenow_amount),
        difference,
    ]
}

pub(super) fn control(one: &TieOutControl) -> Row {
    vec![
        one.company.as_str().into(),
        one.entity.as_str().into(),
        one.name.as_str().into(),
        one.checked.into(),
        one.violated.into(),
        one.unchecked.into(),
        one.left_out.clone().into(),
    ]
}

pub(super) fn entry(entry: &SubledgerEntry) -> Row {
    vec![
        entry.id.into(),
        entry.company.as_str().into(),
        entry.account.as_str().into(),
        Cell::word(entry.kind.as_str(), entry.kind.text()),
        FiscalPeriod::from_number(entry.period).to_string().into(),
        entry.journal.as_str().into(),
        entry.source.as_str().into(),
        entry.reference.as_str().into(),
        Cell::Amount(entry.amount, 2),
    ]
}
