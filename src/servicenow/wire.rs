//! JSON shapes. Numbers stay text, so that no binary float is involved; optional members may be absent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bounded::{self, Few};
pub use super::row::Row;
use crate::net::brief;
use crate::redact::{Quoted, TextPart};

/// A JSON answer of the Table or the Import Set API.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The objects of `result`, which is one object or a list; `None` when there is no `result`.
    pub result: Option<Vec<Row>>,
}

/// The error member of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// `error.message`
    pub message: String,
    /// `error.detail`
    pub detail: String,
}

impl Words {
    /// Both on one line.
    pub fn line(&self) -> Quoted {
        let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match (tidy(&self.message), tidy(&self.detail)) {
            (message, detail) if detail.is_empty() || detail == message => message,
            (message, detail) if message.is_empty() => detail,
            (message, detail) => format!("{message}: {detail}"),
        };
        match line.char_indices().nth(1000) {
            Some((at, _)) => Quoted::joined([Quoted::cut(&line, 0..at), "…".into()]),
            None if line.is_empty() => "no reason given".into(),
            None => line.into(),
        }
    }

    /// Whether message or detail contains a text, ignoring case.
    pub fn say(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.message.to_ascii_lowercase().contains(&text) || self.detail.to_ascii_lowercase().contains(&text)
    }
}

/// The kind of a body.
#[derive(Debug)]
pub enum Body {
    /// A document without an error member.
    Document(Document),
    /// A document with an error member, with or without `result`.
    Failure(Words),
    /// An HTML page, with its title.
    Page(Quoted),
    /// An empty body.
    Empty,
    /// Anything else: truncated, or not JSON.
    Garbage(Quoted),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

/// Reads the body of an answer that is not a list: a record, or the entries of its transform.
pub fn read_body(bytes: &[u8]) -> Body {
    read_list(bytes, ENTRIES)
}

/// Reads a body with at most this many rows; it stops at the first row too many.
pub fn read_list(bytes: &[u8], most: usize) -> Body {
    let text = match object(bytes) {
        Ok(text) => text,
        Err(body) => return body,
    };
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.is_eof() => return Body::Garbage("it ends in the middle".into()),
        Err(error) => return Body::Garbage(format!("it is not the JSON expected ({})", brief(&error.to_string())).into()),
    };
    if let Some(words) = envelope.failure() {
        return Body::Failure(words);
    }
    match envelope.result.map(|raw| bounded::rows(raw, most)) {
        None => Body::Document(Document { result: None }),
        Some(Ok(rows)) => Body::Document(Document { result: Some(rows) }),
        Some(Err(error)) => Body::Garbage(format!("`result` has an unknown shape ({})", brief(&error.to_string())).into()),
    }
}

/// The text of a body that starts like a JSON object, or what the body is instead.
fn object(bytes: &[u8]) -> Result<&str, Body> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(Body::Garbage("it is not UTF-8".into())) };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Body::Empty);
    }
    if text.starts_with('<') {
        return Err(Body::Page(title(text)));
    }
    // serde would accept a list for the members of a struct, in their order
    if !text.starts_with('{') {
        return Err(Body::Garbage("it is not a JSON object".into()));
    }
    match crate::net::json::too_deep(bytes) {
        Some(problem) => Err(Body::Garbage(problem.into())),
        None => Ok(text),
    }
}

impl Envelope<'_> {
    /// What the body says of a failure; `None`: it says nothing of one.
    fn failure(&self) -> Option<Words> {
        if let Some(error) = self.error.filter(|raw| !matches!(raw.get(), "null" | "\"\"" | "{}")) {
            let mut words = words(error);
            if let Some(more) = self.error_description {
                words.detail = scalar(more);
            }
            return Some(words);
        }
        self.status.is_some_and(|raw| scalar(raw).eq_ignore_ascii_case("failure")).then(Words::default)
    }
}

