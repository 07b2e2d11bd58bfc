//! One attempt to sign in: what the browser keeps until the provider sends it back.
//!
//! The cookie has 32 random bytes. State, nonce and the verifier of PKCE are hashes of it, each with a word of its own: none of them tells
//! another one, and nothing has to be stored for a visitor who never comes back.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a person may take to sign in at the provider.
pub const LIFE: TimeDelta = TimeDelta::minutes(10);

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

    /// The attempt of a cookie, if it has the form of one.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (secret, begun, to) = (parts.next()?, parts.next()?, parts.next()?);
        let is_secret = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        let to = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(to).ok()?).ok().filter(|to| to.len() <= LONGEST)?;
        is_secret.then_some(Self { text: text.to_owned(), begun: begun.parse().ok()?, to })
    }

    /// The value of the cookie.
    pub fn cookie(&self) -> &str {
        &self.text
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

    #[test]
    fn a_cookie_is_read_back_and_gives_the_same_values() {
        let now = Utc::now();
        let attempt = Attempt::new([7; 32], now, "/close?company=EDU1");
        let again = Attempt::read(attempt.cookie()).expect("its own form");
        assert_eq!((again.to(), again.state(), again.nonce()), ("/close?company=EDU1", attempt.state(), attempt.nonce()));
        assert!(again.has_state(&attempt.state()) && !again.has_state("") && !again.has_state(&attempt.nonce()));
        let all = [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.challenge(), hex::encode(attempt.hash())];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|value| !attempt.cookie().contains(value.as_str())));
        // RFC 7636, section 4.1
        assert!((43..=128).contains(&attempt.verifier().len()));
        let other = Attempt::new([7; 32], now, "/");
        assert_ne!(other.state(), attempt.state(), "another page is another attempt");
        for wrong in ["", "a.b", "..", &attempt.cookie()[1..], &attempt.cookie().replace('.', "-")] {
            assert!(Attempt::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_attempt_is_over_after_ten_minutes() {
        let now = Utc::now();
        let attempt = Attempt::new([7; 32], now, "/");
        assert!(!attempt.is_over(now) && !attempt.is_over(now + LIFE));
        assert!(attempt.is_over(now + LIFE + TimeDelta::seconds(1)) && attempt.is_over(now - LIFE - TimeDelta::seconds(1)));
    }
}
