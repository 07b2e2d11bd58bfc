//! The files of an application, and the directory that they are written to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The directory in which every file is a table.
pub const TABLES: &str = "src/fluent/tables";

/// Files by their path below the output directory, with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

impl Files {
    /// Adds a file.
    pub fn add(&mut self, path: &str, text: String) {
        self.0.insert(path.to_owned(), text);
    }

    /// Adds a JSON file.
    pub fn json(&mut self, path: &str, value: &serde_json::Value) {
        // a value of texts and objects can always be written
        self.add(path, serde_json::to_string_pretty(value).unwrap_or_default() + "\n");
    }

    /// Adds all files of another set below a directory; `""`: the same directory.
    pub fn extend(&mut self, below: &str, other: Self) {
        let at = |path: String| if below.is_empty() { path } else { format!("{below}/{path}") };
        self.0.extend(other.0.into_iter().map(|(path, text)| (at(path), text)));
    }

    /// Writes all files.
    ///
    /// # Errors
    /// [`NotWritten`]: the directory has files and may not be used, or something cannot be written.
    pub fn write(&self, directory: &Path, force: bool) -> Result<(), NotWritten> {
        let failed = |path: &Path, error| NotWritten::Io { path: path.to_owned(), error };
        if directory.exists() && !directory.is_dir() {
            return Err(NotWritten::NoDirectory { path: directory.to_owned() });
        }
        let is_used = match std::fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(directory, error)),
        };
        if is_used && !force {
            return Err(NotWritten::NotEmpty { path: directory.to_owned() });
        }
        self.remove_stale(directory)?;
        for (path, text) in &self.0 {
            let path = directory.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
            }
            std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }
}

impl Files {
    /// Removes tables of an earlier run that no longer belong to the application: the SDK builds every file that it finds.
    fn remove_stale(&self, directory: &Path) -> Result<(), NotWritten> {
        let failed = |path: &Path, error| NotWritten::Io { path: path.to_owned(), error };
        let folder = directory.join(TABLES);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&folder, error)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(".now.ts")) else { continue };
            if !self.0.contains_key(&format!("{TABLES}/{name}")) {
                std::fs::remove_file(entry.path()).map_err(|error| failed(&entry.path(), error))?;
            }
        }
        Ok(())
    }
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
    /// The directory has files.
    #[error("the directory `{}` is not empty; name another one with --output, or replace the generated files in it with --force", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Something cannot be read or written.
    #[error("`{}` cannot be written: {error}; name a directory with --output in which this user may write", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
}
