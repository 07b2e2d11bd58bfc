//! This machine: space for the state, the master key's file, and the service's own certificate.

use crate::domain::next_step::NextStep;
use std::path::Path;

use chrono::Utc;

use super::certificates::RENEWAL;
use super::{Finding, disk};
use crate::config::settings::CertificateFiles;
use crate::credentials::credential_store::CredentialStore;
use crate::credentials::key_ring::{Ciphertexts, KeyPlace};
use crate::domain::chain;

/// Free space in MiB below which the private database is in danger, and below which a person should check it.
const SPACE: (u64, u64) = (100, 1024);

/// Whether the state directory has enough space.
pub(super) fn state_directory(directory: &Path) -> Finding {
    space("state directory", directory, "a full disk stops the private database")
}

/// Whether the file system of a directory has enough space.
pub(super) fn space(what: &str, directory: &Path, danger: &str) -> Finding {
    match disk::free(directory) {
        Some(free) => room(what, free, directory, danger),
        None => Finding::unknown(what, format!("the free space of {} cannot be read", directory.display()), NextStep::CheckSpace),
    }
}

fn room(what: &str, free: u64, directory: &Path, danger: &str) -> Finding {
    let found = match free >> 20 {
        0 => format!("{free} bytes free at {}", directory.display()),
        free => format!("{free} MiB free at {}", directory.display()),
    };
    match free >> 20 {
        free if free < SPACE.0 => Finding::failed(what, found, NextStep::FreeSpace { danger: danger.to_owned() }),
        free if free < SPACE.1 => Finding::warning(what, found, NextStep::FreeSpaceOrMove),
        _ => Finding::ok(what, found),
    }
}

/// The master key: where it is, whose it is, who may read it. Without ciphertexts it may be missing.
pub(super) fn master_key(credential_store: &CredentialStore, ciphertexts: Ciphertexts) -> Finding {
    let (what, place) = ("master key", credential_store.key_place());
    if ciphertexts == Ciphertexts::None && !place.path().exists() {
        return Finding::warning(what, "no credential has been set, so none is needed yet", NextStep::FirstCredential);
    }
    match credential_store.keys(Ciphertexts::Stored) {
        Ok(keys) => Finding::ok(what, format!("key `{}` in {}{}", keys.current_id(), place.path().display(), rights(&place))),
        Err(error) => Finding::failed(what, chain(&error), NextStep::KeyFile),
    }
}

/// Who may read the key. The key ring itself refuses a key that too many may read.
fn rights(place: &KeyPlace) -> String {
    if place.is_managed() {
        return ", provided by the service manager (`LoadCredential`)".into();
    }
    owner(place.path()).map(|(owner, mode)| format!(", readable by its owner {owner} alone (mode {mode:04o})")).unwrap_or_default()
}

#[cfg(unix)]
fn owner(path: &Path) -> Option<(String, u32)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(found.uid())).ok().flatten();
    Some((user.map_or_else(|| format!("user id {}", found.uid()), |user| format!("`{}`", user.name)), found.mode() & 0o7777))
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Option<(String, u32)> {
    None // the directory's access list decides
}

/// The service's own certificate: whether it can be used, when it expires, and who can read its key.
pub(super) fn certificate(files: &CertificateFiles) -> Finding {
    let what = "own certificate";
    let pair = match crate::net::certificate::load(files) {
        Ok(pair) => pair,
        Err(error) => return Finding::failed(what, error.to_string(), NextStep::StateDirectory),
    };
    let left = pair.expires - Utc::now();
    let found = format!("`{}` until {}", pair.subject, pair.expires.format("%Y-%m-%d"));
    if left < RENEWAL {
        return Finding::warning(what, format!("{found}: {} days are left", left.num_days()), NextStep::OwnCertificateEnds);
    }
    if read_by_others(&files.key) {
        let found = format!("{found}; every account of this machine can read its key {}", files.key.display());
        return Finding::warning(what, found, NextStep::KeyReadByOthers);
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
    use super::super::CheckResult;
    use super::*;

    #[test]
    fn room_is_judged() {
        let directory = Path::new("/nowhere/tieline");
        let verdicts = [99, 100, 1023, 1024].map(|free| room("disk", free << 20, directory, "it is full").verdict);
        assert_eq!(verdicts, [CheckResult::Failed, CheckResult::Warning, CheckResult::Warning, CheckResult::Ok]);
        assert_eq!(room("disk", 4096, directory, "it is full").found, "4096 bytes free at /nowhere/tieline");
        assert!(state_directory(directory).found.contains("MiB free at /nowhere/tieline"), "asked of the nearest directory above");
    }
}
