//! The id of a row in ServiceNow.

use std::fmt;
use std::ops::Deref;

/// A `sys_id`: never blank, so that a record cannot count as delivered without a row.
///
/// Rows of a real instance have 32 hexadecimal digits. That is not published as a rule, so the form is not checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SysId(Box<str>);

impl SysId {
    /// The id without blanks around it; `None` when nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text names the same row. ServiceNow compares ids without case.
    pub fn names(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text.trim())
    }
}

impl Deref for SysId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SysId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialEq<str> for SysId {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for SysId {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl From<SysId> for String {
    fn from(id: SysId) -> Self {
        id.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_id_is_none() {
        assert_eq!(SysId::new(""), None);
        assert_eq!(SysId::new(" \t"), None);
        let id = SysId::new(" aB1 ").unwrap();
        assert_eq!(id, "aB1");
        assert!(id.names("Ab1") && !id.names("ab2"));
    }
}
