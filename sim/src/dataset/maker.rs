//! What writes the rows of one company: its tables, its random numbers and the date.

use chrono::NaiveDate;
use fastrand::Rng;

use super::calendar::before;
use super::database::Company;

/// Writes the rows of one company.
pub(super) struct Maker<'a> {
    pub(super) company: &'a mut Company,
    pub(super) random: Rng,
    pub(super) today: NaiveDate,
    pub(super) lines: Option<u32>,
}

impl Maker<'_> {
    /// N days before today.
    pub(super) fn back(&self, days: u64) -> NaiveDate {
        before(self.today, days)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }
}
