//! Rows that cannot become a record: each is reported by its key with its values, and the other rows continue.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::definition::ReadPlan;
use crate::definition::plan::{ChangeQuery, ChildRead, ViaRead};
use crate::domain::next_step::NextStep;
use crate::domain::{Document, DocumentKey, Fault, Value};

use super::error::listed;
use super::reader::{BadRow, Call, RowProblem, Rows, shown};
use super::related::Related;
use super::wire::Cell;
use crate::redact::Quoted;

/// The most differing columns that are named for two rows.
const COLUMNS_SHOWN: usize = 5;
/// The most characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

/// Root rows, one per key.
pub(super) struct Roots {
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
    /// For each row, why it cannot become a record.
    pub(super) faults: Vec<Vec<Fault>>,
    /// A document for each row whose key cannot be read.
    pub(super) nameless: Vec<Document>,
}

/// One row per key, with its errors.
pub(super) fn roots(call: &Call<'_>, plan: &ReadPlan, found: Rows) -> Roots {
    let root = &plan.root;
    let mut all: Vec<(Vec<Cell>, Option<Fault>)> = found.rows.into_iter().map(|row| (row, None)).collect();
    let (named, nameless): (Vec<BadRow>, Vec<BadRow>) = found.bad.into_iter().partition(|bad| bad.cells.is_some());
    call.nameless.set(call.nameless.get() || !nameless.is_empty());
    let bad = |bad: BadRow| bad.cells.map(|cells| (cells, Some(bad_root(&root.table, &bad.problem))));
    all.extend(named.into_iter().filter_map(bad));
    let related = Related::new(root, Vec::new());
    let key_width = root.key_at.iter().max().map_or(0, |last| last + 1);
    let mut by_key: HashMap<DocumentKey, usize> = HashMap::new();
    let mut groups: Vec<Vec<(Vec<Cell>, Option<Fault>)>> = Vec::new();
    for (row, fault) in all {
        let values: Vec<Value> = call.values(&related, &row, key_width).collect();
        // the key of the future record, so that no two records have the same key
        let key = DocumentKey::from_values(root.key_at.iter().map(|at| &values[*at]));
        let at = *by_key.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push((row, fault));
    }
    let mut roots = Roots { rows: Vec::new(), faults: Vec::new(), nameless: rows_after(plan, &nameless) };
    for mut group in groups {
        // SYSPRO may return them in any order, and the same two rows must be the same fault
        group.sort();
        let odd = root.key_at.iter().find(|at| matches!(group[0].0[**at], Cell::Escaped(_)));
        if let Some(at) = odd {
            // it may come with more than one answer, because rows beyond it cannot be requested
            group.dedup();
            let (column, cell) = (&root.columns[*at], group[0].0[*at].clone());
            group[0].1.get_or_insert_with(|| unheld(column, &cell, &root.table));
        }
        if let [first, second, ..] = group.as_slice() {
            group[0].1 = Some(Fault::of_rows(twins(&related, &first.0, &second.0)));
        }
        if let Some((row, fault)) = group.into_iter().next() {
            roots.rows.push(row);
            roots.faults.push(fault.into_iter().collect());
        }
    }
    roots
}

/// The fault of a record whose own row is bad.
pub(super) fn bad_root(table: &str, problem: &RowProblem) -> Fault {
    match problem {
        RowProblem::Unreadable(problem) | RowProblem::ShownOtherwise(problem) => Fault::of_rows(format!(
            "its row of `{table}` cannot be read: {problem}. Tieline requested it alone and knows only its key; the rows around it were \
             read. Correct the row in SYSPRO, or correct the service that returns it; Tieline then reads it automatically"
        )),
        RowProblem::LeftOut(columns) => left_out(format!("its row of `{table}`"), table, columns, RowKey::Read),
        RowProblem::Oversized { column, bytes, limit } => oversized(&format!("its row of `{table}`"), column, *bytes, *limit),
        RowProblem::Nested { column } => nested(&format!("its row of `{table}`"), column),
    }
}

/// The fault of a row with an object or a list instead of one value.
fn nested(whose: &str, column: &str) -> Fault {
    Fault::of_rows(format!(
        "{whose} has an object or a list in `{column}`, but a column must have one value: Tieline does not send the record. Correct the \
         column in the service, or remove it from the definition; the next read then stores the record"
    ))
}

