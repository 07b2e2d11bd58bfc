//! Exact fractions: a price per thousand less three discounts is computed without losing a digit, and rounded once at the end.

use rust_decimal::Decimal;

/// A fraction in lowest terms. The denominator is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

/// A fraction as text with a number of decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The digits.
    pub text: String,
    /// Whether the text is exactly the fraction.
    pub exact: bool,
    /// Whether the fraction is not zero, but the text is.
    pub vanished: bool,
}

/// The most decimals that [`Ratio::write`] gives.
pub const MAX_PLACES: u32 = 12;

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// One.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// A fraction; `None` when the denominator is zero or a part has too many digits.
    fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let common = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        let common = i128::try_from(common).ok().filter(|common| *common > 0)?;
        let (numerator, denominator) =
            if common == 1 { (numerator, denominator) } else { (divided(numerator, common).0, divided(denominator, common).0) };
        match denominator {
            0 => None,
            1.. => Some(Self { numerator, denominator }),
            _ => Some(Self { numerator: numerator.checked_neg()?, denominator: denominator.checked_neg()? }),
        }
    }

    /// The fraction of a number; `None` for more than 38 digits, which a decimal cannot have.
    pub fn of(number: Decimal) -> Option<Self> {
        Self::new(number.mantissa(), 10_i128.checked_pow(number.scale())?)
    }

    /// The product; `None` when it has too many digits.
    pub fn times(self, other: Self) -> Option<Self> {
        // crosswise first, so that factors which cancel never overflow
        let (left, right) = (Self::new(self.numerator, other.denominator)?, Self::new(other.numerator, self.denominator)?);
        Self::new(left.numerator.checked_mul(right.numerator)?, left.denominator.checked_mul(right.denominator)?)
    }

    /// The quotient; `None` when the divisor is zero or the result has too many digits.
    pub fn over(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.denominator, other.numerator)?)
    }

    /// The sum; `None` when it has too many digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        // over the least common denominator, so that a sum of many has no more digits than it needs
        let common = i128::try_from(gcd(self.denominator.unsigned_abs(), other.denominator.unsigned_abs())).ok()?;
        let left = self.numerator.checked_mul(other.denominator / common)?;
        let right = other.numerator.checked_mul(self.denominator / common)?;
        Self::new(left.checked_add(right)?, (self.denominator / common).checked_mul(other.denominator)?)
    }

    /// The difference; `None` when it has too many digits.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self::new(other.numerator.checked_neg()?, other.denominator)?)
    }

    /// The value without its sign.
    #[must_use]
    pub fn size(self) -> Self {
        Self { numerator: self.numerator.checked_abs().unwrap_or(i128::MAX), ..self }
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The fewest decimals that write it exactly, or else so that it is not zero; `None` when no field has that many.
    pub fn places(self) -> Option<u32> {
        let written = |places: &u32| self.write(0, *places);
        (0..=MAX_PLACES)
            .find(|places| written(places).is_some_and(|written| written.exact))
            .or_else(|| (0..=MAX_PLACES).find(|places| written(places).is_some_and(|written| !written.vanished)))
    }

    /// Whether it is greater than the other; `None` when they have too many digits for a comparison.
    pub fn above(self, other: Self) -> Option<bool> {
        Some(self.minus(other)?.numerator > 0)
    }

    /// The text with at least `least` and at most `most` decimals: no more than the fraction needs; halves are rounded away from zero if
    /// `most` removes digits. `None` when it has too many digits.
    pub fn write(self, least: u32, most: u32) -> Option<Written> {
        let most = most.min(MAX_PLACES);
        let scaled = self.numerator.checked_mul(10_i128.checked_pow(most)?)?;
        let (whole, rest) = divided(scaled, self.denominator);
        let half = rest.unsigned_abs().checked_mul(2)? >= self.denominator.unsigned_abs();
        let rounded = if half { whole.checked_add(scaled.signum())? } else { whole };
        let digits = format!("{:0>width$}", rounded.unsigned_abs(), width = most as usize + 1);
        let (whole, decimals) = digits.split_at(digits.len() - most as usize);
        let needed = decimals.trim_end_matches('0').len().max((least.min(most)) as usize);
        let sign = if rounded < 0 { "-" } else { "" };
        let point = if needed == 0 { "" } else { "." };
        let text = format!("{sign}{whole}{point}{}", &decimals[..needed]);
        Some(Written { text, exact: rest == 0, vanished: rounded == 0 && self.numerator != 0 })
    }
}

