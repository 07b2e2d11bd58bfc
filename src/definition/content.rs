//! Converts a document's content to JSON text, the form in which the store keeps a version, and back, without a binary float.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::domain::history::FAULTS;
use crate::domain::{Document, DocumentKey, Fault, Row, Value, json_text};

use super::plan::Plan;

impl Plan {
    /// The content as a JSON object: columns by name, each child's rows as an array under its name. Each value contains its kind
    /// ([`Value::to_json`]), so that reading it back is exact; nulls are left out.
    pub fn content_to_json(&self, document: &Document) -> String {
        let values = document.root.len() + document.children.iter().flatten().map(|row| row.len()).sum::<usize>();
        let mut out = String::with_capacity(24 * (values + 1));
        out.push('{');
        write_row(&mut out, self.read.columns.iter().map(String::as_str), &document.root);
        for (child, rows) in self.read.children.iter().zip(&document.children) {
            comma(&mut out);
            json_text::write(&mut out, &child.name);
            out.push_str(":[");
            for row in rows {
                comma(&mut out);
                out.push('{');
                write_row(&mut out, child.column_names(), row);
                out.push('}');
            }
            out.push(']');
        }
        if !document.faults.is_empty() {
            comma(&mut out);
            json_text::write(&mut out, FAULTS);
            out.push(':');
            out.push_str(&serde_json::to_string(&document.faults).unwrap_or_default());
        }
        out.push('}');
        out
    }

    /// The document from such a text. Columns that the plan no longer has are ignored; new ones are null.
    ///
    /// # Errors
    /// The problem in the text, and its position.
    pub fn content_from_json(&self, key: DocumentKey, text: &str) -> Result<Document, String> {
        let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| format!("the content of `{key}` is not JSON: {error}"))?;
        let root = read_row(self.read.columns.iter().map(String::as_str), &fields)?;
        let mut children = Vec::with_capacity(self.read.children.len());
        for child in &self.read.children {
            let rows = match fields.get(child.name.as_str()) {
                Some(raw) => {
                    let rows: Vec<Fields<'_>> = serde_json::from_str(raw.get())
                        .map_err(|error| format!("`{}` of `{key}` is not a list of rows: {error}", child.name))?;
                    rows.iter().map(|fields| read_row(child.column_names(), fields)).collect::<Result<_, _>>()?
                }
                None => Vec::new(),
            };
            children.push(rows);
        }
        let faults = match fields.get(FAULTS) {
            Some(raw) => serde_json::from_str(raw.get()).map_err(|error| format!("the faults of `{key}` cannot be read: {error}"))?,
            None => Vec::new(),
        };
        Ok(Document { key, root, children, faults })
    }
}

/// The content of a record that could not be read: only the reason.
pub fn faulty(fault: &Fault) -> String {
    serde_json::json!({ FAULTS: [fault] }).to_string()
}

type Fields<'a> = HashMap<String, &'a RawValue>;

fn comma(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

fn write_row<'a>(out: &mut String, columns: impl Iterator<Item = &'a str>, row: &[Value]) {
    for (column, value) in columns.zip(row) {
        if *value == Value::Null {
            continue;
        }
        comma(out);
        json_text::write(out, column);
        out.push(':');
        value.write_json(out);
    }
}

fn read_row<'a>(columns: impl Iterator<Item = &'a str>, fields: &Fields<'_>) -> Result<Row, String> {
    columns
        .map(|column| match fields.get(column) {
            Some(raw) => {
                Value::from_json(raw.get()).ok_or_else(|| format!("`{column}` holds `{}`, which is not a single value", raw.get()))
            }
            None => Ok(Value::Null),
        })
        .collect()
}
