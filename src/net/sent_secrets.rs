//! Secrets in requests: remembered before they are sent, so that no text of an answer can show them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use crate::redact::{Kind, remember as known};
use crate::telemetry::labels::System;

/// From this length on, a part of a webhook's address counts as a secret, whatever it consists of.
const PART: usize = 16;

/// Whether a part of a webhook's path is only a name, such as `services` or `incoming-hook`, and no secret.
fn is_name(part: &str) -> bool {
    part.len() < PART && part.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}

/// The parts of an e.net address that sign in: users with their passwords, and the session. The first part of each name counts.
const SIGN_IN: [&str; 5] = ["Operator", "OperatorPassword", "CompanyId", "CompanyPassword", "UserId"];

/// Remembers the secrets in these headers, in this address and in this form.
pub(super) fn remember(system: System, headers: &[(&str, &str)], url: &Url, body: &[u8]) {
    let value = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value);
    if let Some((scheme, credential)) = value("authorization").and_then(|value| value.split_once(' ')) {
        match scheme.eq_ignore_ascii_case("basic").then(|| pair(credential)).flatten() {
            Some((user, password)) => known(Kind::Password, &user, &password),
            None => known(Kind::Token, "", credential),
        }
    }
    if value("content-type").is_some_and(|kind| kind.contains("form-urlencoded")) {
        let parts: Vec<_> = url::form_urlencoded::parse(body).collect();
        let part = |wanted: &str| parts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref());
        if let Some(secret) = part("client_secret") {
            known(Kind::Password, part("client_id").unwrap_or_default(), secret);
        }
        // of a sign-in: who has both can complete it
        for secret in [part("code"), part("code_verifier")].into_iter().flatten() {
            known(Kind::Token, "", secret);
        }
    }
    // e.net has passwords and session ids in the address
    let mut found: [Option<String>; SIGN_IN.len()] = Default::default();
    for (name, value) in url.query_pairs() {
        if let Some(at) = SIGN_IN.iter().position(|known| name.eq_ignore_ascii_case(known)).filter(|at| found[*at].is_none()) {
            found[at] = Some(value.into_owned());
        }
    }
    let [operator, operator_password, company, company_password, session] = found;
    for (user, password) in [(operator, operator_password), (company, company_password)] {
        if let Some(password) = password {
            known(Kind::Password, &user.unwrap_or_default(), &password);
        }
    }
    if let Some(session) = session {
        known(Kind::Session, "", &session);
    }
    if system == System::Notices {
        webhook(url, value("webhook-signature"));
    }
}

/// A webhook's address may contain a secret; its signature is valid as long as the receiver accepts it.
fn webhook(url: &Url, signature: Option<&str>) {
    if url.path().len() >= PART {
        known(Kind::Token, "", url.path());
    }
    let segments = url.path_segments().into_iter().flatten().filter(|part| !is_name(part)).map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    for part in segments.chain(values) {
        known(Kind::Token, "", &part);
    }
    if let Some((_, digest)) = signature.and_then(|text| text.split_once("v1,")) {
        known(Kind::Token, "", digest);
    }
}

/// User and password of HTTP Basic authentication.
fn pair(credential: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(credential.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Quoted;

    fn sent(system: System, headers: &[(&str, &str)], url: &str, body: &str) {
        remember(system, headers, &Url::parse(url).expect("an address"), body.as_bytes());
    }

    #[test]
    fn what_signs_in_is_remembered_before_it_is_sent() {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("OP:basic/word\"1"));
        sent(System::SysproOdata, &[("Authorization", &basic)], "http://h/", "");
        sent(System::ServiceNow, &[("authorization", "Bearer bearer-123")], "http://h/", "");
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        sent(System::ServiceNow, &form, "http://h/", "client_id=me&client_secret=a%26b+c%3D");
        sent(
            System::SysproEnet,
            &[],
            "http://h/Logon?Operator=OP&OperatorPassword=p%26ss%20word&CompanyId=E&CompanyPassword=company-word",
            "",
        );
        sent(System::SysproEnet, &[], "http://h/Query?UserId=9EA613166FE4%20%20&XmlIn=kept", "");
        sent(
            System::Notices,
            &[("webhook-signature", "v1,00ff00ff00ff")],
            "http://h/services/T0/T0KEN0123456789AB?key=sesame-key-012345",
            "",
        );
        for secret in ["basic/word\"1", &basic[6..], "bearer-123", "a&b c=", "a%26b+c%3D", "p&ss word", "company-word", "9EA613166FE4"] {
            assert_eq!(Quoted::of(&format!("said <{secret}>")), "said <***>", "{secret}");
        }
        sent(System::Notices, &[], "http://h/incoming-hook/tok-EE33?k=qq99", "");
        for secret in ["tok-EE33", "qq99", "00ff00ff00ff", "T0KEN0123456789AB", "sesame-key-012345", "/services/T0/T0KEN0123456789AB"] {
            assert_eq!(Quoted::of(&format!("said <{secret}>")), "said <***>", "{secret}");
        }
        // values that are no secrets
        let names = "client_id=me, XmlIn=kept, t=1, OP, services, incoming-hook";
        assert_eq!(Quoted::of(names), names);
    }
}
