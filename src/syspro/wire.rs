//! The JSON shapes of OData 4: a page of rows, cells as received, error objects.

use std::cell::{Cell as Slot, RefCell};
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::domain::DocumentKey;
use crate::domain::money::parse_decimal;
use crate::domain::texts::Text;
use crate::net::json::{WRITTEN_OUT, lenient, plain, too_deep};
use crate::redact::Quoted;

/// One value as received: text untrimmed, a number by its digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cell {
    /// No value.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number's text.
    Number(Box<str>),
    /// Text with all its spaces.
    Text(Box<str>),
    /// Text with a part that cannot be stored or used in a query, written as an escape: `\u0000`, half of a surrogate pair, invalid bytes.
    Escaped(Box<str>),
}

impl Cell {
    fn from_raw(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => match plain(text) {
                Some(text) if is_storable(text) => Cell::Text(text.into()),
                _ => Cell::from_text(serde_json::from_str::<String>(text).unwrap_or_else(|_| lenient(text))),
            },
            Some(b'n') => Cell::Null,
            Some(b't') => Cell::Flag(true),
            Some(b'f') => Cell::Flag(false),
            _ => Cell::Number(text.into()),
        })
    }

    /// A text as received. Spaces and NULs at its end are padding; other characters that cannot be stored are written as escapes.
    pub(super) fn from_text(text: String) -> Self {
        if is_storable(&text) {
            return Cell::Text(text.into());
        }
        let body = text.trim_end_matches([' ', '\0']);
        let marks = [format!("{WRITTEN_OUT}\\"), format!("{WRITTEN_OUT}&")];
        if body.contains('\0') || marks.iter().any(|mark| body.contains(mark.as_str())) {
            let plain =
                marks.iter().fold(body.replace('\0', "\\u0000"), |text, mark| text.replace(mark.as_str(), &mark[WRITTEN_OUT.len_utf8()..]));
            return Cell::Escaped(plain.into());
        }
        Cell::Text(text.replace('\0', "").into())
    }

    /// Whether rows after it, and rows that belong to it, can be requested: not if a part of it is an escape, nor if it is longer than any
    /// key.
    pub(super) fn is_askable(&self) -> bool {
        match self {
            Cell::Null | Cell::Flag(_) | Cell::Number(_) => true,
            Cell::Text(text) => text.len() <= DocumentKey::LONGEST,
            Cell::Escaped(_) => false,
        }
    }

    /// The text that decides whether two cells of different tables are the same key: without padding, numbers by value.
    pub(super) fn key_text(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Number(text) if is_plain_whole(text) => text.to_string(),
            Cell::Number(text) => parse_decimal(text).map_or_else(|| text.to_string(), |number| number.normalize().to_string()),
            Cell::Text(text) | Cell::Escaped(text) => text.trim_end_matches([' ', '\0']).to_owned(),
        }
    }
}

/// Whether a number is written as its value is: whole, without a sign, and without leading zeros.
fn is_plain_whole(text: &str) -> bool {
    // every number of so few digits is a decimal
    text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0')) && !text.is_empty()
}

/// Whether a text has neither a NUL nor an escape that was written out.
fn is_storable(text: &str) -> bool {
    // nearly all texts are ASCII, and a comparison of all their bytes takes a few instructions
    (text.is_ascii() && !text.as_bytes().contains(&0)) || !text.contains(['\0', WRITTEN_OUT])
}

/// The most members of a row: no table has as many columns.
const MEMBERS: usize = 10_000;

/// Limits for reading an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The most rows.
    pub(super) rows: usize,
    /// The most bytes of one value.
    pub(super) value: usize,
}

/// Why an answer is not read.
#[derive(Debug, PartialEq)]
pub(super) enum Unread {
    /// It has more rows than requested.
    Unasked,
    /// It is not a page, or not valid JSON or XML; with the problem.
    Malformed(Quoted),
}

/// An invalid value: too long, or an object or a list where a column has one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoValue {
    /// Its row.
    pub(super) row: usize,
    /// Its position in the requested columns.
    pub(super) column: usize,
    /// Its length in the answer, in bytes.
    pub(super) bytes: usize,
    /// It is an object or a list.
    pub(super) nested: bool,
}

/// One page as received.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The columns asked for.
    pub(super) columns: Vec<String>,
    /// The rows, cells in the order of the requested columns; `None`: the row leaves the column out.
    pub(super) rows: Vec<Vec<Option<Cell>>>,
    /// The link to the next page.
    pub(super) next_link: Option<String>,
    /// The number of all rows, if requested and answered.
    pub(super) count: Option<u64>,
    /// Values that are not kept; their cells are null.
    pub(super) no_values: Vec<NoValue>,
}

