//! The spellings of a character: plain, percent-encoded or as a form's blank, escaped for JSON, as a reference of XML or HTML, and such a
//! spelling encoded once more.

use super::TextPart;

/// How often a spelling may be encoded again.
const DEPTH: u8 = 2;

/// The longest reference of HTML or XML that is read, in characters.
const REFERENCE: usize = 10;

/// The first characters of spellings.
const LEADS: [char; 4] = ['%', '+', '\\', '&'];

/// The most bytes that a spelling of one character takes.
pub(super) const LONGEST: usize = 36;

/// A character, and the number of its bytes in the text.
type Read = (char, usize);

/// The characters of a text for comparison: case is ignored, a run of blanks is one blank, and blanks at the ends are dropped.
pub(super) fn folded(text: &str) -> Vec<char> {
    let mut out: Vec<char> = Vec::new();
    for c in text.trim().chars().map(fold) {
        if c != ' ' || out.last() != Some(&' ') {
            out.push(c);
        }
    }
    out
}

pub(super) fn fold(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c.to_lowercase().next().unwrap_or(c) }
}

/// Whether a spelling may start with this character.
pub(super) fn leads(c: char) -> bool {
    LEADS.contains(&c)
}

/// The characters that the start of a text may represent, folded, each with its number of bytes.
pub(super) fn ways(text: &str) -> Vec<Read> {
    read(text, DEPTH).into_iter().map(|(c, length)| (fold(c), length)).collect()
}

/// How many bytes at the start of a text spell a secret: the most, if there are several ways to read it. The start
/// of a text may end within the secret.
pub(super) fn matches(text: &str, secret: &[char], given: TextPart) -> Option<usize> {
    let mut ends = vec![0];
    for wanted in secret {
        let mut next = Vec::new();
        for end in ends {
            let rest = &text[end..];
            if given == TextPart::Start && (rest.is_empty() || rest.len() < LONGEST && rest.starts_with(LEADS)) {
                return Some(text.len());
            }
            next.extend(ways(rest).into_iter().filter(|(c, _)| c == wanted).map(|(_, length)| end + length));
        }
        if *wanted == ' ' {
            past_blanks(text, &mut next);
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.pop()
}

/// Skips a run of blanks.
fn past_blanks(text: &str, ends: &mut Vec<usize>) {
    let mut at = 0;
    while let Some(end) = ends.get(at).copied() {
        let more: Vec<usize> = ways(&text[end..]).into_iter().filter(|(c, _)| *c == ' ').map(|(_, length)| end + length).collect();
        for end in more {
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        at += 1;
    }
}

/// As [`ways`], not folded, for spellings of spellings up to a depth.
fn read(text: &str, depth: u8) -> Vec<Read> {
    let Some(plain) = text.chars().next() else { return Vec::new() };
    // most characters start no spelling
    if depth == 0 || !LEADS.contains(&plain) {
        return vec![(plain, plain.len_utf8())];
    }
    let mut found = read(text, depth - 1);
    for (lead, at) in found.clone() {
        let more = match lead {
            '%' => percent(text, at, &[], depth - 1),
            '+' => vec![(' ', at)],
            '\\' => escaped(text, at, depth - 1),
            '&' => reference(text, at, depth - 1).into_iter().collect(),
            _ => Vec::new(),
        };
        for more in more {
            if !found.contains(&more) {
                found.push(more);
            }
        }
    }
    found
}

/// Where a text continues after this character at this place.
fn past(text: &str, at: usize, wanted: char, depth: u8) -> Vec<usize> {
    let next = read(text.get(at..).unwrap_or_default(), depth);
    next.into_iter().filter(|(c, _)| *c == wanted).map(|(_, length)| at + length).collect()
}

/// A number with this many hexadecimal digits, and where the text continues.
fn hex(text: &str, mut at: usize, digits: usize, depth: u8) -> Option<(u32, usize)> {
    let mut number = 0;
    for _ in 0..digits {
        let next = read(text.get(at..)?, depth);
        let (digit, length) = next.into_iter().find_map(|(c, length)| Some((c.to_digit(16)?, length)))?;
        (number, at) = (number * 16 + digit, at + length);
    }
    Some((number, at))
}

/// Reads what follows a percent sign: as many bytes as make a character.
fn percent(text: &str, at: usize, before: &[u8], depth: u8) -> Vec<Read> {
    let Some((byte, at)) = hex(text, at, 2, depth) else { return Vec::new() };
    let bytes: Vec<u8> = before.iter().copied().chain(u8::try_from(byte)).collect();
    if let Ok(whole) = std::str::from_utf8(&bytes) {
        return whole.chars().map(|c| (c, at)).collect();
    }
    if bytes.len() == 4 {
        return Vec::new();
    }
    past(text, at, '%', depth).into_iter().flat_map(|at| percent(text, at, &bytes, depth)).collect()
}

/// Reads what follows a backslash.
fn escaped(text: &str, at: usize, depth: u8) -> Vec<Read> {
    let mut found = Vec::new();
    for (c, length) in read(text.get(at..).unwrap_or_default(), depth) {
        let at = at + length;
        match c {
            '"' | '\'' | '\\' | '/' => found.push((c, at)),
            't' | 'n' | 'r' => found.push((' ', at)),
            'x' => found.extend(hex(text, at, 2, depth).and_then(|(number, at)| Some((char::from_u32(number)?, at)))),
            'u' => {
                let Some((number, at)) = hex(text, at, 4, depth) else { continue };
                match char::from_u32(number) {
                    Some(c) => found.push((c, at)),
                    // the first half of a surrogate pair
                    None => found.extend(paired(text, at, number, depth)),
                }
            }
            _ => {}
        }
    }
    found
}

fn paired(text: &str, at: usize, first: u32, depth: u8) -> Vec<Read> {
    let slashes = past(text, at, '\\', depth).into_iter();
    let seconds = slashes.flat_map(|at| past(text, at, 'u', depth)).filter_map(|at| hex(text, at, 4, depth));
    let whole = |(second, at): (u32, usize)| {
        let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
        Some((char::decode_utf16(pair).next()?.ok()?, at))
    };
    seconds.filter_map(whole).collect()
}

/// Reads what follows an ampersand, up to the semicolon.
fn reference(text: &str, mut at: usize, depth: u8) -> Option<Read> {
    let mut name = String::new();
    while name.len() <= REFERENCE {
        let next = read(text.get(at..)?, depth);
        let (c, length) = next.into_iter().find(|(c, _)| c.is_ascii_alphanumeric() || matches!(c, '#' | ';'))?;
        at += length;
        if c != ';' {
            name.push(c);
            continue;
        }
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let c = match name.strip_prefix('#') {
            Some(digits) => digits.strip_prefix(['x', 'X']).map_or_else(|| number(digits, 10), |digits| number(digits, 16))?,
            None => named(&name)?,
        };
        return Some((c, at));
    }
    None
}

fn named(name: &str) -> Option<char> {
    Some(match name.to_ascii_lowercase().as_str() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "sol" => '/',
        "bsol" => '\\',
        "plus" => '+',
        "equals" => '=',
        "percnt" => '%',
        "colon" => ':',
        "semi" => ';',
        "comma" => ',',
        "excl" => '!',
        "num" => '#',
        "dollar" => '$',
        "quest" => '?',
        "commat" => '@',
        "lpar" => '(',
        "rpar" => ')',
        "ast" => '*',
        "lowbar" => '_',
        "period" => '.',
        "hyphen" => '-',
        _ => return None,
    })
}
