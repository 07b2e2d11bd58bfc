//! Signatures in OpenSSH's form (PROTOCOL.sshsig) with Ed25519 keys: `ssh-keygen -Y verify` checks them.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use chrono::NaiveDate;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256, Sha512};

/// What the signatures of the audit's days are for: one that was made for anything else is not valid here.
pub const NAMESPACE: &str = "audit@tieline";
/// What the signatures of evidence packs are for.
pub const PACK_NAMESPACE: &str = "evidence@tieline";
/// The name of the signer in `allowed_signers`.
pub const SIGNER: &str = "tieline";

const MAGIC: &[u8] = b"SSHSIG";
const KEY_TYPE: &str = "ssh-ed25519";
const HASH: &str = "sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Options of a line of allowed signers.
const VALID_AFTER: &str = "valid-after=";
const VALID_BEFORE: &str = "valid-before=";
/// Characters in a line of a signature.
const WIDTH: usize = 70;

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A key with the days that it may sign, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer {
    /// The key.
    pub key: PublicKey,
    /// The first day; `None`: no day is too early.
    pub first_day: Option<NaiveDate>,
    /// The last day; `None`: no day is too late.
    pub last_day: Option<NaiveDate>,
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key of this seed, which is its private part.
    ///
    /// # Errors
    /// When it has not 32 bytes.
    pub fn of_seed(seed: &[u8]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| "the seed of an Ed25519 key has 32 bytes".to_owned())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| "an Ed25519 key has 32 bytes".to_owned())?;
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// Its public part.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a text of the audit.
    pub fn sign(&self, message: &[u8]) -> String {
        self.sign_for(NAMESPACE, message)
    }

    /// Signs a text for this purpose.
    pub fn sign_for(&self, namespace: &str, message: &[u8]) -> String {
        let signature = self.pair.sign(&signed_data(namespace, message));
        let mut blob = MAGIC.to_vec();
        blob.extend(1_u32.to_be_bytes());
        put(&mut blob, &self.public.blob());
        put(&mut blob, namespace.as_bytes());
        put(&mut blob, b"");
        put(&mut blob, HASH.as_bytes());
        let mut inner = Vec::new();
        put(&mut inner, KEY_TYPE.as_bytes());
        put(&mut inner, signature.as_ref());
        put(&mut blob, &inner);
        let encoded = BASE64_STANDARD.encode(blob);
        let mut text = format!("{BEGIN}\n");
        for start in (0..encoded.len()).step_by(WIDTH) {
            text.push_str(&encoded[start..(start + WIDTH).min(encoded.len())]);
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
        text
    }
}

impl PublicKey {
    /// The key in a text such as `ssh-ed25519 AAAA…`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is no Ed25519 key of OpenSSH's form");
        let encoded = text.strip_prefix(KEY_TYPE).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(problem)?;
        let blob = BASE64_STANDARD.decode(encoded.split(' ').next().unwrap_or_default()).map_err(|_| problem())?;
        Self::of_blob(&blob).ok_or_else(problem)
    }

    fn of_blob(blob: &[u8]) -> Option<Self> {
        let mut rest = blob;
        let (kind, key) = (take(&mut rest)?, take(&mut rest)?);
        (kind == KEY_TYPE.as_bytes() && rest.is_empty()).then(|| Some(Self(key.try_into().ok()?))).flatten()
    }

    fn blob(self) -> Vec<u8> {
        let mut blob = Vec::new();
        put(&mut blob, KEY_TYPE.as_bytes());
        put(&mut blob, &self.0);
        blob
    }

    /// The key as OpenSSH writes it: `ssh-ed25519 AAAA…`.
    pub fn text(self) -> String {
        format!("{KEY_TYPE} {}", BASE64_STANDARD.encode(self.blob()))
    }

    /// The fingerprint as OpenSSH writes it: `SHA256:…`.
    pub fn fingerprint(self) -> String {
        format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(self.blob())))
    }
}

impl Signer {
    /// A key that may sign any day.
    pub fn of_any_day(key: PublicKey) -> Self {
        Self { key, first_day: None, last_day: None }
    }

