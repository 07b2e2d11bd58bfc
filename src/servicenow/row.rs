//! A row of an answer. All its names and values are in one buffer, because an answer has many of them and most are compared once.

use std::ops::Range;

/// One object of `result`.
#[derive(Debug, Clone, Default)]
pub struct Row {
    text: String,
    /// In the order of their names.
    cells: Vec<Cell>,
}

/// A value of a row: documented as a string, a `{link, value}` reference or a `{display_value, value}` pair. Each part is a range of the
/// row's text.
#[derive(Debug, Clone)]
struct Cell {
    name: Range<usize>,
    value: Range<usize>,
    display: Option<Range<usize>>,
}

impl Row {
    /// A row of columns with their raw values and, if present, their display values. The last of several with one name counts.
    pub fn of<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str, Option<&'a str>)>) -> Self {
        let mut row = Self::default();
        for (name, value, display) in columns {
            row.push(name, value, display);
        }
        row.sorted()
    }

    /// Adds a column. The row can be read after [`Row::sorted`].
    pub(super) fn push(&mut self, name: &str, value: &str, display: Option<&str>) {
        let mut part = |text: &str| {
            let from = self.text.len();
            self.text.push_str(text);
            from..self.text.len()
        };
        let (name, value, display) = (part(name), part(value), display.map(part));
        self.cells.push(Cell { name, value, display });
    }

    /// The row with all its columns.
    #[must_use]
    pub(super) fn sorted(mut self) -> Self {
        let text = &self.text;
        self.cells.sort_by(|a, b| text[a.name.clone()].cmp(&text[b.name.clone()]));
        // the sort keeps the order of equal names
        self.cells.dedup_by(|later, first| {
            let same = text[later.name.clone()] == text[first.name.clone()];
            if same {
                std::mem::swap(later, first);
            }
            same
        });
        self
    }

    fn cell(&self, column: &str) -> Option<&Cell> {
        let at = self.cells.binary_search_by(|cell| self.text[cell.name.clone()].cmp(column)).ok()?;
        self.cells.get(at)
    }

    /// A column's value; `None` when the column is not there.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.cell(column).map(|cell| &self.text[cell.value.clone()])
    }

    /// A column's display value, if present.
    pub fn display(&self, column: &str) -> Option<&str> {
        self.cell(column)?.display.clone().map(|display| &self.text[display])
    }

    /// A column's value; `None` if it is missing or empty.
    pub fn filled(&self, column: &str) -> Option<&str> {
        self.text(column).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The columns with their values, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cells.iter().map(|cell| (&self.text[cell.name.clone()], &self.text[cell.value.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_of_one_name_counts() {
        let row = Row::of([("b", "1", None), ("a", " 2 ", Some("two")), ("b", "3", Some("three")), ("c", "", None), ("b", "4", None)]);
        assert_eq!(row.iter().collect::<Vec<_>>(), [("a", " 2 "), ("b", "4"), ("c", "")]);
        assert_eq!((row.text("b"), row.display("b"), row.display("a")), (Some("4"), None, Some("two")));
        assert_eq!((row.filled("a"), row.filled("c"), row.text("d")), (Some("2"), None, None));
    }
}
