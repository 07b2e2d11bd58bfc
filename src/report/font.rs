//! Helvetica, one of the fonts that every PDF reader has: the bytes of a text in it, and their widths.

use encoding_rs::WINDOWS_1252;

/// The widths of the characters from the blank to `~`, in thousandths of the font's size (Adobe's metrics of Helvetica).
const ASCII: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // blank to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];

/// The width of every other character: as wide as most capital letters, so that no text is wider than it is taken to be.
const OTHER: u16 = 722;

/// A text in the encoding of the font (Windows-1252). A character that it does not have is written as its number, such as `[U+0105]`, because
/// a signed page must not show another one instead. Control characters become blanks.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for character in text.chars() {
        if character.is_control() {
            bytes.push(b' ');
            continue;
        }
        match WINDOWS_1252.encode(character.encode_utf8(&mut buffer)) {
            (one, _, false) => bytes.extend_from_slice(&one),
            _ => bytes.extend_from_slice(format!("[U+{:04X}]", u32::from(character)).as_bytes()),
        }
    }
    bytes
}

/// The width of an encoded text in this size, in the unit of the size, rounded up.
pub(super) fn width(bytes: &[u8], size: i32) -> i32 {
    let thousandths: i32 = bytes.iter().map(|byte| i32::from(of(*byte))).sum();
    (thousandths * size + 999) / 1000
}

fn of(byte: u8) -> u16 {
    byte.checked_sub(b' ').and_then(|place| ASCII.get(usize::from(place)).copied()).unwrap_or(OTHER)
}

/// A text as lines that are at most this wide. A word that is wider than a line is divided.
pub(super) fn lines(text: &str, size: i32, most: i32) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line: Vec<u8> = Vec::new();
        for word in paragraph.split(' ') {
            let word = encoded(word);
            let longer = if line.is_empty() { word.clone() } else { [line.as_slice(), b" ", &word].concat() };
            if width(&longer, size) <= most {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for byte in word {
                line.push(byte);
                if width(&line, size) > most && line.len() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, vec![byte]));
                }
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_the_font_does_not_have_is_named() {
        assert_eq!(encoded("Müller & Söhne €5"), b"M\xfcller & S\xf6hne \x805");
        assert_eq!(encoded("Łódź\t1"), b"[U+0141]\xf3d[U+017A] 1");
    }

    #[test]
    fn a_text_is_divided_at_blanks_and_long_words_anywhere() {
        let wide = width(b"aaaa aaaa", 100);
        let text = |lines: Vec<Vec<u8>>| lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect::<Vec<_>>();
        assert_eq!(text(lines("aaaa aaaa aaaa", 100, wide)), ["aaaa aaaa", "aaaa"]);
        assert_eq!(text(lines("a\nb", 100, wide)), ["a", "b"]);
        for line in lines(&"W".repeat(100), 100, wide) {
            assert!(width(&line, 100) <= wide);
        }
        assert_eq!(text(lines("W", 100, 1)), ["W"], "a character that fits nowhere");
    }
}
