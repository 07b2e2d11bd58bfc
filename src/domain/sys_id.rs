//! The id of a row in ServiceNow.

use std::fmt;
use std::ops::Deref;

use super::visible::visible;

/// A `sys_id`: 32 hexadecimal digits. Anything else in an answer is an error of its record, because an id becomes part of addresses and
/// decides which row is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SysId(Box<str>);

/// A text that should be a row's id, and is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no `sys_id`: the id of a row has 32 hexadecimal digits")]
pub struct NoSysId {
    /// Its start, safe for display.
    given: String,
}

/// How much of a wrong id is quoted, in characters.
const QUOTED: usize = 64;

impl SysId {
    /// The id in a text without the spaces around it; `None` for a blank text, which names no row.
    ///
    /// # Errors
    /// For every other text.
    pub fn read(text: &str) -> Result<Option<Self>, NoSysId> {
        let text = text.trim();
        match text.len() {
            0 => Ok(None),
            32 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(Self(text.into()))),
            _ => {
                let begin: String = text.chars().take(QUOTED).collect();
                let more = if begin.len() < text.len() { "…" } else { "" };
                Err(NoSysId { given: format!("{}{more}", visible(&begin)) })
            }
        }
    }

    /// The same; an invalid text gives `None`.
    pub fn new(text: &str) -> Option<Self> {
        Self::read(text).ok().flatten()
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
    fn an_id_has_32_hexadecimal_digits() {
        assert_eq!(SysId::read(" \t"), Ok(None), "no row is named");
        let id = SysId::new(" 00aBcdef00abcdef00abcdef00abcdef ").unwrap();
        assert_eq!(id, "00aBcdef00abcdef00abcdef00abcdef");
        assert!(id.names("00ABCDEF00abcdef00abcdef00abcdef") && !id.names("01abcdef00abcdef00abcdef00abcdef"));
        let long = "a".repeat(33);
        let others = [
            "a1",
            "../../sys_user/6816f79cc0a8016401c5a33be04be441",
            &long,
            "0xabcdef00abcdef00abcdef00abcdef",
            "00abcdef00abcdef 0abcdef00abcdef0",
            "٠٠abcdef00abcdef00abcdef00abcd",
        ];
        for other in others {
            let error = SysId::read(other).unwrap_err().to_string();
            assert!(error.contains(&format!("`{other}` is no `sys_id`")), "{error}");
        }
        let error = SysId::read(&format!("\u{202e}{}", "x".repeat(1 << 20))).unwrap_err().to_string();
        assert!(error.contains("[U+202E]x") && error.len() < 200, "{error}");
    }
}
