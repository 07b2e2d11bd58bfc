//! Compares the sent fields with the returned row: a write can succeed although a field is dropped, shortened or rounded.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::definition::plan::{Form, TargetPlan};

use super::outcome::FieldDifference;
use super::wire::Row;

/// The fields that came back with another value than was sent.
///
/// `sys_id` is not compared: the instance may choose its own.
pub(super) fn differences<'a>(target: &TargetPlan, sent: impl Iterator<Item = (&'a str, &'a str)>, row: &Row) -> Vec<FieldDifference> {
    let pairs = sent.filter(|(field, _)| *field != "sys_id");
    let different = pairs.filter(|(field, value)| !same_cell(target, field, value, row));
    different
        .map(|(field, value)| FieldDifference { field: field.into(), sent: value.into(), returned: row.text(field).map(str::to_owned) })
        .collect()
}

/// The same for a row that was read earlier as plain values.
pub(super) fn differences_found<'a>(
    target: &TargetPlan,
    sent: impl Iterator<Item = (&'a str, &'a str)>,
    found: &BTreeMap<String, String>,
) -> Vec<FieldDifference> {
    let same = |field: &str, value: &str| match found.get(field) {
        Some(returned) => same(target.form(field), value, returned),
        None => value.trim().is_empty(),
    };
    let different = sent.filter(|(field, value)| *field != "sys_id" && !same(field, value));
    different
        .map(|(field, value)| FieldDifference { field: field.into(), sent: value.into(), returned: found.get(field).cloned() })
        .collect()
}

/// The names and texts of a map, for a comparison.
pub(super) fn texts(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(field, value)| (field.as_str(), value.as_str()))
}

/// Whether a row that was read earlier already has the values to be sent.
pub(super) fn same_fields<'a>(
    target: &TargetPlan,
    sent: impl Iterator<Item = (&'a str, &'a str)>,
    found: &BTreeMap<String, String>,
) -> bool {
    differences_found(target, sent, found).is_empty()
}

fn same_cell(target: &TargetPlan, field: &str, sent: &str, row: &Row) -> bool {
    match row.text(field) {
        None => sent.trim().is_empty(),
        // nearly every value comes back as it was sent, whatever its form
        Some(value) if value == sent => true,
        Some(value) => {
            let form = target.form(field);
            same(form, sent, value) || row.display(field).is_some_and(|display| same(form, sent, display))
        }
    }
}

/// Whether the returned value means the same as the sent one, by the kind of value of the field. A text that came back different is another
/// value, even if both look like the same number or date.
pub fn same(form: Form, sent: &str, returned: &str) -> bool {
    let (sent, returned) = (sent.trim(), returned.trim());
    if sent == returned || same_lines(sent, returned) {
        return true;
    }
    if sent.is_empty() {
        // an empty value in a number or flag column is stored as its zero
        return matches!(number(returned), Some(zero) if zero.is_zero()) || flag(returned) == Some(false);
    }
    match form {
        Form::Text => false,
        Form::Number => {
            matches!((number(sent), number(returned)), (Some(a), Some(b)) if a == b)
                || same_amount(sent, returned)
                || same_amount(returned, sent)
        }
        Form::Date => matches!((midnight(sent), midnight(returned)), (Some(a), Some(b)) if a == b),
        Form::Flag => flag(sent).is_some() && flag(sent) == flag(returned),
        Form::Unsaid => same_value(sent, returned),
    }
}

/// Whether two texts may mean the same value when its kind is not known: `12.5` and `12.50`, `2026-01-31` and `2026-01-31 00:00:00`, `true`
/// and `1`, line ends of either kind.
///
/// Codes stay codes: `007` differs from `7`, because a number with leading zeros is not compared as a number.
pub(super) fn same_value(sent: &str, returned: &str) -> bool {
    let (sent, returned) = (sent.trim(), returned.trim());
    if [Form::Text, Form::Number, Form::Date].iter().any(|form| same(*form, sent, returned)) {
        return true;
    }
    let literal = |text: &str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    (literal(sent) || literal(returned)) && same(Form::Flag, sent, returned)
}

/// Whether the stored value is the start of the sent text, or the sent number rounded: the column is too small. A transform map may replace
/// a value by another one, so a short start shows nothing.
pub(super) fn keeps_less(form: Form, sent: &str, there: &str) -> bool {
    const TELLING: usize = 8;
    let (sent, there) = (sent.trim(), there.trim());
    if same(form, sent, there) {
        return false;
    }
    if form == Form::Number {
        let (Some(sent), Some(there)) = (number(sent), number(there)) else { return false };
        return (sent - there).abs() < Decimal::new(1, there.scale());
    }
    let cut = sent.strip_prefix(there).is_some_and(|rest| !rest.is_empty());
    cut && there.chars().count() >= TELLING
}

/// Whether two texts are the same except for line ends and the spaces before them.
fn same_lines(a: &str, b: &str) -> bool {
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let ended = |text: &str| text.contains(['\r', '\n']);
    ended(a) && lines(a).split('\n').map(str::trim_end).eq(lines(b).split('\n').map(str::trim_end))
}

/// Compares an amount with its currency (`EUR;10.00`) with the value of a currency column. If the column returns only a number, the
/// instance may have converted it into the currency of the session: then only the presence of a number can be checked.
fn same_amount(sent: &str, returned: &str) -> bool {
    let parts = |text: &str| -> Option<(String, Decimal)> {
        let (code, amount) = text.split_once(';')?;
        let code_like = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        if code_like { Some((code.to_owned(), number(amount.trim())?)) } else { None }
    };
    match (parts(sent), parts(returned)) {
        (Some(a), Some(b)) => a == b,
        (Some((_, amount)), None) => number(returned).is_some_and(|shown| shown.is_zero() == amount.is_zero()),
        _ => false,
    }
}

