//! Encoded queries. A clause with an unknown column is dropped and the rest runs, as documented for the real instance.

use std::cmp::Ordering;

use tieline_values::money::parse_decimal;

use super::rows::{Row, Table, parse_id, same_text};
use super::schema::ColumnKind;

/// A parsed query: groups joined by `^`, each of alternatives joined by `^OR`; then the order.
#[derive(Debug, Default)]
pub(super) struct Query {
    groups: Vec<Vec<Condition>>,
    /// Columns and whether they sort descending.
    order: Vec<(String, bool)>,
    /// Whether a clause was dropped.
    pub(super) invalid: bool,
}

#[derive(Debug)]
struct Condition {
    column: String,
    operator: Operator,
    value: String,
    list: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Different,
    In,
    NotIn,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    StartsWith,
    EndsWith,
    Like,
    NotLike,
    Empty,
    NotEmpty,
}

/// In the order in which they are searched for after the column's name.
const OPERATORS: [(&str, Operator); 15] = [
    ("!=", Operator::Different),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("ISEMPTY", Operator::Empty),
    ("NOT IN", Operator::NotIn),
    ("NOT LIKE", Operator::NotLike),
    ("NOTLIKE", Operator::NotLike),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("LIKE", Operator::Like),
    ("IN", Operator::In),
];

impl Query {
    /// Reads a query against a table.
    pub(super) fn parse(text: &str, table: &Table) -> Self {
        let mut query = Self::default();
        for clause in text.split('^').filter(|clause| !clause.is_empty()) {
            let order = clause.strip_prefix("ORDERBYDESC").map(|column| (column, true));
            if let Some((column, down)) = order.or_else(|| clause.strip_prefix("ORDERBY").map(|column| (column, false))) {
                if table.knows(column) {
                    query.order.push((column.to_owned(), down));
                }
                continue;
            }
            let alternative = clause.strip_prefix("OR");
            match condition(alternative.unwrap_or(clause)).filter(|condition| table.knows(&condition.column)) {
                None => {
                    query.invalid = true;
                    // the alternative of a dropped clause becomes a condition of its own
                    if alternative.is_none() {
                        query.groups.push(Vec::new());
                    }
                }
                Some(condition) => match query.groups.last_mut() {
                    Some(group) if alternative.is_some() => group.push(condition),
                    _ => query.groups.push(vec![condition]),
                },
            }
        }
        query.groups.retain(|group| !group.is_empty());
        query
    }

    /// Whether the query has an order.
    pub(super) fn ordered(&self) -> bool {
        !self.order.is_empty()
    }

    /// The slots that match, in no order. An index is used for a condition without alternatives.
    pub(super) fn run(&self, table: &Table, visible: impl Fn(&Row) -> bool) -> Vec<u32> {
        let matches = |row: &Row| visible(row) && self.groups.iter().all(|group| group.iter().any(|one| one.holds(table, row)));
        match self.groups.iter().filter(|group| group.len() == 1).find_map(|group| group[0].candidates(table)) {
            Some(slots) => slots.into_iter().filter(|slot| table.row(*slot).is_some_and(matches)).collect(),
            None => table.iter().filter(|(_, row)| matches(row)).map(|(slot, _)| slot).collect(),
        }
    }

    /// The slots that match in the order of their `sys_id`s, at most `most` of them, and how many match, if they are counted; `None` if the
    /// query has another order. As a database does that has an index over the primary key.
    pub(super) fn run_in_order(
        &self,
        table: &Table,
        most: usize,
        count: bool,
        visible: impl Fn(&Row) -> bool,
    ) -> Option<(Vec<u32>, usize)> {
        if !matches!(&self.order[..], [(column, false)] if column == "sys_id") {
            return None;
        }
        let alone = || self.groups.iter().filter(|group| group.len() == 1).map(|group| &group[0]);
        if alone().any(|one| one.candidates(table).is_some()) {
            return None;
        }
        let after = |one: &Condition| (one.column == "sys_id" && one.operator == Operator::Greater).then(|| parse_id(&one.value)).flatten();
        let start = alone().filter_map(after).max();
        let (mut slots, mut total) = (Vec::new(), 0);
        for (slot, row) in table.iter_after(start) {
            if !count && slots.len() == most {
                break;
            }
            if visible(row) && self.groups.iter().all(|group| group.iter().any(|one| one.holds(table, row))) {
                total += 1;
                if slots.len() < most {
                    slots.push(slot);
                }
            }
        }
        Some((slots, total))
    }

