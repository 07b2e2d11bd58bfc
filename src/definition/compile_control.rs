//! Compiles `[[control]]` of an entity's file: what must hold within a document, or between it and another entity.

use std::collections::BTreeMap;

use crate::domain::EntityName;

use super::compile_number::{RowNames, child_column, convert};
use super::parse::{Text, Words};
use super::plan::{ActiveWhen, ChildRead, Control, ControlRule, ExistsControl, Place, TotalControl};
use super::problem::{Report, list, unknown_column};
use super::shape::ControlShape;

/// The controls of an entity. Mistakes go to the report.
pub(super) fn controls(
    shapes: Option<&Vec<ControlShape>>,
    root: &RowNames<'_>,
    children: &[ChildRead],
    report: &mut Report<'_>,
) -> Vec<Control> {
    let shapes = shapes.into_iter().flatten().enumerate();
    shapes.filter_map(|(i, shape)| control(shape, &format!("control.{}", i + 1), root, children, report)).collect()
}

fn control(shape: &ControlShape, at: &str, root: &RowNames<'_>, children: &[ChildRead], report: &mut Report<'_>) -> Option<Control> {
    let in_root = |name: &Text, key: &str, report: &mut Report<'_>| {
        let found = root.own.iter().position(|column| *column == name.value);
        if found.is_none() && name.line > 0 {
            report.add(name.line, format!("{at}.{key}"), unknown_column(name, root.table, root.own));
        }
        found
    };
    if let (Some(convert), false) = (&shape.convert, shape.total.is_some() && shape.sum.is_some()) {
        report.add(convert.line, format!("{at}.convert"), "belongs to `total` and `sum`");
    }
    if let (Some(active), None) = (&shape.active, &shape.exists) {
        report.add(active.line, format!("{at}.active"), "belongs to `exists`");
    }
    let (name, rule) = match (&shape.total, &shape.sum, &shape.equal, &shape.exists, &shape.key) {
        (Some(total), Some(sum), None, None, None) => {
            let name = format!("{} = sum of {}", total.value, sum.value);
            let (total, summed) = (in_root(total, "total", report), child_column(sum, children, &format!("{at}.sum"), report));
            let convert = shape
                .convert
                .as_ref()
                .map(|shape| convert(shape, &format!("{at}.convert"), report, &mut |name, key, report| root.place(name, key, report)));
            let (total, (child, column)) = (total?, summed?);
            (name, ControlRule::Total(TotalControl { total, child, at: column, convert }))
        }
        (Some(total), None, Some(equal), None, None) => {
            let name = format!("{} = {}", total.value, equal.value);
            let (one, other) = (in_root(total, "total", report), in_root(equal, "equal", report));
            (name, ControlRule::Equal { one: one?, other: other? })
        }
        (None, Some(sum), None, None, None) => {
            let (child, column) = child_column(sum, children, &format!("{at}.sum"), report)?;
            (format!("sum of {} = 0", sum.value), ControlRule::Zero { child, at: column })
        }
        (None, None, None, Some(entity), Some(key)) => {
            let names: Vec<&str> = key.iter().map(|name| name.as_str()).collect();
            let name = format!("{} exists in {}", names.join(", "), entity.value);
            (name, ControlRule::Exists(exists(shape, entity, key, at, root, children, report)?))
        }
        _ => {
            let text = "needs `total` and `sum`, `total` and `equal`, `sum` alone, or `exists` and `key`";
            report.add(shape.line, at, text);
            return None;
        }
    };
    Some(Control { name: shape.name.as_ref().map_or(name, |name| name.value.clone()), rule })
}

fn exists(
    shape: &ControlShape,
    entity: &Text,
    key: &Words,
    at: &str,
    root: &RowNames<'_>,
    children: &[ChildRead],
    report: &mut Report<'_>,
) -> Option<ExistsControl> {
    let key_at = format!("{at}.key");
    let mut child = None;
    let mut places = Vec::new();
    for name in key.iter() {
        if name.as_str() == "@company" {
            places.push(Some(Place::Company));
        } else if name.contains('.') {
            let found = child_column(name, children, &key_at, report);
            if let Some((of, _)) = found
                && *child.get_or_insert(of) != of
            {
                report.add(name.line, key_at.clone(), "names columns of two children; one row has the whole key");
            }
            places.push(found.map(|(_, column)| Place::Child(column)));
        } else {
            let found = root.own.iter().position(|column| *column == name.value);
            if found.is_none() && name.line > 0 {
                report.add(name.line, key_at.clone(), unknown_column(name, root.table, root.own));
            }
            places.push(found.map(Place::Root));
        }
    }
    let active = match &shape.active {
        None => None,
        Some(shape) => {
            let (texts, negate) = match (&shape.one_of, &shape.not) {
                (Some(texts), None) => (texts, false),
                (None, Some(texts)) => (texts, true),
                _ => {
                    report.add(shape.line, format!("{at}.active"), "needs either `one_of` or `not`");
                    return None;
                }
            };
            let one_of = texts.iter().map(|text| text.value.clone()).collect();
            Some(ActiveWhen { column: shape.column.value.clone(), one_of, negate })
        }
    };
    let key = places.into_iter().collect::<Option<Vec<Place>>>()?;
    (entity.line > 0).then(|| ExistsControl { entity: EntityName::new(&entity.value), child, key, active })
}

/// Checks what controls say of other entities: their names, keys and columns. `columns`: of each entity whose file could be read.
pub(super) fn check_others(
    shapes: &[ControlShape],
    keys: &BTreeMap<String, Option<Vec<String>>>,
    columns: &BTreeMap<&str, &[String]>,
    report: &mut Report<'_>,
) {
    for (i, shape) in shapes.iter().enumerate() {
        let Some(entity) = shape.exists.as_ref().filter(|entity| entity.line > 0) else { continue };
        let at = format!("control.{}", i + 1);
        match keys.get(&entity.value) {
            None => {
                let text = format!("there is no entity `{}`; there are {}", entity.value, list(keys.keys()));
                report.add(entity.line, format!("{at}.exists"), text);
            }
            Some(Some(own)) => {
                if let Some(key) = shape.key.as_ref().filter(|key| key.line > 0 && key.len() != own.len()) {
                    let text = format!("the key of `{}` is {}, got {} columns", entity.value, list(own), key.len());
                    report.add(key.line, format!("{at}.key"), text);
                }
            }
            Some(None) => {}
        }
        let Some(column) = shape.active.as_ref().map(|active| &active.column).filter(|column| column.line > 0) else { continue };
        if let Some(own) = columns.get(entity.as_str()).filter(|own| !own.contains(&column.value)) {
            report.add(column.line, format!("{at}.active.column"), unknown_column(column, &entity.value, own));
        }
    }
}
