//! What goes out for one record, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::domain::version::{VersionText, VersionThere};
use crate::redact::Quoted;

use super::error::ServiceNowError;

/// One record on its way.
#[derive(Debug, Clone)]
pub struct OutRecord {
    /// The delivery's number; only handed through to logs.
    pub delivery: i64,
    /// Written to the key column.
    pub source_key: String,
    /// Written to the version column.
    pub version: VersionText,
    /// The fields, all text, without key and version column.
    pub fields: BTreeMap<String, String>,
    /// Import sets only: those of the fields that are empty, and were filled when the record was last delivered.
    pub cleared: BTreeSet<String>,
    /// The row's sys_id where it is known from an earlier delivery or from adoption.
    pub sys_id: Option<SysId>,
    /// The table of that row.
    pub sys_table: Option<String>,
    /// The sys_id a new row gets; see [`derived_sys_id`](crate::definition::record::derived_sys_id).
    pub derived_sys_id: String,
    /// It travels in a request of its own: what it was sent with before had no usable answer, and perhaps because of it.
    pub alone: bool,
    /// An earlier try may have landed.
    pub may_exist: bool,
    /// What the row must still say when it is written; `None`: whatever it says is overwritten, and a row that is gone is made again.
    pub expects: Option<BTreeMap<String, String>>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in ServiceNow.
    Confirmed {
        /// The row.
        sys_id: SysId,
        /// The table it stands in.
        table: String,
        /// What was done.
        how: How,
        /// Fields that came back otherwise than they were sent; of an import set only where its staging row was read.
        partial: Vec<FieldDifference>,
        /// What the instance said beside the success: a comment, a transform map for another table that failed.
        said: Option<Quoted>,
    },
    /// The row that was written is another record's, or is a second row of this record.
    Conflict {
        /// Which records and rows.
        message: Quoted,
        /// What a person can do.
        next_step: NextStep,
    },
    /// It was refused, and will be again until the record or the instance changes.
    Rejected {
        /// The instance's own words.
        message: Quoted,
        /// The field, where it can be recognised in the words.
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
        /// Whether the instance asked for time (status 429).
        throttled: bool,
    },
    /// Nothing was done: the row no longer says what the record expects of it, or is gone.
    Withdrawn {
        /// What it says.
        message: Quoted,
    },
    /// It may have been done; it is looked up before it is sent again.
    Unknown {
        /// Why.
        message: Quoted,
    },
}

/// One verdict per record, the error where the trouble was none of the record's.
pub(super) type Verdict = Result<Outcome, ServiceNowError>;

impl Outcome {
    /// How long the instance asked to be left alone, where it did.
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
    /// It was there.
    Updated,
    /// It was there, with this version.
    Unchanged,
}

/// A field that came back otherwise than it was sent: dropped by an access rule or an unknown column, cut, rounded, not in the choice list.
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
    /// What the version column says, where it says something of a version.
    pub version: Option<VersionThere>,
    /// The columns asked for, as plain values: key, version and the target's fields.
    pub fields: BTreeMap<String, String>,
}

/// What a look-up says of a record whose outcome was unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// This version stands in ServiceNow.
    Confirmed {
        /// The row.
        sys_id: SysId,
        /// The table it stands in, where the instance says so: a transform map may put it where no definition names.
        table: Option<String>,
        /// Fields that stand there otherwise than they were sent.
        partial: Vec<FieldDifference>,
        /// What the instance said beside the success.
        said: Option<Quoted>,
    },
    /// Its row is another record's.
    Conflict {
        /// Which records and rows.
        message: Quoted,
        /// What a person can do.
        next_step: NextStep,
    },
    /// It was refused.
    Rejected {
        /// The instance's own words.
        message: Quoted,
        /// The field, where it can be recognised in the words.
        field: Option<String>,
        /// What a person can do.
        next_step: NextStep,
    },
    /// This version is not there: send it again.
    Absent,
    /// It is staged and not yet transformed.
    StillPending,
    /// The instance does not let us know.
    Unknown {
        /// Why not.
        reason: Quoted,
    },
}

/// One line of `check` and `doctor` about a target table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFinding {
    /// The table.
    pub table: String,
    /// How it stands.
    pub verdict: ProbeVerdict,
    /// What was seen.
    pub message: Quoted,
    /// What to do; `None` when all is well.
    pub next_step: Option<NextStep>,
}

/// How a probed thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// Well.
    Ok,
    /// It works, but not wholly.
    Warning,
    /// It cannot work.
    Failed,
    /// The instance does not let us know.
    CouldNotTell,
}

/// Words of a refusal, made into a rejection: the field recognised, the next step chosen.
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

/// The longest column whose name, or label (`u_amount_invoiced` as `amount invoiced`), stands in the words on its own.
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
