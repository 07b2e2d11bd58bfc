//! The kinds of values in SYSPRO's own tables, as published listings show them (`known.txt`). A site's release may differ, so `check` only
//! asks about differences, and a value is never decided by this. Only e.net, which returns no types, is read by it.

use super::plan::{ColumnKind, Plan, TableRead};

/// Every known column: table, column, kind.
pub fn columns() -> impl Iterator<Item = (&'static str, String, ColumnKind)> {
    let mut table = "";
    let lines = include_str!("known.txt").lines().filter(|line| !line.starts_with('#'));
    let tables = lines.filter_map(move |line| match line.strip_prefix(' ') {
        Some(columns) => Some((table, columns)),
        None => {
            table = line.trim();
            None
        }
    });
    tables.flat_map(|(table, columns)| {
        columns.split_whitespace().flat_map(move |word| words(word).map(move |(name, kind)| (table, name, kind)))
    })
}

/// `A`, `A:n`, `A1..3:n`: the columns of one entry.
fn words(word: &'static str) -> impl Iterator<Item = (String, ColumnKind)> {
    let (names, kind) = word.split_once(':').unwrap_or((word, ""));
    let kind = match kind {
        "n" => ColumnKind::Number,
        "d" => ColumnKind::Date,
        _ => ColumnKind::AsReceived,
    };
    let names: Vec<String> = match names.split_once("..") {
        None => vec![names.to_owned()],
        Some((first, last)) => {
            let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
            (1..=last.parse().unwrap_or(1_u32)).map(|number| format!("{stem}{number}")).collect()
        }
    };
    names.into_iter().map(move |name| (name, kind))
}

/// Notes where a plan declares a date column differently from the published listings.
pub(super) fn notes(plan: &Plan) -> Vec<String> {
    let read = &plan.read;
    let children = read.children.iter().flat_map(|child| [Some(&child.table), child.via.as_ref().map(|via| &via.table)]).flatten();
    let tables: Vec<&TableRead> = std::iter::once(&read.root).chain(read.joins.iter().map(|join| &join.table)).chain(children).collect();
    let mut notes = Vec::new();
    for (table, column, kind) in columns() {
        for read in tables.iter().filter(|read| read.table == table && read.columns.contains(&column)) {
            let said = match (kind, read.kind(&column)) {
                (ColumnKind::Date, ColumnKind::AsReceived | ColumnKind::Number) => {
                    "holds dates in published listings of SYSPRO's tables, and `dates` does not name it: its text is copied unchanged"
                }
                (ColumnKind::AsReceived | ColumnKind::Number, ColumnKind::Date) => {
                    "is named in `dates`, and holds no dates in published listings of SYSPRO's tables; `tieline doctor` shows what this site has"
                }
                _ => continue,
            };
            notes.push(format!("`{}`: `{table}.{column}` {said}", plan.entity));
        }
    }
    notes
}
