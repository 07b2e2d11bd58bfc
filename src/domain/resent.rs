//! The results of records that were sent again, as counts and as a sentence. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::delivery::words;

/// The most reasons that are named.
const REASONS: usize = 5;

/// The state of one record that was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResentState {
    /// ServiceNow has it.
    Delivered,
    /// It failed, with this message.
    Failed(String),
    /// Its rows in SYSPRO could not be read, so that there was nothing to send.
    Unreadable,
    /// Not settled yet.
    Moving,
    /// It waits for a parent.
    Waiting,
    /// A person holds it.
    OnHold,
    /// It may change on both sides: the flow's next run compares it again.
    ToCompare,
    /// There is nothing to send: the definition excludes it.
    Nothing,
}

/// The word for a [`ResentState`] in the answer of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResentWord {
    /// As [`ResentState::Delivered`].
    Delivered,
    /// As [`ResentState::Failed`].
    Failed,
    /// As [`ResentState::Unreadable`].
    Unreadable,
    /// As [`ResentState::Moving`].
    Moving,
    /// As [`ResentState::Waiting`].
    Waiting,
    /// As [`ResentState::OnHold`].
    OnHold,
    /// As [`ResentState::ToCompare`].
    ToCompare,
    /// As [`ResentState::Nothing`].
    Nothing,
}

words!(ResentWord {
    Delivered = "delivered",
    Failed = "failed",
    Unreadable = "unreadable",
    Moving = "moving",
    Waiting = "waiting",
    OnHold = "on_hold",
    ToCompare = "to_compare",
    Nothing = "nothing",
});

impl ResentWord {
    /// The state. `message` is that of the failure.
    pub fn state(self, message: Option<String>) -> ResentState {
        match self {
            Self::Delivered => ResentState::Delivered,
            Self::Failed => ResentState::Failed(message.unwrap_or_default()),
            Self::Unreadable => ResentState::Unreadable,
            Self::Moving => ResentState::Moving,
            Self::Waiting => ResentState::Waiting,
            Self::OnHold => ResentState::OnHold,
            Self::ToCompare => ResentState::ToCompare,
            Self::Nothing => ResentState::Nothing,
        }
    }
}

/// One record: its current state, and the message of its earlier failure, if it had one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// The current state.
    pub state: ResentState,
    /// The message with which it had failed before it was sent again.
    pub before: Option<String>,
}

/// A reason for which records failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FailedFor {
    /// The message.
    pub message: String,
    /// Records that failed with this message.
    pub records: u64,
    /// How many of them had failed with the same message before they were sent again.
    pub as_before: u64,
}

/// The results of records that were sent again, as far as the request waited for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ResentOutcome {
    /// Records that were sent again.
    pub sent_again: u64,
    /// Records of the same request that were not sent, because their rows in SYSPRO could not be read. Another read is needed.
    pub unreadable: u64,
    /// ServiceNow has them.
    pub delivered: u64,
    /// They failed, in mapping or in ServiceNow.
    pub failed: u64,
    /// Failed records with the same message as before.
    pub failed_as_before: u64,
    /// Not settled yet when the answer was given.
    pub still_being_sent: u64,
    /// They wait for a parent.
    pub waiting: u64,
    /// A person holds them.
    pub on_hold: u64,
    /// They may change on both sides: the flow's next run compares them again.
    pub to_compare: u64,
    /// There is nothing to send: the definition excludes them.
    pub nothing_to_send: u64,
    /// Why records failed, the most frequent reason first; at most five.
    pub reasons: Vec<FailedFor>,
    /// The same as a sentence.
    pub text: String,
}

impl ResentOutcome {
    /// Counts.
    pub fn of(records: impl IntoIterator<Item = Resent>) -> Self {
        let mut outcome = Self::default();
        let mut reasons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for Resent { state, before } in records {
            outcome.sent_again += u64::from(state != ResentState::Unreadable);
            let place = match state {
                ResentState::Unreadable => &mut outcome.unreadable,
                ResentState::Delivered => &mut outcome.delivered,
                ResentState::Moving => &mut outcome.still_being_sent,
                ResentState::Waiting => &mut outcome.waiting,
                ResentState::OnHold => &mut outcome.on_hold,
                ResentState::ToCompare => &mut outcome.to_compare,
                ResentState::Nothing => &mut outcome.nothing_to_send,
                ResentState::Failed(message) => {
                    let same = u64::from(before.as_ref() == Some(&message));
                    outcome.failed_as_before += same;
                    let reason = reasons.entry(message).or_default();
                    *reason = (reason.0 + 1, reason.1 + same);
                    &mut outcome.failed
                }
            };
            *place += 1;
        }
        let mut reasons: Vec<FailedFor> =
            reasons.into_iter().map(|(message, (records, as_before))| FailedFor { message, records, as_before }).collect();
        reasons.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.message.cmp(&b.message)));
        let kinds = reasons.len();
        reasons.truncate(REASONS);
        outcome.reasons = reasons;
        outcome.text = Words { outcome: &outcome, kinds }.to_string();
        outcome
    }

    /// Whether nothing of it will change without a person.
    pub fn is_settled(&self) -> bool {
        self.still_being_sent == 0
    }
}

