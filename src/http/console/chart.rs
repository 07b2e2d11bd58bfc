//! Charts of a tie-out: rows of numbers, each with bars beside them. A reader who does not see the bars has the same numbers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::tie_out_names::name;
use super::view::grouped;
use crate::domain::fiscal::period_text;
use crate::domain::money::amount_in;
use crate::domain::tie_out::Age;
use crate::store::TieOutBucket;

/// The length of the longest bar.
const LONGEST: i64 = 200;
/// The most periods of a chart: the newest.
const PERIODS: usize = 24;
/// The most charts of periods on a page.
const CHARTS: usize = 6;

/// Rows of numbers with bars.
pub(super) struct Chart {
    pub(super) title: String,
    /// The headings of the numbers.
    pub(super) headings: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// A row: its name, its numbers, and a bar for each.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) numbers: Vec<String>,
    pub(super) bars: Vec<Bar>,
    /// The height of all bars.
    pub(super) height: usize,
}

/// A bar.
pub(super) struct Bar {
    pub(super) y: usize,
    pub(super) width: i64,
}

const THICK: usize = 9;

fn bars(lengths: impl IntoIterator<Item = i64>) -> Vec<Bar> {
    lengths.into_iter().enumerate().map(|(place, width)| Bar { y: place * (THICK + 2), width }).collect()
}

fn row(label: String, numbers: Vec<String>, lengths: Vec<i64>) -> Row {
    Row { label, height: lengths.len() * (THICK + 2), numbers, bars: bars(lengths) }
}

/// A part of the longest bar. What is not zero has a bar that can be seen.
fn length(value: Decimal, greatest: Decimal) -> i64 {
    if value.is_zero() || greatest.is_zero() {
        return 0;
    }
    (value.abs() * Decimal::from(LONGEST) / greatest).round().to_i64().unwrap_or(LONGEST).clamp(1, LONGEST)
}

/// The open differences by age; `None`: there are none.
pub(super) fn ages(counts: &[(Age, i64)]) -> Option<Chart> {
    let greatest = counts.iter().map(|(_, count)| *count).max().filter(|most| *most > 0)?;
    let row = |(age, count): &(Age, i64)| {
        row(age.text().to_owned(), vec![grouped(*count)], vec![length(Decimal::from(*count), Decimal::from(greatest))])
    };
    Some(Chart { title: "Open differences by age".to_owned(), headings: vec!["Differences"], rows: counts.iter().map(row).collect() })
}

/// The amounts of both sides by fiscal period: one chart for each kind of record and currency that has more than one period.
pub(super) fn periods(buckets: &[&TieOutBucket]) -> Vec<Chart> {
    let mut kinds: BTreeMap<(&str, &str, &str), BTreeMap<String, (Decimal, Decimal, i64)>> = BTreeMap::new();
    for bucket in buckets.iter().filter(|bucket| !bucket.currency.is_empty() && bucket.year.is_some()) {
        let periods = kinds.entry((bucket.entity.as_str(), bucket.block.as_str(), bucket.currency.as_str())).or_default();
        let sums = periods.entry(period_text(bucket.year, bucket.period)).or_default();
        sums.0 += bucket.syspro_amount.unwrap_or_default() + bucket.gone_amount.unwrap_or_default();
        sums.1 += bucket.servicenow_amount.unwrap_or_default();
        sums.2 += bucket.servicenow_records;
    }
    let of_kind = |((entity, block, currency), periods): ((&str, &str, &str), BTreeMap<String, (Decimal, Decimal, i64)>)| {
        let periods: Vec<_> = periods.into_iter().rev().take(PERIODS).collect();
        let greatest = periods.iter().map(|(_, sums)| sums.0.abs().max(sums.1.abs())).max().unwrap_or_default();
        if periods.len() < 2 || greatest.is_zero() {
            return None;
        }
        let rows = periods.into_iter().rev().map(|(period, (syspro, servicenow, records))| {
            let numbers = vec![amount_in(syspro, currency), amount_in(servicenow, currency), grouped(records)];
            row(period, numbers, vec![length(syspro, greatest), length(servicenow, greatest)])
        });
        Some(Chart {
            title: format!("{} by period, in {currency}", name(entity, block)),
            headings: vec!["SYSPRO", "ServiceNow", "Rows"],
            rows: rows.collect(),
        })
    };
    kinds.into_iter().filter_map(of_kind).take(CHARTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_has_the_longest_bar_and_the_least_can_be_seen() {
        let of = |value: i64, greatest: i64| length(Decimal::from(value), Decimal::from(greatest));
        assert_eq!([of(0, 9), of(9, 9), of(-9, 9), of(1, 100_000), of(5, 10), of(0, 0)], [0, 200, 200, 1, 100, 0]);
        assert!(ages(&[(Age::Day, 0), (Age::Older, 0)]).is_none());
    }
}
