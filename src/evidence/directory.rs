//! An export of the audit in a directory, checked without a ledger and without a network.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chrono::{Days, NaiveDate};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::leaf::{EventLine, number_of};
use super::manifest::{Manifest, sha256};
use super::merkle::{Hash, leaf_hash};
use super::signature::{Signer, verify};
use super::timestamp;

/// The file of the keys that may sign.
pub const ALLOWED_SIGNERS: &str = "allowed_signers";
/// The start of the name of a file with the leaves of one record.
pub const SUBSET: &str = "subset-";

/// The longest line, in bytes: an event has at most 1,000 records.
const LINE: u64 = 256 << 20;

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// The first leaf that does not fit, where it is known.
    pub leaf: Option<i64>,
    /// What differs.
    pub text: String,
}

/// What a check of a directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DirectoryReport {
    /// Days with a manifest.
    pub days: u64,
    /// The first of them.
    pub first_day: Option<NaiveDate>,
    /// The last of them.
    pub last_day: Option<NaiveDate>,
    /// Leaves whose lines were read.
    pub leaves: u64,
    /// The last leaf of the last day.
    pub last_leaf: i64,
    /// The root of the Merkle tree there.
    pub root: String,
    /// Days whose events are not there: only their hash is known.
    pub without_events: u64,
    /// The last day, if it had not ended.
    pub provisional: Option<NaiveDate>,
    /// The fingerprints of the keys that signed.
    pub keys: Vec<String>,
    /// Days from which on another key signs, without a signature of the former one.
    pub unsigned_changes: Vec<NaiveDate>,
    /// Days with a token of a time-stamping authority.
    pub stamped: u64,
    /// Leaves in files of single records that stand in the files of the days too.
    pub subset_found: u64,
    /// Leaves in files of single records whose days are not there.
    pub subset_elsewhere: u64,
    /// The first thing that does not fit.
    pub misfit: Option<Misfit>,
}

/// A manifest with its text.
#[derive(Debug, Clone)]
pub struct KeptManifest {
    /// What it says.
    pub manifest: Manifest,
    /// The signed text.
    pub text: String,
}

/// The name of the file of a day's events.
pub fn events_file(day: NaiveDate) -> String {
    format!("{day}.jsonl")
}

/// The name of a day's manifest.
pub fn manifest_file(day: NaiveDate) -> String {
    format!("{day}.manifest")
}

/// The name of the signature of a day's manifest.
pub fn signature_file(day: NaiveDate) -> String {
    format!("{day}.manifest.sig")
}

/// The name of the signature that the former key made over the manifest of a day.
pub fn former_signature_file(day: NaiveDate) -> String {
    format!("{day}.manifest.former.sig")
}

/// The name of the answer of a time-stamping authority for the manifest of a day.
pub fn timestamp_file(day: NaiveDate) -> String {
    format!("{day}.tsr")
}

/// A directory whose manifests were read and follow each other.
struct Checked {
    report: DirectoryReport,
    manifests: Vec<KeptManifest>,
}

/// Checks the manifests, their signatures and the files of events in a directory. `signers`: a file of allowed signers that was kept
/// elsewhere; without it, the one in the directory.
///
/// # Errors
/// [`io::Error`] when the directory or the file of signers cannot be read.
pub fn check(directory: &Path, signers: Option<&Path>) -> io::Result<DirectoryReport> {
    let signers = fs::read_to_string(signers.unwrap_or(&directory.join(ALLOWED_SIGNERS)))?;
    let mut subset = subset_of(directory)?;
    let mut checked = Checked { report: DirectoryReport::default(), manifests: Vec::new() };
    let found = manifests_of(directory, &signers, &mut checked).and_then(|()| events_of(directory, &mut checked, &mut subset));
    let mut report = checked.report;
    report.subset_elsewhere = subset.len() as u64;
    report.misfit = found.err();
    Ok(report)
}

