//! Reads a setup object's answer for a record: accepted, refused with a reason, or unclear.

use encoding_rs::WINDOWS_1252;

use super::wire::{Step, walk};
use crate::redact::Quoted;

/// The result of a call of a setup object, by its answer's `StatusOfItems` and the error elements in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupOutcome {
    /// The record was read and is valid; unless it was a trial, it is stored.
    Accepted,
    /// It was refused; with SYSPRO's message.
    Refused(Quoted),
    /// The answer does not tell.
    Unclear(Quoted),
}

/// Reads the answer of a setup object.
pub fn setup_outcome(answer: &str) -> SetupOutcome {
    let said = match read(answer) {
        Ok(said) => said,
        Err(problem) => return SetupOutcome::Unclear(format!("its answer cannot be read: {problem}").into()),
    };
    let words = |texts: &[String]| texts.join("; ");
    if !said.errors.is_empty() {
        return SetupOutcome::Refused(words(&said.errors).into());
    }
    let refused: u64 = said.counts.iter().filter(|(name, _)| *name != READ).map(|(_, count)| count).sum();
    if refused > 0 {
        let why = if said.messages.is_empty() { "it does not say why".into() } else { words(&said.messages) };
        return SetupOutcome::Refused(format!("{refused} of the records in it are counted as invalid: {why}").into());
    }
    match said.counts.iter().find(|(name, _)| *name == READ) {
        Some((_, 0)) => SetupOutcome::Refused("it has found no record in the document; compare the template with the object's XSD".into()),
        Some(_) => SetupOutcome::Accepted,
        None => SetupOutcome::Unclear("its answer does not count what it has read".into()),
    }
}

/// The first character that SYSPRO cannot store: its text is Windows-1252, on one line.
pub fn unstorable(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() || WINDOWS_1252.encode(c.encode_utf8(&mut [0; 4])).2)
}

/// The number of records that were read, however the object names it.
const READ: &str = "read";

/// The most messages kept from one answer.
const MOST: usize = 100;

#[derive(Default)]
struct Said {
    /// `field: message (number)`.
    errors: Vec<String>,
    /// A few objects put their messages into elements with this name.
    messages: Vec<String>,
    counts: Vec<(&'static str, u64)>,
}

fn read(answer: &str) -> Result<Said, String> {
    let mut said = Said::default();
    let (mut text, mut number) = (String::new(), String::new());
    walk(answer, |path, step| {
        match step {
            Step::Start => text.clear(),
            Step::Text(part) => text.push_str(part),
            Step::End => {
                let name = path.last().map_or("", |name| name.as_ref()).to_ascii_lowercase();
                let value = text.trim();
                let within = path.iter().rev().nth(1).map_or("", |name| name.as_ref());
                match name.as_str() {
                    "errornumber" => value.clone_into(&mut number),
                    "errordescription" if !value.is_empty() => {
                        let place = if path.len() > 2 { format!("`{within}`: ") } else { String::new() };
                        let number = if number.is_empty() { String::new() } else { format!(" ({number})") };
                        if said.errors.len() < MOST {
                            said.errors.push(format!("{place}{value}{number}"));
                        }
                    }
                    "message" if !value.is_empty() && said.messages.len() < MOST => said.messages.push(value.to_owned()),
                    name if within.eq_ignore_ascii_case("StatusOfItems") => {
                        let count = match name {
                            "recordsread" | "itemsprocessed" => Some(READ),
                            "recordsinvalid" | "itemsinvalid" => Some("invalid"),
                            "itemsrejectedwithwarnings" => Some("rejected"),
                            _ => None,
                        };
                        said.counts.extend(count.zip(value.parse().ok()));
                    }
                    _ => {}
                }
                if !matches!(name.as_str(), "errornumber" | "value") {
                    number.clear();
                }
                text.clear();
            }
        }
        Ok(())
    })?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(answer: &str) -> String {
        match setup_outcome(answer) {
            SetupOutcome::Refused(why) => why.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_is_taken_only_when_the_counts_say_so() {
        let status = |read: &str, rest: &str| {
            format!("<setupx><item><key><code>1</code></key></item><StatusOfItems>{read}{rest}</StatusOfItems></setupx>\n ")
        };
        let read = "<RecordsRead>1</RecordsRead>";
        assert_eq!(setup_outcome(&status(read, "<RecordsInvalid>0</RecordsInvalid>")), SetupOutcome::Accepted);
        assert_eq!(
            setup_outcome(
                "<X><statusofitems><ItemsProcessed>000001</ItemsProcessed><ItemsInvalid>000000</ItemsInvalid></statusofitems></X>"
            ),
            SetupOutcome::Accepted
        );
        assert!(refused(&status(read, "<RecordsInvalid>1</RecordsInvalid>")).contains("1 of the records"));
        assert!(refused(&status("<RecordsRead>0</RecordsRead>", "<RecordsInvalid>0</RecordsInvalid>")).contains("no record"));
        assert!(
            refused(&status("<ItemsProcessed>1</ItemsProcessed>", "<ItemsRejectedWithWarnings>1</ItemsRejectedWithWarnings>"))
                .contains("1 of")
        );
        for unclear in ["<setupx/>", "<setupx><item/>", "done", &status("", "")] {
            assert!(matches!(setup_outcome(unclear), SetupOutcome::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_syspro() {
        let answer = "<setupinvwarehouse><item><key><stockcode>1004</stockcode></key>\
                      <stockcode><Value>1004</Value><ErrorNumber>240004</ErrorNumber>\
                      <ErrorDescription>Stock code '1004' not found</ErrorDescription></stockcode>\
                      <name><Value/><ErrorDescription>may not be blank</ErrorDescription></name></item>\
                      <StatusOfItems><RecordsRead>1</RecordsRead><RecordsInvalid>1</RecordsInvalid></StatusOfItems></setupinvwarehouse>";
        assert_eq!(refused(answer), "`stockcode`: Stock code '1004' not found (240004); `name`: may not be blank");
        let message = "<x><Message>Locked by another operator</Message><StatusOfItems><RecordsRead>1</RecordsRead>\
                       <RecordsInvalid>1</RecordsInvalid></StatusOfItems></x>";
        assert!(refused(message).ends_with("Locked by another operator"));
    }

    #[test]
    fn what_syspro_cannot_store_is_named() {
        assert_eq!(unstorable("Gie\u{df}erei \u{20ac} \u{e9}"), None);
        assert_eq!(unstorable("Odlewnia \u{142}"), Some('\u{142}'));
        assert_eq!(unstorable("two\nlines"), Some('\n'));
    }
}
