//! `$filter`: literals, conditions, dates, and the encoding of a query string.

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
    pub(super) loose: bool,
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
    pub(super) fn one(text: String) -> Self {
        Self { text, comparisons: 1, loose: false }
    }

    /// A condition of the definition, unchanged.
    pub(super) fn fixed(text: &str) -> Self {
        let words = [" eq ", " ne ", " gt ", " ge ", " lt ", " le "];
        let comparisons = words.iter().map(|word| text.matches(word).count()).sum::<usize>().max(1);
        Self { text: text.to_owned(), comparisons, loose: true }
    }

    pub(super) fn bracketed(&self) -> String {
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
    fn dates_take_the_form_asked_for() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date");
        assert_eq!(since("D", date, DateForm::Label).text, "D ge 2026-01-31T00:00:00Z");
        assert_eq!(since("D", date, DateForm::Plain).text, "D ge 2026-01-31");
        assert_eq!(since("D", date, DateForm::Instant(chrono_tz::Africa::Johannesburg)).text, "D ge 2026-01-30T22:00:00Z");
    }
}