/// The manifests of a directory in the order of their days, with valid signatures, each following the one before.
///
/// # Errors
/// [`io::Error`] when it cannot be read, [`Misfit`] inside when something does not fit.
pub fn manifests(directory: &Path, signers: Option<&Path>) -> io::Result<Result<Vec<KeptManifest>, Misfit>> {
    let signers = fs::read_to_string(signers.unwrap_or(&directory.join(ALLOWED_SIGNERS)))?;
    let mut checked = Checked { report: DirectoryReport::default(), manifests: Vec::new() };
    Ok(manifests_of(directory, &signers, &mut checked).map(|()| checked.manifests))
}

/// The leaves of the file of a day's events, by their numbers, as hashes; `None` without a file.
///
/// # Errors
/// [`io::Error`] when it cannot be read.
pub fn hashes(directory: &Path, day: NaiveDate) -> io::Result<Option<Vec<(i64, Hash)>>> {
    let path = directory.join(events_file(day));
    if !path.exists() {
        return Ok(None);
    }
    let mut lines = Lines::open(&path)?;
    let mut hashes = Vec::new();
    while let Some(line) = lines.next()? {
        hashes.push((std::str::from_utf8(line).ok().and_then(number_of).unwrap_or_default(), leaf_hash(line)));
    }
    Ok(Some(hashes))
}

fn misfit(leaf: Option<i64>, text: String) -> Misfit {
    Misfit { leaf, text }
}

/// The days in a directory: the names of the manifests and of the files of events.
fn days(directory: &Path) -> io::Result<(Vec<NaiveDate>, Vec<NaiveDate>)> {
    let (mut manifests, mut events) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(day) = name.strip_suffix(".manifest").and_then(|day| day.parse().ok()) {
            manifests.push(day);
        }
        if let Some(day) = name.strip_suffix(".jsonl").and_then(|day| day.parse().ok()) {
            events.push(day);
        }
    }
    manifests.sort_unstable();
    events.sort_unstable();
    Ok((manifests, events))
}

/// Reads the manifests into `checked`.
fn manifests_of(directory: &Path, signers: &str, checked: &mut Checked) -> Result<(), Misfit> {
    let failed = |error: io::Error| misfit(None, format!("the directory cannot be read: {error}"));
    let allowed = Signer::read_all(signers).map_err(|problem| misfit(None, problem))?;
    let (days, events) = days(directory).map_err(failed)?;
    if let Some(day) = events.iter().find(|day| days.binary_search(day).is_err()) {
        return Err(misfit(None, format!("{} has no manifest", events_file(*day))));
    }
    if days.is_empty() {
        return Err(misfit(None, "there is no manifest".to_owned()));
    }
    let mut last: Option<KeptManifest> = None;
    for day in days {
        let name = manifest_file(day);
        let read = |name: &str| {
            let text = fs::read_to_string(directory.join(name));
            text.map_err(|error| misfit(None, format!("{name} cannot be read: {error}")))
        };
        let text = read(&name)?;
        let manifest = Manifest::read(&text).map_err(|problem| misfit(None, format!("{name} {problem}")))?;
        let key = verify(text.as_bytes(), &read(&signature_file(day))?, &allowed, day)
            .map_err(|problem| misfit(Some(manifest.first_leaf), format!("{name}: {problem}")))?;
        if manifest.key != key.fingerprint() {
            let text = format!("{name} names the key {}, and {} signed it", manifest.key, key.fingerprint());
            return Err(misfit(Some(manifest.first_leaf), text));
        }
        let former = former_signature_file(day);
        let former = if directory.join(&former).exists() { Some(read(&former)?) } else { None };
        let former = hand_over(last.as_ref(), &manifest, &text, former.as_deref(), &allowed);
        let former = former.map_err(|problem| misfit(Some(manifest.first_leaf), format!("{name}: {problem}")))?;
        let stamp = directory.join(timestamp_file(day));
        if stamp.exists() {
            let stamp = fs::read(&stamp).map_err(failed)?;
            timestamp::granted_for(&stamp, &sha256(text.as_bytes()))
                .map_err(|problem| misfit(Some(manifest.first_leaf), format!("{}: {problem}", timestamp_file(day))))?;
            checked.report.stamped += 1;
        }
        let fits = follows(last.as_ref(), &manifest, day);
        fits.map_err(|problem| misfit(Some(manifest.first_leaf), format!("{name} {problem}")))?;
        let report = &mut checked.report;
        if former == HandOver::Unsigned {
            report.unsigned_changes.push(day);
        }
        report.days += 1;
        report.first_day.get_or_insert(day);
        report.last_day = Some(day);
        report.last_leaf = manifest.last_leaf;
        report.root = hex::encode(manifest.root);
        report.provisional = manifest.provisional.map(|_| day);
        if !report.keys.contains(&manifest.key) {
            report.keys.push(manifest.key.clone());
        }
        last = Some(KeptManifest { manifest, text });
        checked.manifests.extend(last.clone());
    }
    Ok(())
}