/// The quotient and the rest.
fn divided(number: i128, by: i128) -> (i128, i128) {
    match (i64::try_from(number), i64::try_from(by)) {
        (Ok(number), Ok(by @ 1..)) => ((number / by).into(), (number % by).into()),
        _ => (number / by, number % by),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        // nearly all amounts fit, and dividing 64 bits takes a fraction of the time
        if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
            return gcd_of_small(a, b).into();
        }
        (a, b) = (b, a % b);
    }
    a
}

fn gcd_of_small(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Ratio {
        Ratio::of(Decimal::from_str_exact(text).expect("a number")).expect("short enough")
    }

    fn text(ratio: Ratio, least: u32, most: u32) -> String {
        ratio.write(least, most).expect("short enough").text
    }

    #[test]
    fn the_decimals_that_a_number_needs_are_counted() {
        let places = |text: &str| of(text).places();
        assert_eq!(["0", "12", "0.5", "0.0045", "0.0000001"].map(places), [Some(0), Some(0), Some(1), Some(4), Some(7)]);
        assert_eq!(places("0.00000000000001"), None);
        let third = of("1").over(of("3000")).expect("a third of a thousandth");
        assert_eq!((third.places(), text(third, 2, 4)), (Some(4), "0.0003".to_owned()));
    }

    #[test]
    fn a_price_per_thousand_less_ten_percent_is_exact() {
        let price = of("20.00").over(of("1000")).and_then(|price| price.times(of("90").over(of("100"))?)).expect("a price");
        assert_eq!(text(price, 2, 6), "0.018");
        assert_eq!(text(price.times(of("5000")).expect("a total"), 2, 2), "90.00");
    }

    #[test]
    fn rounding_happens_once_and_is_told() {
        let third = of("1").over(of("3")).expect("a third");
        assert_eq!(third.write(2, 4), Some(Written { text: "0.3333".into(), exact: false, vanished: false }));
        assert_eq!(text(third.times(of("3")).expect("one"), 2, 4), "1.00");
        assert_eq!(of("0.0045").write(2, 2), Some(Written { text: "0.00".into(), exact: false, vanished: true }));
        assert_eq!(of("-0.005").write(2, 2).map(|written| written.text), Some("-0.01".into()));
        assert_eq!(of("-0.004").write(2, 2).map(|written| written.text), Some("0.00".into()));
        assert_eq!(of("0").write(0, 0), Some(Written { text: "0".into(), exact: true, vanished: false }));
        assert_eq!(of("12.345").write(3, 3).map(|written| written.exact), Some(true));
        assert_eq!(text(of("1850"), 0, 0), "1850");
        assert_eq!(of("1").over(of("0")), None);
    }

    #[test]
    fn a_long_sum_needs_no_more_digits_than_its_result() {
        // 12.34567 by three units of weight, less 10.25 %, times a quantity of six decimals
        let line = |factor: &str| {
            let price = of("12.34567").over(of(factor)).and_then(|price| price.times(of("0.8975")));
            price.and_then(|price| price.times(of("123.456789"))).expect("a line")
        };
        let mut lines = std::iter::repeat_n([line("2.204623"), line("0.453593"), line("28.349527")], 50).flatten();
        let sum = lines.try_fold(Ratio::ZERO, Ratio::plus).expect("a sum");
        assert_eq!(text(sum, 2, 2), "184225.10");
    }

    #[test]
    fn differences_are_compared_exactly() {
        let difference = of("100").minus(of("140")).expect("short").size();
        assert_eq!(difference, of("40"));
        assert_eq!(difference.above(of("39.99")), Some(true));
        assert_eq!(difference.above(of("40")), Some(false));
    }

    proptest! {
        #[test]
        fn any_decimal_is_written_to_its_last_digit_or_said_not_to_be(units in any::<i64>(), scale in 0_u32..=12, most in 0_u32..=12) {
            let number = Decimal::new(units, scale);
            let written = Ratio::of(number).and_then(|ratio| ratio.write(0, most)).expect("31 digits at most");
            let back = Decimal::from_str_exact(&written.text).expect("a number");
            prop_assert_eq!(written.exact, back == number);
            prop_assert_eq!(written.vanished, back.is_zero() && !number.is_zero());
            prop_assert!((back - number).abs() * Decimal::from(2) <= Decimal::new(1, most));
        }

        #[test]
        fn what_is_divided_and_multiplied_again_is_what_it_was(units in -1_000_000_000_000_i64..1_000_000_000_000, by in 1_i64..1_000_000) {
            let (number, by) = (Ratio::of(Decimal::new(units, 5)).expect("short"), Ratio::of(Decimal::new(by, 6)).expect("short"));
            prop_assert_eq!(number.over(by).and_then(|part| part.times(by)), Some(number));
        }
    }
}
