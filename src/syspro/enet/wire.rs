//! The XML of e.net: builds requests, and decodes and reads answers. Element names are compared without regard to case.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use super::super::wire::{NoValue, Room, Unread};
use crate::net::brief;
use crate::net::json::WRITTEN_OUT;

/// `<name>text</name>`, escaped.
pub(super) fn element(name: &str, text: &str) -> String {
    if text.is_empty() {
        return format!("<{name}/>");
    }
    format!("<{name}>{}</{name}>", quick_xml::escape::partial_escape(text))
}

/// The text of an answer. Some versions of the service wrap it in a JSON string or a `<string>` element. The text itself has the encoding
/// of its declaration; without one, it is UTF-8 or else Windows-1252.
pub(super) fn text(body: &[u8]) -> String {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let begins = body.iter().position(|byte| !byte.is_ascii_whitespace()).map_or(&b""[..], |at| &body[at..]);
    let inner = match begins {
        [b'"', ..] => serde_json::from_slice::<String>(body).ok(),
        begins if begins.starts_with(b"<string") => only_text(&String::from_utf8_lossy(body)).ok(),
        _ => None,
    };
    if let Some(inner) = inner {
        // the text may start with a byte order mark of its own
        return inner.trim_start_matches('\u{feff}').to_owned();
    }
    let head = String::from_utf8_lossy(&body[..body.len().min(200)]).to_ascii_lowercase();
    let declared = head.split_once("encoding=").map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
    let declared = declared
        .and_then(|rest| rest.split(['"', '\'', '?', '>']).next())
        .and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
    match (declared, std::str::from_utf8(body)) {
        (Some(encoding), _) if encoding == encoding_rs::WINDOWS_1252 => windows_1252(body),
        (Some(encoding), _) if encoding == encoding_rs::UTF_8 => utf_8(body),
        (Some(encoding), _) => encoding.decode_without_bom_handling(body).0.into_owned(),
        (None, Ok(text)) => text.to_owned(),
        (None, Err(_)) => windows_1252(body),
    }
}

/// Decodes Windows-1252; the five undefined bytes are written as escapes.
fn windows_1252(body: &[u8]) -> String {
    let mut out = String::with_capacity(body.len());
    let holes = body.split_inclusive(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d));
    for piece in holes.take(STRANGE) {
        let (whole, hole) = match piece.split_last() {
            Some((byte @ (0x81 | 0x8d | 0x8f | 0x90 | 0x9d), whole)) => (whole, Some(byte)),
            _ => (piece, None),
        };
        out.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(whole).0);
        out.extend(hole.map(|byte| format!("{WRITTEN_OUT}\\x{byte:02x}")));
    }
    out
}

/// Decodes UTF-8; invalid bytes are written as escapes.
fn utf_8(body: &[u8]) -> String {
    let mut out = String::with_capacity(body.len());
    for chunk in body.utf8_chunks().take(STRANGE) {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|byte| format!("{WRITTEN_OUT}\\x{byte:02x}")));
    }
    out
}

/// The most invalid bytes of an answer that are written as escapes; an answer with more is truncated, and then is not valid XML.
const STRANGE: usize = 100_000;

/// The escape for a reference to a character that no text can hold.
fn written_out(reference: &str) -> String {
    let number = reference.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match number {
        Some(number) => format!("{WRITTEN_OUT}\\u{number:04x}"),
        None => format!("{WRITTEN_OUT}&{reference};"),
    }
}

/// The text within a document's single element.
fn only_text(document: &str) -> Result<String, String> {
    let mut all = String::new();
    walk(document, |path, step| {
        if let Step::Text(text) = step
            && path.len() == 1
        {
            all.push_str(text);
        }
        Ok(())
    })?;
    Ok(all)
}

/// The content of a query object's answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The cells of each row, in the order of the requested columns; `None`: the element is missing.
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// The texts of the elements `ErrorDescription`.
    pub(super) errors: Vec<String>,
    /// The value of `RowsReturned`.
    pub(super) returned: Option<usize>,
    /// Values that are not kept because they are too long.
    pub(super) no_values: Vec<NoValue>,
}

/// The most error texts kept from one answer.
const ERRORS: usize = 20;
/// The most elements that may be nested.
const DEPTH: usize = 64;

/// The same error without the middle of a long text, which may be as large as the answer.
fn cut(unread: Unread) -> Unread {
    match unread {
        Unread::Malformed(words) => Unread::Malformed(brief(&words)),
        other => other,
    }
}

/// Reads the answer of COMFND; it stops at the first row that was not requested.
pub(super) fn rows(document: &str, columns: &[&str], room: Room) -> Result<Found, Unread> {
    let (found, doubt) = scan(document, columns, room).map_err(cut)?;
    doubt.map_or(Ok(found), |doubt| Err(cut(Unread::Malformed(doubt.into()))))
}

