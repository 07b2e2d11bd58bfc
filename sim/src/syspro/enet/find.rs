//! COMFND: any table, any columns, filtered and ordered.

use super::answer::Answer;
use super::values::{columns_of, show};
use super::xml::{Node, Writer};
use crate::dataset::{Company, SqlType, TableSchema};
use crate::syspro::filter::{Filter, Literal, Operator};
use crate::syspro::options::Switches;
use crate::syspro::plan::Bound;
use crate::syspro::query::Query;
use tieline_values::money::parse_decimal;

/// What a query read, for the traffic counts.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) table: String,
    pub(super) rows: usize,
    pub(super) examined: usize,
}

/// Answers one request.
pub(super) fn find(request: &Node, company: &Company, switches: &Switches) -> (Answer, Read) {
    let name = request.text_of("TableName").to_owned();
    let mut read = Read { table: name.clone(), ..Read::default() };
    let refuse = |text: String, read: Read| (Answer::unknown(&name, &text, &switches.enet), read);
    let Ok(table) = company.table(&name) else { return refuse(format!("Table '{name}' not found"), read) };
    let schema = table.schema;
    let mut columns = vec![];
    for column in request.child("Columns").into_iter().flat_map(|columns| columns.all("Column")) {
        match columns_of(schema, column.text.trim(), switches) {
            Some(at) => columns.push(at),
            None => return refuse(format!("Column '{}' not found in table '{name}'", column.text.trim()), read),
        }
    }
    let mut order = vec![];
    for column in request.child("OrderBy").into_iter().flat_map(|columns| columns.all("Column")) {
        match columns_of(schema, column.text.trim(), switches) {
            Some(at) => order.push(at),
            None => return refuse(format!("Column '{}' not found in table '{name}'", column.text.trim()), read),
        }
    }
    let expressions: Vec<&Node> = request.child("Where").into_iter().flat_map(|all| all.all("Expression")).collect();
    let bound = match condition(&expressions, schema) {
        Ok(None) => None,
        Ok(Some(filter)) => match Bound::new(&filter, schema, &|name| columns_of(schema, name, switches)) {
            Ok(bound) => Some(bound),
            Err(problem) => return refuse(problem, read),
        },
        Err(problem) => return refuse(problem, read),
    };
    let top = match request.text_of("ReturnRows") {
        "" => None,
        text => match text.parse::<usize>() {
            Ok(0) => None,
            Ok(rows) => Some(rows),
            Err(_) => return refuse(format!("ReturnRows '{text}' is not a number"), read),
        },
    };
    let found = Query::bound(bound, columns.clone(), order.clone(), top).find(table, switches, usize::MAX);
    let mut writer = Writer::new(&name, "8.0.012");
    writer.open("HeaderDetails");
    writer.value("TableName", &name);
    for (element, list) in [("Columns", &columns), ("OrderBy", &order)] {
        writer.open(element);
        list.iter().for_each(|at| writer.value("Column", &schema.columns[*at].name));
        writer.close(element);
    }
    writer.close("HeaderDetails");
    for slot in &found.rows {
        writer.open("Row");
        for at in &columns {
            let column = &schema.columns[*at];
            let cell = table.cell(*slot, *at);
            if switches.omits(cell, true) {
                continue;
            }
            match switches.raw.iter().find(|raw| raw.text == cell.text() && !raw.text.is_empty()) {
                Some(raw) => writer.raw(&column.name, &raw.xml),
                None => writer.value(&column.name, &show(cell, column.sql, switches.enet.trailing_minus)),
            }
        }
        writer.close("Row");
    }
    writer.value("RowsReturned", &format!("{:>8}", found.rows.len()));
    (read.rows, read.examined) = (found.rows.len(), found.examined);
    (Answer::Xml(writer.finish()), read)
}

/// A part of a flat `Where`.
enum Token {
    Open,
    Close,
    Join { or: bool },
    Compare(Filter),
}

