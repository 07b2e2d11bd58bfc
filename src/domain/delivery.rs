//! A delivery: one target record of one version that is to be sent to ServiceNow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The state of an unconfirmed delivery in the ledger. Screens show `after_header` as `queued`, and `queued` after a failed attempt as
/// `retrying` (`shown_state` in the database).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Sent now, or at the time of its next attempt.
    Queued,
    /// A line that is queued once its header is confirmed.
    AfterHeader,
    /// Being sent: the intent is committed, the outcome is not.
    Sending,
    /// Sent, but the answer was lost or cannot be trusted; looked up before anything else is done.
    Unknown,
    /// Waits for another record that has not been delivered.
    Waiting,
    /// A person holds the record.
    OnHold,
    /// Not retried automatically.
    Failed,
}

/// The state of a target record's newest delivery, as screens show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Due, not sent yet.
    Queued,
    /// Queued after a failed attempt.
    Retrying,
    /// As [`DeliveryState::Sending`].
    Sending,
    /// As [`DeliveryState::Unknown`].
    Unknown,
    /// As [`DeliveryState::Waiting`].
    Waiting,
    /// As [`DeliveryState::OnHold`].
    OnHold,
    /// As [`DeliveryState::Failed`].
    Failed,
    /// ServiceNow has it.
    Delivered,
    /// It was dropped or replaced before it was delivered.
    Superseded,
}

/// The state of a record, in lists and their filters: the state of its worst part. The order is from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// As [`DeliveryState::Failed`].
    Failed,
    /// A person holds it.
    OnHold,
    /// As [`DeliveryState::Unknown`].
    Unknown,
    /// As [`DeliveryState::Waiting`].
    Waiting,
    /// As [`PartState::Retrying`].
    Retrying,
    /// As [`DeliveryState::Sending`].
    Sending,
    /// As [`PartState::Queued`].
    Queued,
    /// Nothing is undelivered, and a field that both sides changed waits for a person's decision.
    InConflict,
    /// SYSPRO no longer has it.
    Gone,
    /// ServiceNow has all of it.
    Delivered,
}

impl RecordState {
    /// The word for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::OnHold => "on hold",
            Self::InConflict => "in conflict",
            other => other.as_str(),
        }
    }
}

/// What a delivery does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryAction {
    /// Creates or updates the row.
    Upsert,
    /// Marks the row as gone from SYSPRO.
    Gone,
    /// Nothing: the version could not be mapped.
    Unmapped,
}

impl DeliveryAction {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Upsert => "create or update",
            Self::Gone => "mark as gone from SYSPRO",
            Self::Unmapped => "nothing: it could not be mapped",
        }
    }
}

/// How a delivery was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// The row is new.
    Inserted,
    /// The row existed, with another content.
    Updated,
    /// The row existed, with this version.
    Unchanged,
    /// The answer was lost, and the row was found afterwards.
    Found,
}

impl Confirmation {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Inserted => "created",
            Self::Updated => "updated",
            Self::Unchanged => "the row already had this content",
            Self::Found => "it was found there",
        }
    }
}

/// The state in ServiceNow of a delivered record that ServiceNow still processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DownstreamState {
    /// ServiceNow has not finished with it.
    Open,
    /// ServiceNow has finished with it successfully.
    Done,
    /// It failed in ServiceNow.
    Failed,
    /// The state cannot be known.
    Unknown,
}

/// The purpose of a claimed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// To send them.
    Send,
    /// To look up in ServiceNow, by key, whether its records have arrived: they were sent, and the outcome is unknown.
    LookUp,
}

impl Attempt {
    /// Whether nothing is sent: ServiceNow is only queried.
    pub fn is_look_up(self) -> bool {
        self == Self::LookUp
    }
}

