//! A report as a workbook for a spreadsheet. Rows go to a temporary file as they are written, so memory does not grow with them.

use std::io;

use chrono::{DateTime, Datelike, Timelike, Utc};
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Formula, Workbook as Book, Worksheet, XlsxError};

use super::{About, Cell, Column};

/// The most rows of a sheet, without its heading: what spreadsheets can show, less some lines.
pub const ROWS: u32 = 1_000_000;

/// The most significant digits that a number of a spreadsheet keeps.
const DIGITS: usize = 15;

/// Why a workbook could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the workbook could not be written: {0}. Check that the directory for temporary files has room, then try again")]
pub struct WorkbookError(String);

impl From<XlsxError> for WorkbookError {
    fn from(error: XlsxError) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for WorkbookError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A workbook that is being written.
pub struct Workbook {
    book: Book,
    foot: String,
}

/// A sheet that is being written: its rows in order.
pub struct Sheet<'a> {
    sheet: &'a mut Worksheet,
    columns: &'a [Column],
    /// The next row.
    row: u32,
}

/// A total: the sum of one column over the rows that have certain texts in certain columns.
pub struct Sum<'a> {
    /// The name of the sheet whose rows are added up.
    pub sheet: &'a str,
    /// How many rows it has.
    pub rows: u32,
    /// The place of the column that is added up.
    pub column: u16,
    /// The places of columns, each with the text that a row must have there.
    pub only: Vec<(u16, String)>,
    /// The sum.
    pub total: Cell,
    /// Whether every amount of the column is a number in the sheet; if not, a spreadsheet cannot add them up.
    pub numbers: bool,
}

impl Workbook {
    /// A workbook whose first sheet has the facts of the report. `at` stands in the file as the time of its creation.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn new(about: &About, at: DateTime<Utc>) -> Result<Self, WorkbookError> {
        let mut book = Book::new();
        let seconds = u16::try_from(at.second()).unwrap_or_default();
        let day = |number: u32| u8::try_from(number).unwrap_or_default();
        let created = ExcelDateTime::from_ymd(u16::try_from(at.year()).unwrap_or(1900), day(at.month()), day(at.day()))?.and_hms(
            u16::try_from(at.hour()).unwrap_or_default(),
            day(at.minute()),
            f64::from(seconds),
        )?;
        book.set_properties(&DocProperties::new().set_title(&about.title).set_author("Tieline").set_creation_datetime(&created));
        let sheet = book.add_worksheet();
        sheet.set_name("About")?;
        sheet.set_column_width(0, 26)?;
        sheet.set_column_width(1, 110)?;
        sheet.write_string_with_format(0, 0, &about.title, &Format::new().set_bold().set_font_size(14))?;
        let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        for (row, (name, value)) in (2..).zip(&about.facts) {
            sheet.write_string_with_format(row, 0, *name, &wrapped)?;
            sheet.write_string_with_format(row, 1, value, &wrapped)?;
        }
        let mut workbook = Self { book, foot: about.foot.clone() };
        workbook.print_settings(0)?;
        Ok(workbook)
    }

    fn print_settings(&mut self, place: usize) -> Result<(), WorkbookError> {
        // `&` begins a code in a footer
        let foot = format!("&L{}&Rpage &P of &N", self.foot.replace('&', "&&"));
        let sheet = self.book.worksheet_from_index(place)?;
        // a footer has at most 255 characters
        sheet.set_landscape().set_print_fit_to_pages(1, 0).set_footer(foot.chars().take(250).collect::<String>());
        Ok(())
    }

    /// Adds a sheet with these columns.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn sheet<'a>(&'a mut self, name: &str, columns: &'a [Column]) -> Result<Sheet<'a>, WorkbookError> {
        self.book.add_worksheet_with_constant_memory()?.set_name(name)?;
        let place = self.book.worksheets().len() - 1;
        self.print_settings(place)?;
        let sheet = self.book.worksheet_from_index(place)?;
        sheet.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?;
        let bold = Format::new().set_bold().set_text_wrap();
        for (column, at) in columns.iter().zip(0..) {
            sheet.set_column_width(at, column.width)?;
            sheet.write_string_with_format(0, at, column.name, &bold)?;
        }
        Ok(Sheet { sheet, columns, row: 1 })
    }

    /// The file.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn finish(mut self) -> Result<Vec<u8>, WorkbookError> {
        Ok(self.book.save_to_buffer()?)
    }
}