impl Answer {
    /// Whether the column is in at least one row.
    pub(super) fn gives(&self, at: usize) -> bool {
        self.rows.iter().any(|row| matches!(row.get(at), Some(Some(_))))
    }
}

/// Reads a page. A body that is a bare array is also accepted. Reading stops at the first row that was not requested.
pub(super) fn parse(body: &[u8], columns: &[&str], room: Room) -> Result<Answer, Unread> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if let Some(problem) = too_deep(body) {
        return Err(Unread::Malformed(problem.into()));
    }
    let at: HashMap<&str, usize> = columns.iter().enumerate().map(|(i, name)| (*name, i)).collect();
    let page = Page { columns, repeats: at.len() < columns.len(), at, room, unasked: Slot::new(false), no_values: RefCell::default() };
    let read = |body: &[u8]| {
        page.no_values.borrow_mut().clear();
        let mut reader = serde_json::Deserializer::from_slice(body);
        let mut answer: Answer = (&page).deserialize(&mut reader)?;
        reader.end()?;
        answer.columns = columns.iter().map(|name| (*name).to_owned()).collect();
        answer.no_values = page.no_values.take();
        Ok(answer)
    };
    let malformed =
        |error: &serde_json::Error| Unread::Malformed(format!("{}{}", crate::net::brief(&error.to_string()), near(body, error)).into());
    let error: serde_json::Error = match read(body) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if page.unasked.get() {
        return Err(Unread::Unasked);
    }
    match held(body).map(|body| read(&body)) {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(_)) if page.unasked.get() => Err(Unread::Unasked),
        _ => Err(malformed(&error)),
    }
}

/// The text at the position of an error.
fn near(body: &[u8], error: &serde_json::Error) -> String {
    let line = error.line().saturating_sub(1);
    let begin = body.split(|byte| *byte == b'\n').take(line).map(|line| line.len() + 1).sum::<usize>();
    let at = (begin + error.column()).min(body.len());
    let text = Quoted::around(body, at.saturating_sub(40)..at + 20);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { text } else { format!(", near `{text}`") }
}

/// The most invalid bytes of an answer that are written as escapes.
const STRANGE: usize = 100_000;

/// The body with escapes for what its texts cannot hold: invalid UTF-8, and control characters that JSON requires as escapes. `None` when
/// there is nothing of the kind.
fn held(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len() + 64);
    let (mut quoted, mut escape, mut changed, mut strange) = (false, false, false, 0);
    for chunk in body.utf8_chunks() {
        for c in chunk.valid().chars() {
            if quoted && c < ' ' {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                (escape, changed) = (false, true);
                continue;
            }
            match c {
                '"' if !escape => quoted = !quoted,
                _ => {}
            }
            escape = quoted && c == '\\' && !escape;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("{WRITTEN_OUT}\\\\x{byte:02x}").as_bytes());
            changed = true;
        }
        strange += chunk.invalid().len();
        // an escape is many times as long as its byte: a body with hardly anything else is not text
        if strange > STRANGE {
            return None;
        }
    }
    changed.then_some(out)
}

/// The code and message of an OData error object; `None` when the body is not one.
pub(super) fn error_text(body: &[u8]) -> Option<Quoted> {
    #[derive(Deserialize)]
    struct Outer {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(default)]
        code: Option<serde_json::Value>,
        #[serde(default)]
        message: Option<serde_json::Value>,
    }
    let inner = serde_json::from_slice::<Outer>(body).ok()?.error;
    let plain = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => Some(text),
        Some(serde_json::Value::Object(object)) => object.get("value").and_then(|v| v.as_str()).map(str::to_owned),
        Some(serde_json::Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let text = match (plain(inner.code).filter(|code| !code.is_empty()), plain(inner.message)) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (code, message) => message.or(code).unwrap_or_default(),
    };
    Some(crate::net::excerpt(text.as_bytes()))
}

struct Page<'c> {
    columns: &'c [&'c str],
    at: HashMap<&'c str, usize>,
    /// Whether a column is requested twice: the last position counts.
    repeats: bool,
    room: Room,
    unasked: Slot<bool>,
    no_values: RefCell<Vec<NoValue>>,
}

impl Page<'_> {
    /// The position of a column. `next`: the likeliest, because services answer in the order of the request.
    fn place(&self, next: usize, name: &str) -> Option<usize> {
        if self.columns.get(next).is_some_and(|column| *column == name) && !self.repeats {
            return Some(next);
        }
        self.at.get(name).copied()
    }
}