/// Why a delivery failed, waits or is on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// ServiceNow refused the record.
    Rejected,
    /// Tieline could not map the record: a code is missing, or a value does not fit. Also: it was mapped for a table that the definition in
    /// force does not write. Only a replay or another read maps it again.
    Unmapped,
    /// Its rows could not be read as one record, so that nothing of it was mapped or sent. Another read is needed.
    Unreadable,
    /// A record that it refers to has not been delivered; it is released automatically when it is.
    MissingParent,
    /// It crashed the Mapper twice.
    Poison,
    /// Its last attempt failed with a temporary error.
    Exhausted,
    /// It was delivered, and failed later in ServiceNow.
    Downstream,
    /// Its row in ServiceNow belongs to another record, or a second row was created for it.
    Conflict,
    /// A person holds the record until a person releases it.
    OnHold,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word used in the database, in JSON and in metric labels.
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($type::$variant),)+
                    _ => {
                        let near = $crate::domain::word::nearest(text, Self::WORDS.iter().copied());
                        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        Err(format!("`{text}` is none of {}{near}", [$(concat!("`", $word, "`")),+].join(", ")))
                    }
                }
            }
        }
    };
}
pub(crate) use words;

words!(DeliveryState {
    Queued = "queued",
    AfterHeader = "after_header",
    Sending = "sending",
    Unknown = "unknown",
    Waiting = "waiting",
    OnHold = "on_hold",
    Failed = "failed",
});
words!(PartState {
    Queued = "queued",
    Retrying = "retrying",
    Sending = "sending",
    Unknown = "unknown",
    Waiting = "waiting",
    OnHold = "on_hold",
    Failed = "failed",
    Delivered = "delivered",
    Superseded = "superseded",
});
words!(RecordState {
    Failed = "failed",
    OnHold = "on_hold",
    Unknown = "unknown",
    Waiting = "waiting",
    Retrying = "retrying",
    Sending = "sending",
    Queued = "queued",
    InConflict = "in_conflict",
    Gone = "gone",
    Delivered = "delivered",
});
words!(DeliveryAction { Upsert = "upsert", Gone = "gone", Unmapped = "unmapped" });
words!(Confirmation { Inserted = "inserted", Updated = "updated", Unchanged = "unchanged", Found = "found" });
words!(DownstreamState {
    Open = "open",
    Done = "done",
    Failed = "failed",
    Unknown = "unknown",
});
words!(FailureReason {
    Rejected = "rejected",
    Unmapped = "unmapped",
    Unreadable = "unreadable",
    MissingParent = "missing_parent",
    Poison = "poison",
    Exhausted = "exhausted",
    Downstream = "downstream",
    Conflict = "conflict",
    OnHold = "on_hold",
});

/// A filter for a list of failures: the reason of a failure, or another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureWord {
    /// Failed for this reason.
    Reason(FailureReason),
    /// Waits because ServiceNow asked for a pause.
    Throttled,
    /// Its request got no answer; it is sent again alone.
    Unanswered,
    /// Failed, whatever the reason.
    Failed,
    /// Waits for a parent.
    Waiting,
    /// Sent, and the outcome is not known.
    Unknown,
    /// Retried automatically.
    Retrying,
}

impl FailureWord {
    /// The words for states.
    const STATES: &'static [(&'static str, FailureWord)] = &[
        ("throttled", Self::Throttled),
        ("unanswered", Self::Unanswered),
        (RecordState::Failed.as_str(), Self::Failed),
        (RecordState::Waiting.as_str(), Self::Waiting),
        (RecordState::Unknown.as_str(), Self::Unknown),
        (RecordState::Retrying.as_str(), Self::Retrying),
    ];

    /// Every value, in order.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        FailureReason::ALL.iter().copied().map(Self::Reason).chain(Self::STATES.iter().map(|(_, state)| *state))
    }

    /// Every word, in the same order.
    pub fn words() -> impl Iterator<Item = &'static str> + Clone {
        Self::all().map(Self::as_str)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.as_str(),
            other => Self::STATES.iter().find(|(_, state)| *state == other).map_or("", |(word, _)| word),
        }
    }
}

impl fmt::Display for FailureWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for FailureWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for FailureWord {
    type Err = super::word::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        super::word::check("reason or state", text, Self::words())?;
        let state = Self::STATES.iter().find(|(word, _)| *word == text).map(|(_, state)| *state);
        // every word that is not a state is a reason
        Ok(state.or_else(|| text.parse().ok().map(Self::Reason)).unwrap_or(Self::Failed))
    }
}

