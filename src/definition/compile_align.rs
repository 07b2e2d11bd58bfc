//! Compiles `[header.align]` of a profile and `[setup]` of an entity: which records may change on both sides, and the setup object for
//! changes.

use crate::domain::merge::Rule;
use crate::domain::setup_object::{SetupAction, SetupCall, SetupObject, VALIDATE_ONLY, placeholders};

use super::plan::{AlignField, AlignPlan, Back, FieldPlan, FieldSource, Place, Plan, ReadPlan, Transform};
use super::problem::{Report, list};
use super::shape::{ActionWord, AlignShape, BlockShape, RuleWord, SetupShape, WriteWord};

/// The default change limit, in percent: a run that would change more of the list writes nothing.
const CHANGE_LIMIT_PERCENT: u32 = 20;
/// `sys_updated_on` has whole seconds, and the rows of a slow transaction become visible late.
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
        report.add(shape.line, key(""), "needs `write = \"table\"`: the result of an import set's transform map cannot be merged");
    }
    if block.natural_key.is_none() {
        report.add(shape.line, key(""), "needs a `natural_key`, by which the rows of two existing lists are matched");
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
    if let Some(percent) = shape.change_limit_percent.as_ref().filter(|percent| percent.value == 0 || percent.value > 100) {
        report.add(percent.line, key(".change_limit_percent"), format!("must be 1 to 100, got `{}`", percent.value));
    }
    if let Some(filter) = shape.filter.as_ref().filter(|filter| filter.value.contains("ORDERBY") || filter.value.contains("^NQ")) {
        report.add(filter.line, key(".filter"), "must not hold `ORDERBY` or `^NQ`: rows are read in the order of their sys_ids");
    }
    AlignPlan {
        rule,
        // a fixed text comes from neither side: there is nothing to merge
        fields: fields
            .iter()
            .filter(|field| !matches!(field.source, FieldSource::Constant(_)))
            .map(|field| AlignField {
                name: field.name.clone(),
                rule: own.iter().find(|(name, _)| *name == field.name).map_or(rule, |(_, rule)| *rule),
                identity: read.is_some_and(|read| is_identity(read, &field.source)),
                column: column_of(read, &field.source),
                back: back(read, &field.source),
            })
            .collect(),
        change_limit_percent: whole(&shape.change_limit_percent, CHANGE_LIMIT_PERCENT),
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
        Some(RuleWord::Review | RuleWord::Unread) | None => Rule::Review,
    }
}

