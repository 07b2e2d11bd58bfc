//! Rows that match a record with rows of another table, such as an invoice with goods receipts: finds the rows that a record is matched
//! with. Several records may share one. Plain functions.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;

use crate::domain::money::parse_decimal;

use super::wire::Cell;

/// The positions of the columns of both sides.
pub(super) struct Places {
    /// In a row in between: the number by which such rows cancel each other.
    pub(super) net: usize,
    /// In a row in between: the columns in common with the other rows.
    pub(super) on: Vec<usize>,
    /// In a row in between, and in one of the other rows: the columns that distinguish them. Empty: they are not distinguished.
    pub(super) narrow: (Vec<usize>, Vec<usize>),
}

fn key(row: &[Cell], at: &[usize]) -> Vec<String> {
    at.iter().map(|at| row[*at].key_text()).collect()
}

/// The rows that a record is matched with, each once. `found`: by the values that they share with the rows in between.
pub(super) fn matched<'r>(between: &[Vec<Cell>], found: &'r HashMap<Vec<String>, Vec<Vec<Cell>>>, places: &Places) -> Vec<&'r Vec<Cell>> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Vec<Cell>>> = BTreeMap::new();
    for row in between {
        groups.entry(key(row, &places.on)).or_default().push(row);
    }
    let (left, right) = &places.narrow;
    let mut matched = Vec::new();
    for (group, between) in groups.iter().filter(|(_, between)| !cancelled(between, places.net)) {
        let rows = found.get(group).map(Vec::as_slice).unwrap_or_default();
        let own = |row: &[Cell]| between.iter().filter(|one| key(one, left) == key(row, right)).copied().collect::<Vec<_>>();
        // a row without a match of its own, such as a reversal by another journal, does not show which one it belongs to
        let each = !left.is_empty() && between.iter().all(|one| rows.iter().any(|row| key(one, left) == key(row, right)));
        matched.extend(rows.iter().filter(|row| {
            let own = own(row);
            !each || (!own.is_empty() && !cancelled(&own, places.net))
        }));
    }
    matched
}

/// Whether rows cancel each other: their numbers add up to zero, and are not all zero. A value that is not a number cancels nothing.
fn cancelled(rows: &[&Vec<Cell>], net: usize) -> bool {
    let number = |row: &&Vec<Cell>| match &row[net] {
        Cell::Number(text) => parse_decimal(text),
        Cell::Text(text) => parse_decimal(text.trim()),
        _ => None,
    };
    let Some(numbers) = rows.iter().map(number).collect::<Option<Vec<Decimal>>>() else { return false };
    let sum = numbers.iter().try_fold(Decimal::ZERO, |sum, number| sum.checked_add(*number));
    sum == Some(Decimal::ZERO) && numbers.iter().any(|number| !number.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(|text| Cell::Text((*text).into())).collect()
    }

    /// Rows in between: receipt, journal, value. The others: receipt, journal, order.
    fn orders(between: &[[&str; 3]], receipts: &[[&str; 3]]) -> Vec<String> {
        let places = Places { net: 2, on: vec![0], narrow: (vec![1], vec![1]) };
        let mut found: HashMap<Vec<String>, Vec<Vec<Cell>>> = HashMap::new();
        for receipt in receipts {
            found.entry(vec![receipt[0].to_owned()]).or_default().push(row(receipt));
        }
        let between: Vec<Vec<Cell>> = between.iter().map(|one| row(one)).collect();
        matched(&between, &found, &places).iter().map(|row| row[2].key_text()).collect()
    }

    #[test]
    fn a_row_leads_to_its_own_receipt_and_to_all_where_it_has_none() {
        let receipts = [["G1", "7", "A"], ["G1", "8", "B"], ["G2", "7", "C"]];
        assert_eq!(orders(&[["G1", "7", "60.00"]], &receipts), ["A"]);
        assert_eq!(orders(&[["G1", "7", "60.00"], ["G1", "7", "1.00"], ["G2", "7", "5"]], &receipts), ["A", "C"], "each once");
        assert_eq!(orders(&[["G1", "4711", "60.00"]], &receipts), ["A", "B"], "by another journal: which of them is not known");
        assert_eq!(orders(&[["G3", "7", "60.00"]], &receipts), [""; 0]);
    }

    #[test]
    fn rows_that_add_up_to_zero_cancel_one_another() {
        let receipts = [["G1", "7", "A"], ["G1", "8", "B"]];
        assert_eq!(orders(&[["G1", "7", "60.00"], ["G1", "7", "-60.00"]], &receipts), [""; 0]);
        assert_eq!(orders(&[["G1", "7", "60.00"], ["G1", "4711", "-60"]], &receipts), [""; 0], "reversed by another journal");
        assert_eq!(orders(&[["G1", "7", "60"], ["G1", "8", "40"], ["G1", "7", "-60"]], &receipts), ["B"]);
        assert_eq!(orders(&[["G1", "7", "60"], ["G1", "7", "60"], ["G1", "7", "-60"]], &receipts), ["A"], "twice, and reversed once");
        assert_eq!(orders(&[["G1", "7", "0.00"]], &receipts), ["A"], "goods that cost nothing");
        assert_eq!(orders(&[["G1", "7", ""]], &receipts), ["A"], "no number cancels nothing");
    }
}
