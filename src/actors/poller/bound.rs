//! The most that one run may read: the number that the service counted, or the setting.

use super::{PollError, Reader};
use crate::definition::Plan;
use crate::syspro::{Page, ReadScope, SysproError};

/// Requests for each row that the service counted: a page of one document also asks for its joined and child rows.
const REQUESTS_PER_ROW: u64 = 4;

/// Rows beyond what the service counted before the read: rows are added while it reads.
const ROWS_BEYOND: u64 = 10_000;

/// What one run has read so far.
pub(super) struct Bound {
    requests: u64,
    rows: u64,
    counted: Option<u64>,
    limit: u64,
}

impl Bound {
    /// Starts a run that continues where the last one stopped; `counted` is the number of rows of the root table, where the service reports
    /// it.
    pub(super) fn new(reader: &Reader, plan: &Plan, counted: Option<u64>) -> Self {
        // the rows of a derived entity come from another table
        let counted = counted.filter(|_| plan.read.root.derive.is_none());
        let setting = reader.parts.syspro.limits.run_requests;
        let limit = setting.max(counted.unwrap_or_default().saturating_mul(REQUESTS_PER_ROW));
        Self { requests: 0, rows: 0, counted, limit }
    }

    /// Counts a page.
    ///
    /// # Errors
    /// [`PollError::Syspro`] when the run exceeds the limit.
    pub(super) fn took(&mut self, reader: &Reader, plan: &Plan, scope: &ReadScope, page: &Page) -> Result<(), PollError> {
        self.requests += u64::from(page.requests);
        if *scope == ReadScope::All {
            self.rows += page.root_rows;
        }
        let more_than_counted = self.counted.is_some_and(|counted| self.rows > counted.saturating_mul(2).saturating_add(ROWS_BEYOND));
        if self.requests <= self.limit && !more_than_counted {
            return Ok(());
        }
        let asked = format!("table `{}` in company `{}`", plan.read.root.table, reader.flow.company);
        let error = SysproError::RunTooLong { asked, requests: self.requests, limit: self.limit, rows: self.rows, counted: self.counted };
        Err(reader.syspro_error(&error))
    }
}
