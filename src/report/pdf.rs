//! A report as a document for paper, whose tables continue on the next page, and that people can sign.

use super::about::{About, Column};
use super::font;
use super::page::{self, Gray, HEIGHT, PageContent, WIDTH, Weight};

const LEFT: i32 = 400;
const TOP: i32 = 400;
/// Where the text of a page ends.
const BOTTOM: i32 = HEIGHT - 400;
const FULL: i32 = WIDTH - 2 * LEFT;
/// The size of the text.
const SIZE: i32 = 80;
const LEADING: i32 = 105;
/// Between the text of a cell and its borders.
const PADDING: i32 = 30;

/// A part of a document.
pub enum Part {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A table: its columns, and the texts of its rows.
    Table(Vec<Column>, Vec<Vec<String>>),
    /// A place to sign for each of these roles.
    Signatures(Vec<&'static str>),
}

/// A document that is written from its beginning to its end.
pub struct Document {
    pages: Vec<PageContent>,
    page: PageContent,
    /// How far the page is written.
    at: i32,
}

impl Document {
    /// The file of a report with these parts.
    pub fn write(about: &About, parts: &[Part]) -> Vec<u8> {
        let mut document = Self { pages: Vec::new(), page: PageContent::new(), at: TOP };
        document.at += 60;
        document.page.text((LEFT, document.at), 160, Weight::Bold, Gray::Black, &font::encoded(&about.title));
        document.at += 100;
        for (name, value) in &about.facts {
            document.fact(name, value);
        }
        for part in parts {
            match part {
                Part::Heading(text) => document.heading(text),
                Part::Text(text) => document.paragraph(text),
                Part::Table(columns, rows) => document.table(columns, rows),
                Part::Signatures(roles) => document.signatures(roles),
            }
        }
        document.pages.push(document.page);
        page::file(&about.title, &about.foot, document.pages)
    }

    /// Begins a page if this height does not fit on the present one.
    fn need(&mut self, height: i32) -> bool {
        let full = self.at + height > BOTTOM;
        if full {
            self.pages.push(std::mem::replace(&mut self.page, PageContent::new()));
            self.at = TOP;
        }
        full
    }

    fn fact(&mut self, name: &str, value: &str) {
        let lines = font::lines(value, SIZE, FULL - 1200);
        for (place, line) in lines.iter().enumerate() {
            self.need(LEADING);
            self.at += LEADING;
            if place == 0 {
                self.page.text((LEFT, self.at), SIZE, Weight::Regular, Gray::Soft, &font::encoded(name));
            }
            self.page.text((LEFT + 1200, self.at), SIZE, Weight::Regular, Gray::Black, line);
        }
    }

    fn heading(&mut self, text: &str) {
        // not alone at the end of a page
        self.need(230 + 4 * LEADING);
        self.at += 230;
        self.page.text((LEFT, self.at), 110, Weight::Bold, Gray::Black, &font::encoded(text));
        self.at += 50;
    }

    fn paragraph(&mut self, text: &str) {
        for line in font::lines(text, SIZE, FULL) {
            self.need(LEADING);
            self.at += LEADING;
            self.page.text((LEFT, self.at), SIZE, Weight::Regular, Gray::Black, &line);
        }
        self.at += 40;
    }

    fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let widths = shared(columns);
        let head: Vec<String> = columns.iter().map(|column| column.name.to_owned()).collect();
        let (head, height) = cells(&head, &widths);
        self.need(height + 2 * LEADING);
        self.row(columns, &widths, &head, height, true);
        for row in rows {
            let (mut cells, _) = cells(row, &widths);
            // a row that is higher than what is left of the page goes to the next one; one that is higher than a page is divided
            while cells.iter().any(|lines| !lines.is_empty()) {
                let most = cells.iter().map(Vec::len).max().unwrap_or_default();
                let wanted = tall(most.min(fitting(BOTTOM - TOP - height)));
                if self.need(wanted) {
                    self.row(columns, &widths, &head, height, true);
                }
                let now = most.min(fitting(BOTTOM - self.at)).max(1);
                let first: Vec<Vec<Vec<u8>>> = cells.iter_mut().map(|lines| lines.drain(..now.min(lines.len())).collect()).collect();
                self.row(columns, &widths, &first, tall(now), false);
            }
        }
    }

