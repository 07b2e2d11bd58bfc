//! Placeholder documents for rows whose record is not known. They are failures, and no statement counts them as records.

/// Whether the document `d` is a placeholder, as [`crate::domain::DocumentKey::stands_for_a_row`] decides it for a key. The bounds let the
/// index on the key find placeholders, however many records a flow has.
const STANDS_FOR_A_ROW: &str = "(d.key >= '(' AND d.key < ')' AND (d.key LIKE '(row %)' OR d.key LIKE '(first row%)'))";

/// Replaces `{stands_for_a_row}` in a statement with the predicate.
pub(super) fn with_placeholders(sql: &str) -> String {
    sql.replace("{stands_for_a_row}", STANDS_FOR_A_ROW)
}
