//! Rows of one table, stored by column, with sorted indexes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use super::schema::{SqlType, TableSchema};
use tieline_values::money::parse_decimal;

/// One value. Text is kept without trailing spaces, because SQL Server ignores them in comparisons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// No date.
    Null,
    /// Days since 1970-01-01.
    Date(i32),
    /// A decimal, multiplied by ten to the power of the column's scale; or a row version.
    Number(i64),
    /// Characters; rows that follow one another often share them.
    Text(Arc<str>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.trim_end_matches(' ').into())
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}
impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}
/// Already at the column's scale: cents for `decimal(14,2)`.
impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date.to_epoch_days())
    }
}
impl From<Option<NaiveDate>> for Cell {
    fn from(date: Option<NaiveDate>) -> Self {
        date.map_or(Self::Null, Self::from)
    }
}

impl Cell {
    /// The default value of a column.
    pub fn blank(sql: SqlType) -> Self {
        match sql {
            SqlType::Char(_) | SqlType::Varchar(_) => Self::Text("".into()),
            SqlType::Decimal(..) | SqlType::RowVersion => Self::Number(0),
            SqlType::DateTime => Self::Null,
        }
    }

    /// Reads the text that a person would write: `12.50`, `2026-01-31`, empty for no date.
    pub fn read(text: &str, sql: SqlType) -> Option<Self> {
        Some(match sql {
            SqlType::Char(_) | SqlType::Varchar(_) => text.into(),
            SqlType::DateTime if text.is_empty() => Self::Null,
            SqlType::DateTime => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.into(),
            SqlType::Decimal(_, scale) => {
                let mut number = parse_decimal(text)?;
                number.rescale(scale.into());
                (number == parse_decimal(text)?).then_some(())?;
                Self::Number(i64::try_from(number.mantissa()).ok()?)
            }
            SqlType::RowVersion => return None,
        })
    }

    /// The date, if it is one.
    pub fn date(&self) -> Option<NaiveDate> {
        match self {
            Self::Date(days) => NaiveDate::default().checked_add_days(Days::new(u64::try_from(*days).ok()?)),
            _ => None,
        }
    }

    /// The text; empty for what is none.
    pub fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// The number at the column's scale; 0 for what is none.
    pub fn number(&self) -> i64 {
        if let Self::Number(number) = self { *number } else { 0 }
    }

    /// Appends bytes that sort as the values do. No value's bytes are the beginning of another's.
    pub fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Null => into.push(0),
            Self::Date(days) => {
                into.push(1);
                into.extend_from_slice(&(days.cast_unsigned() ^ 1 << 31).to_be_bytes());
            }
            Self::Number(number) => into.extend_from_slice(&(number.cast_unsigned() ^ 1 << 63).to_be_bytes()),
            Self::Text(text) => {
                into.extend_from_slice(text.as_bytes());
                into.push(0);
            }
        }
    }
}

/// Places in an index, from the first (included) to the second (excluded; `None`: to the end).
pub type KeyRange = (Vec<u8>, Option<Vec<u8>>);

type Index = BTreeMap<Box<[u8]>, u32>;

/// A column in which most rows hold the same value uses almost no memory.
#[derive(Debug, Clone)]
struct Column {
    blank: Cell,
    cells: Vec<Cell>,
}

/// The rows of one table in one company. A slot identifies a row and is never reused.
#[derive(Debug, Clone)]
pub struct Table {
    /// Names and types.
    pub schema: &'static TableSchema,
    columns: Vec<Column>,
    slots: u32,
    /// The primary key first, then the schema's further indexes, each continued by the primary key.
    indexes: Vec<(Vec<usize>, Index)>,
}

