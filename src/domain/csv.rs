//! Tables for a spreadsheet, as CSV.

use csv::{Error, QuoteStyle, Terminator, WriterBuilder};

/// Rows as CSV (RFC 4180), in UTF-8: every cell is in quotes. A cell that a spreadsheet would interpret as a formula gets a leading `'`.
///
/// # Errors
/// None is known: the rows are written to memory.
pub fn lines<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Error> {
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.map(no_formula))?;
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
}
