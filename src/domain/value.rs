//! One column's value from SYSPRO, without binary floats.
//!
//! The kind of a value comes from the definition or from the received type, never from the form of its text: a GL code may be `1200-05-10`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::json_text;
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

    /// The same text, borrowed where the value is a text.
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Value::Null => Cow::Borrowed(""),
            Value::Text(text) => Cow::Borrowed(text),
            value => Cow::Owned(value.to_string()),
        }
    }

    /// The value as JSON with its kind: a text is a string, a date is `{"date":"2026-01-31"}`, a number has all its digits.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends the value as JSON with its kind.
    pub fn write_json(&self, out: &mut String) {
        // writing to a `String` never fails
        let _ = match self {
            Value::Null => out.write_str("null"),
            Value::Text(text) => {
                json_text::write(out, text);
                Ok(())
            }
            Value::Number(number) => write_number(out, *number),
            Value::Flag(flag) => write!(out, "{flag}"),
            Value::Date(date) => write!(out, "{{\"date\":\"{date}\"}}"),
        };
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

/// Writes a number as its own `Display` does. Nearly all numbers are short, and are written from their digits in one piece.
fn write_number(out: &mut impl fmt::Write, number: Decimal) -> fmt::Result {
    let scale = number.scale() as usize;
    let mut left = match u64::try_from(number.mantissa().unsigned_abs()) {
        Ok(digits @ 1..) if scale <= SHORT => digits,
        _ => return write!(out, "{number}"),
    };
    // twenty digits at most, a point, and a sign
    let mut text = [b'0'; 24];
    let (mut at, mut written) = (text.len(), 0);
    while left > 0 || written <= scale {
        if written == scale && scale > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        // a digit is below ten
        text[at] = b'0' + (left % 10) as u8;
        (left, written) = (left / 10, written + 1);
    }
    if number.is_sign_negative() {
        at -= 1;
        text[at] = b'-';
    }
    out.write_str(std::str::from_utf8(&text[at..]).map_err(|_| fmt::Error)?)
}

/// The most decimals that [`write_number`] writes by itself.
const SHORT: usize = 12;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => write_number(f, *number),
            // `YYYY-MM-DD`
            Value::Date(date) => write!(f, "{date}"),
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
        fn a_number_is_written_as_decimals_are(units in prop_oneof![any::<i64>(), -1000_i64..1000], more in any::<u32>(), scale in 0_u32..28) {
            for number in [Decimal::new(units, scale), Decimal::from_i128_with_scale(i128::from(units) * i128::from(more), scale)] {
                prop_assert_eq!(Value::Number(number).to_text(), number.to_string());
                prop_assert_eq!(Value::Number(number).to_json(), number.to_string());
            }
        }

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
