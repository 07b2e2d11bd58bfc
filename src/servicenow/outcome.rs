//! A record to be sent, and its outcome.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::ids::DeliveryId;
use crate::domain::next_step::NextStep;
use crate::domain::version::{VersionText, VersionThere};
use crate::domain::{SysId, Texts};
use crate::redact::Quoted;

use super::error::ServiceNowError;

/// A record to be sent.
#[derive(Debug, Clone)]
pub struct OutRecord {
    /// The delivery's number; used only in logs.
    pub delivery: DeliveryId,
    /// Written to the key column.
    pub source_key: String,
    /// Written to the version column.
    pub version: VersionText,
    /// The fields, all text, without key and version column.
    pub fields: Texts,
    /// For import sets only: fields that are empty now and had a value in the last delivery.
    pub cleared: BTreeSet<String>,
    /// The row's sys_id, if known from an earlier delivery or from adoption.
    pub sys_id: Option<SysId>,
    /// The table of that row.
    pub sys_table: Option<String>,
    /// The sys_id for a new row; see [`derived_sys_id`](crate::definition::record::derived_sys_id).
    pub derived_sys_id: String,
    /// Whether it must be sent in a request of its own: its last batch had no usable answer, and this record may be the cause.
    pub alone: bool,
    /// An earlier attempt may have arrived.
    pub may_exist: bool,
    /// The values that the row must still have when it is written; `None`: any value is overwritten, and a deleted row is created again.
    pub expects: Option<BTreeMap<String, String>>,
}

/// The outcome of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in ServiceNow.
    Confirmed {
        /// The row.
        sys_id: SysId,
        /// The table of the row.
        table: String,
        /// What was done.
        how: How,
        /// Fields that came back with another value; for an import set only if its staging row was read.
        partial: Vec<FieldDifference>,
        /// The instance's message with the success: a comment, or the failure of a transform map for another table.
        said: Option<Quoted>,
    },
    /// The written row belongs to another record, or is a second row of this record.
    Conflict {
        /// The records and rows.
        message: Quoted,
        /// What a person can do.
        next_step: NextStep,
    },
    /// It was refused, and will be refused until the record or the instance changes.
    Rejected {
        /// The instance's message.
        message: Quoted,
        /// The field, if the message names it.
        field: Option<String>,
        /// What a person can do.
        next_step: NextStep,
    },
    /// Nothing was done; try again later.
    Deferred {
        /// Why.
        message: Quoted,
        /// How long the instance asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// Whether the instance asked for a pause (status 429).
        throttled: bool,
    },
    /// Nothing was done: the row no longer has the expected values, or is gone.
    Withdrawn {
        /// The state of the row.
        message: Quoted,
    },
    /// It may have been done; it is looked up before it is sent again.
    Unknown {
        /// Why.
        message: Quoted,
    },
}

/// The texts to be written, in the order of their columns.
pub(super) struct Written<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Written<'a> {
    /// The fields of a record.
    pub(super) fn of(record: &'a OutRecord) -> Self {
        Self(record.fields.iter().map(|(column, text)| (column, Cow::Borrowed(text))).collect())
    }

    /// Sets the text of a column.
    pub(super) fn set(&mut self, column: &'a str, text: impl Into<Cow<'a, str>>) {
        match self.0.binary_search_by(|(known, _)| (*known).cmp(column)) {
            Ok(at) => self.0[at].1 = text.into(),
            Err(at) => self.0.insert(at, (column, text.into())),
        }
    }

    /// Keeps only some columns.
    pub(super) fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.0.retain(|(column, text)| keep(column, text));
    }

    /// The columns with their texts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(column, text)| (*column, &**text))
    }
}

/// The outcome of one record; the error if the cause is not the record.
pub(super) type RecordResult = Result<Outcome, ServiceNowError>;

impl Outcome {
    /// How long the instance asked to wait, if it did.
    pub fn asked_for(&self) -> Option<std::time::Duration> {
        match self {
            Self::Deferred { retry_after, throttled: true, .. } => *retry_after,
            _ => None,
        }
    }
}

/// What was done to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Inserted,
    /// It existed.
    Updated,
    /// It existed, with this version.
    Unchanged,
}

/// A field that came back with another value: dropped by an access rule or an unknown column, shortened, rounded, or not in the choice
/// list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// The column.
    pub field: String,
    /// What was sent.
    pub sent: String,
    /// What came back; `None`: the column is not in the answer.
    pub returned: Option<String>,
}

