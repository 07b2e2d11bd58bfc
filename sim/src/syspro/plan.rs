//! Evaluates a filter: binds it to a table, turns it into ranges of an index, and checks each row in the ranges against the whole filter.

use std::cmp::Ordering;

use super::filter::{Filter, Function, Literal, Operator};
use crate::dataset::{Cell, KeyRange, SqlType, Table, TableSchema};

/// More alternatives than this are not multiplied out; the filter is then checked on more rows.
const MOST_BOXES: usize = 20_000;
const DAY: i64 = 86_400_000;
/// 1900-01-01, the date that some sites store instead of null.
const SENTINEL: i64 = -25_567 * DAY;

/// A filter whose columns are offsets and whose constants have the columns' types. `not` is only allowed before text functions.
#[derive(Debug, Clone)]
pub enum Bound {
    /// A text column against a text without trailing spaces.
    Text(usize, Operator, Box<str>),
    /// A decimal column times the factor against a number of the same scale.
    Number(usize, Operator, i128, i128),
    /// A date column against milliseconds.
    Date(usize, Operator, i64),
    /// Whether a column is null, or is not.
    Null(usize, bool),
    /// A text function; `false` for its opposite.
    Call(Function, usize, Box<str>, bool),
    /// All of them.
    And(Vec<Bound>),
    /// Any of them.
    Or(Vec<Bound>),
    /// A constant.
    Constant(bool),
}

