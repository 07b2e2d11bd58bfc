//! Compiles `only_if` of the definition files: the conditions for a row.

use super::plan::Condition;
use super::problem::{Report, unknown_column};
use super::shape::ConditionShape;

/// The conditions of a row. `row` is its table and columns; `None` if the entity's own file is invalid.
pub(super) fn conditions(
    shapes: Option<&[ConditionShape]>,
    key: &str,
    row: Option<(&str, &[String])>,
    report: &mut Report<'_>,
) -> Vec<Condition> {
    let shapes = shapes.into_iter().flatten().enumerate();
    shapes.map(|(i, shape)| condition(shape, &format!("{key}.{}", i + 1), row, report)).collect()
}

fn condition(shape: &ConditionShape, key: &str, row: Option<(&str, &[String])>, report: &mut Report<'_>) -> Condition {
    let (texts, negate) = match (&shape.one_of, &shape.not) {
        (Some(texts), None) => (texts.iter().map(|text| text.value.clone()).collect(), false),
        (None, Some(texts)) => (texts.iter().map(|text| text.value.clone()).collect(), true),
        _ => {
            report.add(shape.line, key, "needs either `one_of` or `not`");
            (Vec::new(), false)
        }
    };
    let at = row.and_then(|(_, columns)| columns.iter().position(|column| *column == shape.column.value));
    if let Some((table, columns)) = row
        && at.is_none()
        && shape.column.line > 0
    {
        report.add(shape.column.line, format!("{key}.column"), unknown_column(&shape.column, table, columns));
    }
    Condition { at: at.unwrap_or_default(), one_of: texts, negate }
}
