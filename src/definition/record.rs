//! A target record: the result of mapping a document, before it is sent.

use sha2::{Digest, Sha256};

use crate::domain::next_step::NextStep;
use crate::domain::warning::WarningKind;
use crate::domain::{CompanyId, DocumentKey, EntityName, Texts};

use super::plan::ReferenceForm;

/// One record for one target table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRecord {
    /// Offset in `Plan::targets`.
    pub target: usize,
    /// Identifies the record within its document: empty for the header, the child row's key for a line.
    pub record_key: String,
    /// The fields, all text, without key and version column; references by sys_id are not included, but listed in `references`.
    pub fields: Texts,
    /// The records that this one refers to. A line with its header's sys_id (or key text) refers to its own document: same entity, same
    /// key. That concerns the order within the document, and is never a parent that has not arrived.
    pub references: Vec<Reference>,
}

/// A reference from a target record to another document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The field with the reference.
    pub field: String,
    /// The entity referred to.
    pub entity: EntityName,
    /// The key of the document referred to.
    pub key: DocumentKey,
    /// The form of the reference in the field. `SysId` is filled in when the record is sent.
    pub form: ReferenceForm,
    /// Whether the record waits until the other one is delivered.
    pub wait: bool,
}

/// Something that the mapping did and that people may want to know, such as a shortened text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapWarning {
    /// The kind.
    pub kind: WarningKind,
    /// The field.
    pub field: String,
    /// What was done.
    pub text: String,
}

/// A document that cannot be mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct MapError {
    /// `header` or the child's name.
    pub block: Box<str>,
    /// The target field.
    pub field: String,
    /// The SYSPRO column or columns.
    pub column: Box<str>,
    /// The value.
    pub value: Box<str>,
    /// What is wrong, and what to do.
    pub problem: String,
    /// What to do, when it is something else than to correct the value. Then the received rows are the cause, and no field.
    pub next_step: Option<Box<NextStep>>,
}

impl MapError {
    fn text(&self) -> String {
        let Self { block, field, column, value, problem, next_step } = self;
        match next_step {
            Some(_) => problem.clone(),
            None => format!("field `{field}` of `{block}` cannot be mapped from {column} = `{value}`: {problem}"),
        }
    }
}

/// The minimum length of a key column: company, entity, the longest key of the shipped entities with its line's key, and the digest.
pub const KEY_LENGTH: usize = 120;

/// The text written to a key column: `company/entity/key`, and for a line `/` and the line's key.
///
/// ServiceNow compares without case, while SYSPRO's keys may differ by case alone (collation `Latin1_General_BIN`),
/// so a key that is not all capitals, digits and plain punctuation gets `~` and eight digits of its SHA-256.
pub fn source_key(company: &CompanyId, entity: &EntityName, key: &DocumentKey, record_key: &str) -> String {
    let mut exact = key.as_str().to_owned();
    if !record_key.is_empty() {
        exact.push('/');
        exact.push_str(record_key);
    }
    let plain = is_plain(&exact) && company.as_str().bytes().all(|b| !b.is_ascii_lowercase());
    let mut text = format!("{company}/{entity}/{exact}");
    if !plain {
        text.push_str(&digest_suffix(&text));
    }
    text
}

/// The owner of a text in a key column: the document's key, and the line's. `columns`: for a line, the number of columns of its document's
/// key. `None`: the text is not a key of this flow.
pub fn place_of(company: &CompanyId, entity: &EntityName, columns: Option<usize>, text: &str) -> Option<(DocumentKey, String)> {
    let rest = text.strip_prefix(&format!("{company}/{entity}/"))?;
    // the digest follows keys that ServiceNow could confuse with others
    let bare = rest.char_indices().rev().nth(SUFFIX - 1).map(|(at, _)| &rest[..at]);
    [Some(rest), bare].into_iter().flatten().find_map(|exact| {
        let (key, line) = match columns {
            None => (exact, ""),
            Some(columns) => {
                let at = exact.match_indices('/').nth(columns.checked_sub(1)?)?.0;
                (&exact[..at], &exact[at + 1..])
            }
        };
        let key = DocumentKey::from_text(key);
        (source_key(company, entity, &key, line) == text).then(|| (key, line.to_owned()))
    })
}

/// Whether ServiceNow, which compares without case, considers no other text equal: only capitals, digits and plain punctuation.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_lowercase() && b != b'~' || b == b' ')
}

