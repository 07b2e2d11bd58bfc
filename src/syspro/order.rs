//! Checks that rows come in the requested order. Pages are key ranges, so rows out of order would be lost silently.

use std::cmp::Ordering;
use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::comparison::{Comparison, Misplaced};
use super::trail::Trail;
use super::wire::Cell;

/// The progress of one query through a table, for the checks of its rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// The last key received, padding included; the next request asks for rows beyond it.
    pub(super) after: Option<Vec<Cell>>,
    /// The highest key whose position is certain.
    high: Option<Vec<Cell>>,
    /// The one before it.
    lower: Option<Vec<Cell>>,
    /// Digests of the keys whose position among the others is unknown.
    unsure: HashSet<[u8; 16]>,
    /// Digests of keys that would be the same with an empty text for a null.
    blank: HashSet<[u8; 16]>,
    /// Whether a key with a null in it has come.
    nulls: bool,
    /// The key of the row that was left to the next request, which it must begin with.
    pub(super) awaited: Option<Vec<Cell>>,
    /// The last request by key.
    pub(super) begun: Begun,
    /// The last one that was made once more.
    again: Option<Begun>,
    /// Consecutive rows that could not be read.
    pub(super) unreadable: u32,
    /// The requests so far.
    pub(super) trail: Trail,
}

/// A request for the rows beyond a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Begun {
    /// The key; `None`: from the first row on.
    pub(super) after: Option<Vec<Cell>>,
    /// The rows that came.
    pub(super) rows: usize,
}

