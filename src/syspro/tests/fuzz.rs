//! Arbitrary pages and `$metadata` of an OData service.

use serde_json::{Value, json};

use crate::fuzz::{Target, fuzz};
use crate::syspro::metadata::Metadata;
use crate::syspro::wire::{Answer, Cell, Room, error_text, parse};

const COLUMNS: [&str; 5] = ["Supplier", "SupplierName", "CurrentBalance", "OnHold", "Contact"];

const ROOM: Room = Room { rows: 5000, value: 1 << 20 };

const WORDS: &[&str] = &[
    "\"value\":",
    "\"@odata.nextLink\":",
    "\"@odata.count\":",
    "\"Supplier\":",
    "\"CurrentBalance\":",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "\"",
    "\\\"",
    "\\u",
    "<Property Name=\"",
    "<EntityType",
    "/>",
    "1.50",
    "-",
];

/// The page as JSON once more, where every cell can be written as it was read.
fn written(answer: &Answer) -> Option<String> {
    let cell = |cell: &Option<Cell>| match cell {
        Some(Cell::Null) => Some("null".to_owned()),
        Some(Cell::Flag(flag)) => Some(flag.to_string()),
        Some(Cell::Number(text)) => Some(text.to_string()),
        Some(Cell::Text(text)) if !text.starts_with(['{', '[']) => serde_json::to_string(text).ok(),
        _ => None,
    };
    let row = |row: &Vec<Option<Cell>>| {
        let cells: Option<Vec<String>> =
            row.iter().zip(COLUMNS).map(|(one, name)| Some(format!("{}:{}", json!(name), cell(one)?))).collect();
        Some(format!("{{{}}}", cells?.join(",")))
    };
    let rows: Option<Vec<String>> = answer.rows.iter().map(row).collect();
    Some(format!("{{\"value\":[{}]}}", rows?.join(",")))
}

#[test]
fn odata_pages() {
    let target = Target { name: "odata_page", words: WORDS, seeds: Vec::new(), tries: 400 };
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        let known = Metadata::parse(&text);
        let _ = (known.table("ApSupplier"), known.column("ApSupplier", "Supplier"), error_text(input));
        match parse(input, &COLUMNS, ROOM) {
            Ok(answer) => {
                assert!(answer.rows.iter().all(|row| row.len() == COLUMNS.len()));
                if let Some(written) = written(&answer) {
                    let again = parse(written.as_bytes(), &COLUMNS, ROOM).unwrap_or_else(|error| panic!("{error:?}: {written}"));
                    assert_eq!(again.rows, answer.rows, "a value changed on the way");
                }
                let forms = answer.rows.iter().flatten().map(|cell| cell.as_ref().map(std::mem::discriminant)).take(8);
                format!("{:?} {} {:?}", forms.collect::<Vec<_>>(), answer.next_link.is_some(), answer.count.is_some())
            }
            Err(error) => {
                let error = format!("{error:?}");
                // a body that serde reads as a page of these columns is one
                let value: Result<Value, _> = serde_json::from_slice(input);
                assert!(error.len() < 600, "an error quotes {} bytes", error.len());
                format!("{error} {}", value.is_ok())
            }
        }
    });
}