/// The length of `digest_suffix`, in characters.
pub const SUFFIX: usize = 9;

/// `~` and eight digits of a text's SHA-256.
fn digest_suffix(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("~{}", hex::encode_upper(&digest[..4]))
}

/// An identifier of at most this many characters. A longer one, and one that ServiceNow could confuse with another because it compares
/// without case, gets the digest of the whole text, so that two of them stay different.
pub fn identifier(text: String, limit: usize) -> String {
    if is_plain(&text) && text.char_indices().nth(limit).is_none() {
        return text;
    }
    let room = limit.saturating_sub(SUFFIX);
    let end = text.char_indices().nth(room).map_or(text.len(), |(end, _)| end);
    format!("{}{}", &text[..end], digest_suffix(&text))
}

/// The sys_id of a new row: 32 lower-case hexadecimal digits derived from the key text, so that a repeat cannot make a second row.
pub fn derived_sys_id(source_key: &str, block: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"tieline sys_id\0");
    hasher.update(block.as_bytes());
    hasher.update([0]);
    hasher.update(source_key.as_bytes());
    hex::encode(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_key_of_the_shipped_entities_fits() {
        // supplier 15, invoice 20; a distribution line's year, month, journal, entry and sub-entry, none all capitals
        let key = DocumentKey::from_text(format!("{}/{}", "s".repeat(15), "i".repeat(20)));
        let line = format!("2026/12/{}/{}/{}", "9".repeat(10), "9".repeat(10), "9".repeat(10));
        let text = source_key(&"EDUCATION1".into(), &"purchase_order".into(), &key, &line);
        assert!(text.len() <= KEY_LENGTH, "{} {text}", text.len());
    }

    #[test]
    fn a_key_columns_text_leads_back_to_its_record() {
        let (company, entity) = ("EDU1".into(), "invoice".into());
        for (key, line) in [("0010/A-1", ""), ("0010/Abc", ""), ("0010/A-1", "2026/12/7/1/2"), ("a%2Fb/É", "1"), ("0010/x~12345678", "9")]
        {
            let key = DocumentKey::from_text(key);
            let text = source_key(&company, &entity, &key, line);
            let columns = (!line.is_empty()).then_some(2);
            assert_eq!(place_of(&company, &entity, columns, &text), Some((key, line.to_owned())), "{text}");
        }
        for other in ["EDU1/supplier/1", "EDU1/invoice/Abc", "EDU2/invoice/1/2", ""] {
            assert_eq!(place_of(&company, &entity, None, other), None, "{other}");
        }
        assert_eq!(place_of(&company, &entity, Some(2), "EDU1/invoice/1/2"), None, "no line");
    }

    #[test]
    fn identifiers_are_never_cut_to_the_same_text() {
        let long = |end: &str| identifier(format!("EDU1/000000000000104/2026-INVOICE-0000000{end}"), 40);
        assert_eq!(long("1").chars().count(), 40);
        assert_eq!(long("1"), long("1"));
        assert_ne!(long("1"), long("2"));
        assert!(long("1").starts_with("EDU1/000000000000104/2026-INVOI~"), "{}", long("1"));
        assert_eq!(identifier("É-1".to_uppercase(), 40).chars().count(), 12);
        assert_eq!(identifier("A".repeat(40), 40), "A".repeat(40), "what fits stays as it is");
        assert_eq!(identifier("é".repeat(41), 40).chars().count(), 40);
        let [small, capital] = ["abc-1", "ABC-1"].map(|text| identifier(format!("EDU1/0000010/{text}"), 40).to_lowercase());
        assert_ne!(small, capital, "ServiceNow compares without case");
    }

    #[test]
    fn keys_that_differ_by_case_alone_are_kept_apart() {
        let key = |text: &str| source_key(&"EDU1".into(), &"supplier".into(), &DocumentKey::from_text(text), "");
        assert_eq!(key("ABC01"), "EDU1/supplier/ABC01");
        assert!(key("Abc01").starts_with("EDU1/supplier/Abc01~"));
        assert_ne!(key("Abc01").to_lowercase(), key("ABC01").to_lowercase());
        assert_ne!(key("aBc01").to_lowercase(), key("Abc01").to_lowercase());
        assert_ne!(key("042"), key("42"));
    }
}
