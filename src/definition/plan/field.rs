//! The fields of a target: the sources of their values, and the transforms.

use std::collections::BTreeMap;

use crate::domain::{EntityName, Value};

use super::{Cut, Decimals, DistinctPlan, NumberPlan, Place, ReadPlan};

/// The kind of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A text: another text is another value.
    Text,
    /// A number: `12.5` equals `12.50`.
    Number,
    /// A date: a date-time at midnight is the same.
    Date,
    /// `true` or `false`, in any spelling.
    Flag,
    /// Not defined: a fixed text, a word of a code list, a column of the site's own.
    #[default]
    Unsaid,
}

/// One target field.
#[derive(Debug, Clone)]
pub struct FieldPlan {
    /// The target column.
    pub name: String,
    /// The source of its value, and the transforms.
    pub source: FieldSource,
    /// The limit for a text that is too long.
    pub limit: Option<Limit>,
    /// The kind of its value.
    pub form: Form,
}

/// The most characters of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Shortened to this many characters, with a warning.
    Cut(usize),
    /// An identifier: a longer one is shortened and gets a digest of the whole text, so that two of them stay different.
    Identifier(usize),
}

/// The source of a field's value.
#[derive(Debug, Clone)]
pub enum FieldSource {
    /// A fixed text.
    Constant(String),
    /// The company's id.
    Company,
    /// One column, with a transform.
    Column {
        /// The column.
        at: Place,
        /// The transform.
        transform: Transform,
    },
    /// Several columns, joined.
    Concat {
        /// The columns, in order; blank ones are left out.
        parts: Vec<Place>,
        /// The separator.
        separator: String,
    },
    /// The key of another record.
    Reference {
        /// The entity referred to.
        entity: EntityName,
        /// The columns that make its key, in order.
        key: Vec<Place>,
        /// The form in which it is written.
        write: ReferenceForm,
        /// What happens while that record has not been delivered.
        if_missing: IfMissing,
        /// The part of the one column that is the key, if the other entity's records are parts of such a column.
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
    /// The ISO 4217 code of a currency that SYSPRO has in its own code.
    CurrencyCode(Place),
    /// The distinct values of a child's rows.
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
    /// Columns and their allowed texts: all must hold.
    pub when: Vec<(Place, Vec<String>)>,
    /// The source in this case.
    pub source: FieldSource,
}

/// The part of a column that is another record's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Its position.
    pub cut: Cut,
    /// Parts that identify no record.
    pub none: Vec<String>,
}

impl KeyPart {
    /// The key in a column's text; `None` when there is none.
    pub fn of(&self, text: &str) -> Option<Value> {
        self.cut.of(text).filter(|part| !self.none.iter().any(|none| none == part)).map(|part| Value::Text(part.into()))
    }
}

impl ReadPlan {
    /// How a column of another entity gives a key of this one, if this entity's records are parts of a column.
    pub fn key_part(&self) -> Option<KeyPart> {
        let derive = self.root.derive.as_ref()?;
        let own = |(at, _): &&(usize, Vec<String>)| self.root.columns.get(*at) == Some(&derive.column_out);
        let none = self.root.exclude.iter().filter(own).flat_map(|(_, texts)| texts.clone());
        Some(KeyPart { cut: derive.cut.clone(), none: none.collect() })
    }
}

/// The written form of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferenceForm {
    /// The last column of the key as plain text, such as the supplier's code: the transform map resolves it.
    #[default]
    Key,
    /// The text in the other record's key column.
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
    /// Unchanged, with trailing spaces removed.
    Text,
    /// Without spaces on either side.
    Trim,
    /// Without spaces on either side, in capitals.
    Upper,
    /// `YYYY-MM-DD`; no date gives an empty text.
    Date,
    /// `Y` is `true`; `N` and blank are `false`.
    Flag,
    /// The site's code list with this name; an unknown code is a mapping error, a blank one stays blank.
    CodeList(String),
    /// One part of a code, counted from 1.
    PartOf {
        /// The separator.
        separator: String,
        /// The number of the part.
        part: usize,
    },
    /// Without leading zeros, for display.
    StripLeadingZeros,
    /// Fixed words for codes, such as `*` = `canceled`; with a value for any other code.
    Choose {
        /// Code to word.
        cases: BTreeMap<String, String>,
        /// For any other code; `None`: a mapping error.
        otherwise: Option<String>,
    },
}
