//! Tables that describe the instance's tables: the dictionary, and the transform maps with their field maps. Open columns are not listed,
//! so a table whose columns a client reads from the dictionary is declared without open columns.

use std::collections::HashMap;
use std::sync::Arc;

use super::options::ServiceNowOptions;
use super::rows::Table;
use super::schema::{ColumnKind, TableSchema};

/// Adds the tables with their rows.
pub(super) fn add(tables: &mut HashMap<String, Table>, options: &ServiceNowOptions) {
    let mut dictionary = new("sys_dictionary", "name element internal_type max_length:int reference");
    let mut objects = new("sys_db_object", "name super_class:ref(sys_db_object)");
    let mut maps = new("sys_transform_map", "name source_table target_table active:boolean copy_empty_fields:boolean");
    let mut entries = new("sys_transform_entry", "map source_field target_field coalesce:boolean coalesce_case_sensitive:boolean");
    let mut id = 0;
    let mut add = |table: &mut Table, values: &[(&str, &str)]| {
        id += 1;
        let values: Vec<_> = values.iter().map(|(name, text)| (table.number(name), (*text).into())).collect();
        table.insert(id, 0, &values);
        format!("{id:032x}")
    };
    for schema in &options.tables {
        add(&mut objects, &[("name", &schema.name)]);
        for column in &schema.columns {
            let (kind, length, target) = described(&column.kind);
            let length = length.to_string();
            let values = [
                ("name", &*schema.name),
                ("element", &*column.name),
                ("internal_type", kind),
                ("max_length", &length),
                ("reference", target),
            ];
            add(&mut dictionary, &values);
        }
        for map in &schema.maps {
            let copy = if map.copy_empty { "true" } else { "false" };
            let values = [
                ("name", &*map.name),
                ("source_table", &*schema.name),
                ("target_table", &*map.target),
                ("active", "true"),
                ("copy_empty_fields", copy),
            ];
            let number = add(&mut maps, &values);
            for column in &map.coalesce {
                let source = map.fields.iter().find(|(_, to)| to == column).map_or(column.as_str(), |(from, _)| from);
                let case = if map.case_sensitive { "true" } else { "false" };
                let values = [("map", &*number), ("source_field", source), ("target_field", column), ("coalesce", "true")];
                add(&mut entries, &[&values[..], &[("coalesce_case_sensitive", case)]].concat());
            }
            for (from, to) in map.fields.iter().filter(|(_, to)| !map.coalesce.contains(to)) {
                add(&mut entries, &[("map", &number), ("source_field", from), ("target_field", to), ("coalesce", "false")]);
            }
        }
    }
    for table in [dictionary, objects, maps, entries] {
        tables.insert(table.schema.name.clone(), table);
    }
}

fn new(name: &str, columns: &str) -> Table {
    Table::new(Arc::new(TableSchema::new(name, "name", columns)), false, &[])
}

/// Type, length and table referred to, as the dictionary has them.
fn described(kind: &ColumnKind) -> (&'static str, usize, &str) {
    match kind {
        ColumnKind::Text(length) => ("string", *length, ""),
        ColumnKind::Integer => ("integer", 40, ""),
        ColumnKind::Decimal | ColumnKind::Scaled(_) => ("decimal", 15, ""),
        ColumnKind::Currency => ("currency", 15, ""),
        ColumnKind::Date => ("glide_date", 40, ""),
        ColumnKind::DateTime => ("glide_date_time", 40, ""),
        ColumnKind::Boolean => ("boolean", 40, ""),
        ColumnKind::Reference(table) => ("reference", 32, table),
        ColumnKind::Choice(_) => ("choice", 40, ""),
    }
}
