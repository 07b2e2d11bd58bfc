//! `[shows]` of `config/entities/<entity>.toml` to `Shows`.

use super::parse::Text;
use super::plan::Shows;
use super::problem::{Report, list};
use super::shape::EntityFile;

/// Which columns of the root row are shown of a record.
pub(super) fn shows(file: &EntityFile, columns: &[String], report: &mut Report<'_>) -> Shows {
    let mut place = |name: Option<&Text>, key: &str| {
        let name = name.filter(|name| name.line > 0)?;
        let at = columns.iter().position(|column| *column == name.value);
        if at.is_none() {
            let known = list(columns);
            report.add(name.line, format!("shows.{key}"), format!("the root row has no column `{}`; there are {known}", name.value));
        }
        at
    };
    let Some(shape) = &file.shows else { return Shows::default() };
    let shows = Shows {
        amount: place(shape.amount.as_ref(), "amount"),
        currency: place(shape.currency.as_ref(), "currency"),
        date: place(shape.date.as_ref(), "date"),
    };
    if let (None, Some(currency)) = (&shape.amount, &shape.currency) {
        report.add(currency.line, "shows.currency", "stands beside `amount`, which is missing");
    }
    shows
}
