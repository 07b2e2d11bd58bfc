//! The delays between the attempts of one thing.

use std::time::Duration;

/// Delays that double from the first to the longest. `crate::retry` counts them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first repeat.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Backoff {
    /// From `first` to `longest`; where `longest` is shorter, every delay is `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }
}
