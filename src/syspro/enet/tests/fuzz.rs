//! Arbitrary answers of e.net.

use crate::fuzz::{Target, fuzz};
use crate::syspro::enet::wire::{element, errors, rows, rows_behind, text};
use crate::syspro::wire::Room;

const COLUMNS: [&str; 3] = ["Supplier", "SupplierName", "CurrentBalance"];

const ROOM: Room = Room { rows: 5000, value: 1 << 20 };

const WORDS: &[&str] = &[
    "<Row>",
    "</Row>",
    "<Supplier>",
    "</Supplier>",
    "<SupplierName>",
    "</SupplierName>",
    "<RowsReturned>",
    "</RowsReturned>",
    "<ErrorDescription>",
    "</ErrorDescription>",
    "&amp;",
    "&lt;",
    "&#",
    "&#x",
    ";",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?xml version=\"1.0\" encoding=\"",
    "<!DOCTYPE",
    "<!ENTITY",
    "/>",
    "<a ",
    "=\"",
];

#[test]
fn enet_answers() {
    let target = Target { name: "enet_xml", words: WORDS, seeds: Vec::new(), tries: 250 };
    fuzz(target, |input| {
        let document = text(input);
        let said = match rows(&document, &COLUMNS, ROOM) {
            Ok(found) => {
                assert!(found.rows.iter().all(|row| row.len() == COLUMNS.len()));
                format!("{} rows, {} errors, {}", found.rows.len().min(3), found.errors.len().min(3), found.returned.is_some())
            }
            Err(error) => {
                let error = format!("{error:?}");
                assert!(error.len() < 1000, "an error quotes {} bytes", error.len());
                error
            }
        };
        let _ = errors(&document);
        for skip in [0, 1, 7] {
            let _ = rows_behind(&document, &COLUMNS, skip, ROOM);
        }
        // a text that is written as an element is read back unchanged
        let value: String = document.chars().filter(|letter| *letter >= ' ' && !('\u{fffe}'..='\u{ffff}').contains(letter)).collect();
        let page = format!("<COMFND><Row>{}</Row><RowsReturned>1</RowsReturned></COMFND>", element("Supplier", &value));
        let found = rows(&page, &["Supplier"], ROOM).unwrap_or_else(|error| panic!("{error:?}: {page}"));
        assert_eq!(found.rows, [[Some(value)]], "a value changed on the way");
        said
    });
}
