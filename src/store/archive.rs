//! Archive files: what retention removes is written there first, and `tieline audit verify --archive` reads the files of events again.
//!
//! A file has one JSON value a line. A file of events has a line for each seal, followed by its leaves, as in the files of an export: the seal
//! is computed from these lines and the seal before it. Files of earlier releases have the text of each event (`event_text` in the database).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::seal::SealRow;
use crate::domain::retention::KeptTable;
use crate::evidence::merkle::{Peaks, leaf_hash};
use crate::store::text::Text;

/// Where a pass writes what it removes.
#[derive(Debug, Clone)]
pub struct Archive {
    directory: PathBuf,
    /// The time of the pass, for the names of its files.
    stamp: String,
}

/// What a check of archive files found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    /// Seals whose events are in a file that matches.
    pub seals: i64,
    /// Seals whose events were removed without a file.
    pub without_file: i64,
    /// The first problem: which file, and what is wrong with it.
    pub problem: Option<String>,
}

/// A seal whose events were removed, as the ledger has it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct RemovedSeal {
    #[diesel(embed)]
    pub(super) stored: SealRow,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) archive: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) archive_sha256: Option<Vec<u8>>,
}

/// The line of a seal in a file of events.
#[derive(Debug, Deserialize)]
struct SealLine {
    seal: i64,
}

/// A seal that is computed again from the lines of a file.
#[derive(Debug)]
enum Recomputed {
    /// From its leaves.
    Leaves(Peaks),
    /// Of an earlier release: a hash over its events, one after the other.
    Events(Sha256),
}

impl Recomputed {
    fn begin(row: &SealRow) -> Self {
        match row.first_leaf {
            Some(_) => Self::Leaves(row.tree_before().unwrap_or_default()),
            None => Self::Events(Sha256::new().chain_update(&row.previous).chain_update(row.mark.as_deref().unwrap_or_default())),
        }
    }

    /// The next line.
    fn add(&mut self, line: &[u8]) {
        match self {
            Self::Leaves(tree) => tree.push(leaf_hash(line)),
            Self::Events(hash) => hash.update(Sha256::digest(line)),
        }
    }

    /// Whether the lines give this seal.
    fn fits(self, row: &SealRow) -> bool {
        match self {
            Self::Leaves(tree) => row.seal().is_some_and(|seal| seal.tree == tree && seal.hash().as_slice() == row.hash),
            Self::Events(hash) => hash.finalize().as_slice() == row.hash,
        }
    }
}

/// A file of events that is being written. It gets its name when it is complete and on disk.
#[derive(Debug)]
pub(super) struct EventFile {
    directory: PathBuf,
    name: String,
    file: BufWriter<File>,
    hash: Sha256,
}

impl Archive {
    /// A directory, and the time of a pass, such as `20260131T020000Z`.
    pub fn new(directory: PathBuf, stamp: String) -> Self {
        Self { directory, stamp }
    }

    /// Adds rows of a table, one JSON text each, and waits until they are on disk. Answers with the name of the file.
    pub(super) fn append(&self, table: KeptTable, rows: &[String]) -> Result<String, StoreError> {
        let name = format!("tieline-{table}-{}.jsonl", self.stamp);
        let path = self.directory.join(&name);
        let write = || -> io::Result<()> {
            create_directory(&self.directory)?;
            let mut file = BufWriter::new(private(File::options().append(true).create(true)).open(&path)?);
            for row in rows {
                file.write_all(row.as_bytes())?;
                file.write_all(b"\n")?;
            }
            sync(file, &self.directory)
        };
        write().map_err(|source| StoreError::Archive { path: path.clone(), source })?;
        Ok(name)
    }

    /// Starts the file for the events of these seals. An unfinished one of an earlier attempt is written again.
    pub(super) fn events(&self, first: i64, last: i64) -> Result<EventFile, StoreError> {
        let name = format!("tieline-event-{first}-{last}.jsonl");
        let path = self.directory.join(part_of(&name));
        let open = || {
            create_directory(&self.directory)?;
            private(File::options().write(true).create(true).truncate(true)).open(&path)
        };
        let file = open().map_err(|source| StoreError::Archive { path: path.clone(), source })?;
        Ok(EventFile { directory: self.directory.clone(), name, file: BufWriter::new(file), hash: Sha256::new() })
    }
}

