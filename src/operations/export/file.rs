//! A file of a list: facts about itself, and tables whose rows are read page by page.

use std::fs::File;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::domain::csv;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{About, Cell, Field, Tally, Workbook, WorkbookError};

/// Rows that are read from the ledger at once.
pub const STEP: i64 = 1000;
/// The most totals that stand among the facts about a table.
const TOTALS: usize = 20;

/// The cells of a row, in the order of the columns.
pub type Row = Vec<Cell>;

/// A table: its columns, and its rows in pages.
pub struct Table {
    /// Its name, which its sheet in a workbook has.
    pub name: &'static str,
    fields: &'static [Field],
    pages: BoxStream<'static, Result<Vec<Row>, Refused>>,
}

impl Table {
    /// A table with these rows.
    pub fn of_rows(name: &'static str, fields: &'static [Field], rows: Vec<Row>) -> Self {
        Self { name, fields, pages: stream::once(async { Ok(rows) }).boxed() }
    }

    /// A table whose rows are read in pages: `read` answers with at most [`STEP`] items after a place, and `place` is the one of an item.
    pub fn of_pages<Place, Item, Error, Reading>(
        name: &'static str,
        fields: &'static [Field],
        begin: Place,
        read: impl Fn(Place) -> Reading + Send + 'static,
        place: fn(&Item) -> Place,
        cells: impl Fn(&Item) -> Row + Clone + Send + 'static,
    ) -> Self
    where
        Place: Send + 'static,
        Item: Send + 'static,
        Refused: From<Error>,
        Error: Send + 'static,
        Reading: Future<Output = Result<Vec<Item>, Error>> + Send + 'static,
    {
        let pages = stream::try_unfold(Some(begin), move |at| {
            let (reading, cells) = (at.map(&read), cells.clone());
            async move {
                let Some(reading) = reading else { return Ok(None) };
                let items = reading.await?;
                let next = items.last().filter(|_| items.len() as i64 >= STEP).map(place);
                Ok(Some((items.iter().map(cells).collect(), next)))
            }
        });
        Self { name, fields, pages: pages.boxed() }
    }
}

impl Table {
    /// Only some of its rows.
    pub fn only(self, wanted: impl Fn(&Row) -> bool + Send + 'static) -> Self {
        let only = move |mut rows: Vec<Row>| {
            rows.retain(&wanted);
            rows
        };
        Self { pages: self.pages.map_ok(only).boxed(), ..self }
    }
}

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The filter in words; empty: there is none.
    pub filter: String,
    /// Who gets the file.
    pub by: String,
}

/// Whether the lines about a table stand in its CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvLines {
    /// Above and below the rows, each beginning with `#`.
    WithAbout,
    /// Only the names of the columns, and the rows.
    RowsOnly,
}

/// A file of a list.
pub struct ListFile {
    /// Its name, without an ending.
    pub stem: String,
    /// What it says about itself, without the numbers of its rows and the totals.
    pub about: About,
    /// The time that a workbook names as that of its creation.
    pub at: DateTime<Utc>,
    /// Its tables. A CSV file has one.
    pub tables: Vec<Table>,
}

