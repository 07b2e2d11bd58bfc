//! The forms of cells in a workbook, each made once.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use rust_decimal::Decimal;
use rust_xlsxwriter::{ExcelDateTime, Format};

/// The most significant digits that a number of a spreadsheet keeps.
const DIGITS: usize = 15;

/// The forms of cells.
pub(super) struct Formats {
    pub(super) heading: Format,
    pub(super) count: Format,
    pub(super) day: Format,
    pub(super) instant: Format,
    /// By the number of decimals.
    amounts: BTreeMap<u32, Format>,
}

impl Formats {
    pub(super) fn new() -> Self {
        Self {
            heading: Format::new().set_bold().set_text_wrap(),
            count: Format::new().set_num_format("#,##0"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
            amounts: BTreeMap::new(),
        }
    }

    /// For amounts with so many decimals.
    pub(super) fn amount(&mut self, decimals: u32) -> &Format {
        self.amounts.entry(decimals).or_insert_with(|| {
            let form = if decimals == 0 { "#,##0".to_owned() } else { format!("#,##0.{}", "0".repeat(decimals as usize)) };
            Format::new().set_num_format(form)
        })
    }
}

/// Whether a spreadsheet keeps all digits of this amount.
pub(super) fn fits(amount: &Decimal) -> bool {
    amount.mantissa().unsigned_abs().to_string().trim_end_matches('0').len() <= DIGITS
}

/// Whether a spreadsheet keeps all digits of this number.
pub(super) fn fits_count(count: i64) -> bool {
    count.unsigned_abs() < 1_000_000_000_000_000
}

/// A day of a spreadsheet; `None`: it is before 1900, and has no number there.
pub(super) fn day(day: NaiveDate) -> Option<ExcelDateTime> {
    let small = |number: u32| u8::try_from(number).ok();
    ExcelDateTime::from_ymd(u16::try_from(day.year()).ok()?, small(day.month())?, small(day.day())?).ok()
}

/// A time of a spreadsheet, to the millisecond; `None` as for a day.
pub(super) fn instant(at: DateTime<Utc>) -> Option<ExcelDateTime> {
    let (hour, minute, second) = (u16::try_from(at.hour()).ok()?, u8::try_from(at.minute()).ok()?, u8::try_from(at.second()).ok()?);
    let millisecond = u16::try_from(at.timestamp_subsec_millis().min(999)).ok()?;
    day(at.date_naive())?.and_hms_milli(hour, minute, second, millisecond).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_that_a_spreadsheet_would_round_is_no_number() {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        assert!(fits(&amount("9999999999999.99")), "15 digits");
        assert!(fits(&amount("12345678901234000.00")), "zeros at the end need no digit");
        assert!(!fits(&amount("99999999999999.99")), "16 digits");
    }

    #[test]
    fn a_time_before_1900_is_no_number() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert!(instant(at("2026-01-31T23:59:59.999Z")).is_some());
        assert!(instant(at("1899-01-01T00:00:00Z")).is_none());
    }
}
