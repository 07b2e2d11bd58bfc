//! Which values count as the same, and what is read from an answer's body.

use serde_json::value::RawValue;

use crate::definition::plan::Form;
use crate::servicenow::compare::{keeps_less, same};
use crate::servicenow::wire::{Body, Words, read_body, scalar};

#[test]
fn a_column_that_keeps_less_keeps_the_beginning_or_the_rounded_number() {
    for (sent, there, less) in [
        ("12.55", "12.5", true),
        ("12.55", "12.6", true),
        ("12.55", "13", true),
        ("12.55", "12", true),
        ("12.55", "14", false),
        ("12.55", "99.5", false),
        ("12.50", "12.6", false),
        ("12.0", "13", false),
        ("12.5", "12.50", false),
        ("12.5", "12.55", false),
        ("12.5", "12.4", false),
        ("12.5", "x", false),
    ] {
        assert_eq!(keeps_less(Form::Number, sent, there), less, "{sent} {there}");
    }
    for (sent, there, less) in [
        ("A long description", "A long d", true),
        ("A long description", "A long ", false),
        ("A long description", "A long description", false),
        ("A long description", "a long d", false),
        ("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}x", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", true),
        ("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", "\u{e4}\u{e4}\u{e4}\u{e4}", false),
    ] {
        assert_eq!(keeps_less(Form::Text, sent, there), less, "{sent} {there}");
    }
}

#[test]
fn a_number_is_written_in_plain_digits() {
    for (a, b, alike) in [
        ("12.5", "12.50", true),
        ("-12.5", "-12.500", true),
        ("0.5", "0.50", true),
        ("0", "0.00", true),
        ("5", "+5", false),
        ("1.5", "+1.5", false),
        ("0.5", ".5", false),
        ("5", "5.", false),
        ("10", "1_0", false),
        ("1.50", "1.5_0", false),
        ("7", "007", false),
        ("7", "7e0", false),
    ] {
        assert_eq!(same(Form::Number, a, b), alike, "{a} {b}");
    }
}

#[test]
fn lines_are_the_same_whatever_ends_them() {
    for (a, b, alike) in [
        ("a\nb", "a\r\nb", true),
        ("a \nb", "a\rb", true),
        ("a\nb", "a\nc", false),
        ("a\nb", "a b", false),
        ("a b", "a\nb", false),
        ("a\n\nb", "a\nb", false),
    ] {
        assert_eq!(same(Form::Text, a, b), alike, "{a:?} {b:?}");
    }
}

#[test]
fn a_body_that_ends_in_the_middle_is_told_from_one_of_another_shape() {
    let garbage = |body: &str| match read_body(body.as_bytes()) {
        Body::Garbage(said) => said,
        other => panic!("{other:?}"),
    };
    assert_eq!(garbage("{\"result\": [{\"sys_id\": \"a\""), "it ends in the middle");
    assert!(garbage("{\"result\": [}").starts_with("it is not the JSON expected ("));
    assert_eq!(garbage("[1]"), "it is not a JSON object");
}

#[test]
fn messages_are_one_line_and_never_empty() {
    let line = |message: &str, detail: &str| Words { message: message.into(), detail: detail.into() }.line();
    assert_eq!(line("Operation\n Failed", "Closed  period"), "Operation Failed: Closed period");
    assert_eq!(line("", "Closed"), "Closed");
    assert_eq!(line("Failed", ""), "Failed");
    assert_eq!(line("Failed", "Failed"), "Failed");
    assert_eq!(line(" ", ""), "no reason given");
}

#[test]
fn a_scalar_is_read_unchanged() {
    let read = |raw: &str| scalar(&RawValue::from_string(raw.to_owned()).expect("JSON"));
    for (raw, text) in
        [("null", ""), ("\"a\\\"b\"", "a\"b"), ("12.50", "12.50"), ("true", "true"), ("\"null\"", "null"), ("\"12.50\"", "12.50")]
    {
        assert_eq!(read(raw), text, "{raw}");
    }
}
