//! `$filter` over keys: rows after a key, between two keys, and with one of many keys.

use crate::domain::money::parse_decimal;

use super::filter::{Column, Condition, encoded_len, literal, quote};
use super::wire::Cell;

fn equal(column: Column<'_>, cell: &Cell) -> Condition {
    let name = column.name;
    let plain = Condition::one(format!("{name} eq {}", literal(cell, column)));
    match cell {
        // one table may pad values that another does not pad, and not every server compares as SQL Server does
        Cell::Text(text) if text.ends_with(' ') && !matches!(column.edm, Some(edm) if edm != "Edm.String") => {
            Condition { text: format!("({} or {name} eq {})", plain.text, quote(text.trim_end_matches(' '))), comparisons: 2, loose: false }
        }
        _ => plain,
    }
}

fn compare(column: Column<'_>, operator: &str, cell: &Cell) -> Condition {
    Condition::one(format!("{} {operator} {}", column.name, literal(cell, column)))
}

/// A bound of a range: a cell with a value. Servers differ in how they compare null, so a null cannot be a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound<'a>(&'a Cell);

impl<'a> Bound<'a> {
    fn of(cell: &'a Cell) -> Option<Self> {
        (*cell != Cell::Null).then_some(Self(cell))
    }

    /// A key as bounds; `None` when a part of it is null.
    pub(super) fn all(key: &'a [Cell]) -> Option<Vec<Self>> {
        key.iter().map(Self::of).collect()
    }
}

