//! The output directory. An earlier run, ServiceNow's SDK, version control and people write into it too, and nothing of theirs is lost:
//!
//! - `keys.ts` keeps every `sys_id`, and gets the new ones;
//! - `package.json` and `now.config.json` keep what others added or changed; the version rises if the application changed;
//! - any other file is replaced or removed only if it is as the command wrote it. Otherwise it stays, and the new text is put beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::fluent::{CONFIG, KEYS, PACKAGE, SOURCES};
use super::json_file::{JsonFile, next_version};
use super::keys::Keys;
use super::manifest::{MANIFEST, Manifest, digest};
use super::output::Files;
use super::scope::Scope;

/// The ending of a new text beside a file that somebody changed.
const BESIDE: &str = ".new";

/// The output directory, as it was found.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    manifest: Manifest,
    keys: Keys,
    is_used: bool,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Written {
    /// Files that were written.
    pub written: usize,
    /// Files that were as they should be.
    pub unchanged: usize,
    /// Files of an earlier run that were removed.
    pub removed: Vec<String>,
    /// Files that somebody changed: they stay, and the new text is beside them.
    pub kept: Vec<String>,
    /// Files of an earlier run that no longer belong to the application, and that somebody changed: they stay.
    pub left: Vec<String>,
    /// The version of the application.
    pub version: String,
    /// Its version before the run, if that is another one.
    pub earlier_version: Option<String>,
}

/// What becomes of a file.
enum Change {
    /// It is as it should be.
    None,
    /// It gets this text.
    Write(String),
    /// It stays, and this text is put beside it.
    Beside(String),
}

