//! `[close]` and `[approvals]`: how periods are closed, and what needs a second person.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::check::Check;
use super::raw::{RawApprovals, RawClose};
use super::settings::{ApprovalSettings, CloseSettings};
use crate::domain::CompanyId;
use crate::domain::approval::ApprovalKind;
use crate::domain::currency::minor_units;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::money::parse_decimal;

impl Check<'_> {
    /// `companies`: those of `syspro.companies`; empty: they were reported.
    pub(super) fn close(&mut self, raw: &RawClose, companies: &[CompanyId]) -> CloseSettings {
        let hours: u64 = self.number("close.tie_out_hours", raw.tie_out_hours, 1, 8784);
        let mut period_ends = BTreeMap::new();
        for text in raw.period_ends.iter().flatten() {
            let Some((company, period, day)) = self.period_end(text) else { continue };
            if let Some(unknown) = company.as_ref().filter(|one| !companies.is_empty() && !companies.contains(one)) {
                let text = format!("`close.period_ends`: `{unknown}` is not a company in `syspro.companies`");
                self.problem::<()>("close.period_ends", text);
            }
            if period_ends.insert((company, period), day).is_some() {
                self.problem::<()>("close.period_ends", format!("`close.period_ends` has two days for `{text}`: leave one out"));
            }
        }
        CloseSettings { second_person: raw.second_person.unwrap_or(false), tie_out_age: Duration::from_secs(hours * 3600), period_ends }
    }

    pub(super) fn approvals(&mut self, raw: &RawApprovals) -> ApprovalSettings {
        let mut needed = Vec::new();
        for text in raw.needed.iter().flatten() {
            match text.parse::<ApprovalKind>() {
                Ok(kind) => needed.push(kind),
                Err(wrong) => {
                    self.problem::<()>("approvals.needed", format!("`approvals.needed`: {wrong}"));
                }
            }
        }
        let mut amounts = BTreeMap::new();
        for text in raw.amounts.iter().flatten() {
            let Some((currency, amount)) = self.amount_limit(text) else { continue };
            if amounts.insert(currency, amount).is_some() {
                self.problem::<()>(
                    "approvals.amounts",
                    format!("`approvals.amounts` has two amounts for the currency of `{text}`: leave one out"),
                );
            }
        }
        ApprovalSettings { needed, hours: self.number("approvals.hours", raw.hours, 1, 720), amounts }
    }

    /// `ZAR 100000`
    fn amount_limit(&mut self, text: &str) -> Option<(String, Decimal)> {
        let parsed = text.trim().split_once(' ').and_then(|(currency, amount)| {
            let amount = parse_decimal(amount.trim()).filter(|amount| !amount.is_sign_negative())?;
            minor_units(currency).is_some().then(|| (currency.to_owned(), amount))
        });
        if parsed.is_none() {
            let key = "approvals.amounts";
            let text = format!(
                "`{key}` must hold texts of a currency of ISO 4217 and an amount with a decimal point, such as `ZAR 100000`, got `{text}`"
            );
            return self.problem(key, text);
        }
        parsed
    }

    /// `2026-03 2026-03-31`, or the same after a company.
    fn period_end(&mut self, text: &str) -> Option<(Option<CompanyId>, FiscalPeriod, NaiveDate)> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (company, period, day) = match words.as_slice() {
            [period, day] => (None, period, day),
            [company, period, day] => (Some(CompanyId::new(*company)), period, day),
            _ => (None, &"", &""),
        };
        let parsed = period.parse().ok().zip(NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
        let Some((period, day)) = parsed else {
            let key = "close.period_ends";
            return self
                .problem(key, format!("`{key}` must hold texts such as `2026-03 2026-03-31` or `EDU1 2026-03 2026-03-31`, got `{text}`"));
        };
        Some((company, period, day))
    }
}
