//! `[shows]` of an entity's file.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Read, Reader, Text, Words};
use super::{ConditionShape, ConvertShape, ValueDiscountShape};

shape! {
    /// The values of a record for lists and sums: columns of the root row, and an amount that may be a sum over child rows.
    ShowsShape {
        /// The record's amount, shown when the record is not delivered.
        amount = "amount": Option<AmountShape>,
        /// The column with the amount's currency. If left out, the amount is in the company's currency.
        currency = "currency": Option<Text>,
        /// The record's date.
        date = "date": Option<Text>,
    }
}

/// The amount: a column of the root row, or a table that describes a sum.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum AmountShape {
    /// The column.
    Column(Text),
    /// A sum over the rows of a child.
    Sum(Box<RowSumShape>),
}

impl Default for AmountShape {
    fn default() -> Self {
        AmountShape::Column(Text::default())
    }
}

impl Read for AmountShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::Table(_) => AmountShape::Sum(Box::read(value, reader)),
            DeValue::String(_) => AmountShape::Column(Text::read(value, reader)),
            _ => {
                reader.wrong(value, "a column of the root row, or a table such as `{ sum = \"lines\", each = [{ from = \"…\" }] }`");
                Self::default()
            }
        }
    }
}

shape! {
    /// A sum over the rows of a child: `sum = "child"` with `each`, or `sum = "child.Column"` alone.
    RowSumShape {
        /// The child whose rows are added up, with `each`; or one column of it, as `child.Column`.
        sum = "sum": Text,
        /// The value of each row: these numbers, added up. If no number can be computed for a row, the record has no amount.
        each = "each": Option<Vec<RowNumberShape>>,
        /// Conditions for a row to be counted; all must hold.
        only_if = "only_if": Option<Vec<ConditionShape>>,
    }
}

shape! {
    /// A number of a child row, with the same keys as a number in a profile. `root.X` is a column of the root row.
    RowNumberShape {
        /// The column of the child row.
        from = "from": Text,
        /// The column with the number to use when `currency` of `[shows]` is not the company's own.
        foreign = "foreign": Option<Text>,
        /// Multiplies or divides the number by a factor or rate.
        convert = "convert": Option<ConvertShape>,
        /// Columns with discounts in percent, applied one after the other.
        less_percent = "less_percent": Option<Words>,
        /// A discount that is a value.
        less_value = "less_value": Option<ValueDiscountShape>,
        /// The column with a last factor of the number, such as a quantity.
        times = "times": Option<Text>,
    }
}