impl Bound {
    /// Whether the filter requests rows by one key value or several.
    pub fn names_a_key(&self) -> bool {
        match self {
            Self::Text(_, operator, _) | Self::Number(_, operator, ..) => *operator == Operator::Equal,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::names_a_key),
            _ => false,
        }
    }

    /// Finds columns and checks types. `Err` is the sentence that the service answers with.
    pub fn new(filter: &Filter, schema: &TableSchema, visible: &dyn Fn(&str) -> Option<usize>) -> Result<Self, String> {
        Self::bind(filter, schema, visible, true)
    }

    fn bind(filter: &Filter, schema: &TableSchema, visible: &dyn Fn(&str) -> Option<usize>, positive: bool) -> Result<Self, String> {
        let column =
            |name: &str| visible(name).ok_or_else(|| format!("Could not find a property named '{name}' on type 'SYSPRO.{}'.", schema.name));
        let parts = |parts: &[Filter]| parts.iter().map(|part| Self::bind(part, schema, visible, positive)).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            Filter::Constant(value) => Self::Constant(*value == positive),
            Filter::Not(inner) => Self::bind(inner, schema, visible, !positive)?,
            Filter::And(all) if positive => Self::And(parts(all)?),
            Filter::Or(all) if !positive => Self::And(parts(all)?),
            Filter::And(all) | Filter::Or(all) => Self::Or(parts(all)?),
            Filter::Call(function, name, text) => {
                let at = column(name)?;
                if !matches!(schema.columns[at].sql, SqlType::Char(_) | SqlType::Varchar(_)) {
                    return Err(format!("No function signature matches the arguments: '{name}' is not of type 'Edm.String'."));
                }
                Self::Call(*function, at, text.as_str().into(), positive)
            }
            Filter::Compare(name, operator, literal) => {
                let at = column(name)?;
                let compare = Self::compare(at, schema.columns[at].sql, *operator, literal);
                let compare = compare.ok_or_else(|| {
                    format!("A binary operator with incompatible types was detected. '{name}' cannot be compared with {literal:?}.")
                })?;
                if positive { compare } else { compare.opposite() }
            }
        })
    }

    fn compare(at: usize, sql: SqlType, operator: Operator, literal: &Literal) -> Option<Self> {
        Some(match (sql, literal) {
            (SqlType::RowVersion, _) => return None,
            (_, Literal::Null) => match operator {
                Operator::Equal => Self::Null(at, true),
                Operator::NotEqual => Self::Null(at, false),
                _ => Self::Constant(false),
            },
            (SqlType::Char(_) | SqlType::Varchar(_), Literal::Text(text)) => Self::Text(at, operator, text.trim_end_matches(' ').into()),
            (SqlType::Decimal(_, scale), Literal::Number(number)) => {
                let number = number.normalize();
                let scale = u32::from(scale);
                let common = scale.max(number.scale());
                let power = |n: u32| 10_i128.checked_pow(n);
                let factor = power(common - scale)?;
                Self::Number(at, operator, factor, number.mantissa().checked_mul(power(common - number.scale())?)?)
            }
            (SqlType::DateTime, Literal::Instant(at_millis)) => Self::Date(at, operator, *at_millis),
            _ => return None,
        })
    }

    /// Of a comparison only. A comparison with null is false, so its opposite is true for null.
    fn opposite(self) -> Self {
        let turn = |operator| match operator {
            Operator::Equal => Operator::NotEqual,
            Operator::NotEqual => Operator::Equal,
            Operator::Greater => Operator::LessOrEqual,
            Operator::GreaterOrEqual => Operator::Less,
            Operator::Less => Operator::GreaterOrEqual,
            Operator::LessOrEqual => Operator::Greater,
        };
        match self {
            Self::Text(at, operator, text) => Self::Text(at, turn(operator), text),
            Self::Number(at, operator, factor, number) => Self::Number(at, turn(operator), factor, number),
            Self::Date(at, operator @ (Operator::Equal | Operator::NotEqual), instant) => Self::Date(at, turn(operator), instant),
            Self::Date(at, operator, instant) => Self::Or(vec![Self::Date(at, turn(operator), instant), Self::Null(at, true)]),
            Self::Null(at, is) => Self::Null(at, !is),
            Self::Constant(value) => Self::Constant(!value),
            other => other,
        }
    }

    /// Whether a row meets the filter. With `sentinel`, a date that is null counts as 1900-01-01.
    pub fn holds(&self, table: &Table, slot: u32, sentinel: bool) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::And(parts) => parts.iter().all(|part| part.holds(table, slot, sentinel)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(table, slot, sentinel)),
            Self::Text(at, operator, text) => accepts(*operator, table.cell(slot, *at).text().cmp(text)),
            Self::Number(at, operator, factor, number) => {
                accepts(*operator, (i128::from(table.cell(slot, *at).number()) * factor).cmp(number))
            }
            Self::Date(at, operator, instant) => match table.cell(slot, *at) {
                Cell::Date(days) => accepts(*operator, (i64::from(*days) * DAY).cmp(instant)),
                _ if sentinel => accepts(*operator, SENTINEL.cmp(instant)),
                _ => *operator == Operator::NotEqual,
            },
            Self::Null(at, is) => (!sentinel && *table.cell(slot, *at) == Cell::Null) == *is,
            Self::Call(function, at, text, positive) => {
                let cell = table.cell(slot, *at).text();
                *positive
                    == match function {
                        Function::StartsWith => cell.starts_with(&**text),
                        Function::EndsWith => cell.ends_with(&**text),
                        Function::Contains => cell.contains(&**text),
                    }
            }
        }
    }
}

fn accepts(operator: Operator, found: Ordering) -> bool {
    match operator {
        Operator::Equal => found.is_eq(),
        Operator::NotEqual => found.is_ne(),
        Operator::Greater => found.is_gt(),
        Operator::GreaterOrEqual => found.is_ge(),
        Operator::Less => found.is_lt(),
        Operator::LessOrEqual => found.is_le(),
    }
}

/// Which part of which index holds every row that can meet the filter.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    /// The index; 0 is the primary key.
    pub index: usize,
    /// In order, without overlap.
    pub ranges: Vec<KeyRange>,
}