/// The answer, and the first problem that makes a value doubtful: to keep a part of it, or one of two, would change it silently.
fn scan(document: &str, columns: &[&str], room: Room) -> Result<(Found, Option<String>), Unread> {
    let mut found = Found::default();
    let (mut text, mut at, mut bytes) = (String::new(), 0_usize, 0_usize);
    let (mut doubt, mut unasked) = (None, false);
    let walked = walk(document, |path, step| {
        match step {
            Step::Start => {
                if path.len() > 3 && path[1].eq_ignore_ascii_case("Row") && doubt.is_none() {
                    doubt = Some(format!("the value of `{}` holds an element `{}`: is a `<` not escaped in it?", path[2], path[3]));
                }
                text.clear();
                bytes = 0;
                if path.len() == 2 && path[1].eq_ignore_ascii_case("Row") {
                    if found.rows.len() >= room.rows {
                        unasked = true;
                        return Err("more rows than were asked for".into());
                    }
                    found.rows.push(vec![None; columns.len()]);
                    at = 0;
                }
            }
            Step::Text(part) => {
                bytes += part.len();
                if bytes <= room.value {
                    text.push_str(part);
                }
            }
            Step::End => {
                let name = path.last().map_or("", |name| name.as_ref());
                if path.len() == 3 && path[1].eq_ignore_ascii_case("Row") {
                    // columns come in the requested order; if they do not, they are searched for
                    let place = match columns.get(at) {
                        Some(column) if column.eq_ignore_ascii_case(name) => Some(at),
                        _ => columns.iter().position(|column| column.eq_ignore_ascii_case(name)),
                    };
                    let number = found.rows.len().saturating_sub(1);
                    if let (Some(place), Some(row)) = (place, found.rows.last_mut()) {
                        if bytes > room.value {
                            found.no_values.push(NoValue { row: number, column: place, bytes, nested: false });
                            text.clear();
                        }
                        if row[place].is_some() && doubt.is_none() {
                            doubt = Some(format!("a row has `{name}` twice"));
                        }
                        row[place] = Some(std::mem::take(&mut text));
                        at = place + 1;
                    }
                } else if name.eq_ignore_ascii_case("ErrorDescription") && !text.trim().is_empty() && found.errors.len() < ERRORS {
                    found.errors.push(text.trim().to_owned());
                } else if path.len() == 2 && name.eq_ignore_ascii_case("RowsReturned") {
                    found.returned = text.trim().parse().ok();
                }
                text.clear();
                bytes = 0;
            }
        }
        Ok(())
    });
    match walked {
        Ok(()) => Ok((found, doubt)),
        Err(_) if unasked => Err(Unread::Unasked),
        Err(problem) => Err(Unread::Malformed(problem.into())),
    }
}

/// Reads the answer of COMFND without the first `skip` rows, which may be invalid XML. `Err`: their end cannot be found.
pub(super) fn rows_behind(document: &str, columns: &[&str], skip: usize, room: Room) -> Result<Found, Unread> {
    let folded = document.to_ascii_lowercase();
    let starts: Vec<usize> = folded.match_indices("<row>").map(|(at, _)| at).take(skip + room.rows + 1).collect();
    if starts.len() > skip + room.rows {
        return Err(Unread::Unasked);
    }
    let (Some(first), Some(end)) = (starts.first(), folded.rfind("</row>").map(|at| at + "</row>".len())) else {
        return rows(document, columns, room);
    };
    let rest = document.get(end..).unwrap_or_default();
    let whole = rows(&format!("{}{rest}", &document[..*first]), columns, room)?;
    if whole.returned != Some(starts.len()) {
        let said = whole.returned.map_or("none".to_owned(), |said| said.to_string());
        return Err(Unread::Malformed(format!("it gives the number of its rows as {said}, and {} begin in it", starts.len()).into()));
    }
    let Some(begin) = starts.get(skip) else { return Ok(Found { returned: Some(0), ..whole }) };
    let found = rows(&format!("<rows>{}</rows>", document.get(*begin..end).unwrap_or_default()), columns, room)?;
    Ok(Found { returned: Some(found.rows.len()), errors: whole.errors, ..found })
}

/// The texts of all elements `ErrorDescription`, at any place.
pub(super) fn errors(document: &str) -> Result<Vec<String>, Unread> {
    scan(document, &[], Room { rows: usize::MAX, value: 4096 }).map(|(found, _)| found.errors).map_err(cut)
}

/// A step of the walk through a document.
pub(super) enum Step<'t> {
    Start,
    Text(&'t str),
    End,
}

