//! What a report says about itself, and the columns of its tables on paper.

/// What a report says about itself, so that a reader can rely on it: the sources, the filters, when, who, and with which definitions and
/// program.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name.
    pub title: String,
    /// Names and values, in order.
    pub facts: Vec<(&'static str, String)>,
    /// One line for the foot of every page.
    pub foot: String,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Its width, in characters.
    pub width: u16,
    /// Whether its cells are numbers, which are aligned to the right.
    pub number: bool,
}

impl Column {
    /// A column of texts.
    pub const fn text(name: &'static str, width: u16) -> Self {
        Self { name, width, number: false }
    }

    /// A column of numbers.
    pub const fn number(name: &'static str, width: u16) -> Self {
        Self { name, width, number: true }
    }
}
