//! Exact amounts, for the service and for the simulators of its two systems.

pub mod currency;
pub mod money;
pub mod ratio;
