//! What the column of a field must be able to hold: its kind, and the most characters that are sent. ServiceNow cuts a text that is longer
//! than its column, so a column that is too short changes what was sent.

use super::code_lists::CodeLists;
use super::plan::{Decimals, DistinctForm, FieldPlan, FieldSource, Form, Limit, NumberPlan, ReferenceForm, TargetPlan, Transform};
use super::record::KEY_LENGTH;
use crate::domain::version::VERSION_LENGTH;

/// Characters of one text of SYSPRO. Its releases differ in the widths of columns; the widest published column is an e-mail address.
const SYSPRO_TEXT: usize = 255;
/// Characters of one code of SYSPRO: a supplier, an account, a terms code.
const SYSPRO_CODE: usize = 100;
/// Characters of one text among several that are joined: address lines, descriptions, comments.
const JOINED_TEXT: usize = 100;
/// Characters of a list of values.
const LIST: usize = 4000;
/// Characters of a company's id.
const COMPANY: usize = 10;
/// Characters of a number, with sign, point and decimals.
const NUMBER: usize = 40;
/// Characters of `YYYY-MM-DD`.
const DATE: usize = 10;
/// Characters of `false`.
const FLAG: usize = 5;
/// Characters of an ISO 4217 code.
const CURRENCY: usize = 3;
/// Characters of a `sys_id`.
const SYS_ID: usize = 32;
/// The most decimals of a currency in ISO 4217.
const CURRENCY_DECIMALS: u32 = 4;

/// The kind of a field's values, as a column of ServiceNow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentKind {
    /// A text. Years, periods and numbers of documents are texts too: they are names, and nobody calculates with them.
    Text,
    /// A decimal with at most this many decimals.
    Decimal(u32),
    /// A whole number.
    Whole,
    /// `YYYY-MM-DD`.
    Date,
    /// `true` or `false`.
    Flag,
}

/// What a column must be able to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The kind of the values.
    pub kind: ExtentKind,
    /// The most characters of a value.
    pub length: usize,
    /// Whether `length` follows from the definition alone. Otherwise it is an upper bound, because the width of SYSPRO's column is unknown.
    pub certain: bool,
}

impl Extent {
    fn text(length: usize, certain: bool) -> Self {
        Self { kind: ExtentKind::Text, length, certain }
    }

    fn of(kind: ExtentKind, length: usize) -> Self {
        Self { kind, length, certain: true }
    }

    /// The extent of values that have either of two.
    fn or(self, other: Self) -> Self {
        let kind = match (self.kind, other.kind) {
            (one, two) if one == two => one,
            (ExtentKind::Decimal(one), ExtentKind::Decimal(two)) => ExtentKind::Decimal(one.max(two)),
            _ => ExtentKind::Text,
        };
        let (longer, shorter) = if self.length >= other.length { (self, other) } else { (other, self) };
        // an upper bound that is not reached proves nothing; a certain length above it does
        let certain = longer.certain && (shorter.certain || longer.length > shorter.length);
        Self { kind, length: longer.length, certain }
    }
}

impl TargetPlan {
    /// What the key column must hold.
    pub fn key_extent() -> Extent {
        Extent::text(KEY_LENGTH, true)
    }

    /// What the version column must hold.
    pub fn version_extent() -> Extent {
        Extent::text(VERSION_LENGTH, true)
    }

    /// What the column of a field must hold, with the values that are written when SYSPRO no longer has the record.
    pub fn extent(&self, field: &FieldPlan, code_lists: &CodeLists) -> Extent {
        // a number of a document, a year or a period: a text of digits
        let of_source = match field.source {
            FieldSource::Column { .. } if field.form == Form::Number => Extent::text(NUMBER, false),
            _ => of_source(&field.source, code_lists),
        };
        let gone = self.on_gone.iter().filter_map(|case| case.fields.get(&field.name));
        let all = gone.fold(of_source, |all, text| match (all.kind, text.is_empty()) {
            (_, true) => all,
            // the fixed texts of a number or a flag are of the same kind
            (ExtentKind::Decimal(_) | ExtentKind::Whole, _) => all,
            _ => all.or(of_constant(text)),
        });
        match field.limit {
            Some(Limit::Cut(limit) | Limit::Identifier(limit)) => Extent::text(limit.min(all.length), true),
            None => all,
        }
    }
}

