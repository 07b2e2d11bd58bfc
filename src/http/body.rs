//! Reads a request's body before any other work for the request: a slow sender then occupies only the connection.

use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::web;
use tokio::time::timeout;

use super::problem::Problem;

/// The largest body, in bytes: an action names a scope, a form has some fields.
pub(super) const LIMIT: usize = 64 << 10;
/// How long a body may take to arrive.
const TIME: Duration = Duration::from_secs(10);

/// Reads the body.
///
/// # Errors
/// 408 when it does not arrive in time, 413 when it is too large, 415 when it is compressed, 400 when it is incomplete.
pub(super) async fn take_in(request: &mut ServiceRequest) -> Result<(), Problem> {
    let headers = request.headers();
    if !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(());
    }
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::unsupported(format!("the body is compressed (`Content-Encoding: {encoding}`)"), "send it as it is"));
    }
    let payload = request.extract::<web::Payload>().await.map_err(|error| broken(&error))?;
    let bytes = timeout(TIME, payload.to_bytes_limited(LIMIT)).await.map_err(|_| Problem::timed_out(TIME.as_secs()))?;
    let bytes = bytes.map_err(|_| Problem::too_large(LIMIT))?.map_err(|error| broken(&error))?;
    request.set_payload(Payload::from(bytes));
    Ok(())
}

fn broken(error: &actix_web::Error) -> Problem {
    Problem::bad_request(format!("the body did not arrive whole: {error}"), "send it again")
}