impl Table {
    /// An empty table.
    pub fn new(schema: &'static TableSchema) -> Self {
        let columns = schema.columns.iter().map(|column| Column { blank: Cell::blank(column.sql), cells: vec![] }).collect();
        let mut indexes = vec![(schema.key.clone(), Index::new())];
        for index in &schema.indexes {
            let rest = schema.key.iter().filter(|at| !index.contains(at));
            indexes.push((index.iter().chain(rest).copied().collect(), Index::new()));
        }
        Self { schema, columns, slots: 0, indexes }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.indexes[0].1.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row.
    pub fn cell(&self, slot: u32, column: usize) -> &Cell {
        let column = &self.columns[column];
        column.cells.get(slot as usize).unwrap_or(&column.blank)
    }

    /// The columns of each index in order, the primary key's first.
    pub fn indexes(&self) -> impl Iterator<Item = &[usize]> {
        self.indexes.iter().map(|(columns, _)| columns.as_slice())
    }

    /// The slots of a range, in the order of the index.
    pub fn range(&self, index: usize, (from, to): &KeyRange) -> impl DoubleEndedIterator<Item = u32> {
        let to = to.as_ref().map_or(Bound::Unbounded, |to| Bound::Excluded(to.as_slice()));
        // the map refuses a range that ends before it begins
        let from = match to {
            Bound::Excluded(to) if to < from.as_slice() => to,
            _ => from.as_slice(),
        };
        self.indexes[index].1.range::<[u8], _>((Bound::Included(from), to)).map(|(_, slot)| *slot)
    }

    /// Every slot in the order of the primary key.
    pub fn slots(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.indexes[0].1.values().copied()
    }

    /// The row with this primary key, given in the key's order.
    pub fn find(&self, key: &[Cell]) -> Option<u32> {
        let mut bytes = vec![];
        key.iter().for_each(|cell| cell.encode(&mut bytes));
        self.indexes[0].1.get(bytes.as_slice()).copied()
    }

    /// Adds a row; columns not named are blank. `Err` holds the slot of the row that has this key already.
    pub fn insert(&mut self, values: impl IntoIterator<Item = (usize, Cell)>, version: i64) -> Result<u32, u32> {
        let slot = self.slots;
        for (at, cell) in values {
            self.put(slot, at, cell);
        }
        self.put(slot, self.schema.columns.len() - 1, Cell::Number(version));
        let key = self.key(slot, 0);
        if let Some(holder) = self.indexes[0].1.get(&key).copied() {
            self.columns.iter_mut().for_each(|column| column.cells.truncate(slot as usize));
            return Err(holder);
        }
        self.slots += 1;
        self.index(slot);
        Ok(slot)
    }

    /// Changes columns of a row. Key columns too, as long as the new key is free; otherwise nothing is changed and the holder's slot is returned.
    pub fn update(&mut self, slot: u32, values: &[(usize, Cell)], version: i64) -> Result<(), u32> {
        self.unindex(slot);
        let before: Vec<(usize, Cell)> = values.iter().map(|(at, _)| (*at, self.cell(slot, *at).clone())).collect();
        for (at, cell) in values {
            self.put(slot, *at, cell.clone());
        }
        if let Some(holder) = self.indexes[0].1.get(&self.key(slot, 0)).copied() {
            for (at, cell) in before {
                self.put(slot, at, cell);
            }
            self.index(slot);
            return Err(holder);
        }
        self.put(slot, self.schema.columns.len() - 1, Cell::Number(version));
        self.index(slot);
        Ok(())
    }

    /// Removes a row.
    pub fn delete(&mut self, slot: u32) {
        self.unindex(slot);
    }

    /// The exact sum of a decimal column; `None` for another type.
    pub fn sum(&self, column: usize) -> Option<Decimal> {
        let SqlType::Decimal(_, scale) = self.schema.columns[column].sql else { return None };
        let total: i128 = self.slots().map(|slot| i128::from(self.cell(slot, column).number())).sum();
        Decimal::try_from_i128_with_scale(total, scale.into()).ok()
    }

    fn put(&mut self, slot: u32, column: usize, cell: Cell) {
        let column = &mut self.columns[column];
        let slot = slot as usize;
        // memory: most texts are those of one of the rows before
        let near = column.cells.iter().take(slot).rev().take(4).find(|near| **near == cell);
        let cell = near.cloned().unwrap_or(cell);
        if slot < column.cells.len() {
            column.cells[slot] = cell;
        } else if cell != column.blank {
            column.cells.resize(slot, column.blank.clone());
            column.cells.push(cell);
        }
    }

    fn key(&self, slot: u32, index: usize) -> Box<[u8]> {
        let mut bytes = vec![];
        self.indexes[index].0.iter().for_each(|column| self.cell(slot, *column).encode(&mut bytes));
        bytes.into()
    }

    fn index(&mut self, slot: u32) {
        for index in 0..self.indexes.len() {
            let key = self.key(slot, index);
            self.indexes[index].1.insert(key, slot);
        }
    }

    fn unindex(&mut self, slot: u32) {
        for index in 0..self.indexes.len() {
            let key = self.key(slot, index);
            self.indexes[index].1.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_in_the_order_of_their_keys() {
        let mut table = Table::new(TableSchema::find("ApInvoice").expect("table"));
        for (supplier, invoice) in [("b", "1"), ("a", "2"), ("B", "1"), ("a", "10"), ("", "x")] {
            table.insert([(0, supplier.into()), (1, invoice.into())], 1).expect("free key");
        }
        assert_eq!(table.insert([(0, "a".into()), (1, "2 ".into())], 1), Err(1), "blanks at the end make no difference");
        let keys: Vec<_> = table.slots().map(|slot| (table.cell(slot, 0).text(), table.cell(slot, 1).text())).collect();
        assert_eq!(keys, [("", "x"), ("B", "1"), ("a", "10"), ("a", "2"), ("b", "1")]);
        let slot = table.find(&["a".into(), "10".into()]).expect("row");
        assert_eq!(table.update(slot, &[(1, "2".into())], 2), Err(1));
        assert_eq!(table.update(slot, &[(1, "3".into())], 2), Ok(()));
        assert_eq!(table.find(&["a".into(), "10".into()]), None);
        table.delete(slot);
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn encoded_values_sort_as_values() {
        let cells = [Cell::Null, Cell::Date(-3), Cell::Date(7), Cell::Number(i64::MIN), Cell::Number(-1), Cell::Number(0), Cell::Number(9)];
        for (a, b) in cells.iter().zip(&cells[1..]).filter(|(a, b)| std::mem::discriminant(*a) == std::mem::discriminant(*b)) {
            let bytes = |cell: &Cell| {
                let mut bytes = vec![];
                cell.encode(&mut bytes);
                bytes
            };
            assert!(bytes(a) < bytes(b), "{a:?} {b:?}");
        }
        assert_eq!(Cell::read("12.5", SqlType::Decimal(14, 2)), Some(Cell::Number(1250)));
        assert_eq!(Cell::read("12.505", SqlType::Decimal(14, 2)), None);
    }
}
