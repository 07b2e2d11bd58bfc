//! The form of `keys.ts`: reads what ServiceNow's SDK or an earlier run of the command wrote, and writes it.

use std::fmt::Write as _;

use super::typescript::quoted;

/// A value of the interface `Keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A text.
    Text(String),
    /// `true`, `false` or a number, as it is written.
    Word(String),
    /// An object; its members in order.
    Object(Members),
    /// A list.
    List(Vec<Node>),
}

/// The members of an object.
pub(super) type Members = Vec<(String, Node)>;

/// The value of a member.
pub(super) fn member<'a>(members: &'a [(String, Node)], name: &str) -> Option<&'a Node> {
    members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

impl Node {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object.
    pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Node> {
        match self {
            Self::Object(members) => member(members, name),
            Self::Text(_) | Self::Word(_) | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Word(_) | Self::Object(_) | Self::List(_) => None,
        }
    }

    fn write(&self, into: &mut String, depth: usize) {
        let indent = "    ".repeat(depth);
        match self {
            Self::Text(text) => into.push_str(&quoted(text)),
            Self::Word(word) => into.push_str(word),
            Self::Object(members) if members.is_empty() => into.push_str("{}"),
            Self::List(values) if values.is_empty() => into.push_str("[]"),
            Self::Object(members) => {
                into.push_str("{\n");
                for (name, value) in members {
                    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                    let name = if is_plain { name.clone() } else { quoted(name) };
                    let _ = write!(into, "{indent}    {name}: ");
                    value.write(into, depth + 1);
                    into.push('\n');
                }
                let _ = write!(into, "{indent}}}");
            }
            Self::List(values) => {
                into.push_str("[\n");
                for value in values {
                    let _ = write!(into, "{indent}    ");
                    value.write(into, depth + 1);
                    into.push_str(",\n");
                }
                let _ = write!(into, "{indent}]");
            }
        }
    }
}

/// What stands before the object.
const HEAD: &str = "import '@servicenow/sdk/global'\n\ndeclare global {\n    namespace Now {\n        namespace Internal {\n            \
    interface Keys extends KeysRegistry ";
/// What stands after it.
const TAIL: &str = "\n        }\n    }\n}\n";
/// The indentation of the object.
const DEPTH: usize = 3;

/// The text of the file.
pub(super) fn print(members: Members) -> String {
    let mut text = HEAD.to_owned();
    Node::Object(members).write(&mut text, DEPTH);
    text.push_str(TAIL);
    text
}

/// Reads the members of the interface.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn parse(text: &str) -> Result<Members, String> {
    const BEFORE: &str = "extends KeysRegistry";
    let start = text.find(BEFORE).ok_or_else(|| format!("it has no interface that `{BEFORE}`"))? + BEFORE.len();
    let mut reader = Reader { text, at: start };
    match reader.value()? {
        Node::Object(members) => Ok(members),
        Node::Text(_) | Node::Word(_) | Node::List(_) => Err(reader.problem("an object is expected")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn problem(&self, what: &str) -> String {
        format!("line {}: {what}", self.text[..self.at].matches('\n').count() + 1)
    }

    /// The next character that is no space, separator or comment.
    fn next(&mut self) -> Option<char> {
        loop {
            let rest = &self.text[self.at..];
            let next = rest.chars().next()?;
            match next {
                c if c.is_whitespace() || matches!(c, ',' | ';') => self.at += c.len_utf8(),
                '/' if rest.starts_with("//") => self.at += rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => self.at += rest.find("*/").map_or(rest.len(), |end| end + 2),
                other => return Some(other),
            }
        }
    }

    fn value(&mut self) -> Result<Node, String> {
        match self.next() {
            Some('{') => self.object(),
            Some('[') => {
                self.at += 1;
                let mut values = Vec::new();
                loop {
                    match self.next() {
                        Some(']') => {
                            self.at += 1;
                            return Ok(Node::List(values));
                        }
                        Some(_) => values.push(self.value()?),
                        None => return Err(self.problem("the list does not end")),
                    }
                }
            }
            Some('\'' | '"') => Ok(Node::Text(self.quoted()?)),
            Some(_) => Ok(Node::Word(self.word()?)),
            None => Err(self.problem("a value is expected")),
        }
    }

    fn object(&mut self) -> Result<Node, String> {
        self.at += 1;
        let mut members = Members::new();
        loop {
            let name = match self.next() {
                Some('}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                Some('\'' | '"') => self.quoted()?,
                Some(_) => self.word()?,
                None => return Err(self.problem("the object does not end")),
            };
            if self.next() != Some(':') {
                return Err(self.problem(&format!("`:` is expected after `{}`", name.escape_default())));
            }
            self.at += 1;
            members.push((name, self.value()?));
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-'))).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.problem("a name or a value is expected"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at..];
        let mut letters = rest.char_indices();
        let quote = letters.next().map(|(_, quote)| quote);
        let mut out = String::new();
        while let Some((at, letter)) = letters.next() {
            match letter {
                c if Some(c) == quote => {
                    self.at += at + c.len_utf8();
                    return Ok(out);
                }
                '\\' => match letters.next().map(|(_, escaped)| escaped) {
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('t') => out.push('\t'),
                    Some(c @ ('\'' | '"' | '\\')) => out.push(c),
                    _ => return Err(self.problem("a text has an escape that Tieline does not know")),
                },
                '\n' => return Err(self.problem("a text does not end")),
                c => out.push(c),
            }
        }
        Err(self.problem("a text does not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let entry = Node::object([("table", Node::text("sys_ui_action")), ("deleted", Node::Word("true".into()))]);
        let key =
            Node::object([("sys_role", Node::object([("id", Node::text("1f")), ("key", Node::object([("name", Node::text("its"))]))]))]);
        let members = vec![
            ("explicit".to_owned(), Node::object([("acl x.y read", entry), ("plain", Node::object([]))])),
            ("composite".to_owned(), Node::List(vec![key])),
            ("deleted".to_owned(), Node::object([("sys_x", Node::List(vec![Node::text("0a")])), ("none", Node::List(vec![]))])),
        ];
        let text = print(members.clone());
        assert_eq!(parse(&text).unwrap(), members);
        // as the SDK may write it: separators, double quotes, comments
        let other = text.replace('\'', "\"").replace("{}\n", "{}; // empty\n");
        assert_eq!(parse(&other).unwrap(), members);
        let quoted = vec![("it's".to_owned(), Node::text("a \"b\" \\ 'c'"))];
        assert_eq!(parse(&print(quoted.clone())).unwrap(), quoted);
    }

    #[test]
    fn a_file_that_cannot_be_read_names_the_line() {
        for (text, words) in [
            ("export {}", "no interface"),
            ("interface Keys extends KeysRegistry {\n  explicit: {\n", "line 3: the object does not end"),
            ("interface Keys extends KeysRegistry {\n  explicit {} }", "line 2: `:` is expected after `explicit`"),
            ("interface Keys extends KeysRegistry {\n  a: 'x\n }", "line 2: a text does not end"),
            ("interface Keys extends KeysRegistry {\n  <<<<<<< }", "line 2: a name or a value"),
        ] {
            assert!(parse(text).unwrap_err().contains(words), "{text}: {:?}", parse(text));
        }
    }
}
