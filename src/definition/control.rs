//! Checks what must hold within a document. Pure: which records of other entities exist is asked by the caller.

use crate::domain::ratio::Ratio;
use crate::domain::{CompanyId, Document, DocumentKey, Row, Value};

use super::code_lists::CodeLists;
use super::map_number::{TOO_LONG, fraction, shown};
use super::plan::{ActiveWhen, ControlRule, ExistsControl, Place, Plan};
use super::transform;

/// What a control shows on one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// It holds.
    Holds,
    /// It is violated, and how.
    Violated(String),
    /// It cannot be checked, and why.
    Unchecked(String),
    /// It holds if these records of the other entity exist.
    If(Vec<Referred>),
}

/// A record of another entity that a document refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referred {
    /// The key of the row that refers to it; empty: the document itself.
    pub record_key: String,
    /// The record's key.
    pub key: DocumentKey,
}

impl Plan {
    /// What each control shows on a document, in their order.
    pub fn check_controls(&self, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Vec<Control> {
        let controls = self.read.controls.iter().map(|control| match &control.rule {
            ControlRule::Total(total) => match self.compare_total(total, company, document, code_lists) {
                Ok(None) => Control::Holds,
                Ok(Some(text)) => Control::Violated(format!("`{}` {text}", self.root_column(total.total))),
                Err(problem) => Control::Unchecked(problem),
            },
            ControlRule::Equal { one, other } => self.equal(document, *one, *other),
            ControlRule::Zero { child, at } => self.zero(document, *child, *at),
            ControlRule::Exists(exists) => Control::If(self.referred(company, document, exists)),
        });
        controls.collect()
    }

    fn root_column(&self, at: usize) -> &str {
        self.read.columns.get(at).map(String::as_str).unwrap_or_default()
    }

    fn equal(&self, document: &Document, one: usize, other: usize) -> Control {
        let number = |at: usize| {
            let value = document.root.get(at).unwrap_or(&Value::Null);
            fraction(value).map(|number| number.unwrap_or(Ratio::ZERO)).map_err(|problem| format!("`{}`: {problem}", self.root_column(at)))
        };
        match (number(one), number(other)) {
            (Ok(left), Ok(right)) if left == right => Control::Holds,
            (Ok(left), Ok(right)) => Control::Violated(format!(
                "`{}` is {}, and `{}` is {}",
                self.root_column(one),
                shown(left),
                self.root_column(other),
                shown(right)
            )),
            (Err(problem), _) | (_, Err(problem)) => Control::Unchecked(problem),
        }
    }

    fn zero(&self, document: &Document, child: usize, at: usize) -> Control {
        let Some(read) = self.read.children.get(child) else { return Control::Holds };
        let column = read.column_names().nth(at).unwrap_or_default();
        let rows = document.children.get(child).map_or(&[][..], Vec::as_slice);
        let mut sum = Ratio::ZERO;
        for row in rows {
            let number = match fraction(row.get(at).unwrap_or(&Value::Null)) {
                Ok(number) => number.unwrap_or(Ratio::ZERO),
                Err(problem) => return Control::Unchecked(format!("`{column}`: {problem}")),
            };
            let Some(more) = sum.plus(number) else { return Control::Unchecked(format!("`{column}`: {TOO_LONG}")) };
            sum = more;
        }
        match sum.is_zero() {
            true => Control::Holds,
            false => Control::Violated(format!("its {} `{}` add up to {} (`{column}`), not to zero", rows.len(), read.name, shown(sum))),
        }
    }

    /// The records that a document refers to. A key with a blank part refers to none.
    fn referred(&self, company: &CompanyId, document: &Document, exists: &ExistsControl) -> Vec<Referred> {
        let company = Value::Text(company.as_str().into());
        let of = |row: Option<&Row>, record_key: String| {
            let value = |place: &Place| match place {
                Place::Company => Some(company.clone()),
                Place::Root(at) => document.root.get(*at).cloned(),
                Place::Child(at) => row?.get(*at).cloned(),
                Place::Currency => None,
            };
            let values: Vec<Value> = exists.key.iter().filter_map(value).collect();
            let whole = values.len() == exists.key.len() && !values.iter().any(Value::is_blank);
            whole.then(|| Referred { record_key, key: DocumentKey::from_values(&values) })
        };
        match exists.child.and_then(|child| Some((self.read.children.get(child)?, document.children.get(child)?))) {
            Some((read, rows)) => {
                let key = |row: &Row| DocumentKey::from_values(read.table.key_at.iter().map(|&at| &row[at])).into();
                rows.iter().filter_map(|row| of(Some(row), key(row))).collect()
            }
            None if exists.child.is_some() => Vec::new(),
            None => of(None, String::new()).into_iter().collect(),
        }
    }
}

impl ActiveWhen {
    /// Whether a record of the other entity is active.
    pub fn holds(&self, other: &Plan, record: &Document) -> bool {
        let at = other.read.columns.iter().position(|column| *column == self.column);
        let text = at.and_then(|at| record.root.get(at)).map(transform::plain).unwrap_or_default();
        self.one_of.iter().any(|accepted| *accepted == text) != self.negate
    }
}
