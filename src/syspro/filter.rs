//! `$filter`: literals, conditions over keys, and the encoding of a query string.

use chrono::{NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::definition::plan::{ColumnKind, TableRead};
use crate::domain::money::parse_decimal;

use super::value::is_number;
use super::wire::Cell;

/// A column with its type, if `$metadata` has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    /// The name.
    pub(super) name: &'a str,
    /// Such as `Edm.String`.
    pub(super) edm: Option<&'a str>,
    /// The kind of value by the entity's file.
    pub(super) kind: ColumnKind,
}

/// A condition, with the number of comparisons in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// The text, not yet encoded.
    pub(super) text: String,
    /// The number of comparisons.
    pub(super) comparisons: usize,
    /// Whether it needs brackets beside an `and`.
    loose: bool,
}

/// How conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    And,
    Or,
}

impl Joint {
    fn word(self) -> &'static str {
        match self {
            Self::And => " and ",
            Self::Or => " or ",
        }
    }
}

impl Condition {
    fn one(text: String) -> Self {
        Self { text, comparisons: 1, loose: false }
    }

    /// A condition of the definition, unchanged.
    pub(super) fn fixed(text: &str) -> Self {
        let words = [" eq ", " ne ", " gt ", " ge ", " lt ", " le "];
        let comparisons = words.iter().map(|word| text.matches(word).count()).sum::<usize>().max(1);
        Self { text: text.to_owned(), comparisons, loose: true }
    }

    fn bracketed(&self) -> String {
        if self.loose { format!("({})", self.text) } else { self.text.clone() }
    }

    /// Joins conditions with `and`; `None` when there is none.
    pub(super) fn all(parts: Vec<Condition>) -> Option<Self> {
        Self::joined(parts, Joint::And)
    }

    /// Joins conditions with `or`; `None` when there is none.
    pub(super) fn any(parts: Vec<Condition>) -> Option<Self> {
        Self::joined(parts, Joint::Or)
    }

    fn joined(mut parts: Vec<Condition>, joint: Joint) -> Option<Self> {
        if parts.len() < 2 {
            return parts.pop();
        }
        let comparisons = parts.iter().map(|part| part.comparisons).sum();
        let parts: Vec<String> = parts.iter().map(Condition::bracketed).collect();
        // the grammar needs no brackets for an `and` within an `or`, but with brackets every server reads it the same way
        let loose = joint == Joint::Or;
        let text = parts.iter().map(|part| if loose && part.contains(" and ") { wrapped(part) } else { part.clone() });
        Some(Self { text: text.collect::<Vec<_>>().join(joint.word()), comparisons, loose })
    }
}

fn wrapped(part: &str) -> String {
    if part.starts_with('(') && closes_at_end(part) { part.to_owned() } else { format!("({part})") }
}

fn closes_at_end(part: &str) -> bool {
    let (mut depth, mut quoted) = (0, false);
    for (i, byte) in part.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return i + 1 == part.len();
                }
            }
            _ => {}
        }
    }
    false
}

/// A text literal: quotes doubled.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A cell as a literal: by the column's type in `$metadata`, else by the entity's file, else by the JSON type received.
pub(super) fn literal(cell: &Cell, column: Column<'_>) -> String {
    let number = |text: &str| parse_decimal(text).map(|number| number.normalize().to_string());
    match (cell, column.edm) {
        (Cell::Null, _) => "null".to_owned(),
        (Cell::Flag(flag), _) => flag.to_string(),
        (Cell::Number(text), Some("Edm.String")) => quote(text),
        (Cell::Number(text), _) => number(text).unwrap_or_else(|| text.to_string()),
        (Cell::Text(text), Some("Edm.Date")) => text.get(..10).unwrap_or(text).to_owned(),
        (Cell::Text(text), Some("Edm.DateTimeOffset")) => with_zone(text),
        (Cell::Text(text), Some("Edm.Guid")) => text.to_string(),
        (Cell::Text(text), Some(edm)) if is_number(edm) => number(text).unwrap_or_else(|| quote(text)),
        (Cell::Text(text), None) => match column.kind {
            ColumnKind::Date if is_date_time(text) => with_zone(text),
            // as received, without quotes
            ColumnKind::Date => text.trim().to_owned(),
            ColumnKind::Number => number(text).unwrap_or_else(|| quote(text)),
            ColumnKind::AsReceived => quote(text),
        },
        (Cell::Text(text), Some(_)) | (Cell::Escaped(text), _) => quote(text),
    }
}

/// `2026-01-31T00:00…`: whether a date is written with a time of day. Use it only for values known to be dates: a text may have this form.
pub(super) fn is_date_time(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() >= 16
        && b[10] == b'T'
        && b[..16].iter().enumerate().all(|(i, c)| match i {
            4 | 7 => *c == b'-',
            10 => true,
            13 => *c == b':',
            _ => c.is_ascii_digit(),
        })
}

fn with_zone(text: &str) -> String {
    let text = text.trim();
    let zoned = text.ends_with(['Z', 'z']) || text.get(11..).is_some_and(|time| time.contains(['+', '-']));
    if text.len() <= 10 {
        format!("{text}T00:00:00Z")
    } else if zoned {
        text.to_owned()
    } else {
        format!("{text}Z")
    }
}

