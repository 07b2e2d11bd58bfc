//! Converts received cells to domain values. The kind of a value comes from the entity's file, from the JSON type or from `$metadata`,
//! never from the form of a text.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use crate::config::settings::DateZone;
use crate::definition::plan::ColumnKind;
use crate::domain::Value;
use crate::domain::money::parse_decimal;

use super::wire::Cell;

/// The settings for reading dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// What a zone means.
    pub(super) zone: DateZone,
    /// The server's zone.
    pub(super) at: Tz,
    /// Every date before this one counts as no date.
    pub(super) first: NaiveDate,
}

/// A cell as a value. A text in a date column that is not a date stays text: the mapping reports it, and nothing of its record is sent.
/// `numeric`: whether `$metadata` gives the column a number type.
pub(super) fn value(cell: &Cell, kind: ColumnKind, numeric: bool, dates: Dates) -> Value {
    match (cell, kind) {
        (Cell::Null, _) => Value::Null,
        (Cell::Flag(flag), _) => Value::Flag(*flag),
        (Cell::Number(text), _) => number(text),
        (Cell::Text(text), ColumnKind::Date) => date(text, dates).unwrap_or_else(|| Value::text(text)),
        (Cell::Text(text), ColumnKind::Number) => number(text),
        (Cell::Text(text), ColumnKind::AsReceived) if numeric => number(text),
        (Cell::Text(text), ColumnKind::AsReceived) => Value::text(text),
        (Cell::Escaped(text), _) => Value::text(text),
    }
}

/// Whether a type of `$metadata` is a number type; some servers write such values as texts.
pub(super) fn is_number(edm: &str) -> bool {
    matches!(edm, "Edm.Decimal" | "Edm.Int64" | "Edm.Int32" | "Edm.Int16" | "Edm.Byte" | "Edm.SByte" | "Edm.Double" | "Edm.Single")
}

/// A number; one with more digits than a decimal can hold stays text.
fn number(text: &str) -> Value {
    parse_decimal(text).map_or_else(|| Value::text(text), Value::from_decimal)
}

/// A date from a date column's text: `YYYY-MM-DD`, alone or with a time of day, with or without a zone; `0000-00-00` and every date before
/// the first valid one is no date. `None`: the text is not a date.
fn date(text: &str, dates: Dates) -> Option<Value> {
    let text = text.trim_matches([' ', '\0']);
    if text.is_empty() {
        return Some(Value::Null);
    }
    let (written, time) = text.split_at_checked(10)?;
    let time = match time.strip_prefix(['T', ' ']) {
        Some(time) => is_time(time).then_some(time)?,
        None => time.is_empty().then_some(time)?,
    };
    if written == "0000-00-00" {
        return Some(Value::Null);
    }
    if !written.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() }) {
        return None;
    }
    // digits alone by now
    let part = |range: std::ops::Range<usize>| written.get(range)?.parse::<u32>().ok();
    let written = NaiveDate::from_ymd_opt(i32::try_from(part(0..4)?).ok()?, part(5..7)?, part(8..10)?)?;
    let date = match dates.zone {
        // a date-time without a zone is already in the server's calendar
        DateZone::Instant if !time.is_empty() => {
            DateTime::parse_from_rfc3339(text).map_or(written, |instant| instant.with_timezone(&dates.at).date_naive())
        }
        DateZone::Label | DateZone::Instant => written,
    };
    Some(if date < dates.first { Value::Null } else { Value::Date(date) })
}

/// `08:30`, `08:30:00`, `08:30:00.000`, each with or without `Z` or an offset such as `+02:00`.
fn is_time(text: &str) -> bool {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or_else(|| match text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) {
        Some((time, zone)) if zone.starts_with(['+', '-']) && is_clock(&zone[1..]) => time,
        _ => text,
    });
    let (clock, decimals) = text.split_once('.').unwrap_or((text, "0"));
    !decimals.is_empty() && decimals.bytes().all(|b| b.is_ascii_digit()) && (is_clock(clock) && !text.contains('.') || is_full_clock(clock))
}

fn is_clock(text: &str) -> bool {
    text.len() == 5 && text.bytes().enumerate().all(|(i, b)| if i == 2 { b == b':' } else { b.is_ascii_digit() })
}