    /// Whether it may sign a day.
    pub fn may_sign(&self, day: NaiveDate) -> bool {
        self.first_day.is_none_or(|first| day >= first) && self.last_day.is_none_or(|last| day <= last)
    }

    /// Its line in a file of allowed signers. The times there are instants: a key ends at the end of its last day.
    pub fn line(&self) -> String {
        let mut line = format!("{SIGNER} namespaces=\"{NAMESPACE},{PACK_NAMESPACE}\"");
        for (name, day) in [(VALID_AFTER, self.first_day), (VALID_BEFORE, self.last_day.and_then(|last| last.succ_opt()))] {
            if let Some(day) = day {
                let _ = write!(line, ",{name}\"{}\"", day.format("%Y%m%d"));
            }
        }
        format!("{line} {}\n", self.key.text())
    }

    /// The keys of a file of allowed signers that may sign an audit.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn read_all(file: &str) -> Result<Vec<Self>, String> {
        let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::read).collect()
    }

    fn read(line: &str) -> Result<Self, String> {
        let problem = || format!("`{line}` is no line of an Ed25519 key of the signer `{SIGNER}`");
        let at = line.find(KEY_TYPE).filter(|_| line.split(' ').next() == Some(SIGNER)).ok_or_else(problem)?;
        let (options, key) = line.split_at(at);
        let day = |name: &str| match options.split_once(name).map(|(_, rest)| rest) {
            None => Ok(None),
            Some(rest) => {
                let text = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(text, _)| text);
                // of another length, it is another form of ssh-keygen
                let day = text.filter(|text| text.len() == 8).and_then(|text| NaiveDate::parse_from_str(text, "%Y%m%d").ok());
                day.map(Some).ok_or_else(|| format!("`{line}` has `{name}` without a day such as \"20261130\""))
            }
        };
        let last_day = day(VALID_BEFORE)?.map(|end| end.pred_opt().ok_or_else(problem)).transpose()?;
        Ok(Self { key: PublicKey::read(key)?, first_day: day(VALID_AFTER)?, last_day })
    }
}

/// Checks a signature over the manifest of a day; answers with the key that made it, which must be one of these and may sign that day.
///
/// # Errors
/// Why the signature is not valid.
pub fn verify(message: &[u8], armored: &str, allowed: &[Signer], day: NaiveDate) -> Result<PublicKey, String> {
    let (key, signature) = parts(armored).ok_or("the signature is not of OpenSSH's form for an Ed25519 key and `audit@tieline`")?;
    let signer = allowed.iter().find(|signer| signer.key == key);
    let signer =
        signer.ok_or_else(|| format!("the signature is of the key {}, which is none of the allowed signers", key.fingerprint()))?;
    if !signer.may_sign(day) {
        let (first, last) = (signer.first_day.map(|day| format!(" from {day}")), signer.last_day.map(|day| format!(" until {day}")));
        let when = format!("{}{}", first.unwrap_or_default(), last.unwrap_or_default());
        return Err(format!("the signature is of the key {}, which may sign{when} only", key.fingerprint()));
    }
    let valid = UnparsedPublicKey::new(&ED25519, key.0).verify(&signed_data(NAMESPACE, message), &signature).is_ok();
    valid.then_some(key).ok_or_else(|| format!("the signature of the key {} is not of this text", key.fingerprint()))
}

/// The key and the raw signature in a signature.
fn parts(armored: &str) -> Option<(PublicKey, Vec<u8>)> {
    let body = armored.trim_end().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let blob = BASE64_STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    let rest = blob.strip_prefix(MAGIC)?;
    let mut rest = rest.strip_prefix(&1_u32.to_be_bytes())?;
    let key = PublicKey::of_blob(take(&mut rest)?)?;
    let (namespace, reserved, hash) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
    let mut inner = take(&mut rest)?;
    let (kind, signature) = (take(&mut inner)?, take(&mut inner)?);
    let fits = namespace == NAMESPACE.as_bytes() && hash == HASH.as_bytes() && kind == KEY_TYPE.as_bytes();
    // nothing else may stand in it
    let is_whole = reserved.is_empty() && rest.is_empty() && inner.is_empty();
    (fits && is_whole).then(|| (key, signature.to_vec()))
}

