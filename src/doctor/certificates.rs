//! The certificates of both systems: their names, their expiry, and whether requests trust them.

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::Finding;
use crate::config::is_loopback;
use crate::config::settings::Connection;
use crate::domain::next_step::NextStep;
use crate::net::server_certificate::{Peer, Refusal, Shown, peer};

/// A certificate that expires sooner has probably been forgotten.
pub(super) const RENEWAL: TimeDelta = TimeDelta::days(21);

/// One address to check.
pub(super) struct Place<'a> {
    /// The name of the finding.
    pub(super) what: &'static str,
    /// The setting of its address.
    pub(super) setting: &'static str,
    /// The section of `ca_file`.
    pub(super) section: &'static str,
    /// What others could read without TLS.
    pub(super) secret: &'static str,
    /// Its address.
    pub(super) url: &'a Url,
    /// The connection settings.
    pub(super) connection: &'a Connection,
}

pub(super) async fn certificate(place: &Place<'_>) -> Finding {
    let Place { what, setting, secret, url, .. } = *place;
    if url.scheme() != "https" {
        return match is_loopback(url) {
            true => Finding::ok(what, "no TLS, on this machine: the traffic stays on this machine"),
            false => {
                let found = format!("no TLS: {secret} unencrypted, and anyone on the network path can read it");
                Finding::warning(what, found, NextStep::AnswerOverTls { setting: setting.to_owned() })
            }
        };
    }
    match peer(place.connection, url).await {
        Ok(peer) => judged(place, &peer, Utc::now()),
        Err(error) => Finding::failed(what, error.to_string(), NextStep::SettingsSection { section: place.section.to_owned() }),
    }
}

fn judged(place: &Place<'_>, peer: &Peer, now: DateTime<Utc>) -> Finding {
    let Place { what, setting, section, .. } = *place;
    let (Some(shown), refusal) = (&peer.shown, &peer.refusal) else {
        return match &peer.refusal {
            Some(Refusal::NoHandshake(problem)) => Finding::unknown(what, problem.as_str(), NextStep::WhenReachable),
            _ => Finding::unknown(what, "it shows none", NextStep::NoCertificateShown),
        };
    };
    let told = told(shown, now);
    if shown.expires <= now {
        return Finding::failed(what, told, NextStep::ServerCertificateEnded);
    }
    match refusal {
        Some(Refusal::Untrusted) => Finding::failed(
            what,
            format!("{told}; it was signed by `{}`, which this machine does not trust", shown.signer),
            NextStep::TrustAuthority { section: section.to_owned() },
        ),
        Some(Refusal::OtherName) => Finding::failed(
            what,
            format!("{told}; it is for {}, not for `{}`", names(shown), place.url.host_str().unwrap_or_default()),
            NextStep::CertificateName { setting: setting.to_owned() },
        ),
        Some(Refusal::Bad(problem)) => Finding::failed(what, format!("{told}; it is refused: {problem}"), NextStep::ServerCertificateBad),
        // the certificate was received and accepted, and then something else went wrong
        Some(Refusal::NoHandshake(problem)) => Finding::warning(what, format!("{told}; {problem}"), NextStep::Again),
        None if shown.expires - now < RENEWAL => Finding::warning(what, told, NextStep::ServerCertificateEnds),
        None => Finding::ok(what, told),
    }
}

fn told(shown: &Shown, now: DateTime<Utc>) -> String {
    let (subject, day) = (subject(shown), shown.expires.format("%Y-%m-%d"));
    match (shown.expires - now).num_days() {
        _ if shown.expires <= now => format!("`{subject}` expired on {day}"),
        _ if shown.begins > now => format!("`{subject}` is not valid before {}", shown.begins.format("%Y-%m-%d %H:%MZ")),
        1 => format!("`{subject}` until {day}: 1 day is left"),
        days => format!("`{subject}` until {day}: {days} days are left"),
    }
}

/// Its subject; many certificates have names only in their list of names.
fn subject(shown: &Shown) -> &str {
    let named = Some(shown.subject.as_str()).filter(|subject| !subject.is_empty());
    named.or(shown.names.first().map(String::as_str)).unwrap_or("nobody")
}

fn names(shown: &Shown) -> String {
    let names: Vec<String> = shown.names.iter().take(5).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { format!("`{}`", shown.subject) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::CheckResult;
    use super::*;

    fn shown(days: i64, now: DateTime<Utc>) -> Shown {
        Shown {
            subject: "CN=erp.example".into(),
            names: vec!["erp.example".into()],
            signer: "CN=Example CA".into(),
            begins: now - TimeDelta::days(100),
            expires: now + TimeDelta::days(days) + TimeDelta::hours(1),
        }
    }

    #[test]
    fn a_certificate_is_judged_by_its_end_and_its_signer() {
        let (now, url) = (Utc::now(), Url::parse("https://other.example/").expect("url"));
        let connection = Connection::default();
        let place = Place {
            what: "certificate of SYSPRO",
            setting: "syspro.odata_url",
            section: "syspro",
            secret: "the password travels",
            url: &url,
            connection: &connection,
        };
        let judge = |days: i64, refusal: Option<Refusal>| judged(&place, &Peer { shown: Some(shown(days, now)), refusal }, now);
        let verdicts = [-2, 0, 20, 21, 300].map(|days| judge(days, None).verdict);
        assert_eq!(verdicts, [CheckResult::Failed, CheckResult::Warning, CheckResult::Warning, CheckResult::Ok, CheckResult::Ok]);
        let finding = judge(30, Some(Refusal::Untrusted));
        assert!(finding.verdict == CheckResult::Failed && finding.found.contains("CN=Example CA"), "{finding:?}");
        assert!(finding.to_do.contains("`syspro.ca_file`"), "{finding:?}");
        let finding = judge(30, Some(Refusal::OtherName));
        assert!(finding.found.contains("for `erp.example`, not for `other.example`"), "{finding:?}");
        let none = Peer { shown: None, refusal: Some(Refusal::NoHandshake("refused".into())) };
        assert_eq!(judged(&place, &none, now).verdict, CheckResult::Unknown);
    }
}
