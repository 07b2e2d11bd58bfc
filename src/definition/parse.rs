//! Reads TOML text into the shapes of `shape`, without stopping at the first mistake.
//!
//! serde would stop at the first unknown key or wrong type. This reader goes through the parsed document itself, notes each mistake with
//! its line, uses a default in its place and continues. A value that was not read has line 0, so that later checks can skip it instead of
//! reporting the same mistake again.

use std::ops::Deref;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::nesting::{DEEPEST, too_deep};

use super::problem::{Problem, Report, list};

/// A value and its line; 0 when it could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Text.
pub(super) type Text = At<String>;
/// A list of texts.
pub(super) type Words = At<Vec<Text>>;
/// A whole number.
pub(super) type Whole = At<u32>;
/// Yes or no.
pub(super) type Flag = At<bool>;

/// A table with free keys, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Table<T>(pub(super) Vec<(Text, T)>);

/// One name or several.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(super) enum OneOrMany {
    /// One name.
    One(Text),
    /// Several, in order.
    Many(Words),
}

impl Default for OneOrMany {
    fn default() -> Self {
        OneOrMany::One(Text::default())
    }
}

impl OneOrMany {
    pub(super) fn names(&self) -> &[Text] {
        match self {
            OneOrMany::One(name) => std::slice::from_ref(name),
            OneOrMany::Many(names) => names,
        }
    }
}

/// Reads a file. `None` when its syntax is invalid: then `problems` has the first syntax error, and nothing else of the file is read.
pub(super) fn read_file<T: Read>(file: &str, text: &str, problems: &mut Vec<Problem>) -> Option<T> {
    let mut report = Report::new(file, problems);
    if let Some(line) = too_deep(text) {
        report.add(line, "", format!("more than {DEEPEST} brackets are open at once: one is not closed"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    // The first error usually causes the others.
    if let Some(error) = errors.iter().min_by_key(|error| error.span().map_or(0, |span| span.start)) {
        let line = error.span().map_or(0, |span| lines.at(span.start));
        report.add(line, "", format!("not valid TOML: {}", error.message().replace('\n', "; ")));
        return None;
    }
    let value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let mut reader = Reader { report, lines, path: Vec::new() };
    Some(T::read(&value, &mut reader))
}

/// Byte offsets to line numbers.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|&end| end < offset) + 1
    }
}

/// The current position in a file.
pub(super) struct Reader<'a> {
    report: Report<'a>,
    lines: Lines,
    path: Vec<String>,
}

/// A value of a definition file.
pub(super) trait Read: Default {
    /// Reads a value; after a mistake, it is reported and the default is used.
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self;

    /// The key is missing; `line` is the line of the table.
    fn absent(line: usize, key: &str, reader: &mut Reader<'_>) -> Self {
        reader.add(line, format!("the key `{key}` is missing"));
        Self::default()
    }
}

impl Reader<'_> {
    /// Reports a mistake at the current key.
    pub(super) fn add(&mut self, line: usize, text: impl Into<String>) {
        let key = self.path.join(".");
        self.report.add(line, key, text);
    }

    pub(super) fn line<T>(&self, value: &Spanned<T>) -> usize {
        self.lines.at(value.span().start)
    }

    pub(super) fn wrong(&mut self, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let line = self.line(value);
        let found = match value.get_ref() {
            DeValue::String(text) => format!("the text `{text}`"),
            DeValue::Integer(number) => format!("the number `{number}`"),
            DeValue::Float(number) => format!("the number `{}`", number.as_str()),
            DeValue::Boolean(flag) => format!("`{flag}`"),
            DeValue::Datetime(time) => format!("the date `{time}`"),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.add(line, format!("must be {wanted}, got {found}"));
    }

    /// The value as a table; reports it when it is not one.
    pub(super) fn table<'v, 'i>(&mut self, value: &'v Spanned<DeValue<'i>>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(value, "a table");
        }
        table
    }

    /// Reports every key of the table that is not in `known`.
    pub(super) fn refuse_unknown(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for (key, _) in table.iter() {
            if !known.contains(&&**key.get_ref()) {
                let line = self.line(key);
                self.path.push(key.get_ref().to_string());
                self.add(line, format!("unknown key; allowed are {}", list(known)));
                self.path.pop();
            }
        }
    }

    /// The value of one key.
    pub(super) fn get<T: Read>(&mut self, table: &DeTable<'_>, key: &str, line: usize) -> T {
        match table.iter().find(|(name, _)| name.get_ref() == key) {
            Some((_, value)) => self.within(key, |reader| T::read(value, reader)),
            None => T::absent(line, key, self),
        }
    }

    fn within<T>(&mut self, key: impl Into<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.into());
        let value = read(self);
        self.path.pop();
        value
    }
}

impl Read for Text {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref().as_str() {
            Some(text) => At { value: text.to_owned(), line: reader.line(value) },
            None => {
                reader.wrong(value, "a text");
                Self::default()
            }
        }
    }
}

impl Read for Words {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref().as_array() {
            Some(array) => At {
                value: array.iter().map(|item| Text::read(item, reader)).filter(|item| item.line > 0).collect(),
                line: reader.line(value),
            },
            None => {
                reader.wrong(value, "a list of texts");
                Self::default()
            }
        }
    }
}

impl Read for Whole {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        let number = value.get_ref().as_integer().and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
        match number {
            Some(number) => At { value: number, line: reader.line(value) },
            None => {
                reader.wrong(value, "a whole number, 0 or more");
                Self::default()
            }
        }
    }
}

impl Read for Flag {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref().as_bool() {
            Some(flag) => At { value: flag, line: reader.line(value) },
            None => {
                reader.wrong(value, "`true` or `false`");
                Self::default()
            }
        }
    }
}

impl Read for OneOrMany {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::String(_) => OneOrMany::One(Text::read(value, reader)),
            DeValue::Array(_) => OneOrMany::Many(Words::read(value, reader)),
            _ => {
                reader.wrong(value, "a text or a list of texts");
                Self::default()
            }
        }
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        Some(T::read(value, reader))
    }

    fn absent(_: usize, _: &str, _: &mut Reader<'_>) -> Self {
        None
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref().as_array() {
            Some(array) => {
                array.iter().enumerate().map(|(i, item)| reader.within((i + 1).to_string(), |reader| T::read(item, reader))).collect()
            }
            None => {
                reader.wrong(value, "a list of tables");
                Self::default()
            }
        }
    }
}

impl<T: Read> Read for Box<T> {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        Box::new(T::read(value, reader))
    }
}

impl<T: Read> Read for Table<T> {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        let Some(table) = reader.table(value) else { return Self::default() };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entries = entries.into_iter().map(|(key, value)| {
            let name = At { value: key.get_ref().to_string(), line: reader.line(key) };
            let value = reader.within(name.value.clone(), |reader| T::read(value, reader));
            (name, value)
        });
        Self(entries.collect())
    }
}

#[cfg(test)]
mod schema {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{At, Table};

    impl<T: JsonSchema> JsonSchema for At<T> {
        fn inline_schema() -> bool {
            T::inline_schema()
        }

        fn schema_name() -> Cow<'static, str> {
            T::schema_name()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            T::json_schema(generator)
        }
    }

    impl<T: JsonSchema> JsonSchema for Table<T> {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            BTreeMap::<String, T>::schema_name()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            BTreeMap::<String, T>::json_schema(generator)
        }
    }
}