/// What is signed: the hash of the message with its purpose.
fn signed_data(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    put(&mut data, namespace.as_bytes());
    put(&mut data, b"");
    put(&mut data, HASH.as_bytes());
    put(&mut data, &Sha512::digest(message));
    data
}

/// Adds a string with its length before it.
fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend(bytes);
}

/// Takes the next string.
fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *from = rest;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_signature_is_of_its_text_and_key_alone() {
        let (ours, other) = (SigningKey::of_seed(&[7; 32]).unwrap(), SigningKey::of_seed(&[8; 32]).unwrap());
        let signature = ours.sign(b"a day\n");
        let any = |key: &SigningKey| Signer::of_any_day(key.public());
        let check = |message: &[u8], signature: &str, allowed: &[Signer]| verify(message, signature, allowed, day("2026-11-30"));
        assert_eq!(check(b"a day\n", &signature, &[any(&other), any(&ours)]), Ok(ours.public()));
        assert!(check(b"another day\n", &signature, &[any(&ours)]).unwrap_err().contains("not of this text"));
        assert!(check(b"a day\n", &signature, &[any(&other)]).unwrap_err().contains("none of the allowed"));
        assert!(check(b"a day\n", &signature.replacen('A', "B", 1), &[any(&ours)]).is_err());
        assert!(check(b"a day\n", "", &[any(&ours)]).is_err());
        let of =
            |first_day: &str, last_day: &str| Signer { first_day: first_day.parse().ok(), last_day: last_day.parse().ok(), ..any(&ours) };
        for (first, last, valid) in
            [("2026-11-30", "2026-11-30", true), ("", "2026-11-29", false), ("2026-12-01", "", false), ("2026-11-01", "2026-12-01", true)]
        {
            let checked = check(b"a day\n", &signature, &[of(first, last)]);
            assert_eq!(checked.is_ok(), valid, "{first} {last}: {checked:?}");
        }
    }

    #[test]
    fn fuzz_signatures() {
        use crate::fuzz::{Target, fuzz};
        let key = SigningKey::of_seed(&[7; 32]).unwrap();
        let words = &[BEGIN, END, "\n", "AAAA", "U1NIU0lH", "////", "=", "ssh-ed25519 ", VALID_AFTER, VALID_BEFORE, "\"20261130\""];
        let whole = key.sign(b"a day\n");
        fuzz(Target { name: "audit_signature", words, seeds: vec![whole.clone().into_bytes()], tries: 5_000 }, |input| {
            let text = String::from_utf8_lossy(input);
            let _ = Signer::read_all(&text);
            match verify(b"a day\n", &text, &[Signer::of_any_day(key.public())], day("2026-11-30")) {
                Ok(_) => {
                    // spaces and line ends may differ
                    let bare = |text: &str| text.split_whitespace().collect::<String>();
                    assert_eq!(bare(&text), bare(&whole), "another signature is valid");
                    "valid".to_owned()
                }
                Err(problem) => problem.chars().filter(|c| c.is_alphabetic()).take(20).collect(),
            }
        });
    }

    #[test]
    fn keys_are_written_as_openssh_does() {
        let public = SigningKey::of_seed(&[7; 32]).unwrap().public();
        assert_eq!(PublicKey::read(&public.text()), Ok(public));
        let limited = Signer { key: public, first_day: Some(day("2026-11-30")), last_day: Some(day("2026-12-31")) };
        assert!(
            limited
                .line()
                .contains("namespaces=\"audit@tieline,evidence@tieline\",valid-after=\"20261130\",valid-before=\"20270101\" ssh-ed25519")
        );
        let file = format!("# a comment\n\n{}{}", Signer::of_any_day(public).line(), limited.line());
        assert_eq!(Signer::read_all(&file), Ok(vec![Signer::of_any_day(public), limited]));
        assert!(Signer::read_all("somebody ssh-ed25519 AAAA").is_err());
        assert!(Signer::read_all(&limited.line().replace("20261130", "2026113")).unwrap_err().contains("without a day"));
        assert!(PublicKey::read("ssh-rsa AAAA").is_err());
        assert!(SigningKey::of_seed(&[7; 31]).is_err());
    }
}
