//! The closed set of transforms: their form in a definition file, and their effect on a value. Pure.

use std::borrow::Cow;

use crate::domain::money::parse_decimal;
use crate::domain::ratio::MAX_PLACES;
use crate::domain::{CompanyId, Value};

use super::code_lists::CodeLists;
use super::plan::{Decimals, Transform};

/// The allowed values of `as`.
const ALLOWED: &str = "`text`, `trim`, `upper`, `date`, `decimal(0)` to `decimal(12)`, `decimal(2..6)`, `amount`, `flag`, `part(separator,n)`, `strip_leading_zeros`";

/// The value of `as`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// The value becomes a text.
    Text(Transform),
    /// The value is a number.
    Number(Decimals),
}

/// Reads the value of `as`.
pub(super) fn parse(text: &str) -> Result<Form, String> {
    let simple = match text {
        "text" => Some(Transform::Text),
        "trim" => Some(Transform::Trim),
        "upper" => Some(Transform::Upper),
        "date" => Some(Transform::Date),
        "flag" => Some(Transform::Flag),
        "strip_leading_zeros" => Some(Transform::StripLeadingZeros),
        _ => None,
    };
    if let Some(transform) = simple {
        return Ok(Form::Text(transform));
    }
    if text == "amount" {
        return Ok(Form::Number(Decimals::OfCurrency));
    }
    let unknown = || format!("unknown transform `{text}`; allowed are {ALLOWED}");
    let (name, inside) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(unknown)?;
    match name {
        "decimal" => {
            let (least, most) = inside.split_once("..").unwrap_or((inside, inside));
            match (least.trim().parse::<u32>(), most.trim().parse::<u32>()) {
                (Ok(least), Ok(most)) if least <= most && most <= MAX_PLACES => Ok(Form::Number(Decimals::Places { least, most })),
                _ => Err(format!(
                    "`{text}`: the number of decimals must be 0 to {MAX_PLACES}, got `{inside}`; two bounds are written `2..6`"
                )),
            }
        }
        // The separator may itself be a comma, so the last comma is used.
        "part" => match inside.rsplit_once(',').map(|(separator, part)| (separator, part.trim().parse::<usize>())) {
            Some((separator, Ok(part))) if part > 0 && !separator.is_empty() => {
                Ok(Form::Text(Transform::PartOf { separator: separator.to_owned(), part }))
            }
            _ => Err(format!("`{text}`: must be `part(separator,n)` with n counted from 1, such as `part(-,2)`")),
        },
        _ => Err(unknown()),
    }
}

/// Applies a transform to a value.
///
/// # Errors
/// What is wrong with the value, and what to do; without the value itself, which the caller names.
pub(super) fn apply<'a>(
    transform: &'a Transform,
    value: &'a Value,
    company: &CompanyId,
    code_lists: &'a CodeLists,
) -> Result<Cow<'a, str>, String> {
    Ok(match transform {
        Transform::Text => plain(value),
        Transform::Trim => trimmed(value),
        Transform::Upper => trimmed(value).to_uppercase().into(),
        Transform::Date => match value {
            Value::Date(_) => plain(value),
            value if value.is_blank() => "".into(),
            _ => return Err("it is not a date".to_owned()),
        },
        Transform::Flag => match value {
            Value::Flag(flag) => if *flag { "true" } else { "false" }.into(),
            value => match &*trimmed(value) {
                "Y" => "true".into(),
                "N" | "" => "false".into(),
                _ => return Err("a flag is `Y`, `N` or blank".to_owned()),
            },
        },
        Transform::CodeList(list) => match value {
            Value::Text(text) => code_lists.resolve(list, company, text)?,
            value => code_lists.resolve(list, company, &value.to_text())?.into_owned().into(),
        },
        Transform::PartOf { separator, part } => {
            let text = trimmed(value);
            text.split(separator.as_str()).nth(part - 1).unwrap_or_default().trim().to_owned().into()
        }
        Transform::StripLeadingZeros => {
            let text = trimmed(value);
            match text.trim_start_matches('0') {
                "" if !text.is_empty() => "0".into(),
                rest => rest.to_owned().into(),
            }
        }
        Transform::Choose { cases, otherwise } => match (cases.get(&*trimmed(value)), otherwise) {
            (Some(word), _) | (None, Some(word)) => word.as_str().into(),
            (None, None) => return Err("`choose` has no value for it and there is no `otherwise`; add one".to_owned()),
        },
    })
}

/// A number, also from a text; `None` for a blank.
pub(super) fn number(value: &Value) -> Result<Option<rust_decimal::Decimal>, String> {
    match value {
        Value::Number(number) => Ok(Some(*number)),
        value if value.is_blank() => Ok(None),
        value => parse_decimal(&value.to_text()).map(Some).ok_or_else(|| "it is not a number".to_owned()),
    }
}

/// The value as text.
pub(super) fn plain(value: &Value) -> Cow<'_, str> {
    value.as_text()
}

fn trimmed(value: &Value) -> Cow<'_, str> {
    match plain(value) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(transform: &str, value: &str) -> Result<String, String> {
        let Ok(Form::Text(transform)) = parse(transform) else { panic!("no transform: {transform}") };
        let code_lists = CodeLists::default();
        apply(&transform, &Value::text(value), &"EDU1".into(), &code_lists).map(Cow::into_owned)
    }

    #[test]
    fn each_transform_does_what_its_name_says() {
        for (transform, value, expected) in [
            ("text", " 00001  ", " 00001"),
            ("trim", " 00001  ", "00001"),
            ("upper", " each ", "EACH"),
            ("date", "", ""),
            ("flag", "Y", "true"),
            ("flag", "", "false"),
            ("part(-,2)", "10-5500-01", "5500"),
            ("part(,,2)", "a,b", "b"),
            ("part(.,3)", "1100120", ""),
            ("strip_leading_zeros", "0000104", "104"),
            ("strip_leading_zeros", "0000", "0"),
            ("strip_leading_zeros", "", ""),
        ] {
            assert_eq!(run(transform, value).as_deref(), Ok(expected), "{transform} of `{value}`");
        }
        let date = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date"));
        assert_eq!(apply(&Transform::Date, &date, &"EDU1".into(), &CodeLists::default()).as_deref(), Ok("2026-01-31"));
        assert!(run("date", "soon").is_err());
        assert!(run("date", "2026-01-31").is_err(), "a text with the form of one is none");
        assert!(run("flag", "X").is_err());
    }

    #[test]
    fn a_transform_that_does_not_exist_is_refused_with_the_ones_that_do() {
        assert!(parse("decimal2").expect_err("unknown").contains("`strip_leading_zeros`"));
        assert!(parse("decimal(13)").expect_err("too many").contains("0 to 12"));
        assert!(parse("decimal(x)").is_err());
        assert!(parse("decimal(6..2)").is_err());
        assert_eq!(parse("decimal(2..6)"), Ok(Form::Number(Decimals::Places { least: 2, most: 6 })));
        assert_eq!(parse("decimal(2)"), Ok(Form::Number(Decimals::Places { least: 2, most: 2 })));
        assert_eq!(parse("amount"), Ok(Form::Number(Decimals::OfCurrency)));
        assert!(parse("part(-,0)").is_err());
        assert!(parse("part(-)").is_err());
    }
}
