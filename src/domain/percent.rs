//! Decodes `%XX` strictly: the library keeps an invalid escape as text.

use percent_encoding::percent_decode_str;

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecoded {
    /// An escape is not complete.
    #[error("a `%` is not followed by two hexadecimal digits")]
    Escape,
    /// The bytes are no UTF-8.
    #[error("it is not text after decoding `%XX`")]
    NoText,
}

/// The text with every `%XX` decoded.
///
/// # Errors
/// [`NotDecoded`].
pub fn decode(text: &str) -> Result<String, NotDecoded> {
    let whole = |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(whole) {
        return Err(NotDecoded::Escape);
    }
    percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| NotDecoded::NoText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_escapes_of_text_are_decoded() {
        assert_eq!(decode("a%20b%c3%A4+%25"), Ok("a bä+%".to_owned()));
        for broken in ["%", "%2", "a%2", "%zz", "%%20", "%+1"] {
            assert_eq!(decode(broken), Err(NotDecoded::Escape), "{broken}");
        }
        assert_eq!(decode("%ff"), Err(NotDecoded::NoText));
    }
}
