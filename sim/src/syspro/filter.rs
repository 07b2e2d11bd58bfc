//! Parses `$filter`: the part of the OData 4.0 grammar that the service is believed to support. Everything else is refused.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;

use tieline_values::money::parse_decimal;

/// How deep brackets and `not` may nest.
const DEEPEST: usize = 200;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Operator {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// The same comparison with its sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            same => same,
        }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `'text'`, with doubled quotes undone.
    Text(String),
    /// A number, exact.
    Number(Decimal),
    /// A date or a date with time: milliseconds since 1970; a zone is converted, `Z` is a label.
    Instant(i64),
    /// `true` or `false`.
    Bool(bool),
}

/// The text functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `startswith(Column,'text')`
    StartsWith,
    /// `endswith(Column,'text')`
    EndsWith,
    /// `contains(Column,'text')`
    Contains,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Column, operator, constant.
    Compare(String, Operator, Literal),
    /// A text function of a column.
    Call(Function, String, String),
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// `true` or `false` alone.
    Constant(bool),
}

impl Filter {
    /// Nodes as Microsoft's library counts them: three for a comparison or a function, one for each `and`, `or` and `not`.
    pub fn nodes(&self) -> usize {
        match self {
            Self::Compare(..) | Self::Call(..) => 3,
            Self::Constant(_) => 1,
            Self::Not(inner) => 1 + inner.nodes(),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::nodes).sum::<usize>() + parts.len() - 1,
        }
    }

    /// Reads the value of `$filter`, percent-decoded. `Err` is the sentence that the service answers with.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let filter = parser.any()?;
        match parser.rest() {
            "" => Ok(filter),
            rest => Err(format!("Syntax error at position {} in '{text}': `{}` was not expected.", text.len() - rest.len(), first(rest))),
        }
    }
}

fn first(text: &str) -> &str {
    text.split([' ', '(', ')', ',']).find(|word| !word.is_empty()).unwrap_or(text)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

enum Operand {
    Column(String),
    Literal(Literal),
}

impl<'a> Parser<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("Syntax error at position {} in '{}': {what}.", self.at, self.text))
    }

    /// A word must end before the next one begins: `eq1` is not `eq 1`.
    fn keyword(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(', ')', '\t']));
        if found {
            self.at += word.len();
        }
        found
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all()?];
        while self.keyword("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.keyword("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("The filter expression is nested too deeply.".to_owned());
        }
        let filter = self.unbounded_one();
        self.depth -= 1;
        filter
    }

    fn unbounded_one(&mut self) -> Result<Filter, String> {
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.symbol('(') {
            let inner = self.any()?;
            return if self.symbol(')') { Ok(inner) } else { self.fail("')' expected") };
        }
        for (name, function) in [("startswith", Function::StartsWith), ("endswith", Function::EndsWith), ("contains", Function::Contains)] {
            if self.rest().strip_prefix(name).is_some_and(|rest| rest.starts_with('(')) {
                self.at += name.len() + 1;
                return self.call(function);
            }
        }
        let left = self.operand()?;
        let word = first(self.rest());
        let Some(operator) = Operator::read(word) else {
            return match left {
                Operand::Literal(Literal::Bool(value)) => Ok(Filter::Constant(value)),
                _ => self.fail("a comparison operator was expected"),
            };
        };
        self.at += word.len();
        match (left, self.operand()?) {
            (Operand::Column(column), Operand::Literal(literal)) => Ok(Filter::Compare(column, operator, literal)),
            (Operand::Literal(literal), Operand::Column(column)) => Ok(Filter::Compare(column, operator.mirrored(), literal)),
            _ => self.fail("a comparison needs one property and one constant"),
        }
    }

    fn call(&mut self, function: Function) -> Result<Filter, String> {
        let Operand::Column(column) = self.operand()? else { return self.fail("a property was expected") };
        if !self.symbol(',') {
            return self.fail("',' expected");
        }
        let Operand::Literal(Literal::Text(text)) = self.operand()? else { return self.fail("a string was expected") };
        if !self.symbol(')') {
            return self.fail("')' expected");
        }
        // `startswith(a,'b') eq true` is the same condition, and common
        match first(self.rest()) {
            "eq" => {
                self.at += 2;
                match self.operand()? {
                    Operand::Literal(Literal::Bool(true)) => Ok(Filter::Call(function, column, text)),
                    Operand::Literal(Literal::Bool(false)) => Ok(Filter::Not(Box::new(Filter::Call(function, column, text)))),
                    _ => self.fail("`true` or `false` was expected"),
                }
            }
            _ => Ok(Filter::Call(function, column, text)),
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix('\'') {
            let mut text = String::new();
            let mut characters = quoted.char_indices();
            while let Some((at, character)) = characters.next() {
                if character != '\'' {
                    text.push(character);
                } else if quoted[at + 1..].starts_with('\'') {
                    text.push('\'');
                    characters.next();
                } else {
                    self.at += at + 2;
                    return Ok(Operand::Literal(Literal::Text(text)));
                }
            }
            return self.fail("there is an unterminated string literal");
        }
        let word: &str = rest.split([' ', '(', ')', ',', '\t', '\'']).next().unwrap_or_default();
        let literal = match word {
            "" => return self.fail("an expression was expected"),
            "null" => Literal::Null,
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => match number_or_date(word) {
                Some(literal) => literal,
                None => return self.fail(&format!("'{word}' is not a number or a date")),
            },
            _ if word.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                self.at += word.len();
                return Ok(Operand::Column(word.to_owned()));
            }
            _ => return self.fail(&format!("'{word}' was not expected")),
        };
        self.at += word.len();
        Ok(Operand::Literal(literal))
    }
}

