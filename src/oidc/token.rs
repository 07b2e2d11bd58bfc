//! The check of an ID token (OpenID Connect Core 1.0, section 3.1.3.7).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use super::attempt::LIFE;
use super::jwk::{Algorithm, KeySet, verified};
use crate::net::brief;
use crate::redact::Quoted;

/// How far two clocks may be apart, in seconds.
const SKEW: i64 = 60;

/// The longest name that a provider may give a person (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// Why a token is not valid.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// It has another form.
    #[error("it has not the form of a signed token: {0}")]
    Form(&'static str),
    /// It is not signed, or by a way that is not accepted.
    #[error("it is signed by `{0}`; accepted are {words}", words = Algorithm::WORDS)]
    Algorithm(Quoted),
    /// The provider has no such key.
    #[error("the provider has no key {} for it", .0.as_ref().map(|kid| format!("`{kid}`")).unwrap_or_default())]
    UnknownKey(Option<Quoted>),
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing, or has a value of another kind.
    #[error("its claim `{0}` is missing, or has a value of another kind")]
    Claim(&'static str),
    /// It is from another provider.
    #[error("its `iss` is `{is}`, and `sign_in.issuer` is `{expected}`")]
    Issuer {
        /// What it says.
        is: Quoted,
        /// The setting.
        expected: String,
    },
    /// It is for another client.
    #[error("its `{claim}` is not `{client_id}` (`sign_in.client_id`): it was made for another program")]
    Audience {
        /// `aud` or `azp`.
        claim: &'static str,
        /// The setting.
        client_id: String,
    },
    /// It is no longer valid.
    #[error("it expired at {0}")]
    Expired(String),
    /// It is not valid yet, or from another time.
    #[error("its `{claim}` is {at}, and it is {now} here")]
    Time {
        /// `iat` or `nbf`.
        claim: &'static str,
        /// What it says.
        at: String,
        /// The time of this machine.
        now: String,
    },
    /// It belongs to another attempt.
    #[error("its `nonce` is that of another attempt to sign in")]
    Nonce,
}

impl TokenRefused {
    /// Whether a newer key of the provider may verify it.
    pub(super) fn asks_for_newer_keys(&self) -> bool {
        matches!(self, Self::UnknownKey(_) | Self::Signature)
    }

    /// Whether a wrong clock may be the reason.
    pub fn may_be_the_clock(&self) -> bool {
        matches!(self, Self::Expired(_) | Self::Time { .. })
    }
}

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// The claims of a valid token.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    all: Map<String, Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Claims {
    /// A claim; a name with dots reaches into claims, unless a claim has the whole name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.all.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(self.all.get(first)?, |value, part| value.get(part))
    }

    /// The texts of a claim: one, or those of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// The claims of a token, if it is valid.
pub(super) fn check(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, TokenRefused> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefused::Form("it has no parts"))?;
    let (header, payload) = signed.split_once('.').ok_or(TokenRefused::Form("it has fewer than three parts"))?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefused::Form("a part of it is not base64"));
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenRefused::Form("its header is not JSON"))?;
    let algorithm = Algorithm::read(&header.alg).ok_or_else(|| TokenRefused::Algorithm(brief(&header.alg)))?;
    if header.crit.is_some() {
        return Err(TokenRefused::Form("its header has `crit`, an extension that Tieline does not know"));
    }
    let fitting = keys.fitting(algorithm, header.kid.as_deref());
    if fitting.is_empty() {
        return Err(TokenRefused::UnknownKey(header.kid.as_deref().map(brief)));
    }
    if !verified(&fitting, algorithm, signed.as_bytes(), &decode(signature)?) {
        return Err(TokenRefused::Signature);
    }
    let all: Map<String, Value> =
        serde_json::from_slice(&decode(payload)?).map_err(|_| TokenRefused::Form("its claims are not a JSON object"))?;
    claims(all, expected)
}

