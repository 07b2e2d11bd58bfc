//! Compares the fields of a part with a row of ServiceNow. Pure.

use std::collections::BTreeMap;

use super::view::{PartAction, PreviewDifference, PreviewOutcome, PreviewPart};
use crate::definition::plan::TargetPlan;
use crate::servicenow::{StoredRow, same};

/// What a row shows about a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) differences: Vec<PreviewDifference>,
    pub(super) not_compared: Vec<String>,
}

/// Compares these fields with a row. A field that the row does not show is not compared.
pub(super) fn compare<'a>(target: &TargetPlan, fields: impl Iterator<Item = (&'a str, &'a str)>, row: &StoredRow) -> Compared {
    let mut compared = Compared::default();
    for (name, value) in fields {
        match row.values.get(name) {
            None => compared.not_compared.push(name.to_owned()),
            Some(there) if same(target.form(name), value, there) => {}
            Some(there) => {
                compared.differences.push(PreviewDifference { field: name.to_owned(), mapped: value.to_owned(), servicenow: there.clone() })
            }
        }
    }
    compared
}

/// The names and values of a map.
pub(super) fn texts(fields: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// What sending these parts would do, as a whole.
pub(super) fn overall(parts: &[PreviewPart]) -> PreviewOutcome {
    let any = |wanted: PartAction| parts.iter().any(|part| part.action == wanted);
    if any(PartAction::NotCompared) {
        PreviewOutcome::NotCompared
    } else if any(PartAction::Create) && !any(PartAction::Update) && !any(PartAction::Nothing) && !any(PartAction::Gone) {
        PreviewOutcome::Create
    } else if any(PartAction::Create) || any(PartAction::Update) || any(PartAction::Gone) {
        PreviewOutcome::Update
    } else {
        PreviewOutcome::Unchanged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(actions: &[PartAction]) -> Vec<PreviewPart> {
        let part = |action: &PartAction| PreviewPart {
            part: "header".into(),
            table: "t".into(),
            action: *action,
            not_compared: None,
            fields: BTreeMap::new(),
            currencies: BTreeMap::new(),
            references: Vec::new(),
            row: None,
            differences: Vec::new(),
            fields_not_compared: Vec::new(),
            notes: Vec::new(),
        };
        actions.iter().map(part).collect()
    }

    #[test]
    fn a_record_is_created_only_if_servicenow_has_no_row_of_it() {
        use PartAction::{Create, Gone, NotCompared, Nothing, Update};
        for (actions, expected) in [
            (&[Create, Create][..], PreviewOutcome::Create),
            (&[Nothing, Create], PreviewOutcome::Update),
            (&[Nothing, Update], PreviewOutcome::Update),
            (&[Create, Gone], PreviewOutcome::Update),
            (&[Nothing, Gone], PreviewOutcome::Update),
            (&[Nothing, Nothing], PreviewOutcome::Unchanged),
            (&[Update, NotCompared], PreviewOutcome::NotCompared),
            (&[], PreviewOutcome::Unchanged),
        ] {
            assert_eq!(overall(&parts(actions)), expected, "{actions:?}");
        }
    }
}
