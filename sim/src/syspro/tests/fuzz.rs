//! Query strings of OData, whatever they hold.

use crate::dataset::{DatasetOptions, generate};
use crate::fuzz::{Target, fuzz};
use crate::syspro::Switches;
use crate::syspro::query::Query;

const WORDS: &[&str] = &[
    "$filter=",
    "$select=",
    "$orderby=",
    "$top=",
    "$skip=",
    "$count=true",
    "&",
    " and ",
    " or ",
    "not ",
    "(",
    ")",
    " eq ",
    " ne ",
    " ge ",
    " lt ",
    "Supplier",
    "SupplierName",
    "CurrentBalance",
    "DateSuppAdded",
    "'x'",
    "''",
    "'",
    "2026-01-31T00:00:00Z",
    "datetime'",
    "1.5",
    "null",
    "true",
    "startswith(",
    "contains(",
    ",",
    "%27",
    "%",
    "+",
];

#[test]
fn odata_queries() {
    let database = generate(&DatasetOptions { documents: 26, ..DatasetOptions::default() }).expect("a small company");
    let table = database.company("EDU1").expect("a company").table("ApSupplier").expect("a table");
    let switches = Switches::default();
    let target = Target { name: "sim_odata_query", words: WORDS, seeds: Vec::new(), tries: 300 };
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        match Query::read(&text, table.schema, &switches) {
            Ok(query) => {
                let found = query.find(table, &switches, 100);
                format!("{:?}", found.rows.len().min(2))
            }
            Err(refusal) => refusal.message,
        }
    });
}