/// Reads the answer to a batch. `None`: it is a failure, or not the answer to a batch.
pub fn read_batch(bytes: &[u8]) -> Option<BatchResponse<'_>> {
    object(bytes).ok()?;
    let WholeBatch { result, error, error_description, status, serviced_requests, unserviced_requests } =
        serde_json::from_slice(bytes).ok()?;
    let envelope = Envelope { result, error, error_description, status };
    if envelope.failure().is_some() || envelope.result.is_some_and(|raw| bounded::rows(raw, ENTRIES).is_err()) {
        return None;
    }
    Some(BatchResponse { serviced_requests, unserviced_requests })
}

fn title(page: &str) -> Quoted {
    let low = page.to_ascii_lowercase();
    let inner = low.find("<title").and_then(|at| low[at..].find('>').map(|end| at + end + 1));
    let Some(from) = inner else { return Quoted::default() };
    let to = low[from..].find("</title").map_or(low.len(), |len| from + len);
    Quoted::line(&page[from..to], 80, TextPart::Whole)
}

/// Adds a column with its value to a row.
pub(super) fn push_cell(row: &mut Row, name: &str, raw: &RawValue) {
    if !raw.get().starts_with('{') {
        return row.push(name, &borrowed(raw), None);
    }
    let members = bounded::members(raw, &["value", "display_value", "link"]);
    let member = |name: &str| members.get(name).map(|raw| scalar(raw));
    let display = member("display_value");
    // with sysparm_display_value=true a reference has no `value`, but its link ends in it
    let linked = || member("link").and_then(|link| link.rsplit('/').next().map(str::to_owned));
    let value = member("value").or_else(linked).or_else(|| display.clone()).unwrap_or_default();
    row.push(name, &value, display.as_deref());
}

/// A scalar as text: strings without quotes, null as empty, numbers and booleans unchanged.
pub fn scalar(raw: &RawValue) -> String {
    borrowed(raw).into_owned()
}

/// The same, borrowed where it has no escapes.
fn borrowed(raw: &RawValue) -> Cow<'_, str> {
    match raw.get() {
        "null" => Cow::Borrowed(""),
        text if text.starts_with('"') => crate::net::json::text(text),
        text => Cow::Borrowed(text),
    }
}

fn words(raw: &RawValue) -> Words {
    if !raw.get().starts_with('{') {
        return Words { message: scalar(raw), detail: String::new() };
    }
    let members = bounded::members(raw, &["message", "detail"]);
    let member = |name: &str| members.get(name).map(|raw| scalar(raw)).unwrap_or_default();
    Words { message: member("message"), detail: member("detail") }
}

/// The answer to a batch, with the members that every answer may have.
#[derive(Deserialize)]
struct WholeBatch<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    serviced_requests: Option<Few<Serviced<'a>, ITEMS>>,
    #[serde(borrow, default)]
    unserviced_requests: Option<Few<&'a RawValue, ITEMS>>,
}

/// The answer to a batch.
#[derive(Debug)]
pub struct BatchResponse<'a> {
    /// Items that ran.
    pub serviced_requests: Option<Few<Serviced<'a>, ITEMS>>,
    /// Items that were not run.
    pub unserviced_requests: Option<Few<&'a RawValue, ITEMS>>,
}

/// An item that ran.
#[derive(Debug, Deserialize)]
pub struct Serviced<'a> {
    /// The id that Tieline set.
    #[serde(borrow)]
    pub id: &'a RawValue,
    /// Base64 of the body.
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
    /// The HTTP status of the item.
    #[serde(borrow, default)]
    pub status_code: Option<&'a RawValue>,
    /// Its headers.
    #[serde(borrow, default)]
    pub headers: Option<Few<ServicedHeader<'a>, HEADERS>>,
    /// Set when the item could not be run.
    #[serde(borrow, default)]
    pub error_message: Option<&'a RawValue>,
}

