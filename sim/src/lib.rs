//! Simulators of SYSPRO and ServiceNow on loopback, for the demo and the tests.
//!
//! They are reached over HTTP like the real ones, and follow the evidence on how those behave rather than what would suit a client;
//! what the evidence leaves open is a switch. They use nothing of the service's, and the service never knows that it talks to one.

pub mod dataset;
pub mod faults;
#[cfg(test)]
#[path = "../../tests/fuzz/harness.rs"]
mod fuzz;
mod lock;
pub mod server;
pub mod servicenow;
pub mod syspro;
