//! The cases of a record that SYSPRO no longer has, and the values that are written.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// One case of a record that SYSPRO no longer has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoneCase {
    /// Its name.
    pub name: Option<String>,
    /// Conditions on the root row's last content: all must hold. Only for the header's cases.
    pub conditions: Vec<Was>,
    /// The header's case that it belongs to. Only for the cases of lines.
    pub with_header: Option<String>,
    /// The values to write; empty: the record is not changed.
    pub fields: BTreeMap<String, String>,
}

impl GoneCase {
    /// Whether it always applies.
    pub fn is_general(&self) -> bool {
        self.conditions.is_empty() && self.with_header.is_none()
    }
}

/// A condition on the last value of a root row's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Was {
    /// Offset in the root row.
    pub at: usize,
    /// The matching values.
    pub what: WasWhat,
}

/// The matching last values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasWhat {
    /// This number.
    Number(Decimal),
    /// One of these texts.
    Texts(Vec<String>),
}