impl<'de> DeserializeSeed<'de> for &Page<'_> {
    type Value = Answer;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Answer, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = Answer;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Answer, D::Error> {
        (&self).deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for &Page<'_> {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OData page: an object with `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
        let (mut answer, mut found) = (Answer::default(), false);
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "value" => {
                    (answer.rows, found) = (map.next_value_seed(Rows(self))?, true);
                }
                "@odata.nextLink" | "@nextLink" | "odata.nextLink" => answer.next_link = map.next_value()?,
                "@odata.count" | "@count" | "odata.count" => {
                    let raw: &RawValue = map.next_value()?;
                    answer.count = raw.get().trim_matches('"').parse().ok();
                }
                "error" => {
                    let raw: &RawValue = map.next_value()?;
                    let text = error_text(format!("{{\"error\":{}}}", raw.get()).as_bytes()).unwrap_or_default();
                    return Err(serde::de::Error::custom(format!("it contains an error: {text}")));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if found { Ok(answer) } else { Err(serde::de::Error::custom("it has no `value`")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Answer, A::Error> {
        Ok(Answer { rows: Rows(self).visit_seq(seq)?, ..Answer::default() })
    }
}

struct Rows<'p, 'c>(&'p Page<'c>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = Vec<Vec<Option<Cell>>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = Vec<Vec<Option<Cell>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while rows.len() < self.0.room.rows {
            match seq.next_element_seed(OneRow(self.0, rows.len()))? {
                Some(row) => rows.push(row),
                None => return Ok(rows),
            }
        }
        // one more is already too many: the rest is not read
        if seq.next_element::<IgnoredAny>()?.is_some() {
            self.0.unasked.set(true);
            return Err(serde::de::Error::custom("more rows than were asked for"));
        }
        Ok(rows)
    }
}

/// A row, with its number.
struct OneRow<'p, 'c>(&'p Page<'c>, usize);

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_> {
    type Value = Vec<Option<Cell>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_> {
    type Value = Vec<Option<Cell>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut row = vec![None; self.0.columns.len()];
        let (mut members, mut next) = (0, 0);
        while let Some(Text(name)) = map.next_key()? {
            members += 1;
            if members > MEMBERS {
                return Err(serde::de::Error::custom(format!("a row has more than {MEMBERS} members")));
            }
            // names are compared exactly, and without case only if that fails: some servers change the case
            let exact = self.0.place(next, &name);
            if let Some(at) = exact
                && row[at].is_some()
            {
                return Err(serde::de::Error::custom(format!("a row has `{name}` twice")));
            }
            let folded = || self.0.columns.iter().position(|column| column.eq_ignore_ascii_case(&name)).filter(|at| row[*at].is_none());
            match exact.or_else(folded) {
                Some(at) => {
                    next = at + 1;
                    let raw: &RawValue = map.next_value()?;
                    let bytes = raw.get().len();
                    let nested = raw.get().starts_with(['{', '[']);
                    row[at] = Some(if nested || bytes > self.0.room.value {
                        self.0.no_values.borrow_mut().push(NoValue { row: self.1, column: at, bytes, nested });
                        Cell::Null
                    } else {
                        Cell::from_raw(raw).map_err(serde::de::Error::custom)?
                    });
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { rows: 3, value: 1000 };

    fn read_page(body: &[u8], columns: &[&str]) -> Result<Answer, String> {
        parse(body, columns, ROOM).map_err(|unread| match unread {
            Unread::Malformed(problem) => problem.into(),
            Unread::Unasked => "unasked".into(),
        })
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    #[test]
    fn numbers_and_blanks_arrive_as_they_were_sent() {
        let body =
            br#"{"@odata.context":"x","value":[{"Supplier":"0000104  ","@odata.etag":"W/1","Value":12345678901234.567891,"Gone":null}]}"#;
        let answer = read_page(body, &["Value", "Supplier", "Gone", "Absent"]).expect("a page");
        assert_eq!(answer.rows, [[Some(Cell::Number("12345678901234.567891".into())), Some(text("0000104  ")), Some(Cell::Null), None]]);
        assert_eq!([0, 1, 2, 3].map(|at| answer.gives(at)), [true, true, true, false]);
    }

    #[test]
    fn bare_arrays_marks_and_links_are_accepted() {
        let answer = read_page(b"\xEF\xBB\xBF[{\"a\":\"\\u00e9\\\"\"}]", &["A"]).expect("a page");
        assert_eq!(answer.rows, [[Some(text("\u{e9}\""))]]);
        let answer = read_page(br#"{"value":[],"@odata.nextLink":"T?$skiptoken=1"}"#, &["A"]).expect("a page");
        assert_eq!(answer.next_link.as_deref(), Some("T?$skiptoken=1"));
    }

    #[test]
    fn what_no_text_can_hold_is_written_out() {
        let read = |body: &[u8]| read_page(body, &["A"]).map(|answer| answer.rows[0][0].clone().expect("a value"));
        let escaped = |text: &str| Ok(Cell::Escaped(text.into()));
        assert_eq!(read(br#"{"value":[{"A":"00\u0000104"}]}"#), escaped("00\\u0000104"));
        assert_eq!(read(br#"{"value":[{"A":"Neutral \ud83d"}]}"#), escaped("Neutral \\ud83d"));
        assert_eq!(read(br#"{"value":[{"A":"\ude00 \ud83d\ude00 \n\ud83dx"}]}"#), escaped("\\ude00 \u{1f600} \n\\ud83dx"));
        assert_eq!(read(b"{\"value\":[{\"A\":\"Caf\xE9 \\\"x\\\"\"}]}"), escaped("Caf\\xe9 \"x\""));
        assert_eq!(read(b"{\"value\":[{\"A\":\"a\x00b\"}]}"), escaped("a\\u0000b"));
        assert_eq!(read(b"{\"value\":[{\"A\":\"a\x01b\nc\"}]}"), Ok(text("a\u{1}b\nc")), "what a text can hold stays");
        assert_eq!(read(br#"{"value":[{"A":"A \u0000\u0000 "}]}"#), Ok(text("A  ")), "NULs at the end are padding");
        assert_eq!(read(br#"{"value":[{"A":"\\u0000 \\ud83d"}]}"#), Ok(text("\\u0000 \\ud83d")), "backslashes of the text itself");
        assert_eq!(read("{\"value\":[{\"A\":\"\u{fffe}x\"}]}".as_bytes()), Ok(text("\u{fffe}x")));
        let problem = read(br#"{"value":[{"A":NaN}]}"#).expect_err("no JSON");
        assert!(problem.contains("near `") && problem.contains("NaN"), "{problem}");
    }

    #[test]
    fn what_is_no_page_is_refused() {
        assert!(read_page(br#"{"value":[{"a":1},{"a":"#, &["a"]).is_err(), "cut");
        assert!(read_page(br#"{"d":[]}"#, &["a"]).expect_err("no value").contains("no `value`"));
        assert!(read_page(br#"{"error":{"code":"E1","message":"no"}}"#, &["a"]).expect_err("an error").contains("E1: no"));
        assert!(read_page(br#"{"value":[]} trailing"#, &["a"]).is_err(), "two documents");
    }

    #[test]
    fn reading_stops_at_the_first_row_that_was_not_asked_for() {
        let rows = |count: usize| format!("{{\"value\":[{}]}}", vec!["{}"; count].join(","));
        assert_eq!(read_page(rows(3).as_bytes(), &["A"]).map(|answer| answer.rows.len()), Ok(3));
        assert_eq!(read_page(rows(4).as_bytes(), &["A"]), Err("unasked".into()));
        // the rest is not even read
        assert_eq!(read_page(b"[{},{},{},{}, no JSON at all", &["A"]), Err("unasked".into()));
    }

    #[test]
    fn a_value_that_is_too_long_is_named_and_not_kept() {
        let body = format!(r#"{{"value":[{{"A":"1","B":"{}"}},{{"A":"2","B":"x"}}]}}"#, "y".repeat(2000));
        let answer = read_page(body.as_bytes(), &["A", "B"]).expect("a page");
        assert_eq!(answer.no_values, [NoValue { row: 0, column: 1, bytes: 2002, nested: false }]);
        assert_eq!(answer.rows, [[Some(text("1")), Some(Cell::Null)], [Some(text("2")), Some(text("x"))]]);
        let answer = read_page(br#"{"value":[{"A":"1","B":{"b":1}},{"A":"2","B":["x"]}]}"#, &["A", "B"]).expect("a page");
        let nested = answer.no_values.iter().map(|value| (value.row, value.column, value.nested)).collect::<Vec<_>>();
        assert_eq!(nested, [(0, 1, true), (1, 1, true)], "an object or a list is no value");
    }

    #[test]
    fn deep_and_wide_answers_and_those_that_are_no_text_are_refused() {
        let deep = format!(r#"{{"value":[{{"B":{}{}}}]}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(read_page(deep.as_bytes(), &["A"]).expect_err("deep").contains("64 levels"));
        let wide: Vec<String> = (0..20_000).map(|at| format!("\"c{at}\":1")).collect();
        let wide = format!(r#"{{"value":[{{{}}}]}}"#, wide.join(","));
        assert!(read_page(wide.as_bytes(), &["A"]).expect_err("wide").contains("more than 10000 members"));
        let noise = [b"{\"value\":[{\"A\":\"".as_slice(), &[0xff; 100_001], b"\"}]}"].concat();
        assert!(read_page(&noise, &["A"]).is_err(), "each byte would be written out as eight");
    }
}