struct Words<'a> {
    outcome: &'a ResentOutcome,
    kinds: usize,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.outcome;
        let unread = match of.unreadable {
            0 => String::new(),
            1 => " 1 record could not be read from SYSPRO and was not sent: the next successful read sends it.".to_owned(),
            many => format!(" {many} records could not be read from SYSPRO and were not sent: the next successful read sends them."),
        };
        if of.sent_again == 0 {
            return write!(f, "No record was sent again.{unread}");
        }
        let mut parts = vec![format!("{} delivered", of.delivered)];
        if of.failed > 0 {
            let first = of.reasons.first().map(|reason| reason.message.as_str()).unwrap_or_default();
            let more = match self.kinds {
                0 | 1 => String::new(),
                2 => " (and one more reason)".to_owned(),
                kinds => format!(" (and {} more reasons)", kinds - 1),
            };
            // the message may end with a full stop or space: the sentence continues
            let first = first.trim_end_matches(['.', ' ']);
            parts.push(match of.failed_as_before {
                same if same == of.failed => format!("{} failed for the same reason: {first}{more}", of.failed),
                0 => format!("{} failed: {first}{more}", of.failed),
                same => format!("{} failed, {same} of them for the same reason as before: {first}{more}", of.failed),
            });
        }
        let others = [
            (of.waiting, "waiting for a parent"),
            (of.on_hold, "on hold"),
            (of.to_compare, "compared again by the flow’s next run"),
            (of.nothing_to_send, "left out by the definition"),
            (of.still_being_sent, "still being sent"),
        ];
        parts.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        write!(f, "{} sent again: {}.{unread}", of.sent_again, parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(records: &[(ResentState, Option<&str>)]) -> String {
        ResentOutcome::of(records.iter().map(|(state, before)| Resent { state: state.clone(), before: before.map(Into::into) })).text
    }

    fn failed(message: &str) -> ResentState {
        ResentState::Failed(message.into())
    }

    #[test]
    fn a_replay_says_what_happened_and_not_what_was_wished() {
        let nine = [const { (ResentState::Delivered, Some("no `$`")) }; 9];
        let three = [(failed("no `$`"), Some("no `$`")), (failed("no `$`"), Some("no `$`")), (failed("no `$`"), Some("no `$`"))];
        let all: Vec<_> = nine.into_iter().chain(three).collect();
        assert_eq!(text(&all), "12 sent again: 9 delivered; 3 failed for the same reason: no `$`.");
        assert_eq!(text(&[]), "No record was sent again.");
        assert_eq!(text(&[(ResentState::Delivered, None), (ResentState::Moving, None)]), "2 sent again: 1 delivered; 1 still being sent.");
    }

    #[test]
    fn other_reasons_than_before_are_told_apart() {
        assert_eq!(text(&[(failed("closed."), Some("no `$`"))]), "1 sent again: 0 delivered; 1 failed: closed.");
        let mixed = [(failed("a"), Some("a")), (failed("a"), None), (failed("b"), None), (failed("c"), None)];
        assert_eq!(text(&mixed), "4 sent again: 0 delivered; 4 failed, 1 of them for the same reason as before: a (and 2 more reasons).");
        let others =
            [(ResentState::Waiting, None), (ResentState::OnHold, None), (ResentState::ToCompare, None), (ResentState::Nothing, None)];
        let said = "4 sent again: 0 delivered; 1 waiting for a parent; 1 on hold; 1 compared again by the flow’s next run; 1 left out by the definition.";
        assert_eq!(text(&others), said);
    }

    #[test]
    fn what_could_not_be_read_is_not_called_sent() {
        let unread = " 1 record could not be read from SYSPRO and was not sent: the next successful read sends it.";
        assert_eq!(text(&[(ResentState::Unreadable, Some("a"))]), format!("No record was sent again.{unread}"));
        let both = text(&[(ResentState::Unreadable, Some("a")), (ResentState::Delivered, None), (ResentState::Unreadable, None)]);
        assert!(both.starts_with("1 sent again: 1 delivered. 2 records could not be read"), "{both}");
    }

    #[test]
    fn the_numbers_add_up() {
        let all = [
            failed("a"),
            ResentState::Delivered,
            ResentState::Moving,
            ResentState::Waiting,
            ResentState::OnHold,
            ResentState::ToCompare,
            ResentState::Nothing,
        ];
        let of = ResentOutcome::of(all.into_iter().map(|state| Resent { state, before: None }));
        let sum = of.delivered + of.failed + of.still_being_sent + of.waiting + of.on_hold + of.to_compare + of.nothing_to_send;
        assert_eq!((of.sent_again, sum), (7, 7));
        assert!(!of.is_settled());
    }
}