/// How a date is written into a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateForm {
    /// `2026-01-31`
    Plain,
    /// `2026-01-31T00:00:00Z`, the zone a label only.
    Label,
    /// The time at which the date starts in this zone.
    Instant(Tz),
    /// `datetime'2026-01-31T00:00:00'`: SysproReader 3.
    Old,
    /// `'2026-01-31'`: the column is text.
    Text,
}

/// `column ge date`.
pub(super) fn since(column: &str, date: NaiveDate, form: DateForm) -> Condition {
    Condition::one(format!("{column} ge {}", date_literal(date, form, -1)))
}

/// `column lt date`.
pub(super) fn until(column: &str, date: NaiveDate, form: DateForm) -> Condition {
    Condition::one(format!("{column} lt {}", date_literal(date, form, 1)))
}

/// A date in the server's form. For a midnight skipped by a clock change, the date moves by `doubt` days, so that more rows are read and
/// none is missed.
fn date_literal(date: NaiveDate, form: DateForm, doubt: i64) -> String {
    let plain = date.format("%Y-%m-%d");
    match form {
        DateForm::Plain => plain.to_string(),
        DateForm::Label => format!("{plain}T00:00:00Z"),
        DateForm::Old => format!("datetime'{plain}T00:00:00'"),
        DateForm::Text => format!("'{plain}'"),
        DateForm::Instant(zone) => {
            let midnight = date.and_time(NaiveTime::MIN);
            let instant = zone
                .from_local_datetime(&midnight)
                .earliest()
                .map_or_else(|| midnight.and_utc() + chrono::Duration::days(doubt), |t| t.with_timezone(&Utc));
            instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
    }
}

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

/// The ASCII characters that are percent-encoded.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',').remove(b'(').remove(b')').remove(b'$').remove(b':');

/// Percent-encodes a value or a path segment: all but letters, digits and `-._~,()$:`. A space is `%20`, a plus `%2B`.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The encoded length of a text.
pub(super) fn encoded_len(text: &str) -> usize {
    utf8_percent_encode(text, ENCODED).map(str::len).sum()
}

/// Whether the definition excludes a row of the table.
pub(super) fn excluded(table: &TableRead, row: &[Cell]) -> bool {
    table.exclude.iter().any(|(at, values)| row.get(*at).is_some_and(|cell| values.contains(&cell.key_text())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        fn what_is_quoted_and_encoded_comes_back(given in "\\PC{0,30}|[ '&#%+=?/]{0,12}") {
            let query = format!("$filter={}&$top=1", encode(&format!("a eq {}", quote(&given))));
            let url = url::Url::parse(&format!("http://h/x?{query}")).expect("an address");
            prop_assert!(url.as_str().is_ascii() && !url.as_str().contains(' ') && !url.as_str().contains('+'));
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs.len(), 2);
            let inner = pairs[0].1.strip_prefix("a eq '").and_then(|rest| rest.strip_suffix('\'')).expect("a quoted text");
            prop_assert!(!inner.replace("''", "").contains('\''), "a single quote would end the text");
            prop_assert_eq!(inner.replace("''", "'"), given);
        }

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
    fn literals_follow_the_type_then_the_json() {
        let literal = |cell: &Cell, edm| super::literal(cell, Column { name: "A", edm, kind: ColumnKind::AsReceived });
        assert_eq!(literal(&text(" 00001 "), None), "' 00001 '");
        assert_eq!(literal(&text("O'Neil"), Some("Edm.String")), "'O''Neil'");
        assert_eq!(literal(&number("1.20E1"), None), "12");
        assert_eq!(literal(&text("12"), Some("Edm.Decimal")), "12");
        assert_eq!(literal(&number("12"), Some("Edm.String")), "'12'");
        let dated = |text: &str| super::literal(&Cell::Text(text.into()), Column { name: "A", edm: None, kind: ColumnKind::Date });
        assert_eq!(dated("2026-01-31T00:00:00"), "2026-01-31T00:00:00Z");
        assert_eq!(dated("2026-01-31"), "2026-01-31");
        assert_eq!(
            literal(&text("2026-01-31T08:30"), None),
            "'2026-01-31T08:30'",
            "an invoice number may have the form of a date and a time"
        );
        assert_eq!(literal(&text("2026-01-31T08:30"), Some("Edm.String")), "'2026-01-31T08:30'");
        assert_eq!(literal(&text("2026-01-31T00:00:00Z"), Some("Edm.Date")), "2026-01-31");
        assert_eq!(literal(&text("2026-01-31"), None), "'2026-01-31'", "an invoice number may have the form of a date");
        assert_eq!(literal(&Cell::Null, Some("Edm.String")), "null");
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

    #[test]
    fn dates_take_the_form_asked_for() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date");
        assert_eq!(since("D", date, DateForm::Label).text, "D ge 2026-01-31T00:00:00Z");
        assert_eq!(since("D", date, DateForm::Plain).text, "D ge 2026-01-31");
        assert_eq!(since("D", date, DateForm::Instant(chrono_tz::Africa::Johannesburg)).text, "D ge 2026-01-30T22:00:00Z");
    }
}
