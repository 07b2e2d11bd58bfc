//! The data that the SYSPRO simulator serves: tables as SYSPRO has them, filled with a year of a made-up manufacturer.
//!
//! A seed, a number of invoices and a date determine every byte, so that two runs can be compared. Known difficult cases of real sites
//! (keys that differ only in case or in leading zeros, back-dated postings, duplicated journals) are always present: in every company, or
//! in a company of their own beside an ordinary manufacturer ([`Companies`]).

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
