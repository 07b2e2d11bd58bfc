//! Currencies, and amounts in local currency.

/// Local currency of every company.
pub(super) const LOCAL: &str = "R";

/// Currency, description, rate to local currency in millionths, and whether to multiply or divide by it.
pub(super) const CURRENCIES: [(&str, &str, i64, &str); 5] = [
    ("R", "Rand", 1_000_000, "M"),
    ("$", "US dollar", 18_253_100, "M"),
    ("EUR", "Euro", 50_900, "D"),
    ("JPY", "Yen", 121_400, "M"),
    ("KWD", "Kuwaiti dinar", 59_481_200, "M"),
];

/// Rate to local currency in millionths, and whether to multiply (`M`) or divide (`D`) by it.
pub(super) fn rate(currency: &str) -> (i64, &'static str) {
    CURRENCIES.iter().find(|(code, ..)| *code == currency).map_or((1_000_000, "M"), |(_, _, rate, way)| (*rate, *way))
}

/// Cents of a currency in local cents, halves rounded up.
pub(super) fn local(cents: i64, currency: &str) -> i64 {
    let (rate, way) = rate(currency);
    let (cents, rate) = (i128::from(cents), i128::from(rate));
    let home = if way == "D" { (cents * 1_000_000 + rate / 2).div_euclid(rate) } else { (cents * rate + 500_000).div_euclid(1_000_000) };
    // amounts have at most 14 digits, so this never saturates
    i64::try_from(home).unwrap_or(i64::MAX)
}
