//! The operations for people. The HTTP API, the console and the command line only call them: they read the request, and present the result
//! in their own form.
//!
//! Most operations need only the ledger and the definitions of a [`Process`](crate::process::Process), and take effect in any running
//! service. The operations of [`Service`] need the running actors. Each writes its audit row in the same transaction; for longer work, before
//! the work starts.

pub mod api_key;
pub mod approval;
pub mod audit_export;
pub mod audit_key;
pub mod backfill;
mod calendar;
pub mod close;
pub mod conflict;
pub mod definitions;
pub mod diagnostics;
pub mod evidence;
pub mod explain;
pub mod export;
pub mod failures;
pub mod flow;
pub mod forced_error;
pub mod hold;
mod interface;
pub mod notices;
pub mod other_side;
pub mod outdated;
pub mod person;
pub mod preview;
pub mod prove;
mod refused;
pub mod replay;
mod requested;
pub mod resend;
pub mod restored;
pub mod retention;
pub mod run;
mod selection;
pub mod sending;
pub mod sent;
mod service;
pub mod sign_in;
pub mod support;
mod syspro_table;
mod tables;
pub mod tasks;
pub mod tie_out;

pub use interface::{Class, Interface};
pub use refused::{NeverRead, Refused};
pub use requested::{Requested, check_names};
pub use selection::{MOST_NAMED, WrongSelection};
pub use service::{RunStarted, Service};
