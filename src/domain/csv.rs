//! Tables for a spreadsheet, as CSV.

use csv::{Error, QuoteStyle, Terminator, WriterBuilder};

/// Rows as CSV (RFC 4180), in UTF-8: every cell is in quotes. A cell that a spreadsheet would interpret as a formula gets a leading `'`.
///
/// # Errors
/// None is known: the rows are written to memory.
pub fn lines<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Error> {
    written(rows, no_formula)
}

/// The same for rows with amounts: a negative number stays a number.
///
/// # Errors
/// As [`lines`].
pub fn lines_with_amounts<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Error> {
    let is_number = |cell: &str| cell.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    written(rows, |cell| if is_number(&cell) { cell } else { no_formula(cell) })
}

fn written<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>, cell: impl Fn(String) -> String) -> Result<Vec<u8>, Error> {
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.map(&cell))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn no_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_is_no_formula() {
        let rows = [[r#"a "b", c"#, "=HYPERLINK(1)"], ["", "-1\n2"]].map(|row| row.map(ToOwned::to_owned));
        let text = String::from_utf8(lines(rows).unwrap()).unwrap();
        assert_eq!(text, "\"a \"\"b\"\", c\",\"'=HYPERLINK(1)\"\r\n\"\",\"'-1\n2\"\r\n");
    }

    #[test]
    fn an_amount_stays_a_number() {
        let rows = [["-12.00", "-1+2", "=1"].map(ToOwned::to_owned)];
        assert_eq!(String::from_utf8(lines_with_amounts(rows).unwrap()).unwrap(), "\"-12.00\",\"'-1+2\",\"'=1\"\r\n");
    }
}
