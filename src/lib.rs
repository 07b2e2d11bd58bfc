//! Tieline copies records from SYSPRO to ServiceNow. Each version of a record takes effect once, even after retries.
//!
//! `ARCHITECTURE.md` explains the code, and lists the modules in the order in which they may import each other.

pub mod redact;

pub mod domain;

pub mod config;
pub mod credentials;
mod failpoint;
#[cfg(test)]
#[path = "../tests/fuzz/harness.rs"]
mod fuzz;
pub mod net;
pub mod retry;
pub mod telemetry;

pub mod definition;
pub mod evidence;
pub mod postgres;
pub mod servicenow_app;

pub mod servicenow;
pub mod store;
pub mod syspro;

pub mod notice;
pub mod oidc;
pub mod report;

pub mod supervision;

pub mod process;

pub mod actors;

pub mod doctor;

pub mod operations;

pub mod http;

pub mod cli;
