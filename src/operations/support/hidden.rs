//! Errors without what they may quote of a record.

use std::collections::HashSet;

use serde_json::Value;

/// In place of what may come from a record.
const HIDDEN: char = '…';

/// Members of rows with a text that may quote a record.
const TEXTS: [&str; 6] = ["last_error", "error", "stopped", "waits_for", "reason", "pause_said"];

/// A number with as many digits may be a key.
const KEY_DIGITS: usize = 5;

/// The names that an error may show: they stand in definitions and settings.
pub(super) struct Names(HashSet<String>);

impl Names {
    /// The words of these definition files that begin with a letter, and these other names.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a str>, others: impl IntoIterator<Item = String>) -> Self {
        let words = files.into_iter().flat_map(|text| text.split(|one: char| !one.is_alphanumeric() && one != '_'));
        let names = words.filter(|word| word.starts_with(char::is_alphabetic)).map(str::to_owned);
        Self(names.chain(others).collect())
    }

    /// Hides in the texts of a row what may come from a record.
    pub(super) fn hide(&self, row: &mut Value) {
        let Value::Object(row) = row else { return };
        for name in TEXTS {
            if let Some(Value::String(text)) = row.get_mut(name) {
                *text = self.hidden(text);
            }
        }
    }

    /// Quoted texts that are no names, amounts, long numbers, and everything behind a status of HTTP: an answer may quote anything.
    fn hidden(&self, text: &str) -> String {
        let (text, is_cut) = before_answer(text);
        let mut shown = String::new();
        let mut rest = text;
        let mut before = ' ';
        while let Some(first) = rest.chars().next() {
            let is_quote = matches!(first, '`' | '"') || (first == '\'' && !before.is_alphanumeric());
            let length = if is_quote {
                let end = rest[first.len_utf8()..].find(first).map_or(rest.len(), |at| at + 2 * first.len_utf8());
                let inner = rest[..end].trim_matches(first);
                if self.is_name(inner) {
                    shown.push_str(&rest[..end])
                } else {
                    shown.push(HIDDEN)
                }
                end
            } else if first.is_ascii_digit() {
                let number = &rest[..rest.find(|one: char| !one.is_ascii_digit() && !matches!(one, '.' | ',')).unwrap_or(rest.len())];
                let number = number.trim_end_matches(['.', ',']);
                if number.len() >= KEY_DIGITS || number.contains(['.', ',']) {
                    shown.push(HIDDEN)
                } else {
                    shown.push_str(number)
                }
                number.len()
            } else {
                shown.push(first);
                first.len_utf8()
            };
            before = first;
            rest = &rest[length..];
        }
        if is_cut {
            shown.push(HIDDEN);
        }
        shown
    }

    /// A name, a setting (`syspro.key_order`), or a command of Tieline.
    fn is_name(&self, text: &str) -> bool {
        let is_setting = text.contains('.') && text.chars().all(|one| one.is_ascii_lowercase() || matches!(one, '_' | '.'));
        let is_command = text.starts_with("tieline ") && text.chars().all(|one| one.is_ascii_lowercase() || matches!(one, ' ' | '-'));
        is_setting || is_command || self.0.contains(text)
    }
}

/// The text up to a status of HTTP, and whether there was more.
fn before_answer(text: &str) -> (&str, bool) {
    const WORD: &str = "status ";
    for (at, _) in text.match_indices(WORD) {
        let end = at + WORD.len() + 3;
        if text.get(at + WORD.len()..end).is_some_and(|status| status.bytes().all(|byte| byte.is_ascii_digit())) {
            return (&text[..end], end < text.len());
        }
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_definitions_and_settings_stay_and_what_a_record_may_contain_goes() {
        let names = Names::of(["table = \"ApInvoice\" # 62\ncolumn = \"DueDate\""], ["1".to_owned()]);
        for (text, shown) in [
            ("`ApInvoice` of `1`: row `0000012/25-00062` has no `DueDate`", "`ApInvoice` of `1`: row … has no `DueDate`"),
            ("set `syspro.key_order`, then run `tieline doctor`", "set `syspro.key_order`, then run `tieline doctor`"),
            ("the sum 1,234.56 is not 1,234.57, as SYSPRO's service says", "the sum … is not …, as SYSPRO's service says"),
            ("it answered with status 500: <html>Invoice 62 of Miller</html>", "it answered with status 500…"),
            ("\"Miller\" stands twice, invoice 2500062 and `62`, in 3 rows", "… stands twice, invoice … and …, in 3 rows"),
            ("it is `unfinished", "it is …"),
            ("Überweisung 'Müller' é", "Überweisung … é"),
        ] {
            assert_eq!(names.hidden(text), shown, "{text}");
        }
    }

    #[test]
    fn only_texts_of_a_row_are_changed() {
        let mut row = serde_json::json!({ "company": "`x`", "last_error": "`x` failed", "error": null, "records": 123456 });
        Names::of([], []).hide(&mut row);
        assert_eq!(row, serde_json::json!({ "company": "`x`", "last_error": "… failed", "error": null, "records": 123456 }));
    }
}
