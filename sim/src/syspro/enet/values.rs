//! Values as e.net writes and reads them.

use chrono::NaiveDate;

use crate::dataset::{Cell, SqlType, TableSchema};
use crate::syspro::options::Switches;
use crate::syspro::query::visible;
use tieline_values::money::parse_decimal;

/// A column that exists for this client; row versions never do.
pub(super) fn columns_of(schema: &TableSchema, name: &str, switches: &Switches) -> Option<usize> {
    schema.column(name).filter(|at| visible(schema, *at, switches) && schema.columns[*at].sql != SqlType::RowVersion)
}

/// Blank text is empty, a null date is zeros, a number is right-aligned in the width of its type.
pub(super) fn show(cell: &Cell, sql: SqlType, trailing_minus: bool) -> String {
    match (sql, cell) {
        (SqlType::Decimal(precision, scale), Cell::Number(number)) => {
            let width = usize::from(precision) + usize::from(scale > 0);
            let power = 10_u64.pow(scale.into());
            let (whole, part) = (number.unsigned_abs() / power, number.unsigned_abs() % power);
            let digits = if scale > 0 { format!("{whole}.{part:0scale$}", scale = usize::from(scale)) } else { whole.to_string() };
            let signed = match (*number < 0, trailing_minus) {
                (false, _) => digits,
                (true, false) => format!("-{digits}"),
                (true, true) => format!("{digits}-"),
            };
            format!("{signed:>width$}")
        }
        (SqlType::DateTime, cell) => cell.date().map_or_else(|| "0000-00-00".into(), |date| date.format("%Y-%m-%d").to_string()),
        (_, cell) => cell.text().to_owned(),
    }
}

/// The value of an element of a setup or transaction document; `Err` is the sentence for it.
pub(super) fn read(text: &str, name: &str, sql: SqlType) -> Result<Cell, String> {
    let invalid = || format!("{name} '{}' is not valid", text.trim());
    match sql {
        SqlType::Char(width) | SqlType::Varchar(width) => {
            let text = text.trim_end();
            if text.chars().count() > usize::from(width) {
                return Err(format!("{name} is longer than {width} characters"));
            }
            if encoding_rs::WINDOWS_1252.encode(text).2 {
                return Err(format!("{name} holds characters that cannot be stored"));
            }
            Ok(text.into())
        }
        SqlType::Decimal(..) => parse_decimal(text.trim()).and_then(|n| Cell::read(&n.to_string(), sql)).ok_or_else(invalid),
        SqlType::DateTime if matches!(text.trim(), "" | "0000-00-00") => Ok(Cell::Null),
        SqlType::DateTime => NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map(Cell::from).map_err(|_| invalid()),
        SqlType::RowVersion => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_in_the_width_of_their_type() {
        let number = |n: i64, p, s| show(&Cell::Number(n), SqlType::Decimal(p, s), false);
        assert_eq!(number(1_500_000, 12, 6), "     1.500000");
        assert_eq!(number(1_500_000, 18, 6).len(), 19);
        assert_eq!(number(250, 5, 2), "  2.50");
        assert_eq!(number(42, 10, 0), "        42");
        assert_eq!(number(-5, 14, 2), "          -0.05");
        assert_eq!(show(&Cell::Number(-5), SqlType::Decimal(14, 2), true), "          0.05-");
        assert_eq!(show(&Cell::Null, SqlType::DateTime, false), "0000-00-00");
        assert_eq!(show(&Cell::from(" 00001   "), SqlType::Varchar(15), false), " 00001");
    }

    #[test]
    fn what_a_column_cannot_hold_is_refused() {
        assert!(read("0123456789A", "Branch", SqlType::Varchar(10)).is_err());
        assert!(read("日本", "Name", SqlType::Varchar(10)).is_err() && read("€é", "Name", SqlType::Varchar(10)).is_ok());
        assert!(read("1.505", "Value", SqlType::Decimal(14, 2)).is_err() && read(" 1.50", "Value", SqlType::Decimal(14, 2)).is_ok());
        assert!(read("31.1.2026", "Date", SqlType::DateTime).is_err());
    }
}
