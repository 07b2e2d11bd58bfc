//! The files of an application.

use std::collections::BTreeMap;

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
}
