//! A row without a key of its own has another position in a read of changes than in a whole read. This module prevents that such a row is
//! reported twice.

use super::read::Reading;
use super::{PollError, Reader};
use crate::domain::{Document, DocumentKey};

/// The number of rows without a key that were reported already and have not been met by this read.
#[derive(Debug, Default)]
pub(super) struct ReportedRows {
    /// `None` until the first of them is met, and where each one counts.
    left: Option<usize>,
    /// Whether this read starts at the beginning and is not a read of the whole table.
    applies: bool,
}

impl ReportedRows {
    /// For one read. A read that continues has met some of them before; a whole read reports rows by their position.
    pub(super) fn of(reading: &Reading) -> Self {
        Self { left: None, applies: reading.is_fresh_poll() }
    }
}

/// Whether a key is a placeholder for a row of the flow's own table, which a whole read may also have returned.
fn of_own_table(key: &DocumentKey) -> bool {
    let place = key.as_str().split(" after ").next().unwrap_or_default();
    key.stands_for_a_row() && !place.contains(" of ")
}

impl Reader {
    /// Removes from a page as many rows as were reported already. Which row is which cannot be known; the next whole read corrects it.
    pub(super) async fn without_reported(
        &self,
        reported: &mut ReportedRows,
        mut documents: Vec<Document>,
    ) -> Result<Vec<Document>, PollError> {
        if !reported.applies || !documents.iter().any(|document| of_own_table(&document.key)) {
            return Ok(documents);
        }
        let mut left = match reported.left {
            Some(left) => left,
            None => {
                let placeholders = self.parts.store.row_placeholders(self.flow.clone()).await.map_err(|error| self.store_error(&error))?;
                placeholders.iter().filter(|key| of_own_table(&DocumentKey::from_text(key))).count()
            }
        };
        documents.retain(|document| {
            let again = left > 0 && of_own_table(&document.key);
            left -= usize::from(again);
            !again
        });
        reported.left = Some(left);
        Ok(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_table_is_told_from_one_of_the_flows_own() {
        for (key, own) in [
            ("(row after 7)", true),
            ("(row 2 after 7)", true),
            ("(first row)", true),
            ("(row after a of b)", true),
            ("(row of ApInvoicePay after 7)", false),
            ("(row 2 of ApInvoicePay after 7)", false),
            ("(first row of ApInvoicePay)", false),
            ("(row of ApInvoicePay for 7)", false),
            ("7", false),
        ] {
            assert_eq!(of_own_table(&DocumentKey::from_text(key)), own, "{key}");
        }
    }
}