/// How the key of a manifest follows that of the day before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// It is the same key, or there is no day before.
    None,
    /// Another key signs, and the former one signed this day too.
    Signed,
    /// Another key signs, and the former one did not sign this day: it was not at hand.
    Unsigned,
}

/// Checks the signature of the former key, which signs the first day of another key too.
///
/// # Errors
/// Why it is not valid.
pub fn hand_over(
    last: Option<&KeptManifest>,
    manifest: &Manifest,
    text: &str,
    former: Option<&str>,
    allowed: &[Signer],
) -> Result<HandOver, String> {
    let changes = last.is_some_and(|last| last.manifest.key != manifest.key);
    let Some(former) = former else {
        return Ok(if changes { HandOver::Unsigned } else { HandOver::None });
    };
    let key = verify(text.as_bytes(), former, allowed, manifest.day).map_err(|problem| format!("of the former key, {problem}"))?;
    let is_former = last.is_none_or(|last| last.manifest.key == key.fingerprint());
    if !is_former || key.fingerprint() == manifest.key {
        return Err(format!("the signature of the former key is of the key {}, which did not sign the day before", key.fingerprint()));
    }
    Ok(HandOver::Signed)
}

/// Whether a manifest is of its day and follows the one of the day before.
///
/// # Errors
/// What differs.
pub fn follows(last: Option<&KeptManifest>, manifest: &Manifest, day: NaiveDate) -> Result<(), String> {
    if manifest.day != day {
        return Err(format!("is of {}", manifest.day));
    }
    let Some(last) = last else {
        return if manifest.first_leaf == 1 && manifest.previous.is_some() {
            Err("begins with leaf 1, and names a manifest before it".to_owned())
        } else {
            Ok(())
        };
    };
    let before = &last.manifest;
    if before.provisional.is_some() {
        return Err(format!("follows {}, which had not ended", before.day));
    }
    if before.day.checked_add_days(Days::new(1)) != Some(day) {
        return Err(format!("follows {}: the days between are missing", before.day));
    }
    if manifest.previous != Some(sha256(last.text.as_bytes())) {
        return Err(format!("does not name the manifest of {} as the one before it", before.day));
    }
    if manifest.first_leaf != before.last_leaf + 1 {
        return Err(format!("begins with leaf {}, and {} ended with leaf {}", manifest.first_leaf, before.day, before.last_leaf));
    }
    if manifest.before.root() != before.root {
        return Err(format!("begins with another Merkle root than {} ended with", before.day));
    }
    if manifest.installation != before.installation {
        return Err(format!("is of another installation than that of {}", before.day));
    }
    Ok(())
}