/// The fault of a row with a value that is too long.
fn oversized(whose: &str, column: &str, bytes: usize, limit: usize) -> Fault {
    Fault::of_rows(format!(
        "{whose} has a value of {bytes} bytes in `{column}`, more than the {} KiB that a value may have: it was not read, and Tieline does \
         not send the record. Shorten the value in SYSPRO, or raise `syspro.value_limit_kb` if such values are intended; the next read \
         then stores the record",
        limit >> 10
    ))
}

/// The fault of a record whose rows exceed the memory limit of a page.
pub(super) fn heavy(table: &str, error: &super::error::SysproError) -> Fault {
    Fault::of_rows(format!(
        "its rows of `{table}` are too many to be read: {error}. Tieline does not send the record, and reads the others"
    ))
}

/// Whether the key of a row, and the columns that assign it to a record, could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowKey {
    Read,
    Unknown,
}

/// The fault of a row that leaves columns out.
fn left_out(whose: String, table: &str, columns: &[String], row_key: RowKey) -> Fault {
    let (columns_said, table_said) = (listed(columns), table.to_owned());
    let next_step = match row_key {
        RowKey::Read => NextStep::ColumnLeftOut { columns: columns_said, table: table_said },
        RowKey::Unknown => NextStep::KeyLeftOut { columns: columns_said, table: table_said },
    };
    Fault {
        text: format!(
            "{whose} came without {}, although Tieline requested it and the table has it: it is unknown whether it is empty, so Tieline \
             does not send the record",
            listed(columns)
        )
        .into(),
        next_step,
    }
}

/// The fault of a key column with text that cannot be stored.
pub(super) fn unheld(column: &str, cell: &Cell, table: &str) -> Fault {
    Fault::of_rows(format!(
        "its key column `{column}` of `{table}` holds `{}`: the escaped characters (\\u0000 is NUL) cannot be stored in a key or \
         requested. Tieline does not send the record until the key is corrected in SYSPRO",
        cell.key_text()
    ))
}

/// The placeholder documents for root rows without a readable key: they stay the same as long as the rows before them do.
pub(super) fn rows_after(plan: &ReadPlan, bad: &[BadRow]) -> Vec<Document> {
    numbered(bad).map(|(bad, number)| row_after(plan, None, bad, number)).collect()
}

/// The same for rows of another table that show which records changed.
pub(super) fn changes_after(plan: &ReadPlan, table: &str, bad: &[BadRow]) -> Vec<Document> {
    numbered(bad).map(|(bad, number)| row_after(plan, Some(table), bad, number)).collect()
}

/// Unreadable rows, each with its number among those after the same readable row, so that each is reported once.
fn numbered(bad: &[BadRow]) -> impl Iterator<Item = (&BadRow, usize)> {
    let mut behind: HashMap<Option<&[Cell]>, usize> = HashMap::new();
    bad.iter().map(move |bad| {
        let number = behind.entry(bad.after.as_deref()).or_default();
        *number += 1;
        (bad, *number)
    })
}

fn row_after(plan: &ReadPlan, table: Option<&str>, bad: &BadRow, number: usize) -> Document {
    let which = if number == 1 { "row".to_owned() } else { format!("row {number}") };
    let of = table.map(|table| format!(" of {table}")).unwrap_or_default();
    let (key, place) = match bad.after.as_deref() {
        Some(after) => {
            let parts: Vec<String> = after.iter().map(Cell::key_text).collect();
            (format!("({which}{of} after {})", parts.join("/")), format!("{which} after the key {}", shown(after)))
        }
        None if number == 1 => (format!("(first row{of})"), "first row".to_owned()),
        None => (format!("({which}{of})"), which),
    };
    let changed = table.is_some();
    let table = table.unwrap_or(&plan.root.table);
    let whose = format!("the {place} in `{table}`");
    let mut fault = match &bad.problem {
        RowProblem::Unreadable(problem) | RowProblem::ShownOtherwise(problem) => Fault::of_rows(format!(
            "{whose} cannot be read, not even its key: {problem}. Correct it in SYSPRO, or correct the service that returns it"
        )),
        RowProblem::LeftOut(columns) => left_out(whose, table, columns, RowKey::Unknown),
        RowProblem::Oversized { column, bytes, limit } => oversized(&whose, column, *bytes, *limit),
        RowProblem::Nested { column } => nested(&whose, column),
    };
    let until = match changed {
        false => {
            ". The next full read that can read the row removes this entry. Until then Tieline marks no record of this flow as gone, \
             because the row may belong to any of them"
        }
        true => {
            ". It shows that a record changed, but not which one: the next full read (`tieline sync --sweep`) stores the change and \
             removes this entry"
        }
    };
    fault.text = format!("{}{until}", fault.text).into();
    unknown(plan, key, fault)
}

