//! Many readers of one list cost the ledger as much as one: an answer to the same question serves for a second.
//!
//! For the lists of the API alone, behind the check of who asks: what they answer depends on the question, not on the asker. An action that
//! goes through this node makes it forget everything, so that whoever acted sees what it did. The same question asked meanwhile waits for the
//! answer on its way instead of asking the ledger beside it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse, web};

use super::Surface;
use super::problem::Problem;

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);
/// Questions remembered at once; with one more all are forgotten.
const MOST: usize = 64;
/// The largest answer that is kept, in bytes.
const LARGEST: usize = 64 << 10;
/// The lists.
const LISTS: &[&str] = &[
    "/api/v1/flows",
    "/api/v1/nodes",
    "/api/v1/runs",
    "/api/v1/records",
    "/api/v1/failures",
    "/api/v1/failures/causes",
    "/api/v1/conflicts",
    "/api/v1/audit",
    "/api/v1/backfills",
];

/// One question's last answer, and when it began to be worked on.
type Answer = Arc<tokio::sync::Mutex<Option<(Instant, Bytes)>>>;

/// The answers of the last second.
#[derive(Debug, Default)]
pub(super) struct Memo {
    answers: Mutex<HashMap<String, Answer>>,
    /// Grows with every action: what was begun before one is not kept.
    actions: AtomicU64,
}

impl Memo {
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

/// Answers a list from memory where the same was asked a moment ago.
pub(super) async fn lists<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(surface) = request.app_data::<web::Data<Surface>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let memo = &surface.memo;
    if *request.method() != Method::GET {
        let answered = next.call(request).await;
        memo.forget();
        return Ok(answered?.map_into_boxed_body());
    }
    if !LISTS.contains(&request.match_info().as_str()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let answer = memo.answer(&request.uri().to_string());
    let mut kept = answer.lock().await;
    if let Some((_, body)) = kept.as_ref().filter(|(began, _)| began.elapsed() < FRESH) {
        let response = HttpResponse::Ok().content_type("application/json").body(body.clone());
        return Ok(request.into_response(response).map_into_boxed_body());
    }
    let (began, actions) = (Instant::now(), memo.actions.load(Ordering::SeqCst));
    let (request, response) = next.call(request).await?.into_parts();
    let (response, body) = response.into_parts();
    let Ok(body) = to_bytes(body).await else {
        let problem = Problem::unavailable("the answer was cut off", "ask again");
        return Ok(ServiceResponse::from_err(problem, request).map_into_boxed_body());
    };
    if response.status() == StatusCode::OK && body.len() <= LARGEST && actions == memo.actions.load(Ordering::SeqCst) {
        *kept = Some((began, body.clone()));
    }
    let mut response = response.set_body(BoxBody::new(body));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(ServiceResponse::new(request, response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_an_action_empties_it() {
        let memo = Memo::default();
        for number in 0..2 * MOST {
            drop(memo.answer(&format!("/api/v1/runs?limit={number}")));
            assert!(memo.answers.lock().expect("lock").len() <= MOST);
        }
        let (one, again) = (memo.answer("/api/v1/flows"), memo.answer("/api/v1/flows"));
        assert!(Arc::ptr_eq(&one, &again), "the same question is asked once");
        memo.forget();
        assert!(!Arc::ptr_eq(&one, &memo.answer("/api/v1/flows")), "what was answered before an action is gone");
    }
}