/// A header of an item that ran.
#[derive(Debug, Deserialize)]
pub struct ServicedHeader<'a> {
    /// Its name.
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    /// Its value.
    #[serde(borrow, default)]
    pub value: Option<&'a RawValue>,
}

/// The token endpoint's answer.
#[derive(Deserialize)]
pub struct TokenBody {
    /// The token.
    #[serde(default)]
    pub access_token: Option<secrecy::SecretString>,
    /// Seconds, as a number.
    #[serde(default)]
    pub expires_in: Option<Box<RawValue>>,
}

/// The most entries of an answer that is not a list.
const ENTRIES: usize = 1000;
/// The most items of a batch: the setting allows no more.
pub const ITEMS: usize = 1000;
/// The most headers of an item.
pub const HEADERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        match read_body(text.as_bytes()) {
            Body::Document(document) => document,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn result_may_be_one_row_or_many_and_values_may_have_any_documented_form() {
        let one = document(
            r#"{"result":{"a":"x","b":{"link":"https://h/api/now/table/t/id1","value":"id1"},"c":{"display_value":"12,50","value":"12.50"},
                "d":{"display_value":"Name","link":"https://h/api/now/table/t/id2"},"e":null,"f":12.500000000000000000001,"g":true,"h":""}}"#,
        );
        let rows = one.result.unwrap();
        let row = &rows[0];
        assert_eq!((row.text("a"), row.text("b"), row.text("c")), (Some("x"), Some("id1"), Some("12.50")));
        assert_eq!((row.text("d"), row.display("d")), (Some("id2"), Some("Name")));
        assert_eq!((row.text("e"), row.text("f"), row.text("g")), (Some(""), Some("12.500000000000000000001"), Some("true")));
        assert_eq!((row.text("z"), row.filled("h")), (None, None));
        assert_eq!(document(r#"{"result":[{"a":"1"},{"a":"2"}]}"#).result.unwrap().len(), 2);
        assert!(document(r#"{"import_set":"I"}"#).result.is_none());
        // a text that the instance truncated in the middle of a character is not empty
        let cut = document(r#"{"result":{"a":"Caf\ud83d","b":{"value":"\ud83d","display_value":"x\ud83d"}}}"#).result.unwrap();
        assert_eq!((cut[0].text("a"), cut[0].text("b"), cut[0].display("b")), (Some(r"Caf\ud83d"), Some(r"\ud83d"), Some(r"x\ud83d")));
    }

    #[test]
    fn a_failure_is_seen_whatever_is_beside_it() {
        let failure = |text: &str| match read_body(text.as_bytes()) {
            Body::Failure(words) => words.line(),
            other => panic!("{other:?}"),
        };
        assert_eq!(failure(r#"{"error":{"detail":null,"message":"No Record found"},"status":"failure"}"#), "No Record found");
        assert_eq!(
            failure(r#"{"result":[{"a":"1"}],"error":{"message":"Transaction cancelled","detail":"d"}}"#),
            "Transaction cancelled: d"
        );
        assert_eq!(failure(r#"{"error_description":"access_denied","error":"server_error"}"#), "server_error: access_denied");
        assert_eq!(failure(r#"{"status":"failure"}"#), "no reason given");
    }

    #[test]
    fn pages_and_cut_answers_are_no_documents() {
        assert!(
            matches!(read_body(b"<!DOCTYPE html><html><Title> Instance\n Hibernating </title>"), Body::Page(t) if t == "Instance Hibernating")
        );
        assert!(matches!(read_body(br#"{"result":[{"a":"1"},"#), Body::Garbage(_)));
        assert!(matches!(read_body(br#"{"result":[{"a":"1"}{"error":1}]}"#), Body::Garbage(_)));
        assert!(matches!(read_body(b" \n"), Body::Empty));
        assert!(matches!(read_body(b"[1]"), Body::Garbage(_)));
    }
}
