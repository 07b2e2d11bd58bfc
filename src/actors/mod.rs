//! The actors: mailboxes around plain functions. `crate::supervision` restarts them.
//!
//! `system` starts them all, `flow_starter` those of the flows, with the names and mailboxes of `child`; `handle` is for callers outside.
//!
//! Only this module and `crate::supervision` use actix. What must survive a restart is in Postgres; an actor's own state may be lost at any
//! time.

pub mod aligner;
mod audit_outside;
pub mod audit_recorder;
pub mod child;
mod clients;
pub mod downstream;
pub mod flow_starter;
pub mod handle;
pub mod mapper;
pub mod node;
pub mod notifier;
pub mod poller;
pub mod retention;
pub mod root;
pub mod scheduler;
pub mod servicenow_token;
pub mod syspro_session;
pub mod system;
pub mod tasks;
pub mod writer;
