//! Tables for a spreadsheet, as CSV.

use csv::{Error, QuoteStyle, Terminator, WriterBuilder};

/// Rows as CSV (RFC 4180), in UTF-8: every cell is in quotes. A cell that a spreadsheet would interpret as a formula gets a leading `'`.
///
/// # Errors
/// None is known: the rows are written to memory.
pub fn lines<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Error> {
    rows_of(rows.into_iter().map(|row| row.map(no_formula)))
}

/// The same for rows with amounts: a negative number stays a number.
///
/// # Errors
/// As [`lines`].
pub fn lines_with_amounts<const CELLS: usize>(rows: impl IntoIterator<Item = [String; CELLS]>) -> Result<Vec<u8>, Error> {
    rows_of(rows.into_iter().map(|row| row.map(cell)))
}

/// The same for rows whose cells are what [`cell`] made of them.
///
/// # Errors
/// As [`lines`].
pub fn rows_of(rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>) -> Result<Vec<u8>, Error> {
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A text as a cell: no spreadsheet takes it for a formula. A negative number stays a number.
pub fn cell(text: String) -> String {
    let is_number = text.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    if is_number { text } else { no_formula(text) }
}

/// A line about a table, above or below it: `# Filter: company EDU1`. It stays one line, and has no cell that a spreadsheet takes for a
/// formula, wherever the spreadsheet divides the line.
pub fn about(name: &str, value: &str) -> String {
    let mut line = format!("# {name}: ");
    let mut begins = false;
    for character in value.chars().map(|one| if one.is_control() { ' ' } else { one }) {
        if begins && FORMULA.contains(&character) {
            line.push('\'');
        }
        begins = matches!(character, ',' | ';' | '|' | '"') || (begins && character == ' ');
        line.push(character);
    }
    line + "\r\n"
}

/// With one of these a formula begins.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

fn no_formula(cell: String) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
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

    #[test]
    fn a_line_about_a_table_has_no_formula_and_stays_one_line() {
        assert_eq!(about("Filter", "from 2026-01-01, to 2026-01-31"), "# Filter: from 2026-01-01, to 2026-01-31\r\n");
        assert_eq!(about("Filter", "text x,=1+1; \t@a\n=2,\"-3"), "# Filter: text x,'=1+1;  '@a =2,\"'-3\r\n");
    }
}
