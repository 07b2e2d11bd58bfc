//! SYSPRO's AP sub-ledger against its control accounts, as rows of a workbook and of a document.

use rust_decimal::Decimal;

use super::tables::amount;
use crate::domain::money::amount_in;
use crate::operations::export::Row;
use crate::report::{Cell, Column, Field};
use crate::store::TieOutSubledger;

pub(super) const FIELDS: [Field; 20] = [
    Field::text("company", "Company", 10),
    Field::text("account", "Control account", 16),
    Field::text("branches", "AP branches", 14),
    Field::text("month", "AP month", 10),
    Field::text("period", "GL period", 10),
    Field::text("currency", "Currency", 9),
    Field::amount("subledger_balance", "Sub-ledger balance", 18),
    Field::amount("control_balance", "Account balance", 18),
    Field::amount("difference", "Difference", 16),
    Field::amount("subledger_movement", "Sub-ledger movement", 18),
    Field::amount("control_movement", "Account movement", 18),
    Field::number("unposted_entries", "Not posted: entries", 10),
    Field::amount("unposted_amount", "Not posted", 16),
    Field::number("not_integrated_entries", "Not integrated: entries", 10),
    Field::amount("not_integrated_amount", "Not integrated", 16),
    Field::number("foreign_entries", "Foreign: entries", 10),
    Field::amount("foreign_amount", "Foreign", 16),
    Field::text("other_currencies", "In other currencies", 24),
    Field::text("result", "Result", 16),
    Field::text("why", "Why, next step", 60),
];

pub(super) fn cells(one: &TieOutSubledger) -> Row {
    let sum = |of: Option<Decimal>| amount(of, &one.currency);
    vec![
        one.company.as_str().into(),
        one.account.as_str().into(),
        one.branches.join(", ").into(),
        one.month_text().into(),
        one.period_text().into(),
        one.currency.as_str().into(),
        sum(one.subledger_balance),
        sum(one.control_balance),
        sum(one.difference()),
        sum(one.subledger_movement),
        sum(one.control_movement),
        one.unposted_entries.into(),
        sum(Some(one.unposted_amount)),
        one.not_integrated_entries.into(),
        sum(Some(one.not_integrated_amount)),
        one.foreign_entries.into(),
        sum(Some(one.foreign_amount)),
        one.other_currencies.join(", ").into(),
        Cell::word(one.verdict.as_str(), one.verdict.text()),
        said(one).into(),
    ]
}

pub(super) fn paper_columns() -> Vec<Column> {
    vec![
        Column::text("Company, account", 16),
        Column::text("AP month", 9),
        Column::number("Sub-ledger", 18),
        Column::number("Account", 18),
        Column::number("Difference", 14),
        Column::number("Not posted, to come", 14),
        Column::number("Foreign", 14),
        Column::text("Result", 30),
    ]
}

pub(super) fn paper_cells(one: &TieOutSubledger) -> Vec<String> {
    let sum = |of: Option<Decimal>| of.map(|of| amount_in(of, &one.currency)).unwrap_or_default();
    let others = if one.other_currencies.is_empty() { String::new() } else { format!("\napart: {}", one.other_currencies.join(", ")) };
    vec![
        format!("{} {}", one.company, one.account),
        one.month_text(),
        format!("{} {}{others}", sum(one.subledger_balance), one.currency),
        sum(one.control_balance),
        sum(one.difference()),
        sum(Some(one.unposted_amount + one.not_integrated_amount)),
        sum(Some(one.foreign_amount)),
        format!("{}\n{}", one.verdict.text(), said(one)),
    ]
}

/// Why it is not compared, or what to do.
fn said(one: &TieOutSubledger) -> String {
    let step = one.verdict.next_step().map(|step| step.to_string());
    one.why.clone().into_iter().chain(step).collect::<Vec<_>>().join("; ")
}
