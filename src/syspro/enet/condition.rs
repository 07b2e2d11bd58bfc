//! Translates a condition from OData's syntax, which definitions and the reader use, to COMFND's: a flat list of comparisons with brackets.
//!
//! COMFND knows six comparisons, `And`, `Or` and brackets. Anything else of OData (`not`, functions, null) is refused with a message that
//! names it.

use super::wire::element;

/// The `Where` of a COMFND request; empty for an empty condition.
pub(super) fn where_element(condition: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut text = condition.trim();
    let (mut join, mut depth) = (None::<&str>, 0_i32);
    if text.is_empty() {
        return Ok(out);
    }
    loop {
        let mut opened = 0;
        while let Some(rest) = text.strip_prefix('(') {
            (opened, text) = (opened + 1, rest.trim_start());
        }
        let (column, rest) = word(text);
        if column.is_empty() || rest.trim_start().starts_with('(') || column == "not" {
            return Err(format!("`{}` is not a comparison of a column", excerpt(text)));
        }
        let (operator, rest) = word(rest);
        let operator = match operator {
            "eq" => "EQ",
            "ne" => "NE",
            "gt" => "GT",
            "ge" => "GE",
            "lt" => "LT",
            "le" => "LE",
            other => return Err(format!("`{other}` is none of its six comparisons")),
        };
        let (value, rest) = literal(rest)?;
        text = rest.trim_start();
        let mut closed = 0;
        while let Some(rest) = text.strip_prefix(')') {
            (closed, text) = (closed + 1, rest.trim_start());
        }
        depth += opened - closed;
        if depth < 0 {
            return Err("a bracket is closed that was not opened".to_owned());
        }
        let brackets = |bracket: &str, count: i32| bracket.repeat(usize::try_from(count).unwrap_or(0));
        out += "<Expression>";
        out += &element("OpenBracket", &brackets("(", opened));
        if let Some(join) = join {
            out += &element("AndOr", join);
        }
        out += &element("Column", column);
        out += &element("Condition", operator);
        out += &element("Value", &value);
        out += &element("CloseBracket", &brackets(")", closed));
        out += "</Expression>";
        if text.is_empty() {
            return if depth == 0 { Ok(format!("<Where>{out}</Where>")) } else { Err("a bracket is not closed".to_owned()) };
        }
        let (next, rest) = word(text);
        join = match next {
            "and" => Some("And"),
            "or" => Some("Or"),
            _ => return Err(format!("`{}` was not expected", excerpt(text))),
        };
        text = rest.trim_start();
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(30).collect()
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(text.len());
    text.split_at(end)
}

fn literal(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('\'') {
        let mut value = String::new();
        loop {
            let (part, after) = rest.split_once('\'').ok_or("a text is not closed")?;
            value.push_str(part);
            match after.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    rest = after;
                }
                None => return Ok((value, after)),
            }
        }
    }
    let (value, rest) = word(text);
    match value {
        "null" | "" => Err("it has no word for null".to_owned()),
        "true" | "false" => Err(format!("it has no word for `{value}`")),
        _ if value.contains('\'') => Err(format!("`{}` is not a constant", excerpt(value))),
        // SYSPRO takes a date-time at midnight as a date
        _ if super::super::filter::is_date_time(value) => Ok((value[..10].to_owned(), rest)),
        _ => Ok((value.to_owned(), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(condition: &str) -> String {
        let xml = where_element(condition).expect("a condition");
        let of = |part: &str, name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>")).unwrap_or(("", "</"));
            rest.split_once("</").map(|(text, _)| text.to_owned()).unwrap_or_default()
        };
        let names = ["AndOr", "OpenBracket", "Column", "Condition", "Value", "CloseBracket"];
        let parts = xml.split("<Expression>").skip(1).map(|part| names.map(|name| of(part, name)).join("|"));
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comparisons_keep_their_order_and_brackets() {
        assert_eq!(flat("JnlStatus eq 'P'"), "||JnlStatus|EQ|P|");
        assert_eq!(
            flat("A ge 'x' and (A gt 'x' or (A eq ' O''Neil <&' and B gt 2.5))"),
            "||A|GE|x| And|(|A|GT|x| Or|(|A|EQ| O'Neil &lt;&amp;| And||B|GT|2.5|))"
        );
        assert_eq!(flat("(D ge 2026-01-31 or D ge 2026-02-01T00:00:00Z)"), "|(|D|GE|2026-01-31| Or||D|GE|2026-02-01|)");
        assert_eq!(where_element("  "), Ok(String::new()));
    }

    #[test]
    fn what_it_cannot_say_is_refused() {
        for condition in
            ["contains(A,'x')", "not (A eq 1)", "A eq null", "A in (1,2)", "A eq 1 xor B eq 2", "(A eq 1", "A eq 1)", "A eq 'x"]
        {
            assert!(where_element(condition).is_err(), "{condition}");
        }
    }
}
