//! The Procurement plug-in's business rules: a line's cost and what it still lacks, an order's cost out of its lines. What a caller writes
//! into these columns is overwritten.

use std::borrow::Cow;

use rust_decimal::Decimal;

use tieline_values::money::parse_decimal;

use super::options::ServiceNowOptions;
use super::rows::{Row, Table};
use super::store::{Field, Store, Writer};

/// After a write to an order or a line.
pub(super) fn recompute(store: &mut Store, name: &str, slot: u32, options: &ServiceNowOptions) {
    let Some((table, row)) = store.tables.get(name).and_then(|table| Some((table, table.row(slot)?))) else { return };
    let order = match name {
        "proc_po" => table.id_text(row),
        "proc_po_item" => {
            let number = |column| number(table, row, column);
            let (ordered, received) = (number("ordered_quantity"), number("received_quantity"));
            let order = table.text(row, "purchase_order").into_owned();
            let cost = number("cost").checked_mul(ordered).unwrap_or_default();
            set(store, name, slot, &[("total_cost", cost), ("remaining_quantity", ordered - received)], options);
            order
        }
        _ => return,
    };
    let Some(lines) = store.tables.get("proc_po_item") else { return };
    let slots = lines.find(&["purchase_order"], &[&order]).unwrap_or_default();
    // an order without lines keeps what was written
    if slots.is_empty() || order.is_empty() {
        return;
    }
    let total = slots.iter().filter_map(|slot| lines.row(*slot)).map(|row| number(lines, row, "total_cost")).sum();
    if let Some(slot) = store.tables.get("proc_po").and_then(|orders| orders.find_id(&order)) {
        set(store, "proc_po", slot, &[("total_cost", total)], options);
    }
}

fn number(table: &Table, row: &Row, column: &str) -> Decimal {
    parse_decimal(&table.text(row, column)).unwrap_or_default()
}

fn set(store: &mut Store, name: &str, slot: u32, values: &[(&str, Decimal)], options: &ServiceNowOptions) {
    let values = values.iter().map(|(column, value)| (Cow::Borrowed(*column), Cow::Owned(value.to_string())));
    let fields: Vec<Field<'_>> = values.collect();
    // the system's own writes are never refused
    let _ = store.update(name, slot, &fields, Writer::Hand, options);
}