fn claims(all: Map<String, Value>, expected: &Expected<'_>) -> Result<Claims, TokenRefused> {
    let text = |name: &'static str| all.get(name).and_then(Value::as_str).ok_or(TokenRefused::Claim(name));
    let issuer = text("iss")?;
    if issuer != expected.issuer {
        return Err(TokenRefused::Issuer { is: brief(issuer), expected: expected.issuer.to_owned() });
    }
    let other = |claim| TokenRefused::Audience { claim, client_id: expected.client_id.to_owned() };
    let audiences: Vec<&str> = match all.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => return Err(TokenRefused::Claim("aud")),
    };
    if !audiences.contains(&expected.client_id) {
        return Err(other("aud"));
    }
    // several audiences, or another client that the token was issued to
    match all.get("azp") {
        None if audiences.len() > 1 => return Err(TokenRefused::Claim("azp")),
        None => {}
        Some(party) if party.as_str() == Some(expected.client_id) => {}
        Some(_) => return Err(other("azp")),
    }
    let now = expected.now.timestamp();
    let expires = seconds(&all, "exp")?.ok_or(TokenRefused::Claim("exp"))?;
    if now >= expires.saturating_add(SKEW) {
        return Err(TokenRefused::Expired(instant(expires)));
    }
    let issued = seconds(&all, "iat")?.ok_or(TokenRefused::Claim("iat"))?;
    let time = |claim, at| TokenRefused::Time { claim, at: instant(at), now: instant(now) };
    // older than any attempt: it is not the answer to this one
    if issued > now.saturating_add(SKEW) || issued < now.saturating_sub(LIFE.num_seconds() + SKEW) {
        return Err(time("iat", issued));
    }
    if let Some(begins) = seconds(&all, "nbf")?.filter(|begins| *begins > now.saturating_add(SKEW)) {
        return Err(time("nbf", begins));
    }
    if !bool::from(text("nonce").map_err(|_| TokenRefused::Nonce)?.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err(TokenRefused::Nonce);
    }
    let subject = text("sub")?;
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains(char::is_control) {
        return Err(TokenRefused::Claim("sub"));
    }
    Ok(Claims { subject: subject.to_owned(), all })
}

/// A time in seconds, whole or with a fraction; `None`: it is not there.
fn seconds(all: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, TokenRefused> {
    let Some(value) = all.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| value.as_f64().filter(|at| at.is_finite()).map(|at| at as i64));
    whole.map(Some).ok_or(TokenRefused::Claim(name))
}