    fn row(&mut self, columns: &[Column], widths: &[i32], cells: &[Vec<Vec<u8>>], height: i32, head: bool) {
        if head {
            self.page.area((LEFT, self.at), (FULL, height), Gray::Head);
        }
        let mut left = LEFT;
        for ((column, width), lines) in columns.iter().zip(widths).zip(cells) {
            for (place, line) in (1..).zip(lines) {
                let right = if column.number { width - 2 * PADDING - font::width(line, SIZE) } else { 0 };
                self.page.text((left + PADDING + right, self.at + place * LEADING), SIZE, Weight::Regular, Gray::Black, line);
            }
            left += width;
        }
        self.at += height;
        self.page.line((LEFT, self.at), FULL);
    }

    fn signatures(&mut self, roles: &[&str]) {
        self.need(260 * i32::try_from(roles.len()).unwrap_or(1) + 100);
        self.at += 100;
        for role in roles {
            self.at += 260;
            for (place, name) in [*role, "Signature", "Date (UTC)"].into_iter().enumerate() {
                let left = LEFT + i32::try_from(place).unwrap_or_default() * (FULL / 3);
                self.page.line((left, self.at - 90), FULL / 3 - 200);
                self.page.text((left, self.at), 70, Weight::Regular, Gray::Soft, &font::encoded(name));
            }
        }
    }
}

/// The width of each column: they share the page as they share their characters.
fn shared(columns: &[Column]) -> Vec<i32> {
    let all: i32 = columns.iter().map(|column| i32::from(column.width)).sum::<i32>().max(1);
    columns.iter().map(|column| FULL * i32::from(column.width) / all).collect()
}

/// The lines of each cell of a row, and the height that they need.
fn cells(row: &[String], widths: &[i32]) -> (Vec<Vec<Vec<u8>>>, i32) {
    let cells: Vec<Vec<Vec<u8>>> = row.iter().zip(widths).map(|(text, width)| font::lines(text, SIZE, width - 2 * PADDING)).collect();
    let height = tall(cells.iter().map(Vec::len).max().unwrap_or_default());
    (cells, height)
}

/// The height of so many lines.
fn tall(lines: usize) -> i32 {
    i32::try_from(lines).unwrap_or(i32::MAX / LEADING / 2) * LEADING + PADDING
}

/// How many lines fit this height.
fn fitting(height: i32) -> usize {
    usize::try_from((height - PADDING) / LEADING).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About { title: "Tie-out".into(), facts: vec![("company", "EDU1".into())], foot: "foot (of a page)".into() }
    }

    fn text(file: &[u8]) -> String {
        file.iter().map(|byte| char::from(*byte)).collect()
    }

    #[test]
    fn a_table_goes_on_with_its_head_on_every_page_and_loses_nothing() {
        let columns = vec![Column::text("name", 30), Column::number("amount", 10)];
        let rows: Vec<Vec<String>> = (0..200).map(|row| vec![format!("row-{row}"), format!("{row}.00")]).collect();
        let file = text(&Document::write(&about(), &[Part::Heading("Sums".into()), Part::Table(columns, rows)]));
        let pages = file.matches("/Type /Page\n").count();
        assert!(pages > 3, "{pages} pages");
        assert_eq!(file.matches("(name) Tj").count(), pages, "the head of the table");
        assert_eq!(file.matches(&format!("of {pages}) Tj")).count(), pages, "the page numbers");
        for row in 0..200 {
            assert!(file.contains(&format!("(row-{row}) Tj")) && file.contains(&format!("({row}.00) Tj")), "row {row}");
        }
    }

    #[test]
    fn a_row_that_is_higher_than_a_page_is_divided() {
        let words: Vec<String> = (0..4_000).map(|word| format!("w{word}w")).collect();
        let columns = vec![Column::text("text", 10), Column::text("other", 10)];
        let file = text(&Document::write(&about(), &[Part::Table(columns, vec![vec![words.join("\n"), "end".into()]])]));
        for word in words {
            assert!(file.contains(&format!("({word}) Tj")), "{word}");
        }
    }

    #[test]
    fn the_same_report_makes_the_same_bytes() {
        let parts = [Part::Text("nothing differs".into()), Part::Signatures(vec!["Prepared by", "Reviewed by"])];
        assert_eq!(Document::write(&about(), &parts), Document::write(&about(), &parts));
    }
}
