//! A message posted to an address. The receiver can tell that it is ours, and new, by its signature:
//! `Tieline-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.

use std::fmt::Write as _;

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use super::{Message, NotTaken, advised};
use crate::config::secret::Credential;
use crate::net::{HttpClient, Method, host_of};
use crate::redact::Quoted;

pub(super) async fn post(http: &HttpClient, url: &Url, credential: Option<&Credential>, message: &Message) -> Result<Quoted, NotTaken> {
    let Some(credential) = credential else {
        let text = "there is no credential `notices-webhook`, whose password signs webhooks; set it with `tieline credential set notices-webhook \
                    --username tieline --password-stdin`, and give the receiver the same secret";
        return Err(NotTaken { text: text.into(), permanent: false });
    };
    let signature = sign(credential.expose(), Utc::now().timestamp(), &message.json);
    let headers = [("content-type", "application/json"), ("tieline-signature", signature.as_str())];
    let host = host_of(url);
    let answer = http.send(Method::POST, url, &headers, message.json.clone().into_bytes().into()).await;
    let answer = answer.map_err(|error| NotTaken {
        text: advised(format!("`{host}` did not answer: {}", chain(&error)), "notices.webhook_urls").into(),
        permanent: false,
    })?;
    let status = answer.status;
    match status {
        200..=299 => Ok(format!("`{host}` took it (status {status})").into()),
        // these pass
        408 | 425 | 429 | 500.. => {
            Err(NotTaken { text: format!("`{host}` answered with status {status}: {}", answer.excerpt()).into(), permanent: false })
        }
        _ => Err(NotTaken { text: format!("`{host}` refused it with status {status}: {}", answer.excerpt()).into(), permanent: true }),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut hex = String::new();
    // a key of any length will do: longer ones are hashed first
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(format!("{at}.{body}").as_bytes());
        for byte in mac.finalize().into_bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
    }
    format!("t={at},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_time_and_body() {
        // python3 -c 'import hmac; print(hmac.new(b"key", b"1700000000.{}", "sha256").hexdigest())'
        let expected = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(sign("key", 1_700_000_000, "{}"), format!("t=1700000000,v1={expected}"));
    }
}
