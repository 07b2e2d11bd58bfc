//! Supervision: restarts actors after a panic or a stop, asks whether they answer, logs panics, and holds the signal to stop.
//!
//! This module knows actix, and nothing of what the actors do.

pub mod crash;
pub mod guard;
pub mod panics;
pub mod stopping;
pub mod watchdog;