    /// Orders slots by the query's columns. Rows that tie stay as they come.
    pub(super) fn compare(&self, table: &Table, left: u32, right: u32) -> Ordering {
        let (Some(left), Some(right)) = (table.row(left), table.row(right)) else { return Ordering::Equal };
        for (column, down) in &self.order {
            let order = if column == "sys_id" {
                left.id.cmp(&right.id)
            } else {
                compare(table.kind(column), &table.text(left, column), &table.text(right, column))
            };
            if order != Ordering::Equal {
                return if *down { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    }
}

fn condition(clause: &str) -> Option<Condition> {
    let end = clause.find(|letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_' || letter == '.'))?;
    let (column, rest) = clause.split_at(end);
    let rest = rest.trim_start();
    let (operator, value) = OPERATORS.iter().find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)))?;
    let list = matches!(operator, Operator::In | Operator::NotIn);
    let list = if list { value.split(',').map(str::to_owned).collect() } else { Vec::new() };
    (!column.is_empty()).then(|| Condition { column: column.to_owned(), operator, value: value.to_owned(), list })
}

impl Condition {
    /// The only rows that can match, by an index; `None` without one.
    fn candidates(&self, table: &Table) -> Option<Vec<u32>> {
        let values: &[String] = match self.operator {
            Operator::Equal if !self.value.is_empty() => std::slice::from_ref(&self.value),
            Operator::In => &self.list,
            _ => return None,
        };
        if self.column == "sys_id" {
            return Some(values.iter().filter_map(|value| table.find_id(value)).collect());
        }
        let mut slots = Vec::new();
        for value in values {
            slots.extend(table.find(&[&self.column], &[value])?);
        }
        slots.sort_unstable();
        slots.dedup();
        Some(slots)
    }

    fn holds(&self, table: &Table, row: &Row) -> bool {
        // paging by `sys_id>` visits every row: no text is made for it
        if self.column == "sys_id"
            && let Some(id) = parse_id(&self.value)
        {
            match self.operator {
                Operator::Greater => return row.id > id,
                Operator::Equal => return row.id == id,
                _ => {}
            }
        }
        let text = table.text(row, &self.column);
        let order = || compare(table.kind(&self.column), &text, &self.value);
        let (lower, wanted) = (|| text.to_lowercase(), || self.value.to_lowercase());
        match self.operator {
            Operator::Equal => same_text(&text, &self.value),
            Operator::Different => !same_text(&text, &self.value),
            Operator::In => self.list.iter().any(|value| same_text(&text, value)),
            Operator::NotIn => !self.list.iter().any(|value| same_text(&text, value)),
            Operator::Greater => order() == Ordering::Greater,
            Operator::GreaterOrEqual => order() != Ordering::Less,
            Operator::Less => order() == Ordering::Less,
            Operator::LessOrEqual => order() != Ordering::Greater,
            // a list by the prefix of a key visits every row: no text is made for it
            Operator::StartsWith if text.is_ascii() && self.value.is_ascii() => {
                text.as_bytes().get(..self.value.len()).is_some_and(|start| start.eq_ignore_ascii_case(self.value.as_bytes()))
            }
            Operator::StartsWith => lower().starts_with(&wanted()),
            Operator::EndsWith => lower().ends_with(&wanted()),
            Operator::Like => lower().contains(&wanted()),
            Operator::NotLike => !lower().contains(&wanted()),
            Operator::Empty => text.is_empty(),
            Operator::NotEmpty => !text.is_empty(),
        }
    }
}

/// Numbers as numbers, everything else as text without case.
fn compare(kind: Option<&ColumnKind>, left: &str, right: &str) -> Ordering {
    if matches!(kind, Some(ColumnKind::Decimal | ColumnKind::Scaled(_) | ColumnKind::Currency | ColumnKind::Integer))
        && let (Some(left), Some(right)) = (parse_decimal(left), parse_decimal(right))
    {
        return left.cmp(&right);
    }
    if left.is_ascii() && right.is_ascii() {
        return left.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    left.to_lowercase().cmp(&right.to_lowercase())
}
