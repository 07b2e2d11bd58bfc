//! What a failure means for the next try, and how long to wait.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// What kind of failure it is. Every error type of an adapter says its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing was done, and the same try may work later.
    Transient,
    /// The system asks for time; `Retry-After` where it says how much.
    Throttled,
    /// It may have been done: it is looked up before it is tried again.
    Unknown,
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

/// How long a `Retry-After` header asks to wait: seconds, or a date in any of the three forms that HTTP knows. `None`: it is neither.
pub fn after(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // the obsolete forms name no zone: HTTP's dates are in UTC
    let old = |form| NaiveDateTime::parse_from_str(header, form).ok().map(|time| time.and_utc());
    // the name of the day says nothing that the date does not, and may be wrong
    let date = header.split_once(", ").map_or(header, |(_, date)| date);
    let at = DateTime::parse_from_rfc2822(date).map(|time| time.to_utc()).ok();
    let at = at.or_else(|| old("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| old("%a %b %e %H:%M:%S %Y"))?;
    Some((at - Utc::now()).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_stated_in_seconds_or_as_a_date() {
        assert_eq!(after(" 17 "), Some(Duration::from_secs(17)));
        let soon = Utc::now() + chrono::Duration::seconds(90);
        for form in ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"] {
            let wait = after(&soon.format(form).to_string()).expect("a date").as_secs();
            assert!((60..=90).contains(&wait), "{form}: {wait}");
        }
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO), "it is over");
        // it is a Thursday
        assert!(after("Fri, 31 Dec 2099 23:59:59 GMT").is_some_and(|wait| wait > Duration::from_secs(2_000_000_000)));
        for other in ["", "soon", "-5", "1.5"] {
            assert_eq!(after(other), None, "{other}");
        }
    }

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
