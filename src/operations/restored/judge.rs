//! Compares the ledger's records with ServiceNow. Pure.

use std::collections::{HashMap, HashSet};

use crate::domain::version::{VersionText, VersionThere};
use crate::store::{ComparedPage, ComparedPart, RecordedPart, RestoredRow};

/// Splits a page of documents into parts that match the ledger and parts that do not.
pub(super) fn judge(
    recorded: &[RecordedPart],
    rows: &[RestoredRow],
    unreadable: &HashSet<&str>,
    key_of: impl Fn(&RecordedPart) -> Option<String>,
) -> ComparedPage {
    let mut by_key: HashMap<(&str, &str), Vec<&RestoredRow>> = HashMap::new();
    for row in rows {
        by_key.entry((row.block.as_str(), row.source_key.as_str())).or_default().push(row);
    }
    let mut page = ComparedPage::default();
    for part in recorded {
        let (Some(block), Some(record_key), Some(key)) = (&part.block, &part.record_key, key_of(part)) else { continue };
        let there = by_key.get(&(block.as_str(), key.as_str())).map_or(&[][..], Vec::as_slice);
        let version = |row: &&&RestoredRow| row.version.as_deref().and_then(VersionThere::read);
        // a part that no delivery of this ledger confirmed has no content to compare
        let ours = part.payload_hash.as_ref().zip(part.version).map(|(hash, number)| VersionText::new(i64::from(number), hash));
        let same = |row: &&&RestoredRow| version(row).zip(ours.as_ref()).and_then(|(there, ours)| there.is(ours)) == Some(true);
        let row = there.iter().find(same);
        // two rows with one key: a query would take the newer one
        let newest = || there.iter().max_by_key(|row| (version(row).map(|there| there.number()), std::cmp::Reverse(&row.place)));
        let compared = |row: Option<&&RestoredRow>| ComparedPart {
            document_id: part.document_id,
            block: block.clone(),
            record_key: record_key.clone(),
            row: row.map(|row| row.place.clone()),
        };
        match row {
            Some(row) if there.len() == 1 && !unreadable.contains(block.as_str()) => page.adopted.push(compared(Some(row))),
            _ => page.again.push(compared(newest())),
        }
        if !there.is_empty() {
            page.found.push((block.clone(), key));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::DocumentId;
    use crate::store::RowPlace;

    fn part(key: &str, version: i32, hash: u8) -> RecordedPart {
        RecordedPart {
            document_id: DocumentId(1),
            key: key.into(),
            block: Some("header".into()),
            record_key: Some(String::new()),
            version: Some(version),
            payload_hash: Some(vec![hash; 32]),
        }
    }

    fn row(key: &str, sys_id: &str, version: Option<String>) -> RestoredRow {
        let place = RowPlace { target_table: "t".into(), sys_id: sys_id.into() };
        RestoredRow { block: "header".into(), source_key: key.into(), place, version }
    }

    fn text(number: i64, hash: u8) -> Option<String> {
        Some(VersionText::new(number, &[hash; 32]).to_string())
    }

    fn judged(recorded: &RecordedPart, rows: &[RestoredRow], unreadable: &[&str]) -> (usize, Option<Option<String>>) {
        let page = judge(std::slice::from_ref(recorded), rows, &unreadable.iter().copied().collect(), |part| Some(part.key.clone()));
        (page.adopted.len(), page.again.first().map(|part| part.row.clone().map(|row| row.sys_id)))
    }

    #[test]
    fn only_the_whole_text_counts() {
        let ours = part("k", 2, 7);
        assert_eq!(judged(&ours, &[row("k", "a", text(2, 7))], &[]), (1, None));
        // another content with the same number, the content with another number, only a number, nothing
        for version in [text(2, 8), text(3, 7), Some("2".into()), None] {
            assert_eq!(judged(&ours, &[row("k", "a", version.clone())], &[]), (0, Some(Some("a".into()))), "{version:?}");
        }
        assert_eq!(judged(&ours, &[row("other", "a", text(2, 7))], &[]), (0, Some(None)), "missing");
        assert_eq!(
            judged(&ours, &[row("k", "a", text(2, 7))], &["header"]),
            (0, Some(Some("a".into()))),
            "what cannot be compared is sent"
        );
        let known_by_nothing = RecordedPart { payload_hash: None, ..part("k", 2, 7) };
        assert_eq!(judged(&known_by_nothing, &[row("k", "a", text(2, 7))], &[]), (0, Some(Some("a".into()))));
    }

    #[test]
    fn of_two_rows_with_one_key_the_newer_one_is_written() {
        let rows = [row("k", "a", text(2, 7)), row("k", "b", text(5, 1))];
        assert_eq!(judged(&part("k", 2, 7), &rows, &[]), (0, Some(Some("b".into()))));
    }

    #[test]
    fn what_never_arrived_is_neither() {
        let never = RecordedPart { block: None, record_key: None, ..part("k", 1, 1) };
        assert_eq!(judged(&never, &[], &[]), (0, None));
    }
}
