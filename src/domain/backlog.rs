//! Undelivered records, counted by state.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Records whose newest content is not completely in ServiceNow. Each is counted once, in the state of its worst part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Backlog {
    /// Due, and not sent yet.
    pub queued: i64,
    /// Being sent.
    pub sending: i64,
    /// Failed with a temporary error; retried automatically.
    pub retrying: i64,
    /// Sent, but the answer was lost or cannot be trusted; looked up before anything else is done.
    pub unknown: i64,
    /// Waiting for a record that they refer to.
    pub waiting: i64,
    /// Failed; not retried without a person.
    pub failed: i64,
    /// A person holds them.
    pub on_hold: i64,
}

impl Backlog {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.moving() + self.stuck()
    }

    /// Those that continue automatically.
    pub fn moving(&self) -> i64 {
        self.queued + self.sending + self.retrying + self.unknown
    }

    /// Those that wait for another record or for a person.
    pub fn stuck(&self) -> i64 {
        self.waiting + self.failed + self.on_hold
    }

    /// Those that the list of failures shows: they failed, wait, are on hold, unknown or retrying.
    pub fn in_failures(&self) -> i64 {
        self.stuck() + self.retrying + self.unknown
    }

    /// `3 records are not delivered yet (1 failed, 2 queued); …`, and where to read why if `tieline failures` lists one of them. `None` when
    /// all are delivered.
    pub fn not_delivered(&self) -> Option<String> {
        let records = match self.total() {
            0 => return None,
            1 => "1 record is".to_owned(),
            total => format!("{total} records are"),
        };
        let why = if self.in_failures() > 0 { "; `tieline failures` shows why, and what to do" } else { "" };
        Some(format!("{records} not delivered yet ({}){why}", self.sentence()))
    }

    /// `No failures; 68 records are queued.`: the answer when the list of failures is empty.
    pub fn no_failures(&self) -> String {
        let how = match (self.queued, self.sending) {
            (_, 0) => "queued",
            (0, _) => "being sent",
            _ => "queued or being sent",
        };
        match self.queued + self.sending {
            0 => format!("No failures; no records are {how}."),
            1 => format!("No failures; 1 record is {how}."),
            records => format!("No failures; {records} records are {how}."),
        }
    }

    /// Counts with their words, the worst first; zeros are left out.
    pub fn words(&self) -> Vec<(i64, &'static str)> {
        let all = [
            (self.failed, "failed"),
            (self.on_hold, "on hold"),
            (self.unknown, "unknown"),
            (self.waiting, "waiting"),
            (self.retrying, "retrying"),
            (self.sending, "sending"),
            (self.queued, "queued"),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).collect()
    }

    /// `12 failed, 34 waiting`; empty when all counts are zero.
    pub fn sentence(&self) -> String {
        self.words().into_iter().map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

impl AddAssign for Backlog {
    fn add_assign(&mut self, other: Self) {
        self.queued += other.queued;
        self.sending += other.sending;
        self.retrying += other.retrying;
        self.unknown += other.unknown;
        self.waiting += other.waiting;
        self.failed += other.failed;
        self.on_hold += other.on_hold;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_said_first_and_nothing_is_left_out() {
        let backlog = Backlog { queued: 1, sending: 2, retrying: 3, unknown: 4, waiting: 5, failed: 6, on_hold: 7 };
        assert_eq!(backlog.total(), 28);
        assert_eq!((backlog.moving(), backlog.stuck()), (10, 18));
        assert_eq!(backlog.sentence(), "6 failed, 7 on hold, 4 unknown, 5 waiting, 3 retrying, 2 sending, 1 queued");
        assert_eq!(Backlog::default().sentence(), "");
        let mut twice = backlog;
        twice += backlog;
        assert_eq!(twice.total(), 56);
        assert_eq!(twice.words()[0], (12, "failed"));
    }

    #[test]
    fn only_a_list_that_shows_something_is_pointed_to() {
        let queued = Backlog { queued: 68, ..Backlog::default() };
        assert_eq!(queued.not_delivered().as_deref(), Some("68 records are not delivered yet (68 queued)"));
        assert_eq!(queued.no_failures(), "No failures; 68 records are queued.");
        let listed = [
            Backlog { retrying: 1, ..Backlog::default() },
            Backlog { unknown: 1, ..Backlog::default() },
            Backlog { waiting: 1, ..Backlog::default() },
            Backlog { failed: 1, ..Backlog::default() },
            Backlog { on_hold: 1, ..Backlog::default() },
        ];
        for backlog in listed {
            let said = backlog.not_delivered().expect("one record");
            assert!(said.starts_with("1 record is not delivered yet (1 ") && said.contains("`tieline failures` shows why"), "{said}");
        }
        assert_eq!(Backlog::default().not_delivered(), None);
        assert_eq!(Backlog::default().no_failures(), "No failures; no records are queued.");
        assert_eq!(Backlog { sending: 1, ..Backlog::default() }.no_failures(), "No failures; 1 record is being sent.");
        assert_eq!(
            Backlog { sending: 1, queued: 2, ..Backlog::default() }.no_failures(),
            "No failures; 3 records are queued or being sent."
        );
    }
}
