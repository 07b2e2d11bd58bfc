//! Stand-ins for SYSPRO and ServiceNow on loopback, for the demo and the tests.
//!
//! They are reached over HTTP like the real ones, and follow the evidence on how those behave rather than what would suit a client;
//! what the evidence leaves open is a switch. Product code never knows that it talks to one.

pub mod dataset;
pub mod faults;
pub mod server;
pub mod syspro;
