//! Detects columns whose kind of value changed, because SYSPRO, or something between it and Tieline, was upgraded. Pure.
//!
//! A supplier `0000001` that arrives as the number 1 is another supplier, and the old one seems deleted: such a change must not pass
//! silently. The former kind of each column is stored with the flow. In a column that the definition declares as a date, a value that is
//! not a date fails only its own record. So does a single text among numbers, such as `100.50CR`, outside keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::{ColumnKind, Plan};
use crate::domain::money::parse_decimal;
use crate::domain::{Document, Row, Value};

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// Numbers.
    Number,
    /// True or false.
    Flag,
    /// A date by the definition: known to have values, and never of another kind.
    Date,
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        match value {
            _ if value.is_blank() => None,
            Value::Null => None,
            // a date occurs in no other column
            Value::Text(_) | Value::Date(_) => Some(Self::Text),
            Value::Number(_) => Some(Self::Number),
            Value::Flag(_) => Some(Self::Flag),
        }
    }

    /// Whether a value is allowed in a column of this kind.
    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            // more digits than Tieline computes with, or a server that writes its numbers as texts
            (Self::Number, Value::Text(text)) => {
                parse_decimal(text.trim()).is_some() || text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
            }
            (Self::Date, _) => true,
            _ => Self::of(value).is_none_or(|kind| kind == self),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Flag => "a flag",
            Self::Date => "a date",
        }
    }
}

/// The former kind of each column of a flow, by its name; a child's column is prefixed with the child's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kinds(BTreeMap<String, Kind>);

/// A column whose kind changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The column; a child's column is prefixed with the child's name.
    pub column: String,
    /// The first document with the new kind.
    pub key: String,
    /// The former kind.
    pub was: Kind,
    /// The new kind.
    pub is: Kind,
    /// The value.
    pub value: String,
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { column, key, was, is, value } = self;
        write!(f, "column `{column}` held {} until now and holds {}, `{value}`, in document `{key}`", was.word(), is.word())
    }
}

impl Kinds {
    /// The columns that have had values, each with its table.
    pub fn columns(&self, plan: &Plan) -> Vec<(String, String)> {
        let root = &plan.read.root;
        let mut all = Vec::new();
        let mut add = |table: &str, name: &str, place: String| {
            if self.0.contains_key(&place) {
                all.push((table.to_owned(), name.to_owned()));
            }
        };
        for name in &root.columns {
            match &root.derive {
                Some(derive) if derive.column_out == *name => add(&root.table, &derive.from, name.clone()),
                _ => add(&root.table, name, name.clone()),
            }
        }
        for join in &plan.read.joins {
            let names = join.table.columns.iter().filter(|name| !join.table.key.contains(name));
            names.zip(plan.read.columns.iter().skip(join.offset)).for_each(|(name, place)| add(&join.table.table, name, place.clone()));
        }
        for child in &plan.read.children {
            let place = |name: &str| format!("{}.{name}", child.name);
            child.table.columns.iter().for_each(|name| add(&child.table.table, name, place(name)));
            if let Some(via) = &child.via {
                via.carry.iter().for_each(|name| add(&via.table.table, name, place(name)));
            }
        }
        all
    }

    /// Learns from a page. Answers whether anything is new, and the columns with a value of another kind than before; they are learned
    /// again.
    pub fn learn(&mut self, plan: &Plan, documents: &[Document]) -> (bool, Vec<Drift>) {
        let mut drifts = Vec::new();
        let mut new = false;
        let root: Vec<(&str, ColumnKind)> = plan.read.columns.iter().map(String::as_str).zip(plan.read.kinds()).collect();
        let key: Vec<&str> = plan.read.root.key.iter().map(String::as_str).collect();
        new |= self.table("", &root, &key, &|| documents.iter().map(|document| (document, &document.root)), &mut drifts);
        for (n, child) in plan.read.children.iter().enumerate() {
            let names: Vec<(&str, ColumnKind)> = child.column_names().zip(child.kinds()).collect();
            let rows = || {
                documents.iter().flat_map(move |document| document.children.get(n).into_iter().flatten().map(move |row| (document, row)))
            };
            let key: Vec<&str> = child.table.key.iter().chain(child.on.iter().map(|(_, column)| column)).map(String::as_str).collect();
            new |= self.table(&format!("{}.", child.name), &names, &key, &rows, &mut drifts);
        }
        (new, drifts)
    }

