//! One column's value as SYSPRO gave it, without binary floats.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

/// One column's value. Text has its trailing blanks removed, never its leading ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Value {
    /// No value, or a date that stands for none (null, `0000-00-00`, 1900-01-01 and before).
    #[default]
    Null,
    /// Text; may be empty.
    Text(Box<str>),
    /// A number, exact, without trailing zeros.
    Number(Decimal),
    /// A calendar date in the SYSPRO server's calendar.
    Date(NaiveDate),
    /// A flag; SYSPRO itself has none of this type, other servers may.
    Flag(bool),
}

impl Value {
    /// Text as SYSPRO stores it: trailing blanks go; a text in the shape of a date or of a midnight date-time is a date.
    pub fn from_text(text: &str) -> Self {
        let text = text.trim_end_matches([' ', '\0']);
        match parse_date(text) {
            Some(DateText::Date(date)) => Value::Date(date),
            Some(DateText::NoDate) => Value::Null,
            None => Value::Text(text.into()),
        }
    }

    /// A number, normalized so that `1.50` and `1.5` are the same value.
    pub fn from_decimal(number: Decimal) -> Self {
        Value::Number(number.normalize())
    }

    /// Null or empty text.
    pub fn is_blank(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The value as plain text: empty for null, `YYYY-MM-DD` for a date, no exponent in a number.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => write!(f, "{number}"),
            Value::Date(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            Value::Flag(flag) => f.write_str(if *flag { "true" } else { "false" }),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::from_text(text)
    }
}

/// What a text in the shape of a date says.
#[derive(Debug, PartialEq, Eq)]
enum DateText {
    Date(NaiveDate),
    /// `0000-00-00`, or a date before 1901: SYSPRO's "no date" (whether a site carries 1900-01-01 is unknown, so it counts as empty).
    NoDate,
}

/// Reads `YYYY-MM-DD`, alone or followed by a midnight time with or without zone. Any other text is not a date.
fn parse_date(text: &str) -> Option<DateText> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (date, time) = text.split_at_checked(10)?;
    if !time.is_empty() && !is_midnight(time) {
        return None;
    }
    if date == "0000-00-00" {
        return Some(DateText::NoDate);
    }
    if !date.bytes().enumerate().all(|(i, b)| i == 4 || i == 7 || b.is_ascii_digit()) {
        return None;
    }
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(if date.year() < 1901 { DateText::NoDate } else { DateText::Date(date) })
}

/// `T00:00:00`, with any number of zero decimals and any zone label.
fn is_midnight(time: &str) -> bool {
    let Some(rest) = time.strip_prefix("T00:00:00").or_else(|| time.strip_prefix(" 00:00:00")) else {
        return time == "T00:00" || time == "T00:00Z";
    };
    let rest = match rest.strip_prefix('.') {
        Some(decimals) => decimals.trim_start_matches('0'),
        None => rest,
    };
    rest.is_empty() || rest == "Z" || (rest.len() == 6 && matches!(rest.as_bytes()[0], b'+' | b'-') && rest.as_bytes()[3] == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_recognised_with_and_without_zone() {
        let date = Value::Date(NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date"));
        for text in [
            "2026-01-31",
            "2026-01-31T00:00:00",
            "2026-01-31T00:00:00Z",
            "2026-01-31T00:00:00.000",
            "2026-01-31T00:00:00.0000000+02:00",
            "2026-01-31 00:00:00",
        ] {
            assert_eq!(Value::from_text(text), date, "{text}");
        }
    }

    #[test]
    fn the_texts_that_stand_for_no_date_are_null() {
        for text in
            ["0000-00-00", "1900-01-01", "1900-01-01T00:00:00Z", "1753-01-01T00:00:00", "0001-01-01T00:00:00Z", "0000-00-00T00:00:00"]
        {
            assert_eq!(Value::from_text(text), Value::Null, "{text}");
        }
    }

    #[test]
    fn text_keeps_its_left_side_and_loses_padding() {
        assert_eq!(Value::from_text(" 00001   "), Value::Text(" 00001".into()));
        assert_eq!(Value::from_text("2026-13-40"), Value::Text("2026-13-40".into()));
        assert_eq!(Value::from_text("PO-2026-01-31"), Value::Text("PO-2026-01-31".into()));
    }
}
