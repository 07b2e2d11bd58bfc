//! Classifies failures for retries, and computes the delays.

use std::convert::Infallible;
use std::time::Duration;

use backon::{BackoffBuilder, BlockingRetryable, ConstantBuilder, ExponentialBuilder, RetryableWithContext};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use crate::domain::Backoff;

/// The class of a failure. Every error type of an adapter has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing was done, and the same attempt may work later.
    Transient,
    /// The system asks for a pause; `Retry-After` may say how much.
    Throttled,
    /// It may have been done: it is looked up before it is sent again.
    Unknown,
    /// It was refused, and will be refused until something changes.
    Permanent,
    /// An error of Tieline.
    Bug,
}

/// How often a delay doubles at most; the longest delay is reached long before.
const MOST_DOUBLINGS: u32 = 20;

/// Delays that double from the first to the longest, without jitter and without an end.
fn doubling(Backoff { first, longest }: Backoff) -> ExponentialBuilder {
    ExponentialBuilder::new().with_min_delay(first.min(longest)).with_max_delay(longest).without_max_times()
}

/// The delays of every retry: the n-th is a random one between half and the whole of `first * 2^(n-1)`, at most `longest`. They have no end.
pub fn delays(backoff: Backoff) -> ExponentialBuilder {
    // backon's jitter adds at most the delay itself, so it starts from half
    doubling(Backoff::new(backoff.first / 2, backoff.longest / 2)).with_jitter()
}

/// The delay of [`delays`] after `attempt` attempts, for callers that store the number of attempts. `attempt` counts from 1.
pub fn delay(attempt: u32, backoff: Backoff) -> Duration {
    nth(delays(backoff), attempt, backoff.longest)
}

/// The same without jitter: exactly `first * 2^(attempt-1)`, at most `longest`.
pub fn even_delay(attempt: u32, backoff: Backoff) -> Duration {
    nth(doubling(backoff), attempt, backoff.longest)
}

fn nth(delays: ExponentialBuilder, attempt: u32, longest: Duration) -> Duration {
    // the number of steps is limited because backon computes them one by one
    let steps = attempt.saturating_sub(1).min(MOST_DOUBLINGS) as usize;
    delays.build().nth(steps).map_or(longest, |delay| delay.min(longest))
}

/// Equal pauses between up to `attempts` attempts.
pub fn pauses(pause: Duration, attempts: usize) -> ConstantBuilder {
    ConstantBuilder::new().with_delay(pause).with_max_times(attempts.saturating_sub(1))
}

/// Equal pauses between attempts, without an end.
pub fn every(pause: Duration) -> ConstantBuilder {
    ConstantBuilder::new().with_delay(pause).without_max_times()
}

/// Why a question has no final answer.
enum NotYet<T, E> {
    Early(T),
    Failed(E),
}

impl<T, E> NotYet<T, E> {
    fn judge(answer: Result<T, E>, is_final: impl FnOnce(&T) -> bool) -> Result<T, Self> {
        match answer {
            Ok(answer) if is_final(&answer) => Ok(answer),
            Ok(answer) => Err(Self::Early(answer)),
            Err(error) => Err(Self::Failed(error)),
        }
    }

    fn is_early(&self) -> bool {
        matches!(self, Self::Early(_))
    }

    fn last(judged: Result<T, Self>) -> Result<T, E> {
        match judged {
            Ok(answer) | Err(Self::Early(answer)) => Ok(answer),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}

/// Asks again after each pause while the answer is not the one that is waited for, and answers the last one. A question may use what it
/// borrows.
///
/// # Errors
/// The error of a question, at once.
pub async fn until<T, E, Ask: AsyncFnMut() -> Result<T, E>>(
    pauses: impl BackoffBuilder,
    ask: Ask,
    is_final: impl Fn(&T) -> bool,
) -> Result<T, E> {
    let is_final = &is_final;
    // backon hands the question from one attempt to the next, so that each may borrow from it
    let attempt = |mut ask: Ask| async move {
        let judged = NotYet::judge(ask().await, is_final);
        (ask, judged)
    };
    let (_, judged) = attempt.retry(pauses).context(ask).when(NotYet::is_early).await;
    NotYet::last(judged)
}

/// The same for as long as `patience`: the question that is asked when it is over is the last one.
///
/// # Errors
/// The error of a question, at once.
pub async fn until_late<T, E>(
    pause: Duration,
    patience: Duration,
    ask: impl AsyncFnMut() -> Result<T, E>,
    is_final: impl Fn(&T) -> bool,
) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    until(every(pause), ask, |answer| is_final(answer) || Instant::now() >= deadline).await
}

/// [`until_late`] on a thread that may block.
///
/// # Errors
/// The error of a question, at once.
pub fn until_late_blocking<T, E>(
    pause: Duration,
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, E>,
    is_final: impl Fn(&T) -> bool,
) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    let attempt = || NotYet::judge(ask(), |answer| is_final(answer) || Instant::now() >= deadline);
    NotYet::last(BlockingRetryable::retry(attempt, every(pause)).when(NotYet::is_early).call())
}

