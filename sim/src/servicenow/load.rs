//! Limits on callers: rate rules, the semaphore, and one call at a time per session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};

use crate::lock::lock;

use super::options::{RateRule, SemaphoreRule, ServiceNowOptions};
use super::reply::Reply;

/// Calls of one session beyond this many waiting are answered 202 and dropped.
const SESSION_QUEUE: usize = 10;

/// The counters of the limits.
#[derive(Debug)]
pub(super) struct Load {
    rates: Vec<(RateRule, Mutex<Counted>)>,
    semaphore: Option<(Semaphore, SemaphoreRule, AtomicUsize)>,
    sessions: Mutex<HashMap<String, Session>>,
    nodes: u32,
}

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    calls: u32,
    /// When the limit was passed.
    over: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
struct Session {
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<AtomicUsize>,
}

/// Counts down when a wait ends, however it ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Load {
    pub(super) fn new(options: &ServiceNowOptions) -> Self {
        let nodes = options.nodes.max(1);
        let semaphore = options.semaphore.map(|rule| (Semaphore::new(rule.running * nodes as usize), rule, AtomicUsize::new(0)));
        let rates = options.rates.iter().map(|rule| (rule.clone(), Mutex::default())).collect();
        Self { rates, semaphore, sessions: Mutex::default(), nodes }
    }

    /// Counts a call against the rules of its path. The headers a matching rule adds, or the refusal.
    pub(super) fn rated(&self, path: &str) -> Result<Vec<(&'static str, String)>, Reply> {
        let mut headers = Vec::new();
        for (at, (rule, counted)) in self.rates.iter().enumerate().filter(|(_, (rule, _))| path.starts_with(&rule.path)) {
            let mut counted = lock(counted);
            let now = Instant::now();
            let fresh = counted.since.filter(|since| now < *since + rule.window).is_none();
            if fresh {
                *counted = Counted { since: Some(now), ..Counted::default() };
            }
            counted.calls += 1;
            let limit = rule.limit.saturating_mul(self.nodes);
            let left = counted.since.map_or(rule.window, |since| (since + rule.window).saturating_duration_since(now));
            // rounded up, so that a caller that waits exactly this long is not early
            let seconds = left.as_millis().div_ceil(1000) as i64;
            headers = vec![
                ("X-RateLimit-Limit", limit.to_string()),
                ("X-RateLimit-Reset", (chrono::Utc::now().timestamp() + seconds).to_string()),
                ("X-RateLimit-Rule", format!("{:032x}", 0x5a7e_0000_u128 + at as u128)),
            ];
            if counted.calls > limit {
                let over = *counted.over.get_or_insert(now);
                if now >= over + rule.lag {
                    let detail = format!("Rate limit of {limit} requests per hour for {} exceeded", rule.name);
                    let mut reply = Reply::error(429, "Rate limit exceeded", Some(&detail));
                    reply.headers = headers;
                    reply.headers.push(("Retry-After", seconds.to_string()));
                    return Err(reply);
                }
            }
        }
        Ok(headers)
    }

    /// Waits for a slot. `Err`: the queue is full.
    pub(super) async fn slot(&self) -> Result<Option<SemaphorePermit<'_>>, Reply> {
        let Some((semaphore, rule, waiting)) = &self.semaphore else { return Ok(None) };
        if let Ok(permit) = semaphore.try_acquire() {
            return Ok(Some(permit));
        }
        let queued = waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(waiting);
        if queued >= rule.queued * self.nodes as usize {
            return Err(Reply::page(429, "Too Many Requests"));
        }
        // the semaphore is never closed
        semaphore.acquire().await.map(Some).map_err(|_| Reply::page(503, "Shutting down"))
    }

    /// Waits for this session's turn. `None`: too many calls already wait, and this one is dropped silently.
    pub(super) async fn turn(&self, session: &str) -> Option<OwnedMutexGuard<()>> {
        let session = lock(&self.sessions).entry(session.to_owned()).or_default().clone();
        if session.waiting.fetch_add(1, Ordering::SeqCst) > SESSION_QUEUE {
            session.waiting.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        let _waiting = Waiting(&session.waiting);
        Some(session.turn.clone().lock_owned().await)
    }
}
