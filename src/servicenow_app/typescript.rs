//! Values of TypeScript, and how they are written.

use std::fmt::Write as _;

/// The longest line that is not broken.
const WIDTH: usize = 120;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Ts {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// The name of a constant.
    Name(String),
    /// `Now.ID['…']`: the record with this name in `keys.ts`.
    Id(String),
    /// A list.
    List(Vec<Ts>),
    /// An object; its members in order.
    Object(Vec<(String, Ts)>),
    /// A call of a function with one argument.
    Call(&'static str, Box<Ts>),
}

impl Ts {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object.
    pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Ts)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A call.
    pub(super) fn call(function: &'static str, argument: Ts) -> Self {
        Self::Call(function, Box::new(argument))
    }

    /// The value on one line.
    fn line(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Name(name) => name.clone(),
            Self::Id(name) => format!("Now.ID[{}]", quoted(name)),
            Self::List(values) => format!("[{}]", values.iter().map(Self::line).collect::<Vec<_>>().join(", ")),
            Self::Object(members) if members.is_empty() => "{}".to_owned(),
            Self::Object(members) => {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("{}: {}", member(name), value.line())).collect();
                format!("{{ {} }}", members.join(", "))
            }
            Self::Call(function, argument) => format!("{function}({})", argument.line()),
        }
    }

    /// Writes the value; `before`: how many characters are on the line already, `depth`: its indentation.
    pub(super) fn write(&self, into: &mut String, before: usize, depth: usize) {
        let line = self.line();
        if before + line.chars().count() < WIDTH && self.is_short() {
            into.push_str(&line);
            return;
        }
        let indent = |depth: usize| "    ".repeat(depth);
        match self {
            Self::List(values) => {
                into.push_str("[\n");
                for value in values {
                    into.push_str(&indent(depth + 1));
                    value.write(into, (depth + 1) * 4, depth + 1);
                    into.push_str(",\n");
                }
                let _ = write!(into, "{}]", indent(depth));
            }
            Self::Object(members) => {
                into.push_str("{\n");
                for (name, value) in members {
                    let start = format!("{}{}: ", indent(depth + 1), member(name));
                    into.push_str(&start);
                    value.write(into, start.chars().count(), depth + 1);
                    into.push_str(",\n");
                }
                let _ = write!(into, "{}}}", indent(depth));
            }
            Self::Call(function, argument) => {
                let _ = write!(into, "{function}(");
                argument.write(into, before + function.len() + 1, depth);
                into.push(')');
            }
            _ => into.push_str(&line),
        }
    }

    /// Whether it may stand on one line: an object of objects is easier to read on several.
    fn is_short(&self) -> bool {
        match self {
            Self::Object(members) => !members.iter().any(|(_, value)| value.is_nested()),
            Self::Call(_, argument) => argument.is_short(),
            _ => true,
        }
    }

    fn is_nested(&self) -> bool {
        match self {
            Self::Object(members) => !members.is_empty(),
            Self::List(values) => values.iter().any(Self::is_nested),
            Self::Call(_, argument) => argument.is_nested(),
            _ => false,
        }
    }
}

/// A text in single quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for letter in text.chars() {
        match letter {
            '\'' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('\'');
    out
}

/// The name of a member, in quotes if it is no identifier.
fn member(name: &str) -> String {
    let identifier = name.bytes().enumerate().all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()));
    if identifier && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_their_quotes() {
        assert_eq!(quoted("it's a \\ and\n\u{2028}"), "'it\\'s a \\\\ and\\n\\u{2028}'");
        assert_eq!([member("u_key"), member("a b"), member("1a"), member("")], ["u_key", "'a b'", "'1a'", "''"]);
    }

    #[test]
    fn short_values_stay_on_one_line() {
        let column = Ts::call("StringColumn", Ts::object([("label", Ts::text("Key")), ("maxLength", Ts::Number(120))]));
        let table = Ts::call("Table", Ts::object([("name", Ts::text("t")), ("schema", Ts::object([("u_key", column)]))]));
        let mut text = String::new();
        table.write(&mut text, 0, 0);
        let expected = "Table({\n    name: 't',\n    schema: {\n        u_key: StringColumn({ label: 'Key', maxLength: 120 }),\n    },\n})";
        assert_eq!(text, expected);
    }
}
