//! What lists and sums show of a record: its amount, the currency, its date.

use crate::domain::money::parse_decimal;
use crate::domain::{Document, Facts, Value};

use super::plan::Plan;

/// Offsets of the root row's columns that lists and sums show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shows {
    /// The amount.
    pub amount: Option<usize>,
    /// Its currency.
    pub currency: Option<usize>,
    /// The date.
    pub date: Option<usize>,
}

impl Plan {
    /// What lists and sums show of a document.
    pub fn facts(&self, document: &Document) -> Facts {
        let at = |place: Option<usize>| place.and_then(|at| document.root.get(at));
        let amount = match at(self.shows.amount) {
            Some(Value::Number(amount)) => Some(*amount),
            Some(Value::Text(text)) => parse_decimal(text.trim()),
            _ => None,
        };
        let currency = at(self.shows.currency).filter(|_| amount.is_some()).map(|value| value.to_text().trim().to_owned());
        let dated = match at(self.shows.date) {
            Some(Value::Date(date)) => Some(*date),
            Some(Value::Text(text)) => text.get(..10).and_then(|text| text.parse().ok()),
            _ => None,
        };
        Facts { amount, currency: currency.filter(|currency| !currency.is_empty()), dated }
    }
}