/// The faults of rows that show a changed record by a text that cannot be used in a query.
pub(super) fn changes_unaskable(
    plan: &ReadPlan,
    change: &ChangeQuery,
    columns: &[String],
    rows: &[Vec<Cell>],
    left: &[usize],
) -> Vec<Document> {
    let mut by_key = BTreeMap::new();
    for row in rows {
        let Some(at) = left.iter().find(|at| !row[**at].is_askable()) else { continue };
        let key = format!("(row of {} for {})", change.table, left.iter().map(|at| row[*at].key_text()).collect::<Vec<_>>().join("/"));
        let fault = format!(
            "a row of `{}` says that a record changed, and names it by {} in `{}`: escaped characters, or a value longer than any key, \
             cannot be requested. Correct the column in SYSPRO; the next full read (`tieline sync --sweep`) stores the change and removes \
             this entry",
            change.table,
            shown(std::slice::from_ref(&row[*at])),
            columns[*at]
        );
        by_key.entry(key).or_insert(fault);
    }
    by_key.into_iter().map(|(key, fault)| unknown(plan, key, Fault::of_rows(fault))).collect()
}

/// A placeholder document for a row whose record is not known.
fn unknown(plan: &ReadPlan, key: String, fault: Fault) -> Document {
    Document {
        key: DocumentKey::from_text(key),
        root: vec![Value::Null; plan.columns.len()].into(),
        children: vec![Vec::new(); plan.children.len()],
        faults: vec![fault],
    }
}

/// Marks the rows to which an unreadable row of a related table belongs. One without a key may belong to any of them.
pub(super) fn unreadable(related: &Related<'_>, bad: &[BadRow], rows: &[Vec<Cell>], left: &[usize], faults: &mut [Vec<Fault>]) {
    for bad in bad {
        let table = &related.table.table;
        let owner = bad.cells.as_ref().map(|cells| related.group(cells));
        let row_key = match &bad.cells {
            Some(cells) if !key_of(related, cells).contains(&Cell::Null) => RowKey::Read,
            _ => RowKey::Unknown,
        };
        for (row, faults) in rows.iter().zip(&mut *faults) {
            let own = left.iter().map(|at| row[*at].key_text()).collect::<Vec<_>>();
            if owner.as_ref().is_some_and(|owner| *owner != own) {
                continue;
            }
            first(faults, || {
                let whose = match &bad.cells {
                    Some(cells) if key_of(related, cells).contains(&Cell::Null) => format!("a row of `{table}` that belongs to it"),
                    Some(cells) => format!("its row {} of `{table}`", shown(&key_of(related, cells))),
                    None => match &bad.after {
                        Some(after) => format!("the row of `{table}` after {}, which may belong to it,", shown(after)),
                        None => format!("a row of `{table}`, which may belong to it,"),
                    },
                };
                match &bad.problem {
                    RowProblem::Unreadable(problem) | RowProblem::ShownOtherwise(problem) => Fault::of_rows(format!(
                        "{whose} cannot be read: {problem}. Tieline does not send the record until the row is corrected in SYSPRO or in \
                         the service"
                    )),
                    RowProblem::LeftOut(columns) => left_out(whose, table, columns, row_key),
                    RowProblem::Oversized { column, bytes, limit } => oversized(&whose, column, *bytes, *limit),
                    RowProblem::Nested { column } => nested(&whose, column),
                }
            });
        }
    }
}

fn key_of(related: &Related<'_>, row: &[Cell]) -> Vec<Cell> {
    let at = related.table.key.iter().filter_map(|name| related.columns.iter().position(|column| column == name));
    at.map(|at| row[at].clone()).collect()
}