fn is_full_clock(text: &str) -> bool {
    text.len() == 8 && text.bytes().enumerate().all(|(i, b)| if i == 2 || i == 5 { b == b':' } else { b.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dates(zone: DateZone) -> Dates {
        let first = NaiveDate::from_ymd_opt(1901, 1, 1).expect("a date");
        Dates { zone, at: chrono_tz::Africa::Johannesburg, first }
    }

    fn read(text: &str, kind: ColumnKind, edm: Option<&str>, zone: DateZone) -> Value {
        value(&Cell::Text(text.into()), kind, edm.is_some_and(is_number), dates(zone))
    }

    fn dated(text: &str) -> Value {
        read(text, ColumnKind::Date, None, DateZone::Label)
    }

    fn day(d: u32) -> Value {
        Value::Date(NaiveDate::from_ymd_opt(2026, 1, d).expect("a date"))
    }

    #[test]
    fn zones_are_labels_or_instants() {
        for (text, label, instant) in [
            ("2026-01-30T22:00:00Z", 30, 31),
            ("2026-01-30T22:00:00", 30, 30),
            ("2026-01-30", 30, 30),
            ("2026-01-30T23:00:00-03:00", 30, 31),
        ] {
            assert_eq!(read(text, ColumnKind::Date, None, DateZone::Label), day(label), "{text}");
            assert_eq!(read(text, ColumnKind::Date, None, DateZone::Instant), day(instant), "{text}");
        }
        assert_eq!(read("1900-01-01T00:00:00Z", ColumnKind::Date, None, DateZone::Instant), Value::Null);
    }

    #[test]
    fn every_form_of_a_date_is_read_in_a_date_column() {
        for text in [
            "2026-01-31",
            "2026-01-31  ",
            "2026-01-31T00:00:00",
            "2026-01-31T00:00",
            "2026-01-31T00:00Z",
            "2026-01-31T00:00:00Z",
            "2026-01-31T00:00:00.000",
            "2026-01-31T00:00:00.0000000+02:00",
            "2026-01-31 00:00:00",
            "2026-01-31T08:30",
        ] {
            assert_eq!(dated(text), day(31), "{text}");
        }
        for text in [
            "",
            "  ",
            "0000-00-00",
            "1900-01-01",
            "1900-01-01T00:00:00Z",
            "1753-01-01T00:00:00",
            "0001-01-01T00:00:00Z",
            "0000-00-00T00:00:00",
        ] {
            assert_eq!(dated(text), Value::Null, "{text}");
        }
        let first = NaiveDate::from_ymd_opt(1800, 1, 1).expect("a date");
        let earlier = value(&Cell::Text("1900-01-01".into()), ColumnKind::Date, false, Dates { first, ..dates(DateZone::Label) });
        assert_eq!(earlier.to_text(), "1900-01-01", "where a site has dates that old");
    }

    #[test]
    fn what_is_no_date_stays_what_it_is_in_a_date_column() {
        for text in ["soon", "2026-13-40", "20260131", "31.01.2026", "2026-01-31x", "2026-01-31T", "2026-01-31Tx", "/Date(1769817600000)/"]
        {
            assert_eq!(dated(text), Value::text(text), "{text}");
        }
        assert_eq!(value(&Cell::Number("20260131".into()), ColumnKind::Date, false, dates(DateZone::Label)).to_text(), "20260131");
    }

    #[test]
    fn keys_stay_text_and_numbers_stay_exact() {
        let plain = |text: &str| read(text, ColumnKind::AsReceived, None, DateZone::Label);
        assert_eq!(plain("2026-01-31"), Value::Text("2026-01-31".into()));
        assert_eq!(plain("2026-01-31T08:30"), Value::Text("2026-01-31T08:30".into()));
        assert_eq!(plain(" 00001   "), Value::Text(" 00001".into()));
        let number = |text: &str| value(&Cell::Number(text.into()), ColumnKind::AsReceived, false, dates(DateZone::Label));
        assert_eq!(number("12345678901234.567891").to_text(), "12345678901234.567891");
        let long = "123456789012345678901234567890.5";
        assert_eq!(number(long).to_text(), long, "more digits than a decimal holds are kept as text");
        assert_eq!(read("12.50", ColumnKind::AsReceived, Some("Edm.Decimal"), DateZone::Label).to_text(), "12.5");
        assert_eq!(read("  12.50", ColumnKind::Number, None, DateZone::Label).to_text(), "12.5");
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_is(
            text in prop_oneof![any::<String>(), "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.Z+-]{0,12})?", "[ 0-9.eE+-]{0,14}"],
            edm in prop_oneof![Just(None), Just(Some("Edm.String")), Just(Some("Edm.DateTimeOffset")), Just(Some("Edm.Date"))],
        ) {
            let kept = text.trim_end_matches([' ', '\0']);
            let got = read(&text, ColumnKind::AsReceived, edm, DateZone::Instant);
            prop_assert_eq!(got, Value::Text(kept.into()));
        }
    }
}
