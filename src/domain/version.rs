//! The value of a version column: the number of a version, and the hash of its content.
//!
//! Numbers give the order of versions. Only the whole text shows that a version arrived: after a restore of the ledger a number is used
//! again for another content.

use std::fmt;

/// Digits of the content's hash; together with key and number, its 48 bits distinguish the contents of one record.
const DIGITS: usize = 12;

/// The longest text: ten digits of a number, the hyphen, and the hash.
pub const VERSION_LENGTH: usize = 10 + 1 + DIGITS;

/// A version as written: `7-1f3a9c0b2d4e`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionText {
    number: i64,
    content: String,
}

impl VersionText {
    /// Version `number` of a record whose content has this hash.
    pub fn new(number: i64, hash: &[u8]) -> Self {
        let mut content = hex::encode(&hash[..hash.len().min(DIGITS / 2)]);
        // a shorter hash is not one of ours; the text keeps its length anyway
        while content.len() < DIGITS {
            content.push('0');
        }
        Self { number, content }
    }

    /// The number.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl fmt::Display for VersionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.content)
    }
}

/// The version in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionThere {
    /// The number and the content.
    Whole(VersionText),
    /// Only a number, as written by earlier releases, and as columns of numbers keep it: it shows nothing about the content.
    Number(i64),
}

impl VersionThere {
    /// Reads a column's text; `None`: it is neither.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((number, content)) = text.split_once('-')
            && content.len() == DIGITS
            && content.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            let content = content.to_ascii_lowercase();
            return Some(Self::Whole(VersionText { number: number.parse().ok()?, content }));
        }
        // a column of decimals shows decimal places
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        if decimals.bytes().all(|byte| byte == b'0') { Some(Self::Number(whole.parse().ok()?)) } else { None }
    }

    /// The number, only for the order of versions.
    pub fn number(&self) -> i64 {
        match self {
            Self::Whole(version) => version.number,
            Self::Number(number) => *number,
        }
    }

    /// Whether a row with this value has that version; `None`: the number is the same and the content is unknown, so the content itself
    /// must be compared.
    pub fn is(&self, sent: &VersionText) -> Option<bool> {
        match self {
            Self::Whole(version) => Some(version == sent),
            Self::Number(number) if *number == sent.number => None,
            Self::Number(_) => Some(false),
        }
    }
}

impl fmt::Display for VersionThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(version) => version.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(number: i64, hash: u8) -> VersionText {
        VersionText::new(number, &[hash; 32])
    }

    #[test]
    fn the_text_fits_and_reads_back() {
        assert_eq!(text(7, 0x1f).to_string(), "7-1f1f1f1f1f1f");
        assert_eq!(text(i64::from(i32::MAX), 0).to_string().len(), VERSION_LENGTH);
        assert_eq!(VersionThere::read("7-1F1F1F1F1F1F "), Some(VersionThere::Whole(text(7, 0x1f))));
    }

    #[test]
    fn a_number_alone_is_read_and_proves_no_content() {
        for (there, is) in
            [("7", None), ("7.00", None), ("8", Some(false)), ("7-1f1f1f1f1f1f", Some(true)), ("7-2f1f1f1f1f1f", Some(false))]
        {
            assert_eq!(VersionThere::read(there).unwrap().is(&text(7, 0x1f)), is, "{there}");
        }
        // other contents with one number, and one content with another number
        assert_eq!(VersionThere::Whole(text(7, 1)).is(&text(7, 2)), Some(false));
        assert_eq!(VersionThere::Whole(text(8, 1)).is(&text(7, 1)), Some(false));
    }

    #[test]
    fn what_is_neither_is_no_version() {
        for other in ["", "seven", "7-1f1f", "7-1f1f1f1f1f1g", "7.5", "-", "7-"] {
            assert_eq!(VersionThere::read(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn reading_gives_back_what_was_written_and_never_panics(number in 1_i64..1 << 31, hash in any::<[u8; 32]>(), other in "\\PC{0,30}") {
            let version = VersionText::new(number, &hash);
            let there = VersionThere::read(&version.to_string());
            prop_assert_eq!(there.as_ref().and_then(|there| there.is(&version)), Some(true));
            let _ = VersionThere::read(&other);
        }
    }
}