fn instant(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map_or_else(|| seconds.to_string(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    struct Signer {
        pair: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Signer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("a pair");
            Self { pair, random }
        }

        fn keys(&self, more: &Value) -> KeySet {
            let point = self.pair.public_key().as_ref();
            let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            let mut key = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "x": part(&point[1..33]), "y": part(&point[33..]) });
            for (name, value) in more.as_object().expect("an object") {
                key[name] = value.clone();
            }
            KeySet::read(json!({ "keys": [{ "kty": "OKP" }, key] }).to_string().as_bytes())
                .unwrap_or_else(|_| KeySet::read(RSA).expect("a set"))
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.pair.sign(&self.random, signed.as_bytes()).expect("signed");
            format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }
    }

    /// A set whose key signs nothing here.
    const RSA: &[u8] = br#"{"keys": [{"kty": "RSA", "kid": "two", "n": "sXchwBQ", "e": "AQAB"}]}"#;

    const NOW: i64 = 1_800_000_000;

    fn good() -> Value {
        json!({ "iss": "https://id.example", "aud": "tieline", "sub": "u1", "exp": NOW + 300, "iat": NOW, "nonce": "n", "realm": { "roles": ["a", 1, "b"] } })
    }

    fn with(changes: &Value) -> Value {
        let mut claims = good();
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                claims.as_object_mut().expect("an object").remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    fn checked(signer: &Signer, token: &str) -> Result<Claims, String> {
        let now = DateTime::from_timestamp(NOW, 0).expect("a time");
        let expected = Expected { issuer: "https://id.example", client_id: "tieline", nonce: "n", now };
        check(token, &signer.keys(&json!({})), &expected).map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_valid_token_gives_its_claims() {
        let signer = Signer::new();
        let header = json!({ "alg": "ES256", "kid": "one" });
        let claims = checked(&signer, &signer.token(&header, &good())).expect("valid");
        assert_eq!((claims.subject.as_str(), claims.texts("realm.roles"), claims.texts("sub")), ("u1", vec!["a", "b"], vec!["u1"]));
        assert!(claims.texts("realm").is_empty() && claims.texts("realm.nothing.more").is_empty());
        for more in [
            json!({ "aud": ["tieline"] }),
            json!({ "aud": ["other", "tieline"], "azp": "tieline" }),
            json!({ "exp": NOW - 59 }),
            json!({ "iat": NOW + 60, "nbf": NOW + 60 }),
            json!({ "iat": NOW - 660 }),
            json!({ "exp": 1_800_000_300.5 }),
        ] {
            checked(&signer, &signer.token(&header, &with(&more))).unwrap_or_else(|refused| panic!("{more}: {refused}"));
        }
        checked(&signer, &signer.token(&json!({ "alg": "ES256" }), &good())).expect("no key is named, and one fits");
    }

    #[test]
    fn every_other_token_is_refused_and_says_why() {
        let signer = Signer::new();
        let header = json!({ "alg": "ES256", "kid": "one" });
        for (more, why) in [
            (json!({ "iss": "https://id.example/" }), "its `iss` is `https://id.example/`"),
            (json!({ "iss": null }), "its claim `iss` is missing"),
            (json!({ "aud": "other" }), "its `aud` is not `tieline`"),
            (json!({ "aud": [] }), "its `aud` is not `tieline`"),
            (json!({ "aud": 7 }), "its claim `aud`"),
            (json!({ "aud": ["other", "tieline"] }), "its claim `azp` is missing"),
            (json!({ "azp": "other" }), "its `azp` is not `tieline`"),
            (json!({ "exp": NOW - 60 }), "it expired at 2027-01-15 07:59:00Z"),
            (json!({ "exp": null }), "its claim `exp`"),
            (json!({ "exp": "1900000000" }), "its claim `exp`"),
            (json!({ "iat": NOW + 61 }), "its `iat` is 2027-01-15 08:01:01Z, and it is 2027-01-15 08:00:00Z here"),
            (json!({ "iat": NOW - 661 }), "its `iat` is"),
            (json!({ "iat": null }), "its claim `iat`"),
            (json!({ "nbf": NOW + 61 }), "its `nbf` is"),
            (json!({ "nonce": "m" }), "its `nonce` is that of another attempt"),
            (json!({ "nonce": null }), "its `nonce` is that of another attempt"),
            (json!({ "sub": "" }), "its claim `sub`"),
            (json!({ "sub": "a\nb" }), "its claim `sub`"),
            (json!({ "sub": "x".repeat(256) }), "its claim `sub`"),
        ] {
            let refused = checked(&signer, &signer.token(&header, &with(&more))).expect_err(&more.to_string());
            assert!(refused.contains(why), "{more}: {refused}");
        }
        for (header, why) in [
            (json!({ "alg": "none" }), "it is signed by `none`"),
            (json!({ "alg": "HS256", "kid": "one" }), "it is signed by `HS256`"),
            (json!({ "alg": "ES384", "kid": "one" }), "it is signed by `ES384`"),
            (json!({ "alg": "RS256", "kid": "one" }), "no key `one`"),
            (json!({ "alg": "ES256", "kid": "two" }), "no key `two`"),
            (json!({ "alg": "ES256", "kid": "one", "crit": ["b64"] }), "`crit`"),
            (json!({ "kid": "one" }), "its header is not JSON"),
        ] {
            let refused = checked(&signer, &signer.token(&header, &good())).expect_err(&header.to_string());
            assert!(refused.contains(why), "{header}: {refused}");
        }
        let token = signer.token(&header, &good());
        let (signed, signature) = token.rsplit_once('.').expect("parts");
        let other = Signer::new().token(&header, &good());
        for (token, why) in [
            (other.as_str(), "its signature is wrong"),
            (format!("{signed}.").as_str(), "its signature is wrong"),
            (format!("{signed}.{}", &signature[2..]).as_str(), "its signature is wrong"),
            (format!("{signed}.%").as_str(), "not base64"),
            (signed, "fewer than three parts"),
            ("", "no parts"),
        ] {
            assert!(checked(&signer, token).expect_err(token).contains(why), "{token}");
        }
    }

    #[test]
    fn a_key_that_is_for_something_else_verifies_nothing() {
        let signer = Signer::new();
        let token = signer.token(&json!({ "alg": "ES256", "kid": "one" }), &good());
        let now = DateTime::from_timestamp(NOW, 0).expect("a time");
        let expected = Expected { issuer: "https://id.example", client_id: "tieline", nonce: "n", now };
        for more in
            [json!({ "use": "enc" }), json!({ "alg": "ES512" }), json!({ "alg": "RS256" }), json!({ "crv": "P-384" }), json!({ "x": "AA" })]
        {
            assert!(matches!(check(&token, &signer.keys(&more), &expected), Err(TokenRefused::UnknownKey(_))), "{more}");
        }
        assert!(check(&token, &signer.keys(&json!({ "use": "sig", "alg": "ES256" })), &expected).is_ok());
        for wrong in [&b"{}"[..], b"[]", b"{\"keys\": []}", b"<html>", br#"{"keys": [{"kty": "oct", "k": "AA"}]}"#] {
            assert!(KeySet::read(wrong).is_err());
        }
    }
}
