//! How a value is converted when it is written to a column.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime};

use tieline_values::money::{format_decimal, parse_decimal};
use tieline_values::ratio::Ratio;

use super::options::{LongText, ServiceNowOptions};
use super::schema::ColumnKind;

/// Decimals that a currency column keeps: four, unless the instance is set to two.
const CURRENCY_PLACES: u32 = 4;

/// What is stored of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    /// This text.
    Text(Cow<'a, str>),
    /// Nothing: the column keeps what it held.
    Ignored,
    /// The whole write is refused.
    TooLong,
}

/// A value for a column of this kind; `None` is a column of an open table. References are checked elsewhere.
pub(super) fn store<'a>(kind: Option<&ColumnKind>, value: Cow<'a, str>, options: &ServiceNowOptions, display: bool) -> Stored<'a> {
    let whole = |text: Option<String>| text.map_or(Stored::Ignored, |text| Stored::Text(Cow::Owned(text)));
    let length = match kind {
        None => options.open_column_length,
        Some(ColumnKind::Text(length)) => *length,
        Some(ColumnKind::Reference(_)) => 32,
        // an empty text clears every column but a choice
        Some(ColumnKind::Choice(_)) if value.is_empty() => return Stored::Ignored,
        Some(_) if value.is_empty() => return Stored::Text(value),
        Some(ColumnKind::Choice(choices)) => {
            let known = options.any_choice || choices.iter().any(|choice| *choice == value);
            return if known { Stored::Text(value) } else { Stored::Ignored };
        }
        Some(ColumnKind::Integer) => return whole(value.trim().parse::<i64>().ok().map(|number| number.to_string())),
        Some(ColumnKind::Decimal | ColumnKind::Scaled(_)) => {
            let places = if let Some(ColumnKind::Scaled(scale)) = kind { *scale } else { options.decimal_places };
            return whole(parse_decimal(&value).map(|number| format_decimal(number, places)));
        }
        Some(ColumnKind::Currency) => {
            let amount = match value.split_once(';') {
                Some((code, amount)) => (code.len() == 3).then_some(amount),
                None => Some(&*value),
            };
            let amount = amount.and_then(parse_decimal).and_then(Ratio::of);
            return whole(amount.and_then(|amount| amount.write(2, CURRENCY_PLACES)).map(|written| written.text));
        }
        Some(ColumnKind::Boolean) => {
            return whole(match &*value {
                "true" | "1" => Some("true".to_owned()),
                "false" | "0" => Some("false".to_owned()),
                _ => None,
            });
        }
        // a malformed date is stored wrong: as no date at all
        Some(ColumnKind::Date) => {
            let date = value.get(..10).and_then(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok());
            return Stored::Text(Cow::Owned(date.map(|date| date.to_string()).unwrap_or_default()));
        }
        Some(ColumnKind::DateTime) => return Stored::Text(Cow::Owned(date_time(&value, options, display).unwrap_or_default())),
    };
    if value.len() <= length || value.chars().count() <= length {
        return Stored::Text(value);
    }
    match options.long_text {
        LongText::Keep => Stored::Text(value),
        LongText::Refuse => Stored::TooLong,
        LongText::Cut => Stored::Text(Cow::Owned(value.chars().take(length).collect())),
    }
}

fn date_time(value: &str, options: &ServiceNowOptions, display: bool) -> Option<String> {
    let time = match NaiveDateTime::parse_from_str(value, "%Y-%m-%d %H:%M:%S") {
        Ok(time) => time,
        Err(_) => NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?,
    };
    let offset = if display { i64::from(options.user_offset_minutes) } else { 0 };
    Some((time - chrono::Duration::minutes(offset)).format("%Y-%m-%d %H:%M:%S").to_string())
}

/// A JSON value as the text that reaches a column. Every other type is converted to text: numbers go through a binary
/// float, objects are written with `=` in place of `:`.
pub(super) fn mangled(value: &serde_json::Value) -> Cow<'_, str> {
    use serde_json::Value;
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        Value::Array(items) => Cow::Owned(format!("[{}]", items.iter().map(mangled).collect::<Vec<_>>().join(", "))),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}={}", mangled(value)));
            Cow::Owned(format!("{{{}}}", members.collect::<Vec<_>>().join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: &ColumnKind, value: &str) -> Option<String> {
        match store(Some(kind), Cow::Borrowed(value), &ServiceNowOptions::default(), false) {
            Stored::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn values_are_cut_rounded_or_ignored() {
        assert_eq!(kept(&ColumnKind::Text(3), "äbcd").as_deref(), Some("äbc"));
        assert_eq!(kept(&ColumnKind::Decimal, "12.345").as_deref(), Some("12.35"));
        assert_eq!(kept(&ColumnKind::Decimal, "12,5"), None);
        assert_eq!(kept(&ColumnKind::Currency, "0.018").as_deref(), Some("0.018"));
        assert_eq!(kept(&ColumnKind::Currency, "EUR;12.34567").as_deref(), Some("12.3457"));
        assert_eq!(kept(&ColumnKind::Currency, "EURO;1"), None);
        assert_eq!(kept(&ColumnKind::Integer, "1.5"), None);
        assert_eq!(kept(&ColumnKind::Boolean, "1").as_deref(), Some("true"));
        assert_eq!(kept(&ColumnKind::Boolean, "Y"), None);
        assert_eq!(kept(&ColumnKind::Date, "2026-01-31 10:00:00").as_deref(), Some("2026-01-31"));
        assert_eq!(kept(&ColumnKind::Date, "31/01/2026").as_deref(), Some(""));
        assert_eq!(kept(&ColumnKind::DateTime, "2026-01-31").as_deref(), Some("2026-01-31 00:00:00"));
        let choice = ColumnKind::Choice(vec!["a".into()]);
        assert_eq!((kept(&choice, "a").as_deref(), kept(&choice, "b"), kept(&choice, "")), (Some("a"), None, None));
    }

    #[test]
    fn values_that_are_no_texts_are_mangled() {
        let value = serde_json::json!({"a": {"b": "c"}, "n": 1.50, "t": true});
        assert_eq!(mangled(&value), "{a={b=c}, n=1.5, t=true}");
    }
}
