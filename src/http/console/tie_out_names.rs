//! What the pages of a tie-out call its sums, and the fiscal periods from which they let choose.

use crate::domain::EntityName;
use crate::domain::fiscal::FiscalPeriod;
use crate::store::TieOutBucket;

/// The records of a block for people: `Invoices`, `Invoices, lines`.
pub(super) fn name(entity: &str, block: &str) -> String {
    let heading = EntityName::new(entity).heading();
    if block == "header" { heading } else { format!("{heading}, {block}") }
}

/// The fiscal periods of these sums to choose from, the newest first, and the one of an old address that this tie-out may not have.
pub(super) fn periods(query: &str, buckets: &[TieOutBucket]) -> Vec<(String, String)> {
    let own = buckets.iter().filter_map(|bucket| FiscalPeriod::of(bucket.year?, bucket.period));
    let asked = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "period");
    let asked = asked.filter_map(|(_, text)| Some((text.parse().ok()?, text.into_owned())));
    let mut periods: Vec<(FiscalPeriod, String)> = own.map(|period| (period, period.to_string())).chain(asked).collect();
    periods.sort();
    periods.dedup();
    periods.into_iter().rev().map(|(period, text)| (text, period.to_string())).collect()
}