/// Walks through a document; the path holds the names of the open elements, the current one last. It ends early when `visit` says so, and
/// when elements are nested too deep.
pub(super) fn walk(document: &str, mut visit: impl FnMut(&[Cow<'_, str>], Step<'_>) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_str(document.trim_start());
    let mut path: Vec<Cow<'_, str>> = Vec::new();
    let mut roots = 0;
    loop {
        let position = reader.buffer_position();
        match reader.read_event().map_err(|error| format!("{error} at byte {position}"))? {
            Event::Start(tag) => {
                roots += u32::from(path.is_empty());
                path.push(Cow::Owned(tag.local_name().into_inner().to_owned()));
                if path.len() > DEPTH {
                    return Err(format!("more than {DEPTH} elements are nested within one another at byte {position}"));
                }
                visit(&path, Step::Start)?;
            }
            Event::Empty(tag) => {
                roots += u32::from(path.is_empty());
                path.push(Cow::Owned(tag.local_name().into_inner().to_owned()));
                visit(&path, Step::Start)?;
                visit(&path, Step::End)?;
                path.pop();
            }
            Event::End(_) => {
                visit(&path, Step::End)?;
                path.pop();
            }
            Event::Text(text) => visit(&path, Step::Text(&text.xml10_content()))?,
            Event::CData(text) => visit(&path, Step::Text(&text.xml10_content()))?,
            Event::GeneralRef(entity) => {
                let mut buffer = [0; 4];
                match entity.resolve_char_ref() {
                    Ok(Some(c)) if c != '\0' => visit(&path, Step::Text(c.encode_utf8(&mut buffer)))?,
                    Ok(None) if let Some(known) = resolve_predefined_entity(&entity.xml10_content()) => visit(&path, Step::Text(known))?,
                    _ => visit(&path, Step::Text(&written_out(&entity.xml10_content())))?,
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (path.is_empty(), roots) {
        (true, 1) => Ok(()),
        (true, _) => Err("it has no single root element".to_owned()),
        (false, _) => Err("it ends before its last element does".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { rows: 5, value: 1000 };

    fn words(unread: Unread) -> String {
        match unread {
            Unread::Malformed(problem) => problem.into(),
            Unread::Unasked => "unasked".into(),
        }
    }

    fn read_rows(document: &str, columns: &[&str]) -> Result<Found, String> {
        rows(document, columns, ROOM).map_err(words)
    }

    fn read_behind(document: &str, columns: &[&str], skip: usize) -> Result<Found, String> {
        rows_behind(document, columns, skip, ROOM).map_err(words)
    }

    #[test]
    fn wrapped_and_encoded_texts_come_out_the_same() {
        assert_eq!(text(b"3EA613166FE4BF47925DF1CEA14E910100  "), "3EA613166FE4BF47925DF1CEA14E910100  ");
        // the inner text may start with a byte order mark of its own
        for body in [
            "\u{feff}<t><RowsReturned>0</RowsReturned></t>",
            "<string>\u{feff}&lt;t&gt;&lt;RowsReturned&gt;0&lt;/RowsReturned&gt;&lt;/t&gt;</string>",
        ] {
            assert_eq!(read_rows(&text(body.as_bytes()), &["A"]).expect("no rows").returned, Some(0));
        }
        assert_eq!(text(b"\"3EA6  \""), "3EA6  ");
        assert_eq!(text(b"\xEF\xBB\xBF<string xmlns=\"x\">&lt;A&gt;\xC3\xA9&lt;/A&gt;</string>"), "<A>\u{e9}</A>");
        assert_eq!(
            text(b"<?xml version=\"1.0\" encoding=\"Windows-1252\"?><A>\x80</A>"),
            "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><A>\u{20ac}</A>"
        );
        assert_eq!(text(b"ERROR: \xE9"), "ERROR: \u{e9}");
        assert_eq!(text("ERROR: \u{e9}".as_bytes()), "ERROR: \u{e9}");
    }

    #[test]
    fn what_no_text_can_hold_is_written_out() {
        let found =
            read_rows("<t><Row><A>a&#0;b&#xD83D;&#65;&amp;&nope;</A></Row><RowsReturned>1</RowsReturned></t>", &["A"]).expect("XML");
        let cell = crate::syspro::wire::Cell::from_text(found.rows[0][0].clone().expect("there"));
        assert_eq!(cell, crate::syspro::wire::Cell::Escaped("a\\u0000b\\ud83dA&&nope;".into()));
        let body = text(b"<?xml version=\"1.0\" encoding=\"Windows-1252\"?><t><Row><A>x\x81\x80</A></Row></t>");
        assert!(body.contains("x\u{fffe}\\x81\u{20ac}"), "{body}");
        let body = text(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><t>\xE9\xC3\xA9</t>");
        assert!(body.contains("\u{fffe}\\xe9\u{e9}"), "{body}");
    }

    #[test]
    fn rows_are_found_whatever_the_case_and_order() {
        let document = "<?xml version=\"1.0\"?>\n<apinvoice Language='05'>\n<HeaderDetails>\n<Row><A>no</A></Row></HeaderDetails>\n<row>\n<b> 00001</b>\n\
                        <A>x &amp; &#233;</A>\n</row>\n<Row>\n<A/>\n</Row>\n<RowsReturned>       2</RowsReturned>\n</apinvoice>\n ";
        let found = read_rows(document, &["A", "B"]).expect("XML");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found.rows, [vec![some("x & \u{e9}"), some(" 00001")], vec![some(""), None]]);
        assert_eq!((found.returned, found.errors.len()), (Some(2), 0));
    }

    #[test]
    fn rows_behind_one_that_is_no_xml_are_read() {
        let document = |rows: &str, said: usize| {
            format!("<?xml version=\"1.0\"?><t><HeaderDetails><A>no</A></HeaderDetails>{rows}<RowsReturned> {said}</RowsReturned></t>")
        };
        let two = document("<Row><A><Broken</A></Row><Row><A>b</A></Row>", 2);
        assert!(read_rows(&two, &["A"]).is_err());
        assert_eq!(read_behind(&two, &["A"], 1).expect("the second").rows, [[Some("b".to_owned())]]);
        assert_eq!(read_behind(&document("<Row><A><Broken</A></Row>", 1), &["A"], 1).expect("none").rows.len(), 0);
        assert_eq!(read_behind(&document("", 0), &["A"], 1).expect("none").rows.len(), 0);
        assert!(read_behind(&two, &["A"], 0).is_err(), "the first is still none");
        // a row that contains the start of another row: they cannot be told apart
        assert!(read_behind(&document("<Row><A><Row></A></Row><Row><A>b</A></Row>", 2), &["A"], 1).is_err());
    }

    #[test]
    fn a_value_that_is_not_one_text_is_refused() {
        let document = |row: &str| format!("<t><Row>{row}</Row><Row><A>b</A></Row><RowsReturned>2</RowsReturned></t>");
        for (row, says) in [
            ("<A>pipe <b>DN50</b> long</A>", "the value of `A` holds an element `b`: is a `<` not escaped in it?"),
            ("<A>3 <m/></A>", "the value of `A` holds an element `m`: is a `<` not escaped in it?"),
            ("<A>one</A><A>two</A>", "a row has `A` twice"),
        ] {
            assert_eq!(read_rows(&document(row), &["A"]).expect_err("not one text"), says);
            assert_eq!(read_behind(&document(row), &["A"], 1).expect("the other one").rows, [[Some("b".to_owned())]]);
        }
        let whole = read_rows(&document("<A>a<!-- c --><![CDATA[<b>]]></A>"), &["A"]).expect("one text");
        assert_eq!(whole.rows[0], [Some("a<b>".to_owned())]);
    }

    #[test]
    fn errors_are_found_and_broken_documents_refused() {
        let document =
            "<x><item><stockcode><Value>1</Value><ErrorDescription>Stock code '1' not found</ErrorDescription></stockcode></item></x>";
        assert_eq!(errors(document).expect("XML"), ["Stock code '1' not found"]);
        for broken in ["<a><b>", "<a></b>", "", "ERROR: x", "<a/><b/>"] {
            assert!(errors(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn reading_stops_at_what_was_not_asked_for() {
        let document = |count: usize| format!("<t>{}<RowsReturned>{count}</RowsReturned></t>", "<Row/>".repeat(count));
        assert_eq!(read_rows(&document(5), &["A"]).map(|found| found.rows.len()), Ok(5));
        assert_eq!(read_rows(&document(6), &["A"]), Err("unasked".into()));
        assert_eq!(read_behind(&"<Row></Row>".repeat(100), &["A"], 1), Err("unasked".into()));
        let long = format!("<t><Row><A>1</A><B>{}</B></Row><RowsReturned>1</RowsReturned></t>", "y".repeat(1001));
        let found = read_rows(&long, &["A", "B"]).expect("XML");
        assert_eq!((found.no_values.len(), found.no_values[0].bytes), (1, 1001));
        assert_eq!(found.rows[0], [Some("1".to_owned()), Some(String::new())]);
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert!(read_rows(&deep, &["A"]).expect_err("deep").contains("more than 64 elements"));
        let noise = [b"<?xml version=\"1.0\" encoding=\"Windows-1252\"?><t>".as_slice(), &[0x81; 200_000]].concat();
        assert!(text(&noise).len() < 1_000_000, "each byte would be written out as seven");
    }
}
