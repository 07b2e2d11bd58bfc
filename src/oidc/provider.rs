//! The provider: its description, its keys, and the exchange of a code for an ID token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::attempt::Attempt;
use super::error::OidcError;
use super::jwk::KeySet;
use super::token::{Claims, Expected, TokenRefused, check};
use crate::config::is_loopback;
use crate::config::settings::ProviderSettings;
use crate::credentials::credential_store::{CredentialError, CredentialStore, SIGN_IN};
use crate::credentials::secret::Credential;
use crate::domain::person::PersonName;
use crate::domain::role::Role;
use crate::net::{ClientParts, HttpClient, Method, NetError, Response, brief};
use crate::redact::{Kind, Quoted, remember};
use crate::telemetry::labels::System;

/// How long the description and the keys count. A token with an unknown key makes Tieline read the keys again at once.
const KEPT: Duration = Duration::from_secs(60);

/// A person whom the provider vouches for.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The provider's own name for the person, which stays the same.
    pub subject: String,
    /// The name that people read.
    pub name: PersonName,
    /// The role.
    pub role: Role,
}

/// With what the provider sent the browser back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The code that is exchanged for the token.
    pub code: Option<String>,
    /// The state of the attempt.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
    /// The provider (RFC 9207).
    pub issuer: Option<String>,
}

#[derive(Deserialize)]
struct RawDescription {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0).
struct Description {
    authorization: Url,
    token: Url,
    keys: Url,
    end_session: Option<Url>,
    /// Whether the client secret goes into the body, because the provider does not take it in a header.
    secret_in_body: bool,
    /// Whether every answer names the provider.
    names_issuer: bool,
}

#[derive(Deserialize)]
struct RawTokens {
    id_token: String,
}

#[derive(Deserialize)]
struct RawError {
    error: String,
    error_description: Option<String>,
}

#[derive(Default)]
struct Known {
    description: Option<(Instant, Arc<Description>)>,
    keys: Option<(Instant, Arc<KeySet>)>,
}

/// The provider of the site.
pub struct Provider {
    settings: ProviderSettings,
    credentials: CredentialStore,
    parts: OnceCell<ClientParts>,
    known: Mutex<Known>,
}

impl Provider {
    /// The provider of these settings. Nothing is asked of it yet.
    pub fn new(settings: ProviderSettings, credentials: CredentialStore) -> Self {
        Self { settings, credentials, parts: OnceCell::new(), known: Mutex::default() }
    }

    /// Its settings.
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where a person signs in.
    ///
    /// # Errors
    /// [`OidcError`] when the provider does not describe itself.
    pub async fn authorization(&self, attempt: &Attempt) -> Result<Url, OidcError> {
        let mut url = self.description(&self.client().await?).await?.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.settings.callback.as_str())
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who came back, for an attempt whose state was compared.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn identity(&self, attempt: &Attempt, answer: &Answer) -> Result<Identity, OidcError> {
        let http = self.client().await?;
        let description = self.description(&http).await?;
        match &answer.issuer {
            Some(issuer) if *issuer == self.settings.issuer => {}
            None if !description.names_issuer => {}
            other => {
                let is = other.as_deref().unwrap_or_default();
                return Err(OidcError::OtherIssuer { is: brief(is), expected: self.settings.issuer.clone() });
            }
        }
        let code = match (&answer.code, &answer.error) {
            (Some(code), None) => code,
            (_, error) => {
                let error = error.as_deref().map_or_else(|| "no code and no error".into(), brief);
                let description = answer.error_description.as_deref().map(brief);
                return Err(OidcError::Refused { what: "the sign-in", error, description });
            }
        };
        let token = self.exchange(&http, &description, code, attempt).await?;
        remember(Kind::Token, "", &token);
        let claims = self.checked(&http, &description, &token, attempt).await?;
        self.known_as(&claims)
    }

    /// Where a person ends the session at the provider too, if it has such a place and answers.
    pub async fn end_session(&self) -> Option<Url> {
        let description = self.description(&self.client().await.ok()?).await.ok()?;
        let mut url = description.end_session.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", self.settings.signed_out.as_str());
        Some(url)
    }

    /// The certificates are read once, on a thread that may block.
    async fn client(&self) -> Result<HttpClient, OidcError> {
        let read = || async {
            let connection = self.settings.connection.clone();
            let parts = tokio::task::spawn_blocking(move || ClientParts::read(System::SignIn, &connection)).await;
            parts.unwrap_or_else(|_| Err(NetError::Setup { what: "reading the certificates for `[sign_in]` crashed".into() }))
        };
        Ok(HttpClient::of(self.parts.get_or_try_init(read).await?))
    }

    async fn description(&self, http: &HttpClient) -> Result<Arc<Description>, OidcError> {
        if let Some((_, description)) = self.known().description.as_ref().filter(|(at, _)| at.elapsed() < KEPT) {
            return Ok(description.clone());
        }
        const WHAT: &str = "the request for its description";
        let answer = http.send(Method::GET, &self.settings.discovery, &[("Accept", "application/json")], "".into()).await?;
        let raw: RawDescription = json(WHAT, &answer)?;
        let description = Arc::new(self.read(raw).map_err(|problem| OidcError::Answer { what: WHAT, problem: brief(&problem) })?);
        self.known().description = Some((Instant::now(), description.clone()));
        Ok(description)
    }

