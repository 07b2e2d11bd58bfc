//! Encoded queries, whatever they hold.

use std::sync::Arc;

use crate::fuzz::{Target, fuzz};
use crate::servicenow::query::Query;
use crate::servicenow::rows::Table;
use crate::servicenow::schema::TableSchema;

const WORDS: &[&str] = &[
    "^",
    "^OR",
    "^NQ",
    "ORDERBY",
    "ORDERBYDESC",
    "name",
    "u_amount",
    "sys_id",
    "sys_updated_on",
    "=",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "IN",
    "NOT IN",
    "LIKE",
    "STARTSWITH",
    "ENDSWITH",
    "ISEMPTY",
    "ISNOTEMPTY",
    ",",
    "6816f79cc0a8016401c5a33be04be441",
    "javascript:",
];

#[test]
fn encoded_queries() {
    let schema = TableSchema::new("x_row", "name", "name u_source_key u_company u_amount:decimal day:date at:datetime open:boolean n:int");
    let mut table = Table::new(Arc::new(schema), false, &[]);
    for (id, texts) in [["a", "12.5", "2026-01-31"], ["B", "", ""], ["\u{130}", "-1", "x"]].iter().enumerate() {
        let values: Vec<(u16, std::borrow::Cow<'_, str>)> =
            ["name", "u_amount", "day"].iter().zip(texts).map(|(column, text)| (table.number(column), (*text).into())).collect();
        table.insert(id as u128 + 1, 0, &values);
    }
    let target = Target { name: "sim_encoded_query", words: WORDS, seeds: Vec::new(), tries: 300 };
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        let query = Query::parse(&text, &table);
        let mut slots = query.run(&table, |_| true);
        slots.sort_by(|left, right| query.compare(&table, *left, *right));
        format!("{} {} {}", query.invalid, query.ordered(), slots.len())
    });
}
