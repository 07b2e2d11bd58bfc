//! A document: a root row with its child rows, read, hashed and versioned as one.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Value;
use super::fiscal::FiscalPeriod;
use super::next_step::NextStep;
use crate::redact::Quoted;

/// The values of one row, in the order of the plan's columns.
pub type Row = Box<[Value]>;

/// A document's key within its flow: the parts of SYSPRO's primary key, in order, with trailing spaces removed.
///
/// Its text form joins the parts with `/`. A `/` or `%` inside a part, and a space at its start, are percent-encoded, so that different
/// keys never have the same text. So is the `(` of a key that would look like a placeholder for a row (`(row after 7)`) or for an empty
/// key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct DocumentKey(Box<str>);

/// The text for a key whose only column is empty.
const EMPTY: &str = "(empty)";

impl DocumentKey {
    /// From the key columns' values.
    pub fn from_values<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Self {
        Self::written(parts.into_iter().map(Value::as_text))
    }

    fn written<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut text = String::new();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                text.push('/');
            }
            write_part(&mut text, part.as_ref());
        }
        let key = Self(text.into());
        match key.stands_for_a_row() || key.as_str() == EMPTY {
            true => Self(key.0.replacen('(', "%28", 1).into()),
            false => key,
        }
    }

    /// Parses what a person types: the parts joined with `/`, each as SYSPRO shows it or as lists write it, so that ` 00007` and `%2000007`
    /// are the same.
    pub fn typed(text: &str) -> Self {
        // a placeholder for a row without its own key, such as `(row after 7)`, is not a key of SYSPRO
        if text == EMPTY {
            return Self::from_text("");
        }
        let as_it_is = Self::from_text(text);
        if as_it_is.stands_for_a_row() {
            return as_it_is;
        }
        Self::written(text.split('/').map(plain_part))
    }

    /// The key as SYSPRO shows it and a person types it: without escapes, except where only they distinguish the key from another one, or
    /// where a space at the start of a part would be invisible.
    pub fn shown(text: &str) -> String {
        if text.is_empty() {
            return EMPTY.to_owned();
        }
        let part = |part: &str| {
            let plain = plain_part(part);
            // a space at its start is invisible in a table, and lost when the key is copied from there
            let told = !plain.contains('/') && !plain.starts_with(' ') && written_part(&plain_part(&plain)) == part;
            if told { plain } else { part.to_owned() }
        };
        let shown = text.split('/').map(part).collect::<Vec<_>>().join("/");
        if Self::typed(&shown).as_str() == text { shown } else { text.to_owned() }
    }

    /// Whether it is not the key of a record, but a placeholder for a row whose record is not known, such as `(row after 7)` or `(row of
    /// ApInvoicePay after 7)`. It counts as a failure, and never as a record. The ledger's statements use the same rule in
    /// `store::placeholder`.
    pub fn stands_for_a_row(&self) -> bool {
        ["(row ", "(first row"].iter().any(|begin| self.0.starts_with(begin)) && self.0.ends_with(')')
    }

    /// The parts, as SYSPRO stores them.
    pub fn parts(&self) -> Vec<String> {
        self.0.split('/').map(plain_part).collect()
    }

    /// From the text form, as a person or the database gives it.
    pub fn from_text(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The longest key that is stored, in bytes. An index row of PostgreSQL has space for 2704, with company and entity in it, whether or
    /// not the key can be compressed; SYSPRO's own keys have a few dozen.
    pub const LONGEST: usize = 1000;

    /// The key that replaces a longer one: its start, and a digest of the whole. `None`: it is not too long.
    pub fn shortened(&self) -> Option<Self> {
        if self.0.len() <= Self::LONGEST {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let digest = hex::encode(&digest[..8]);
        let begin: String = self.0.chars().take(KEY_SHOWN).collect();
        // a placeholder for a row stays one
        let end = if self.stands_for_a_row() { ")" } else { "" };
        Some(Self(format!("{begin}…~{digest}{end}").into()))
    }
}

/// The characters of a long key in its replacement.
const KEY_SHOWN: usize = 100;

/// A part in the text form.
fn written_part(part: &str) -> String {
    let mut text = String::new();
    write_part(&mut text, part);
    text
}

/// Appends a part in the text form.
fn write_part(text: &mut String, part: &str) {
    let plain = part.trim_start_matches(' ');
    for _ in plain.len()..part.len() {
        text.push_str("%20");
    }
    if !plain.bytes().any(|byte| matches!(byte, b'/' | b'%')) {
        return text.push_str(plain);
    }
    for c in plain.chars() {
        match c {
            '/' => text.push_str("%2F"),
            '%' => text.push_str("%25"),
            c => text.push(c),
        }
    }
}

/// Decodes a part: an escape written by [`DocumentKey::from_values`] becomes its character again, once. A `%` before anything else, as a
/// person may type it, stays.
fn plain_part(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let code = after.get(..2).unwrap_or_default().to_ascii_uppercase();
        let (character, length) = match code.as_str() {
            "20" => (' ', 2),
            "2F" => ('/', 2),
            "25" => ('%', 2),
            "28" => ('(', 2),
            _ => ('%', 0),
        };
        plain.push(character);
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<DocumentKey> for String {
    fn from(key: DocumentKey) -> Self {
        key.0.into()
    }
}

impl From<String> for DocumentKey {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// A root row with its child rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The key within the flow.
    pub key: DocumentKey,
    /// The root row, columns in the order of `ReadPlan::columns`.
    pub root: Row,
    /// For each child of the read plan its rows, sorted by their key columns.
    pub children: Vec<Vec<Row>>,
    /// What is wrong with the received rows: while there is anything, the document is not mapped.
    pub faults: Vec<Fault>,
}

/// Rows that contradict the definition, so that the record's own rows cannot be determined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// The received data: table, key and values.
    pub text: Quoted,
    /// What to do.
    #[serde(deserialize_with = "NextStep::stored")]
    pub next_step: NextStep,
}

impl Fault {
    /// Rows that SYSPRO, or the service in front of it, returns incorrectly: they are stored once they are correct.
    pub fn of_rows(text: String) -> Self {
        Self { text: text.into(), next_step: NextStep::RowsWrong }
    }
}

/// The values of a document for lists and sums; the entity's file names the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The document's amount.
    pub amount: Option<Decimal>,
    /// The amount's currency as in SYSPRO; `None`: the company's own, or not known.
    pub currency: Option<String>,
    /// Its date.
    pub dated: Option<NaiveDate>,
    /// The fiscal periods of its records, in order; empty: the definition names no columns, or they hold no numbers.
    pub periods: Vec<FiscalPeriod>,
}