    fn read(&self, raw: RawDescription) -> Result<Description, String> {
        if raw.issuer != self.settings.issuer {
            return Err(format!("its `issuer` is `{}`, and `sign_in.issuer` is `{}`", raw.issuer, self.settings.issuer));
        }
        let address = |name: &str, text: &str| {
            let url = Url::parse(text).map_err(|error| format!("`{name}` is no address: {error}"))?;
            let is_safe = url.scheme() == "https" || (url.scheme() == "http" && (self.settings.allow_http || is_loopback(&url)));
            if is_safe && url.has_host() { Ok(url) } else { Err(format!("`{name}` does not begin with `https://`: `{text}`")) }
        };
        let has = |method: &str| raw.token_endpoint_auth_methods_supported.as_ref().is_some_and(|all| all.iter().any(|one| one == method));
        Ok(Description {
            authorization: address("authorization_endpoint", &raw.authorization_endpoint)?,
            token: address("token_endpoint", &raw.token_endpoint)?,
            keys: address("jwks_uri", &raw.jwks_uri)?,
            end_session: raw.end_session_endpoint.as_deref().map(|text| address("end_session_endpoint", text)).transpose()?,
            secret_in_body: has("client_secret_post") && !has("client_secret_basic"),
            names_issuer: raw.authorization_response_iss_parameter_supported.unwrap_or(false),
        })
    }

    /// The ID token for a code.
    async fn exchange(&self, http: &HttpClient, description: &Description, code: &str, attempt: &Attempt) -> Result<String, OidcError> {
        const WHAT: &str = "the exchange of the code";
        let secret = self.secret().await?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", self.settings.callback.as_str())
            .append_pair("code_verifier", &attempt.verifier());
        let basic;
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
        let client_id = self.settings.client_id.as_str();
        match &secret {
            None => {
                form.append_pair("client_id", client_id);
            }
            Some(secret) if description.secret_in_body => {
                form.append_pair("client_id", client_id).append_pair("client_secret", secret.expose());
            }
            Some(secret) => {
                // RFC 6749, section 2.3.1: both are encoded like a form first
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
                basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
                headers.push(("Authorization", basic.as_str()));
            }
        }
        let answer = http.send(Method::POST, &description.token, &headers, form.finish().into_bytes().into()).await?;
        if matches!(answer.status, 400 | 401)
            && let Ok(refused) = serde_json::from_slice::<RawError>(&answer.body)
        {
            let description = refused.error_description.as_deref().map(brief);
            return Err(OidcError::Refused { what: "the code", error: brief(&refused.error), description });
        }
        Ok(json::<RawTokens>(WHAT, &answer)?.id_token)
    }

    /// The client secret; `None`: the provider gave none.
    async fn secret(&self) -> Result<Option<Credential>, OidcError> {
        match self.credentials.credential(SIGN_IN).await {
            Ok(credential) if credential.username == self.settings.client_id => Ok(Some(credential).filter(|one| !one.expose().is_empty())),
            Ok(credential) => Err(OidcError::OtherClient { credential: credential.username, client_id: self.settings.client_id.clone() }),
            Err(CredentialError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The claims of a valid token. A key that is not known may be newer than those that were read before.
    async fn checked(&self, http: &HttpClient, description: &Description, token: &str, attempt: &Attempt) -> Result<Claims, OidcError> {
        let nonce = attempt.nonce();
        let check = |keys: &KeySet| -> Result<Claims, TokenRefused> {
            let expected = Expected { issuer: &self.settings.issuer, client_id: &self.settings.client_id, nonce: &nonce, now: Utc::now() };
            check(token, keys, &expected)
        };
        let kept = self.known().keys.as_ref().filter(|(at, _)| at.elapsed() < KEPT).map(|(_, keys)| keys.clone());
        if let Some(kept) = kept {
            match check(&kept) {
                Err(refused) if refused.asks_for_newer_keys() => {}
                checked => return Ok(checked?),
            }
        }
        const WHAT: &str = "the request for its keys";
        let answer = http.send(Method::GET, &description.keys, &[("Accept", "application/json")], "".into()).await?;
        expect_ok(WHAT, &answer)?;
        let keys = KeySet::read(&answer.body).map_err(|problem| OidcError::Answer { what: WHAT, problem: brief(&problem) })?;
        let keys = Arc::new(keys);
        self.known().keys = Some((Instant::now(), keys.clone()));
        Ok(check(&keys)?)
    }

    /// Name and role of the person of a token.
    fn known_as(&self, claims: &Claims) -> Result<Identity, OidcError> {
        let (settings, subject) = (&self.settings, claims.subject.clone());
        let named = claims.get(&settings.name_claim).and_then(|value| value.as_str());
        let name = named.map_or_else(
            || Err("the ID token does not have it".to_owned()),
            |name| name.parse::<PersonName>().map_err(|no| no.to_string()),
        );
        let name = match name {
            Ok(name) => name,
            Err(problem) => return Err(OidcError::NoName { claim: settings.name_claim.clone(), subject, problem }),
        };
        let values = claims.texts(&settings.roles_claim);
        match settings.roles.iter().find(|(value, _)| values.contains(&value.as_str())) {
            Some((_, role)) => Ok(Identity { subject, name, role: *role }),
            None => Err(OidcError::NoRole { name, subject, claim: settings.roles_claim.clone(), values: values.len() }),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expect_ok(what: &'static str, answer: &Response) -> Result<(), OidcError> {
    match answer.status {
        200 => Ok(()),
        // the answer may hold a token
        status if (200..300).contains(&status) => {
            Err(OidcError::Answer { what, problem: brief(&format!("its status is {status}, not 200")) })
        }
        status => {
            let problem = Quoted::joined([format!("its status is {status}: ").into(), answer.excerpt()]);
            Err(OidcError::Answer { what, problem })
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(what: &'static str, answer: &Response) -> Result<T, OidcError> {
    expect_ok(what, answer)?;
    serde_json::from_slice(&answer.body).map_err(|error| OidcError::Answer { what, problem: brief(&error.to_string()) })
}
