//! API keys: random texts shown once, kept as hashes.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::role::Role;

use super::key_ring::{KeyError, random};

/// A new API key. `text` is shown once and stored nowhere.
pub struct ApiKey {
    /// `tl_<prefix>_<random>`.
    pub text: SecretString,
    /// Eight hexadecimal digits by which the key is found and named in the audit; not a secret.
    pub prefix: String,
    /// SHA-256 of the whole text. A fast hash is enough: the text holds 256 random bits.
    pub hash: [u8; 32],
    /// The role of the key.
    pub role: Role,
}

impl ApiKey {
    /// Creates a key.
    ///
    /// # Errors
    /// [`KeyError::Random`] when the system gives no random numbers.
    pub fn generate(role: Role) -> Result<Self, KeyError> {
        let prefix = hex::encode(random::<4>()?);
        let text = format!("tl_{prefix}_{}", BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?));
        let hash = hash(&text);
        Ok(Self { text: SecretString::from(text), prefix, hash, role })
    }

    /// The text in clear, for the one time when it is shown.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey {{ prefix: {:?}, role: {}, text: *** }}", self.prefix, self.role)
    }
}

/// The prefix of a key's text; `None` when it is not in the form of a key.
pub fn prefix(text: &str) -> Option<&str> {
    let (prefix, rest) = text.strip_prefix("tl_")?.split_once('_')?;
    (prefix.len() == 8 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) && !rest.is_empty()).then_some(prefix)
}

/// The stored hash of a key.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether the text has this hash. Takes the same time for any result.
pub fn check(text: &str, expected: &[u8]) -> bool {
    hash(text).ct_eq(expected).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_prefix_and_checked_by_its_hash() {
        let key = ApiKey::generate(Role::Operator).expect("random numbers");
        let text = key.expose();
        assert_eq!(prefix(text), Some(key.prefix.as_str()));
        assert!(check(text, &key.hash));
        assert!(!check(&text[..text.len() - 1], &key.hash));
        assert!(!check(text, &key.hash[..31]));
        assert!(!check(text, &[]));
        assert_ne!(ApiKey::generate(Role::Operator).expect("random numbers").hash, key.hash);
        let shown = format!("{key:?}");
        assert!(shown.contains("operator") && !shown.contains(&text[12..]), "{shown}");
        for wrong in ["", "tl_", "tl_12345678", "tl_12345678_", "tl_1234567_x", "xx_12345678_x", "tl_1234567g_x"] {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
    }
}
