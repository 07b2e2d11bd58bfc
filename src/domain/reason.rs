//! The reason for a person's request.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A text, trimmed: 1 to [`Reason::LONGEST`] characters, without zero bytes, which the ledger cannot store. It is stored in the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// The most characters.
    pub const LONGEST: usize = 1000;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a valid reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReason {
    /// Nothing but white space.
    #[error("no reason is given; give a short reason, which is stored in the audit")]
    Empty,
    /// Too long, or with a zero byte.
    #[error("the reason has more than {} characters, or a zero byte; say it in fewer words", Reason::LONGEST)]
    TooLong,
}

impl FromStr for Reason {
    type Err = NoReason;

    fn from_str(text: &str) -> Result<Self, NoReason> {
        match text.trim() {
            "" => Err(NoReason::Empty),
            long if long.chars().count() > Self::LONGEST || long.contains('\0') => Err(NoReason::TooLong),
            words => Ok(Self(words.to_owned())),
        }
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_is_bounded() {
        assert_eq!("  wrong code list ".parse::<Reason>().map(String::from), Ok("wrong code list".to_owned()));
        assert_eq!("é".repeat(1000).parse::<Reason>().map(|reason| reason.as_str().len()), Ok(2000), "characters count, not bytes");
        for empty in ["", "  ", "\n\t"] {
            assert_eq!(empty.parse::<Reason>(), Err(NoReason::Empty));
        }
        for long in ["x".repeat(1001), "a\0".into()] {
            assert_eq!(long.parse::<Reason>(), Err(NoReason::TooLong));
        }
    }
}