/// The fault of a record to which other rows belong by a text that cannot be used in a query.
pub(super) fn unaskable(column: &str, cell: &Cell, table: &str) -> Fault {
    let text = cell.key_text();
    if !matches!(cell, Cell::Escaped(_)) {
        return Fault::of_rows(format!(
            "its column `{column}` holds {} bytes, more than the {} that a key may have, so its rows of `{table}` are unknown. Correct the \
             column in SYSPRO",
            text.len(),
            DocumentKey::LONGEST
        ));
    }
    Fault::of_rows(format!(
        "its column `{column}` holds `{}`: the escaped characters cannot be requested, so its rows of `{table}` are unknown. Correct the \
         column in SYSPRO",
        cell.key_text()
    ))
}

/// The message about two root rows with one key.
fn twins(related: &Related<'_>, first: &[Cell], second: &[Cell]) -> String {
    let table = &related.table.table;
    format!(
        "two rows of `{table}` have this key ({}): {}. Tieline sends neither, because it cannot tell which one is valid. Correct the rows \
         in SYSPRO, or complete the key in the entity's definition if the table's key has more columns",
        related.table.key.join(", "),
        difference(related, first, second)
    )
}

/// The columns in which two rows differ, with both values.
fn difference(related: &Related<'_>, first: &[Cell], second: &[Cell]) -> String {
    let show = |cell: &Cell| match cell {
        Cell::Null => "null".to_owned(),
        cell => {
            let text = cell.key_text();
            let more = if text.chars().nth(VALUE_SHOWN).is_some() { "…" } else { "" };
            format!("`{}{more}`", Quoted::first(&text, VALUE_SHOWN))
        }
    };
    let differing: Vec<String> = related
        .columns
        .iter()
        .zip(first.iter().zip(second))
        .filter(|(_, (a, b))| a != b)
        .map(|(name, (a, b))| format!("`{name}` is {} in one and {} in the other", show(a), show(b)))
        .collect();
    match differing.len() {
        0 => "they are the same in every column that is read".to_owned(),
        n if n > COLUMNS_SHOWN => format!("{}, and {} more columns differ", differing[..COLUMNS_SHOWN].join(", "), n - COLUMNS_SHOWN),
        _ => differing.join(", "),
    }
}

/// Adds a record's fault, unless it has one already: so the same rows give the same fault.
pub(super) fn first(faults: &mut Vec<Fault>, fault: impl FnOnce() -> Fault) {
    if faults.is_empty() {
        faults.push(fault());
    }
}

/// `Column=value, …`.
fn paired<'a>(names: impl Iterator<Item = &'a String>, key: &[String]) -> String {
    names.zip(key).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// The fault of several rows of a joined table that belong to one record.
pub(super) fn companions(related: &Related<'_>, key: &[String], rows: &[Vec<Cell>]) -> Fault {
    let (table, key) = (&related.table.table, paired(related.on.iter(), key));
    // SYSPRO may return them in any order, and the same rows must be the same fault
    let mut sorted: Vec<&Vec<Cell>> = rows.iter().collect();
    sorted.sort();
    let said = match sorted.as_slice() {
        [one, .., other] => difference(related, one, other),
        _ => String::new(),
    };
    Fault {
        text: format!("`{table}` has {} rows with {key}, and a `[[join]]` takes one row for each record: {said}", rows.len()).into(),
        next_step: NextStep::JoinKeyTooShort { table: table.clone() },
    }
}

/// The fault of child rows that several records reach through the rows in between.
pub(super) fn several_owners(child: &ChildRead, via: &ViaRead, key: &[String], owners: &HashSet<Vec<String>>) -> Fault {
    let (table, key) = (&via.table.table, paired(child.on.iter().map(|(column, _)| column), key));
    let mut owners: Vec<String> = owners.iter().map(|owner| paired(via.on.iter().map(|(column, _)| column), owner)).collect();
    owners.sort();
    Fault {
        text: format!(
            "the rows of `{}` (`{}`) with {key} belong to {} records, by rows of `{table}`: {}",
            child.table.table,
            child.name,
            owners.len(),
            owners.iter().take(3).map(|owner| format!("({owner})")).collect::<Vec<_>>().join(", ")
        )
        .into(),
        next_step: NextStep::ViaKeyTooShort { table: table.clone() },
    }
}
