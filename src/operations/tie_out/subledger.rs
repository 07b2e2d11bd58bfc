//! SYSPRO's AP sub-ledger against its control accounts in the general ledger: by company, account and AP month, in the company's own
//! currency. For information: nothing else of a tie-out depends on it, and what cannot be read is not compared.
//!
//! `books` reads SYSPRO's tables and adds them up; this file compares the sums.

mod books;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use self::books::{Account, Books, Read};
use crate::definition::Definitions;
use crate::domain::CompanyId;
use crate::domain::calendar::Calendar;
use crate::domain::currency::minor_units;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::subledger::{Entries, SubledgerEntryKind, SubledgerVerdict, verdict};
use crate::domain::tie_out::Scope;
use crate::operations::Refused;
use crate::operations::calendar::CompanyCalendar;
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::store::{NewSubledgerEntry, TieOutSubledger};

/// AP months that SYSPRO keeps open: the current one and the two before.
const MONTHS: usize = 3;

/// The AP months, the current one first, each with its period in the general ledger.
#[derive(Debug, Clone)]
struct Months(Vec<(FiscalPeriod, FiscalPeriod)>);

impl Months {
    /// From the current one on backwards.
    fn before(current: FiscalPeriod, calendar: &Calendar, ahead: i32) -> Option<Self> {
        let mut months = vec![(current, calendar.shifted(current, ahead)?)];
        while months.len() < MONTHS {
            let (month, _) = *months.last()?;
            let month = calendar.before(month)?;
            months.push((month, calendar.shifted(month, ahead)?));
        }
        Some(Self(months))
    }
}

/// Whether a tie-out of this scope compares sub-ledgers. They are about all of accounts payable, and not about single entities.
pub(super) fn is_compared(process: &Process, asked: &Scope) -> bool {
    process.settings.subledger.compare && asked.entities.is_empty()
}

/// Compares the sub-ledger of a company, and stores what it finds.
///
/// # Errors
/// An error of the ledger.
pub(super) async fn compare(
    process: &Process,
    link: &Result<SysproLink, String>,
    (id, asked): (TieOutId, &Scope),
    definitions: &Definitions,
    company: &CompanyId,
    calendar: &Result<CompanyCalendar, String>,
) -> Result<(), Refused> {
    let read = match (link, calendar) {
        (Ok(link), Ok(calendar)) => read(process, link, definitions, company, calendar).await,
        (Err(why), _) => Err(why.clone()),
        (_, Err(why)) => Err(format!("SYSPRO's fiscal periods could not be read: {why}")),
    };
    let (lines, entries) = match read {
        Ok((mut read, months)) => {
            let mut entries = std::mem::take(&mut read.entries);
            entries.iter_mut().for_each(|entry| entry.amount = with_decimals(entry.amount, &read.currency));
            let all = lines(company, &read, &months);
            match asked.period {
                None => (all, entries),
                Some(only) => of_period(process, company, all, entries, (&months, only)),
            }
        }
        Err(why) => (vec![TieOutSubledger::not_compared(company.as_str(), why)], Vec::new()),
    };
    process.store.tie_out_subledger_keep(id, company.as_str().to_owned(), lines, entries).await?;
    Ok(())
}

async fn read(
    process: &Process,
    link: &SysproLink,
    definitions: &Definitions,
    company: &CompanyId,
    calendar: &CompanyCalendar,
) -> Result<(Read, Months), String> {
    let currency = definitions.code_lists.own_currency(company)?.into_owned();
    let books = Books {
        link,
        company,
        process,
        code_lists: &definitions.code_lists,
        currency,
        calendar: &calendar.calendar,
        ledger: &calendar.ledger,
    };
    let current = books.current_month().await?;
    let months = Months::before(current, &calendar.calendar, process.settings.subledger.periods_ahead)
        .ok_or_else(|| format!("the AP months before {current} are not known"))?;
    Ok((books.read(&months.0).await?, months))
}

/// Only what belongs to a period of the general ledger: the AP month that is mapped to it, and the entries that its line counts.
///
/// The months of accounts payable and the periods of the general ledger are two settings of SYSPRO. Where the settings name no table with the
/// AP month itself, the lines say so.
fn of_period(
    process: &Process,
    company: &CompanyId,
    mut lines: Vec<TieOutSubledger>,
    mut entries: Vec<NewSubledgerEntry>,
    (months, only): (&Months, FiscalPeriod),
) -> (Vec<TieOutSubledger>, Vec<NewSubledgerEntry>) {
    if !months.0.iter().any(|(_, period)| *period == only) {
        let of = |pick: fn(&(FiscalPeriod, FiscalPeriod)) -> FiscalPeriod| {
            months.0.iter().map(|month| pick(month).to_string()).collect::<Vec<_>>().join(", ")
        };
        let why = format!(
            "SYSPRO keeps the balances of the AP months {}, which are the periods {} of the general ledger, and {only} is none of them",
            of(|month| month.0),
            of(|month| month.1)
        );
        return (vec![TieOutSubledger::not_compared(company.as_str(), why)], Vec::new());
    }
    lines.retain(|line| line.period.is_none_or(|period| period == only.number()));
    // a journal that is still to come has its AP month
    let period_of = |entry: &NewSubledgerEntry| match entry.kind {
        SubledgerEntryKind::NotIntegrated => months.0.iter().find(|(month, _)| *month == entry.period).map_or(entry.period, |of| of.1),
        SubledgerEntryKind::Unposted | SubledgerEntryKind::Foreign => entry.period,
    };
    // what is older stands in the numbers of the line, too
    entries.retain(|entry| period_of(entry) <= only);
    let (settings, calendar) = (&process.settings.subledger, &process.settings.calendar);
    if settings.month_table == calendar.table {
        for line in lines.iter_mut().filter(|line| line.month.is_some()) {
            let assumed = format!(
                "the AP month {} is assumed to be this period: `subledger.month_table` is `{}`, the table of the general ledger, and \
                 SYSPRO's own AP month was not read",
                line.month_text(),
                settings.month_table
            );
            line.why = Some(line.why.take().map_or_else(|| assumed.clone(), |why| format!("{why}; {assumed}")));
        }
    }
    (lines, entries)
}

