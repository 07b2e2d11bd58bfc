//! `[header.align]` of a profile and `[setup]` of an entity: which records both sides may change, and through what.

use crate::domain::merge::Rule;
use crate::domain::setup_object::{SetupAction, SetupCall, SetupObject};

use super::plan::{AlignField, AlignPlan, FieldPlan, FieldSource, Place, ReadPlan};
use super::problem::{Report, list};
use super::shape::{ActionWord, AlignShape, BlockShape, RuleWord, SetupShape, WriteWord};

/// A run that would change more of the list than this writes nothing, in percent.
const BRAKE_PERCENT: u32 = 20;
/// `sys_updated_on` has whole seconds, and a slow transaction shows its rows late.
const OVERLAP_SECONDS: u32 = 300;
/// The whole list is read once a day.
const SWEEP_HOURS: u32 = 24;

/// Compiles how a target is aligned; `fields` are those of the block.
pub(super) fn align_plan(
    block: &BlockShape,
    shape: &AlignShape,
    child: Option<usize>,
    read: Option<&ReadPlan>,
    fields: &[FieldPlan],
    name: &str,
    report: &mut Report<'_>,
) -> AlignPlan {
    let key = |rest: &str| format!("{name}.align{rest}");
    if child.is_some() || read.is_some_and(|read| !read.children.is_empty()) {
        report.add(shape.line, key(""), "only an entity without children can be aligned, in its block `[header]`");
    }
    if block.write != WriteWord::Table {
        report.add(shape.line, key(""), "needs `write = \"table\"`: what an import set's transform map makes of a row cannot be merged");
    }
    if block.natural_key.is_none() {
        report.add(shape.line, key(""), "needs a `natural_key`, by which the rows of two existing lists find each other");
    }
    for field in fields.iter().filter(|field| matches!(field.source, FieldSource::Reference { .. } | FieldSource::Header)) {
        report.add(shape.line, key(""), format!("the field `{}` is a reference, which cannot be merged", field.name));
    }
    let rule = rule_of(shape.rule);
    let own: Vec<(&str, Rule)> =
        shape.fields.iter().flat_map(|table| &table.0).map(|(name, word)| (name.value.as_str(), rule_of(Some(*word)))).collect();
    for (name, _) in shape.fields.iter().flat_map(|table| &table.0) {
        if !fields.iter().any(|field| field.name == name.value) {
            let allowed = list(fields.iter().map(|field| &field.name));
            report.add(name.line, key(".fields"), format!("`{}` is not among the fields, which are {allowed}", name.value));
        }
    }
    let whole = |value: &Option<super::parse::Whole>, default: u32| value.as_ref().map_or(default, |whole| whole.value);
    if let Some(percent) = shape.brake_percent.as_ref().filter(|percent| percent.value == 0 || percent.value > 100) {
        report.add(percent.line, key(".brake_percent"), format!("must be 1 to 100, got `{}`", percent.value));
    }
    if let Some(filter) = shape.filter.as_ref().filter(|filter| filter.value.contains("ORDERBY") || filter.value.contains("^NQ")) {
        report.add(filter.line, key(".filter"), "must not hold `ORDERBY` or `^NQ`: rows are read in the order of their sys_ids");
    }
    AlignPlan {
        rule,
        fields: fields
            .iter()
            .map(|field| AlignField {
                name: field.name.clone(),
                rule: own.iter().find(|(name, _)| *name == field.name).map_or(rule, |(_, rule)| *rule),
                identity: read.is_some_and(|read| is_identity(read, &field.source)),
                column: column_of(read, &field.source),
            })
            .collect(),
        brake_percent: whole(&shape.brake_percent, BRAKE_PERCENT),
        overlap_seconds: whole(&shape.overlap_seconds, OVERLAP_SECONDS),
        sweep_hours: whole(&shape.sweep_hours, SWEEP_HOURS),
        inactive: shape.inactive.iter().flat_map(|table| &table.0).map(|(name, text)| (name.value.clone(), text.value.clone())).collect(),
        filter: shape.filter.as_ref().map(|filter| filter.value.clone()),
    }
}

fn rule_of(word: Option<RuleWord>) -> Rule {
    match word {
        Some(RuleWord::Syspro) => Rule::Syspro,
        Some(RuleWord::ServiceNow) => Rule::ServiceNow,
        Some(RuleWord::Hold | RuleWord::Unread) | None => Rule::Hold,
    }
}

/// Whether a field is made from key columns, the company or fixed texts alone: SYSPRO cannot change it without it being another record.
fn is_identity(read: &ReadPlan, source: &FieldSource) -> bool {
    let of_key = |place: &Place| match place {
        Place::Root(at) => read.root.key_at.contains(at),
        Place::Company => true,
        Place::Child(_) => false,
    };
    match source {
        FieldSource::Constant(_) | FieldSource::Company => true,
        FieldSource::Column { at, .. } => of_key(at),
        FieldSource::Concat { parts, .. } => parts.iter().all(of_key),
        _ => false,
    }
}

fn column_of(read: Option<&ReadPlan>, source: &FieldSource) -> Option<String> {
    let name = |place: &Place| match place {
        Place::Root(at) => read?.columns.get(*at).cloned(),
        _ => None,
    };
    match source {
        FieldSource::Column { at, .. } => name(at),
        FieldSource::Concat { parts, .. } => Some(parts.iter().filter_map(name).collect::<Vec<_>>().join(", ")),
        _ => None,
    }
}

/// Compiles the setup object of an entity; posting objects are refused.
pub(super) fn setup_call(shape: &SetupShape, columns: &[String], report: &mut Report<'_>) -> Option<SetupCall> {
    if shape.object.line == 0 || shape.class.line == 0 || shape.template.line == 0 {
        return None;
    }
    for name in placeholders(&shape.template.value) {
        if !columns.iter().any(|column| column == name) {
            report.add(
                shape.template.line,
                "setup.template",
                format!("`{{{name}}}` is no column that is read; those are {}", list(columns)),
            );
        }
    }
    let object = SetupObject::parse(&shape.object.value, &shape.class.value)
        .map_err(|problem| report.add(shape.object.line, "setup.object", problem))
        .ok()?;
    let action = if shape.action == ActionWord::Add { SetupAction::Add } else { SetupAction::Update };
    Some(SetupCall { object, action, template: shape.template.value.clone() })
}

/// The names in braces.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
