//! JSON texts with escapes that no text can hold. A Java program that truncates a text at a number of UTF-16 units leaves half of a
//! character.

use std::borrow::Cow;

/// Precedes an escape that is written because no text can hold the character; no text of a database contains it.
pub const WRITTEN_OUT: char = '\u{fffe}';

/// The most levels of a document; no answer of either system has more than ten.
const DEPTH: usize = 64;

/// The message about a document with too many levels; `None`: it has not too many. Only brackets outside of texts count.
pub fn too_deep(body: &[u8]) -> Option<String> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = behind_text(body, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH {
                    return Some(format!("it is nested more than {DEPTH} levels deep"));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The position after a text whose opening quote is before `from`. Most of an answer is inside texts, so they are searched many bytes at a
/// time.
fn behind_text(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = body.get(at..).and_then(quote_or_escape) {
        at += found;
        match body[at] {
            b'"' => return at + 1,
            // the next byte belongs to the escape
            _ => at += 2,
        }
    }
    body.len()
}

/// The position of the first quote or backslash.
fn quote_or_escape(bytes: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 32;
    let special = |byte: &u8| matches!(byte, b'"' | b'\\');
    // without an early exit, the compiler compares a block in a few instructions
    let without = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | special(byte));
    let from = bytes.chunks_exact(AT_ONCE).take_while(without).count() * AT_ONCE;
    bytes[from..].iter().position(special).map(|at| from + at)
}

/// The text of a JSON string, quotes included. A character that it cannot hold stays escaped (`\ud83d`), so that the text is never lost.
pub fn text(raw: &str) -> Cow<'_, str> {
    match plain(raw) {
        Some(text) => Cow::Borrowed(text),
        None => serde_json::from_str::<String>(raw).unwrap_or_else(|_| lenient(raw).replace(WRITTEN_OUT, "")).into(),
    }
}

/// The text between the quotes of a JSON string that a parser has accepted; `None` when it has escapes.
pub fn plain(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"').filter(|inner| !inner.as_bytes().contains(&b'\\'))
}

/// A JSON text with invalid escapes, quotes included: halves of surrogate pairs and unknown escapes are written out.
pub fn lenient(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let unit = |rest: &str| rest.strip_prefix("\\u").and_then(|rest| rest.get(..4)).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(first) = unit(rest) {
            let pair = [first, unit(&rest[6..]).unwrap_or_default()];
            let mut decoded = char::decode_utf16(pair);
            match decoded.next() {
                Some(Ok(c)) => {
                    out.push(c);
                    rest = &rest[6 * c.len_utf16()..];
                }
                _ => {
                    out.push_str(&format!("{WRITTEN_OUT}\\u{first:04x}"));
                    rest = &rest[6..];
                }
            }
            continue;
        }
        let mut chars = rest.chars();
        chars.next();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some(c) => {
                out.extend([WRITTEN_OUT, '\\', c]);
            }
            None => out.push('\\'),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_outside_of_texts() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(too_deep(nested(64).as_bytes()).is_none());
        assert!(too_deep(nested(65).as_bytes()).is_some());
        assert!(too_deep(format!(r#"["{} \\\" {}"]"#, "[".repeat(99), "{".repeat(99)).as_bytes()).is_none());
        assert!(too_deep("[],".repeat(100).as_bytes()).is_none());
    }

    #[test]
    fn what_a_text_cannot_hold_is_written_out_and_the_rest_stays() {
        assert_eq!(text(r#""a\u00e9\ud83d\ude00""#), "a\u{e9}\u{1f600}");
        assert_eq!(text(r#""cut \ud83d""#), r"cut \ud83d");
        assert_eq!(text(r#""\ude00 \ud83d\ud83d\ude00 \n\"""#), "\\ude00 \\ud83d\u{1f600} \n\"");
        assert_eq!(text(r#""""#), "");
    }
}
