//! What changed from one version of a document to the next, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Fault, Value};

/// The name in a content for what was wrong with the received rows. No column can have it. The store searches for it, too.
pub const FAULTS: &str = "$faults";

/// One field that differs between two versions. `None`: the version has no such value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `Column`, or `lines[key of the line].Column`.
    pub field: String,
    /// Its value before.
    pub before: Option<String>,
    /// Its value after.
    pub after: Option<String>,
}

/// The key columns of each child, by which its rows are matched between versions.
pub type ChildKeys = BTreeMap<String, Vec<String>>;

/// A document's values by `Column` and `lines[key of the line].Column`.
pub type Flat = BTreeMap<String, String>;

impl Change {
    /// The change as a sentence.
    pub fn words(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("`{before}` is now `{after}`"),
            (None, Some(after)) => format!("nothing is now `{after}`"),
            (Some(before), None) => format!("`{before}` is gone"),
            (None, None) => String::new(),
        }
    }
}

/// What was wrong with the received rows of a version: then none of its values is certain.
pub fn faults(content: &str) -> Vec<Fault> {
    fields(content).get(FAULTS).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Versions, newest first, each with the version that it is compared with: the last one before it that could be read.
pub struct Compared {
    /// The values of each; `None` if it could not be read.
    flat: Vec<Option<Flat>>,
}

impl Compared {
    /// From the versions' contents, newest first.
    pub fn of<'a>(contents: impl Iterator<Item = &'a str>, keys: &ChildKeys) -> Self {
        let flat = |content: &str| (!fields(content).contains_key(FAULTS)).then(|| flatten(content, keys));
        Self { flat: contents.map(flat).collect() }
    }

    /// A version's values, and those of the version that it is compared with.
    pub fn pair(&self, at: usize) -> Option<(&Flat, &Flat)> {
        let now = self.flat.get(at)?.as_ref()?;
        self.flat.get(at + 1..)?.iter().flatten().next().map(|before| (now, before))
    }

    /// The differences by field; empty for a version that could not be read, and for one without an earlier version.
    pub fn changes(&self, at: usize) -> Vec<Change> {
        self.pair(at).map(|(now, before)| differences(before, now)).unwrap_or_default()
    }
}

/// For each version, newest first, the differences from the last earlier one that could be read; empty if the list has no such version, and
/// for a version that could not be read itself.
pub fn changes<'a>(contents: impl Iterator<Item = &'a str>, keys: &ChildKeys) -> Vec<Vec<Change>> {
    let compared = Compared::of(contents, keys);
    (0..compared.flat.len()).map(|at| compared.changes(at)).collect()
}

/// A document's values. The rows of a child are named by their key columns, so that an added or removed row is not a change of the others.
/// Rows of a child that the current definition does not have are named by their position.
pub fn flatten(content: &str, keys: &ChildKeys) -> Flat {
    let mut flat = Flat::new();
    for (name, value) in fields(content) {
        let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            put(&mut flat, name, value);
            continue;
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (place, row) in rows.into_iter().enumerate() {
            let row = fields(row.get());
            let key = match keys.get(&name) {
                Some(columns) => {
                    columns.iter().map(|column| row.get(column).map(|value| text(value)).unwrap_or_default()).collect::<Vec<_>>().join("/")
                }
                None => place.to_string(),
            };
            let times = seen.entry(key.clone()).or_default();
            *times += 1;
            let again = if *times > 1 { format!("#{times}") } else { String::new() };
            for (column, value) in row {
                put(&mut flat, format!("{name}[{key}]{again}.{column}"), value);
            }
        }
    }
    flat
}

fn fields(object: &str) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(object).unwrap_or_default()
}

/// Null and blank text are the same content, as for the hash that makes a version.
fn put(flat: &mut Flat, name: String, value: &RawValue) {
    let text = text(value);
    if !text.trim().is_empty() {
        flat.insert(name, text);
    }
}

/// A stored value as text, with all digits of a number.
pub(super) fn text(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        dated if dated.starts_with('{') => Value::from_json(dated).map_or_else(|| dated.to_owned(), |value| value.to_text()),
        plain => serde_json::from_str(plain).unwrap_or_else(|_| plain.to_owned()),
    }
}

/// Stored content in plain form: an object with plain values, dates as `YYYY-MM-DD`. Members keep their order, and numbers their digits.
pub fn plain(content: &str) -> String {
    plain_object(content).unwrap_or_else(|| content.to_owned())
}

