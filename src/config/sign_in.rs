//! `[sign_in]`: how long API keys are valid, and the OpenID provider through which people sign in to the console.

use std::time::Duration;

use url::Url;

use super::check::{Check, Clear};
use super::raw::RawSignIn;
use super::settings::{Connection, ProviderSettings, SignInSettings};
use crate::domain::role::Role;

/// The path, below the provider's address, of its description (OpenID Connect Discovery 1.0, section 4).
const DESCRIPTION: &str = ".well-known/openid-configuration";

/// How long one answer of the provider may take: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(8);

impl Check<'_> {
    /// `public_url`: the address of the console, to which the provider sends people back.
    pub(super) fn sign_in(&mut self, raw: &RawSignIn, public_url: Option<&Url>) -> SignInSettings {
        SignInSettings {
            key_days: self.number("sign_in.key_days", raw.key_days, 1, 36_500),
            key_notice_days: self.number("sign_in.key_notice_days", raw.key_notice_days, 1, 365),
            provider: self.provider(raw, public_url),
        }
    }

    fn provider(&mut self, raw: &RawSignIn, public_url: Option<&Url>) -> Option<ProviderSettings> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let hours: u64 = self.number("sign_in.session_hours", raw.session_hours, 1, 24);
        let roles = self.roles(raw);
        let Some(issuer) = set(&raw.issuer) else {
            if set(&raw.client_id).is_some() {
                self.missing::<()>("sign_in.issuer", "the address of the OpenID provider that knows `sign_in.client_id`");
            }
            return None;
        };
        let allow_http = raw.allow_http.unwrap_or(false);
        let url = self.url("sign_in.issuer", &issuer, Clear::Refused { allowed: allow_http });
        let discovery = url.and_then(|_| Url::parse(&format!("{}/{DESCRIPTION}", issuer.trim_end_matches('/'))).ok());
        let client_id = set(&raw.client_id);
        if client_id.is_none() {
            self.missing::<()>("sign_in.client_id", "the name under which the OpenID provider knows Tieline");
        }
        if raw.roles.as_ref().is_none_or(Vec::is_empty) {
            let what = "the values of the claim `sign_in.roles_claim` with their roles, such as `[\"tieline-admins = admin\"]`";
            self.missing::<()>("sign_in.roles", what);
        }
        let scopes = raw.scopes.clone().unwrap_or_default();
        let is_scope =
            |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if !scopes.iter().any(|scope| scope == "openid") || !scopes.iter().all(is_scope) {
            self.problem::<()>("sign_in.scopes", "`sign_in.scopes` must hold `openid`, and scopes without blanks".to_owned());
        }
        let (name_claim, roles_claim) = (set(&raw.name_claim), set(&raw.roles_claim));
        for (key, claim) in [("sign_in.name_claim", &name_claim), ("sign_in.roles_claim", &roles_claim)] {
            if claim.is_none() {
                self.problem::<()>(key, format!("`{key}` must name a claim of the provider's tokens"));
            }
        }
        if public_url.is_none() {
            let what = "the address under which people open the console; the OpenID provider of `sign_in.issuer` sends them back there";
            self.missing::<()>("notices.public_url", what);
        }
        let (ca_file, proxy) = self.way("sign_in", raw.ca_file.as_deref(), raw.proxy.as_deref());
        let connection = Connection {
            ca_file,
            proxy,
            connect_timeout: PATIENCE / 2,
            request_timeout: PATIENCE,
            body_timeout: PATIENCE,
            body_limit: 1 << 20,
            connections: 4,
            ..Connection::default()
        };
        let path = |path: &str| {
            let mut url = public_url?.clone();
            url.set_path(path);
            url.set_query(None);
            url.set_fragment(None);
            Some(url)
        };
        Some(ProviderSettings {
            issuer,
            discovery: discovery?,
            client_id: client_id?,
            scopes,
            name_claim: name_claim?,
            roles_claim: roles_claim?,
            roles,
            session: Duration::from_secs(hours * 3600),
            callback: path("/sign-in/callback")?,
            signed_out: path("/sign-in")?,
            allow_http,
            connection,
        })
    }

    /// `value = role`. A value may hold `=` itself, as names of a directory do.
    fn roles(&mut self, raw: &RawSignIn) -> Vec<(String, Role)> {
        let mut roles: Vec<(String, Role)> = Vec::new();
        let key = "sign_in.roles";
        for text in raw.roles.iter().flatten() {
            let parts = text.rsplit_once('=').map(|(value, role)| (value.trim().to_owned(), role.trim().parse::<Role>()));
            match parts {
                Some((value, Ok(role))) if !value.is_empty() => {
                    if roles.iter().any(|(known, _)| *known == value) {
                        self.problem::<()>(key, format!("`{key}` has two roles for `{value}`: leave one out"));
                    }
                    roles.push((value, role));
                }
                Some((_, Err(wrong))) => {
                    self.problem::<()>(key, format!("`{key}`: the role in `{text}`: {wrong}"));
                }
                _ => {
                    self.problem::<()>(key, format!("`{key}` must hold texts such as `tieline-admins = admin`, got `{text}`"));
                }
            }
        }
        roles
    }
}
