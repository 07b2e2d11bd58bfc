//! The kind of a field's value. The definition decides it, and never the form of its text: the text `42.0` differs from `42`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::known;
use super::plan::{ColumnKind, FieldSource, Form, Place, ReadPlan, TargetPlan, Transform};

/// The columns of SYSPRO's own tables.
static KNOWN: LazyLock<HashMap<(&'static str, String), ColumnKind>> =
    LazyLock::new(|| known::columns().map(|(table, column, kind)| ((table, column), kind)).collect());

/// The kind of a field with this source. `column` gives the kind of a column.
pub(super) fn form(source: &FieldSource, column: &dyn Fn(Place) -> Form) -> Form {
    match source {
        FieldSource::Column { at, transform } => match transform {
            Transform::Date => Form::Date,
            Transform::Flag => Form::Flag,
            Transform::CodeList(_) | Transform::Choose { .. } => Form::Unsaid,
            Transform::Text | Transform::Trim => column(*at),
            Transform::Upper | Transform::PartOf { .. } | Transform::StripLeadingZeros => Form::Text,
        },
        FieldSource::Count { .. } | FieldSource::Number(_) => Form::Number,
        FieldSource::Constant(_) => Form::Unsaid,
        FieldSource::Company
        | FieldSource::Concat { .. }
        | FieldSource::Reference { .. }
        | FieldSource::Header
        | FieldSource::CurrencyCode(_)
        | FieldSource::Distinct(_) => Form::Text,
        FieldSource::First(cases) => {
            let mut forms = cases.iter().map(|case| form(&case.source, column));
            let first = forms.next().unwrap_or_default();
            if forms.all(|other| other == first) { first } else { Form::Unsaid }
        }
    }
}

/// The kind of a column's values, by the entity's file, or else by what is known of SYSPRO's own tables.
pub(super) fn of_column(read: &ReadPlan, child: Option<usize>, at: Place) -> Form {
    let (kind, table, name) = match at {
        Place::Company | Place::Currency => return Form::Text,
        Place::Root(at) => {
            let join = read.joins.iter().rev().find(|join| join.offset <= at);
            let table = join.map_or(&read.root.table, |join| &join.table.table);
            (read.kinds().nth(at), table, read.columns.get(at))
        }
        Place::Child(at) => {
            let Some(child) = child.and_then(|child| read.children.get(child)) else { return Form::Unsaid };
            (child.kinds().nth(at), &child.table.table, child.table.columns.get(at))
        }
    };
    match (kind, name.and_then(|name| KNOWN.get(&(table.as_str(), name.clone())))) {
        (Some(ColumnKind::Date), _) => Form::Date,
        (Some(ColumnKind::Number), _) | (_, Some(ColumnKind::Number)) => Form::Number,
        (_, Some(ColumnKind::AsReceived)) => Form::Text,
        _ => Form::Unsaid,
    }
}

impl TargetPlan {
    /// The kind of value of a target column.
    pub fn form(&self, column: &str) -> Form {
        if self.key_column.as_deref() == Some(column) {
            return Form::Text;
        }
        if self.version_column.as_deref() == Some(column) {
            return Form::Number;
        }
        self.fields.iter().find(|field| field.name == column).map_or(Form::Unsaid, |field| field.form)
    }
}
