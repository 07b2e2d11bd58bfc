//! The forms of texts and numbers in bodies, as the description of the API shows them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A fiscal year and period.
pub(super) const PERIOD: &str = "^[1-9][0-9]{3}-(0[1-9]|[1-9][0-9])$";
/// The same, or a fiscal year that has no periods.
pub(super) const PERIOD_OR_YEAR: &str = "^[1-9][0-9]{3}(-(0[1-9]|[1-9][0-9]))?$";

/// Excludes the zero byte, which Postgres cannot store.
pub(super) const TEXT: &str = "^[^\\u0000]*$";

/// The reason for a request, in a few words; stored in the audit.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$", min_length = 1, max_length = 1000)]
pub(super) struct Why(#[allow(dead_code)] String); // names its form in the description, no more

/// A name or a text in SYSPRO's spelling; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*$")]
pub(super) struct Name(#[allow(dead_code)] String); // as above

/// A name or a text that is not empty; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]+$", min_length = 1)]
pub(super) struct Filled(#[allow(dead_code)] String); // as above

/// A fiscal year and period, such as `2026-03`; or nothing.
#[derive(ToSchema)]
#[schema(pattern = "^([1-9][0-9]{3}-(0[1-9]|[1-9][0-9]))?$", max_length = 7)]
pub(super) struct PeriodOrEmpty(#[allow(dead_code)] String); // names its form in the description, no more

/// Whole numbers in any JSON form: `17.0` is the same as `17`.
pub(super) fn whole_numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let texts: Vec<Box<RawValue>> = Vec::deserialize(deserializer)?;
    let whole = |text: &str| {
        let number = Decimal::from_scientific(text).or_else(|_| text.parse()).ok()?;
        number.is_integer().then(|| number.to_i64()).flatten()
    };
    let number = |raw: Box<RawValue>| whole(raw.get()).ok_or_else(|| D::Error::custom(format!("`{}` is not a whole number", raw.get())));
    texts.into_iter().map(number).collect()
}
