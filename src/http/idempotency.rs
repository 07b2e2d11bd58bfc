//! `Idempotency-Key`: a client that lost the answer to an action can repeat the request, and the action is done once.
//!
//! One layer for every action of the API. The same `Idempotency-Key` of the same API key with the same request returns the stored answer;
//! with another request it is refused. For the answers 409, 429, and 500 or more, nothing was done: they are not stored, and the action may
//! be tried again with its key.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::caller::Caller;
use super::problem::Problem;
use super::state::AppState;
use crate::store::IdempotencyState;

/// The header.
const KEY: &str = "idempotency-key";
/// Marks an answer that was stored earlier.
const REPEATED: &str = "idempotency-repeated";
/// The longest key, in bytes.
const LONGEST: usize = 255;

/// Lets an action pass once.
pub(super) async fn once<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let action = *request.method() == Method::POST && request.path().starts_with("/api/");
    let (Some(key), true) = (request.headers().get(KEY).cloned(), action) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if request.headers().get_all(KEY).count() > 1 {
        let problem = Problem::bad_request("there is more than one `Idempotency-Key`", "send one, a fresh UUID for each action");
        return Ok(request.error_response(problem).map_into_boxed_body());
    }
    let fits = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(key) = key.to_str().ok().map(str::trim).filter(fits).map(str::to_owned) else {
        let detail = format!("`Idempotency-Key` must be 1 to {LONGEST} visible ASCII characters: no spaces");
        return Ok(request.error_response(Problem::bad_request(detail, "send a fresh UUID for each action")).map_into_boxed_body());
    };
    // a new key with an old name is another caller
    let caller = request.extensions().get::<Caller>().and_then(|caller| Some(format!("{} ({})", caller.key, caller.id?)));
    let (Some(app_state), Some(caller)) = (request.app_data::<web::Data<AppState>>().cloned(), caller) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let body = match request.extract::<web::Bytes>().await {
        Ok(body) => body,
        Err(_) => return Ok(request.error_response(Problem::too_large(super::body::LIMIT)).map_into_boxed_body()),
    };
    let mut hash = Sha256::new();
    for part in [request.method().as_str().as_bytes(), b" ", request.uri().to_string().as_bytes(), b"\n", &body] {
        hash.update(part);
    }
    request.set_payload(Payload::from(body));
    let store = &app_state.process.store;
    match store.idempotency_ask(caller.clone(), key.clone(), hash.finalize().to_vec()).await {
        Err(error) => return Ok(request.error_response(Problem::from(error)).map_into_boxed_body()),
        Ok(IdempotencyState::First) => {}
        Ok(IdempotencyState::InFlight) => {
            let problem = Problem::conflict(
                "an action with this `Idempotency-Key` is running",
                "repeat the request in a few seconds to get its answer",
            );
            return Ok(request.error_response(problem).map_into_boxed_body());
        }
        Ok(IdempotencyState::Another) => {
            let problem = Problem::unprocessable(
                "you have already used this `Idempotency-Key` for another action",
                "send a fresh key with each action, and repeat a key only to repeat the same action",
            );
            return Ok(request.error_response(problem).map_into_boxed_body());
        }
        Ok(IdempotencyState::Answered(status, answer)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
            let response = HttpResponse::build(status).insert_header((REPEATED, "true")).content_type(kind).body(answer);
            return Ok(request.into_response(response).map_into_boxed_body());
        }
    }
    let answered = next.call(request).await;
    let (request, response) = match answered {
        Ok(response) => response.into_parts(),
        Err(error) => {
            // a refusal that comes as an error is also an answer; an interrupted one is not
            keep(&app_state, caller, key, None).await;
            return Err(error);
        }
    };
    let (response, body) = response.into_parts();
    let Ok(body) = to_bytes(body).await else {
        keep(&app_state, caller, key, None).await;
        let problem = Problem::unavailable("the answer was interrupted", "repeat the request with the same key");
        return Ok(ServiceResponse::from_err(problem, request).map_into_boxed_body());
    };
    let status = response.status().as_u16();
    let not_now = matches!(status, 409 | 429 | 500..);
    let kept = (!not_now).then(|| (status, String::from_utf8_lossy(&body).into_owned()));
    keep(&app_state, caller, key, kept).await;
    let mut response = response.set_body(BoxBody::new(body));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(ServiceResponse::new(request, response))
}

async fn keep(app_state: &AppState, caller: String, key: String, answer: Option<(u16, String)>) {
    if let Err(error) = app_state.process.store.idempotency_answer(caller, key, answer).await {
        warn!(%error, "an action's answer could not be stored; a repeated request with its key may run the action again");
    }
}
