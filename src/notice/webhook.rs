//! Posts a message to an address, signed as in Standard Webhooks 1.0.0, so that a receiver can verify its origin and age: `webhook-id`,
//! `webhook-timestamp` (Unix seconds) and `webhook-signature: v1,<base64 HMAC-SHA256 of "<id>.<timestamp>.<body>">`.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use super::Message;
use super::not_taken::{NotTaken, advised};
use crate::credentials::secret::Credential;
use crate::domain::chain;
use crate::net::{HttpClient, Method, host_of};
use crate::redact::Quoted;

pub(super) async fn post(http: &HttpClient, url: &Url, credential: Option<&Credential>, message: &Message) -> Result<Quoted, NotTaken> {
    let Some(credential) = credential else {
        let text = "there is no credential `notices-webhook`, whose password signs webhooks; set it with `tieline credential set notices-webhook \
                    --username tieline --password-stdin`, and give the receiver the same secret";
        return Err(NotTaken { text: text.into(), permanent: false });
    };
    let at = Utc::now().timestamp().to_string();
    let signature = sign(credential.expose(), &message.id, &at, &message.json).ok_or_else(|| NotTaken {
        text: "the password of the credential `notices-webhook` begins with `whsec_`, and base64 must follow; set it again".into(),
        permanent: false,
    })?;
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", message.id.as_str()),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    let host = host_of(url);
    let answer = http.send(Method::POST, url, &headers, message.json.clone().into_bytes().into()).await;
    let answer = answer.map_err(|error| NotTaken {
        text: advised(format!("`{host}` did not answer: {}", chain(&error)), "notices.webhook_urls").into(),
        permanent: false,
    })?;
    let status = answer.status;
    match status {
        200..=299 => Ok(format!("`{host}` accepted it (status {status})").into()),
        // temporary errors
        408 | 425 | 429 | 500.. => {
            Err(NotTaken { text: format!("`{host}` answered with status {status}: {}", answer.excerpt()).into(), permanent: false })
        }
        _ => Err(NotTaken { text: format!("`{host}` refused it with status {status}: {}", answer.excerpt()).into(), permanent: true }),
    }
}

/// The signature with a secret: `whsec_` and the key in base64, or any other text, whose bytes are the key. `None` when it is not valid
/// base64.
fn sign(secret: &str, id: &str, at: &str, body: &str) -> Option<String> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => Zeroizing::new(BASE64_STANDARD.decode(encoded).ok()?),
        None => Zeroizing::new(secret.as_bytes().to_vec()),
    };
    // a key may have any length: longer ones are hashed first
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_id_time_and_body() {
        // the example of the libraries of Standard Webhooks
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        let signature = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id, at, body);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        // python3 -c 'import base64, hmac; print(base64.b64encode(hmac.new(b"key", b"id.1700000000.{}", "sha256").digest()))'
        let expected = "v1,/Hqug/JsMUvI3mrKxx95W1oU9WZJN5/KNqtUvtF4fLc=";
        for secret in ["key", "whsec_a2V5"] {
            assert_eq!(sign(secret, "id", "1700000000", "{}").as_deref(), Some(expected), "{secret}");
        }
        assert_eq!(sign("whsec_no base64", "id", "1700000000", "{}"), None);
    }
}
