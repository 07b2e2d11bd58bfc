//! One column's value from SYSPRO, without binary floats.
//!
//! The kind of a value comes from the definition or from the received type, never from the form of its text: a GL code may be `1200-05-10`.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::money::parse_decimal;

/// One column's value. A text has its trailing spaces removed, never its leading ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Value {
    /// No value, or, in a date column, a date that counts as no date.
    #[default]
    Null,
    /// Text; may be empty.
    Text(Box<str>),
    /// A number, exact, without trailing zeros.
    Number(Decimal),
    /// A calendar date in the SYSPRO server's calendar.
    Date(NaiveDate),
    /// A flag; SYSPRO itself has no such type, but other servers may.
    Flag(bool),
}

impl Value {
    /// Text as SYSPRO stores it: trailing spaces are removed, everything else stays.
    pub fn text(text: &str) -> Self {
        Value::Text(text.trim_end_matches([' ', '\0']).into())
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

    /// The value as JSON with its kind: a text is a string, a date is `{"date":"2026-01-31"}`, a number has all its digits.
    pub fn to_json(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::Text(text) => serde_json::Value::from(&**text).to_string(),
            Value::Number(_) | Value::Flag(_) => self.to_text(),
            Value::Date(date) => format!("{{\"date\":\"{}\"}}", date.format(DATE)),
        }
    }

    /// The value from such JSON; `None` when it is not valid.
    pub fn from_json(raw: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Dated {
            date: String,
        }
        match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok().map(|text| Value::Text(text.into())),
            b'n' => Some(Value::Null),
            b't' => Some(Value::Flag(true)),
            b'f' => Some(Value::Flag(false)),
            b'{' => {
                let dated: Dated = serde_json::from_str(raw).ok()?;
                NaiveDate::parse_from_str(&dated.date, DATE).ok().map(Value::Date)
            }
            _ => parse_decimal(raw).map(Value::from_decimal),
        }
    }
}

/// The format of a date.
const DATE: &str = "%Y-%m-%d";

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => write!(f, "{number}"),
            Value::Date(date) => write!(f, "{}", date.format(DATE)),
            Value::Flag(flag) => f.write_str(if *flag { "true" } else { "false" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_keeps_its_left_side_and_loses_padding_and_is_never_taken_for_anything_else() {
        for (given, kept) in [
            (" 00001   ", " 00001"),
            ("1200-05-10", "1200-05-10"),
            ("0000-00-00", "0000-00-00"),
            ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
            ("12.50", "12.50"),
            ("true", "true"),
        ] {
            assert_eq!(Value::text(given), Value::Text(kept.into()));
        }
    }

    #[test]
    fn a_text_and_a_date_of_the_same_letters_are_stored_apart() {
        let date = Value::Date(NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date"));
        assert_eq!(date.to_json(), r#"{"date":"2026-01-31"}"#);
        assert_eq!(Value::text("2026-01-31").to_json(), r#""2026-01-31""#);
        assert_eq!(date.to_text(), Value::text("2026-01-31").to_text());
        for wrong in [r#"{"date":"soon"}"#, r#"{"date":1}"#, r#"{"a":1}"#, "[1]", "", "x"] {
            assert_eq!(Value::from_json(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_value_comes_back_from_its_json(
            text in any::<String>(), units in any::<i64>(), scale in 0_u32..20, day in 0_u64..3_000_000, flag in any::<bool>()
        ) {
            let date = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date") + chrono::Days::new(day);
            let values =
                [Value::Text(text.into()), Value::from_decimal(Decimal::new(units, scale)), Value::Date(date), Value::Flag(flag), Value::Null];
            for value in values {
                prop_assert_eq!(Value::from_json(&value.to_json()), Some(value));
            }
        }
    }
}
