//! JSON of unknown size: lists and objects are read up to a limit, and refused beyond it before they are in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::wire::{Row, push_cell};
use crate::domain::texts::Text;

/// The most members of one row; the widest tables have some hundreds of columns.
const MEMBERS: usize = 2000;
/// The most cells of one answer.
const CELLS: usize = 200_000;

/// A list with at most this many elements.
#[derive(Debug)]
pub struct Few<T, const MOST: usize>(pub Vec<T>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor::<T, MOST>(PhantomData))
    }
}

struct FewVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for FewVisitor<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MOST {
            match seq.next_element()? {
                Some(element) => list.push(element),
                None => return Ok(Few(list)),
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom(format!("a list in it has more than {MOST} elements"))),
            None => Ok(Few(list)),
        }
    }
}

/// The rows of `result`, which is one row or a list; any other value has none.
pub(super) fn rows(raw: &RawValue, most: usize) -> Result<Vec<Row>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    match raw.get().as_bytes().first() {
        Some(b'[') => reader.deserialize_seq(Rows { most }),
        Some(b'{') => OneRow { cells: &mut 0 }.deserialize(&mut reader).map(|row| vec![row]),
        _ => Ok(Vec::new()),
    }
}

struct Rows {
    most: usize,
}

impl<'de> Visitor<'de> for Rows {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut rows, mut cells) = (Vec::new(), 0);
        while rows.len() < self.most {
            match seq.next_element_seed(OneRow { cells: &mut cells })? {
                Some(row) => rows.push(row),
                None => return Ok(rows),
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom(format!("it has more rows than the {} asked for, and none of them is read", self.most))),
            None => Ok(rows),
        }
    }
}

struct OneRow<'c> {
    cells: &'c mut usize,
}

impl<'de> DeserializeSeed<'de> for OneRow<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut row = Row::default();
        let mut members = 0;
        while let Some(Text(name)) = map.next_key()? {
            members += 1;
            *self.cells += 1;
            if members > MEMBERS || *self.cells > CELLS {
                return Err(A::Error::custom(format!("a row has more than {MEMBERS} members, or all of them more than {CELLS}")));
            }
            let raw: &RawValue = map.next_value()?;
            push_cell(&mut row, &name, raw);
        }
        Ok(row.sorted())
    }
}

/// The members of an object that have one of these names; empty if it is not an object.
pub(super) fn members<'a>(raw: &'a RawValue, names: &'static [&'static str]) -> BTreeMap<&'static str, &'a RawValue> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members { names }).unwrap_or_default()
}

struct Members {
    names: &'static [&'static str],
}

impl<'de> Visitor<'de> for Members {
    type Value = BTreeMap<&'static str, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(Text(name)) = map.next_key()? {
            match self.names.iter().find(|known| **known == name) {
                Some(known) => drop(members.insert(*known, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, most: usize) -> Result<usize, String> {
        let raw: &RawValue = serde_json::from_str(text).expect("JSON");
        rows(raw, most).map(|rows| rows.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_beyond_those_asked_for_and_cells_beyond_reason_are_refused() {
        let list = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(read(&list(3), 3), Ok(3));
        assert!(read(&list(4), 3).expect_err("one too many").contains("more rows than the 3 asked for"));
        let wide = |members: usize| format!("{{{}}}", (0..members).map(|at| format!("\"c{at}\":1")).collect::<Vec<_>>().join(","));
        assert_eq!(read(&wide(2000), 1), Ok(1));
        assert!(read(&wide(2001), 1).expect_err("wide").contains("more than 2000 members"));
        assert!(read(&format!("[{}]", vec![wide(1001); 200].join(",")), 500).expect_err("many").contains("200000"));
    }

    #[test]
    fn a_list_is_read_up_to_its_bound() {
        assert_eq!(serde_json::from_str::<Few<u32, 3>>("[1,2,3]").map(|few| few.0).ok(), Some(vec![1, 2, 3]));
        assert!(serde_json::from_str::<Few<u32, 3>>("[1,2,3,4]").expect_err("four").to_string().contains("more than 3 elements"));
    }
}
