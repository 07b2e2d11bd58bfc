//! Writes an application as lists for people who make tables, columns and maps by hand: CSV with a header row.

use super::model::{Application, Column, ColumnKind, FieldMap, Operation, Table, TableKind, TableRights};
use super::output::Files;
use super::rights::TRIAL_ROW;

/// The files `tables.csv`, `columns.csv`, `maps.csv` and `rights.csv`.
pub fn files(application: &Application) -> Files {
    let mut files = Files::default();
    files.add("tables.csv", tables(application));
    files.add("columns.csv", columns(application));
    files.add("maps.csv", maps(application));
    files.add("rights.csv", rights(application));
    files
}

/// Writes a list. Writing into memory cannot fail, and every row has as many cells as the header.
fn list<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut written = writer.write_record(header);
    for row in rows {
        written = written.and_then(|()| writer.write_record(&row));
    }
    debug_assert!(written.is_ok(), "{written:?}");
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn yes(flag: bool) -> String {
    flag.to_string()
}

fn tables(application: &Application) -> String {
    let row = |table: &Table| {
        let (make, extends) = match table.kind {
            TableKind::Staging => ("create", "sys_import_set_row"),
            TableKind::Target => ("create", ""),
            TableKind::Shipped(_) | TableKind::Site => ("add columns", ""),
        };
        let (web, product) = (yes(table.is_own()), table.product().unwrap_or_default());
        [table.name.clone(), table.label.clone(), make.to_owned(), extends.to_owned(), web, product.to_owned()]
    };
    list(["table", "label", "do", "extends", "allow_web_services", "comes_with"], application.tables.iter().map(row))
}

fn rights(application: &Application) -> String {
    let row = |rights: &TableRights| {
        let right = |operation: Operation| match rights.operations.contains(&operation) {
            false => "",
            true if operation == TRIAL_ROW => "only for the test row of tieline doctor",
            true => "true",
        };
        let [read, create, write, delete] = Operation::ALL.map(|operation| right(operation).to_owned());
        [rights.table.clone(), read, create, write, delete]
    };
    list(["table", "read", "create", "write", "delete"], application.rights.iter().map(row))
}

fn columns(application: &Application) -> String {
    let row = |table: &Table, column: &Column| {
        let (kind, length, scale) = match column.kind {
            ColumnKind::Text(length) => ("string", length.to_string(), String::new()),
            ColumnKind::Decimal(scale) => ("decimal", String::new(), scale.to_string()),
            ColumnKind::Whole => ("integer", String::new(), String::new()),
            ColumnKind::Date => ("glide_date", String::new(), String::new()),
            ColumnKind::Flag => ("boolean", String::new(), String::new()),
        };
        let index = match table.indexes.iter().find(|index| index.column == column.name) {
            Some(index) if index.unique => "unique",
            Some(_) => "yes",
            None => "",
        };
        [table.name.clone(), column.name.clone(), column.label.clone(), kind.to_owned(), length, scale, index.to_owned()]
    };
    let rows = application.tables.iter().flat_map(|table| table.columns.iter().map(move |column| row(table, column)));
    list(["table", "column", "label", "type", "max_length", "decimals", "index"], rows)
}

fn maps(application: &Application) -> String {
    let row = |map: &str, make: &str, (source, target): (&str, &str), field: &FieldMap| {
        [
            map.to_owned(),
            make.to_owned(),
            source.to_owned(),
            target.to_owned(),
            yes(true),
            field.column.clone(),
            field.column.clone(),
            yes(field.coalesce),
            yes(field.coalesce),
            if field.date { "yyyy-MM-dd".to_owned() } else { String::new() },
        ]
    };
    let own = application.maps.iter().flat_map(|map| {
        let tables = (map.source.as_str(), map.target.as_str());
        map.fields.iter().map(move |field| row(&map.name, "create", tables, field))
    });
    let changed = application.map_changes.iter().flat_map(|map| {
        let tables = (map.source.as_str(), map.target.as_str());
        map.fields.iter().map(move |field| row(map.map, "change", tables, field))
    });
    let header = [
        "map",
        "do",
        "source_table",
        "target_table",
        "copy_empty_fields",
        "source_field",
        "target_field",
        "coalesce",
        "coalesce_case_sensitive",
        "date_format",
    ];
    list(header, own.chain(changed))
}
