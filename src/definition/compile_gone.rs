//! Compiles `gone` of a profile's block to its cases.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::parse::{Table, Text};
use super::plan::{GoneCase, ReadPlan, Was, WasWhat};
use super::problem::{Report, list, unknown_column};
use super::shape::{BlockShape, GoneCaseShape, GoneShape, WasShape, WriteWord};

/// The cases of one block. `header` is the header's block, for a child's.
pub(super) fn gone_cases(
    shape: &BlockShape,
    block: &str,
    header: Option<&BlockShape>,
    read: Option<&ReadPlan>,
    report: &mut Report<'_>,
) -> Vec<GoneCase> {
    let Some(gone) = &shape.gone else { return Vec::new() };
    let cases = match gone {
        GoneShape::Always(fields) => {
            check_fields(shape, block, "gone", fields, report);
            return vec![GoneCase { fields: texts(fields), ..GoneCase::default() }];
        }
        GoneShape::Cases(cases) => cases,
    };
    let mut names = BTreeSet::new();
    let mut found: Vec<GoneCase> = Vec::new();
    // by the written fields, so that a condition on a column that is not read is one mistake only
    let general = |case: &GoneCaseShape| case.with_header.is_none() && case.cond.as_ref().is_none_or(|cond| cond.0.is_empty());
    for (i, case) in cases.iter().enumerate() {
        let key = format!("{block}.gone.{}", i + 1);
        if cases[..i].iter().any(general) {
            report.add(case.line, key.clone(), "is never reached: a case before it has no condition");
        }
        if let Some(name) = &case.name
            && name.line > 0
            && !names.insert(name.value.as_str())
        {
            report.add(name.line, format!("{key}.name"), format!("there are two cases named `{}`", name.value));
        }
        found.push(compiled(shape, block, case, &key, header, read, report));
    }
    match cases.last() {
        Some(shape) if !general(shape) => {
            let text = "the last case must have no condition, so that every record that is gone has one; leave out its `fields` if the \
                 record must not change";
            report.add(shape.line, format!("{block}.gone.{}", cases.len()), text);
        }
        _ => {}
    }
    if shape.align.is_some() && found.len() > 1 {
        let line = cases.first().map_or(shape.line, |case| case.line);
        report.add(line, format!("{block}.gone"), "may have only one case if the block is aligned");
    }
    found
}

fn compiled(
    shape: &BlockShape,
    block: &str,
    case: &GoneCaseShape,
    key: &str,
    header: Option<&BlockShape>,
    read: Option<&ReadPlan>,
    report: &mut Report<'_>,
) -> GoneCase {
    if let (Some(cond), Some(_)) = (&case.cond, header) {
        let line = cond.0.first().map_or(case.line, |(name, _)| name.line);
        report.add(line, format!("{key}.if"), "is only for `[header]`; a line is removed `with_header`, or alone");
    }
    if let Some(name) = &case.with_header {
        match header {
            None => report.add(name.line, format!("{key}.with_header"), "is for lines; the header's own cases have `if`"),
            Some(header) => check_named(name, header, key, report),
        }
    }
    let none = Table::default();
    let fields = case.fields.as_ref().unwrap_or(&none);
    if shape.write == WriteWord::None && !fields.0.is_empty() {
        report.add(case.line, format!("{key}.fields"), "with `write = \"none\"` the header is not written: a case has only a name");
    } else {
        check_fields(shape, block, &format!("gone.{}.fields", key.rsplit('.').next().unwrap_or_default()), fields, report);
    }
    let conditions = case.cond.iter().flat_map(|table| &table.0).filter_map(|(column, was)| {
        let read = read?;
        let Some(at) = read.columns.iter().position(|name| *name == column.value) else {
            report.add(column.line, format!("{key}.if"), unknown_column(column, &read.root.table, &read.columns));
            return None;
        };
        let what = match was {
            WasShape::Number(number) => WasWhat::Number(Decimal::from(number.value)),
            WasShape::Text(texts) => WasWhat::Texts(texts.names().iter().map(|text| text.value.clone()).collect()),
        };
        Some(Was { at, what })
    });
    GoneCase {
        conditions: conditions.collect(),
        name: case.name.as_ref().map(|name| name.value.clone()),
        with_header: case.with_header.as_ref().map(|name| name.value.clone()),
        fields: texts(fields),
    }
}

/// Checks that the header has a case with that name.
fn check_named(name: &Text, header: &BlockShape, key: &str, report: &mut Report<'_>) {
    let cases: &[GoneCaseShape] = match &header.gone {
        Some(GoneShape::Cases(cases)) => cases,
        _ => &[],
    };
    let names: Vec<&str> = cases.iter().filter_map(|case| case.name.as_ref()).map(|name| name.value.as_str()).collect();
    if name.line > 0 && !names.contains(&name.value.as_str()) {
        let text = match names.is_empty() {
            true => format!("no case of `[[header.gone]]` is named `{}`, or has a name at all", name.value),
            false => format!("no case of `[[header.gone]]` is named `{}`; there are {}", name.value, list(&names)),
        };
        report.add(name.line, format!("{key}.with_header"), text);
    }
}

/// Checks that a written column is also a field: only then is its mark removed when the record comes back.
fn check_fields(shape: &BlockShape, block: &str, at: &str, fields: &Table<Text>, report: &mut Report<'_>) {
    let known: Vec<&str> = shape.fields.iter().flat_map(|table| &table.0).map(|(name, _)| name.value.as_str()).collect();
    for (name, _) in &fields.0 {
        let key = format!("{block}.{at}.{}", name.value);
        if !known.contains(&name.value.as_str()) && shape.align.is_none() {
            let text = format!(
                "`{}` is not among the fields, so a record that comes back would keep the mark; add it to `[{block}.fields]`, such as `{} \
                 = {{ constant = \"…\" }}`",
                name.value, name.value
            );
            report.add(name.line, key, text);
        }
    }
}

fn texts(fields: &Table<Text>) -> std::collections::BTreeMap<String, String> {
    fields.0.iter().map(|(name, text)| (name.value.clone(), text.value.clone())).collect()
}
