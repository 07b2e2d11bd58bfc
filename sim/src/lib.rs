//! Simulators of SYSPRO and ServiceNow on loopback, for the demo and the tests.
//!
//! Clients reach them over HTTP, as they reach the real systems. They behave as the evidence shows the real systems do, even where that is
//! inconvenient for a client; where the evidence leaves a choice, a switch decides. They use no code of the service, and the service cannot
//! tell that it talks to a simulator.

pub mod dataset;
pub mod faults;
#[cfg(test)]
#[path = "../../tests/fuzz/harness.rs"]
mod fuzz;
mod lock;
pub mod server;
pub mod servicenow;
pub mod syspro;
