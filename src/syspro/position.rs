//! What is read next, and what was read: a page, where it starts and where it ends.

use std::rc::Rc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::order::Course;
use super::wire::Cell;
use crate::domain::Document;

/// Selects documents, the start and the number.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// Which documents.
    pub scope: ReadScope,
    /// The end of the page before; `None` for the first page.
    pub after: Option<Position>,
    /// The approximate number of rows of the queried table per page, 1 to 5000.
    pub limit: u32,
}

/// Selects documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadScope {
    /// All of them.
    All,
    /// The documents that one change query finds.
    Changed {
        /// Offset in `ReadPlan::changes`.
        query: usize,
        /// The first date, with the overlap already subtracted; `None`: no condition on dates.
        since: Option<NaiveDate>,
        /// The first date after the period; `None`: up to now.
        until: Option<NaiveDate>,
    },
}

/// The last key of a page as received, padding included. Stored as JSON; reading continues after it when the process restarts.
///
/// While the process lives, it also knows the keys before, so that a repeated row is noticed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Cell>", into = "Vec<Cell>")]
pub struct Position(Rc<Course>);

impl Position {
    /// After the rows of this course.
    pub(super) fn after(course: Course) -> Self {
        Self(Rc::new(course))
    }

    fn key(&self) -> &[Cell] {
        self.0.after.as_deref().unwrap_or_default()
    }

    /// The rows read so far.
    pub(super) fn course(&self) -> Course {
        Course::clone(&self.0)
    }
}

impl From<Vec<Cell>> for Position {
    fn from(key: Vec<Cell>) -> Self {
        Self(Rc::new(Course::beyond(Some(key))))
    }
}

impl From<Position> for Vec<Cell> {
    fn from(position: Position) -> Self {
        position.key().to_vec()
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Position {}

/// A page of documents.
#[derive(Clone, Debug)]
pub struct Page {
    /// The documents. After a change query they may be fewer or more than the rows found.
    pub documents: Vec<Document>,
    /// The start of the next page; `None`: the end was reached.
    pub next: Option<Position>,
    /// Rows received, of all tables.
    pub rows_read: u64,
    /// Rows of the queried table, before the definition excludes any.
    pub root_rows: u64,
    /// Whether the key of some row cannot be read: that row may belong to any record.
    pub nameless: bool,
    /// Columns (table, column) that the site lacks; they are read as null.
    pub missing_columns: Vec<(String, String)>,
    /// The number of requests.
    pub requests: u32,
}
