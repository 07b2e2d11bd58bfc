//! A leaf of the audit: an event's line with its number before it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::merkle::{Hash, leaf_hash};

/// The line of a leaf, as it stands in the file of its day: the event's line, with the number of the leaf as its first member.
pub fn leaf_line(leaf: i64, event: &str) -> String {
    // an event's line is an object; anything else does not become one, and is found where the line is read
    let rest = event.strip_prefix('{').unwrap_or(event);
    format!("{{\"leaf\":{leaf},{rest}")
}

/// The hash of a leaf in the Merkle tree.
pub fn hash_of(leaf: i64, event: &str) -> Hash {
    leaf_hash(leaf_line(leaf, event).as_bytes())
}

/// The number of a leaf, by its line in a file.
pub fn number_of(line: &str) -> Option<i64> {
    line.strip_prefix("{\"leaf\":")?.split_once(',')?.0.parse().ok()
}

/// What an event's line says.
#[derive(Debug, Deserialize)]
pub struct EventLine<'a> {
    /// The number of the event.
    pub id: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The transaction that wrote it; lines of earlier releases do not say it.
    pub xid: Option<i64>,
    /// What happened.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The company.
    #[serde(borrow)]
    pub company: Option<Cow<'a, str>>,
    /// The entity.
    #[serde(borrow)]
    pub entity: Option<Cow<'a, str>>,
    /// The batch.
    pub batch_id: Option<Uuid>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// Who did it.
    #[serde(borrow)]
    pub actor: Cow<'a, str>,
    /// The records.
    #[serde(borrow)]
    pub records: Vec<RecordLine<'a>>,
}

/// One record of an event.
#[derive(Debug, Deserialize)]
pub struct RecordLine<'a> {
    /// The document.
    pub document_id: Option<i64>,
    /// Its version.
    pub version: Option<i32>,
    /// The delivery.
    pub delivery_id: Option<i64>,
    /// The first half of the SHA-256 of the version's content.
    #[serde(borrow)]
    pub content: Option<Cow<'a, str>>,
    /// What lists and sums show of the document: amount, date, fiscal periods and currency.
    #[serde(borrow)]
    pub measures: Option<Cow<'a, str>>,
    /// The first half of the SHA-256 of the fields that arrived.
    #[serde(borrow)]
    pub payload: Option<Cow<'a, str>>,
    /// The details.
    #[serde(borrow)]
    pub detail: Option<&'a RawValue>,
}

impl EventLine<'_> {
    /// The documents of its records, each once, in the order of their numbers.
    pub fn documents(&self) -> Vec<i64> {
        let mut documents: Vec<i64> = self.records.iter().filter_map(|record| record.document_id).collect();
        documents.sort_unstable();
        documents.dedup();
        documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_has_its_number_before_the_event() {
        let event = r#"{"id":1000,"at":"2026-11-30T10:00:00.000001Z","xid":7,"kind":"run","company":null,"entity":null,"batch_id":null,"run_id":null,"actor":"tieline","records":[{"document_id":2},{"document_id":1,"detail":{"a":"é"}}]}"#;
        let line = leaf_line(42, event);
        assert!(line.starts_with("{\"leaf\":42,\"id\":1000,"), "{line}");
        assert_eq!(number_of(&line), Some(42));
        assert_eq!(hash_of(42, event), leaf_hash(line.as_bytes()));
        let read: EventLine<'_> = serde_json::from_str(event).unwrap();
        assert_eq!((read.documents(), read.records.len(), read.xid), (vec![1, 2], 2, Some(7)));
        // the numbered line is an event's line too
        assert!(serde_json::from_str::<EventLine<'_>>(&line).is_ok());
    }
}