/// Whether a field is made only from key columns, the company or fixed texts: if it changes in SYSPRO, it is another record.
fn is_identity(read: &ReadPlan, source: &FieldSource) -> bool {
    let of_key = |place: &Place| match place {
        Place::Root(at) => read.root.key_at.contains(at),
        Place::Company => true,
        Place::Child(_) | Place::Currency => false,
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

/// How a value of ServiceNow is converted back to the column: only if the mapping loses nothing.
fn back(read: Option<&ReadPlan>, source: &FieldSource) -> Option<Back> {
    let FieldSource::Column { at: Place::Root(at), transform } = source else { return None };
    let read = read.filter(|read| !read.root.key_at.contains(at))?;
    let back = match transform {
        Transform::Text | Transform::Trim => Back::Text,
        Transform::Flag => Back::Flag,
        _ => return None,
    };
    read.columns.get(*at).map(|_| back)
}

/// Compiles the setup object of an entity; posting objects are refused.
pub(super) fn setup_call(shape: &SetupShape, read: &ReadPlan, report: &mut Report<'_>) -> Option<SetupCall> {
    if shape.object.line == 0 || shape.class.line == 0 || shape.template.line == 0 {
        return None;
    }
    let (template, line) = (&shape.template.value, shape.template.line);
    let mut add = |key: &str, line, text: String| report.add(line, format!("setup.{key}"), text);
    for place in placeholders(template) {
        match place {
            Err(rest) => add("template", line, format!("the brace before `{}` is not closed", rest.chars().take(20).collect::<String>())),
            Ok(name) if !read.columns.iter().any(|column| column == name) => {
                add("template", line, format!("`{{{name}}}` is not one of the columns read, which are {}", list(&read.columns)));
            }
            Ok(_) => {}
        }
    }
    if let Err(problem) = well_formed(template) {
        add("template", line, format!("is not well-formed XML: {problem}"));
    }
    if !read.root.key.iter().any(|key| placeholders(template).any(|place| place == Ok(key.as_str()))) {
        add("template", line, format!("names no column of the key ({}): SYSPRO could not identify the record", list(&read.root.key)));
    }
    if read.root.derive.is_some() {
        add("object", shape.object.line, "rows that are derived from the parts of a column cannot be written to SYSPRO".into());
    }
    let parameters = match &shape.parameters {
        None => SetupCall::usual_parameters(template),
        Some(text) if text.line == 0 => return None,
        Some(text) => {
            if let Err(problem) = well_formed(&text.value) {
                add("parameters", text.line, format!("is not well-formed XML: {problem}"));
            }
            if placeholders(&text.value).any(|place| place != Ok(VALIDATE_ONLY)) || placeholders(&text.value).count() != 1 {
                add(
                    "parameters",
                    text.line,
                    "must hold `{ValidateOnly}` once and nothing else in braces: SYSPRO validates each change first".into(),
                );
            }
            Ok(text.value.clone())
        }
    };
    for (name, _) in shape.lengths.iter().flat_map(|table| &table.0) {
        if !placeholders(template).any(|place| place == Ok(name.value.as_str())) {
            add("lengths", name.line, format!("`{}` has no place in the template", name.value));
        }
    }
    if shape.action == ActionWord::Add {
        let text = "`add` is never called: a person creates in SYSPRO the records that only ServiceNow has; use `update`";
        add("action", shape.object.line, text.into());
    }
    let object =
        SetupObject::parse(&shape.object.value, &shape.class.value).map_err(|problem| add("object", shape.object.line, problem)).ok()?;
    let lengths = shape.lengths.iter().flat_map(|table| &table.0);
    Some(SetupCall {
        object,
        action: SetupAction::Update,
        template: template.clone(),
        parameters: parameters.ok()?,
        lengths: lengths.map(|(name, most)| (name.value.clone(), most.value as usize)).collect(),
    })
}

fn well_formed(text: &str) -> Result<(), String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text.trim());
    let (mut depth, mut roots) = (0_u32, 0_u32);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(_) => {
                roots += u32::from(depth == 0);
                depth += 1;
            }
            Event::Empty(_) => roots += u32::from(depth == 0),
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof if depth > 0 => return Err("it ends before its last element does".into()),
            Event::Eof => break,
            _ => {}
        }
    }
    if roots == 1 { Ok(()) } else { Err("it has no single root element".into()) }
}

/// Notes about the write-back of an entity: the fields that it does not write.
pub(super) fn write_back_notes(plan: &Plan) -> Vec<String> {
    let entity = &plan.entity;
    let (Some(call), aligned) = (&plan.setup, plan.aligned()) else { return Vec::new() };
    let Some((_, align)) = aligned else {
        return vec![format!("`{entity}`: `[setup]` is not used, because the profile does not align the entity (`[header.align]`)")];
    };
    let stays = align.fields.iter().filter(|field| !field.identity && plan.goes_back(&field.name).is_none());
    let note = |field: &AlignField| {
        let why = match (&field.column, field.back) {
            (Some(column), Some(_)) => format!("the template of `{}` has no `{{{column}}}`", call.object),
            _ => "its value cannot be converted back to one column".to_owned(),
        };
        format!("`{entity}`: changes of `{}` in ServiceNow are not written into SYSPRO but listed for a person: {why}", field.name)
    };
    stays.map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::well_formed;

    #[test]
    fn a_template_has_one_root_element_that_ends() {
        for text in ["<A/>", "<A><B/></A>", " <?xml version=\"1.0\"?><A>x</A> "] {
            assert_eq!(well_formed(text), Ok(()), "{text}");
        }
        for text in ["", "x", "<A/><B/>", "<A></A><B></B>", "<A>", "<A></B>"] {
            assert!(well_formed(text).is_err(), "{text}");
        }
    }
}
