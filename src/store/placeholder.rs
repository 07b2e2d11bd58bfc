//! Documents that stand for a row of which it is not known what record it is: they are failures, and no statement counts them as records.

/// Whether the document `d` is such a one, as [`crate::domain::DocumentKey::stands_for_a_row`] says it of a key. The bounds let the index on
/// the key find them, however many records a flow has.
const STANDS_FOR_A_ROW: &str = "(d.key >= '(' AND d.key < ')' AND (d.key LIKE '(row %)' OR d.key LIKE '(first row%)'))";

/// A statement with the predicate where it says `{stands_for_a_row}`.
pub(super) fn with_placeholders(sql: &str) -> String {
    sql.replace("{stands_for_a_row}", STANDS_FOR_A_ROW)
}
