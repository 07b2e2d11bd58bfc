//! The checks of one value that the sections of the configuration share. Each check records an error together with the key of the value.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::{Host, Url};

use crate::domain::change_limit::ChangeLimit;
use crate::domain::schedule::Schedule;

use super::load::{Origin, Problem, is_secret};

/// What the rules need besides the values.
pub(super) struct Context<'a> {
    pub(super) origins: &'a BTreeMap<String, Origin>,
    pub(super) env: &'a BTreeMap<String, String>,
}

pub(super) struct Check<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

/// Whether a section allows a connection without TLS.
pub(super) enum Clear {
    /// Refused outside this machine, unless the section allows it.
    Refused { allowed: bool },
    /// Usual for this service, but worth a warning.
    Warned,
}

impl Check<'_> {
    /// Adds a problem. Returns `None`, so that a caller can end an expression with it.
    pub(super) fn problem<T>(&mut self, key: &str, text: String) -> Option<T> {
        self.problems.push(Problem { key: key.to_owned(), text, origin: self.context.origins.get(key).cloned() });
        None
    }

    pub(super) fn missing<T>(&mut self, key: &str, what: &str) -> Option<T> {
        // a value of a wrong type was reported already, and is not missing
        if self.problems.iter().any(|problem| problem.key == key) {
            return None;
        }
        self.problem(key, format!("`{key}` is missing: {what}"))
    }

    /// A whole number within limits; for one that was reported, the lower limit is returned.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> T
    where
        T::Error: std::fmt::Debug,
    {
        let value = value.unwrap_or(min);
        if !(min..=max).contains(&value) {
            self.problem::<()>(key, format!("`{key}` must be between {min} and {max}, got `{value}`"));
        }
        T::try_from(value.clamp(min, max)).expect("the bounds above are constants that every type used here can hold")
    }

    pub(super) fn seconds(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        Duration::from_secs(self.number(key, value, min, max))
    }

    pub(super) fn ordered(&mut self, small_key: &str, small: u64, large_key: &str, large: u64) {
        let reported = |key: &str| self.problems.iter().any(|problem| problem.key == key);
        if small > large && !reported(small_key) && !reported(large_key) {
            self.problem::<()>(small_key, format!("`{small_key}` must not be above `{large_key}`, got `{small}` and `{large}`"));
        }
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, value: Option<&str>, choices: &[(&str, T)]) -> Option<T> {
        let value = value.unwrap_or_default();
        let found = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        found.or_else(|| self.problem(key, format!("`{key}` must be one of {}, got `{value}`", words.join(", "))))
    }

    /// A path, made absolute, so that child processes resolve it the same way.
    pub(super) fn path(&mut self, key: &str, text: Option<&str>) -> Option<PathBuf> {
        let text = text?;
        if text.is_empty() || text.starts_with('~') {
            return self.problem(key, format!("`{key}` must be a path (`~` is not expanded), got `{text}`"));
        }
        let absolute = std::path::absolute(text);
        absolute.ok().or_else(|| self.problem(key, format!("`{key}` must be a path, got `{text}`")))
    }

    /// An address with only a host: Tieline adds the paths of the APIs itself.
    pub(super) fn url_without_path(&mut self, key: &str, text: &str, clear: Clear) -> Option<Url> {
        let url = self.url(key, text, clear);
        // what else is wrong with the address does not hide its path
        let Some(with_path) = Url::parse(text).ok().filter(|url| url.has_host() && !matches!(url.path(), "" | "/")) else { return url };
        let host = with_path.origin().ascii_serialization();
        self.problem(key, format!("`{key}` must end after the host, got the path `{}`: write `{host}`", with_path.path()))
    }

    pub(super) fn url(&mut self, key: &str, text: &str, clear: Clear) -> Option<Url> {
        debug_assert!(!is_secret(key));
        let url = match Url::parse(text) {
            Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => url,
            _ => {
                // it did not parse, so a password in it cannot be recognised: show it only when there can be none
                let got = if text.contains('@') { String::new() } else { format!(", got `{text}`") };
                return self.problem(key, format!("`{key}` must be an address that begins with `https://`{got}"));
            }
        };
        let before = self.problems.len();
        let with_account = !url.username().is_empty() || url.password().is_some();
        if with_account {
            self.problem::<()>(key, format!("`{key}` must not hold a user name or password; use `tieline credential set`"));
        }
        // a password is never shown
        let got = if with_account { String::new() } else { format!(", got `{text}`") };
        if url.query().is_some() || url.fragment().is_some() {
            self.problem::<()>(key, format!("`{key}` must end before `?` and `#`{got}"));
        }
        let section = key.split('.').next().unwrap_or_default();
        if url.scheme() == "http" && !is_loopback(&url) {
            match clear {
                Clear::Refused { allowed: false } => {
                    let way = format!("set `{section}.allow_http = true` to accept that");
                    self.problem::<()>(key, format!("`{key}` must begin with `https://`{got}: passwords would travel unencrypted; {way}"));
                }
                Clear::Refused { allowed: true } | Clear::Warned if with_account => {}
                Clear::Refused { allowed: true } | Clear::Warned => {
                    self.warnings.push(format!("`{key}` is `{text}`: passwords and records travel unencrypted"));
                }
            }
        }
        (self.problems.len() == before).then_some(url)
    }

    pub(super) fn cron(&mut self, key: &str, cron: &str, zone: Tz) {
        if let Err(problem) = Schedule::parse(cron, zone) {
            let form = "five fields, such as `5 * * * *`";
            self.problem::<()>(
                key,
                format!("`{key}` must be a cron expression of {form}, got `{cron}`: {}", problem.trim_end_matches('.')),
            );
        }
    }

    /// A date, as TOML date or as text.
    pub(super) fn date(&mut self, key: &str, value: Option<&toml::Value>) -> Option<NaiveDate> {
        let value = value?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        date.or_else(|| self.problem(key, format!("`{key}` must be a date such as `2026-01-31`, got `{text}`")))
    }

    /// A number of records, or a share of them as text.
    pub(super) fn change_limit(&mut self, value: Option<&toml::Value>) -> ChangeLimit {
        let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
        match ChangeLimit::parse(&text) {
            Ok(limit) => limit,
            Err(wrong) => {
                self.problem::<()>("flows.change_limit", format!("`flows.change_limit` {wrong}, got `{text}`"));
                ChangeLimit::Records(0)
            }
        }
    }
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