/// The order of a list of causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CauseOrder {
    /// The cause with the most records first.
    #[default]
    Largest,
    /// The cause that has failed for longest first.
    Oldest,
}

words!(CauseOrder { Largest = "largest", Oldest = "oldest" });

/// Why a part is not delivered: as in a list of failures, or because it is simply on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndeliveredWord {
    /// A list of failures has it.
    Failure(FailureWord),
    /// As [`PartState::Queued`].
    Queued,
    /// As [`PartState::Sending`].
    Sending,
}

impl UndeliveredWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure(word) => word.as_str(),
            Self::Queued => PartState::Queued.as_str(),
            Self::Sending => PartState::Sending.as_str(),
        }
    }
}

impl FromStr for UndeliveredWord {
    type Err = super::word::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            text if text == PartState::Queued.as_str() => Ok(Self::Queued),
            text if text == PartState::Sending.as_str() => Ok(Self::Sending),
            text => text.parse().map(Self::Failure),
        }
    }
}

impl Serialize for UndeliveredWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FailureReason {
    /// The state of a delivery with this reason.
    pub fn state(self) -> DeliveryState {
        match self {
            Self::MissingParent => DeliveryState::Waiting,
            Self::OnHold => DeliveryState::OnHold,
            Self::Rejected | Self::Unmapped | Self::Unreadable | Self::Poison | Self::Exhausted | Self::Downstream | Self::Conflict => {
                DeliveryState::Failed
            }
        }
    }

    /// The reasons of a failed delivery, as opposed to waiting or on hold.
    pub fn of_failed() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|reason| reason.state() == DeliveryState::Failed)
    }

    /// The reasons after which a delivery can be sent again unchanged, once a person releases it.
    pub const RELEASABLE: &'static [FailureReason] = &[Self::OnHold, Self::Rejected, Self::Exhausted, Self::Downstream, Self::Conflict];

    /// The reason in an audit row. Rows of earlier releases keep the word of their time.
    pub fn of_audit(word: &str) -> Option<Self> {
        match word {
            "downstream_failed" => Some(Self::Downstream),
            word => word.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_failure_is_read_back_and_a_wrong_one_is_refused() {
        for word in FailureWord::words() {
            assert_eq!(word.parse::<FailureWord>().map(FailureWord::as_str), Ok(word));
        }
        for word in FailureWord::words().chain(["queued", "sending"]) {
            assert_eq!(word.parse::<UndeliveredWord>().map(UndeliveredWord::as_str), Ok(word));
        }
        assert!("delivered".parse::<UndeliveredWord>().is_err());
        let wrong = "waitng".parse::<FailureWord>().expect_err("no word");
        assert_eq!(wrong.detail(), "there is no reason or state `waitng`; did you mean `waiting`?");
        assert_eq!(("unmapped".parse(), "downstream".parse()), (Ok(FailureReason::Unmapped), Ok(FailureReason::Downstream)));
        assert!(!FailureReason::RELEASABLE.contains(&FailureReason::Unmapped), "only a replay maps it again");
        assert!("rejcted".parse::<FailureReason>().expect_err("no reason").ends_with("; did you mean `rejected`?"));
    }

    #[test]
    fn a_reason_in_an_audit_row_of_an_earlier_release_is_read() {
        assert_eq!(FailureReason::of_audit("downstream_failed"), Some(FailureReason::Downstream));
        assert_eq!(FailureReason::of_audit("downstream"), Some(FailureReason::Downstream));
        assert_eq!((FailureReason::of_audit("unmapped"), FailureReason::of_audit("x")), (Some(FailureReason::Unmapped), None));
    }

    #[test]
    fn every_state_of_a_part_is_a_state_of_a_record() {
        for part in PartState::ALL.iter().filter(|part| **part != PartState::Superseded) {
            assert!(RecordState::WORDS.contains(&part.as_str()), "{part}");
        }
    }
}