/// Rows with a key after `last`: `k1 ge a and (k1 gt a or (k1 eq a and k2 gt b))`.
///
/// The leading `ge` adds no condition; it lets the database use the index instead of scanning from the start. Null sorts before every
/// value.
pub(super) fn beyond(key: &[Column<'_>], last: &[Cell]) -> Condition {
    let cells: Vec<&Cell> = last.iter().collect();
    let after = chain(key, &cells, |column, cell, _| match Bound::of(cell) {
        Some(Bound(cell)) => compare(column, "gt", cell),
        None => Condition::one(format!("{} ne null", column.name)),
    });
    match last.first().and_then(Bound::of) {
        Some(first) if key.len() > 1 => seek(key[0], "ge", first, after),
        _ => after,
    }
}

/// Rows with a key between `first` and `last`, both included.
pub(super) fn within(key: &[Column<'_>], first: &[Bound<'_>], last: &[Bound<'_>]) -> Option<Condition> {
    let same = first.iter().zip(last).take_while(|(a, b)| a == b).count().min(key.len());
    let mut parts: Vec<Condition> = (0..same).map(|i| compare(key[i], "eq", first[i].0)).collect();
    let key = &key[same..];
    if !key.is_empty() {
        parts.push(side(key, &first[same..], "gt", "ge"));
        parts.push(side(key, &last[same..], "lt", "le"));
    }
    Condition::all(parts)
}

/// One side of a range: `operator` on all but the last column, `at_end` on the last.
fn side(key: &[Column<'_>], bound: &[Bound<'_>], operator: &str, at_end: &str) -> Condition {
    let cells: Vec<&Cell> = bound.iter().map(|bound| bound.0).collect();
    let inner = chain(key, &cells, |column, cell, last| compare(column, if last { at_end } else { operator }, cell));
    if key.len() > 1 { seek(key[0], if operator == "gt" { "ge" } else { "le" }, bound[0], inner) } else { inner }
}

/// Adds a leading comparison of the first column.
fn seek(column: Column<'_>, operator: &str, first: Bound<'_>, inner: Condition) -> Condition {
    let seek = compare(column, operator, first.0);
    Condition { text: format!("{} and ({})", seek.text, inner.text), comparisons: inner.comparisons + 1, loose: false }
}

/// `k1 step a or (k1 eq a and (k2 step b or …))`; `step` gets whether its column is the last.
fn chain(key: &[Column<'_>], bound: &[&Cell], step: impl Fn(Column<'_>, &Cell, bool) -> Condition) -> Condition {
    let Some((last, front)) = key.split_last() else {
        return Condition::one("true".to_owned());
    };
    let mut inner = step(*last, bound[front.len()], true);
    for (column, cell) in front.iter().zip(bound).rev() {
        let step = step(*column, cell, false);
        let equal = compare(*column, "eq", cell);
        let comparisons = step.comparisons + 1 + inner.comparisons;
        inner = Condition { text: format!("{} or ({} and {})", step.text, equal.text, inner.bracketed()), comparisons, loose: true };
    }
    inner
}

/// Rows whose columns have one of these keys. Common prefixes are written once, and dense runs of whole numbers as a range, which may
/// include a few more rows. The keys must be sorted.
pub(super) fn one_of(columns: &[Column<'_>], keys: &[&[Cell]]) -> Option<Condition> {
    group(columns, keys, 0)
}

fn group(columns: &[Column<'_>], keys: &[&[Cell]], depth: usize) -> Option<Condition> {
    let column = *columns.get(depth)?;
    let mut parts = Vec::new();
    if depth + 1 == columns.len() {
        for run in runs(column, keys, depth) {
            match run {
                [only] => parts.push(equal(column, &only[depth])),
                [first, .., last] if run.len() >= 3 => {
                    let text = format!("{} and {}", compare(column, "ge", &first[depth]).text, compare(column, "le", &last[depth]).text);
                    parts.push(Condition { text, comparisons: 2, loose: false });
                }
                _ => parts.extend(run.iter().map(|key| equal(column, &key[depth]))),
            }
        }
    } else {
        for same in keys.chunk_by(|a, b| a[depth] == b[depth]) {
            let rest = group(columns, same, depth + 1);
            parts.extend(Condition::all([Some(equal(column, &same[0][depth])), rest].into_iter().flatten().collect()));
        }
    }
    Condition::any(parts)
}

fn runs<'k, 'c>(column: Column<'_>, keys: &'k [&'c [Cell]], depth: usize) -> Vec<&'k [&'c [Cell]]> {
    keys.chunk_by(|a, b| follows(column, &a[depth], &b[depth])).collect()
}

/// Whether two whole numbers are adjacent, or nearly.
fn follows(column: Column<'_>, a: &Cell, b: &Cell) -> bool {
    let whole = |cell: &Cell| match cell {
        Cell::Number(text) if column.edm != Some("Edm.String") => text.parse::<i64>().ok(),
        _ => None,
    };
    matches!((whole(a), whole(b)), (Some(a), Some(b)) if b > a && b - a <= 2)
}

/// Sorts keys so that equal prefixes are adjacent and whole numbers ascend, and removes duplicates.
pub(super) fn sort_keys(keys: &mut Vec<Vec<Cell>>) {
    fn cell(a: &Cell, b: &Cell) -> std::cmp::Ordering {
        match (a, b) {
            (Cell::Number(x), Cell::Number(y)) => parse_decimal(x).cmp(&parse_decimal(y)).then_with(|| a.cmp(b)),
            _ => a.cmp(b),
        }
    }
    keys.sort_by(|a, b| a.iter().zip(b).map(|(a, b)| cell(a, b)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal));
    keys.dedup();
}

/// Splits sorted keys into lists of at most `comparisons` and roughly `bytes` of encoded condition, never fewer than one key each.
pub(super) fn lists<'k>(columns: &[Column<'_>], keys: &'k [Vec<Cell>], comparisons: usize, bytes: usize) -> Vec<&'k [Vec<Cell>]> {
    let mut lists = Vec::new();
    let (mut start, mut count, mut size, mut run) = (0, 0, 0, 0);
    for i in 0..keys.len() {
        let same = if i == start { 0 } else { keys[i].iter().zip(&keys[i - 1]).take_while(|(a, b)| a == b).count() };
        let last = columns.len() - 1;
        let (mut cost, mut length) = (0, 0);
        for (column, cell) in columns.iter().zip(&keys[i]).skip(same.min(last)) {
            let condition = equal(*column, cell);
            cost += condition.comparisons;
            length += encoded_len(&condition.text) + 16;
        }
        run = if i > start && same == last && follows(columns[last], &keys[i - 1][last], &keys[i][last]) { run + 1 } else { 0 };
        if run >= 2 {
            (cost, length) = (0, 0);
        }
        if i > start && (count + cost > comparisons || size + length > bytes) {
            lists.push(&keys[start..i]);
            (start, count, size, run) = (i, 0, 0, 0);
            for (column, cell) in columns.iter().zip(&keys[i]) {
                let condition = equal(*column, cell);
                count += condition.comparisons;
                size += encoded_len(&condition.text) + 16;
            }
            continue;
        }
        count += cost;
        size += length;
    }
    if start < keys.len() {
        lists.push(&keys[start..]);
    }
    lists
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definition::plan::ColumnKind;

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    fn number(text: &str) -> Cell {
        Cell::Number(text.into())
    }

    fn columns<'a>(names: &[&'a str]) -> Vec<Column<'a>> {
        names.iter().map(|name| Column { name, edm: None, kind: ColumnKind::AsReceived }).collect()
    }

    proptest! {
        #[test]
        fn lists_hold_every_key_once_and_keep_their_limit(
            pairs in proptest::collection::vec((0_u8..5, 0_u16..400), 1..120), limit in 4_usize..30
        ) {
            let columns = columns(&["Journal", "Entry"]);
            let mut keys: Vec<Vec<Cell>> = pairs.iter().map(|(j, e)| vec![number(&j.to_string()), number(&e.to_string())]).collect();
            sort_keys(&mut keys);
            let lists = lists(&columns, &keys, limit, 4000);
            prop_assert_eq!(lists.concat(), keys.clone());
            for list in lists {
                let keys: Vec<&[Cell]> = list.iter().map(Vec::as_slice).collect();
                let condition = one_of(&columns, &keys).expect("a condition");
                prop_assert!(condition.comparisons <= limit.max(2), "{} in {}", condition.comparisons, condition.text);
            }
        }
    }

    #[test]
    fn ranges_nest_and_seek() {
        let key = columns(&["A", "B", "C"]);
        let at = [text("x"), number("2"), number("3")];
        assert_eq!(beyond(&key, &at).text, "A ge 'x' and (A gt 'x' or (A eq 'x' and (B gt 2 or (B eq 2 and C gt 3))))");
        assert_eq!(beyond(&key[..1], &at).text, "A gt 'x'");
        assert_eq!(beyond(&key[..2], &[Cell::Null, number("2")]).text, "A ne null or (A eq null and B gt 2)");
        let upper = [text("x"), number("9"), number("1")];
        assert_eq!(Bound::all(&[text("x"), Cell::Null]), None, "null bounds no range");
        let (at, upper) = (Bound::all(&at).expect("no null"), Bound::all(&upper).expect("no null"));
        assert_eq!(
            within(&key, &at, &upper).expect("a range").text,
            "A eq 'x' and B ge 2 and (B gt 2 or (B eq 2 and C ge 3)) and B le 9 and (B lt 9 or (B eq 9 and C le 1))"
        );
    }

    #[test]
    fn lists_write_common_prefixes_once_and_runs_as_ranges() {
        let key = columns(&["S", "I"]);
        let mut keys: Vec<Vec<Cell>> = [("B", "9"), ("A", "1"), ("A", "3"), ("A", "2"), ("A", "10"), ("A", "1")]
            .iter()
            .map(|(s, i)| vec![text(s), number(i)])
            .collect();
        sort_keys(&mut keys);
        let keys: Vec<&[Cell]> = keys.iter().map(Vec::as_slice).collect();
        let condition = one_of(&key, &keys).expect("a condition");
        assert_eq!(condition.text, "(S eq 'A' and ((I ge 1 and I le 3) or I eq 10)) or (S eq 'B' and I eq 9)");
        assert_eq!(condition.comparisons, 6);
        let padded = [text("A  ")];
        assert_eq!(one_of(&key[..1], &[&padded]).expect("a condition").text, "(S eq 'A  ' or S eq 'A')");
    }
}
