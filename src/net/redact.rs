//! Blots out of an answer what was sent as a secret: some systems, and proxies before them, repeat a request in their error pages, and
//! their own words go into errors, logs and the audit.

use std::borrow::Cow;

use actix_web::web::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use url::Url;

/// What stands in the place of a secret.
const BLOT: &str = "***";
/// A password that is shorter could be any piece of a word.
const SHORTEST: usize = 4;

/// The secrets of one request. Its `Debug` shows none.
#[derive(Default)]
pub(super) struct Redaction {
    /// Never data, so blotted out whatever the status.
    credentials: Vec<String>,
    /// The user's own choice of words, which records may hold too: blotted out of refusals only.
    passwords: Vec<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(BLOT)
    }
}

impl Redaction {
    /// The secrets in these headers, in this address and in this form.
    pub(super) fn of(headers: &[(&str, &str)], url: &Url, body: &[u8]) -> Self {
        let value = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value);
        let (mut credentials, mut passwords) = (Vec::new(), Vec::new());
        if let Some((scheme, credential)) = value("authorization").and_then(|value| value.split_once(' ')) {
            credentials.push(credential.to_owned());
            let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(credential).ok()).flatten();
            let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
            passwords.extend(pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned())));
        }
        if value("content-type").is_some_and(|kind| kind.contains("form-urlencoded")) {
            for part in body.split(|byte| *byte == b'&').filter_map(|part| part.strip_prefix(b"client_secret=")) {
                credentials.push(String::from_utf8_lossy(part).into_owned());
                passwords.extend(url::form_urlencoded::parse(&[b"=", part].concat()).map(|(_, secret)| secret.into_owned()));
            }
        }
        // e.net takes passwords and session ids in the address; a session id ends in blanks that a page may drop
        let secret = |name: &str| ["OperatorPassword", "CompanyPassword", "UserId"].iter().any(|known| known.eq_ignore_ascii_case(name));
        credentials.extend(url.query_pairs().filter(|(name, _)| secret(name)).map(|(_, value)| value.trim_end().to_owned()));
        Self { credentials: forms(credentials), passwords: forms(passwords) }
    }

    /// The answer without them.
    pub(super) fn apply(&self, status: u16, body: Bytes) -> Bytes {
        let success = (200..300).contains(&status);
        let secrets = || self.credentials.iter().chain(self.passwords.iter().filter(|_| !success));
        // most answers repeat none, and are not copied
        if !secrets().any(|secret| holds(&body, secret.as_bytes())) {
            return body;
        }
        let mut text = String::from_utf8_lossy(&body);
        for secret in secrets() {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), BLOT));
            }
        }
        text.into_owned().into()
    }
}

/// Whether bytes that need not be text hold these.
fn holds(body: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return false };
    let mut left = body;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

/// A secret as it stands, and as JSON may write it; the longest first.
fn forms(secrets: Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
        let json = serde_json::Value::from(secret.as_str()).to_string();
        let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        // serializers that write for web pages number every sign
        let numbered = |digits: fn(char) -> String| -> String {
            secret.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { digits(c) }).collect()
        };
        all.extend([numbered(|c| format!("\\u{:04x}", u32::from(c))), numbered(|c| format!("\\u{:04X}", u32::from(c)))]);
        all.extend([secret.replace('/', "\\/"), json.replace('/', "\\/"), json, encoded, secret]);
    }
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
    all.dedup();
    all.retain(|form| form.len() >= SHORTEST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Url {
        Url::parse("http://h/").expect("an address")
    }

    #[test]
    fn what_stands_in_an_address_is_blotted_out_even_of_success() {
        let url = Url::parse("http://h/Logon?Operator=OP&OperatorPassword=p%26ss%20word&UserId=3EA613166FE4%20%20").expect("an address");
        let redaction = Redaction::of(&[], &url, b"");
        assert_eq!(answer(&redaction, 200, "ERROR: OP p&ss word is no password"), "ERROR: OP *** is no password");
        assert_eq!(answer(&redaction, 400, "GET /x?UserId=3EA613166FE4%20%20"), "GET /x?UserId=***%20%20");
    }

    fn answer(redaction: &Redaction, status: u16, body: &str) -> String {
        String::from_utf8(redaction.apply(status, Bytes::copy_from_slice(body.as_bytes())).to_vec()).expect("text")
    }

    #[test]
    fn what_was_sent_to_sign_in_is_blotted_out_of_answers() {
        let credential = BASE64_STANDARD.encode("OP:pass/word\"1");
        let basic = Redaction::of(&[("Authorization", &format!("Basic {credential}"))], &plain(), b"");
        assert_eq!(answer(&basic, 500, &format!("authorization: Basic {credential}; x")), "authorization: Basic ***; x");
        assert_eq!(answer(&basic, 200, &format!("{{\"said\":\"{credential}\"}}")), "{\"said\":\"***\"}");
        assert_eq!(
            answer(&basic, 401, r#"{"said":"pass/word\"1 is wrong, so is pass\/word\"1"}"#),
            r#"{"said":"*** is wrong, so is ***"}"#
        );
        // a record may hold the same words
        assert_eq!(answer(&basic, 200, "pass/word\"1"), "pass/word\"1");
        assert_eq!(answer(&basic, 500, "nothing of it"), "nothing of it");
        let bearer = Redaction::of(&[("Authorization", "Bearer tok123")], &plain(), b"client_secret=kept");
        assert_eq!(answer(&bearer, 403, "Bearer tok123, client_secret=kept"), "Bearer ***, client_secret=kept");
    }

    #[test]
    fn a_client_secret_is_blotted_out_as_it_was_sent_and_as_it_is() {
        let form =
            Redaction::of(&[("Content-Type", "application/x-www-form-urlencoded")], &plain(), b"client_id=me&client_secret=a%26b+c%3D");
        assert_eq!(answer(&form, 401, "client_id=me&client_secret=a%26b+c%3D (a&b c=)"), "client_id=me&client_secret=*** (***)");
    }

    #[test]
    fn no_password_blots_nothing_out() {
        for credential in ["OP:", "OP:a", ""] {
            let redaction = Redaction::of(&[("Authorization", &format!("Basic {}", BASE64_STANDARD.encode(credential)))], &plain(), b"");
            assert_eq!(answer(&redaction, 500, "an answer of a server"), "an answer of a server");
        }
        assert_eq!(answer(&Redaction::of(&[], &plain(), b"client_secret=x"), 500, "client_secret=x"), "client_secret=x");
    }
}