/// A row that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The row.
    pub sys_id: SysId,
    /// The value of the version column, if it is a version.
    pub version: Option<VersionThere>,
    /// The requested columns, as plain values: key, version and the target's fields.
    pub fields: BTreeMap<String, String>,
}

/// The result of looking up a record with an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// ServiceNow has this version.
    Confirmed {
        /// The row.
        sys_id: SysId,
        /// The table of the row, if the instance names it: a transform map may choose one that no definition names.
        table: Option<String>,
        /// Fields that have another value than was sent.
        partial: Vec<FieldDifference>,
        /// The instance's message with the success.
        said: Option<Quoted>,
    },
    /// Its row belongs to another record.
    Conflict {
        /// The records and rows.
        message: Quoted,
        /// What a person can do.
        next_step: NextStep,
    },
    /// It was refused.
    Rejected {
        /// The instance's message.
        message: Quoted,
        /// The field, if the message names it.
        field: Option<String>,
        /// What a person can do.
        next_step: NextStep,
    },
    /// This version is not there: send it again.
    Absent,
    /// It is staged and not yet transformed.
    StillPending,
    /// The instance does not show the result.
    Unknown {
        /// Why not.
        reason: Quoted,
    },
}

/// A finding of `check` and `doctor` about a target table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFinding {
    /// The table.
    pub table: String,
    /// The result.
    pub verdict: ProbeVerdict,
    /// What was seen.
    pub message: Quoted,
    /// What to do; `None` when all is well.
    pub next_step: Option<NextStep>,
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// It works.
    Ok,
    /// It works, but not completely.
    Warning,
    /// It cannot work.
    Failed,
    /// The check could not be completed.
    Unknown,
}

/// Converts the message of a refusal: recognises the field and chooses the next step.
pub(super) fn rejection(words: &str, columns: &[&str]) -> (Quoted, Option<String>, NextStep) {
    let field = recognise(words, columns);
    let low = words.to_ascii_lowercase();
    let has = |any: &[&str]| any.iter().any(|word| low.contains(word));
    let step = if has(&["data policy", "mandatory"]) {
        NextStep::FieldRequired
    } else if has(&["coalesce"]) {
        NextStep::CoalesceRequired
    } else if has(&["acl", "security constraint", "insufficient rights", "not authorized"]) {
        NextStep::WriteForbidden
    } else if has(&["operation against file", "business rule", "aborted"]) {
        NextStep::BusinessRule
    } else if has(&["not found", "unable to resolve", "reference"]) {
        NextStep::ReferenceMissing
    } else {
        NextStep::RecordRefused
    };
    (words.into(), field, step)
}

/// The longest column whose name, or label (`u_amount_invoiced` as `amount invoiced`), occurs in the message as a whole word.
fn recognise(words: &str, columns: &[&str]) -> Option<String> {
    let low = words.to_ascii_lowercase();
    let alone = |needle: &str| {
        !needle.is_empty()
            && low.match_indices(needle).any(|(at, _)| {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                !low[..at].ends_with(part) && !low[at + needle.len()..].starts_with(part)
            })
    };
    let names = || columns.iter().filter(|name| alone(&name.to_ascii_lowercase()));
    let label = |name: &str| name.to_ascii_lowercase().trim_start_matches("u_").replace('_', " ");
    let labels = || columns.iter().filter(|name| alone(&label(name)));
    names().max_by_key(|name| name.len()).or_else(|| labels().max_by_key(|name| name.len())).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_recognised_by_name_before_label_and_only_as_a_whole_word() {
        let columns = ["u_amount", "u_amount_invoiced", "u_supplier"];
        let field = |words: &str| rejection(words, &columns).1;
        assert_eq!(field("Data Policy Exception: u_amount_invoiced is mandatory").as_deref(), Some("u_amount_invoiced"));
        assert_eq!(field("The following fields are mandatory: Amount invoiced").as_deref(), Some("u_amount_invoiced"));
        assert_eq!(field("Amount must not be negative").as_deref(), Some("u_amount"));
        assert_eq!(field("suppliers are closed"), None);
        assert!(rejection("Data Policy Exception: x is mandatory", &[]).2 == NextStep::FieldRequired);
        assert!(rejection("Operation against file 'x' was aborted", &[]).2 == NextStep::BusinessRule);
    }
}
