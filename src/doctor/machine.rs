//! This machine: room for the state, and the service's own certificate.

use std::path::Path;

use chrono::{TimeDelta, Utc};

use super::Finding;
use crate::config::settings::CertificateFiles;

/// Free space below which the private database is in danger, and below which it is time to look, in MiB.
const SPACE: (u64, u64) = (100, 1024);
/// A certificate that is not renewed by then has been forgotten.
const RENEWAL: TimeDelta = TimeDelta::days(21);

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

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn room_is_judged() {
        let directory = Path::new("/nowhere/tieline");
        let verdicts = [99, 100, 1023, 1024].map(|free| room(free, directory).verdict);
        assert_eq!(verdicts, [Verdict::Failed, Verdict::Warning, Verdict::Warning, Verdict::Ok]);
        assert!(state_directory(directory).found.contains("MiB free at /nowhere/tieline"), "asked of the nearest directory above");
    }
}
