//! The response cache: requests for the same resource share one read of the ledger.
//!
//! It is for answers that depend on the request and not on the caller; the caller is checked first. A list of the API may be one second
//! old. Health and metrics, which anybody may request, are never older than the request: a request that arrives while an answer is being
//! made waits for the next one, together with all others. An action on this node clears the lists, so that the caller sees its effect.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::problem::Problem;
use super::route::{Cached, Route};

/// How old a list may be.
const FRESH: Duration = Duration::from_secs(1);
/// The most requests that are remembered; with one more, all are removed.
const MOST: usize = 64;
/// The largest list that is cached, in bytes.
const LARGEST: usize = 64 << 10;
/// An answer, and when the work on it started.
#[derive(Debug, Clone)]
struct CachedAnswer {
    began: Instant,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl CachedAnswer {
    fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status).body(self.body.clone());
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// The last answer to one request. The holder of the lock makes the next one; the others wait.
type Answer = Arc<tokio::sync::Mutex<Option<CachedAnswer>>>;

/// The cached answers.
#[derive(Debug, Default)]
pub(super) struct ResponseCache {
    answers: Mutex<HashMap<String, Answer>>,
    /// Answers that are never older than the request, by path: no action makes them wrong.
    shared: Mutex<HashMap<&'static str, Answer>>,
    /// Increases with every action: an answer that was started before an action is not cached.
    actions: AtomicU64,
}

impl ResponseCache {
    /// The answer to a request without parameters; there is one per such route.
    fn shared(&self, path: &'static str) -> Answer {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default().clone()
    }

    fn answer(&self, question: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST && !answers.contains_key(question) {
            answers.clear();
        }
        answers.entry(question.to_owned()).or_default().clone()
    }

    fn forget(&self) {
        self.actions.fetch_add(1, Ordering::SeqCst);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Cached {
    /// Whether an answer started at `began` is valid for a request that came at `asked`.
    fn serves(self, began: Instant, asked: Instant) -> bool {
        match self {
            Self::No => false,
            Self::Second => began.elapsed() < FRESH,
            Self::Shared => began >= asked,
        }
    }

    fn keeps(self, answered: &CachedAnswer) -> bool {
        match self {
            Self::No => false,
            Self::Second => answered.status == StatusCode::OK && answered.body.len() <= LARGEST,
            Self::Shared => true,
        }
    }
}

/// Serves identical requests with one answer.
pub(super) async fn share<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(cache) = request.app_data::<web::Data<ResponseCache>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if *request.method() != Method::GET {
        let answered = next.call(request).await;
        cache.forget();
        return Ok(answered?.map_into_boxed_body());
    }
    let route = request.extensions().get::<Route>().map(|route| (route.cached, route.path));
    let Some((cached, path)) = route.filter(|(cached, _)| *cached != Cached::No) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let asked = Instant::now();
    // a route without parameters has one answer, whatever the query
    let answer = if cached == Cached::Shared { cache.shared(path) } else { cache.answer(&request.uri().to_string()) };
    // continues when the caller disconnects: another caller would have to start it again
    let answered = actix_web::rt::spawn(async move { shared(&cache, cached, answer, asked, request, next).await });
    answered.await.unwrap_or_else(|_| Err(cut_off().into()))
}

async fn shared<B: MessageBody + 'static>(
    cache: &ResponseCache,
    kind: Cached,
    answer: Answer,
    asked: Instant,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut kept = answer.lock().await;
    if let Some(answered) = kept.as_ref().filter(|answered| kind.serves(answered.began, asked)) {
        let response = answered.response();
        return Ok(request.into_response(response));
    }
    let (began, actions) = (Instant::now(), cache.actions.load(Ordering::SeqCst));
    let (request, response) = next.call(request).await?.into_parts();
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove(CONTENT_LENGTH);
    let Ok(body) = to_bytes(response.into_body()).await else {
        return Ok(ServiceResponse::from_err(cut_off(), request));
    };
    let answered = CachedAnswer { began, status, headers, body };
    let response = answered.response();
    if kind.keeps(&answered) && (kind == Cached::Shared || actions == cache.actions.load(Ordering::SeqCst)) {
        *kept = Some(answered);
    }
    Ok(ServiceResponse::new(request, response))
}

fn cut_off() -> Problem {
    Problem::unavailable("the answer was interrupted", "ask again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_a_second_old_and_what_watches_is_never_older_than_the_question() {
        let now = Instant::now();
        let (before, after) = (now.checked_sub(Duration::from_millis(1)).expect("early"), now + Duration::from_millis(1));
        let late = now.checked_sub(2 * FRESH).expect("early");
        assert!(Cached::Second.serves(before, now) && !Cached::Second.serves(late, now));
        assert!(!Cached::Shared.serves(before, now), "begun before it was asked for: what happened since is not in it");
        assert!(Cached::Shared.serves(now, now) && Cached::Shared.serves(after, now));
        assert!(!Cached::No.serves(now, now));
    }

    #[test]
    fn memory_is_bounded_and_an_action_empties_it() {
        let cache = ResponseCache::default();
        for number in 0..2 * MOST {
            drop(cache.answer(&format!("/api/v1/runs?limit={number}")));
            assert!(cache.answers.lock().expect("lock").len() <= MOST);
        }
        let (one, again) = (cache.answer("/api/v1/flows"), cache.answer("/api/v1/flows"));
        assert!(Arc::ptr_eq(&one, &again), "the same question is asked once");
        cache.forget();
        assert!(!Arc::ptr_eq(&one, &cache.answer("/api/v1/flows")), "what was answered before an action is gone");
        let watched = cache.shared("/metrics");
        cache.forget();
        assert!(Arc::ptr_eq(&watched, &cache.shared("/metrics")), "anybody may post something: those who wait go on waiting together");
    }
}
