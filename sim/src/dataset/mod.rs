//! The data that the SYSPRO simulator serves: tables as SYSPRO has them, filled with a year of a made-up manufacturer.
//!
//! Everything follows from a seed, a number of invoices and a date, so that two runs can be compared byte by byte. The cases that real sites
//! are known for (keys that differ only in case or in leading zeros, back-dated postings, duplicated journals and the like) are always there:
//! in every company, or in one of their own beside an ordinary manufacturer ([`Companies`]).

mod calendar;
mod currency;
pub mod database;
pub mod generate;
mod invoice;
pub mod ledger;
pub mod live;
mod maker;
pub mod masters;
pub mod ordinary;
pub mod payables;
pub mod purchasing;
pub mod schema;
pub mod table;

pub use database::{Company, Database, EditError};
pub use generate::{Companies, DatasetOptions, ODD, generate};
pub use live::TICK;
pub use schema::{ColumnSchema, SqlType, TABLES, TableSchema};
pub use table::{Cell, KeyRange, Table};

#[cfg(test)]
mod tests;
