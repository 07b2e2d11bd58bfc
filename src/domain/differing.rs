//! Finds the quoted values in which the messages of one cause differ, and counts the records of each. Pure.

use crate::domain::ids::DocumentId;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// A value in which the messages of one cause differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ValueCount {
    /// The number of the differing place in the messages, starting at 1: if messages differ in two places, each place has its own values.
    pub place: usize,
    /// The value.
    pub value: String,
    /// The number of records with this value at this place.
    pub documents: usize,
}

impl ValueCount {
    /// The value for display: a blank one would be invisible.
    pub fn shown(&self) -> &str {
        if self.value.trim().is_empty() { "(blank)" } else { &self.value }
    }
}

/// A message of a cause, and the records that have it.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// The message, without the names in the record.
    pub message: String,
    /// The records' numbers.
    pub documents: Vec<DocumentId>,
}

/// The quoted values at every place where messages of one form differ; for each place, the most frequent first. A place that only repeats
/// an earlier one is left out. If messages have different numbers of values, only the places that all have are compared.
pub fn differing(messages: &[Message]) -> Vec<ValueCount> {
    let quoted = |message: &Message| message.message.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let all: Vec<(Vec<String>, &[DocumentId])> = messages.iter().map(|message| (quoted(message), message.documents.as_slice())).collect();
    let places = all.iter().map(|(values, _)| values.len()).min().unwrap_or_default();
    let column = |place: usize| all.iter().map(|(values, _)| values[place].as_str()).collect::<Vec<_>>();
    let mut seen: Vec<Vec<&str>> = Vec::new();
    for place in 0..places {
        let column = column(place);
        if column.iter().any(|value| *value != column[0]) && !seen.contains(&column) {
            seen.push(column);
        }
    }
    let mut found = Vec::new();
    for (number, column) in seen.iter().enumerate() {
        let mut counts: BTreeMap<&str, HashSet<DocumentId>> = BTreeMap::new();
        for (value, (_, documents)) in column.iter().zip(&all) {
            counts.entry(value).or_default().extend(documents.iter());
        }
        let mut of_place: Vec<ValueCount> = counts
            .into_iter()
            .map(|(value, documents)| ValueCount { place: number + 1, value: value.to_owned(), documents: documents.len() })
            .collect();
        of_place.sort_by(|a, b| b.documents.cmp(&a.documents).then_with(|| a.value.cmp(&b.value)));
        found.extend(of_place);
    }
    found
}

/// The values place by place.
pub fn by_place(values: &[ValueCount]) -> Vec<&[ValueCount]> {
    values.chunk_by(|one, other| one.place == other.place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(message: &str, documents: &[i64]) -> Message {
        Message { message: message.into(), documents: documents.iter().copied().map(DocumentId).collect() }
    }

    #[test]
    fn a_blank_value_can_be_seen() {
        assert_eq!(["", "  ", "Q"].map(|text| value(1, text, 1).shown().to_owned()), ["(blank)", "(blank)", "Q"]);
    }

    fn value(place: usize, value: &str, documents: usize) -> ValueCount {
        ValueCount { place, value: value.into(), documents }
    }

    #[test]
    fn what_differs_between_messages_is_counted() {
        let unmapped = |code: &str| {
            format!("field `u_currency` of `…` cannot be mapped from Currency = `{code}`: the code list `currency` has no `{code}`")
        };
        let eight: Vec<i64> = (1..=8).collect();
        assert_eq!(
            differing(&[message(&unmapped("EUR"), &eight), message(&unmapped("$"), &[9, 10, 11, 12])]),
            [value(1, "EUR", 8), value(1, "$", 4)]
        );
        assert_eq!(differing(&[message(&unmapped("EUR"), &eight)]), []);
        assert_eq!(differing(&[message("no answer", &[1]), message("no answer at all", &[2])]), []);
        // another number of values: only the places that all have are compared
        assert_eq!(differing(&[message("a `1` `2`", &[1]), message("a `1`", &[2])]), []);
        assert_eq!(differing(&[]), []);
    }

    #[test]
    fn two_values_that_differ_are_counted_each_for_itself() {
        let wrong = |terms: &str, code: &str| format!("terms `{terms}` and currency `{code}` of `…` are not known");
        let all = [
            message(&wrong("30", "EUR"), &[1, 2, 3]),
            message(&wrong("30", "$"), &[4]),
            message(&wrong("60", "EUR"), &[5, 6]),
            // a record with two failed parts counts once
            message(&wrong("60", "R"), &[6, 7]),
        ];
        let counted = differing(&all);
        assert_eq!(counted, [value(1, "30", 4), value(1, "60", 3), value(2, "EUR", 5), value(2, "R", 2), value(2, "$", 1)]);
        let places: Vec<usize> = by_place(&counted).iter().map(|values| values.len()).collect();
        assert_eq!(places, [2, 3]);
    }

    proptest! {
        #[test]
        fn every_record_is_counted_at_every_differing_place(values in proptest::collection::vec((0..4u8, 0..4u8), 1..40)) {
            let messages: Vec<Message> =
                values.iter().zip(1..).map(|((a, b), id)| message(&format!("x `{a}` y `{b}`"), &[id])).collect();
            for of_place in by_place(&differing(&messages)) {
                prop_assert_eq!(of_place.iter().map(|one| one.documents).sum::<usize>(), values.len());
            }
        }
    }
}
