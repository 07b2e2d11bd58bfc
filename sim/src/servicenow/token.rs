//! The OAuth endpoint: client credentials, refresh, revocation.

use std::collections::HashMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::options::ServiceNowOptions;
use super::reply::Reply;

/// The valid tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    live: HashMap<String, Instant>,
    current: Option<String>,
    refresh: Option<String>,
    /// Number of token requests.
    pub(super) requests: u64,
}

impl Tokens {
    /// Whether this `Authorization` header holds a valid token.
    pub(super) fn accepts(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|text| text.strip_prefix("Bearer "));
        token.and_then(|token| self.live.get(token)).is_some_and(|end| Instant::now() < *end)
    }

    /// Revokes every token.
    pub(super) fn revoke_all(&mut self) {
        self.live.clear();
        self.current = None;
    }

    /// `POST /oauth_token.do`
    pub(super) fn answer(
        &mut self,
        method: &str,
        content_type: &str,
        authorization: Option<&str>,
        body: &[u8],
        options: &ServiceNowOptions,
    ) -> Reply {
        self.requests += 1;
        if method != "POST" {
            return Reply::error(405, "Method not supported", None);
        }
        if !content_type.starts_with("application/x-www-form-urlencoded") {
            return denied(options.token_json_status);
        }
        let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        let header = authorization.filter(|_| options.basic_client).and_then(basic);
        let (id, secret) = match &header {
            Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
            None => (field("client_id"), field("client_secret")),
        };
        if id != Some(&options.client_id) || secret != Some(&options.client_secret) {
            return denied(401);
        }
        match field("grant_type") {
            Some("client_credentials") if options.client_credentials_enabled => self.grant(options, true),
            Some("refresh_token") if self.refresh.is_some() && field("refresh_token") == self.refresh.as_deref() => {
                self.grant(options, false)
            }
            _ => denied(401),
        }
    }

    fn grant(&mut self, options: &ServiceNowOptions, with_refresh: bool) -> Reply {
        let now = Instant::now();
        self.live.retain(|_, end| now < *end);
        let known = self.current.clone().filter(|token| options.token_reuse && self.live.contains_key(token));
        let token = known.unwrap_or_else(secret);
        let end = *self.live.entry(token.clone()).or_insert(now + options.token_lifetime);
        self.current = Some(token.clone());
        let seconds = end.saturating_duration_since(now).as_secs();
        let mut answer = json!({"scope": "useraccount", "token_type": "Bearer", "expires_in": seconds, "access_token": token});
        if options.refresh_token && with_refresh {
            let refresh = self.refresh.get_or_insert_with(secret);
            answer["refresh_token"] = json!(refresh);
        }
        Reply::json(200, &answer)
    }

    /// `GET /oauth_revoke_token.do?token=…`: needs no credentials.
    pub(super) fn revoke(&mut self, token: Option<&str>) -> Reply {
        if let Some(token) = token {
            self.live.remove(token);
        }
        Reply::empty(200)
    }
}

/// The caller gets the same text for every reason; on a real instance only the log shows the reason.
fn denied(status: u16) -> Reply {
    Reply::json(status, &json!({"error_description": "access_denied", "error": "server_error"}))
}

fn basic(header: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ")?).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

fn secret() -> String {
    let mut random = fastrand::Rng::new();
    std::iter::repeat_with(|| random.alphanumeric()).take(86).collect()
}