fn plain_object(object: &str) -> Option<String> {
    let members = members(object)?;
    let mut out = String::with_capacity(object.len());
    out.push('{');
    for (name, value) in &members {
        if out.len() > 1 {
            out.push(',');
        }
        let raw = value.get();
        let value = match raw.as_bytes().first() {
            Some(b'{') => serde_json::Value::from(text(value)).to_string(),
            Some(b'[') => {
                let rows: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
                let rows: Option<Vec<String>> = rows.iter().map(|row| plain_object(row.get())).collect();
                format!("[{}]", rows?.join(","))
            }
            _ => raw.to_owned(),
        };
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        out.push_str(&value);
    }
    out.push('}');
    Some(out)
}

/// An object's members in their order; `None` when it is not an object.
pub(super) fn members(object: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(object).deserialize_map(Members).ok()
}

fn differences(before: &Flat, after: &Flat) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| Change { field: name.clone(), before: before.get(name).cloned(), after: after.get(name).cloned() })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { field: field.into(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    #[test]
    fn versions_differ_field_by_field() {
        let old = r#"{"Name":"A","Due":"2026-01-31","Memo":"","Balance":12345678901234.567891}"#;
        let new = r#"{"Name":"B","Due":"2026-01-31","Balance":12345678901234.567892}"#;
        let found = changes([new, old].into_iter(), &ChildKeys::new());
        let expected =
            [change("Balance", Some("12345678901234.567891"), Some("12345678901234.567892")), change("Name", Some("A"), Some("B"))];
        assert_eq!(found, [expected.into(), Vec::new()], "to the last digit, and a blank text is no change");
    }

    #[test]
    fn dates_are_plain_to_people_and_nothing_else_changes() {
        let stored =
            r#"{"Due":{"date":"2026-01-31"},"Code":"1200-05-10","V":12345678901234.567891,"lines":[{"On":{"date":"2026-02-01"},"N":1}]}"#;
        let shown = r#"{"Due":"2026-01-31","Code":"1200-05-10","V":12345678901234.567891,"lines":[{"On":"2026-02-01","N":1}]}"#;
        assert_eq!(plain(stored), shown);
        assert_eq!(plain("no object"), "no object");
        let before = r#"{"Due":{"date":"2026-01-30"}}"#;
        let found = changes([r#"{"Due":{"date":"2026-01-31"}}"#, before].into_iter(), &ChildKeys::new());
        assert_eq!(found[0], [change("Due", Some("2026-01-30"), Some("2026-01-31"))]);
    }

    #[test]
    fn lines_are_matched_by_their_keys() {
        let keys = ChildKeys::from([("lines".to_owned(), vec!["Journal".to_owned(), "Entry".to_owned()])]);
        let old = r#"{"lines":[{"Journal":7,"Entry":2,"Value":1.5},{"Journal":7,"Entry":3,"Value":9}]}"#;
        // one is added before the others, one changes, one is removed
        let new = r#"{"lines":[{"Journal":7,"Entry":1,"Value":4},{"Journal":7,"Entry":2,"Value":2}]}"#;
        let found = changes([new, old].into_iter(), &keys).remove(0);
        let fields: Vec<&str> = found.iter().map(|change| change.field.as_str()).collect();
        let come = ["lines[7/1].Entry", "lines[7/1].Journal", "lines[7/1].Value"];
        let gone = ["lines[7/3].Entry", "lines[7/3].Journal", "lines[7/3].Value"];
        assert_eq!(fields, [&come[..], &["lines[7/2].Value"], &gone].concat());
        assert_eq!(found[3], change("lines[7/2].Value", Some("1.5"), Some("2")));
        assert_eq!((found[2].before.as_deref(), found[6].after.as_deref()), (None, None));
    }

    #[test]
    fn rows_of_one_key_or_of_an_unknown_child_are_kept_apart() {
        let keys = ChildKeys::from([("lines".to_owned(), vec!["Entry".to_owned()])]);
        let flat = flatten(r#"{"lines":[{"Entry":"a","V":1},{"Entry":"a","V":2}],"old":[{"V":3},{"V":4}]}"#, &keys);
        let values: Vec<(&str, &str)> =
            flat.iter().filter(|(name, _)| name.ends_with('V')).map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(values, [("lines[a]#2.V", "2"), ("lines[a].V", "1"), ("old[0].V", "3"), ("old[1].V", "4")]);
    }
}
