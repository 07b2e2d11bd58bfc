//! Records that are named by their flow and key, and references from one record to another.

use serde::{Deserialize, Serialize};

use super::{DocumentKey, EntityName, FlowId};

/// Names one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Its company and entity.
    pub flow: FlowId,
    /// Its key.
    pub key: DocumentKey,
}

/// A reference that a field carries as the sys_id of another record of the same company; it is filled in when the record is sent.
///
/// As JSON it is an array: `["field", "entity", "key"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, EntityName, DocumentKey)", into = "(String, EntityName, DocumentKey)")]
pub struct LateReference {
    /// The field.
    pub field: String,
    /// The entity of the other record.
    pub entity: EntityName,
    /// Its key.
    pub key: DocumentKey,
}

impl From<(String, EntityName, DocumentKey)> for LateReference {
    fn from((field, entity, key): (String, EntityName, DocumentKey)) -> Self {
        Self { field, entity, key }
    }
}

impl From<LateReference> for (String, EntityName, DocumentKey) {
    fn from(reference: LateReference) -> Self {
        (reference.field, reference.entity, reference.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reference_is_an_array_as_the_ledger_keeps_it() {
        let reference = LateReference { field: "supplier".into(), entity: "supplier".into(), key: DocumentKey::from_text("0001/%2f") };
        let text = serde_json::to_string(&[&reference]).expect("json");
        assert_eq!(text, r#"[["supplier","supplier","0001/%2f"]]"#);
        assert_eq!(serde_json::from_str::<Vec<LateReference>>(&text).expect("read"), [reference]);
    }
}
