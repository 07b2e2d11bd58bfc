//! Compares this machine's clock with the clocks of the systems.

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::Finding;
use crate::config::settings::Connection;
use crate::domain::chain;
use crate::domain::next_step::NextStep;
use crate::net::{HttpClient, Method};
use crate::telemetry::labels::System;

/// The allowed difference; an HTTP date has whole seconds, and an answer takes some time.
const CLOCK: TimeDelta = TimeDelta::seconds(30);

/// An address of e.net that needs no session.
pub(super) fn enet(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/GetVersion", base.path().trim_end_matches('/')));
    url
}

/// Compares our clock with the `Date` of an answer, whatever its status, without signing in. `None`: no client can be created, which was
/// reported with its system.
pub(super) async fn clock(what: &str, system: System, connection: &Connection, url: &Url) -> Option<Finding> {
    let http = HttpClient::new(system, connection).ok()?;
    let before = Utc::now();
    let answer = match http.send(Method::GET, url, &[], Vec::new().into()).await {
        Ok(answer) => answer,
        Err(error) => {
            return Some(Finding::unknown(what, chain(&error), NextStep::SystemFirst));
        }
    };
    let middle = before + (Utc::now() - before) / 2;
    match answer.header("date").and_then(|text| DateTime::parse_from_rfc2822(text).ok()) {
        Some(theirs) => Some(compared(what, middle, theirs.to_utc())),
        None => Some(Finding::unknown(what, "the answer has no date", NextStep::CompareClocks)),
    }
}

fn compared(what: &str, ours: DateTime<Utc>, theirs: DateTime<Utc>) -> Finding {
    let apart = ours - theirs;
    let at = |time: DateTime<Utc>| time.format("%H:%M:%SZ").to_string();
    let direction = if apart > TimeDelta::zero() { "ahead of" } else { "behind" };
    if apart.abs() <= CLOCK {
        return Finding::ok(what, format!("{} s apart", apart.num_seconds().abs()));
    }
    let found = format!("this machine is {} s {direction} it: {} here, {} there", apart.num_seconds().abs(), at(ours), at(theirs));
    Finding::warning(what, found, NextStep::SetClocks)
}

#[cfg(test)]
mod tests {
    use super::super::CheckResult;
    use super::*;

    #[test]
    fn clocks_are_judged() {
        let now = Utc::now();
        let near = compared("clock", now, now - TimeDelta::seconds(30));
        assert_eq!((near.verdict, near.found.as_str()), (CheckResult::Ok, "30 s apart"));
        let late = compared("clock", now, now + TimeDelta::seconds(90));
        assert_eq!(late.verdict, CheckResult::Warning);
        assert!(late.found.contains("90 s behind"), "{}", late.found);
    }
}
