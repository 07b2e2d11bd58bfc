//! Dates and fiscal periods.

use chrono::{Datelike, Days, NaiveDate};

/// The date this many days before.
pub(super) fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

/// The date this many days after.
pub(super) fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(date)
}

/// Fiscal year and period: the year begins in July and is named after its end.
pub(super) fn fiscal(date: NaiveDate) -> (i64, i64) {
    let month = i64::from(date.month());
    if month >= 7 { (i64::from(date.year()) + 1, month - 6) } else { (i64::from(date.year()), month + 6) }
}

/// The period that is `by` periods earlier, in a year of 12 periods.
pub(super) fn earlier((year, period): (i64, i64), by: i64) -> (i64, i64) {
    let months = year * 12 + period - 1 - by;
    (months.div_euclid(12), months.rem_euclid(12) + 1)
}

/// The fiscal periods that are open on this day: the current one and the two before it, latest first.
pub(super) fn open_periods(date: NaiveDate) -> [(i64, i64); 3] {
    let now = fiscal(date);
    [now, earlier(now, 1), earlier(now, 2)]
}
