//! The ServiceNow client: tokens, the Table, Import Set and Batch APIs, and the look-ups of unknown outcomes.
//!
//! It makes every request to the instance, and reads every answer as one [`Outcome`] per record. Other modules decide when a token is
//! fetched (the token actor), what is due and what was sent before (the store), and how long to wait (the Writer).
//!
//! There are three layers. `transport` sends requests and judges answers. The readers and writers use it. `client` has the methods for the
//! rest of the program. No file imports one of a layer above.
//!
//! An HTTP status proves little here: a 201 can contain a failed transform, a 200 an error or a page, and a 403 or 500 can follow a
//! committed write. So a write is confirmed only by what the body says of the record, and an answer that cannot be trusted makes the
//! outcome unknown.

mod aggregate;
mod batch;
mod batch_route;
mod bounded;
mod client;
mod compare;
mod create_probe;
mod downstream;
mod error;
mod group_sums;
mod import_answer;
mod import_set;
mod import_staged;
mod import_verify;
mod learned;
mod listing;
mod one_token;
mod outcome;
mod paging;
mod present;
mod probe;
mod probe_behind;
mod probe_lengths;
mod probe_maps;
mod query;
mod row;
mod staging;
mod staging_proof;
mod stored_rows;
mod table;
mod task;
mod token;
mod token_request;
mod transform_map;
mod transport;
pub mod wire;

pub use aggregate::{Repeated, Uniqueness};
pub use client::ServiceNow;
pub use compare::same;
pub use downstream::{Arrived, Later};
pub use error::ServiceNowError;
pub use group_sums::GroupSums;
pub use listing::Listed;
pub use one_token::OneToken;
pub use outcome::{FieldDifference, Found, How, OutRecord, Outcome, ProbeFinding, ProbeVerdict, Settled};
pub use paging::ListPosition;
pub use present::Present;
pub use stored_rows::{StoredPage, StoredRow};
pub use table::RowOwners;
pub use task::{TaskThere, TaskWritten};
pub use token::{Token, TokenAnswer, TokenSource, TokenState};
pub use token_request::fetch_token;

#[cfg(test)]
mod tests;
