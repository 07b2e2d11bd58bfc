//! What a failure means for the next try, and how long to wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of failure it is. Every error type of an adapter says its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing was done, and the same try may work later.
    Transient,
    /// The system asks for time; `Retry-After` where it says how much.
    Throttled,
    /// It may have been done: look before trying again.
    InDoubt,
    /// It was refused, and will be again until something changes.
    Permanent,
    /// A mistake of ours.
    Bug,
}

/// Exponential back-off with full jitter between `min` and `max`, without an end of its own.
///
/// `attempt` counts from 1. The delay lies between half and the whole of `min * 2^(attempt-1)`, capped at `max`.
pub fn delay(attempt: u32, min: Duration, max: Duration) -> Duration {
    let whole = min.saturating_mul(1_u32 << attempt.saturating_sub(1).min(20)).min(max);
    let half = whole / 2;
    half + Duration::from_millis(fastrand::u64(0..=u64::try_from(half.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_jitter_below_it() {
        let s = Duration::from_secs;
        for (attempt, whole) in [(1, 2), (2, 4), (3, 8), (6, 60), (40, 60)] {
            for _ in 0..50 {
                let d = delay(attempt, s(2), s(60));
                assert!(d >= s(whole) / 2 && d <= s(whole), "attempt {attempt}: {d:?}");
            }
        }
    }
}