    fn table<'d, I>(
        &mut self,
        prefix: &str,
        names: &[(&str, ColumnKind)],
        key: &[&str],
        rows: &dyn Fn() -> I,
        drifts: &mut Vec<Drift>,
    ) -> bool
    where
        I: Iterator<Item = (&'d Document, &'d Row)>,
    {
        let mut new = false;
        for (at, (name, kind)) in names.iter().enumerate() {
            let values = || rows().filter_map(|(document, row)| Some((document, row.get(at)?)));
            let column = format!("{prefix}{name}");
            if *kind == ColumnKind::Date {
                if !self.0.contains_key(&column) && values().any(|(_, value)| Kind::of(value).is_some()) {
                    self.0.insert(column, Kind::Date);
                    new = true;
                }
                continue;
            }
            let Some(was) = self.0.get(&column).copied() else {
                // numbers with more digits than Tieline computes with are kept as texts, and may come first; outside keys, an invalid
                // number may too
                let numbers = || {
                    let numbers = values().filter(|(_, value)| Kind::of(value) == Some(Kind::Number)).count();
                    let others = values().filter(|(_, value)| !Kind::Number.admits(value)).count();
                    numbers > 0 && (others == 0 || (!key.contains(name) && numbers > others))
                };
                let first = values().find_map(|(_, value)| Kind::of(value));
                if let Some(kind) = first.map(|kind| if numbers() { Kind::Number } else { kind }) {
                    self.0.insert(column, kind);
                    new = true;
                }
                continue;
            };
            let other =
                values().find_map(|(document, value)| (!was.admits(value)).then(|| Some((document, value, Kind::of(value)?))).flatten());
            let Some((document, value, is)) = other else { continue };
            if was == Kind::Number && is == Kind::Text && !key.contains(name) {
                // an invalid number fails its own record where it is used as a number; a whole column of them is a changed column
                let texts = values().filter(|(_, value)| !was.admits(value)).take(2).count();
                if texts < 2 || values().any(|(_, value)| Kind::of(value) == Some(Kind::Number)) {
                    continue;
                }
            }
            drifts.push(Drift { column: column.clone(), key: document.key.to_string(), was, is, value: value.to_text() });
            self.0.insert(column, is);
            new = true;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::load;

    fn documents(suppliers: &[Value], terms: Value) -> (Plan, Vec<Document>) {
        let definitions = load(None, "apo", &[], &Default::default()).expect("the shipped ones");
        let plan = definitions.plan(&"supplier".into()).expect("a plan").clone();
        let at = |name: &str| plan.read.columns.iter().position(|column| column == name).expect("a column");
        let document = |supplier: &Value| {
            let mut root = vec![Value::Null; plan.read.columns.len()];
            root[at("Supplier")] = supplier.clone();
            root[at("TermsCode")] = terms.clone();
            Document { key: "S".to_owned().into(), root: root.into(), children: Vec::new(), faults: Vec::new() }
        };
        let documents = suppliers.iter().map(document).collect();
        (plan, documents)
    }

    fn text(text: &str) -> Value {
        Value::text(text)
    }

    #[test]
    fn a_key_that_becomes_a_number_is_seen_and_dates_among_texts_are_not() {
        let mut kinds = Kinds::default();
        let (plan, first) = documents(&[text("0000001"), text("Abc")], Value::Null);
        assert_eq!(kinds.learn(&plan, &first), (true, vec![]));
        assert_eq!(
            kinds.learn(&plan, &documents(&[text("2026-01-31"), Value::Null, text("  ")], text("A")).1),
            (true, vec![]),
            "the terms are new"
        );
        assert_eq!(kinds.learn(&plan, &first), (false, vec![]));
        let (new, drifts) = kinds.learn(&plan, &documents(&[text("Abc"), Value::from_decimal(1.into())], text("A")).1);
        assert!(new);
        let [drift] = &drifts[..] else { panic!("{drifts:?}") };
        assert_eq!(drift.to_string(), "column `Supplier` held text until now and holds a number, `1`, in document `S`");
    }

    #[test]
    fn numbers_may_be_written_as_texts_and_nothing_else() {
        let mut kinds = Kinds::default();
        let numbers = |value| documents(&[value], Value::Null);
        let (plan, first) = numbers(Value::from_decimal(1.into()));
        kinds.learn(&plan, &first);
        assert!(kinds.learn(&plan, &numbers(text("12.50")).1).1.is_empty());
        assert!(kinds.learn(&plan, &numbers(text("123456789012345678901234567890.5")).1).1.is_empty(), "more digits than we compute with");
        assert_eq!(kinds.learn(&plan, &numbers(text("twelve")).1).1.len(), 1);
        let mut kinds = Kinds::default();
        let both = [text("123456789012345678901234567890.5"), Value::from_decimal(1.into())];
        kinds.learn(&plan, &documents(&both, Value::Null).1);
        assert!(kinds.learn(&plan, &first).1.is_empty(), "one that is too long came first");
    }

    #[test]
    fn a_single_text_among_numbers_stops_no_flow_outside_keys_and_a_column_of_them_does() {
        let (plan, _) = documents(&[], Value::Null);
        let page =
            |terms: &[Value]| -> Vec<Document> { terms.iter().flat_map(|terms| documents(&[text("0000001")], terms.clone()).1).collect() };
        let number = || Value::from_decimal(1.into());
        let seen = |pages: &[Value]| {
            let mut kinds = Kinds::default();
            kinds.learn(&plan, &page(&[number()]));
            let drifts = kinds.learn(&plan, &page(pages)).1.len();
            // an ignored value is not learned either
            assert!(drifts > 0 || kinds.learn(&plan, &page(&[number()])).1.is_empty());
            drifts
        };
        assert_eq!(seen(&[text("100.50CR")]), 0);
        assert_eq!(seen(&[text("100.50CR"), number()]), 0);
        assert_eq!(seen(&[text("1,234.50"), text("100.50CR"), number(), text("x")]), 0);
        assert_eq!(seen(&[text("100.50CR"), text("twelve")]), 1);
        assert_eq!(seen(&[Value::Flag(true)]), 1, "a flag is no text");
        // nor if it comes first
        let mut kinds = Kinds::default();
        assert!(kinds.learn(&plan, &page(&[text("100.50CR"), number(), number()])).1.is_empty());
        assert!(kinds.learn(&plan, &page(&[number(), number()])).1.is_empty());
    }

    #[test]
    fn what_columns_have_held_is_known_with_their_tables() {
        let definitions = load(None, "apo", &[], &Default::default()).expect("the shipped ones");
        let plan = definitions.plan(&"invoice".into()).expect("a plan").clone();
        let mut root = vec![Value::Null; plan.read.columns.len()];
        let at = |name: &str| plan.read.columns.iter().position(|column| column == name).expect("a column");
        root[at("Supplier")] = text("S");
        root[at("DueDate")] = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date"));
        let child = &plan.read.children[0];
        let line: Vec<Value> =
            child.column_names().map(|name| if name == "DistrValue" { Value::from_decimal(1.into()) } else { Value::Null }).collect();
        let mut children = vec![Vec::new(); plan.read.children.len()];
        children[0].push(line.into());
        let document = Document { key: "S".to_owned().into(), root: root.into(), children, faults: Vec::new() };
        let mut kinds = Kinds::default();
        assert_eq!(kinds.learn(&plan, std::slice::from_ref(&document)), (true, vec![]));
        assert_eq!(kinds.learn(&plan, &[document]), (false, vec![]), "known by now");
        let pair = |table: &str, name: &str| (table.to_owned(), name.to_owned());
        let mut known = kinds.columns(&plan);
        known.sort();
        assert_eq!(known, [pair("ApInvoice", "DueDate"), pair("ApInvoice", "Supplier"), pair("ApJnlDistrib", "DistrValue")]);
        assert_eq!(Kinds::default().columns(&plan), []);
        // for derived records, the source column is known, and no other
        let variant = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center/gl_section");
        let definitions = load(Some(&variant), "apo", &["cost_center".into()], &Default::default()).expect("the variant");
        let plan = definitions.plan(&"cost_center".into()).expect("a plan").clone();
        let derive = plan.read.root.derive.as_ref().expect("cost centres are derived");
        let root = plan.read.columns.iter().map(|name| if *name == derive.column_out { text("C1") } else { Value::Null }).collect();
        let children = vec![Vec::new(); plan.read.children.len()];
        let mut kinds = Kinds::default();
        kinds.learn(&plan, &[Document { key: "C1".to_owned().into(), root, children, faults: Vec::new() }]);
        assert_eq!(kinds.columns(&plan), [pair(&plan.read.root.table, &derive.from)]);
    }
}
