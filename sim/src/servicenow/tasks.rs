//! The business rules of the table `task`: a number and a state for a new row, and `active` by the state. The numbers of the states that
//! close a task (3, 4 and 7) and the text of the number are those of an instance as delivered; both are taken from the platform's own
//! demo data. A journal field (`work_notes`) is kept as its last text, where a real instance keeps a list.

use std::borrow::Cow;

use super::options::ServiceNowOptions;
use super::store::{Field, Store, Writer};

const TABLE: &str = "task";
/// The states that end a task.
const CLOSED: [&str; 3] = ["3", "4", "7"];
/// The number before the first one.
const BEFORE_FIRST: usize = 10_000;

/// After a write to a task.
pub(super) fn after_write(store: &mut Store, name: &str, slot: u32, options: &ServiceNowOptions) {
    if name != TABLE {
        return;
    }
    let Some((table, row)) = store.tables.get(name).and_then(|table| Some((table, table.row(slot)?))) else { return };
    let (number, state) = (table.text(row, "number").into_owned(), table.text(row, "state").into_owned());
    let state = if state.is_empty() { "1".to_owned() } else { state };
    let number = if number.is_empty() { format!("TASK{:07}", BEFORE_FIRST + table.live) } else { number };
    let active = if CLOSED.contains(&state.as_str()) { "false" } else { "true" };
    let values = [("number", number), ("state", state), ("active", active.to_owned())];
    let fields: Vec<Field<'_>> = values.iter().map(|(column, value)| (Cow::Borrowed(*column), Cow::Borrowed(value.as_str()))).collect();
    // the system's own writes are never refused
    let _ = store.update(name, slot, &fields, Writer::Hand, options);
}
