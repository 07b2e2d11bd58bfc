//! How the keys of rows are compared.

use std::cmp::Ordering;

use crate::config::settings::KeyOrder;
use crate::domain::money::parse_decimal;

use super::wire::Cell;

/// How the key columns of a query are compared.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    order: KeyOrder,
    /// For each key column: whether it contains numbers, even if written as texts, or values that SQL Server sorts by special rules.
    kinds: Vec<ColumnKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Number,
    Plain,
    /// Text by the service's type: a number in it is a different problem than the order, and is reported as such.
    Text,
    /// A GUID or bytes.
    Other,
}

/// What is wrong with a row's position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misplaced {
    /// It sorts before the row that came before it.
    Disordered,
    /// It is not beyond the requested key.
    NotBeyond,
    /// It came before in this query.
    Repeated,
}

impl Comparison {
    pub(super) fn new<'a>(order: KeyOrder, types: impl Iterator<Item = Option<&'a str>>) -> Self {
        let kind = |edm: Option<&str>| match edm {
            Some("Edm.Decimal" | "Edm.Int64" | "Edm.Int32" | "Edm.Int16" | "Edm.Byte" | "Edm.SByte" | "Edm.Double" | "Edm.Single") => {
                ColumnKind::Number
            }
            Some("Edm.Guid" | "Edm.Binary") => ColumnKind::Other,
            Some("Edm.String") => ColumnKind::Text,
            _ => ColumnKind::Plain,
        };
        Self { order, kinds: types.map(kind).collect() }
    }

    /// The order of two keys; `None` if it is unknown.
    pub(super) fn order(&self, a: &[Cell], b: &[Cell]) -> Option<Ordering> {
        for ((a, b), kind) in a.iter().zip(b).zip(&self.kinds) {
            match self.cells(a, b, *kind)? {
                Ordering::Equal => {}
                different => return Some(different),
            }
        }
        Some(Ordering::Equal)
    }

    fn cells(&self, a: &Cell, b: &Cell, kind: ColumnKind) -> Option<Ordering> {
        match (a, b) {
            (Cell::Null, Cell::Null) => Some(Ordering::Equal),
            (Cell::Null, _) => Some(Ordering::Less),
            (_, Cell::Null) => Some(Ordering::Greater),
            (Cell::Number(a), Cell::Number(b)) if a != b && kind == ColumnKind::Text => None,
            (Cell::Number(a), Cell::Number(b)) => Some(parse_decimal(a)?.cmp(&parse_decimal(b)?)),
            (Cell::Text(a), Cell::Text(b)) if kind == ColumnKind::Number => Some(parse_decimal(a.trim())?.cmp(&parse_decimal(b.trim())?)),
            (Cell::Text(a), Cell::Text(b)) => texts(a, b).filter(|order| order.is_eq() || kind != ColumnKind::Other).filter(|order| {
                // digits have the same order in every collation
                order.is_eq() || self.order == KeyOrder::Binary || (digits(a) && digits(b))
            }),
            (a, b) if a == b => Some(Ordering::Equal),
            _ => None,
        }
    }

    /// Whether the position of a key among all others of its kind is certain.
    pub(super) fn firm(&self, key: &[Cell]) -> bool {
        key.iter().zip(&self.kinds).all(|(cell, kind)| match cell {
            Cell::Null => true,
            Cell::Number(text) => *kind != ColumnKind::Text && parse_decimal(text).is_some(),
            Cell::Text(text) if *kind == ColumnKind::Number => parse_decimal(text.trim()).is_some(),
            Cell::Text(text) if matches!(kind, ColumnKind::Plain | ColumnKind::Text) => match self.order {
                KeyOrder::Binary => text.chars().all(|c| (' '..='\u{ff}').contains(&c)),
                KeyOrder::Any => digits(text),
            },
            Cell::Text(_) | Cell::Flag(_) | Cell::Escaped(_) => false,
        })
    }
}

fn digits(text: &str) -> bool {
    text.trim_end_matches(' ').bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares by code point without trailing spaces, as `Latin1_General_BIN` does; `None` where its variants differ.
///
/// `char` columns are compared by the bytes of Windows-1252, and `nchar` columns by UTF-16; the old binary collations compare UTF-16 low
/// byte first after the first character. For Latin-1 characters all agree. A shorter text counts as padded with spaces.
pub(super) fn texts(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    let (mut left, mut right) = (a.chars(), b.chars());
    loop {
        let (x, y) = match (left.next(), right.next()) {
            (None, None) => return Some(Ordering::Equal),
            (x, y) => (x.unwrap_or(' '), y.unwrap_or(' ')),
        };
        if x == y {
            continue;
        }
        // below the space, the result depends on whether a server pads; above Latin-1, on the form of the column
        let certain = |c: char| (' '..='\u{ff}').contains(&c);
        return (certain(x) && certain(y)).then(|| x.cmp(&y));
    }
}