impl ListFile {
    /// A file of what the ledger has now. `title`: of the list; `source`: where its rows come from.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn now(process: &Process, stem: &str, title: &str, source: &str, asked: Asked, tables: Vec<Table>) -> Result<Self, Refused> {
        let at = process.store.time().await?;
        let set = process.store.definition_in_force().await?;
        let definitions =
            set.map_or_else(|| "none in force".to_owned(), |set| format!("{} (SHA-256 {}), profile {}", set.number, set.hash, set.profile));
        let program = concat!("Tieline ", env!("CARGO_PKG_VERSION"));
        let as_of = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let about = About {
            title: title.to_owned(),
            foot: format!("{title} as of {as_of}; {program}; for {}", asked.by),
            facts: vec![
                ("As of (UTC)", format!("{as_of}; the rows were read from then on")),
                ("Source", source.to_owned()),
                ("Filter", if asked.filter.is_empty() { "none".to_owned() } else { asked.filter }),
                ("Definitions", definitions),
                ("Program", program.to_owned()),
                ("File made for", asked.by),
            ],
        };
        Ok(Self { stem: format!("tieline-{stem}"), about, at, tables })
    }

    /// Its first table as CSV, piece by piece. The first page is read before the answer, so that an error of the ledger is not in the file;
    /// at a later error the stream ends with it. Then the line with the number of rows is missing.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn csv(self, lines: CsvLines) -> Result<impl Stream<Item = Result<Vec<u8>, Refused>> + 'static, Refused> {
        let Self { about, tables, .. } = self;
        let Some(Table { fields, mut pages, .. }) = tables.into_iter().next() else {
            return Err(Refused::NoFile("the file has no table".to_owned()));
        };
        let first = pages.try_next().await?;
        let mut head = String::new();
        if lines == CsvLines::WithAbout {
            head.push_str(&csv::about("Table", &about.title));
            head.extend(about.facts.iter().map(|(name, value)| csv::about(name, value)));
        }
        head.push_str(&names(fields));
        let writing = CsvWriting { pages, page: first, tally: Tally::of(fields), lines, ended: false };
        Ok(stream::once(async { Ok(head.into_bytes()) }).chain(stream::try_unfold(writing, CsvWriting::next)))
    }

    /// All its tables as a workbook, from its beginning. The file has no name, and disappears when it is closed.
    ///
    /// # Errors
    /// An error of the ledger; [`Refused::NoFile`].
    pub async fn workbook(self) -> Result<File, Refused> {
        let Self { mut about, at, tables, .. } = self;
        let mut book = Workbook::new(&about, at)?;
        let (mut rows, mut totals) = (Vec::new(), Vec::new());
        for mut of in tables {
            let mut table = book.table(of.name, of.fields)?;
            while let Some(page) = of.pages.try_next().await? {
                page.iter().try_for_each(|row| table.row(row))?;
            }
            let tally = table.end()?;
            rows.push((of.name, tally.rows()));
            totals.extend(tally.words());
        }
        let counts: Vec<String> = match rows.as_slice() {
            [(_, count)] => vec![count.to_string()],
            all => all.iter().map(|(name, count)| format!("{name}: {count}")).collect(),
        };
        about.facts.push(("Rows", counts.join("; ")));
        about.facts.push(("Total", total(&totals)));
        // packing a large file takes seconds: not on a thread that answers requests
        let packed = tokio::task::spawn_blocking(move || book.finish(&about)).await;
        Ok(packed.map_err(|error| Refused::NoFile(error.to_string()))??)
    }
}

/// The totals as one text.
fn total(totals: &[String]) -> String {
    match totals {
        [] => "nothing to add up".to_owned(),
        few if few.len() <= TOTALS => few.join("; "),
        many => format!("{}; and {} more", many[..TOTALS].join("; "), many.len() - TOTALS),
    }
}

/// The names of the columns.
fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Rows as CSV. A text that a spreadsheet would take for a formula begins with an apostrophe; a number stays as it is.
fn rows_of(rows: &[Row], fields: &[Field]) -> Result<Vec<u8>, Refused> {
    let cells = |row: &Row| {
        debug_assert_eq!(row.len(), fields.len());
        debug_assert!(row.iter().zip(fields).all(|(cell, field)| field.takes(cell)), "{row:?}");
        row.iter().map(|cell| if cell.is_number() { cell.code() } else { csv::cell(cell.code()) }).collect::<Vec<_>>()
    };
    csv::rows_of(rows.iter().map(cells)).map_err(|error| Refused::NoFile(format!("the table could not be written as CSV: {error}")))
}

/// A table as CSV, handed over piece by piece, without facts about it.
///
/// # Errors
/// An error of the ledger; what `write` answers.
pub async fn csv_of<E: From<Refused>>(table: Table, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let Table { fields, mut pages, .. } = table;
    write(names(fields).as_bytes())?;
    while let Some(page) = pages.try_next().await? {
        write(&rows_of(&page, fields)?)?;
    }
    Ok(())
}

/// A CSV file that is being written.
struct CsvWriting {
    pages: BoxStream<'static, Result<Vec<Row>, Refused>>,
    /// The page that was read already.
    page: Option<Vec<Row>>,
    tally: Tally,
    lines: CsvLines,
    ended: bool,
}

impl CsvWriting {
    async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>, Refused> {
        if self.ended {
            return Ok(None);
        }
        let page = match self.page.take() {
            Some(page) => Some(page),
            None => self.pages.try_next().await?,
        };
        if let Some(page) = page {
            page.iter().for_each(|row| self.tally.add(row));
            return Ok(Some((rows_of(&page, self.tally.fields())?, self)));
        }
        self.ended = true;
        if self.lines == CsvLines::RowsOnly {
            return Ok(None);
        }
        let end = csv::about("Rows", &self.tally.rows().to_string()) + &csv::about("Total", &total(&self.tally.words()));
        Ok(Some((end.into_bytes(), self)))
    }
}

impl From<WorkbookError> for Refused {
    fn from(error: WorkbookError) -> Self {
        Self::NoFile(error.to_string())
    }
}
