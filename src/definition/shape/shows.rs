//! `[shows]` of an entity's file.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Read, Reader, Text};

shape! {
    /// What lists and sums show of a record: columns of the root row.
    ShowsShape {
        /// The record's amount: what is at stake when it does not arrive.
        amount = "amount": Option<Text>,
        /// The amount's currency. Left out: the amount is in the company's currency.
        currency = "currency": Option<Text>,
        /// The record's date.
        date = "date": Option<Text>,
    }
}
