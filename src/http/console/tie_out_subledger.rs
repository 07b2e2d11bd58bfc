//! SYSPRO's AP sub-ledger against its control accounts: a section of the page of a tie-out.

use rust_decimal::Decimal;

use super::view::{CodeText, grouped};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::money::amount_in;
use crate::domain::subledger::SubledgerVerdict;
use crate::store::{SubledgerEntry, TieOutSubledger};

/// The most entries on the page.
pub(super) const ENTRIES: i64 = 50;

/// One account and month.
pub(super) struct SubledgerView {
    pub(super) company: String,
    pub(super) account: String,
    pub(super) branches: String,
    pub(super) month: String,
    /// The period of the general ledger, if it has another number.
    pub(super) period: Option<String>,
    pub(super) currency: String,
    pub(super) subledger: String,
    pub(super) control: String,
    pub(super) difference: String,
    pub(super) differs: bool,
    /// The movements of both sides.
    pub(super) movement: Option<String>,
    pub(super) control_movement: Option<String>,
    /// What is known to be between both sides: what it is, how many, and the amount.
    pub(super) between: Vec<(&'static str, String, String)>,
    pub(super) others: String,
    pub(super) verdict: &'static str,
    pub(super) tone: &'static str,
    pub(super) why: Option<CodeText>,
    pub(super) next_step: Option<CodeText>,
}

impl From<&TieOutSubledger> for SubledgerView {
    fn from(one: &TieOutSubledger) -> Self {
        let amount = |amount: Decimal| amount_in(amount, &one.currency);
        let shown = |of: Option<Decimal>| of.map(amount).unwrap_or_else(|| "–".to_owned());
        let between = [
            ("not posted", one.unposted_entries, one.unposted_amount),
            ("not integrated", one.not_integrated_entries, one.not_integrated_amount),
            ("foreign", one.foreign_entries, one.foreign_amount),
        ];
        Self {
            company: one.company.clone(),
            account: one.account.clone(),
            branches: one.branches.join(", "),
            month: one.month_text(),
            period: Some(one.period_text()).filter(|_| one.period != one.month),
            currency: one.currency.clone(),
            subledger: shown(one.subledger_balance),
            control: shown(one.control_balance),
            difference: shown(one.difference()),
            differs: one.difference().is_some_and(|difference| !difference.is_zero()),
            movement: one.subledger_movement.map(amount),
            control_movement: one.control_movement.map(amount),
            between: between
                .into_iter()
                .filter(|(_, count, _)| *count > 0)
                .map(|(what, count, sum)| (what, grouped(count), amount(sum)))
                .collect(),
            others: one.other_currencies.join(", "),
            verdict: one.verdict.text(),
            tone: match one.verdict {
                SubledgerVerdict::Agrees => "good",
                SubledgerVerdict::Timing => "busy",
                SubledgerVerdict::Foreign | SubledgerVerdict::NotCompared => "warn",
                SubledgerVerdict::Differs => "bad",
            },
            why: one.why.clone().map(CodeText),
            next_step: one.verdict.next_step().map(|step| CodeText(step.to_string())),
        }
    }
}

/// A posting or journal behind it.
pub(super) struct EntryView {
    pub(super) account: String,
    pub(super) period: String,
    pub(super) journal: String,
    pub(super) source: String,
    pub(super) reference: String,
    pub(super) amount: String,
    pub(super) what: &'static str,
}

impl From<SubledgerEntry> for EntryView {
    fn from(entry: SubledgerEntry) -> Self {
        Self {
            account: format!("{} {}", entry.company, entry.account),
            period: FiscalPeriod::from_number(entry.period).to_string(),
            journal: entry.journal,
            source: entry.source,
            reference: entry.reference,
            amount: entry.amount.to_string(),
            what: entry.kind.text(),
        }
    }
}