impl Directory {
    /// Reads what the directory has.
    ///
    /// # Errors
    /// [`NotWritten`]: the path names a file; the directory is used for something else; or something in it cannot be read.
    pub fn open(path: &Path, scope: &Scope, force: bool) -> Result<Self, NotWritten> {
        if path.exists() && !path.is_dir() {
            return Err(NotWritten::NoDirectory { path: path.to_owned() });
        }
        let is_used = match std::fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(NotWritten::Io { path: path.to_owned(), error }),
        };
        let mut directory = Self { path: path.to_owned(), manifest: Manifest::default(), keys: Keys::default(), is_used };
        match directory.text(MANIFEST)? {
            Some(text) => {
                directory.manifest = serde_json::from_str(&text).map_err(|error| directory.malformed(MANIFEST, error.to_string()))?;
            }
            None if is_used && !force => return Err(NotWritten::NotEmpty { path: path.to_owned() }),
            None => {}
        }
        if let Some(config) = directory.json(CONFIG)?
            && let Some(other) = config.text("scope").filter(|other| *other != scope.as_str())
        {
            return Err(NotWritten::OtherScope { path: path.to_owned(), scope: other.to_owned() });
        }
        if let Some(text) = directory.text(KEYS)? {
            directory.keys = Keys::read(&text).map_err(|problem| directory.malformed(KEYS, problem))?;
        }
        Ok(directory)
    }

    /// The records that have a `sys_id` already.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether the directory had files.
    pub fn is_used(&self) -> bool {
        self.is_used
    }

    /// Writes the files, and removes those of an earlier run that are no longer among them.
    ///
    /// # Errors
    /// [`NotWritten`]: something cannot be read or written. Running again is safe.
    pub fn write(&self, files: &Files) -> Result<Written, NotWritten> {
        let mut done = Written::default();
        let mut listed = BTreeMap::new();
        let mut changes = Vec::new();
        let mut is_changed = false;
        for (path, text) in files.0.iter().filter(|(path, _)| *path != PACKAGE) {
            let (change, known) = self.change(path, text)?;
            is_changed |= is_of_project(path) && self.alters(path, &change);
            listed.insert(path.clone(), known);
            changes.push((path.as_str(), change));
        }
        let beside: BTreeSet<String> =
            changes.iter().filter(|(_, change)| matches!(change, Change::Beside(_))).map(|(path, _)| format!("{path}{BESIDE}")).collect();
        let mut stale = Vec::new();
        for (path, known) in self.manifest.files.iter().filter(|(path, _)| !files.0.contains_key(*path) && !beside.contains(*path)) {
            match self.text(path)? {
                Some(text) if self.manifest.has(path, &text) => stale.push(path.clone()),
                Some(_) => {
                    done.left.push(path.clone());
                    listed.insert(path.clone(), known.clone());
                }
                None => {}
            }
        }
        is_changed |= stale.iter().any(|path| is_of_project(path) && !path.ends_with(BESIDE));
        // first: a run that ends before its last file then raises the version once more instead of not at all
        if let Some(ours) = files.0.get(PACKAGE) {
            listed.insert(PACKAGE.to_owned(), self.package(ours, is_changed, &mut done)?);
        }
        for (path, change) in changes {
            match change {
                Change::None => done.unchanged += 1,
                Change::Write(text) => {
                    self.put(path, &text)?;
                    done.written += 1;
                }
                Change::Beside(text) => {
                    let beside = format!("{path}{BESIDE}");
                    self.put(&beside, &text)?;
                    listed.insert(beside, digest(&text));
                    done.kept.push(path.to_owned());
                }
            }
        }
        for path in stale {
            let full = self.path.join(&path);
            std::fs::remove_file(&full).map_err(|error| NotWritten::Io { path: full, error })?;
            done.removed.push(path);
        }
        let manifest = Manifest::of(listed);
        self.put(MANIFEST, &(serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n"))?;
        Ok(done)
    }

    /// What becomes of a file, and its digest in the manifest.
    fn change(&self, path: &str, text: &str) -> Result<(Change, String), NotWritten> {
        if path == CONFIG {
            let ours = JsonFile::read(text).map_err(|problem| self.malformed(path, problem))?;
            let (found, known) = (self.json(path)?, ours.digest());
            let Some(found) = found else { return Ok((Change::Write(text.to_owned()), known)) };
            let before = found.digest();
            let is_ours = self.manifest.files.get(path) == Some(&before);
            let new = if is_ours { ours } else { found.completed_by(ours) };
            return Ok((if new.digest() == before { Change::None } else { Change::Write(new.to_text()) }, known));
        }
        let known = digest(text);
        let change = match self.text(path)? {
            Some(found) if digest(&found) == known => Change::None,
            // `keys.ts` has everything that was found
            Some(_) if path == KEYS => Change::Write(text.to_owned()),
            Some(found) if self.manifest.has(path, &found) => Change::Write(text.to_owned()),
            // somebody has changed it, and what the command writes is the same as before
            Some(_) if self.manifest.has(path, text) && self.text(&format!("{path}{BESIDE}"))?.is_none() => Change::None,
            Some(_) => Change::Beside(text.to_owned()),
            None => Change::Write(text.to_owned()),
        };
        Ok((change, known))
    }

    /// Whether the application becomes another one by a change.
    fn alters(&self, path: &str, change: &Change) -> bool {
        match change {
            Change::None => false,
            Change::Write(_) => true,
            // the text was already beside the file
            Change::Beside(text) => !self.manifest.has(path, text),
        }
    }

    /// Writes `package.json`. Returns its digest in the manifest.
    fn package(&self, text: &str, is_changed: bool, done: &mut Written) -> Result<String, NotWritten> {
        let ours = JsonFile::read(text).map_err(|problem| self.malformed(PACKAGE, problem))?;
        let known = ours.digest();
        let least = ours.version().unwrap_or_default().to_owned();
        let Some(found) = self.json(PACKAGE)? else {
            self.put(PACKAGE, text)?;
            done.written += 1;
            done.version = least;
            return Ok(known);
        };
        let earlier = found.version().unwrap_or(&least).to_owned();
        let is_ours = self.manifest.files.get(PACKAGE) == Some(&found.digest());
        let before = found.digest();
        let new = if is_ours { ours } else { found.completed_by(ours) };
        let is_other = new.digest() != before;
        done.version = if is_changed || is_other {
            next_version(&earlier, &least)
                .ok_or_else(|| self.malformed(PACKAGE, format!("`version` is `{earlier}`; write three numbers, such as `1.0.0`")))?
        } else {
            earlier.clone()
        };
        if is_other || earlier != done.version {
            self.put(PACKAGE, &new.with_version(&done.version).to_text())?;
            done.written += 1;
        } else {
            done.unchanged += 1;
        }
        done.earlier_version = (earlier != done.version).then_some(earlier);
        Ok(known)
    }

    /// The text of a file; `None`: there is no such file.
    fn text(&self, path: &str) -> Result<Option<String>, NotWritten> {
        let full = self.path.join(path);
        match std::fs::read(&full) {
            // a text that is no UTF-8 is not as the command wrote it
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(NotWritten::Io { path: full, error }),
        }
    }

    fn json(&self, path: &str) -> Result<Option<JsonFile>, NotWritten> {
        let text = self.text(path)?;
        text.map(|text| JsonFile::read(&text).map_err(|problem| self.malformed(path, problem))).transpose()
    }

    fn put(&self, path: &str, text: &str) -> Result<(), NotWritten> {
        let full = self.path.join(path);
        let parent = full.parent().map(std::fs::create_dir_all);
        parent.unwrap_or(Ok(())).and_then(|()| std::fs::write(&full, text)).map_err(|error| NotWritten::Io { path: full, error })
    }

    fn malformed(&self, path: &str, problem: String) -> NotWritten {
        NotWritten::Malformed { path: self.path.join(path), problem }
    }
}

/// Whether ServiceNow's SDK builds the application from the file.
fn is_of_project(path: &str) -> bool {
    path.starts_with(SOURCES) || path == CONFIG || path == PACKAGE
}

/// Why an application was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The path names a file.
    #[error("`{}` is a file; name a directory with --output", .path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// The directory has files, and the command did not write them.
    #[error(
        "the directory `{}` has files, and `tieline servicenow-app` did not write them (it has no `tieline-files.json`); name another one with \
         --output, or write into it with --force: files that are there stay",
        .path.display()
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has the application of another scope.
    #[error(
        "the directory `{}` has the application of the scope `{scope}`; use that scope, or name another directory with --output: with \
         another scope, an instance gets every table a second time",
        .path.display()
    )]
    OtherScope {
        /// The directory.
        path: PathBuf,
        /// The scope.
        scope: String,
    },
    /// A file cannot be understood.
    #[error("`{}` cannot be read: {problem}; correct it, or restore it from your version control. Nothing was written", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Something cannot be read or written.
    #[error("`{}` cannot be read or written: {error}; name a directory with --output in which this user may write", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}
