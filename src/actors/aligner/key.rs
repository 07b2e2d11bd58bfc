//! The texts by which records and rows of ServiceNow's list are matched.

use crate::definition::plan::TargetPlan;
use crate::domain::DocumentKey;

/// The natural key of a record or a row as one text; `None` without one, and when a part of it is empty.
pub(super) fn natural<'t>(target: &TargetPlan, of: impl Fn(&str) -> Option<&'t str>) -> Option<String> {
    let parts: Option<Vec<&str>> =
        target.natural_key.iter().map(|column| of(column).map(str::trim).filter(|text| !text.is_empty())).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| fitting(parts.join("\u{1f}")))
}

/// The text itself, or a short substitute (the same for the same text) when it is too long for an index.
pub(super) fn fitting(text: String) -> String {
    DocumentKey::from_text(&text).shortened().map_or(text, |short| short.to_string())
}