impl Sheet<'_> {
    /// Writes a row. False, and nothing is written, when the sheet is full.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn row(&mut self, cells: &[Cell]) -> Result<bool, WorkbookError> {
        if self.row > ROWS {
            return Ok(false);
        }
        for (cell, at) in cells.iter().zip(0..) {
            self.cell(at, cell)?;
        }
        self.row += 1;
        Ok(true)
    }

    /// Writes a row of texts and totals. A total is a formula together with its value, so that a reader can follow it.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn totals(&mut self, texts: &[Cell], sums: &[Sum<'_>]) -> Result<(), WorkbookError> {
        for (cell, at) in texts.iter().zip(0..) {
            self.cell(at, cell)?;
        }
        let first = u16::try_from(texts.len()).unwrap_or(u16::MAX);
        for (sum, at) in sums.iter().zip(first..) {
            match (number(&sum.total), sum.numbers) {
                (Some((value, format)), true) => {
                    self.sheet.write_formula_with_format(self.row, at, Formula::new(sum.formula()).set_result(value), &format)?;
                }
                _ => self.cell(at, &sum.total)?,
            }
        }
        self.row += 1;
        Ok(())
    }

    /// Lets a reader filter the rows by each column.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn filters(self) -> Result<u32, WorkbookError> {
        let last = u16::try_from(self.columns.len()).unwrap_or(1).saturating_sub(1);
        self.sheet.autofilter(0, 0, (self.row - 1).max(1), last)?;
        Ok(self.row - 1)
    }

    fn cell(&mut self, at: u16, cell: &Cell) -> Result<(), WorkbookError> {
        match (cell, number(cell)) {
            (Cell::Empty, _) => {}
            (Cell::Text(text), _) => drop(self.sheet.write_string(self.row, at, shortened(text))?),
            // a larger number would lose digits
            (Cell::Count(_) | Cell::Amount(..), Some((value, format))) => {
                let value: f64 = value.parse().map_err(|_| WorkbookError(format!("`{value}` is no number")))?;
                self.sheet.write_number_with_format(self.row, at, value, &format)?;
            }
            (Cell::Count(count), None) => drop(self.sheet.write_string(self.row, at, count.to_string())?),
            (Cell::Amount(amount, _), None) => drop(self.sheet.write_string(self.row, at, amount.to_string())?),
        }
        Ok(())
    }
}

impl Sum<'_> {
    fn formula(&self) -> String {
        let range = |column: u16| {
            let letter = rust_xlsxwriter::utility::column_number_to_name(column);
            format!("{}!${letter}$2:${letter}${}", self.sheet, self.rows + 1)
        };
        let only: Vec<String> =
            self.only.iter().map(|(column, text)| format!(",{},\"{}\"", range(*column), text.replace('"', "\"\""))).collect();
        format!("=SUMIFS({}{})", range(self.column), only.concat())
    }
}

/// Whether a spreadsheet keeps all digits of this amount.
pub(super) fn fits(amount: &Decimal) -> bool {
    amount.mantissa().unsigned_abs().to_string().trim_end_matches('0').len() <= DIGITS
}

impl Cell {
    /// Whether it is a number in a sheet, or nothing.
    pub fn is_number_or_empty(&self) -> bool {
        matches!(self, Self::Empty) || number(self).is_some()
    }
}

/// The number of a cell as a text, and its form; `None`: it is none, or a spreadsheet would not keep its digits.
fn number(cell: &Cell) -> Option<(String, Format)> {
    match cell {
        Cell::Count(count) if count.unsigned_abs() < 1_000_000_000_000_000 => {
            Some((count.to_string(), Format::new().set_num_format("#,##0")))
        }
        Cell::Amount(amount, decimals) if fits(amount) => {
            let decimals = (*decimals).max(amount.normalize().scale());
            let form = if decimals == 0 { "#,##0".to_owned() } else { format!("#,##0.{}", "0".repeat(decimals as usize)) };
            Some((amount.to_string(), Format::new().set_num_format(form)))
        }
        _ => None,
    }
}

/// A text as a cell can have it: at most 32,767 characters.
fn shortened(text: &str) -> String {
    const MOST: usize = 32_767;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
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
        assert!(!Cell::Amount(amount("99999999999999.99"), 2).is_number_or_empty());
        assert!(Cell::Empty.is_number_or_empty());
    }

    #[test]
    fn a_total_is_a_formula_over_the_rows_with_these_texts() {
        let sum = Sum {
            sheet: "Sums",
            rows: 9,
            column: 6,
            only: vec![(1, "a \"b\"".into()), (4, "USD".into())],
            total: Cell::Empty,
            numbers: true,
        };
        assert_eq!(sum.formula(), "=SUMIFS(Sums!$G$2:$G$10,Sums!$B$2:$B$10,\"a \"\"b\"\"\",Sums!$E$2:$E$10,\"USD\")");
    }
}
