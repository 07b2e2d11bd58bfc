//! The request for a token.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use url::form_urlencoded;

use crate::config::settings::ServiceNowSettings;
use crate::credentials::secret::Credential;
use crate::net::{HttpClient, Method, NetError, host_of};

use super::error::ServiceNowError;
use super::token::TokenAnswer;
use super::transport::{endpoint, quoted, retry_after};
use super::wire::{Body, TokenBody, Words, read_body, scalar};

/// The longest accepted token, in bytes: it must fit into a header of a usual server.
const LONGEST: usize = 16 << 10;

/// The longest accepted answer to the request for a token, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// The advice when something else answers instead of the instance.
const CHECK: &str = "Check that `servicenow.instance_url` is an instance, and check the proxy in front of it";

/// Requests a token with the client credentials grant.
///
/// # Errors
/// [`ServiceNowError::TokenRefused`] with what to check, or a temporary error. The request can be repeated safely.
pub async fn fetch_token(
    http: &HttpClient,
    settings: &ServiceNowSettings,
    credential: &Credential,
) -> Result<TokenAnswer, ServiceNowError> {
    const PATH: &str = "/oauth_token.do";
    let url = endpoint(&settings.instance_url, PATH)?;
    let what = || format!("POST {PATH}");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &credential.username)
        .append_pair("client_secret", credential.expose());
    if let Some(scope) = &settings.scope {
        form.append_pair("scope", scope);
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
    let answer = http.send_within(LONGEST_ANSWER, Method::POST, &url, &headers, form.finish().into()).await;
    let answer = match answer {
        Ok(answer) => answer,
        // an answer came, but it is not a token: a smaller answer cannot be requested here
        Err(NetError::TooLarge { host, limit }) => {
            let problem =
                format!("the answer of {host} to {} is larger than {limit} bytes, which is too large for a token. {CHECK}", what());
            return Err(ServiceNowError::TokenUnavailable { problem: problem.into() });
        }
        Err(error) => return Err(ServiceNowError::NoTokenAnswer { what: what(), source: Arc::new(error) }),
    };
    let (host, status) = (host_of(&settings.instance_url), answer.status);
    let body = read_body(&answer.body);
    let refusal = matches!(body, Body::Failure(_));
    let words = match body {
        // not a `Page`: that is for answers to requests that need a token
        Body::Page(title) => {
            let page = ServiceNowError::Page { what: what(), status, title: quoted(&title).into() };
            return Err(ServiceNowError::TokenUnavailable { problem: page.to_string().into() });
        }
        Body::Document(_) if matches!(status, 200 | 201) => return read_token(&answer.body),
        Body::Failure(words) => words,
        Body::Garbage(problem) => Words { message: problem.into(), ..Words::default() },
        Body::Document(_) | Body::Empty => Words::default(),
    };
    match status {
        429 => Err(ServiceNowError::Throttled { what: what(), words: words.line(), retry_after: retry_after(|name| answer.header(name)) }),
        // a refusal may also come with status 200
        200..=299 if refusal => Err(ServiceNowError::TokenRefused { host, status, words: words.line() }),
        400..=499 if status != 408 => Err(ServiceNowError::TokenRefused { host, status, words: words.line() }),
        _ => Err(ServiceNowError::TokenUnavailable { problem: format!("{host} answered with status {status}: {}", words.line()).into() }),
    }
}

pub(super) fn read_token(body: &[u8]) -> Result<TokenAnswer, ServiceNowError> {
    // serde's own texts could quote the body
    let unusable = |problem: &str| ServiceNowError::TokenUnavailable { problem: problem.to_owned().into() };
    let body: TokenBody = serde_json::from_slice(body).map_err(|_| unusable("the answer is not the JSON of a token"))?;
    let access_token = body.access_token.filter(|token| !token.expose_secret().is_empty());
    let access_token = access_token.ok_or_else(|| unusable("the answer has no `access_token`"))?;
    let length = access_token.expose_secret().len();
    if length > LONGEST {
        return Err(unusable(&format!(
            "`access_token` has {length} bytes, and at most {LONGEST} are accepted, because it is sent with each request. {CHECK}"
        )));
    }
    if !access_token.expose_secret().bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable("`access_token` holds characters that no header may carry"));
    }
    let seconds = |text: String| text.split('.').next().and_then(|whole| whole.trim().parse::<i64>().ok());
    let expires_in = body.expires_in.as_deref().map(scalar).and_then(seconds);
    // more than a year means "never"; a larger value could overflow the clock
    let expires_in = expires_in.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(31_536_000)));
    Ok(TokenAnswer { access_token, expires_in })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_may_carry_is_refused_and_not_shown() {
        let read = |token: &str| read_token(serde_json::json!({ "access_token": token, "expires_in": 100 }).to_string().as_bytes());
        assert!(read(&"t".repeat(16 << 10)).is_ok());
        for (token, says) in [("t".repeat((16 << 10) + 1), "has 16385 bytes"), ("sesame\r\nHost: x".into(), "no header may carry")] {
            let refused = read(&token).expect_err("refused").to_string();
            assert!(refused.contains(says) && !refused.contains("sesame") && refused.len() < 500, "{refused}");
        }
    }
}
