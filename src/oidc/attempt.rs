//! One attempt to sign in: what the browser keeps until the provider sends it back.
//!
//! The cookie has 32 random bytes. State, nonce and the verifier of PKCE are hashes of it, each with a word of its own: none of them tells
//! another one, and nothing has to be stored for a visitor who never comes back. A MAC with a key of the installation is at its end: nobody
//! else can make a cookie that passes for an attempt that began here.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::credentials::key_ring::KeyRing;

/// How long a person may take to sign in at the provider.
pub const LIFE: TimeDelta = TimeDelta::minutes(10);

/// What the MAC of a cookie is for.
const PURPOSE: &str = "sign-in attempt";

/// The longest address to return to.
const LONGEST: usize = 2000;

/// An attempt to sign in.
#[derive(Clone)]
pub struct Attempt {
    /// `SECRET.BEGUN.TARGET`: 64 hexadecimal digits, Unix seconds, and the page to return to in base64.
    text: String,
    begun: i64,
    to: String,
}

impl Attempt {
    /// A new attempt, which returns to this page.
    pub fn new(secret: [u8; 32], begun: DateTime<Utc>, to: &str) -> Self {
        let to = if to.len() > LONGEST { "/" } else { to };
        let (secret, begun) = (hex::encode(secret), begun.timestamp());
        Self { text: format!("{secret}.{begun}.{}", BASE64_URL_SAFE_NO_PAD.encode(to)), begun, to: to.to_owned() }
    }

    /// The attempt of a cookie, if it began here.
    pub fn read(cookie: &str, keys: &KeyRing) -> Option<Self> {
        let (text, mac) = cookie.rsplit_once('.')?;
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac).ok()?;
        keys.made_mac(PURPOSE, text.as_bytes(), &mac).then(|| Self::parse(text))?
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (secret, begun, to) = (parts.next()?, parts.next()?, parts.next()?);
        let is_secret = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        let to = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(to).ok()?).ok().filter(|to| to.len() <= LONGEST)?;
        is_secret.then_some(Self { text: text.to_owned(), begun: begun.parse().ok()?, to })
    }

    /// The value of the cookie: `SECRET.BEGUN.TARGET.MAC`, with the MAC in base64.
    pub fn cookie(&self, keys: &KeyRing) -> String {
        format!("{}.{}", self.text, BASE64_URL_SAFE_NO_PAD.encode(keys.mac(PURPOSE, self.text.as_bytes())))
    }

    /// The page to return to.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Whether it is too old, or from the future.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        let age = now.timestamp().saturating_sub(self.begun);
        age > LIFE.num_seconds() || age < -LIFE.num_seconds()
    }

    /// What the ledger knows it by.
    pub fn hash(&self) -> [u8; 32] {
        self.derived("attempt")
    }

    /// The state, with which the provider sends the browser back.
    pub fn state(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.derived("state"))
    }

    /// Whether this is its state.
    pub fn has_state(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// The nonce, which the ID token must have.
    pub fn nonce(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.derived("nonce"))
    }

    /// The secret that proves to the provider that who redeems the code is who asked for it.
    pub fn verifier(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.derived("verifier"))
    }

    /// What the provider gets of the verifier beforehand.
    pub fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derived(&self, word: &str) -> [u8; 32] {
        Sha256::digest(format!("tieline sign-in {word} {}", self.text)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::key_ring::{Ciphertexts, KeyPlace};

    /// The keys of an installation.
    fn keys() -> KeyRing {
        let directory = tempfile::tempdir().expect("a directory");
        KeyRing::load(KeyPlace::new(&directory.path().join("master.key"), None), Ciphertexts::None).expect("a key")
    }

    #[test]
    fn a_cookie_is_read_back_and_gives_the_same_values() {
        let (now, keys) = (Utc::now(), keys());
        let attempt = Attempt::new([7; 32], now, "/close?company=EDU1");
        let cookie = attempt.cookie(&keys);
        let again = Attempt::read(&cookie, &keys).expect("its own form");
        assert_eq!((again.to(), again.state(), again.nonce()), ("/close?company=EDU1", attempt.state(), attempt.nonce()));
        assert!(again.has_state(&attempt.state()) && !again.has_state("") && !again.has_state(&attempt.nonce()));
        let all = [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.challenge(), hex::encode(attempt.hash())];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|value| !cookie.contains(value.as_str())));
        // RFC 7636, section 4.1
        assert!((43..=128).contains(&attempt.verifier().len()));
        let other = Attempt::new([7; 32], now, "/");
        assert_ne!(other.state(), attempt.state(), "another page is another attempt");
        for wrong in ["", "a.b", "..", &cookie[1..], &cookie.replace('.', "-")] {
            assert!(Attempt::read(wrong, &keys).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_cookie_that_another_one_made_or_changed_is_none() {
        let (ours, attempt) = (keys(), Attempt::new([7; 32], Utc::now(), "/"));
        let cookie = attempt.cookie(&ours);
        let (text, mac) = cookie.rsplit_once('.').expect("a MAC");
        let (later, elsewhere) = (Attempt::new([7; 32], Utc::now() + LIFE, "/"), Attempt::new([7; 32], Utc::now(), "/close"));
        for (what, made_up) in [
            ("of another installation", attempt.cookie(&keys())),
            ("without a MAC", text.to_owned()),
            ("with an empty one", format!("{text}.")),
            ("cut", cookie[..cookie.len() - 4].to_owned()),
            ("with another time", format!("{}.{mac}", later.text)),
            ("with another page", format!("{}.{mac}", elsewhere.text)),
        ] {
            assert!(Attempt::read(&made_up, &ours).is_none(), "{what}: {made_up}");
        }
        assert!(Attempt::read(&cookie, &ours).is_some());
    }

    #[test]
    fn an_attempt_is_over_after_ten_minutes() {
        let now = Utc::now();
        let attempt = Attempt::new([7; 32], now, "/");
        assert!(!attempt.is_over(now) && !attempt.is_over(now + LIFE));
        assert!(attempt.is_over(now + LIFE + TimeDelta::seconds(1)) && attempt.is_over(now - LIFE - TimeDelta::seconds(1)));
    }
}