/// The tree of a flat list of expressions; `And` binds closer than `Or`.
fn condition(expressions: &[&Node], schema: &TableSchema) -> Result<Option<Filter>, String> {
    if expressions.is_empty() {
        return Ok(None);
    }
    let mut tokens = vec![];
    for (place, expression) in expressions.iter().enumerate() {
        let count = |name: &str, bracket: char| expression.text_of(name).chars().filter(|c| *c == bracket).count();
        match (place, expression.text_of("AndOr").to_ascii_lowercase().as_str()) {
            (0, _) => {}
            (_, "and") => tokens.push(Token::Join { or: false }),
            (_, "or") => tokens.push(Token::Join { or: true }),
            (_, other) => return Err(format!("AndOr '{other}' is not valid")),
        }
        tokens.extend((0..count("OpenBracket", '(')).map(|_| Token::Open));
        tokens.push(Token::Compare(compare(expression, schema)?));
        tokens.extend((0..count("CloseBracket", ')')).map(|_| Token::Close));
    }
    let mut tokens = tokens.into_iter().peekable();
    let filter = any(&mut tokens)?;
    match tokens.next() {
        None => Ok(Some(filter)),
        Some(_) => Err("A bracket is closed that was not opened".into()),
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

fn any(tokens: &mut Tokens) -> Result<Filter, String> {
    let mut parts = vec![all(tokens)?];
    while tokens.next_if(|token| matches!(token, Token::Join { or: true })).is_some() {
        parts.push(all(tokens)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
}

fn all(tokens: &mut Tokens) -> Result<Filter, String> {
    let mut parts = vec![one(tokens)?];
    while tokens.next_if(|token| matches!(token, Token::Join { or: false })).is_some() {
        parts.push(one(tokens)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
}

fn one(tokens: &mut Tokens) -> Result<Filter, String> {
    match tokens.next() {
        Some(Token::Compare(filter)) => Ok(filter),
        Some(Token::Open) => {
            let inner = any(tokens)?;
            match tokens.next() {
                Some(Token::Close) => Ok(inner),
                _ => Err("A bracket is not closed".into()),
            }
        }
        _ => Err("The expressions of Where cannot be understood".into()),
    }
}

fn compare(expression: &Node, schema: &TableSchema) -> Result<Filter, String> {
    let name = expression.text_of("Column");
    let at = schema.column(name).ok_or_else(|| format!("Column '{name}' not found in table '{}'", schema.name))?;
    let operator = match expression.text_of("Condition").to_ascii_uppercase().as_str() {
        "EQ" => Operator::Equal,
        "NE" => Operator::NotEqual,
        "GT" => Operator::Greater,
        "GE" => Operator::GreaterOrEqual,
        "LT" => Operator::Less,
        "LE" => Operator::LessOrEqual,
        other => return Err(format!("Condition '{other}' is not valid")),
    };
    let text = expression.child("Value").map_or("", |value| value.text.as_str());
    let invalid = || format!("Value '{text}' is not valid for column '{name}'");
    let literal = match schema.columns[at].sql {
        SqlType::Char(_) | SqlType::Varchar(_) => Literal::Text(text.to_owned()),
        SqlType::Decimal(..) | SqlType::RowVersion => Literal::Number(parse_decimal(text.trim()).ok_or_else(invalid)?),
        SqlType::DateTime if text.trim().is_empty() || text.trim() == "0000-00-00" => Literal::Null,
        SqlType::DateTime => {
            let date = chrono::NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| invalid())?;
            Literal::Instant(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
        }
    };
    Ok(Filter::Compare(name.to_owned(), operator, literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expressions: &str) -> Result<Option<Filter>, String> {
        let node = Node::parse(&format!("<Where>{expressions}</Where>")).expect("XML");
        condition(&node.all("Expression").collect::<Vec<_>>(), TableSchema::find("ApJnlSummary").expect("table"))
    }

    fn expression(open: &str, join: &str, column: &str, condition: &str, value: &str, close: &str) -> String {
        format!(
            "<Expression><OpenBracket>{open}</OpenBracket><AndOr>{join}</AndOr><Column>{column}</Column><Condition>{condition}</Condition>\
             <Value>{value}</Value><CloseBracket>{close}</CloseBracket></Expression>"
        )
    }

    #[test]
    fn brackets_and_words_make_the_same_tree_as_a_filter() {
        let flat = [
            expression("", "", "Supplier", "GT", "a", ""),
            expression("(", "Or", "Supplier", "eq", "a", ""),
            expression("(", "And", "Journal", "GT", "7", ""),
            expression("", "Or", "Journal", "LT", "3", "))"),
        ];
        let filter = Filter::parse("Supplier gt 'a' or (Supplier eq 'a' and (Journal gt 7 or Journal lt 3))").expect("filter");
        assert_eq!(read(&flat.concat()), Ok(Some(filter)));
        assert_eq!(read(""), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            expression("(", "", "Supplier", "GT", "a", ""),
            expression("", "", "Supplier", "GT", "a", ")"),
            expression("", "", "Nope", "GT", "a", ""),
            expression("", "", "Supplier", "LIKE", "a", ""),
            expression("", "", "Journal", "EQ", "a", ""),
            expression("", "", "TrnDate", "EQ", "31/01/2026", ""),
            expression("", "", "Supplier", "EQ", "a", "") + &expression("", "xor", "Supplier", "EQ", "a", ""),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
