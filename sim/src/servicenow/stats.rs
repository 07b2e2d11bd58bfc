//! Rows and figures of an instance, for tests and reconciliation.

use std::collections::{BTreeMap, HashSet};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use tieline_values::money::parse_decimal;

use super::rows::{Row, Table};

/// Every row with its filled columns and its `sys_id`.
pub(super) fn rows(table: &Table) -> Vec<BTreeMap<String, String>> {
    table.iter().map(|(_, one)| filled(table, one)).collect()
}

/// The same of one row.
pub(super) fn row(table: &Table, sys_id: &str) -> Option<BTreeMap<String, String>> {
    table.row(table.find_id(sys_id)?).map(|one| filled(table, one))
}

fn filled(table: &Table, row: &Row) -> BTreeMap<String, String> {
    let fields = table.fields(row).map(|(column, text)| (column.to_owned(), text.to_owned()));
    fields.chain([("sys_id".to_owned(), table.id_text(row))]).collect()
}

/// These columns of every row, empty ones included.
pub(super) fn texts(table: &Table, columns: &[&str]) -> Vec<Vec<String>> {
    table.iter().map(|(_, row)| columns.iter().map(|column| table.text(row, column).into_owned()).collect()).collect()
}

/// The exact sum of a column; texts that are not numbers count as zero.
pub(super) fn sum(table: &Table, column: &str) -> Decimal {
    table.iter().filter_map(|(_, row)| parse_decimal(&table.text(row, column))).sum()
}

/// The number of different texts of a column, without case, and the number of rows that have one.
pub(super) fn distinct(table: &Table, column: &str) -> (usize, usize) {
    let (mut seen, mut filled) = (HashSet::new(), 0);
    for (_, row) in table.iter() {
        let text = table.text(row, column);
        if !text.is_empty() {
            filled += 1;
            seen.insert(text.to_lowercase());
        }
    }
    (seen.len(), filled)
}

/// A table's figures for the control routes.
pub(super) fn table(table: &Table) -> Value {
    let (keys, filled) = distinct(table, "u_source_key");
    let money = |column: &&str| ["amount", "value", "total"].iter().any(|word| column.contains(word));
    let sums: BTreeMap<&str, String> =
        table.columns().into_iter().filter(money).map(|column| (column, sum(table, column).normalize().to_string())).collect();
    json!({"count": table.live, "keys": keys, "duplicates": filled - keys, "sums": sums})
}
