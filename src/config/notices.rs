//! `[notices]`: who gets which notices.

use url::Url;

use super::check::{Check, is_loopback};
use super::raw::RawNotices;
use super::settings::{MailSettings, MailTls, NoticeSettings};
use crate::domain::notice::NoticeEvent;

impl Check<'_> {
    pub(super) fn notices(&mut self, raw: &RawNotices) -> NoticeSettings {
        let ca_file = self.path("notices.ca_file", raw.ca_file.as_deref());
        if let Some(path) = ca_file.as_ref().filter(|path| !path.is_file()) {
            self.problem::<()>("notices.ca_file", format!("`notices.ca_file` names a file that is not there: {}", path.display()));
        }
        let public_url = raw.public_url.as_deref().filter(|text| !text.is_empty()).and_then(|text| {
            let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
            url.or_else(|| {
                self.problem("notices.public_url", format!("`notices.public_url` must be an address of the console, got `{text}`"))
            })
        });
        NoticeSettings {
            events: self.events(raw),
            webhooks: self.webhooks(raw),
            mail: self.mail(raw),
            ca_file,
            public_url,
            digest_minutes: self.number("notices.digest_minutes", raw.digest_minutes, 0, 10_080),
            max_per_hour: self.number("notices.max_per_hour", raw.max_per_hour, 1, 1000),
            stale_hours: self.number("notices.stale_hours", raw.stale_hours, 1, 10_000),
            certificate_days: self.number("notices.certificate_days", raw.certificate_days, 1, 365),
        }
    }

    fn events(&mut self, raw: &RawNotices) -> Vec<NoticeEvent> {
        let mut events = Vec::new();
        for text in raw.events.iter().flatten() {
            match text.parse() {
                Ok(NoticeEvent::Test) | Err(_) => {
                    let known: Vec<&str> =
                        NoticeEvent::ALL.iter().filter(|one| **one != NoticeEvent::Test).map(|one| one.as_str()).collect();
                    let text = format!("`notices.events`: `{text}` is not an event; the events are {}", known.join(", "));
                    self.problem::<()>("notices.events", text);
                }
                Ok(event) => events.push(event),
            }
        }
        events
    }

    /// Never quoted: a path may contain a token.
    fn webhooks(&mut self, raw: &RawNotices) -> Vec<Url> {
        let mut urls = Vec::new();
        for (at, text) in raw.webhook_urls.iter().flatten().enumerate() {
            let number = at + 1;
            match Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
                None => self
                    .problem::<()>("notices.webhook_urls", format!("address {number} of `notices.webhook_urls` must begin with `https://`"))
                    .unwrap_or(()),
                Some(url) if url.scheme() == "http" && !is_loopback(&url) => {
                    let host = url.host_str().unwrap_or_default();
                    let text = format!(
                        "address {number} of `notices.webhook_urls` (`{host}`) must begin with `https://`: notices name records, and would \
                         travel unencrypted"
                    );
                    self.problem::<()>("notices.webhook_urls", text);
                }
                Some(url)
                    if urls.iter().any(|known: &Url| {
                        known.host_str() == url.host_str() && known.port_or_known_default() == url.port_or_known_default()
                    }) =>
                {
                    let host = url.host_str().unwrap_or_default();
                    let text = format!("`notices.webhook_urls` has two addresses of `{host}`: Tieline tracks webhooks by host and port");
                    self.problem::<()>("notices.webhook_urls", text);
                }
                Some(url) => urls.push(url),
            }
        }
        urls
    }

    fn mail(&mut self, raw: &RawNotices) -> Option<MailSettings> {
        let server = raw.mail_server.as_deref().filter(|text| !text.is_empty())?;
        let key = "notices.mail_server";
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "587"));
        let port: Option<u16> = port.parse().ok().filter(|port| *port > 0 && !host.is_empty());
        if port.is_none() {
            self.problem::<()>(key, format!("`{key}` must be a host with a port, such as `smtp.example:587`, got `{server}`"));
        }
        let tls = match raw.mail_tls.as_deref().unwrap_or_default() {
            "none" => MailTls::None,
            "tls" => MailTls::Tls,
            "starttls" => MailTls::Starttls,
            other => {
                let text = format!("`notices.mail_tls` must be `starttls`, `tls` or `none`, got `{other}`");
                self.problem::<()>("notices.mail_tls", text);
                MailTls::Starttls
            }
        };
        if tls == MailTls::None && !["localhost", "127.0.0.1", "::1"].contains(&host) {
            self.warnings.push(format!("`notices.mail_tls` is `none`: mail to `{host}` travels unencrypted, and so does its password"));
        }
        let key = "notices.mail_from";
        let from = match raw.mail_from.as_deref() {
            None | Some("") => self.missing(key, "who the mail comes from, such as `tieline@example.com`"),
            Some(text) if !text.contains('@') => {
                self.problem(key, format!("`{key}` must be a mail address, such as `tieline@example.com`, got `{text}`"))
            }
            Some(text) => Some(text.to_owned()),
        };
        let (key, to) = ("notices.mail_to", raw.mail_to.clone().unwrap_or_default());
        if to.is_empty() {
            self.missing::<()>(key, "who gets the mail, such as `[\"ap@example.com\"]`");
        }
        for text in to.iter().filter(|text| !text.contains('@')) {
            self.problem::<()>(key, format!("`{key}` must hold mail addresses, such as `ap@example.com`, got `{text}`"));
        }
        Some(MailSettings { host: host.to_owned(), port: port?, tls, from: from?, to })
    }
}
