//! Supervision: restarts actors after a panic or a stop, checks whether they answer, logs panics, and has the signal to stop.
//!
//! This module uses actix, and knows nothing of what the actors do.

pub mod crash;
pub mod guard;
pub mod panics;
pub mod runtime;
pub mod stopping;
pub mod watchdog;
