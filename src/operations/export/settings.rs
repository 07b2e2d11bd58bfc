//! The settings in force.

use super::file::{Asked, ListFile, Table};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::Field;

const FIELDS: [Field; 3] = [Field::text("setting", "Setting", 40), Field::text("value", "Value", 60), Field::text("origin", "From", 40)];

/// Settings, each with its value and its origin. A secret is `***` there already.
///
/// # Errors
/// An error of the ledger.
pub async fn settings(process: &Process, settings: Vec<[String; 3]>, asked: Asked) -> Result<ListFile, Refused> {
    let rows = settings.into_iter().map(|setting| setting.into_iter().map(Into::into).collect()).collect();
    let source = "the settings that this service read when it started";
    ListFile::now(process, "settings", "Settings", source, asked, vec![Table::of_rows("Settings", &FIELDS, rows)]).await
}
