//! A document: a root row with its child rows, read, hashed and versioned as one.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Value;

/// The values of one row, in the order of the plan's columns.
pub type Row = Box<[Value]>;

/// A document's key within its flow: the parts of SYSPRO's primary key, in order, trailing blanks removed.
///
/// Its text form joins the parts by `/`; a `/` or `%` inside a part, and a blank at its start, are percent-encoded,
/// so that different keys never have the same text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct DocumentKey(Box<str>);

impl DocumentKey {
    /// From the key columns' values.
    pub fn from_values<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut text = String::new();
        for (i, part) in parts.into_iter().enumerate() {
            if i > 0 {
                text.push('/');
            }
            let part = part.to_text();
            let blanks = part.len() - part.trim_start_matches(' ').len();
            for _ in 0..blanks {
                text.push_str("%20");
            }
            for c in part[blanks..].chars() {
                match c {
                    '/' => text.push_str("%2F"),
                    '%' => text.push_str("%25"),
                    c => text.push(c),
                }
            }
        }
        Self(text.into())
    }

    /// From the text form, as a person or the database gives it.
    pub fn from_text(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    /// Per child of the read plan its rows, sorted by their key columns.
    pub children: Vec<Vec<Row>>,
}

/// SHA-256 over a document's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl Document {
    /// The hash that tells whether the content changed. Null and empty text are the same content; `1.50` and `1.5` too; a date and a text
    /// of the same letters are not, because they are stored apart.
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
        ContentHash(hasher.finalize().into())
    }
}

fn hash_row(hasher: &mut Sha256, row: &[Value]) {
    for value in row {
        if !value.is_blank() {
            let text = value.to_text();
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
    use super::*;

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
