//! Characters that a screen does not show: they control it, or have no width. A text of another system may use them to look like another
//! text, such as an amount that is read from right to left, or a key with something invisible in it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is invisible: a control character other than line end and tab, one that changes the direction of writing (Unicode
/// Standard Annex 9, section 2), one without a width, or a filler that is shown as a blank or as nothing.
pub fn directs(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(
            letter,
            '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}'
        )
        || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// The text with those characters as numbers, such as `[U+202E]`.
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, |_| true, |shown, letter| _ = write!(shown, "[U+{:04X}]", u32::from(letter)))
}

/// The same for an HTML page: text in tags is not shown, and goes back to the server unchanged.
pub fn visible_html(page: &str) -> Cow<'_, str> {
    let mut in_tag = false;
    let shows = move |letter: char| {
        match letter {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ => {}
        }
        !in_tag
    };
    replaced(page, shows, |shown, letter| _ = write!(shown, "[U+{:04X}]", u32::from(letter)))
}

/// The same for JSON, where it is the same value: `\u202e`.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // only texts of a JSON document can contain them
    replaced(
        json,
        |_| true,
        |shown, letter| {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(shown, "\\u{unit:04x}"));
        },
    )
}

fn replaced(text: &str, mut shows: impl FnMut(char) -> bool, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.chars().any(directs) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        // every letter is checked, because some show where a tag starts
        match shows(letter) && directs(letter) {
            true => write(&mut shown, letter),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_directs_a_screen_is_shown_by_its_number() {
        assert_eq!(visible("INV\u{202e}00.5\u{9b}31m\u{1b}[2J\r\n\tü"), "INV[U+202E]00.5[U+009B]31m[U+001B][2J[U+000D]\n\tü");
        assert_eq!(visible("Z\u{200b}W\u{ad}\u{feff}\u{3164}\u{e0041}"), "Z[U+200B]W[U+00AD][U+FEFF][U+3164][U+E0041]");
        assert!(matches!(visible("Zürich, 東京, שלום"), Cow::Borrowed(_)));
    }

    #[test]
    fn of_a_page_only_what_is_shown_is_changed() {
        let page = "<input value=\"a\u{202e}b\"><b>a\u{202e}b</b>";
        assert_eq!(visible_html(page), "<input value=\"a\u{202e}b\"><b>a[U+202E]b</b>");
    }

    proptest! {
        #[test]
        fn json_stays_the_same_value(text in prop_oneof![any::<String>(), "[\u{202e}\u{85}\u{200b}\u{e0041}a\\\\\"]{0,8}"]) {
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let shown = visible_json(&json);
            prop_assert!(!shown.chars().any(directs));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), vec![text]);
        }
    }
}
