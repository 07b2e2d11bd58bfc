//! The state of a record while it is written: the next step, why a row is read first, what is written, and what the row must show then.

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::version::VersionThere;
use crate::servicenow::outcome::{How, OutRecord, Outcome, RecordResult, Written, rejection};
use crate::servicenow::query::columns;
use crate::servicenow::wire::Words;

/// The state of one record.
pub(super) enum Step {
    Insert,
    Update(SysId),
    /// The answer may hide the state of the row: the row is read before the answer counts.
    Check {
        why: Why,
        updating: Option<SysId>,
    },
    Done(RecordResult),
}

/// Why a row is read before an answer counts.
pub(super) enum Why {
    /// The write was refused: it may have been committed anyway.
    Refused(Words),
    /// The row to be updated is not visible: deleted, or hidden by an access rule.
    Unseen(Words),
    /// The answer shows the row with another version than was sent.
    Old(VersionThere),
}

impl Why {
    pub(super) fn line(&self, target: &TargetPlan, record: &OutRecord) -> String {
        match self {
            Why::Refused(words) => format!("refused ({})", words.line()),
            Why::Unseen(words) => format!("the row cannot be seen ({})", words.line()),
            Why::Old(version) => {
                let column = target.version_column.as_deref().unwrap_or("the version");
                format!("answered with `{column}` = {version} instead of {}", record.version)
            }
        }
    }
}

pub(super) fn key_column(target: &TargetPlan) -> String {
    target.key_column.clone().unwrap_or_else(|| "the key column".to_owned())
}

/// Everything that is written: the fields, the key and the version.
pub(super) fn written<'a>(target: &'a TargetPlan, record: &'a OutRecord) -> Written<'a> {
    let mut fields = Written::of(record);
    if let Some(column) = &target.key_column {
        fields.set(column, record.source_key.as_str());
    }
    if let Some(column) = &target.version_column {
        fields.set(column, record.version.to_string());
    }
    fields
}

/// What a row must show. If an empty field was sent for a new row, the instance may have set a default: no value of SYSPRO is lost.
pub(super) fn must_show<'a>(target: &'a TargetPlan, record: &'a OutRecord, how: How) -> Written<'a> {
    let mut fields = written(target, record);
    fields.retain(|_, text| how != How::Inserted || !text.trim().is_empty());
    fields
}

pub(super) fn refused(target: &TargetPlan, words: &str) -> Outcome {
    let (message, field, next_step) = rejection(words, &columns(target));
    Outcome::Rejected { message, field, next_step }
}