fn number_or_date(word: &str) -> Option<Literal> {
    if let Ok(date) = NaiveDate::parse_from_str(word, "%Y-%m-%d") {
        return Some(Literal::Instant(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(word) {
        return Some(Literal::Instant(time.timestamp_millis()));
    }
    // minutes alone are legal OData; a time without a zone is not
    if let Some(time) = word.strip_suffix('Z').and_then(|time| NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M").ok()) {
        return Some(Literal::Instant(time.and_utc().timestamp_millis()));
    }
    let digits = word.trim_end_matches(['m', 'M', 'd', 'D', 'f', 'F', 'l', 'L']);
    (word.len() - digits.len() <= 1).then(|| parse_decimal(digits)).flatten().map(Literal::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_odata_allows() {
        let compare = |column: &str, operator, literal| Filter::Compare(column.into(), operator, literal);
        assert_eq!(
            Filter::parse("Supplier eq 'O''Brien & (co)' and not (Journal lt 5 or 1.50 le Value)").expect("filter"),
            Filter::And(vec![
                compare("Supplier", Operator::Equal, Literal::Text("O'Brien & (co)".into())),
                Filter::Not(Box::new(Filter::Or(vec![
                    compare("Journal", Operator::Less, Literal::Number(5.into())),
                    compare("Value", Operator::GreaterOrEqual, Literal::Number(Decimal::new(150, 2))),
                ]))),
            ])
        );
        let instant = |text: &str| match Filter::parse(&format!("D ge {text}")).expect(text) {
            Filter::Compare(_, _, Literal::Instant(at)) => at,
            other => panic!("{other:?}"),
        };
        let day = 1_769_817_600_000;
        assert_eq!(instant("2026-01-31"), day);
        assert_eq!(instant("2026-01-31T00:00:00Z"), day);
        assert_eq!(instant("2026-01-31T00:00Z"), day);
        assert_eq!(instant("2026-01-31T02:00:00.000+02:00"), day);
        assert_eq!(Filter::parse("startswith(A,'x') eq true"), Ok(Filter::Call(Function::StartsWith, "A".into(), "x".into())));
        assert_eq!(Filter::parse("a eq 1 or b eq 2 and c eq 3").map(|filter| filter.nodes()), Ok(11));
        assert_eq!(Filter::parse("true"), Ok(Filter::Constant(true)));
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "A",
            "A eq",
            "A eq 'x",
            "A eq 1 or",
            "A = 1",
            "(A eq 1",
            "A eq 1)",
            "A eq B",
            "A EQ 1",
            "A eq 1x",
            "A eq 2026-13-01",
            "nosuch(A,'x')",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
        assert!(Filter::parse(&("(".repeat(5000) + "A eq 1")).is_err());
        assert!(Filter::parse("D ge 2026-01-31T00:00:00").is_err(), "a time without a zone");
    }
}
