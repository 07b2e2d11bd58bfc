//! A field of a profile: the source of its value, and the transforms.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, OneOrMany, Read, Reader, Table, Text, Whole, Words};
use super::super::problem::list;
use super::{ConvertShape, ValueDiscountShape};

/// A field: the name of a column, or a table with more settings.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum FieldShape {
    /// The column, unchanged.
    Column(Text),
    /// With a transform, or from another source.
    Table(Box<FieldTable>),
}

impl Default for FieldShape {
    fn default() -> Self {
        FieldShape::Column(Text::default())
    }
}

impl Read for FieldShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::String(_) => FieldShape::Column(Text::read(value, reader)),
            _ => FieldShape::Table(Box::read(value, reader)),
        }
    }
}

shape! {
    /// Exactly one of `from`, `constant`, `company`, `concat`, `header`, `count`, `sum`, `currency_of`, `list`, `only`, `first`, with the
    /// keys that belong to it.
    FieldTable {
        /// Several forms: the first whose `if` holds is used. The last has no `if`.
        first = "first": Option<Vec<FieldTable>>,
        /// Within `first`: column to its required text, or to a list of such texts. All must hold.
        when = "if": Option<Table<OneOrMany>>,
        /// The column; several for a reference with a composite key. `root.X` is a column of the root row, `@company` the company's id.
        from = "from": Option<OneOrMany>,
        /// A transform: `text`, `trim`, `upper`, `date`, `decimal(n)`, `decimal(least..most)`, `amount`, `flag`, `part(separator,n)`,
        /// `strip_leading_zeros`.
        transform = "as": Option<Text>,
        /// A code list of `lookups/`.
        code_list = "lookup": Option<Text>,
        /// Code to word.
        choose = "choose": Option<Table<Text>>,
        /// The value for codes that `choose` does not name; without it, such a code is an error.
        otherwise = "otherwise": Option<Text>,
        /// The entity whose key is in `from`.
        reference = "reference": Option<Text>,
        /// The reference's key is the part of the column from which the other entity derives its records, as in its `[root] derive`.
        derived = "derived": Option<Flag>,
        /// The written form of a reference; default `key`.
        write = "write": Option<FormWord>,
        /// What happens while the other record is not delivered; default `wait`.
        if_missing = "if_missing": Option<MissingWord>,
        /// A fixed text.
        constant = "constant": Option<Text>,
        /// The company's id.
        company = "company": Option<Flag>,
        /// Columns to join; blank ones are left out.
        concat = "concat": Option<Words>,
        /// The separator: for `concat`, default one space; for `list`, default a comma and a space.
        separator = "separator": Option<Text>,
        /// The sys_id of the line's own header. Only for lines under a header with `write = "table"`.
        header = "header": Option<Flag>,
        /// The child whose rows are counted.
        count = "count": Option<Text>,
        /// `child.Column`, added up; with `as = "decimal(n)"` or `"amount"`, default `decimal(2)`.
        sum = "sum": Option<Text>,
        /// The currency of this amount, as ISO 4217 code: `Column`, or `child.Column` of a child.
        currency_of = "currency_of": Option<Text>,
        /// `child.Column`, or several columns of one child: the distinct values of its rows, in order; several columns are separated by
        /// `/`.
        list = "list": Option<OneOrMany>,
        /// The same if there is only one value: the last of the columns. Empty if there are several; for a header, that causes a warning.
        only = "only": Option<OneOrMany>,
        /// Shortens to this many characters, with a warning. Never for values that others refer to.
        truncate = "truncate": Option<Whole>,
        /// An identifier of at most this many characters: a longer one is shortened and gets eight digits of its SHA-256.
        identifier = "identifier": Option<Whole>,
        /// The column with the currency of the amount; `@currency` is the company's own. Default: as in the entity's `amounts`.
        currency = "currency": Option<Text>,
        /// The column with the number to use when `currency` is not the company's own.
        foreign = "foreign": Option<Text>,
        /// Multiplies or divides the number by a factor or rate.
        convert = "convert": Option<ConvertShape>,
        /// Columns with discounts in percent, applied one after the other.
        less_percent = "less_percent": Option<Words>,
        /// A discount that is a value.
        less_value = "less_value": Option<ValueDiscountShape>,
        /// The column with a last factor of the number, such as a quantity.
        times = "times": Option<Text>,
        /// Written as `EUR;10.00`, for a currency column of ServiceNow.
        with_currency = "with_currency": Option<Flag>,
    }
}

words! {
    /// The written form of a reference.
    FormWord {
        /// The last column of the key, as plain text.
        Key = "key",
        /// The text in the other record's key column.
        SourceKey = "source_key",
        /// The other record's sys_id.
        SysId = "sys_id",
    }
}

words! {
    /// What happens while the other record is not delivered.
    MissingWord {
        /// The document waits until that record is delivered (state `waiting`).
        Wait = "wait",
        /// The record is sent without waiting.
        Send = "send",
    }
}
