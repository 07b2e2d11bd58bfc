//! What `doctor` finds on this machine: room for the state, and whether the clock agrees with the systems'.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::Finding;
use crate::config::settings::CertificateFiles;
use crate::net::{HttpClient, Method};

/// Free space below which the private database is in danger, and below which it is time to look, in MiB.
const SPACE: (u64, u64) = (100, 1024);
/// A certificate that is not renewed by then has been forgotten.
const RENEWAL: TimeDelta = TimeDelta::days(21);
/// How far clocks may be apart; an HTTP date has whole seconds, and an answer is under way for some.
const CLOCK: TimeDelta = TimeDelta::seconds(30);

/// Whether the state directory has room.
pub(super) fn state_directory(directory: &Path) -> Finding {
    let what = "state directory";
    // it may not have been made yet: then the nearest one above it tells
    let there = directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    match free_mebibytes(there) {
        Some(free) => room(free, directory),
        None => {
            Finding::unknown(what, format!("the free space of {} cannot be had", directory.display()), "look with the system's own tools")
        }
    }
}

fn room(free: u64, directory: &Path) -> Finding {
    let what = "state directory";
    let found = format!("{free} MiB free at {}", directory.display());
    match free {
        free if free < SPACE.0 => Finding::failed(what, found, "free some space: a full disk stops the private database"),
        free if free < SPACE.1 => Finding::warning(what, found, "free some space, or move `state.directory` to a larger disk"),
        _ => Finding::ok(what, found),
    }
}

#[cfg(unix)]
fn free_mebibytes(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    // the widths of both differ from system to system
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
    let (blocks, size) = (u64::try_from(found.blocks_available()).ok()?, u64::try_from(found.fragment_size()).ok()?);
    Some(blocks.saturating_mul(size) >> 20)
}

#[cfg(not(unix))]
fn free_mebibytes(_: &Path) -> Option<u64> {
    None
}

/// The service's own certificate: whether it can be used, for how long, and who can read its key.
pub(super) fn certificate(files: &CertificateFiles) -> Finding {
    let what = "own certificate";
    let pair = match crate::net::certificate::load(files) {
        Ok(pair) => pair,
        Err(error) => return Finding::failed(what, error.to_string(), "see the message"),
    };
    let left = pair.expires - Utc::now();
    let found = format!("`{}` until {}", pair.subject, pair.expires.format("%Y-%m-%d"));
    if left < RENEWAL {
        return Finding::warning(
            what,
            format!("{found}: {} days are left", left.num_days()),
            "renew it; the files are read anew when they change",
        );
    }
    if read_by_others(&files.key) {
        let found = format!("{found}; everybody on this machine can read its key {}", files.key.display());
        return Finding::warning(what, found, "take the right to read away from others: `chmod o-r`");
    }
    Finding::ok(what, found)
}

#[cfg(unix)]
fn read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|found| found.mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn read_by_others(_: &Path) -> bool {
    false // the directory's access list decides
}

/// Compares our clock with the `Date` of an answer, whatever its status: nothing is signed in for it.
pub(super) async fn clock(what: &str, http: &HttpClient, url: &Url) -> Finding {
    let unknown = |found: String| Finding::unknown(what, found, "nothing, while the machine's clock is set by the network");
    let before = Utc::now();
    let answer = match http.send(Method::GET, url, &[], Vec::new().into()).await {
        Ok(answer) => answer,
        Err(error) => return unknown(crate::actors::chain(&error)),
    };
    let middle = before + (Utc::now() - before) / 2;
    match answer.header("date").and_then(|text| DateTime::parse_from_rfc2822(text).ok()) {
        Some(theirs) => compared(what, middle, theirs.to_utc()),
        None => unknown("the answer carries no date".to_owned()),
    }
}

fn compared(what: &str, ours: DateTime<Utc>, theirs: DateTime<Utc>) -> Finding {
    let apart = ours - theirs;
    let at = |time: DateTime<Utc>| time.format("%H:%M:%SZ").to_string();
    let direction = if apart > TimeDelta::zero() { "ahead of" } else { "behind" };
    if apart.abs() <= CLOCK {
        return Finding::ok(what, "within half a minute of each other");
    }
    let found = format!("this machine is {} s {direction} it: {} here, {} there", apart.num_seconds().abs(), at(ours), at(theirs));
    Finding::warning(what, found, "let both machines' clocks be set by the network (NTP)")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn room_and_clocks_are_judged() {
        let directory = Path::new("/nowhere/tieline");
        let verdicts = [99, 100, 1023, 1024].map(|free| room(free, directory).verdict);
        assert_eq!(verdicts, [Verdict::Failed, Verdict::Warning, Verdict::Warning, Verdict::Ok]);
        assert!(state_directory(directory).found.contains("MiB free at /nowhere/tieline"), "asked of the nearest directory above");
        let now = Utc::now();
        assert_eq!(compared("clock", now, now - TimeDelta::seconds(30)).verdict, Verdict::Ok);
        let late = compared("clock", now, now + TimeDelta::seconds(90));
        assert_eq!(late.verdict, Verdict::Warning);
        assert!(late.found.contains("90 s behind"), "{}", late.found);
    }
}
