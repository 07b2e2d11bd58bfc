//! The cases of a record that SYSPRO no longer has, and what is written then.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// One case of a record that SYSPRO no longer has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoneCase {
    /// What it is called.
    pub name: Option<String>,
    /// What the root row's last content must have been: all must hold. Of the header's cases only.
    pub conditions: Vec<Was>,
    /// The header's case that it goes with. Of the cases of lines only.
    pub with_header: Option<String>,
    /// What is written; empty: the record stays as it is.
    pub fields: BTreeMap<String, String>,
}

impl GoneCase {
    /// Whether it always fits.
    pub fn is_general(&self) -> bool {
        self.conditions.is_empty() && self.with_header.is_none()
    }
}

/// What a column of the root row held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Was {
    /// Offset in the root row.
    pub at: usize,
    /// What fits.
    pub what: WasWhat,
}

/// What fits a column's last value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasWhat {
    /// This number.
    Number(Decimal),
    /// One of these texts.
    Texts(Vec<String>),
}
