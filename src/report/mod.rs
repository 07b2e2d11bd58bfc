//! Reports as files: workbooks for a spreadsheet (XLSX), and documents for paper (PDF).
//!
//! A report consists of facts about itself ([`About`]) and tables. What a table contains is decided by the caller; this module only writes
//! it. The same report makes the same bytes: no file contains the time at which it was written.

mod font;
mod page;
mod pdf;
mod workbook;

use rust_decimal::Decimal;

pub use self::pdf::{Document, Part};
pub use self::workbook::{ROWS, Sheet, Sum, Workbook, WorkbookError};

/// What a report says about itself, so that a reader can rely on it: the sources, the filters, when, who, and with which definitions and
/// program.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name.
    pub title: String,
    /// Names and values, in order.
    pub facts: Vec<(&'static str, String)>,
    /// One line for the foot of every page.
    pub foot: String,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Its width, in characters.
    pub width: u16,
    /// Whether its cells are numbers, which are aligned to the right.
    pub number: bool,
}

impl Column {
    /// A column of texts.
    pub const fn text(name: &'static str, width: u16) -> Self {
        Self { name, width, number: false }
    }

    /// A column of numbers.
    pub const fn number(name: &'static str, width: u16) -> Self {
        Self { name, width, number: true }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text, as it is: never a formula.
    Text(String),
    /// A number of things.
    Count(i64),
    /// An amount with all its digits, and the number of decimals that its currency has.
    Amount(Decimal, u32),
}

impl Cell {
    /// Its text in a CSV file: an amount with all its digits.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Amount(amount, _) => amount.to_string(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }
}

impl From<i64> for Cell {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}
