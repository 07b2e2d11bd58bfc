//! The state shared by the functions that write the rows of one company.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use fastrand::Rng;

use super::calendar::before;
use super::database::Company;

/// Writes the rows of one company.
pub(super) struct Maker<'a> {
    pub(super) company: &'a mut Company,
    pub(super) random: Rng,
    pub(super) today: NaiveDate,
    /// GL lines of each ordinary invoice; random when absent.
    pub(super) lines: Option<u32>,
    /// What was posted and does not stand in the balances of the accounts yet, by account, year and period.
    pub(super) moved: BTreeMap<(String, i64, i64), i64>,
}

impl Maker<'_> {
    /// N days before today.
    pub(super) fn days_ago(&self, days: u64) -> NaiveDate {
        before(self.today, days)
    }

    /// One element at random; the slice must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }
}