impl Access {
    /// Chooses the index whose columns the filter fixes best.
    pub fn plan(filter: Option<&Bound>, table: &Table) -> Self {
        let mut best = (0, Self { index: 0, ranges: vec![(vec![], None)] });
        let Some(filter) = filter else { return best.1 };
        for (index, columns) in table.indexes().enumerate() {
            let Some(boxes) = boxes(filter, columns) else { continue };
            let score = boxes.iter().map(score).min().unwrap_or(usize::MAX);
            if score > best.0 {
                let mut ranges: Vec<KeyRange> = boxes.iter().map(range).collect();
                ranges.sort();
                ranges.dedup_by(|next, before| joined(before, next));
                best = (score, Self { index, ranges });
            }
        }
        best.1
    }
}

/// Half-open bytes of one column's values; `point` when only one value lies within.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interval {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    point: bool,
}

/// One interval for each column of the index, where there is one.
type KeyBox = Vec<Option<Interval>>;

/// Boxes that together hold every row that meets the filter; `None` when that may be all rows.
fn boxes(filter: &Bound, columns: &[usize]) -> Option<Vec<KeyBox>> {
    let place = |at: &usize| columns.iter().position(|column| column == at);
    let single = |at: &usize, interval: Option<Interval>| {
        let mut one: KeyBox = vec![None; columns.len()];
        one[place(at)?] = Some(interval?);
        Some(vec![one])
    };
    match filter {
        Bound::Constant(false) => Some(vec![]),
        Bound::Text(at, operator, text) => single(at, interval(*operator, &Cell::Text(text.as_ref().into()))),
        Bound::Number(at, operator, factor, number) => {
            place(at)?;
            // a constant between two values of the column's scale: `gt` and `ge` begin above the lower, `lt` and `le` end with it
            let exact = number.rem_euclid(*factor) == 0;
            let floor = Cell::Number(i64::try_from(number.div_euclid(*factor)).ok()?);
            match (operator, exact) {
                (Operator::Equal, false) => Some(vec![]),
                (Operator::GreaterOrEqual, false) => single(at, interval(Operator::Greater, &floor)),
                (Operator::Less, false) => single(at, interval(Operator::LessOrEqual, &floor)),
                _ => single(at, interval(*operator, &floor)),
            }
        }
        Bound::Call(Function::StartsWith, at, text, true) => {
            let from = text.as_bytes().to_vec();
            single(at, Some(Interval { to: successor(&from), from, point: false }))
        }
        Bound::And(parts) => {
            let mut all: Option<Vec<KeyBox>> = None;
            for part in parts {
                let Some(part) = boxes(part, columns) else { continue };
                all = Some(match all {
                    None => part,
                    Some(all) if all.len().saturating_mul(part.len()) > MOST_BOXES => std::cmp::min_by_key(all, part, Vec::len),
                    Some(all) => all.iter().flat_map(|a| part.iter().filter_map(|b| both(a, b))).collect(),
                });
            }
            all
        }
        Bound::Or(parts) => {
            let mut any = vec![];
            for part in parts {
                any.extend(boxes(part, columns)?);
            }
            (any.len() <= MOST_BOXES).then_some(any)
        }
        // dates are keys of no table that is paged
        Bound::Constant(true) | Bound::Date(..) | Bound::Null(..) | Bound::Call(..) => None,
    }
}

fn interval(operator: Operator, cell: &Cell) -> Option<Interval> {
    let mut bytes = vec![];
    cell.encode(&mut bytes);
    let after = successor(&bytes);
    Some(match operator {
        Operator::NotEqual => return None,
        Operator::Equal => Interval { from: bytes, to: after, point: true },
        // no value is above the very last one
        Operator::Greater => Interval { from: after?, to: None, point: false },
        Operator::GreaterOrEqual => Interval { from: bytes, to: None, point: false },
        Operator::Less => Interval { from: vec![], to: Some(bytes), point: false },
        Operator::LessOrEqual => Interval { from: vec![], to: after, point: false },
    })
}

