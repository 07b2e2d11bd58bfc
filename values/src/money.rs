//! Decimals from text to text, without binary floats.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::currency::minor_units;

/// Reads a number exactly from the text of a JSON number or from a padded column: `1234.50`, `-3`, `1.2e3`, `  38.400 `, `12.50-`.
/// `None` when it is not a number, or has more than the 28 digits that a decimal can hold.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (text, negative) = match text.strip_suffix('-') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let number = if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok()? } else { Decimal::from_str_exact(text).ok()? };
    Some(if negative { -number } else { number })
}

/// Writes a number with exactly `places` decimals; halves are rounded away from zero, as accountants do.
pub fn format_decimal(number: Decimal, places: u32) -> String {
    let rounded = number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    let rounded = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{rounded:.*}", places as usize)
}

/// An amount for people: with separators between thousands and the decimals of its currency; two if ISO 4217 does not list it. No digit is
/// hidden.
pub fn amount_in(amount: Decimal, currency: &str) -> String {
    let places = minor_units(currency).unwrap_or(2);
    thousands(&format_decimal(amount, amount.normalize().scale().max(places)))
}

/// Commas between the thousands.
pub fn thousands(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut apart = String::from(sign);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_to_the_last_digit() {
        for text in ["12345678901234.567891", "0.01", "-99999999999999.99", "1e2", "1.5E-3"] {
            assert!(parse_decimal(text).is_some(), "{text}");
        }
        assert_eq!(format_decimal(parse_decimal("12345678901234.567891").expect("number"), 6), "12345678901234.567891");
        assert_eq!(format_decimal(parse_decimal("12.50-").expect("number"), 2), "-12.50");
        assert_eq!(format_decimal(parse_decimal("2.345").expect("number"), 2), "2.35");
        assert_eq!(format_decimal(parse_decimal("-0.001").expect("number"), 2), "0.00");
        assert_eq!(parse_decimal("12,5"), None);
        assert_eq!(parse_decimal(""), None);
    }

    #[test]
    fn thousands_are_separated() {
        for (number, apart) in [("0.00", "0.00"), ("999", "999"), ("1000", "1,000"), ("-100000.5", "-100,000.5"), ("1234567", "1,234,567")]
        {
            assert_eq!(thousands(number), apart);
        }
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency_and_all_its_digits() {
        for (amount, currency, shown) in [
            ("1250000.00", "JPY", "1,250,000"),
            ("1250000.50", "JPY", "1,250,000.5"),
            ("1234.5", "ZAR", "1,234.50"),
            ("-12.345", "KWD", "-12.345"),
            ("12", "KWD", "12.000"),
            ("12.345", "EUR", "12.345"),
            ("12", "", "12.00"),
        ] {
            assert_eq!(amount_in(parse_decimal(amount).expect("a number"), currency), shown);
        }
    }
}
