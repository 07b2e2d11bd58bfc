//! Exact amounts: what both the service and the simulators of its two systems calculate with.

pub mod currency;
pub mod money;
pub mod ratio;
