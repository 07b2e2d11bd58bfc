//! SYSPRO's AP sub-ledger against its control accounts, as `tieline tie-out` shows it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::money::amount_in;
use crate::domain::subledger::{SubledgerEntryKind, SubledgerVerdict};
use crate::operations::tie_out::{self, TieOutReport};
use crate::process::Process;
use crate::store::{SubledgerEntry, TieOutSubledger};

/// Entries read at once; the JSON of a tie-out has no more of them.
const STEP: i64 = 1000;

/// `tieline tie-out subledger`
pub(super) async fn run(global: &Global, process: &Process, report: &TieOutReport) -> Result<Exit, Failure> {
    if global.output == OutputForm::Json {
        output::json(&members(process, report).await?)?;
        return Ok(Exit::Done);
    }
    if report.subledger.is_empty() {
        output::line("This tie-out did not compare sub-ledgers: it was of some entities alone, or `subledger.compare` is off.")?;
        return Ok(Exit::Done);
    }
    print(report)?;
    let mut after = 0;
    loop {
        let entries = tie_out::subledger_entries(process, report.run.id, after, STEP).await?;
        let Some(last) = entries.last() else { return Ok(Exit::Done) };
        after = last.id;
        let headers = ["company", "account", "period", "journal", "source", "reference", "amount", "what"];
        output::line("\nEntries behind it:")?;
        output::line(&output::table(&headers, &[6], entries.iter().map(entry)))?;
    }
}

/// Prints the comparison.
pub(super) fn print(report: &TieOutReport) -> Result<(), Failure> {
    if report.subledger.is_empty() {
        return Ok(());
    }
    output::line("\nSYSPRO's AP sub-ledger against its control accounts, for information:")?;
    let headers = [
        "company",
        "account",
        "AP month",
        "GL period",
        "in",
        "sub-ledger",
        "account has",
        "difference",
        "not posted",
        "to come",
        "foreign",
        "result",
    ];
    output::line(&output::table(&headers, &[5, 6, 7, 8, 9, 10], report.subledger.iter().map(line)))?;
    for one in &report.subledger {
        let of = format!("{} {} {}", one.company, one.account, one.month_text());
        if !one.other_currencies.is_empty() {
            output::line(&format!("{of}: in other currencies: {}.", one.other_currencies.join(", ")))?;
        }
        if let Some(why) = &one.why {
            output::line(&format!(
                "{of}{} {why}.",
                if one.verdict == SubledgerVerdict::NotCompared { ": not compared, because" } else { ":" }
            ))?;
        }
        if let Some(step) = one.verdict.next_step() {
            output::line(&format!("{of}: next step: {step}"))?;
        }
    }
    Ok(())
}

fn line(one: &TieOutSubledger) -> Vec<String> {
    let amount = |amount: Option<Decimal>| amount.map(|amount| amount_in(amount, &one.currency)).unwrap_or_default();
    let entries =
        |count: i64, sum: Decimal| if count == 0 { String::new() } else { format!("{} ({count})", amount_in(sum, &one.currency)) };
    vec![
        one.company.clone(),
        one.account.clone(),
        one.month_text(),
        one.period_text(),
        one.currency.clone(),
        amount(one.subledger_balance),
        amount(one.control_balance),
        amount(one.difference()),
        entries(one.unposted_entries, one.unposted_amount),
        entries(one.not_integrated_entries, one.not_integrated_amount),
        entries(one.foreign_entries, one.foreign_amount),
        one.verdict.text().to_owned(),
    ]
}

fn entry(one: &SubledgerEntry) -> Vec<String> {
    vec![
        one.company.clone(),
        one.account.clone(),
        FiscalPeriod::from_number(one.period).to_string(),
        one.journal.clone(),
        one.source.clone(),
        one.reference.clone(),
        one.amount.to_string(),
        one.kind.text().to_owned(),
    ]
}

/// The comparison as members of a JSON list, each with the first entries behind it.
pub(super) async fn members(process: &Process, report: &TieOutReport) -> Result<Vec<Value>, Failure> {
    let any = report.subledger.iter().any(|one| one.unposted_entries + one.not_integrated_entries + one.foreign_entries > 0);
    let entries = if any { tie_out::subledger_entries(process, report.run.id, 0, STEP).await? } else { Vec::new() };
    Ok(report.subledger.iter().map(|one| value(one, &entries)).collect())
}

fn value(one: &TieOutSubledger, entries: &[SubledgerEntry]) -> Value {
    let sum = |sum: Option<Decimal>| sum.map(|sum| sum.to_string());
    let count = |count: i64, amount: Decimal| json!({ "count": count, "sum": amount.to_string() });
    // an entry stands with the line of its own month or period
    let own = entries.iter().filter(|entry| {
        let place = if entry.kind == SubledgerEntryKind::NotIntegrated { one.month } else { one.period };
        (&entry.company, &entry.account) == (&one.company, &one.account) && place == Some(entry.period)
    });
    json!({
        "company": one.company,
        "account": one.account,
        "branches": one.branches,
        "months_back": one.months_back,
        "month": one.month.map(FiscalPeriod::from_number),
        "period": one.period.map(FiscalPeriod::from_number),
        "currency": one.currency,
        "subledger": { "balance": sum(one.subledger_balance), "movement": sum(one.subledger_movement) },
        "control": { "balance": sum(one.control_balance), "movement": sum(one.control_movement) },
        "difference": sum(one.difference()),
        "unposted": count(one.unposted_entries, one.unposted_amount),
        "not_integrated": count(one.not_integrated_entries, one.not_integrated_amount),
        "foreign": count(one.foreign_entries, one.foreign_amount),
        "other_currencies": one.other_currencies,
        "state": one.verdict,
        "why": one.why,
        "next_step": one.verdict.next_step().map(|step| step.to_string()),
        "entries": own.collect::<Vec<_>>(),
    })
}
