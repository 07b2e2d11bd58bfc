//! SYSPRO's AP sub-ledger against its control accounts, as rows of a workbook and of a document.

use rust_decimal::Decimal;

use super::amount;
use crate::domain::money::amount_in;
use crate::report::{Cell, Column};
use crate::store::TieOutSubledger;

pub(super) const COLUMNS: [Column; 20] = [
    Column::text("Company", 10),
    Column::text("Control account", 16),
    Column::text("AP branches", 14),
    Column::text("AP month", 10),
    Column::text("GL period", 10),
    Column::text("Currency", 9),
    Column::number("Sub-ledger balance", 18),
    Column::number("Account balance", 18),
    Column::number("Difference", 16),
    Column::number("Sub-ledger movement", 18),
    Column::number("Account movement", 18),
    Column::number("Not posted: entries", 10),
    Column::number("Not posted", 16),
    Column::number("Not integrated: entries", 10),
    Column::number("Not integrated", 16),
    Column::number("Foreign: entries", 10),
    Column::number("Foreign", 16),
    Column::text("In other currencies", 24),
    Column::text("Result", 16),
    Column::text("Why, next step", 60),
];

pub(super) fn cells(one: &TieOutSubledger) -> [Cell; 20] {
    let sum = |of: Option<Decimal>| amount(of, &one.currency);
    [
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
        one.verdict.text().into(),
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
