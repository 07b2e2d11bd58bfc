//! The keys with which a provider signs (RFC 7517), and the check of a signature.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// The most keys that count.
const MOST: usize = 100;

/// The accepted ways to sign. None of them has a secret that both sides know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    pub(super) const WORDS: &str = "`RS256`, `PS256`, `ES256`";

    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
}

/// A public key.
pub(super) struct Key {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

impl Key {
    fn of(raw: RawKey) -> Option<Self> {
        if raw.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        // a key for another algorithm than ours is no key for us
        let algorithm = match raw.alg.as_deref() {
            None => None,
            Some(word) => Some(Algorithm::read(word)?),
        };
        let bytes = |text: Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text?.trim_end_matches('=')).ok();
        // ring refuses numbers with leading zeros
        let number = |text: Option<String>| bytes(text).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>());
        let material = match raw.kty.as_str() {
            "RSA" => Material::Rsa { n: number(raw.n)?, e: number(raw.e)? },
            "EC" if raw.crv.as_deref() == Some("P-256") => {
                let (x, y) = (bytes(raw.x)?, bytes(raw.y)?);
                if (x.len(), y.len()) != (32, 32) {
                    return None;
                }
                Material::P256([&[4_u8][..], x.as_slice(), y.as_slice()].concat())
            }
            _ => return None,
        };
        Some(Self { kid: raw.kid, algorithm, material })
    }

    /// Whether it may have signed a token with this header.
    fn fits(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        let kind = match self.material {
            Material::Rsa { .. } => algorithm != Algorithm::Es256,
            Material::P256(_) => algorithm == Algorithm::Es256,
        };
        kind && self.algorithm.is_none_or(|own| own == algorithm) && kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let checked = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Material::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Material::P256(point), Algorithm::Es256) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
            _ => return false,
        };
        checked.is_ok()
    }
}

/// The keys of a provider.
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a set. Keys of unknown kinds are left out, as RFC 7517 (section 5) asks for.
    ///
    /// # Errors
    /// The reason, if it is not a set or has no key that can be used.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let set: RawSet = serde_json::from_slice(body).map_err(|error| format!("it is no JSON Web Key Set: {error}"))?;
        let count = set.keys.len();
        let read = |value| serde_json::from_value::<RawKey>(value).ok().and_then(Key::of);
        let keys: Vec<Key> = set.keys.into_iter().take(MOST).filter_map(read).collect();
        if keys.is_empty() {
            return Err(format!("none of its {count} keys can check a signature by {}", Algorithm::WORDS));
        }
        Ok(Self(keys))
    }

    /// The keys that may have signed a token with this header.
    pub(super) fn fitting(&self, algorithm: Algorithm, kid: Option<&str>) -> Vec<&Key> {
        self.0.iter().filter(|key| key.fits(algorithm, kid)).collect()
    }
}

/// Whether one of the keys has made the signature.
pub(super) fn verified(keys: &[&Key], algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    keys.iter().any(|key| key.verifies(algorithm, message, signature))
}
