//! A report as a workbook for a spreadsheet. Rows go to a temporary file as they are written, and so does the workbook: memory grows with
//! neither.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use chrono::{DateTime, Utc};
use rust_xlsxwriter::{DocProperties, Format, FormatAlign, Formula, Workbook as Book, Worksheet, XlsxError};

use super::about::About;
use super::formats::{Formats, day, fits, fits_count, instant};
use super::table::{Cell, Field};
use super::tally::{Line, Tally};

/// The most rows of a sheet, without its heading. A spreadsheet shows 1,048,576 lines.
const ROWS: u32 = 1_000_000;
/// The most sheets of one table.
const SHEETS: usize = 10;

/// Why a workbook could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// The file could not be written.
    #[error("the workbook could not be written: {0}. Check that the directory for temporary files has room, then try again")]
    Failed(String),
    /// A table has too many rows.
    #[error("the table `{0}` has more than {most} rows, which is the most for a workbook. Choose fewer with a filter, or take the CSV file", most = u64::from(ROWS) * SHEETS as u64)]
    TooLong(&'static str),
}

impl From<XlsxError> for WorkbookError {
    fn from(error: XlsxError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for WorkbookError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A workbook that is being written: its tables one after the other.
pub struct Workbook {
    book: Book,
    formats: Formats,
    foot: String,
    /// The most rows of a sheet.
    most: u32,
    /// Tables with totals so far.
    with_totals: usize,
}

/// A table that is being written. When its sheet is full, it continues on another one.
pub struct Table<'a> {
    workbook: &'a mut Workbook,
    name: &'static str,
    fields: &'static [Field],
    /// The full sheets.
    full: Vec<Part>,
    part: Part,
    tally: Tally,
}

/// A sheet of a table.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    sheet: String,
    /// Its place in the workbook.
    place: usize,
    rows: u32,
}

impl Workbook {
    /// A workbook whose first sheet will have facts about it. `about`: its title and the foot of its pages; the facts are given at the end.
    /// `at` stands in the file as the time of its creation.
    ///
    /// # Errors
    /// [`WorkbookError::Failed`].
    pub fn new(about: &About, at: DateTime<Utc>) -> Result<Self, WorkbookError> {
        let mut book = Book::new();
        book.use_zip_large_file(true);
        let mut properties = DocProperties::new().set_title(&about.title).set_author("Tieline");
        if let Some(created) = instant(at) {
            properties = properties.set_creation_datetime(&created);
        }
        book.set_properties(&properties);
        book.add_worksheet().set_name("About")?;
        let mut workbook = Self { book, formats: Formats::new(), foot: about.foot.clone(), most: ROWS, with_totals: 0 };
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

    /// Begins a table on a sheet with its name.
    ///
    /// # Errors
    /// [`WorkbookError::Failed`].
    pub fn table(&mut self, name: &'static str, fields: &'static [Field]) -> Result<Table<'_>, WorkbookError> {
        let part = self.sheet(name.to_owned(), fields)?;
        Ok(Table { workbook: self, name, fields, full: Vec::new(), part, tally: Tally::of(fields) })
    }

    /// Adds a sheet with the headings of these columns.
    fn sheet<'f>(&mut self, name: String, fields: impl IntoIterator<Item = &'f Field>) -> Result<Part, WorkbookError> {
        self.book.add_worksheet_with_constant_memory()?.set_name(&name)?;
        let place = self.book.worksheets().len() - 1;
        self.print_settings(place)?;
        let sheet = self.book.worksheet_from_index(place)?;
        sheet.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?;
        for (field, at) in fields.into_iter().zip(0..) {
            sheet.set_column_width(at, field.width)?;
            sheet.write_string_with_format(0, at, field.heading, &self.formats.heading)?;
        }
        Ok(Part { sheet: name, place, rows: 0 })
    }

    /// Ends the workbook: writes these facts about it to its first sheet. Answers the file, from its beginning; it has no name, and
    /// disappears when it is closed.
    ///
    /// # Errors
    /// [`WorkbookError::Failed`].
    pub fn finish(mut self, about: &About) -> Result<File, WorkbookError> {
        let sheet = self.book.worksheet_from_index(0)?;
        sheet.set_column_width(0, 26)?;
        sheet.set_column_width(1, 110)?;
        sheet.write_string_with_format(0, 0, &about.title, &Format::new().set_bold().set_font_size(14))?;
        let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        for (row, (name, value)) in (2..).zip(&about.facts) {
            sheet.write_string_with_format(row, 0, *name, &wrapped)?;
            sheet.write_string_with_format(row, 1, shortened(value), &wrapped)?;
        }
        let mut file = tempfile::tempfile()?;
        let mut writer = BufWriter::new(&file);
        self.book.save_to_writer(&mut writer)?;
        writer.flush()?;
        drop(writer);
        file.rewind()?;
        Ok(file)
    }
}

