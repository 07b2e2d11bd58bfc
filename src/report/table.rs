//! A table that is written to files: what its columns hold, and the cells of its rows.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rust_decimal::Decimal;

use super::about::Column;

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts, and words with a text for people.
    Text,
    /// Numbers of things.
    Number,
    /// Amounts, or numbers of things where a row has no currency.
    Amount,
    /// Days.
    Date,
    /// Times, in UTC.
    Instant,
}

/// What a column is in the totals of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTotals {
    /// It is not in them.
    No,
    /// There is a total for each of its values.
    By,
    /// It is added up.
    Added,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name for programs, which never changes: `first_seen_at`.
    pub name: &'static str,
    /// Its heading for people.
    pub heading: &'static str,
    /// Its width, in characters.
    pub width: u16,
    /// What its cells hold.
    pub kind: Kind,
    in_totals: InTotals,
}

impl Field {
    const fn of(name: &'static str, heading: &'static str, width: u16, kind: Kind) -> Self {
        Self { name, heading, width, kind, in_totals: InTotals::No }
    }

    /// A column of texts.
    pub const fn text(name: &'static str, heading: &'static str, width: u16) -> Self {
        Self::of(name, heading, width, Kind::Text)
    }

    /// A column of numbers of things.
    pub const fn number(name: &'static str, heading: &'static str, width: u16) -> Self {
        Self::of(name, heading, width, Kind::Number)
    }

    /// A column of amounts. Another column has their currency.
    pub const fn amount(name: &'static str, heading: &'static str, width: u16) -> Self {
        Self::of(name, heading, width, Kind::Amount)
    }

    /// A column of days.
    pub const fn date(name: &'static str, heading: &'static str) -> Self {
        Self::of(name, heading, 12, Kind::Date)
    }

    /// A column of times.
    pub const fn instant(name: &'static str, heading: &'static str) -> Self {
        Self::of(name, heading, 23, Kind::Instant)
    }

    /// The same, with a total for each of its values.
    pub const fn by(self) -> Self {
        Self { in_totals: InTotals::By, ..self }
    }

    /// The same, added up in the totals.
    pub const fn added(self) -> Self {
        Self { in_totals: InTotals::Added, ..self }
    }

    pub(super) fn divides_totals(&self) -> bool {
        self.in_totals == InTotals::By
    }

    pub(super) fn is_added(&self) -> bool {
        self.in_totals == InTotals::Added
    }

    /// The same column in a document for paper.
    pub fn on_paper(&self) -> Column {
        Column { name: self.heading, width: self.width, number: matches!(self.kind, Kind::Number | Kind::Amount) }
    }

    /// Whether a cell holds what this column says.
    pub fn takes(&self, cell: &Cell) -> bool {
        match cell {
            Cell::Empty => true,
            Cell::Text(_) | Cell::Word { .. } => self.kind == Kind::Text,
            Cell::Count(_) => matches!(self.kind, Kind::Number | Kind::Amount),
            Cell::Amount(..) => self.kind == Kind::Amount,
            Cell::Day(_) => self.kind == Kind::Date,
            Cell::Instant(_) => self.kind == Kind::Instant,
        }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text, as it is: never a formula.
    Text(String),
    /// Something that programs know by a word, and people by a text: `changed_in_servicenow`, "changed in ServiceNow". A key is such a cell
    /// too: as it is stored, and as it is shown.
    Word {
        /// For programs.
        word: String,
        /// For people.
        text: String,
    },
    /// A number of things.
    Count(i64),
    /// An amount with all its digits, and the number of decimals that its currency has.
    Amount(Decimal, u32),
    /// A day.
    Day(NaiveDate),
    /// A time.
    Instant(DateTime<Utc>),
}

impl Cell {
    /// A word with a text for people.
    pub fn word(word: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Word { word: word.into(), text: text.into() }
    }

    /// `true` or `false` for programs, `yes` or `no` for people.
    pub fn yes_or_no(yes: bool) -> Self {
        Self::word(yes.to_string(), if yes { "yes" } else { "no" })
    }

    /// Its text in a file for programs: an amount with all its digits, a time in UTC with milliseconds.
    pub fn code(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Word { word: text, .. } => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Amount(amount, _) => amount.to_string(),
            Self::Day(day) => day.to_string(),
            Self::Instant(at) => at.to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }

    /// Its text for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word { text, .. } => text.clone(),
            other => other.code(),
        }
    }

    /// Whether it is a number, which cannot be a formula.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Amount(..))
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

impl From<i64> for Cell {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<i32> for Cell {
    fn from(count: i32) -> Self {
        Self::Count(count.into())
    }
}

impl From<NaiveDate> for Cell {
    fn from(day: NaiveDate) -> Self {
        Self::Day(day)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Instant(at)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}
