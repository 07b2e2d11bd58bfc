//! Tieline carries records from SYSPRO into ServiceNow, each exactly once, and proves that both sides tie out.
//!
//! Modules stand in the order in which they may import one another; `ARCHITECTURE.md` explains the house.

pub mod domain;

pub mod config;
pub mod retry;

pub mod definition;
pub mod net;

pub mod syspro;

#[cfg(feature = "sim")]
pub mod sim;