/// The lines of a company: one for each account and month.
fn lines(company: &CompanyId, read: &Read, months: &Months) -> Vec<TieOutSubledger> {
    let mut lines = Vec::new();
    for (name, account) in &read.accounts {
        for at in 0..months.0.len() {
            lines.push(line(company, (name, account), read, (months, at)));
        }
    }
    if !read.unassigned.is_empty() {
        let named: Vec<String> = read.unassigned.iter().map(|branch| format!("`{branch}`")).collect();
        let why = format!("AP branches without a control account: {}", named.join(", "));
        lines.push(TieOutSubledger {
            branches: read.unassigned.iter().cloned().collect(),
            ..TieOutSubledger::not_compared(company.as_str(), why)
        });
    }
    if lines.is_empty() {
        lines.push(TieOutSubledger::not_compared(company.as_str(), "SYSPRO has no AP branch".to_owned()));
    }
    lines
}

fn line(company: &CompanyId, (name, account): (&str, &Account), read: &Read, (months, at): (&Months, usize)) -> TieOutSubledger {
    let (month, period) = months.0[at];
    // what is older stands in the balance, too
    let up_to = |of: &dyn Fn(usize) -> Entries| (at..months.0.len()).map(of).fold(Entries::default(), Entries::and);
    let foreign = up_to(&|at| account.foreign[at]);
    let not_integrated = up_to(&|at| account.not_integrated[at]);
    let unposted =
        account.unposted.iter().filter(|(of, _)| **of <= period).map(|(_, entries)| *entries).fold(Entries::default(), Entries::and);
    let other_currencies: Vec<String> = others(&account.others, at);
    let (subledger, control) = (account.balances[at], account.control[at]);
    let mut why: Vec<String> = account.unreadable[at].why().into_iter().collect();
    let unreadable = account.unreadable_unposted.iter().filter(|(of, _)| **of <= period);
    why.extend(unreadable.filter_map(|(_, values)| values.why()));
    let current = months.0.first().map(|(month, _)| *month);
    if let Some(latest) = read.latest.filter(|latest| current.is_some_and(|current| *latest > current)) {
        why.push(format!(
            "there are invoices of the AP month {latest}, which is later than the current one that `subledger.month_table` names, so that \
             the balances belong to other months"
        ));
    }
    let verdict = match control {
        // a sum without them would be a wrong one
        _ if !why.is_empty() => SubledgerVerdict::NotCompared,
        None => {
            why.push(read.no_history.clone().unwrap_or_else(|| format!("the general ledger has no balance of the account for {period}")));
            SubledgerVerdict::NotCompared
        }
        Some(_) if !other_currencies.is_empty() => {
            why.push(
                "invoices in other currencies stand on the account, and the sub-ledger does not say what they are in the books".to_owned(),
            );
            SubledgerVerdict::NotCompared
        }
        Some(control) => verdict(subledger, control, unposted, not_integrated, foreign),
    };
    if at + 1 == months.0.len() {
        why.push(format!("the movement of the AP month {month} is not known, because SYSPRO keeps no balance of the month before it"));
    }
    if account.in_summary {
        why.push("the general ledger names no AP journal, so that it is not known which are still to come".to_owned());
    }
    let readable = |at: usize| account.unreadable.get(at).is_none_or(|values| values.why().is_none());
    let money = |amount: Decimal| with_decimals(amount, &read.currency);
    TieOutSubledger {
        company: company.as_str().to_owned(),
        account: name.to_owned(),
        months_back: i32::try_from(at).unwrap_or(i32::MAX),
        branches: account.branches.iter().cloned().collect(),
        month: Some(month.number()),
        period: Some(period.number()),
        currency: read.currency.clone(),
        // a part of the invoices makes no balance
        subledger_balance: readable(at).then(|| money(subledger)),
        control_balance: control.map(money),
        // the balance before the oldest month is not known
        subledger_movement: account
            .balances
            .get(at + 1)
            .filter(|_| readable(at) && readable(at + 1))
            .map(|before| money(subledger - before)),
        control_movement: readable(at).then(|| money(account.control_movements[at])),
        unposted_entries: unposted.count,
        unposted_amount: money(unposted.amount),
        not_integrated_entries: not_integrated.count,
        not_integrated_amount: money(not_integrated.amount),
        foreign_entries: foreign.count,
        foreign_amount: money(foreign.amount),
        other_currencies,
        verdict,
        why: (!why.is_empty()).then(|| why.join("; ")),
    }
}

/// The balances in other currencies, each by itself. Invoices that cancel each other are a balance of zero, and not none.
fn others(others: &BTreeMap<String, [Entries; MONTHS]>, at: usize) -> Vec<String> {
    let some = others.iter().filter(|(_, balances)| balances[at].count > 0);
    some.map(|(currency, balances)| format!("{currency} {}", with_decimals(balances[at].amount, currency))).collect()
}

/// An amount with at least the decimals of its currency. SYSPRO's numbers come without trailing zeros.
fn with_decimals(mut amount: Decimal, currency: &str) -> Decimal {
    let places = minor_units(currency).unwrap_or(2);
    if amount.scale() < places {
        amount.rescale(places);
    }
    amount
}