/// Checks again after each pause until something holds.
pub async fn until_true(pause: Duration, mut check: impl AsyncFnMut() -> bool) {
    let ask = async || Ok::<_, Infallible>(check().await);
    let Ok(_) = until(every(pause), ask, |holds| *holds).await;
}

/// The wait in a `Retry-After` header: seconds, or a date in any of HTTP's three forms. `None`: it is neither.
pub fn after(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // the obsolete forms have no zone: HTTP's dates are in UTC
    let old = |form| NaiveDateTime::parse_from_str(header, form).ok().map(|time| time.and_utc());
    // the name of the day adds nothing to the date, and may be wrong
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
        let backoff = Backoff::new(s(2), s(60));
        for (attempt, whole) in [(1, 2), (2, 4), (3, 8), (6, 60), (40, 60)] {
            for _ in 0..50 {
                let d = delay(attempt, backoff);
                assert!(d >= s(whole) / 2 && d <= s(whole), "attempt {attempt}: {d:?}");
            }
            assert_eq!(even_delay(attempt, backoff), s(whole), "attempt {attempt}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_repeated_until_its_answer_is_final_or_the_attempts_are_used_up() {
        let ask = async |answers: &[Result<u32, &'static str>]| {
            let (mut asked, begun) = (0, tokio::time::Instant::now());
            let next = || {
                asked += 1;
                std::future::ready(answers[asked - 1])
            };
            let answer = until(pauses(Duration::from_millis(500), 3), next, |answer| *answer > 1).await;
            (answer, asked, begun.elapsed().as_millis())
        };
        assert_eq!(ask(&[Ok(2)]).await, (Ok(2), 1, 0));
        assert_eq!(ask(&[Ok(0), Ok(3)]).await, (Ok(3), 2, 500));
        assert_eq!(ask(&[Ok(0), Ok(0), Ok(1)]).await, (Ok(1), 3, 1000), "the last answer");
        assert_eq!(ask(&[Ok(0), Err("broken")]).await, (Err("broken"), 2, 500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_repeated_until_it_is_late() {
        let begun = Instant::now();
        let mut asked = 0;
        let ask = async || {
            asked += 1;
            Ok::<_, &str>(asked)
        };
        assert_eq!(until_late(Duration::from_millis(200), Duration::from_millis(500), ask, |answer| *answer > 9).await, Ok(4));
        assert_eq!(begun.elapsed().as_millis(), 600, "the question after the end of the patience is the last");

        let begun = Instant::now();
        until_true(Duration::from_millis(100), async || begun.elapsed().as_millis() > 1_000).await;
        assert_eq!(begun.elapsed().as_millis(), 1_100);
    }

    #[test]
    fn a_thread_that_may_block_repeats_its_question() {
        let ask = |patience, answers: &[Result<u32, &'static str>]| {
            let mut asked = 0;
            let next = || {
                asked += 1;
                answers[asked - 1]
            };
            (until_late_blocking(Duration::from_millis(1), patience, next, |answer| *answer > 1), asked)
        };
        let long = Duration::from_secs(60);
        assert_eq!(ask(long, &[Ok(0), Ok(1), Ok(2)]), (Ok(2), 3));
        assert_eq!(ask(long, &[Ok(0), Err("broken")]), (Err("broken"), 2));
        assert_eq!(ask(Duration::ZERO, &[Ok(0)]), (Ok(0), 1), "the last answer");
    }

    #[test]
    fn a_cap_below_the_first_delay_holds() {
        let s = Duration::from_secs;
        assert_eq!(even_delay(1, Backoff::new(s(9), s(4))), s(4));
        assert!((s(2)..=s(4)).contains(&delay(3, Backoff::new(s(9), s(4)))));
        assert_eq!(delay(u32::MAX, Backoff::new(Duration::ZERO, s(4))), Duration::ZERO);
    }
}
