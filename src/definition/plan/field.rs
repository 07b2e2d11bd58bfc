//! The fields of a target: where their values come from, and what is done to them.

use std::collections::BTreeMap;

use crate::domain::{EntityName, Value};

use super::{Cut, Decimals, DistinctPlan, NumberPlan, ReadPlan};

/// What kind of value a field carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A text: another text is another value.
    Text,
    /// A number: `12.5` is `12.50`.
    Number,
    /// A date: one at midnight is the same.
    Date,
    /// `true` or `false`, in whatever words.
    Flag,
    /// The definition does not say: a fixed text, a code list's word, a column of the site's own.
    #[default]
    Unsaid,
}

/// One target field.
#[derive(Debug, Clone)]
pub struct FieldPlan {
    /// The target column.
    pub name: String,
    /// Where the value comes from and what is done to it.
    pub source: FieldSource,
    /// What becomes of a text that is too long.
    pub limit: Option<Limit>,
    /// What kind of value it is.
    pub form: Form,
}

/// The most characters of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Cut to so many, with a warning.
    Cut(usize),
    /// An identifier: a longer one is cut and gets a digest of the whole, so that two of them stay two.
    Identifier(usize),
}

/// A value's place: in the root row, or in the child row that is being mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Offset in the root row.
    Root(usize),
    /// Offset in the child row.
    Child(usize),
    /// The company's id.
    Company,
    /// The company's own currency.
    Currency,
}

/// Where a field's value comes from.
#[derive(Debug, Clone)]
pub enum FieldSource {
    /// A fixed text.
    Constant(String),
    /// The company's id.
    Company,
    /// One column, transformed.
    Column {
        /// The column.
        at: Place,
        /// What is done to it.
        transform: Transform,
    },
    /// Several columns, joined.
    Concat {
        /// The columns, in order; blank ones are left out.
        parts: Vec<Place>,
        /// Between two of them.
        separator: String,
    },
    /// The key of another record.
    Reference {
        /// The entity referred to.
        entity: EntityName,
        /// The columns that make its key, in order.
        key: Vec<Place>,
        /// What is written.
        write: ReferenceForm,
        /// What happens while that record has not been delivered.
        if_missing: IfMissing,
        /// The one column's part that is the key, where the other entity's records are parts of such a column.
        part: Option<KeyPart>,
    },
    /// The sys_id of this line's own header (Table API lines).
    Header,
    /// The number of records of another block of the same document, such as the invoice's line count.
    Count {
        /// Offset in `ReadPlan::children`.
        child: usize,
    },
    /// A number or an amount of money.
    Number(Box<NumberPlan>),
    /// The ISO 4217 code of a currency that stands here in SYSPRO's own code.
    CurrencyCode(Place),
    /// What stands in a child's rows, each once.
    Distinct(DistinctPlan),
    /// The first of these forms whose conditions hold; the last has none.
    First(Vec<Case>),
}

impl FieldSource {
    pub(in crate::definition) fn needs_own_currency(&self) -> bool {
        match self {
            FieldSource::Column { at, .. } | FieldSource::CurrencyCode(at) => *at == Place::Currency,
            FieldSource::Concat { parts, .. } => parts.contains(&Place::Currency),
            FieldSource::Reference { key, .. } => key.contains(&Place::Currency),
            FieldSource::Number(plan) => {
                let units = plan.convert.and_then(|convert| convert.units);
                plan.foreign.is_some()
                    || plan.currency == Some(Place::Currency) && (plan.with_currency || plan.decimals == Decimals::OfCurrency)
                    || units.is_some_and(|(one, other)| one == Place::Currency || other == Place::Currency)
            }
            FieldSource::First(cases) => cases.iter().any(|case| case.source.needs_own_currency()),
            FieldSource::Constant(_)
            | FieldSource::Company
            | FieldSource::Header
            | FieldSource::Count { .. }
            | FieldSource::Distinct(_) => false,
        }
    }
}

/// One of several forms of a field.
#[derive(Debug, Clone)]
pub struct Case {
    /// Column and the texts that it may hold: all must hold.
    pub when: Vec<(Place, Vec<String>)>,
    /// What is written then.
    pub source: FieldSource,
}

/// The part of a column that is another record's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Where it stands.
    pub cut: Cut,
    /// Parts that name no record.
    pub none: Vec<String>,
}

impl KeyPart {
    /// The key in a column's text; `None` when there is none.
    pub fn of(&self, text: &str) -> Option<Value> {
        self.cut.of(text).filter(|part| !self.none.iter().any(|none| none == part)).map(|part| Value::Text(part.into()))
    }
}

impl ReadPlan {
    /// How another entity's column gives a key of this one, where its records are parts of a column.
    pub fn key_part(&self) -> Option<KeyPart> {
        let derive = self.root.derive.as_ref()?;
        let own = |(at, _): &&(usize, Vec<String>)| self.root.columns.get(*at) == Some(&derive.column_out);
        let none = self.root.exclude.iter().filter(own).flat_map(|(_, texts)| texts.clone());
        Some(KeyPart { cut: derive.cut.clone(), none: none.collect() })
    }
}

/// What is written for a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferenceForm {
    /// The last column of the key as plain text, such as the supplier's code: the transform map resolves it.
    #[default]
    Key,
    /// The key text that the other record carries in its key column.
    SourceKey,
    /// The sys_id of the delivered record.
    SysId,
}

/// What happens to a record that refers to one that is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMissing {
    /// The document waits until it is.
    #[default]
    Wait,
    /// The record is sent without waiting.
    Send,
}

/// The closed set of transforms.
#[derive(Debug, Clone, PartialEq)]
pub enum Transform {
    /// As it is, trailing blanks removed.
    Text,
    /// Without blanks on either side.
    Trim,
    /// Without blanks on either side, in capitals.
    Upper,
    /// `YYYY-MM-DD`; no date gives an empty text.
    Date,
    /// `Y` is `true`; `N` and blank are `false`.
    Flag,
    /// The site's code list of this name; an unknown code is a mapping error, a blank one stays blank.
    CodeList(String),
    /// One part of a code, counted from 1.
    PartOf {
        /// Between the parts.
        separator: String,
        /// Which one.
        part: usize,
    },
    /// Without leading zeros, for display.
    StripLeadingZeros,
    /// Fixed words for codes, such as `*` = `canceled`; with what to write for any other code.
    Choose {
        /// Code to word.
        cases: BTreeMap<String, String>,
        /// For any other code; `None`: a mapping error.
        otherwise: Option<String>,
    },
}
