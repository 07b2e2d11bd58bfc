//! A mistake in a definition file, with its place.

use std::fmt;

/// The place of mistakes in settings that only the definitions show.
pub(super) const SETTINGS: &str = "settings";

/// One mistake. All of them are collected and reported together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as a path a person can open, or `settings`.
    pub file: String,
    /// The line, counted from 1; `None` when the mistake has no line, such as a missing file.
    pub line: Option<usize>,
    /// The key, such as `header.fields.u_supplier.from`; empty for the file as a whole.
    pub key: String,
    /// What was found, and what is allowed.
    pub text: String,
}

impl Problem {
    /// Whether it is about the setting of a company's own currency.
    pub fn is_of_currency(&self) -> bool {
        self.file == SETTINGS && self.key.ends_with("currency")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": `{}`", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Collects the mistakes of one file.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, problems: &'a mut Vec<Problem>) -> Self {
        Self { file, problems }
    }

    /// Adds a mistake. Line 0 means "no line".
    pub(super) fn add(&mut self, line: usize, key: impl Into<String>, text: impl Into<String>) {
        let line = (line > 0).then_some(line);
        self.problems.push(Problem { file: self.file.to_owned(), line, key: key.into(), text: text.into() });
    }
}

/// `` `a`, `b`, `c` ``
pub(super) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The message about a column that the entity's file does not read.
pub(super) fn unknown_column(name: &str, table: &str, columns: &[String]) -> String {
    format!("`{table}` is not read with a column `{name}`; it is read with {}", list(columns))
}