/// SHA-256 over a document's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl Document {
    /// The hash that shows whether the content changed. Null and empty text are the same content, and so are `1.50` and `1.5`. A date and a
    /// text with the same letters differ, because they are stored differently.
    pub fn hash(&self) -> ContentHash {
        let mut hasher = Sha256::new();
        hash_row(&mut hasher, &self.root);
        for rows in &self.children {
            hasher.update([0x1d]);
            for row in rows {
                hasher.update([0x1e]);
                hash_row(&mut hasher, row);
            }
        }
        for fault in &self.faults {
            hasher.update([0x1c]);
            hasher.update(fault.text.as_bytes());
        }
        ContentHash(hasher.finalize().into())
    }
}

fn hash_row(hasher: &mut Sha256, row: &[Value]) {
    for value in row {
        if !value.is_blank() {
            let text = value.as_text();
            hasher.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            hasher.update(text.as_bytes());
            if matches!(value, Value::Date(_)) {
                hasher.update([b'd']);
            }
        }
        hasher.update([0x1f]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that look like placeholders.
    const RESERVED: &str = r"\(row [0-9]{0,2}\)?|\(first row\)?|\(empty\)?";

    /// A key keeps its parts; and the text that people see of it, typed in, is the key again.
    #[test]
    fn fuzz_keys_of_any_parts() {
        use crate::fuzz::{Target, fuzz};
        let words = &["\u{1f}", "/", "%", "%20", "%2F", "%25", "%28", "(row ", "(first row", ")", "(empty)", " "];
        let target = Target { name: "document_key", words, seeds: Vec::new(), tries: 400 };
        fuzz(target, |input| {
            let text = String::from_utf8_lossy(input);
            let parts: Vec<Value> = text.split('\u{1f}').map(Value::text).collect();
            let key = DocumentKey::from_values(&parts);
            let texts: Vec<String> = parts.iter().map(Value::to_text).collect();
            assert_eq!(key.parts(), texts);
            assert!(!key.stands_for_a_row());
            let shown = DocumentKey::shown(key.as_str());
            assert_eq!(DocumentKey::typed(&shown), key, "shown as `{shown}`");
            assert_eq!(DocumentKey::typed(key.as_str()), key);
            let _ = (DocumentKey::from_text(&text).parts(), DocumentKey::typed(&text), DocumentKey::shown(&text));
            format!("{} {}", parts.len().min(4), shown == key.as_str())
        });
    }

    proptest! {
        #[test]
        fn the_parts_of_a_key_come_back_from_its_text(
            parts in proptest::collection::vec(prop_oneof![any::<String>(), "[ %20F/a58(]{0,8}", RESERVED, "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"], 1..5)
        ) {
            let kept: Vec<String> = parts.iter().map(|part| part.trim_end_matches([' ', '\0']).to_owned()).collect();
            let values: Vec<Value> = parts.iter().map(|part| Value::text(part)).collect();
            let key = DocumentKey::from_values(&values);
            prop_assert_eq!(key.parts(), kept);
            prop_assert_eq!(DocumentKey::from_text(key.as_str()).parts(), key.parts());
            prop_assert!(!key.stands_for_a_row() && key.as_str() != EMPTY);
        }
    }

    #[test]
    fn a_key_that_no_index_has_room_for_has_another_in_its_place() {
        let key = |text: String| DocumentKey::from_text(text);
        assert_eq!(key("k".repeat(1000)).shortened(), None);
        let (one, other) = (key("k".repeat(3000)), key("k".repeat(3001)));
        let (short, another) = (one.shortened().expect("too long"), other.shortened().expect("too long"));
        assert!(short != another && short == one.shortened().expect("the same again"));
        assert!(short.as_str().starts_with("kkk") && short.as_str().len() < 200 && short.shortened().is_none(), "{short}");
        assert!(key(format!("(row after {})", "k".repeat(3000))).shortened().expect("too long").stands_for_a_row());
        let wide = key("\u{65e5}".repeat(1000)).shortened().expect("three bytes each");
        assert!(wide.as_str().len() < DocumentKey::LONGEST);
    }

    #[test]
    fn only_what_begins_and_ends_like_it_stands_for_a_row() {
        let stands = |text: &str| DocumentKey::from_text(text).stands_for_a_row();
        assert!(stands("(row after 7)") && stands("(row of ApInvoicePay after 7)") && stands("(first row)"));
        assert!(!stands("(row after 7") && !stands("row after 7)") && !stands("(OLD)") && !stands("(empty)") && !stands(""));
        // a key of SYSPRO that looks like a placeholder is another key
        assert_eq!(key(&["(row after 7)"]).as_str(), "%28row after 7)");
        assert_eq!(key(&["(row", "1)"]).as_str(), "(row/1)");
        assert_eq!(key(&["(OLD) Bayside", "7"]).as_str(), "(OLD) Bayside/7");
    }

    #[test]
    fn what_stands_for_a_character_is_read_once() {
        assert_eq!(DocumentKey::from_text("%2520/%252F/100%/a%2fb").parts(), ["%20", "%2F", "100%", "a/b"]);
        assert_eq!(key(&["%20", "2026-01-31T08:30"]).as_str(), "%2520/2026-01-31T08:30");
    }

    proptest! {
        #[test]
        fn a_key_that_is_typed_as_it_is_shown_is_the_key(
            parts in proptest::collection::vec(prop_oneof![any::<String>(), "[ %20F25/a(]{0,8}", RESERVED], 1..4)
        ) {
            let values: Vec<Value> = parts.iter().map(|part| Value::Text(part.as_str().into())).collect();
            let key = DocumentKey::from_values(&values);
            let shown = DocumentKey::shown(key.as_str());
            prop_assert_eq!(&DocumentKey::typed(&shown), &key, "shown as {}", shown);
            prop_assert_eq!(&DocumentKey::typed(key.as_str()), &key);
        }
    }

    #[test]
    fn a_key_is_shown_as_it_is_typed_unless_it_would_be_another() {
        for (text, shown) in [
            ("%2000007", "%2000007"),
            ("%20%2000007/INV%257", "%20%2000007/INV%7"),
            ("0000104/INV-7", "0000104/INV-7"),
            // a part with a separator, and one that looks like an escape
            ("A%2F1/7", "A%2F1/7"),
            ("%25207", "%25207"),
            ("(row after %207)", "(row after %207)"),
            ("", "(empty)"),
            ("(OLD) Bayside/7", "(OLD) Bayside/7"),
            // keys of SYSPRO that look like placeholders for a row or for an empty key
            ("%28row after 7)", "%28row after 7)"),
            ("%28empty)", "%28empty)"),
        ] {
            assert_eq!(DocumentKey::shown(text), shown);
            assert_eq!(DocumentKey::typed(shown).as_str(), text, "typed");
            assert_eq!(DocumentKey::typed(text).as_str(), text, "as lists of programs write it");
        }
        assert_eq!(DocumentKey::typed(" 00007").as_str(), "%2000007", "as SYSPRO shows it");
    }

    fn key(parts: &[&str]) -> DocumentKey {
        let parts: Vec<Value> = parts.iter().map(|p| Value::Text((*p).into())).collect();
        DocumentKey::from_values(&parts)
    }

    #[test]
    fn keys_that_differ_have_texts_that_differ() {
        let all = [
            key(&["a/b", "c"]),
            key(&["a", "b/c"]),
            key(&["a%2Fb", "c"]),
            key(&[" a", "b"]),
            key(&["a", "b"]),
            key(&["A", "b"]),
            key(&["042"]),
            key(&["42"]),
        ];
        for (i, one) in all.iter().enumerate() {
            for other in &all[i + 1..] {
                assert_ne!(one, other);
            }
        }
        assert_eq!(key(&["0000104", "INV 7"]).as_str(), "0000104/INV 7");
    }
}
