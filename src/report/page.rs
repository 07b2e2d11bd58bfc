//! The pages of a PDF file: texts, lines and areas at places. All lengths are tenths of a point, measured from the upper left corner.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::font;

/// The width of a page: A4, landscape.
pub(super) const WIDTH: i32 = 8420;
/// The height of a page.
pub(super) const HEIGHT: i32 = 5950;

const REGULAR: Name<'static> = Name(b"R");
const BOLD: Name<'static> = Name(b"B");

/// The weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A page that is being written.
pub(super) struct PageContent(Content);

impl PageContent {
    pub(super) fn new() -> Self {
        let mut content = Content::new();
        // from here on, a unit is a tenth of a point
        content.transform([0.1, 0.0, 0.0, 0.1, 0.0, 0.0]);
        Self(content)
    }

    /// Writes an encoded text whose base line begins here.
    pub(super) fn text(&mut self, at: (i32, i32), size: i32, weight: Weight, gray: Gray, bytes: &[u8]) {
        self.0.set_fill_gray(gray.level());
        self.0.begin_text();
        self.0.set_font(if weight == Weight::Bold { BOLD } else { REGULAR }, float(size));
        self.0.next_line(float(at.0), float(HEIGHT - at.1));
        self.0.show(Str(bytes));
        self.0.end_text();
    }

    /// Fills an area.
    pub(super) fn area(&mut self, at: (i32, i32), size: (i32, i32), gray: Gray) {
        self.0.set_fill_gray(gray.level());
        self.0.rect(float(at.0), float(HEIGHT - at.1 - size.1), float(size.0), float(size.1));
        self.0.fill_nonzero();
    }

    /// Draws a horizontal line.
    pub(super) fn line(&mut self, at: (i32, i32), length: i32) {
        self.area(at, (length, 5), Gray::Line);
    }
}

/// The shades that a page uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gray {
    Black,
    Soft,
    Line,
    Head,
}

impl Gray {
    fn level(self) -> f32 {
        match self {
            Self::Black => 0.0,
            Self::Soft => 0.35,
            Self::Line => 0.6,
            Self::Head => 0.92,
        }
    }
}

/// Lengths of a page are far below the first number that has no exact form as a float.
fn float(length: i32) -> f32 {
    length as f32
}

/// The file with these pages. Each page gets `foot` at its lower end, and its number.
pub(super) fn file(title: &str, foot: &str, mut pages: Vec<PageContent>) -> Vec<u8> {
    let total = pages.len();
    for (place, page) in pages.iter_mut().enumerate() {
        page.text((400, HEIGHT - 250), 70, Weight::Regular, Gray::Soft, &font::encoded(foot));
        let number = font::encoded(&format!("page {} of {total}", place + 1));
        page.text((WIDTH - 400 - font::width(&number, 70), HEIGHT - 250), 70, Weight::Regular, Gray::Soft, &number);
    }
    let mut ids = (1..).map(Ref::new);
    let mut next = || ids.next().unwrap_or(Ref::new(1));
    let (catalog, tree, info, regular, bold) = (next(), next(), next(), next(), next());
    let contents: Vec<(Ref, Ref, Content)> = pages.into_iter().map(|page| (next(), next(), page.0)).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
    pdf.document_info(info).title(TextStr(title)).producer(TextStr("Tieline"));
    pdf.pages(tree).kids(contents.iter().map(|(page, ..)| *page)).count(i32::try_from(total).unwrap_or(i32::MAX));
    for (id, name) in [(regular, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (id, content, written) in contents {
        let mut page = pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, 842.0, 595.0)).parent(tree).contents(content);
        page.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
        page.finish();
        pdf.stream(content, &written.finish());
    }
    pdf.finish()
}
