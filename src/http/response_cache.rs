//! The response cache: requests for the same resource share one read of the ledger.
//!
//! For answers that depend on the request and not on the caller, behind the check of the caller. A list of the API may be a second old. Health and
//! metrics, which anybody may ask for, are never older than the question: whoever asks while an answer is on its way waits for the next one, with
//! all the others who do. An action that goes through this node makes it forget the lists, so that whoever acted sees what it did.

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
/// Questions remembered at once; with one more all are forgotten.
const MOST: usize = 64;
/// The largest list that is kept, in bytes.
const LARGEST: usize = 64 << 10;
/// What was answered, and when that began to be worked on.
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

/// One question's last answer. Whoever holds it asks; the others wait.
type Answer = Arc<tokio::sync::Mutex<Option<CachedAnswer>>>;

/// The cached answers.
#[derive(Debug, Default)]
pub(super) struct ResponseCache {
    answers: Mutex<HashMap<String, Answer>>,
    /// Those that are never older than the question, by path: no action makes them untrue.
    shared: Mutex<HashMap<&'static str, Answer>>,
    /// Grows with every action: what was begun before one is not kept.
    actions: AtomicU64,
}

impl ResponseCache {
    /// The answer to a question that takes no parameters; as many as there are such routes.
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
    /// Whether an answer that began to be worked on at `began` serves a question that came at `asked`.
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

/// Answers what others ask too with one answer.
pub(super) async fn share<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(cache) = request.app_data::<web::Data<ResponseCache>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if *request.method() != Method::GET {
        let answered = next.call(request).await;
        cache.forget();
        return Ok(answered?.map_into_boxed_body());
    }
    let route = request.extensions().get::<Route>().copied();
    let Some(route) = route.filter(|route| route.cached != Cached::No) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let asked = Instant::now();
    // the parameters of what takes none make no question of its own
    let answer = if route.cached == Cached::Shared { cache.shared(route.path) } else { cache.answer(&request.uri().to_string()) };
    // continues when the caller is gone: another caller would have to start it again
    let answered = actix_web::rt::spawn(async move { shared(&cache, route.cached, answer, asked, request, next).await });
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
    Problem::unavailable("the answer was cut off", "ask again")
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
