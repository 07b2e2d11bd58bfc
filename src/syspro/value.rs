//! From cells as received to domain values.

use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;

use crate::config::settings::DateZone;
use crate::domain::Value;
use crate::domain::money::parse_decimal;

use super::filter::is_date_time;
use super::wire::Cell;

/// What is needed to read dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// What a zone means.
    pub(super) zone: DateZone,
    /// The server's zone.
    pub(super) at: Tz,
}

/// A cell as a value. A key column is never taken for a date by its looks alone, unless it has a time of day.
pub(super) fn value(cell: &Cell, edm: Option<&str>, is_key: bool, dates: Dates) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Flag(flag) => Value::Flag(*flag),
        Cell::Number(text) => parse_decimal(text).map_or_else(|| Value::Text(text.clone()), Value::from_decimal),
        Cell::Text(text) => match edm {
            Some("Edm.Decimal" | "Edm.Int64" | "Edm.Int32" | "Edm.Int16" | "Edm.Byte" | "Edm.Double" | "Edm.Single") => {
                parse_decimal(text).map_or_else(|| plain(text), Value::from_decimal)
            }
            _ if is_date_time(text.trim()) => date_time(text.trim(), dates),
            Some("Edm.Date") => Value::from_text(text),
            _ if is_key => plain(text),
            _ => Value::from_text(text),
        },
    }
}

fn plain(text: &str) -> Value {
    Value::Text(text.trim_end_matches([' ', '\0']).into())
}

fn date_time(text: &str, dates: Dates) -> Value {
    let written = || text.get(..10).and_then(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok());
    let date = match dates.zone {
        DateZone::Label => written(),
        // a date-time without a zone is already in the server's calendar
        DateZone::Instant => {
            DateTime::parse_from_rfc3339(text).map_or_else(|_| written(), |time| Some(time.with_timezone(&dates.at).date_naive()))
        }
    };
    match date {
        Some(date) if date.year() < 1901 => Value::Null,
        Some(date) => Value::Date(date),
        None => Value::from_text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, edm: Option<&str>, is_key: bool, zone: DateZone) -> Value {
        value(&Cell::Text(text.into()), edm, is_key, Dates { zone, at: chrono_tz::Africa::Johannesburg })
    }

    #[test]
    fn zones_are_labels_or_instants() {
        let date = |d| Value::Date(NaiveDate::from_ymd_opt(2026, 1, d).expect("a date"));
        assert_eq!(read("2026-01-30T22:00:00Z", None, false, DateZone::Label), date(30));
        assert_eq!(read("2026-01-30T22:00:00Z", None, false, DateZone::Instant), date(31));
        assert_eq!(read("2026-01-30T22:00:00", None, false, DateZone::Instant), date(30));
        assert_eq!(read("1900-01-01T00:00:00Z", None, false, DateZone::Instant), Value::Null);
    }

    #[test]
    fn keys_stay_text_and_numbers_stay_exact() {
        assert_eq!(read("2026-01-31", None, true, DateZone::Label), Value::Text("2026-01-31".into()));
        assert_eq!(read(" 00001   ", None, true, DateZone::Label), Value::Text(" 00001".into()));
        let number = value(&Cell::Number("12345678901234.567891".into()), None, false, Dates { zone: DateZone::Label, at: Tz::UTC });
        assert_eq!(number.to_text(), "12345678901234.567891");
        let long = "123456789012345678901234567890.5";
        let number = value(&Cell::Number(long.into()), None, false, Dates { zone: DateZone::Label, at: Tz::UTC });
        assert_eq!(number.to_text(), long, "more digits than a decimal holds are kept as text");
        assert_eq!(read("12.50", Some("Edm.Decimal"), false, DateZone::Label).to_text(), "12.5");
    }
}