impl EventFile {
    /// Writes a line.
    pub(super) fn line(&mut self, text: &[u8]) -> Result<(), StoreError> {
        let mut write = || -> io::Result<()> {
            for bytes in [text, b"\n"] {
                self.file.write_all(bytes)?;
                self.hash.update(bytes);
            }
            Ok(())
        };
        let written = write();
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Archive { path: self.directory.join(&self.name), source }
    }

    /// Puts the file on disk under its name. Answers with the name and the SHA-256 of the content.
    pub(super) fn end(self) -> Result<(String, Vec<u8>), StoreError> {
        let Self { directory, name, mut file, hash } = self;
        let path = directory.join(&name);
        let mut write = || -> io::Result<()> {
            file.flush()?;
            file.get_ref().sync_all()?;
            std::fs::rename(directory.join(part_of(&name)), &path)?;
            sync_directory(&directory)
        };
        write().map_err(|source| StoreError::Archive { path: path.clone(), source })?;
        Ok((name, hash.finalize().to_vec()))
    }
}

fn part_of(name: &str) -> String {
    format!("{name}.part")
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Readable by the account of the program alone: the rows are business data.
fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn sync(mut file: BufWriter<File>, directory: &Path) -> io::Result<()> {
    file.flush()?;
    file.get_ref().sync_all()?;
    sync_directory(directory)
}

/// A new name is on disk once its directory is.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Compares the files in a directory with seals whose events were removed.
pub(super) fn check(directory: &Path, seals: &[RemovedSeal]) -> ArchiveReport {
    let mut report = ArchiveReport::default();
    let mut files: Vec<(&str, Vec<&RemovedSeal>)> = Vec::new();
    for seal in seals {
        match (&seal.archive, files.last_mut()) {
            (None, _) => report.without_file += 1,
            (Some(name), Some((last, of_it))) if last == name => of_it.push(seal),
            (Some(name), _) => files.push((name, vec![seal])),
        }
    }
    for (name, of_it) in files {
        match check_file(directory, name, &of_it) {
            Ok(()) => report.seals += of_it.len() as i64,
            Err(problem) => {
                report.problem.get_or_insert(format!("{name}: {problem}"));
            }
        }
    }
    report
}

/// Whether a file has the events of these seals, and is the file that was written.
fn check_file(directory: &Path, name: &str, seals: &[&RemovedSeal]) -> Result<(), String> {
    // the name comes from the database: it must not lead out of the directory
    if Path::new(name).components().count() != 1 || name == ".." {
        return Err("this is not the name of a file".to_owned());
    }
    let file = File::open(directory.join(name)).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut reader = Hashed { inner: BufReader::new(file), hash: Sha256::new() };
    let mut found: HashSet<i64> = HashSet::new();
    let mut current: Option<(&SealRow, Recomputed)> = None;
    let end = |found: &mut HashSet<i64>, ended: Option<(&SealRow, Recomputed)>| {
        found.extend(ended.and_then(|(row, recomputed)| recomputed.fits(row).then_some(row.id)));
    };
    let mut line = Vec::new();
    while reader.line(&mut line).map_err(|error| format!("cannot be read: {error}"))? {
        if line.starts_with(b"{\"seal\":") {
            let head: SealLine = serde_json::from_slice(&line).map_err(|error| format!("has a line that is no seal: {error}"))?;
            let known = seals
                .iter()
                .find(|seal| seal.stored.id == head.seal)
                .ok_or_else(|| format!("has seal {}, which is not in it", head.seal))?;
            end(&mut found, current.replace((&known.stored, Recomputed::begin(&known.stored))));
        } else {
            let Some((_, recomputed)) = &mut current else { return Err("begins without a seal".to_owned()) };
            recomputed.add(&line);
        }
    }
    end(&mut found, current);
    if let Some(seal) = seals.iter().find(|seal| !found.contains(&seal.stored.id)) {
        return Err(format!("its events do not match seal {}", seal.stored.id));
    }
    let sha256 = reader.hash.finalize().to_vec();
    match seals.iter().find(|seal| seal.archive_sha256.as_ref() != Some(&sha256)) {
        Some(_) => Err("it is not the file that was written: its SHA-256 differs".to_owned()),
        None => Ok(()),
    }
}

/// Reads lines, and hashes everything.
struct Hashed {
    inner: BufReader<File>,
    hash: Sha256,
}

/// The longest line of a file of events, in bytes: an event has at most 1,000 records.
const LINE: u64 = 256 << 20;

impl Hashed {
    /// The next line without its end; false at the end of the file.
    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        if self.inner.by_ref().take(LINE).read_until(b'\n', line)? == 0 {
            return Ok(false);
        }
        self.hash.update(&*line);
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::{START, Seal};
    use super::*;
    use crate::evidence::leaf::leaf_line;

    /// Two seals with two leaves and one.
    fn sealed(directory: &Path) -> Vec<RemovedSeal> {
        let archive = Archive::new(directory.join("new"), "now".into());
        let mut file = archive.events(1, 2).unwrap();
        let (mut tree, mut previous, mut leaf) = (Peaks::default(), vec![0; 32], 0);
        let mut seals = Vec::new();
        for (id, events) in [(1, &["1", "2"][..]), (2, &["3"][..])] {
            let (before, first_leaf) = (tree.bytes(), leaf + 1);
            let lines: Vec<String> = events
                .iter()
                .map(|event| {
                    leaf += 1;
                    leaf_line(leaf, &format!("{{\"event\":{event}}}"))
                })
                .collect();
            lines.iter().for_each(|line| tree.push(leaf_hash(line.as_bytes())));
            let seal = Seal {
                id,
                life: 1,
                day: chrono::DateTime::UNIX_EPOCH.date_naive(),
                first_leaf,
                last_leaf: leaf,
                rows: 1,
                from: START,
                to: START,
                at: chrono::DateTime::UNIX_EPOCH,
                mark: Some("a mark".into()),
                previous,
                tree: tree.clone(),
            };
            file.line(seal.text().as_bytes()).unwrap();
            lines.iter().for_each(|line| file.line(line.as_bytes()).unwrap());
            previous = seal.hash().to_vec();
            let stored = SealRow {
                id,
                life: 1,
                day: Some(seal.day),
                first_leaf: Some(first_leaf),
                last_leaf: Some(leaf),
                rows: 1,
                from_xid: seal.from.0,
                from_id: Some(seal.from.1),
                to_xid: seal.to.0,
                to_id: Some(seal.to.1),
                at: seal.at,
                mark: seal.mark.clone(),
                previous: seal.previous.clone(),
                peaks: Some(tree.bytes()),
                hash: previous.clone(),
                removed: true,
                before: Some(before),
            };
            seals.push(RemovedSeal { stored, archive: None, archive_sha256: None });
        }
        let (name, sha256) = file.end().unwrap();
        for seal in &mut seals {
            (seal.archive, seal.archive_sha256) = (Some(name.clone()), Some(sha256.clone()));
        }
        seals
    }

    #[test]
    fn a_file_of_events_proves_its_seals_until_it_is_changed() {
        let directory = tempfile::tempdir().unwrap();
        let seals = sealed(directory.path());
        let place = directory.path().join("new");
        assert_eq!(check(&place, &seals), ArchiveReport { seals: 2, ..ArchiveReport::default() });

        let path = place.join("tieline-event-1-2.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        for (changed, expected) in [
            (whole.replace("\"event\":2", "\"event\":4"), "do not match seal 1"),
            (whole.replace("{\"leaf\":3,\"event\":3}\n", ""), "do not match seal 2"),
            (whole.replace("\"rows\":1", "\"rows\":2"), "SHA-256"),
            (whole.replace("\"seal\":2", "\"seal\":3"), "has seal 3"),
            ("{\"leaf\":1}\n".to_owned(), "without a seal"),
            (String::new(), "do not match seal 1"),
        ] {
            std::fs::write(&path, changed).unwrap();
            let problem = check(&place, &seals).problem.unwrap();
            assert!(problem.contains(expected), "{problem}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(check(&place, &seals).problem.unwrap().contains("cannot be opened"));
        let elsewhere = RemovedSeal { archive: Some("../x".into()), ..seals[0].clone() };
        assert!(check(&place, &[elsewhere]).problem.unwrap().contains("not the name of a file"));
        let without = RemovedSeal { archive: None, ..seals[0].clone() };
        assert_eq!(check(&place, &[without]), ArchiveReport { without_file: 1, ..ArchiveReport::default() });
    }
}
