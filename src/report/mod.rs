//! Reports as files: workbooks for a spreadsheet (XLSX), and documents for paper (PDF).
//!
//! A report consists of facts about itself ([`About`]) and tables. What a table contains is decided by the caller; this module only writes
//! it. The same report makes the same bytes: no file contains the time at which it was written.

mod about;
mod font;
mod formats;
mod page;
mod pdf;
mod table;
mod tally;
mod workbook;

pub use self::about::{About, Column};
pub use self::pdf::{Document, Part};
pub use self::table::{Cell, Field, Kind};
pub use self::tally::Tally;
pub use self::workbook::{Workbook, WorkbookError};