/// Compares the files of events with their manifests.
fn events_of(directory: &Path, checked: &mut Checked, subset: &mut HashMap<i64, Hash>) -> Result<(), Misfit> {
    for KeptManifest { manifest, .. } in &checked.manifests {
        let name = events_file(manifest.day);
        if !directory.join(&name).exists() {
            checked.report.without_events += 1;
            continue;
        }
        let failed = |error: io::Error| misfit(Some(manifest.first_leaf), format!("{name} cannot be read: {error}"));
        let mut lines = Lines::open(&directory.join(&name)).map_err(failed)?;
        let (mut peaks, mut leaf) = (manifest.before.clone(), manifest.first_leaf - 1);
        let mut in_subset = 0;
        while let Some(line) = lines.next().map_err(failed)? {
            leaf += 1;
            let text = std::str::from_utf8(line).map_err(|_| misfit(Some(leaf), format!("{name} has a line that is no text")))?;
            if number_of(text) != Some(leaf) {
                let found = number_of(text).map_or_else(|| "a line without a number".to_owned(), |number| format!("leaf {number}"));
                return Err(misfit(Some(leaf), format!("{name} has {found} where leaf {leaf} must stand")));
            }
            if let Err(error) = serde_json::from_str::<EventLine<'_>>(text) {
                return Err(misfit(Some(leaf), format!("{name} has a line that is no event: {error}")));
            }
            let hash = leaf_hash(line);
            if let Some(kept) = subset.remove(&leaf) {
                if kept != hash {
                    return Err(misfit(Some(leaf), format!("{name} has another line for leaf {leaf} than the file of a record")));
                }
                in_subset += 1;
            }
            peaks.push(hash);
        }
        checked.report.subset_found += in_subset;
        checked.report.leaves += (leaf - manifest.first_leaf + 1).unsigned_abs();
        if leaf != manifest.last_leaf {
            let at = leaf.min(manifest.last_leaf) + 1;
            return Err(misfit(Some(at), format!("{name} ends with leaf {leaf}, and its manifest with leaf {}", manifest.last_leaf)));
        }
        if manifest.sha256 != Some(lines.end()) {
            return Err(misfit(Some(manifest.first_leaf), format!("{name} is not the file that its manifest names: its SHA-256 differs")));
        }
        if peaks.root() != manifest.root {
            return Err(misfit(Some(manifest.first_leaf), format!("{name} does not give the Merkle root of its manifest")));
        }
    }
    Ok(())
}

/// The leaves in files of single records.
fn subset_of(directory: &Path) -> io::Result<HashMap<i64, Hash>> {
    let mut subset = HashMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(SUBSET) && name.ends_with(".jsonl")) {
            let mut lines = Lines::open(&entry.path())?;
            while let Some(line) = lines.next()? {
                let number = std::str::from_utf8(line).ok().and_then(number_of);
                subset.extend(number.map(|number| (number, leaf_hash(line))));
            }
        }
    }
    Ok(subset)
}