/// A plain decimal number: without leading zeros, an unusual sign or an exponent.
fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = all_digits(whole) && fraction.is_none_or(all_digits) && (whole == "0" || !whole.starts_with('0'));
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// The date of a date, or of a date-time at midnight.
fn midnight(text: &str) -> Option<&str> {
    let date = text.get(..10)?;
    let shape = date.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    let rest = text[10..].trim_start_matches(['T', ' ']).trim_end_matches('Z');
    (shape && matches!(rest, "" | "00:00" | "00:00:00" | "00:00:00.000")).then_some(date)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "y" | "yes" => Some(true),
        "false" | "0" | "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_one_value_are_the_same() {
        for (a, b) in [
            ("12.5", "12.50"),
            ("12", "12.00"),
            ("-0.10", "-0.1"),
            ("0", "-0.00"),
            ("2026-01-31", "2026-01-31 00:00:00"),
            ("2026-01-31 00:00:00", "2026-01-31"),
            ("true", "1"),
            ("Y", "true"),
            ("N", "false"),
            ("", "0.00"),
            ("", "false"),
            ("x ", "x"),
            ("one\r\ntwo", "one\ntwo"),
            ("one \ntwo", "one\r\ntwo"),
            ("True", "true"),
            ("FALSE", "0"),
            ("EUR;10.00", "EUR;10"),
            ("EUR;10.00", "10.87"),
            ("ZAR;0.00", "0"),
            ("EUR;10.00", "10"),
            ("EUR;10.00", "EUR;10.0000"),
        ] {
            assert!(same_value(a, b), "{a} {b}");
        }
    }

    #[test]
    fn different_values_are_different() {
        for (a, b) in [
            ("007", "7"),
            ("12.345", "12.35"),
            ("2026-01-31", "2026-01-30"),
            ("2026-01-31 10:00:00", "2026-01-31 00:00:00"),
            ("true", "false"),
            ("Y", "1"),
            ("Acme Holdings", "Acme Hold"),
            ("abc", "ABC"),
            ("x", ""),
            ("", "x"),
            ("one\ntwo", "one two"),
            ("one\n\ntwo", "one\ntwo"),
            ("EUR;10.00", "USD;10.00"),
            ("EUR;10.00", "EUR;10.01"),
            ("EUR;10.00", ""),
            ("EUR;10.00", "0"),
            ("eur;10.00", "10.00"),
            ("EUR;10.00", ";10.00"),
            ("PO;10", "10"),
            ("9999999999999999999999999.01", "9999999999999999999999999.02"),
        ] {
            assert!(!same_value(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_kind_of_a_value_decides_and_not_its_text() {
        for (form, sent, returned, is) in [
            (Form::Text, "42.0", "42", false),
            (Form::Text, "0042", "42", false),
            (Form::Text, "2026-01-31", "2026-01-31 00:00:00", false),
            (Form::Text, "true", "1", false),
            (Form::Text, "EUR;10.00", "10.00", false),
            (Form::Text, "42.0 ", "42.0", true),
            (Form::Text, "", "0", true),
            (Form::Number, "42.0", "42", true),
            (Form::Number, "EUR;10.00", "10.00", true),
            (Form::Number, "42", "true", false),
            (Form::Number, "1", "true", false),
            (Form::Date, "2026-01-31", "2026-01-31 00:00:00", true),
            (Form::Date, "42.0", "42", false),
            (Form::Flag, "true", "1", true),
            (Form::Flag, "1", "1.0", false),
            (Form::Unsaid, "42.0", "42", true),
            (Form::Unsaid, "0042", "42", false),
        ] {
            assert_eq!(same(form, sent, returned), is, "{form:?} {sent} {returned}");
        }
    }

    #[test]
    fn a_missing_field_is_a_difference_unless_nothing_was_sent() {
        let row = Row::of([("a", "1", None)]);
        let found = differences(
            &crate::servicenow::tests::support::table(),
            [("a", "1.0"), ("b", ""), ("c", "kept"), ("sys_id", "x")].into_iter(),
            &row,
        );
        assert_eq!(found, [FieldDifference { field: "c".into(), sent: "kept".into(), returned: None }]);
    }

    proptest! {
        #[test]
        fn trailing_zeros_never_matter_and_other_digits_always_do(units in -1_000_000_000_i64..1_000_000_000, places in 0_u32..6, more in 0_u32..4, change in 1_i64..50) {
            let value = Decimal::new(units, places);
            let mut padded = value;
            padded.rescale(places + more);
            prop_assert!(same_value(&value.to_string(), &padded.to_string()));
            prop_assert!(same_value(&padded.to_string(), &value.to_string()));
            let other = Decimal::new(units + change, places);
            prop_assert!(!same_value(&value.to_string(), &other.to_string()));
        }

        #[test]
        fn a_cut_text_is_seen(text in "[A-Za-z][A-Za-z0-9 ]{4,40}[A-Za-z]", keep in 1_usize..5) {
            prop_assert!(same_value(&text, &text));
            prop_assert!(!same_value(&text, &text[..keep]));
        }

        #[test]
        fn comparing_is_symmetric_for_filled_values_and_never_panics(a in "\\PC{1,20}", b in "\\PC{1,20}") {
            if !a.trim().is_empty() && !b.trim().is_empty() {
                prop_assert_eq!(same_value(&a, &b), same_value(&b, &a));
            }
        }
    }
}
