//! The answer to a refused or failed request: `application/problem+json` (RFC 9457) with the next step.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::chain;
use crate::domain::reason::{NoReason, Reason};
use crate::domain::word::Unknown;
use crate::operations::{self, Class, Refused};
use crate::store::StoreError;

/// What went wrong, for a person and for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A stable name: `urn:tieline:problem:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same as text.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The details of this case.
    pub detail: String,
    /// What to do.
    pub next_step: String,
    /// The allowed methods, for 405.
    #[serde(skip)]
    allow: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tieline:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            next_step: next_step.into(),
            allow: None,
        }
    }

    /// 400: the request is not valid.
    pub fn bad_request(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "the request is not valid", detail, next_step)
    }

    /// 401: no key, or an invalid one. The answer does not tell which.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "an API key is needed",
            "the request has no valid API key",
            "send `Authorization: Bearer tl_…`; a key is made with `tieline api-key add NAME --role ROLE`",
        )
    }

    /// 401: a key that was valid until this time.
    pub fn expired(name: &str, end: DateTime<Utc>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the API key has expired",
            format!("the API key `{name}` expired at {}", end.format("%Y-%m-%d %H:%M:%SZ")),
            format!("let an administrator give it a new secret (`tieline api-key rotate {name} --why …`), and send that one"),
        )
    }

    /// 403: the key may not do this.
    pub fn forbidden(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "the API key may not do this", detail, next_step)
    }

    /// 404: it does not exist.
    pub fn not_found(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "not found", detail, next_step)
    }

    /// 405: the path is right, the method is not.
    pub fn method_not_allowed(method: &str, allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "the path does not have this method",
            format!("`{method}` is not possible here"),
            format!("use {allowed}"),
        );
        problem.allow = Some(allowed);
        problem
    }

    /// 409: not possible now.
    pub fn conflict(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "not possible now", detail, next_step)
    }

    /// 408: the body did not come in time.
    pub fn timed_out(seconds: u64) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timed-out",
            "the request did not arrive in time",
            format!("the body was incomplete after {seconds} s"),
            "send it again without a pause",
        )
    }

    /// 415: the body has an unsupported type.
    pub fn unsupported(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", "the encoding of the body is not supported", detail, next_step)
    }

    /// 429: too many at once.
    pub fn too_many(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "too many requests at once", detail, next_step)
    }

    /// 413: the body is too large.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the body is too large",
            format!("the body has more than {limit} bytes"),
            "send less: an action names records, it does not contain them",
        )
    }

    /// 421: the request is for another server.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected",
            "the request is for another server",
            detail,
            "use an address, `localhost` or a name of the service; its names are listed in `http.host_names` (the name in `notices.public_url` counts, \
             too): add one there, and restart the service",
        )
    }

    /// 422: understood, but refused.
    pub fn unprocessable(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "the request contradicts itself, or an earlier one", detail, next_step)
    }

    /// 422: understood, but it would apply to everything, and does not say that this is meant.
    fn unlimited(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unlimited", "the request would apply to everything", detail, next_step)
    }

    /// 422: an unknown company or entity; an empty list would look like an all-clear.
    pub fn unknown(unknown: &Unknown) -> Self {
        let title = "the request names an unknown company or entity";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-name", title, unknown.detail(), unknown.next_step())
    }

    /// 503: something that the request needs does not answer.
    pub fn unavailable(detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "a required system does not answer", detail, next_step)
    }

    /// 500: an error of Tieline.
    fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request failed", detail, "read the log of the service at this time")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        for header in super::headers::HEADERS {
            response.insert_header(header);
        }
        match self.status {
            401 => drop(response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"tieline\""))),
            429 => drop(response.insert_header((header::RETRY_AFTER, "1"))),
            503 => drop(response.insert_header((header::RETRY_AFTER, "5"))),
            _ => {}
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        // a struct of texts and a number always serializes
        let body = serde_json::to_string(self).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::refused(refused, operations::Interface::Http)
    }
}

impl Problem {
    /// The refusal of an operation, in words for this interface.
    pub(super) fn refused(refused: Refused, on: operations::Interface) -> Self {
        let class = refused.class();
        let (what, step) = (refused.what(), refused.next_step(on));
        match (class, refused) {
            (Some(Class::Malformed), _) => Self::bad_request(what, step),
            (Some(Class::Senseless), Refused::Everything | Refused::NoPeriod) => Self::unlimited(what, step),
            (Some(Class::Senseless), _) => Self::unprocessable(what, step),
            (Some(Class::Missing), _) => Self::not_found(what, step),
            (Some(Class::NotNow), _) => Self::conflict(what, step),
            (Some(Class::Unavailable), _) => Self::unavailable(what, step),
            (None, Refused::UnknownName(unknown)) => Self::unknown(&unknown),
            (None, Refused::Ledger(error)) => error.into(),
            (None, _) => Self::internal(what),
        }
    }
}

/// The reason for a request.
///
/// # Errors
/// 400 if it is not valid.
pub(super) fn reason(why: &str) -> Result<Reason, Problem> {
    why.parse().map_err(|no: NoReason| match no {
        NoReason::Empty => Problem::bad_request("`why` is missing", "give a short reason, which is stored in the audit"),
        NoReason::TooLong => {
            let detail = format!("`why` has more than {} characters, or a zero byte", Reason::LONGEST);
            Problem::bad_request(detail, "say it in fewer words")
        }
    })
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unreachable { .. } | StoreError::Hanging { .. } => {
                Self::unavailable(error.to_string(), "check `/health/ready`, and try again when the database answers")
            }
            _ => {
                // the cause may contain data, so it goes only to the log
                tracing::error!(error = %chain(&error), "a request failed at the ledger");
                // a full disk, a server that starts or stops, or a deadlock
                if error.is_passing() {
                    let step = "nothing was changed; the log of the service has the database's message. Try again when that is corrected";
                    return Self::unavailable(error.to_string(), step);
                }
                Self::internal(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_rt::test]
    async fn a_problem_says_what_and_what_to_do() {
        let response = Problem::bad_request("`limit` must be between 1 and 1000, got `0`", "leave it out for 100").error_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers().get("content-type").expect("type"), "application/problem+json");
        assert_eq!(response.headers().get("cache-control").expect("own headers"), "no-store");
        let body: serde_json::Value = serde_json::from_slice(&to_bytes(response.into_body()).await.expect("body")).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:tieline:problem:bad-request", "title": "the request is not valid", "status": 400,
                "detail": "`limit` must be between 1 and 1000, got `0`", "next_step": "leave it out for 100",
            })
        );
    }

    #[test]
    fn the_headers_that_a_status_asks_for_are_there() {
        let header =
            |problem: Problem, name: &str| problem.error_response().headers().get(name).map(|v| v.to_str().expect("text").to_owned());
        assert_eq!(header(Problem::unauthorized(), "www-authenticate").as_deref(), Some("Bearer realm=\"tieline\""));
        assert_eq!(header(Problem::method_not_allowed("DELETE", &["GET", "POST"]), "allow").as_deref(), Some("GET, POST"));
        assert_eq!(header(Problem::unavailable("x", "y"), "retry-after").as_deref(), Some("5"));
        assert_eq!(header(Problem::too_large(1), "retry-after"), None);
    }

    #[test]
    fn a_database_away_is_503_and_a_fault_of_ours_500() {
        let away = Problem::from(StoreError::Unreachable { problem: "connection refused".into() });
        assert_eq!((away.status, away.detail.as_str()), (503, "the database cannot be reached: connection refused"));
        assert_eq!(Problem::from(StoreError::Panicked { what: "list runs" }).status, 500);
    }
}
