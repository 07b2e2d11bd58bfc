//! Bodies of requests. [`take_in`] reads a body before any other work for the request: a slow sender then occupies only the connection.
//! [`Body`] is the JSON object of an action of the API.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::problem::Problem;
use crate::domain::word;

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
        return Err(Problem::unsupported(format!("the body is compressed (`Content-Encoding: {encoding}`)"), "send it uncompressed"));
    }
    let payload = request.extract::<web::Payload>().await.map_err(|error| broken(&error))?;
    let bytes = timeout(TIME, payload.to_bytes_limited(LIMIT)).await.map_err(|_| Problem::timed_out(TIME.as_secs()))?;
    let bytes = bytes.map_err(|_| Problem::too_large(LIMIT))?.map_err(|error| broken(&error))?;
    request.set_payload(Payload::from(bytes));
    Ok(())
}

fn broken(error: &actix_web::Error) -> Problem {
    Problem::bad_request(format!("the body is incomplete: {error}"), "send it again")
}

/// A body of the API. An empty body is the default.
pub(super) trait Members: DeserializeOwned + Default + ToSchema {
    /// The names of its members, as the description of the API shows them.
    fn names() -> Vec<String> {
        match Self::schema() {
            RefOr::T(Schema::Object(object)) => object.properties.into_keys().collect(),
            _ => Vec::new(),
        }
    }
}

impl<T: DeserializeOwned + Default + ToSchema> Members for T {}

/// The JSON body of an action. As an argument of a handler, it is read before the handler runs.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: Members + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let payload = payload.await.map_err(|error| broken(&error))?;
            let bytes = payload.to_bytes_limited(LIMIT).await.map_err(|_| Problem::too_large(LIMIT))?.map_err(|error| broken(&error))?;
            read(&bytes).map(Body)
        })
    }
}

/// Reads a JSON object; an empty text is an empty object.
///
/// # Errors
/// 400 for what is no JSON object, for a member that `T` does not have, and for a value of another kind.
fn read<T: Members>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    // serde would accept an array for the object's members, in their order
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Problem::bad_request("the body is not a JSON object", "send a JSON object with the documented members"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let unread = |member: String, error: &serde_json::Error| {
        let whose = if member == "." { "the body cannot be read".to_owned() } else { format!("the body's `{member}` cannot be read") };
        Problem::bad_request(format!("{whose}: {error}"), "send a JSON object with the documented members")
    };
    let read = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| unknown_member::<T>(bytes).unwrap_or_else(|| unread(error.path().to_string(), error.inner())))?;
    json.end().map_err(|error| unread(".".into(), &error))?;
    Ok(read)
}

/// The refusal of a member that `T` does not have; `None` if it has them all.
fn unknown_member<T: Members>(bytes: &[u8]) -> Option<Problem> {
    let sent: BTreeMap<String, IgnoredAny> = serde_json::from_slice(bytes).ok()?;
    let names = T::names();
    let unknown = sent.keys().find_map(|name| word::check("member", name, names.iter().map(String::as_str)).err())?;
    let step = format!("leave it out: the body of this action takes {}", unknown.choices());
    Some(Problem::bad_request(format!("the body: {}", unknown.detail()), step))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Two {
        why: String,
        sweep: bool,
    }

    #[test]
    fn a_body_is_an_object_of_known_members() {
        let two: Two = read(br#"{"why":"x","sweep":true}"#).expect("known");
        assert!(two.why == "x" && two.sweep);
        assert!(read::<Two>(b"").expect("nothing").why.is_empty());
        let refused = |text: &str| read::<Two>(text.as_bytes()).map_err(|problem| (problem.status, problem.detail, problem.next_step));
        let takes = "leave it out: the body of this action takes `sweep`, `why`";
        let unknown = |detail: &str| (400, detail.to_owned(), takes.to_owned());
        assert_eq!(
            refused(r#"{"why":"x","drop_pending":true}"#).expect_err("another"),
            unknown("the body: there is no member `drop_pending`")
        );
        // named before what is wrong with the members that exist
        let both = refused(r#"{"sweep":1,"sweeep":true}"#).expect_err("misspelt");
        assert_eq!(both, unknown("the body: there is no member `sweeep`; did you mean `sweep`?"));
        assert!(refused(r#"{"sweep":1}"#).expect_err("a number").1.starts_with("the body's `sweep` cannot be read"));
        for text in ["[true]", "7", r#"{"why":"x"} {}"#, r#"{"why":"#] {
            assert_eq!(refused(text).expect_err(text).2, "send a JSON object with the documented members");
        }
    }
}