/// The least bytes above everything that begins with these; `None` at the end of all.
fn successor(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

fn both(a: &KeyBox, b: &KeyBox) -> Option<KeyBox> {
    let meet = |(a, b): (&Option<Interval>, &Option<Interval>)| match (a, b) {
        (Some(a), Some(b)) => {
            let from = a.from.clone().max(b.from.clone());
            let to = match (&a.to, &b.to) {
                (Some(a), Some(b)) => Some(a.min(b).clone()),
                (a, b) => a.clone().or_else(|| b.clone()),
            };
            let empty = to.as_ref().is_some_and(|to| *to <= from);
            (!empty).then_some(Some(Interval { from, to, point: a.point || b.point }))
        }
        (one, other) => Some(one.clone().or_else(|| other.clone())),
    };
    a.iter().zip(b).map(meet).collect()
}

fn score(one: &KeyBox) -> usize {
    let points = one.iter().take_while(|interval| interval.as_ref().is_some_and(|interval| interval.point)).count();
    2 * points + usize::from(one.get(points).is_some_and(Option::is_some))
}

fn range(one: &KeyBox) -> KeyRange {
    let mut from = vec![];
    for interval in one {
        match interval {
            Some(interval) if interval.point => from.extend_from_slice(&interval.from),
            Some(interval) => {
                let to = match &interval.to {
                    Some(to) => Some([from.as_slice(), to].concat()),
                    None => successor(&from),
                };
                from.extend_from_slice(&interval.from);
                return (from, to);
            }
            None => break,
        }
    }
    let to = successor(&from);
    (from, to)
}

/// Widens `before` by `next` when they touch.
fn joined(before: &mut KeyRange, next: &KeyRange) -> bool {
    let touches = before.1.as_ref().is_none_or(|end| *end >= next.0);
    if touches && before.1.is_some() {
        before.1 = match (before.1.take(), next.1.clone()) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
    }
    touches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn table() -> Table {
        let schema = TableSchema::find("ApJnlSummary").expect("table");
        let mut table = Table::new(schema);
        let at = |name: &str| schema.column(name).expect("column");
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..400 {
            let (year, month) = (random.i64(2025..2027), random.i64(1..4));
            let date = (random.u8(0..4) > 0).then(|| chrono::NaiveDate::from_ymd_opt(2026, 1, random.u32(1..9)).expect("date"));
            let row = [
                (at("TrnYear"), year.into()),
                (at("TrnMonth"), month.into()),
                (at("Journal"), random.i64(0..6).into()),
                (at("EntryNumber"), random.i64(0..6).into()),
                (at("Supplier"), ["", "042", "42", "Ab", "AB", "é"][random.usize(0..6)].into()),
                (at("Invoice"), ["1", "10", "2", " 1"][random.usize(0..4)].into()),
                (at("InvoiceValue"), random.i64(-300..300).into()),
                (at("TrnDate"), date.into()),
            ];
            // a key that is taken is simply one row less
            let _ = table.insert(row, 1);
        }
        table
    }

    fn leaf() -> impl Strategy<Value = Filter> {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let operator = prop::sample::select(vec![Equal, Equal, Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual]);
        let operator_any = operator.clone();
        let number = prop::sample::select(vec!["TrnYear", "TrnMonth", "Journal", "EntryNumber", "InvoiceValue"]);
        let halves = (-1_i64..12).prop_map(|n| Decimal::new(n * 5, 1));
        let year = (4_048_i64..4_056).prop_map(|n| Decimal::new(n * 5, 1));
        let numbers = (number, operator.clone(), prop_oneof![halves.clone(), year])
            .prop_map(|(column, operator, number)| Filter::Compare(column.into(), operator, Literal::Number(number)));
        let text = prop::sample::select(vec!["", "042", "42", "Ab", "AB", "é", "1", "2", " 1", "10 ", "A"]);
        let texts = (prop::sample::select(vec!["Supplier", "Invoice"]), operator.clone(), text.clone())
            .prop_map(|(column, operator, text)| Filter::Compare(column.into(), operator, Literal::Text(text.into())));
        let calls = (prop::sample::select(vec![Function::StartsWith, Function::Contains]), text)
            .prop_map(|(function, text)| Filter::Call(function, "Supplier".into(), text.into()));
        let dates = (operator, 1_i64..9)
            .prop_map(|(operator, day)| Filter::Compare("TrnDate".into(), operator, Literal::Instant((20_454 + day) * DAY)));
        let nulls = prop::bool::ANY.prop_map(|is| Filter::Compare("TrnDate".into(), if is { Equal } else { NotEqual }, Literal::Null));
        // as far into a key as a client goes: equal, equal, then a comparison
        let number = |column: &str, operator, number| Filter::Compare(column.into(), operator, Literal::Number(number));
        let keyed = (2025_i64..2027, 1_i64..4, operator_any, halves).prop_map(move |(year, month, operator, journal)| {
            let equal = |column, n: i64| number(column, Equal, Decimal::from(n));
            Filter::And(vec![equal("TrnYear", year), equal("TrnMonth", month), number("Journal", operator, journal)])
        });
        prop_oneof![6 => numbers, 2 => keyed, 3 => texts, 1 => calls, 1 => dates, 1 => nulls]
    }

    fn filter() -> impl Strategy<Value = Filter> {
        leaf().prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..5).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 2..5).prop_map(Filter::Or),
                inner.prop_map(|inner| Filter::Not(Box::new(inner))),
            ]
        })
    }

    /// The filter without binding, ranges or rearranged `not`.
    fn naive(filter: &Filter, table: &Table, slot: u32) -> bool {
        match filter {
            Filter::Constant(value) => *value,
            Filter::And(parts) => parts.iter().all(|part| naive(part, table, slot)),
            Filter::Or(parts) => parts.iter().any(|part| naive(part, table, slot)),
            Filter::Not(inner) => !naive(inner, table, slot),
            leaf => Bound::new(leaf, table.schema, &|name| table.schema.column(name)).expect("bound").holds(table, slot, false),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn ranges_lose_no_row_and_yield_none_twice(filter in filter()) {
            let table = table();
            let bound = Bound::new(&filter, table.schema, &|name| table.schema.column(name)).expect("bound");
            let access = Access::plan(Some(&bound), &table);
            let mut found: Vec<u32> =
                access.ranges.iter().flat_map(|range| table.range(access.index, range)).filter(|slot| bound.holds(&table, *slot, false)).collect();
            found.sort_unstable();
            let mut expected: Vec<u32> = table.slots().filter(|slot| naive(&filter, &table, *slot)).collect();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    fn candidates(text: &str) -> (usize, usize) {
        let table = table();
        let filter = Filter::parse(text).expect("filter");
        let bound = Bound::new(&filter, table.schema, &|name| table.schema.column(name)).expect("bound");
        let access = Access::plan(Some(&bound), &table);
        (access.index, access.ranges.iter().map(|range| table.range(access.index, range).count()).sum())
    }

    #[test]
    fn keys_are_found_by_index_and_not_searched() {
        let (index, rows) = candidates("TrnYear eq 2026 and TrnMonth eq 3 and Journal eq 2 and (EntryNumber eq 1 or EntryNumber eq 4)");
        assert!(index == 0 && rows <= 2, "{index} {rows}");
        let (index, rows) = candidates("Supplier eq '042' and Invoice eq '1' or Supplier eq 'AB' and Invoice eq '2'");
        assert!(index == 1 && rows < 60, "{index} {rows}");
        let (index, rows) = candidates("TrnYear gt 2026 or TrnYear eq 2026 and TrnMonth gt 2");
        assert!(index == 0 && rows < 100, "{index} {rows}");
        assert_eq!(candidates("TrnYear eq 2026 and TrnYear eq 2025").1, 0);
    }
}
