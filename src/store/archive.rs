//! Archive files: what retention removes is written there first, and `tieline audit verify --archive` reads the files of events again.
//!
//! A file has one JSON value a line. A file of events has a line for each seal, followed by the text of each of its events
//! (`event_text` in the database): the hash of the seal is computed from these lines alone.

use std::collections::HashMap;
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
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SealLine {
    pub(super) seal: i64,
    pub(super) life: i32,
    pub(super) previous: String,
    pub(super) hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<String>,
    /// Audit rows that it covers.
    pub(super) rows: i64,
}

/// The hash of a seal over its events: one after the other, in the order of their numbers.
#[derive(Debug)]
pub(super) struct SealHash(Sha256);

impl SealHash {
    pub(super) fn new(previous: &[u8], mark: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(mark.unwrap_or_default().as_bytes());
        Self(hash)
    }

    /// The next event, by its text.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.0.update(Sha256::digest(text));
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.0.finalize().to_vec()
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
    let mut found: HashMap<i64, Vec<u8>> = HashMap::new();
    let mut current: Option<(i64, SealHash)> = None;
    let mut line = Vec::new();
    while reader.line(&mut line).map_err(|error| format!("cannot be read: {error}"))? {
        if line.starts_with(b"{") {
            let head: SealLine = serde_json::from_slice(&line).map_err(|error| format!("has a line that is no seal: {error}"))?;
            let known = seals
                .iter()
                .find(|seal| seal.stored.id == head.seal)
                .ok_or_else(|| format!("has seal {}, which is not in it", head.seal))?;
            if let Some((id, hash)) = current.replace((known.stored.id, known.stored.recomputing())) {
                found.insert(id, hash.end());
            }
        } else {
            let Some((_, hash)) = &mut current else { return Err("begins without a seal".to_owned()) };
            hash.add(&line);
        }
    }
    found.extend(current.map(|(id, hash)| (id, hash.end())));
    if let Some(seal) = seals.iter().find(|seal| found.get(&seal.stored.id) != Some(&seal.stored.hash)) {
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
    use super::*;

    fn sealed(directory: &Path) -> Vec<RemovedSeal> {
        let archive = Archive::new(directory.join("new"), "now".into());
        let mut file = archive.events(1, 2).unwrap();
        let mut previous = vec![0; 32];
        let mut seals = Vec::new();
        for (id, events) in [(1, &["[1]", "[2]"][..]), (2, &["[3]"][..])] {
            let mut hash = SealHash::new(&previous, Some("a mark"));
            let head = SealLine { seal: id, life: 1, previous: String::new(), hash: String::new(), mark: None, rows: 1 };
            file.line(&serde_json::to_vec(&head).unwrap()).unwrap();
            for event in events {
                hash.add(event.as_bytes());
                file.line(event.as_bytes()).unwrap();
            }
            let hash = hash.end();
            let seal = RemovedSeal {
                stored: SealRow { id, rows: 1, previous, hash: hash.clone(), mark: Some("a mark".into()) },
                archive: None,
                archive_sha256: None,
            };
            seals.push(seal);
            previous = hash;
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
            (whole.replace("[2]", "[4]"), "do not match seal 1"),
            (whole.replace("[3]\n", ""), "do not match seal 2"),
            (whole.replace("\"rows\":1", "\"rows\":2"), "SHA-256"),
            (whole.replace("\"seal\":2", "\"seal\":3"), "has seal 3"),
            ("[1]\n".to_owned(), "without a seal"),
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