/// The lines of a file, and its hash.
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    hash: Sha256,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::new(File::open(path)?), line: Vec::new(), hash: Sha256::new() })
    }

    /// The next line without its end.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        if self.file.by_ref().take(LINE).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.hash.update(&self.line);
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(Some(&self.line))
    }

    /// SHA-256 of what was read.
    fn end(self) -> Hash {
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf::leaf_line;
    use super::super::manifest::tests::manifest;
    use super::super::merkle::Peaks;
    use super::super::signature::SigningKey;
    use super::*;

    const EVENT: &str = r#"{"id":1000,"at":"2026-11-30T10:00:00.000001Z","xid":7,"kind":"run","company":null,"entity":null,"batch_id":null,"run_id":null,"actor":"tieline","records":[]}"#;

    /// Three days: two leaves, none, one.
    fn export(directory: &Path) {
        let key = SigningKey::of_seed(&[7; 32]).unwrap();
        fs::write(directory.join(ALLOWED_SIGNERS), Signer::of_any_day(key.public()).line()).unwrap();
        let (mut peaks, mut previous, mut leaf) = (Peaks::default(), None, 0);
        for (day, leaves) in [("2026-11-28", 2), ("2026-11-29", 0), ("2026-11-30", 1)] {
            let before = peaks.clone();
            let first_leaf = leaf + 1;
            let mut file = String::new();
            for _ in 0..leaves {
                leaf += 1;
                let line = leaf_line(leaf, EVENT);
                peaks.push(leaf_hash(line.as_bytes()));
                file = file + &line + "\n";
            }
            let day: NaiveDate = day.parse().unwrap();
            let made = Manifest {
                day,
                first_leaf,
                last_leaf: leaf,
                sha256: Some(sha256(file.as_bytes())),
                before,
                root: peaks.root(),
                previous,
                key: key.public().fingerprint(),
                ..manifest()
            };
            previous = Some(sha256(made.text().as_bytes()));
            fs::write(directory.join(events_file(day)), file).unwrap();
            fs::write(directory.join(manifest_file(day)), made.text()).unwrap();
            fs::write(directory.join(signature_file(day)), key.sign(made.text().as_bytes())).unwrap();
        }
    }

    #[test]
    fn an_export_is_whole_until_anything_of_it_changes() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        export(directory);
        let whole = check(directory, None).unwrap();
        assert_eq!((whole.misfit.clone(), whole.days, whole.leaves, whole.last_leaf), (None, 3, 3, 3));
        fs::write(directory.join("subset-a.jsonl"), leaf_line(2, EVENT)).unwrap();
        assert_eq!(check(directory, None).unwrap().subset_found, 1);
        fs::remove_file(directory.join("subset-a.jsonl")).unwrap();

        // the key may have ended before the last day
        let signers = fs::read_to_string(directory.join(ALLOWED_SIGNERS)).unwrap();
        fs::write(directory.join(ALLOWED_SIGNERS), signers.replace("namespaces", "valid-before=\"20261130\",namespaces")).unwrap();
        let misfit = check(directory, None).unwrap().misfit.unwrap();
        assert!(misfit.text.contains("2026-11-30.manifest") && misfit.text.contains("until 2026-11-29"), "{misfit:?}");
        fs::write(directory.join(ALLOWED_SIGNERS), signers).unwrap();

        for (file, change, expected) in [
            ("2026-11-28.jsonl", ("run", "ran"), "SHA-256"),
            ("2026-11-28.jsonl", ("\"leaf\":2", "\"leaf\":3"), "where leaf 2 must stand"),
            ("2026-11-28.jsonl", ("\"records\":[]", "\"records\":[]]"), "no event"),
            ("2026-11-29.manifest", ("lines 0", "lines 1"), "lines 1"),
            ("2026-11-29.manifest", ("configuration c", "configuration x"), "not of this text"),
            ("2026-11-30.manifest.sig", ("BEGIN", "END"), "OpenSSH's form"),
            ("allowed_signers", ("AAAA", "AAAB"), "no Ed25519 key"),
        ] {
            let path = directory.join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replacen(change.0, change.1, 1)).unwrap();
            let misfit = check(directory, None).unwrap().misfit.unwrap_or_else(|| panic!("{file}: {change:?} is not found"));
            assert!(misfit.text.contains(expected), "{misfit:?}");
            fs::write(&path, text).unwrap();
        }
        // a whole day vanishes
        for name in ["2026-11-29.manifest", "2026-11-29.jsonl"] {
            fs::rename(directory.join(name), directory.join(format!("{name}.away"))).unwrap();
        }
        let misfit = check(directory, None).unwrap().misfit.unwrap();
        assert!(misfit.text.contains("the days between are missing"), "{misfit:?}");
        fs::rename(directory.join("2026-11-29.manifest.away"), directory.join("2026-11-29.manifest")).unwrap();
        let hidden = check(directory, None).unwrap();
        assert_eq!((hidden.misfit, hidden.without_events), (None, 1));
    }
}
