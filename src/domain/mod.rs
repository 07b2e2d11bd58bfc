//! Plain values without I/O: the terms of the documentation as types.

pub mod audit;
pub mod backlog;
mod backoff;
pub mod budget;
mod chain;
pub mod change_limit;
pub mod conflict;
pub mod csv;
pub mod delivery;
pub mod differing;
pub mod document;
pub mod explain;
pub mod format;
pub mod history;
pub mod ids;
pub mod life;
pub mod merge;
pub mod name;
pub mod nesting;
pub mod next_step;
pub mod notice;
pub mod per_flow;
pub mod reason;
mod reference;
pub mod resent;
pub mod retention;
pub mod role;
pub mod run;
pub mod schedule;
pub mod setup_object;
pub mod sys_id;
pub mod tie_out;
pub mod value;
pub mod version;
pub mod visible;
pub mod warning;
pub mod word;

pub use tieline_values::{currency, money, ratio};

pub use backoff::Backoff;
pub use chain::chain;
pub use document::{Document, DocumentKey, Facts, Fault, Row};
pub use name::{CompanyId, EntityName, FlowId};
pub use reference::{LateReference, RecordRef};
pub use sys_id::{NoSysId, SysId};
pub use value::Value;
