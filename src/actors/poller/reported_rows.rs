//! A row without a key of its own has another place in a read of changes than in a whole read. Rows that were reported already are not reported
//! twice.

use super::read::Reading;
use super::{PollError, Reader};
use crate::domain::{Document, DocumentKey};

/// How many rows without a key were reported already and have not been met by this read.
#[derive(Debug, Default)]
pub(super) struct ReportedRows {
    /// `None` until the first of them is met, and where each counts.
    left: Option<usize>,
    /// Whether this read starts from the beginning, and reads no whole table.
    applies: bool,
}

impl ReportedRows {
    /// For a reading. One that continues where it was has met some of them before, and those that a whole read gives are reported by their place.
    pub(super) fn of(reading: &Reading) -> Self {
        Self { left: None, applies: reading.is_fresh_poll() }
    }
}

/// Whether a key stands for a row of the flow's own table, as a whole read may have given it too.
fn of_own_table(key: &DocumentKey) -> bool {
    let place = key.as_str().split(" after ").next().unwrap_or_default();
    key.stands_for_a_row() && !place.contains(" of ")
}

impl Reader {
    /// A page without the rows that were reported already: as many as there are. Which one is which no one can tell; the next whole read does.
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
                let standing = self.deps.store.rows_standing(self.flow.clone()).await.map_err(|error| self.store_error(&error))?;
                standing.iter().filter(|key| of_own_table(&DocumentKey::from_text(key))).count()
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