/// A key without padding, numbers by value, null as an empty text.
fn folded(key: &[Cell]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for cell in key {
        let text = cell.key_text();
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

fn blank(key: &[Cell]) -> bool {
    key.iter().any(|cell| match cell {
        Cell::Null => true,
        Cell::Text(text) => text.trim_end_matches(' ').is_empty(),
        _ => false,
    })
}

impl Course {
    /// A query that continues after this key.
    pub(super) fn beyond(after: Option<Vec<Cell>>) -> Self {
        Self { after, ..Self::default() }
    }

    /// Checks the keys of one answer against the request and the keys before.
    ///
    /// `asked`: the requested lower bound; `None` for an answer to a link, which continues the answer before. Adjacent equal keys are
    /// allowed here: they are reported row by row. A key that no text can hold has no position.
    ///
    /// # Errors
    /// The offset of the first misplaced row, and what is wrong. The keys before it are taken.
    pub(super) fn take(&mut self, comparison: &Comparison, asked: Option<&[Cell]>, keys: &[Vec<Cell>]) -> Result<(), (usize, Misplaced)> {
        let (mut before, mut blanks) = (self.after.clone(), Vec::new());
        let taken = self.take_all(comparison, asked, keys, &mut before, &mut blanks);
        // two in one answer are reported row by row
        self.blank.extend(blanks);
        self.after = before;
        taken
    }

    fn take_all(
        &mut self,
        comparison: &Comparison,
        asked: Option<&[Cell]>,
        keys: &[Vec<Cell>],
        before: &mut Option<Vec<Cell>>,
        blanks: &mut Vec<[u8; 16]>,
    ) -> Result<(), (usize, Misplaced)> {
        for (at, key) in keys.iter().enumerate() {
            if !key.iter().all(Cell::is_askable) {
                continue;
            }
            if let Some(bound) = asked
                && matches!(comparison.order(bound, key), Some(Ordering::Greater | Ordering::Equal))
            {
                return Err((at, Misplaced::NotBeyond));
            }
            let neighbour = before.as_deref().and_then(|before| comparison.order(before, key));
            match neighbour {
                Some(Ordering::Greater) => return Err((at, Misplaced::Disordered)),
                // next to its duplicate, in the same answer or in one that continues it
                Some(Ordering::Equal) if at > 0 || asked.is_none() => {
                    *before = Some(key.clone());
                    continue;
                }
                _ => {}
            }
            if comparison.firm(key) {
                match self.high.as_deref().map(|high| comparison.order(high, key)) {
                    None | Some(Some(Ordering::Less)) => self.lower = self.high.replace(key.clone()),
                    Some(Some(_)) => return Err((at, Misplaced::Repeated)),
                    // of another kind than the keys before
                    Some(None) if self.unsure.insert(folded(key)) => {}
                    Some(None) => return Err((at, Misplaced::Repeated)),
                }
            } else if !self.unsure.insert(folded(key)) {
                return Err((at, Misplaced::Repeated));
            }
            self.nulls |= key.contains(&Cell::Null);
            if self.nulls && blank(key) {
                let digest = folded(key);
                if self.blank.contains(&digest) {
                    return Err((at, Misplaced::Repeated));
                }
                blanks.push(digest);
            }
            *before = Some(key.clone());
        }
        Ok(())
    }

    /// Removes the last rows, because they are requested again. `after` then counts as the last key.
    pub(super) fn back_to(&mut self, after: &[Cell], taken_back: &[Cell]) {
        self.forget(Some(after.to_vec()), taken_back);
    }

    /// Continues behind this key, whatever came before it.
    pub(super) fn begin_at(&mut self, key: Vec<Cell>) {
        (self.high, self.lower) = (None, None);
        self.after = Some(key);
    }

    /// Goes back to where the last request began, whose rows come again; answers how many there were. If as many came the last time that it
    /// went back there, the next request is a circle.
    pub(super) fn begin_again(&mut self) -> usize {
        let begun = self.begun.clone();
        if self.again.as_ref() != Some(&begun) {
            self.trail.forget();
        }
        (self.high, self.lower, self.awaited) = (None, None, None);
        self.unsure.clear();
        self.blank.clear();
        self.after.clone_from(&begun.after);
        let rows = begun.rows;
        self.again = Some(begun);
        rows
    }

    /// Forgets the last key. `after` then counts as the last one.
    pub(super) fn forget(&mut self, after: Option<Vec<Cell>>, taken_back: &[Cell]) {
        self.after = after;
        let digest = folded(taken_back);
        self.unsure.remove(&digest);
        self.blank.remove(&digest);
        if self.high.as_deref() == Some(taken_back) {
            self.high = self.lower.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::comparison::texts;
    use super::*;
    use crate::config::settings::KeyOrder;

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    fn number(text: &str) -> Cell {
        Cell::Number(text.into())
    }

    fn by(order: KeyOrder, columns: usize) -> Comparison {
        Comparison::new(order, std::iter::repeat_n(None, columns))
    }

    fn keys(texts: &[&str]) -> Vec<Vec<Cell>> {
        texts.iter().map(|one| vec![text(one)]).collect()
    }

    #[test]
    fn texts_ascend_by_code_point_and_numbers_by_value() {
        let binary = by(KeyOrder::Binary, 1);
        for (a, b) in [("0000104", "0000105"), ("10", "9"), ("ABC", "abc"), ("Z", "a"), ("a", "a!"), (" 00001", "00001"), ("z", "\u{e9}")] {
            assert_eq!(binary.order(&[text(a)], &[text(b)]), Some(Ordering::Less), "{a} {b}");
            assert_eq!(binary.order(&[text(b)], &[text(a)]), Some(Ordering::Greater), "{b} {a}");
        }
        assert_eq!(binary.order(&[number("9")], &[number("10.0")]), Some(Ordering::Less));
        assert_eq!(binary.order(&[number("10")], &[number("10.0")]), Some(Ordering::Equal));
        assert_eq!(binary.order(&[text("7   ")], &[text("7")]), Some(Ordering::Equal), "padding");
        // the euro is 0x80 in Windows-1252 and U+20AC elsewhere; a tab sorts below the space used for padding
        for (a, b) in [("\u{20ac}", "\u{e9}"), ("a\t", "a"), ("\u{100}", "a")] {
            assert_eq!(binary.order(&[text(a)], &[text(b)]), None, "{a} {b}");
        }
        assert_eq!(binary.order(&[text("7")], &[number("8")]), None, "two kinds");
        let typed = Comparison::new(KeyOrder::Binary, [Some("Edm.Int64")].into_iter());
        assert_eq!(typed.order(&[text("9")], &[text("10")]), Some(Ordering::Less), "numbers written as texts");
        let guid = Comparison::new(KeyOrder::Binary, [Some("Edm.Guid")].into_iter());
        assert_eq!(guid.order(&[text("b")], &[text("a")]), None);
    }

    #[test]
    fn another_collation_is_only_held_to_what_all_collations_share() {
        let any = by(KeyOrder::Any, 1);
        assert_eq!(any.order(&[text("a")], &[text("B")]), None);
        assert_eq!(any.order(&[text("B")], &[text("a")]), None);
        assert_eq!(any.order(&[text("0000104")], &[text("0000103")]), Some(Ordering::Greater));
        assert_eq!(any.order(&[text("a")], &[text("a  ")]), Some(Ordering::Equal));
        assert_eq!(any.order(&[number("2")], &[number("1")]), Some(Ordering::Greater));
    }

    #[test]
    fn rows_out_of_place_are_found() {
        let binary = by(KeyOrder::Binary, 1);
        let take = |course: &mut Course, asked: Option<&str>, all: &[&str]| {
            course.take(&binary, asked.map(|one| vec![text(one)]).as_deref(), &keys(all))
        };
        let mut course = Course::default();
        assert_eq!(take(&mut course, None, &["a", "b", "b", "c"]), Ok(()), "twins are told of row by row");
        assert_eq!(take(&mut course, Some("c"), &["d", "f"]), Ok(()));
        assert_eq!(take(&mut course.clone(), Some("f"), &["f", "g"]), Err((0, Misplaced::NotBeyond)));
        assert_eq!(take(&mut course.clone(), Some("f"), &["a"]), Err((0, Misplaced::NotBeyond)));
        assert_eq!(take(&mut course.clone(), Some("f"), &["h", "g"]), Err((1, Misplaced::Disordered)));
        assert_eq!(take(&mut course.clone(), None, &["f", "g"]), Ok(()), "a link goes on with the answer before");
        assert_eq!(take(&mut course.clone(), None, &["b"]), Err((0, Misplaced::Disordered)));
    }

    #[test]
    fn a_key_that_came_before_is_found_whatever_the_collation() {
        let any = by(KeyOrder::Any, 1);
        let mut course = Course::default();
        assert_eq!(course.take(&any, None, &keys(&["b", "A", "c"])), Ok(()));
        assert_eq!(course.take(&any, Some(&[text("c")]), &keys(&["d", "A"])), Err((1, Misplaced::Repeated)));
        let mut course = Course::default();
        assert_eq!(course.take(&any, None, &keys(&["0001", "x", "0002"])), Ok(()));
        assert_eq!(course.take(&any, Some(&[text("0002")]), &keys(&["y", "0001"])), Err((1, Misplaced::NotBeyond)));
        // also with letters on which the binary collations disagree
        let binary = by(KeyOrder::Binary, 1);
        let mut course = Course::default();
        assert_eq!(course.take(&binary, None, &keys(&["a", "\u{20ac}", "z", "\u{20ac}2"])), Ok(()));
        assert_eq!(course.clone().take(&binary, None, &keys(&["z\u{20ac}", "\u{20ac}"])), Err((1, Misplaced::Repeated)));
        assert_eq!(course.take(&binary, None, &keys(&["b"])), Err((0, Misplaced::Repeated)));
    }

    #[test]
    fn null_and_an_empty_text_are_one_key_to_a_record() {
        let binary = by(KeyOrder::Binary, 1);
        let mut course = Course::default();
        assert_eq!(course.take(&binary, None, &[vec![Cell::Null], vec![text("")]]), Ok(()), "one answer: told of row by row");
        let mut course = Course::default();
        assert_eq!(course.take(&binary, None, &[vec![Cell::Null]]), Ok(()));
        assert_eq!(course.take(&binary, Some(&[Cell::Null]), &[vec![text("  ")]]), Err((0, Misplaced::Repeated)));
    }

    #[test]
    fn rows_taken_back_may_come_again() {
        for order in [KeyOrder::Binary, KeyOrder::Any] {
            let comparison = by(order, 1);
            for last in ["c", "0003", "\u{20ac}"] {
                let mut course = Course::default();
                assert_eq!(course.take(&comparison, None, &keys(&["0001", "0002", last])), Ok(()));
                course.back_to(&[text("0002")], &[text(last)]);
                assert_eq!(course.take(&comparison, Some(&[text("0002")]), &keys(&[last])), Ok(()), "{last}");
            }
        }
    }

    proptest! {
        #[test]
        fn sorted_keys_in_pages_pass_and_any_swap_of_certain_keys_is_found(
            mut all in prop::collection::btree_set("[ -~\u{a0}-\u{ff}]{0,5}[!-~]", 2..40), page in 1_usize..9, swap in any::<prop::sample::Index>(),
        ) {
            let sorted: Vec<String> = std::mem::take(&mut all).into_iter().collect();
            let comparison = by(KeyOrder::Binary, 1);
            let read = |rows: &[String]| {
                let mut course = Course::default();
                for part in rows.chunks(page) {
                    let asked = course.after.clone();
                    let part: Vec<Vec<Cell>> = part.iter().map(|one| vec![text(one)]).collect();
                    course.take(&comparison, asked.as_deref(), &part)?;
                }
                Ok::<(), (usize, Misplaced)>(())
            };
            let mut padded = sorted.clone();
            padded.sort_by(|a, b| texts(a, b).expect("certain"));
            prop_assert_eq!(read(&padded), Ok(()));
            let at = swap.index(padded.len() - 1);
            padded.swap(at, at + 1);
            prop_assert!(read(&padded).is_err());
        }
    }
}