impl Table<'_> {
    /// Writes a row.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), WorkbookError> {
        debug_assert_eq!(cells.len(), self.fields.len(), "a row of {}", self.name);
        debug_assert!(cells.iter().zip(self.fields).all(|(cell, field)| field.takes(cell)), "{}: {cells:?}", self.name);
        if self.part.rows == self.workbook.most {
            let number = self.full.len() + 2;
            if number > SHEETS {
                return Err(WorkbookError::TooLong(self.name));
            }
            let next = self.workbook.sheet(format!("{} {number}", self.name), self.fields)?;
            let full = std::mem::replace(&mut self.part, next);
            self.workbook.filters(&full, self.fields.len())?;
            self.full.push(full);
        }
        self.part.rows += 1;
        let sheet = self.workbook.book.worksheet_from_index(self.part.place)?;
        for (cell, at) in cells.iter().zip(0..) {
            write(sheet, &mut self.workbook.formats, (self.part.rows, at), cell)?;
        }
        self.tally.add(cells);
        Ok(())
    }

    /// Ends the table: a reader can filter its rows by each column, and its totals stand on a sheet of their own. Answers what it contains.
    ///
    /// # Errors
    /// [`WorkbookError::Failed`].
    pub fn end(self) -> Result<Tally, WorkbookError> {
        self.workbook.filters(&self.part, self.fields.len())?;
        if !self.tally.has_totals() {
            return Ok(self.tally);
        }
        self.workbook.with_totals += 1;
        let name = match self.workbook.with_totals {
            1 => "Totals".to_owned(),
            number => format!("Totals {number}"),
        };
        let columns = self.tally.columns();
        let mut totals = self.workbook.sheet(name, columns.iter().copied())?;
        let mut parts = self.full;
        parts.push(self.part);
        for line in self.tally.lines() {
            totals.rows += 1;
            self.workbook.line(&totals, &line, &parts)?;
        }
        self.workbook.filters(&totals, columns.len())?;
        Ok(self.tally)
    }
}

impl Workbook {
    /// Lets a reader filter the rows of a sheet by each column.
    fn filters(&mut self, part: &Part, columns: usize) -> Result<(), WorkbookError> {
        let last = u16::try_from(columns).unwrap_or(1).saturating_sub(1);
        self.book.worksheet_from_index(part.place)?.autofilter(0, 0, part.rows.max(1), last)?;
        Ok(())
    }

    /// Writes the totals of some rows. A total is a formula together with its value, so that a reader can follow it.
    fn line(&mut self, totals: &Part, line: &Line, parts: &[Part]) -> Result<(), WorkbookError> {
        let sheet = self.book.worksheet_from_index(totals.place)?;
        for ((_, by), at) in line.by.iter().zip(0..) {
            sheet.write_string(totals.rows, at, shortened(by))?;
        }
        let first = u16::try_from(line.by.len()).unwrap_or(u16::MAX);
        for ((place, total, formula), at) in line.sums.iter().zip(first..) {
            match (formula, total) {
                (true, Cell::Amount(amount, decimals)) if fits(amount) => {
                    let formula = Formula::new(sum(parts, *place, &line.by)).set_result(amount.to_string());
                    let decimals = (*decimals).max(amount.normalize().scale());
                    sheet.write_formula_with_format(totals.rows, at, formula, self.formats.amount(decimals))?;
                }
                (true, Cell::Count(count)) if fits_count(*count) => {
                    let formula = Formula::new(sum(parts, *place, &line.by)).set_result(count.to_string());
                    sheet.write_formula_with_format(totals.rows, at, formula, &self.formats.count)?;
                }
                _ => write(sheet, &mut self.formats, (totals.rows, at), total)?,
            }
        }
        Ok(())
    }
}

/// Writes a cell. A number that a spreadsheet would round is written as a text.
fn write(sheet: &mut Worksheet, formats: &mut Formats, at: (u32, u16), cell: &Cell) -> Result<(), WorkbookError> {
    let (row, column) = at;
    let number = |text: String| text.parse::<f64>().map_err(|_| WorkbookError::Failed(format!("`{text}` is no number")));
    match cell {
        Cell::Empty => {}
        Cell::Count(count) if fits_count(*count) => {
            sheet.write_number_with_format(row, column, number(count.to_string())?, &formats.count)?;
        }
        Cell::Amount(amount, decimals) if fits(amount) => {
            let format = formats.amount((*decimals).max(amount.normalize().scale()));
            sheet.write_number_with_format(row, column, number(amount.to_string())?, format)?;
        }
        Cell::Day(date) if let Some(date) = day(*date) => drop(sheet.write_datetime_with_format(row, column, date, &formats.day)?),
        Cell::Instant(time) if let Some(time) = instant(*time) => {
            sheet.write_datetime_with_format(row, column, time, &formats.instant)?;
        }
        other => drop(sheet.write_string(row, column, shortened(&other.shown()))?),
    }
    Ok(())
}

