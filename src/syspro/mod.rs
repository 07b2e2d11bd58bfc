//! The SYSPRO reader: reads whole documents through the OData service, or through e.net where a site has no OData.
//!
//! [`SysproReader`] returns pages of documents. It needs only the basics of OData 4 (`$filter`, `$orderby`, `$top`, `$select`), uses
//! `$metadata` if the server answers it, and accepts answers liberally. It never writes, never sends a credential to another origin, and
//! never pages by `$skip`.

mod asked_again;
mod capabilities;
mod children;
mod columns;
mod comparison;
mod count;
mod dates;
mod derived;
pub mod enet;
mod error;
mod faults;
mod filter;
mod key_filter;
mod left_out;
mod matching;
mod metadata;
mod order;
pub(crate) mod page_size;
mod pages;
mod position;
mod read;
mod reader;
mod related;
mod requests;
mod salvage;
mod shown;
pub mod trace;
mod trail;
mod transport;
mod value;
mod wire;

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;

pub use capabilities::{Capabilities, SeenOrder};
pub use columns::ProbeFinding;
pub use count::{Measure, TableSize};
pub use error::SysproError;
pub use position::{Page, PageQuery, Position, ReadScope};
pub use reader::{SysproConnections, SysproReader};
