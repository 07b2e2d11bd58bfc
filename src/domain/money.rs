//! Decimals from text to text. No binary float touches an amount.

use rust_decimal::{Decimal, RoundingStrategy};

/// Reads a number exactly from the text of a JSON number or from a padded column: `1234.50`, `-3`, `1.2e3`, `  38.400 `, `12.50-`.
/// `None` when it is no number, or has more than the 28 digits that a decimal holds.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (text, negative) = match text.strip_suffix('-') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let number = if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok()? } else { Decimal::from_str_exact(text).ok()? };
    Some(if negative { -number } else { number })
}

/// Writes a number with exactly `places` decimals, halves rounded away from zero as accountants do.
pub fn format_decimal(number: Decimal, places: u32) -> String {
    let rounded = number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    let rounded = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{rounded:.*}", places as usize)
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
}