fn of_constant(text: &str) -> Extent {
    match text {
        "true" | "false" => Extent::of(ExtentKind::Flag, FLAG),
        text => Extent::text(text.chars().count(), true),
    }
}

fn of_source(source: &FieldSource, code_lists: &CodeLists) -> Extent {
    match source {
        FieldSource::Constant(text) => of_constant(text),
        FieldSource::Company => Extent::text(COMPANY, false),
        FieldSource::Column { transform, .. } => of_transform(transform, code_lists),
        FieldSource::Concat { parts, separator } => {
            let separators = separator.chars().count() * parts.len().saturating_sub(1);
            Extent::text((parts.len() * JOINED_TEXT + separators).max(SYSPRO_TEXT), false)
        }
        FieldSource::Reference { write, .. } => match write {
            ReferenceForm::Key => Extent::text(SYSPRO_CODE, false),
            ReferenceForm::SourceKey => Extent::text(KEY_LENGTH, true),
            ReferenceForm::SysId => Extent::text(SYS_ID, true),
        },
        FieldSource::Header => Extent::text(SYS_ID, true),
        FieldSource::Count { .. } => Extent { kind: ExtentKind::Whole, length: NUMBER, certain: false },
        FieldSource::Number(plan) => of_number(plan),
        FieldSource::CurrencyCode(_) => Extent::text(CURRENCY, true),
        FieldSource::Distinct(plan) => match plan.form {
            DistinctForm::List(_) => Extent::text(LIST, false),
            DistinctForm::Only => Extent::text(SYSPRO_CODE, false),
        },
        FieldSource::First(cases) => {
            // an empty text fits everywhere
            let empty = |source: &FieldSource| matches!(source, FieldSource::Constant(text) if text.is_empty());
            let filled = cases.iter().map(|case| &case.source).filter(|source| !empty(source));
            filled.map(|source| of_source(source, code_lists)).reduce(Extent::or).unwrap_or(Extent::text(0, true))
        }
    }
}

fn of_number(plan: &NumberPlan) -> Extent {
    let most = match plan.decimals {
        Decimals::Places { most, .. } => most,
        Decimals::OfCurrency => CURRENCY_DECIMALS,
    };
    // `EUR;10.00` is a text for a column of any other kind than currency
    let kind = if plan.with_currency { ExtentKind::Text } else { ExtentKind::Decimal(most) };
    Extent { kind, length: NUMBER, certain: false }
}

fn of_transform(transform: &Transform, code_lists: &CodeLists) -> Extent {
    match transform {
        Transform::Text | Transform::Trim | Transform::Upper => Extent::text(SYSPRO_TEXT, false),
        Transform::Date => Extent::of(ExtentKind::Date, DATE),
        Transform::Flag => Extent::of(ExtentKind::Flag, FLAG),
        Transform::CodeList(name) => {
            let listed = Extent::text(code_lists.longest(name), true);
            if code_lists.has_only_listed(name) { listed } else { listed.or(Extent::text(SYSPRO_CODE, false)) }
        }
        Transform::PartOf { .. } | Transform::StripLeadingZeros => Extent::text(SYSPRO_CODE, false),
        Transform::Choose { cases, otherwise } => {
            let words = cases.values().chain(otherwise).filter(|word| !word.is_empty());
            words.map(|word| of_constant(word)).reduce(Extent::or).unwrap_or(Extent::text(0, true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certain_length_counts_only_where_no_bound_is_above_it() {
        let (bound, word) = (Extent::text(100, false), Extent::text(8, true));
        assert_eq!(bound.or(word), Extent::text(100, false));
        assert_eq!(Extent::text(120, true).or(bound), Extent::text(120, true));
        assert_eq!(Extent::of(ExtentKind::Flag, FLAG).or(word).kind, ExtentKind::Text);
        assert_eq!(Extent::of(ExtentKind::Decimal(2), 40).or(Extent::of(ExtentKind::Decimal(4), 40)).kind, ExtentKind::Decimal(4));
    }
}
