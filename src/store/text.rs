//! Every text that goes into the ledger, in one place. PostgreSQL's `text` and `jsonb` cannot hold the character NUL, and one NUL in a
//! message would fail its whole transaction. Tieline writes it as `\u0000` instead. Nothing in `store` binds a text by diesel's own types:
//! `sql_query` uses the types below, and so do the columns of `schema.rs`, so that the query builder accepts a text only through [`text`].

use std::borrow::Cow;

use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{self, SqlType};

/// `text`. Public because the columns of `schema.rs` are.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 25, array_oid = 1009))]
pub struct Text;

/// `text` that contains JSON and that a statement reads as `jsonb`: its escapes for NUL are written out too.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 25, array_oid = 1009))]
pub(crate) struct JsonText;

/// `jsonb`. Public for the same reason.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
pub struct Jsonb;

/// A text as a value in the query builder; the result of [`text`].
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Text)]
pub(crate) struct TextValue<'a>(&'a str);

/// A text as a value in the query builder, which does not accept a `str` for a column.
pub(crate) fn text(value: &str) -> TextValue<'_> {
    TextValue(value)
}

/// JSON as a value in the query builder; the result of [`jsonb`].
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(crate) struct JsonValue<'a>(&'a serde_json::Value);

/// JSON as a value in the query builder.
pub(crate) fn jsonb(value: &serde_json::Value) -> JsonValue<'_> {
    JsonValue(value)
}

/// The text that replaces NUL.
const NUL: &str = "\\u0000";

/// The text as PostgreSQL can hold it.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', NUL)) } else { Cow::Borrowed(text) }
}

/// The text as a literal part of a LIKE pattern: `%` and `_` in it are escaped.
pub(crate) fn in_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// JSON as PostgreSQL can hold it: an escape for NUL becomes the six characters of that escape.
pub(crate) fn storable_json(text: &str) -> Cow<'_, str> {
    let text = storable(text);
    if !text.contains(NUL) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        // a backslash starts an escape, and the next character belongs to it
        let length = if escape.starts_with(NUL) {
            out.push('\\');
            NUL.len()
        } else {
            1 + escape[1..].chars().next().map_or(0, char::len_utf8)
        };
        out.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[expect(clippy::disallowed_types, reason = "what it writes is storable by now")]
fn write(text: &str, out: &mut Output<'_, '_, Pg>) -> serialize::Result {
    <str as ToSql<sql_types::Text, Pg>>::to_sql(text, &mut out.reborrow())
}

impl ToSql<Text, Pg> for str {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        write(&storable(self), out)
    }
}

impl ToSql<Text, Pg> for String {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self, out)
    }
}

impl ToSql<Text, Pg> for TextValue<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        write(&storable(self.0), out)
    }
}

impl ToSql<Jsonb, Pg> for JsonValue<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <serde_json::Value as ToSql<Jsonb, Pg>>::to_sql(self.0, out)
    }
}

impl ToSql<JsonText, Pg> for str {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        write(&storable_json(self), out)
    }
}

impl ToSql<JsonText, Pg> for String {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<JsonText, Pg>>::to_sql(self, out)
    }
}

impl ToSql<Jsonb, Pg> for serde_json::Value {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        use std::io::Write as _;
        // the version of jsonb's binary form
        out.write_all(&[1])?;
        out.write_all(storable_json(&self.to_string()).as_bytes())?;
        Ok(serialize::IsNull::No)
    }
}

impl FromSql<Text, Pg> for String {
    #[expect(clippy::disallowed_types, reason = "reading changes nothing")]
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<sql_types::Text, Pg>>::from_sql(value)
    }
}

impl FromSql<Jsonb, Pg> for serde_json::Value {
    #[expect(clippy::disallowed_types, reason = "reading changes nothing")]
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <serde_json::Value as FromSql<sql_types::Jsonb, Pg>>::from_sql(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_written_out_and_nothing_else_changes() {
        assert_eq!(storable("00\u{0}104"), "00\\u0000104");
        assert!(matches!(storable("\u{1}\u{ffff}\u{10ffff} é"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_escape_for_nul_in_json_becomes_its_six_characters() {
        for text in ["a\u{0}b", "\\u0000", "\\\u{0}", "\\\\u0000\u{0}\"", "plain é", "\u{0}"] {
            let json = serde_json::json!({ "k": text, "n": [text] }).to_string();
            let back: serde_json::Value = serde_json::from_str(&storable_json(&json)).expect("JSON");
            let expected = text.replace('\u{0}', "\\u0000");
            assert_eq!(back, serde_json::json!({ "k": expected, "n": [expected] }), "{json}");
        }
    }
}