/// The formula that adds up a column, over the rows that have these texts in these columns.
fn sum(parts: &[Part], column: usize, by: &[(usize, String)]) -> String {
    let one = |part: &Part| {
        let range = |column: usize| {
            let letter = rust_xlsxwriter::utility::column_number_to_name(u16::try_from(column).unwrap_or(u16::MAX));
            format!("{}!${letter}$2:${letter}${}", quoted(&part.sheet), part.rows + 1)
        };
        let only: Vec<String> = by.iter().map(|(column, text)| format!(",{},\"{}\"", range(*column), criterion(text))).collect();
        if only.is_empty() { format!("SUM({})", range(column)) } else { format!("SUMIFS({}{})", range(column), only.concat()) }
    };
    format!("={}", parts.iter().map(one).collect::<Vec<_>>().join("+"))
}

/// The name of a sheet in a formula.
fn quoted(sheet: &str) -> String {
    if sheet.bytes().all(|byte| byte.is_ascii_alphanumeric()) { sheet.to_owned() } else { format!("'{}'", sheet.replace('\'', "''")) }
}

/// A text as the condition of a formula: equal to it, without a meaning for any of its characters.
fn criterion(text: &str) -> String {
    let special = text.starts_with(['=', '<', '>']) || text.contains(['*', '?', '~']);
    let plain = if special { format!("={}", text.replace('~', "~~").replace('*', "~*").replace('?', "~?")) } else { text.to_owned() };
    plain.replace('"', "\"\"")
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
    use calamine::{Data, Reader, Xlsx};

    use super::*;

    const FIELDS: [Field; 3] =
        [Field::text("currency", "Currency", 9).by(), Field::amount("amount", "Amount", 16).added(), Field::instant("at", "At (UTC)")];

    fn about() -> About {
        About { title: "A list".into(), facts: vec![("Rows", "many".into())], foot: "foot".into() }
    }

    fn row(number: i64) -> [Cell; 3] {
        ["EUR".into(), Cell::Amount(number.into(), 2), DateTime::UNIX_EPOCH.into()]
    }

    #[test]
    fn a_total_is_a_formula_over_the_rows_with_these_texts() {
        let parts = [Part { sheet: "Sums".into(), place: 1, rows: 9 }];
        let by = [(1, "a \"b\"".to_owned()), (4, "USD".to_owned())];
        assert_eq!(sum(&parts, 6, &by), "=SUMIFS(Sums!$G$2:$G$10,Sums!$B$2:$B$10,\"a \"\"b\"\"\",Sums!$E$2:$E$10,\"USD\")");
        assert_eq!(criterion("*=1"), "=~*=1", "a text is no pattern");
    }

    #[test]
    fn a_table_that_is_longer_than_a_sheet_goes_on_on_another_and_its_total_adds_up_both() {
        let mut book = Workbook::new(&about(), DateTime::UNIX_EPOCH).unwrap();
        book.most = 2;
        let mut table = book.table("My rows", &FIELDS).unwrap();
        for number in 1..=5 {
            table.row(&row(number)).unwrap();
        }
        assert_eq!(table.end().unwrap().rows(), 5);
        let mut book = Xlsx::new(book.finish(&about()).unwrap()).unwrap();
        assert_eq!(book.sheet_names(), ["About", "My rows", "My rows 2", "My rows 3", "Totals"]);
        let amounts = |book: &mut Xlsx<File>, sheet: &str| -> Vec<Data> {
            book.worksheet_range(sheet).unwrap().rows().skip(1).map(|row| row[1].clone()).collect()
        };
        assert_eq!(amounts(&mut book, "My rows 2"), [Data::Float(3.0), Data::Float(4.0)]);
        assert_eq!(amounts(&mut book, "Totals"), [Data::Float(15.0)]);
        let formula = book.worksheet_formula("Totals").unwrap().get_value((1, 1)).cloned().unwrap();
        assert!(formula.contains("'My rows'!$B$2:$B$3") && formula.contains("+SUMIFS('My rows 3'!$B$2:$B$2"), "{formula}");
    }

    #[test]
    fn a_table_that_is_too_long_is_refused_with_what_to_do() {
        let mut book = Workbook::new(&about(), DateTime::UNIX_EPOCH).unwrap();
        book.most = 1;
        let mut table = book.table("Rows", &FIELDS).unwrap();
        for number in 0..10 {
            table.row(&row(number)).unwrap();
        }
        let refused = table.row(&row(11)).unwrap_err().to_string();
        assert!(refused.contains("`Rows`") && refused.contains("10000000 rows") && refused.contains("CSV"), "{refused}");
    }
}
