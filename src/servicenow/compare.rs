//! Sent fields against the row that came back: a write can succeed while a field is dropped, cut or rounded.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::outcome::FieldDifference;
use super::wire::{Cell, Row};

/// The fields that came back otherwise than they were sent.
///
/// `sys_id` is not compared: the instance may choose its own.
pub(super) fn differences<'a>(sent: impl Iterator<Item = (&'a str, &'a str)>, row: &Row) -> Vec<FieldDifference> {
    let pairs = sent.filter(|(field, _)| *field != "sys_id");
    let different = pairs.filter(|(field, value)| !same_cell(value, row.0.get(*field)));
    different
        .map(|(field, value)| FieldDifference { field: field.into(), sent: value.into(), returned: row.text(field).map(str::to_owned) })
        .collect()
}

/// The same for a row that was read earlier as plain values.
pub(super) fn differences_found(sent: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<FieldDifference> {
    let same = |field: &str, value: &str| match found.get(field) {
        Some(returned) => same_value(value, returned),
        None => value.trim().is_empty(),
    };
    let different = sent.iter().filter(|(field, value)| *field != "sys_id" && !same(field, value));
    different
        .map(|(field, value)| FieldDifference { field: field.clone(), sent: value.clone(), returned: found.get(field).cloned() })
        .collect()
}

/// Whether a row that was read earlier holds what would be sent.
pub(super) fn same_fields(sent: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> bool {
    differences_found(sent, found).is_empty()
}

fn same_cell(sent: &str, cell: Option<&Cell>) -> bool {
    match cell {
        None => sent.trim().is_empty(),
        Some(cell) => same_value(sent, &cell.value) || cell.display.as_deref().is_some_and(|display| same_value(sent, display)),
    }
}

/// Whether two texts mean the same value: `12.5` and `12.50`, `2026-01-31` and `2026-01-31 00:00:00`, `true` and `1`.
///
/// Codes stay codes: `007` is not `7`, because a number with leading zeros is not compared as a number.
pub fn same_value(sent: &str, returned: &str) -> bool {
    let (sent, returned) = (sent.trim(), returned.trim());
    if sent == returned {
        return true;
    }
    if sent.is_empty() {
        // clearing a number or a flag column leaves its zero
        return matches!(number(returned), Some(zero) if zero.is_zero()) || flag(returned) == Some(false);
    }
    if let (Some(a), Some(b)) = (number(sent), number(returned)) {
        return a == b;
    }
    if let (Some((a, x)), Some((b, y))) = (money(sent), money(returned)) {
        // a currency column answers with the amount alone
        return x == y && (a == b || a.is_empty() || b.is_empty());
    }
    if let (Some(a), Some(b)) = (midnight(sent), midnight(returned)) {
        return a == b;
    }
    let literal = |text: &str| matches!(text, "true" | "false");
    (literal(sent) || literal(returned)) && flag(sent).is_some() && flag(sent) == flag(returned)
}

/// A plain decimal number: no leading zeros, sign or exponent of unusual form.
fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = all_digits(whole) && fraction.is_none_or(all_digits) && (whole == "0" || !whole.starts_with('0'));
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// An amount as a currency column takes it, `EUR;10.00`, or without its currency.
fn money(text: &str) -> Option<(&str, Decimal)> {
    let (code, amount) = text.split_once(';').unwrap_or(("", text));
    let is_code = code.is_empty() && !text.contains(';') || code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    Some((code, number(amount).filter(|_| is_code)?))
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
            ("EUR;10.00", "USD;10.00"),
            ("EUR;10.00", "11.20"),
            ("EUR;10.00", ";10.00"),
            ("PO;10", "10"),
            ("9999999999999999999999999.01", "9999999999999999999999999.02"),
        ] {
            assert!(!same_value(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_missing_field_is_a_difference_unless_nothing_was_sent() {
        let row = Row([("a".to_owned(), Cell { value: "1".into(), display: None })].into());
        let found = differences([("a", "1.0"), ("b", ""), ("c", "kept"), ("sys_id", "x")].into_iter(), &row);
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
