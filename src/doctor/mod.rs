//! Live checks of both systems, rights, clocks, certificates and the database: what was found, and what to do.
//!
//! There is one module per checked part; all of them write to one [`Report`]. Only `operations::diagnostics` starts them, for the command line
//! and for the service.
//! No record is read or written; the only write is a test row, which is deleted again. [`one_record`] is separate from these checks: it
//! finds out why a record of SYSPRO was never read.

mod all_checks;
mod certificates;
mod clock;
mod credential_step;
mod database;
pub mod disk;
mod enet;
mod finding;
pub mod job;
mod machine;
pub mod one_record;
mod parts;
mod report;
mod servicenow;
mod syspro;
mod syspro_step;
mod way;

pub use all_checks::{STEPS, without_ledger};
pub use finding::{CheckResult, Finding, Part};
pub use parts::DiagnosticsParts;
pub use report::{Progress, Report};
pub use way::{CheckScope, Way};
