//! How long a run has been due.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long ago a run was due. After a clock was set back, the current time may be before it: then the answer is zero.
pub(super) fn since(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - due_at).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_overdue_by_its_age_and_by_none_where_the_clock_was_set_back() {
        let due: DateTime<Utc> = "2026-03-02T02:00:00Z".parse().unwrap();
        assert_eq!(since(due, due + chrono::TimeDelta::seconds(7)), Duration::from_secs(7));
        assert_eq!(since(due, due), Duration::ZERO);
        assert_eq!(since(due, due - chrono::TimeDelta::days(1)), Duration::ZERO);
    }
}
