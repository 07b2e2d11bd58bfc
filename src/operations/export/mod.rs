//! The lists of the console as files: CSV for programs, workbooks for people. Both are made from one description of a table.
//!
//! `file` has the mechanism: a [`Table`] consists of its columns and a stream of pages from the ledger, a [`ListFile`] of facts about itself
//! and its tables. The other files describe the tables. Nothing holds a whole table: CSV is sent page by page, and a workbook is written to
//! a temporary file.

mod approvals;
mod audit;
mod backfills;
mod conflicts;
mod failures;
mod file;
mod findings;
mod flows;
mod records;
mod runs;
mod settings;
mod tasks;
mod tie_outs;

pub use self::approvals::approvals;
pub use self::audit::audit;
pub use self::backfills::backfills;
pub use self::conflicts::conflicts;
pub use self::failures::{causes, failures};
pub use self::file::{Asked, CsvLines, ListFile, Row, STEP, Table, csv_of};
pub use self::findings::findings;
pub use self::flows::{flows, nodes};
pub use self::records::records;
pub use self::runs::runs;
pub use self::settings::settings;
pub use self::tasks::tasks;
pub use self::tie_outs::tie_outs;
