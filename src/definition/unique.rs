//! Checks that the keys stated in a definition distinguish a document's rows: two rows with one key would be two amounts in one record.

use std::cmp::Ordering;

use crate::domain::next_step::NextStep;
use crate::domain::{Document, Fault, Row, Value};

use super::plan::{ChildRead, Plan};

/// The longest list of values in a message, in characters: rows may be wide.
const LONGEST: usize = 300;

impl Plan {
    /// The first problem of a document's received rows, or of the stated key.
    pub(super) fn fault(&self, document: &Document) -> Option<Fault> {
        let arrived = document.faults.first().cloned();
        arrived.or_else(|| self.read.children.iter().zip(&document.children).find_map(|(child, rows)| self.twice(child, rows)))
    }

    /// Finds two rows of a child with the same key.
    fn twice(&self, child: &ChildRead, rows: &[Row]) -> Option<Fault> {
        let mut rows: Vec<&Row> = rows.iter().collect();
        rows.sort_by(|a, b| order(child, a, b));
        let pair = rows.windows(2).find(|pair| order(child, pair[0], pair[1]).is_eq())?;
        let (table, entity) = (&child.table.table, &self.entity);
        let key = named(child, pair[0], |at| child.table.key_at.contains(&at));
        let differ: Vec<usize> = (0..pair[0].len()).filter(|&at| pair[0].get(at) != pair[1].get(at)).collect();
        let values = if differ.is_empty() {
            "with the same values".to_owned()
        } else {
            let values = |row| named(child, row, |at| differ.contains(&at));
            format!("with different values: ({}) and ({})", values(pair[0]), values(pair[1]))
        };
        let (child_name, entity) = (child.name.clone(), entity.to_string());
        let next_step = match &child.via {
            Some(via) => NextStep::ChildKeyTooShortVia { child: child_name, entity, table: table.clone(), via: via.table.table.clone() },
            None => NextStep::ChildKeyTooShort { child: child_name, entity },
        };
        Some(Fault { text: format!("two rows of `{table}` (`{}`) have the key {key} {values}", child.name).into(), next_step })
    }
}

/// The order of a child's rows by their key.
pub(crate) fn order(child: &ChildRead, a: &Row, b: &Row) -> Ordering {
    let parts = child.table.key_at.iter().map(|&at| compare(&a[at], &b[at]));
    parts.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Compares numbers by value, everything else by its text.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (a, b) => a.as_text().cmp(&b.as_text()),
    }
}

/// `Column=value` for the selected columns.
fn named(child: &ChildRead, row: &Row, wanted: impl Fn(usize) -> bool) -> String {
    let columns = child.column_names().zip(row.iter()).enumerate().filter(|(at, _)| wanted(*at));
    let mut text = columns.map(|(_, (name, value))| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}
