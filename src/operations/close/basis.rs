//! The tie-out on which a signature is based, and whether it may be signed.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::refused::CloseRefused;
use crate::domain::DocumentKey;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::tie_out::{Cause, Verdict};
use crate::operations::Refused;
use crate::process::Process;
use crate::store::{CloseBasis, TieOutBlock, TieOutBucket, TieOutItem, TieOutRun};

/// The most differences of a period for which a person can give reasons.
const MOST: i64 = 1000;

/// A difference, and the reason for it.
#[derive(Debug, Clone)]
pub(super) struct Explained {
    pub(super) item: TieOutItem,
    /// Who gave the reason, when, and the reason.
    pub(super) reason: Option<(String, DateTime<Utc>, String)>,
}

/// A difference as it is signed.
#[derive(Debug, Serialize)]
pub(super) struct SignedReason {
    item: i64,
    entity: String,
    block: String,
    key: String,
    record_key: String,
    cause: &'static str,
    amount: Option<rust_decimal::Decimal>,
    currency: String,
    why: String,
    by: String,
}

impl Explained {
    /// What is signed of it; `None`: it has no reason.
    pub(super) fn signed(&self) -> Option<SignedReason> {
        let (by, _, why) = self.reason.clone()?;
        let item = &self.item;
        Some(SignedReason {
            item: item.id.0,
            entity: item.entity.clone(),
            block: item.block.clone(),
            key: item.document_key.clone(),
            record_key: item.record_key.clone(),
            cause: item.cause.unwrap_or(Cause::Unexplained).as_str(),
            amount: item.amount,
            currency: item.currency.clone(),
            why,
            by,
        })
    }
}

/// What the newest tie-out of a company says about a period.
pub(super) struct Basis {
    company: String,
    pub(super) period: FiscalPeriod,
    pub(super) tie_out: TieOutRun,
    /// Blocks of the company that the tie-out did not compare although they have periods, each with why not.
    not_compared: Vec<(String, String)>,
    pub(super) buckets: Vec<TieOutBucket>,
    /// The differences of the period, and those without a period.
    pub(super) items: Vec<Explained>,
    /// Whether there are more differences than were read.
    more: bool,
    now: DateTime<Utc>,
}

impl Basis {
    /// # Errors
    /// [`CloseRefused::NoTieOut`]; an error of the ledger.
    pub(super) async fn read(process: &Process, company: &str, period: FiscalPeriod) -> Result<Self, Refused> {
        let store = &process.store;
        let none = || CloseRefused::NoTieOut { company: company.to_owned() };
        let id = store.close_newest_tie_out(company.to_owned()).await?.ok_or_else(none)?;
        let tie_out = store.tie_out_find(id).await?.ok_or_else(none)?;
        let blocks: Vec<TieOutBlock> = store.tie_out_blocks(id).await?.into_iter().filter(|block| block.company == company).collect();
        let (buckets, items) = store.close_compared(id, company.to_owned(), period, MOST + 1).await?;
        let reasons = store.close_reasons(company.to_owned(), period).await?;
        let definitions = process.definitions.now();
        let (mut not_compared, mut dated) = (Vec::new(), BTreeSet::new());
        for flow in process.flows().iter().filter(|flow| flow.company.as_str() == company) {
            let Some(plan) = definitions.plan(&flow.entity).filter(|plan| plan.aligned().is_none()) else { continue };
            for target in plan.targets.iter().filter(|target| target.tie_out.year.is_some()) {
                let entity = flow.entity.as_str();
                dated.insert((entity.to_owned(), target.block.clone()));
                let name = if target.block == "header" { entity.to_owned() } else { format!("{entity} {}", target.block) };
                match blocks.iter().find(|block| block.entity == entity && block.block == target.block) {
                    None => not_compared.push((name, "it was not asked for".to_owned())),
                    Some(TieOutBlock { unverified: Some(why), .. } | TieOutBlock { left_out: Some(why), .. }) => {
                        not_compared.push((name, why.clone()));
                    }
                    Some(_) => {}
                }
            }
        }
        let more = items.len() as i64 > MOST;
        // a record of a block without periods belongs to no period at all
        let of_periods = |item: &TieOutItem| item.year.is_some() || dated.contains(&(item.entity.clone(), item.block.clone()));
        let items = items.into_iter().filter(of_periods).map(|item| {
            let reason = reasons.iter().find(|reason| reason.is_of(&item));
            Explained { reason: reason.map(|one| (one.actor.clone(), one.at, one.why.clone())), item }
        });
        let items = items.collect();
        let now = store.time().await?;
        Ok(Self { company: company.to_owned(), period, tie_out, not_compared, buckets, items, more, now })
    }

    /// The basis of a signature.
    ///
    /// # Errors
    /// [`CloseRefused`]: why it may not be signed.
    pub(super) fn signable(&self, most: Duration) -> Result<CloseBasis, CloseRefused> {
        let (period, tie_out) = (self.period, self.tie_out.id);
        let hours = (self.now - self.tie_out.started_at).num_hours();
        if (self.now - self.tie_out.started_at).to_std().is_ok_and(|age| age > most) {
            return Err(CloseRefused::Old { company: self.company.clone(), tie_out, hours, most: most.as_secs() / 3600 });
        }
        if let Some((block, why)) = self.not_compared.first() {
            return Err(CloseRefused::NotCompared { company: self.company.clone(), tie_out, block: block.clone(), why: why.clone() });
        }
        if self.buckets.is_empty() {
            return Err(CloseRefused::NoSums { company: self.company.clone(), period, tie_out });
        }
        if self.buckets.iter().any(|bucket| bucket.verdict == Verdict::Unverified) {
            return Err(CloseRefused::Unverified { period, tie_out });
        }
        if self.more {
            return Err(CloseRefused::TooMany { period, tie_out, most: MOST });
        }
        let without: Vec<&TieOutItem> = self.items.iter().filter(|one| one.reason.is_none()).map(|one| &one.item).collect();
        if let Some(first) = without.first() {
            let line = if first.record_key.is_empty() { String::new() } else { format!(" line {}", DocumentKey::shown(&first.record_key)) };
            return Err(CloseRefused::WithoutReason {
                company: self.company.clone(),
                period,
                tie_out,
                items: without.len(),
                first: first.id.0,
                said: format!(
                    "{} {}{line}: {}",
                    first.entity,
                    DocumentKey::shown(&first.document_key),
                    first.cause.unwrap_or(Cause::Unexplained).text()
                ),
            });
        }
        // what differs is named by items, so that sums that differ without any item are not verified
        if self.items.is_empty() && self.buckets.iter().any(|bucket| bucket.verdict != Verdict::Tied) {
            return Err(CloseRefused::Unverified { period, tie_out });
        }
        self.stored().map_err(|_| CloseRefused::Unverified { period, tie_out })
    }

    /// As the ledger stores it.
    fn stored(&self) -> Result<CloseBasis, serde_json::Error> {
        let sums: Vec<_> = self.buckets.iter().map(TieOutBucket::signed).collect();
        Ok(CloseBasis {
            tie_out: self.tie_out.id,
            at: self.tie_out.started_at,
            sums: serde_json::to_value(sums)?,
            reasons: serde_json::to_value(self.items.iter().filter_map(Explained::signed).collect::<Vec<_>>())?,
        })
    }
}
