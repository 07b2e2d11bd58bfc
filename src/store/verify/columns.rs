//! The columns of an event compared with its line: the line is what is proven, and the columns are what statements read.

use super::found::LeafRow;
use crate::evidence::leaf::EventLine;

/// Whether there is an event whose columns say what its line says.
pub(in crate::store) fn agrees(row: &LeafRow) -> bool {
    row.id.is_some() && line_of(row).is_ok()
}

/// What the line of an event says, if the columns say the same.
///
/// # Errors
/// The first column that differs, with both values.
pub(super) fn line_of(row: &LeafRow) -> Result<EventLine<'_>, String> {
    let text = row.line.as_deref().unwrap_or_default();
    let line: EventLine<'_> =
        serde_json::from_str(text).map_err(|error| format!("the line of event {} is not that of an event: {error}", row.event_id))?;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let differs = |column: &str, says: String, line: String| {
        Err(format!("event {} has {says} in its column `{column}`, and its line says {line}", row.event_id))
    };
    for (column, says, line) in [
        ("id", Some(row.event_id.to_string()), Some(line.id.to_string())),
        ("kind", row.kind.clone(), Some(line.kind.to_string())),
        ("company", row.company.clone(), line.company.as_deref().map(str::to_owned)),
        ("entity", row.entity.clone(), line.entity.as_deref().map(str::to_owned)),
        ("batch_id", row.batch_id.map(|id| id.to_string()), line.batch_id.map(|id| id.to_string())),
        ("run_id", row.run_id.map(|id| id.to_string()), line.run_id.map(|id| id.to_string())),
        ("actor", row.actor.clone(), Some(line.actor.to_string())),
        ("at", row.at.map(|at| at.to_string()), Some(line.at.to_string())),
        ("records", row.records.map(|count| count.to_string()), Some(line.records.len().to_string())),
        // lines of earlier releases do not have it
        ("xid", row.xid.filter(|_| line.xid.is_some()).map(|xid| xid.to_string()), line.xid.map(|xid| xid.to_string())),
    ] {
        if says != line {
            return differs(column, shown(&says), shown(&line));
        }
    }
    let mut documents = row.documents.clone().unwrap_or_default();
    documents.sort_unstable();
    if documents != line.documents() {
        return differs("documents", format!("{documents:?}"), format!("{:?}", line.documents()));
    }
    Ok(line)
}
