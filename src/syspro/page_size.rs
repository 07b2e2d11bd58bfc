//! The number of documents on the next page: up to `syspro.page_size`, but limited by the rows that a page may bring.
//!
//! A journal can have a thousand lines and an invoice one. If only documents were counted, a busy company's pages would need much more
//! memory.

/// Rows of all tables on a full page, per document of `syspro.page_size`.
const ROWS_PER_DOCUMENT: u64 = 4;

/// Documents of the first page, when the number of their lines is not known yet.
const FIRST: u32 = 4;

/// A page has at most this many times the documents of the page before: documents of one table differ.
const GROWTH: u32 = 8;

/// The size of the next page of a read; every read learns it again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    documents: u32,
    most: u32,
}

impl PageSize {
    /// Before the first page. `most` is `syspro.page_size`.
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self { documents: FIRST.min(most), most }
    }

    /// Documents to ask for.
    pub(crate) fn documents(self) -> u32 {
        self.documents
    }

    /// Called after a page that took too much memory: reduces the size to a quarter. `false`: the page had only one document.
    pub(crate) fn shrink(&mut self) -> bool {
        let shrinks = self.documents > 1;
        self.documents = (self.documents / 4).max(1);
        shrinks
    }

    /// Called after a page of this size that brought this many rows of all tables.
    pub(crate) fn learn(&mut self, rows: u64) {
        let budget = u64::from(self.most) * ROWS_PER_DOCUMENT;
        let fitting = u64::from(self.documents) * budget / rows.max(1);
        let grown = u64::from(self.documents) * u64::from(GROWTH);
        let next = fitting.min(grown).clamp(1, u64::from(self.most));
        self.documents = u32::try_from(next).unwrap_or(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the first pages when every document has this many rows.
    fn sizes(most: u32, rows_per_document: u64, pages: usize) -> Vec<u32> {
        let mut size = PageSize::new(most);
        let mut sizes = Vec::new();
        for _ in 0..pages {
            sizes.push(size.documents());
            size.learn(u64::from(size.documents()) * rows_per_document);
        }
        sizes
    }

    #[test]
    fn small_documents_fill_the_page_that_the_settings_allow() {
        assert_eq!(sizes(500, 1, 5), [4, 32, 256, 500, 500]);
        assert_eq!(sizes(500, 4, 5), [4, 32, 256, 500, 500]);
    }

    #[test]
    fn documents_with_many_lines_share_the_rows_of_a_page() {
        assert_eq!(sizes(500, 100, 4), [4, 20, 20, 20]);
        assert_eq!(sizes(500, 640, 4), [4, 3, 3, 3]);
        assert_eq!(sizes(500, 1_000_000, 3), [4, 1, 1], "one document is read whole, however many lines it has");
    }

    #[test]
    fn a_page_grows_again_when_documents_become_smaller() {
        let mut size = PageSize::new(500);
        size.learn(1_000_000);
        assert_eq!(size.documents(), 1);
        size.learn(0);
        assert_eq!(size.documents(), 8);
    }

    #[test]
    fn a_page_that_takes_too_much_is_read_with_fewer_documents_down_to_one() {
        let mut size = PageSize::new(500);
        size.learn(1);
        assert_eq!(size.documents(), 32);
        let mut sizes = Vec::new();
        while size.shrink() {
            sizes.push(size.documents());
        }
        assert_eq!(sizes, [8, 2, 1]);
    }

    #[test]
    fn a_smaller_setting_is_never_exceeded() {
        assert_eq!(sizes(1, 1, 3), [1, 1, 1]);
        assert_eq!(sizes(3, 1, 3), [3, 3, 3]);
    }
}
