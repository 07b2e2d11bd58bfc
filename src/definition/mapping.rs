//! What decides how the records of one flow are mapped and where they go, under one hash: records that were mapped under another one may say
//! something else than they would now.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::load::Definitions;
use super::lookups::CURRENCY;
use super::plan::{FieldSource, Plan, TargetPlan};
use super::set::MAPPER_REVISION;
use crate::domain::{CompanyId, FlowId};

/// Sections of an entity's file that say when it is read, in which order, and what lists show of it: no record says anything else because of them.
const NO_MAPPING: [&str; 8] = ["after", "schedule", "change", "sweep", "setup", "shows", "control", "type_change"];

/// How the records of one flow are mapped, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingText {
    /// SHA-256, in hexadecimal, of all that decides what is written of a document and where.
    pub hash: String,
    /// The columns that are read, each with its block, in their order. A content that was read without one of them cannot be mapped anew.
    pub columns: Vec<String>,
    /// Per block, where its records go and how they are found again there. Records that were sent to another place are not in this one.
    pub places: BTreeMap<String, String>,
}

/// The mapping of every flow of these companies. Flows that both sides may change have none: their lists are compared at every run anyway.
pub(super) fn mappings<'a>(
    definitions: &Definitions,
    profile: &str,
    files: &BTreeMap<String, String>,
    companies: impl Iterator<Item = (&'a CompanyId, &'a Option<String>)>,
) -> BTreeMap<FlowId, MappingText> {
    let plans: Vec<_> = definitions
        .plans
        .iter()
        .filter(|plan| plan.aligned().is_none())
        .map(|plan| (plan, said(definitions, plan, profile, files)))
        .collect();
    let mut all = BTreeMap::new();
    for (company, currency) in companies {
        for (plan, said) in &plans {
            let own = plan.needs_own_currency().then_some(currency.as_deref()).flatten();
            let hash = Sha256::digest(json!([said, own]).to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            let places = plan.targets.iter().map(|target| (target.block.clone(), place(target))).collect();
            all.insert(FlowId::new(company.as_str(), plan.entity.as_str()), MappingText { hash, columns: columns(plan), places });
        }
    }
    all
}

/// What the files say of the mapping of one entity.
fn said(definitions: &Definitions, plan: &Plan, profile: &str, files: &BTreeMap<String, String>) -> Json {
    let file = |path: String| files.get(&path).and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    let entity = |name: &str| file(format!("entities/{name}.toml"));
    let (mut own, mut target) = (entity(plan.entity.as_str()), file(format!("profiles/{profile}/{}.toml", plan.entity)));
    NO_MAPPING.iter().for_each(|section| drop(own.remove(*section)));
    for (_, block) in &mut target {
        if let toml::Value::Table(block) = block {
            block.remove("watch");
        }
    }
    let mut lists = BTreeSet::new();
    let both = [toml::Value::Table(own.clone()), toml::Value::Table(target.clone())];
    both.iter().for_each(|value| lookups(value, &mut lists));
    if plan.targets.iter().flat_map(|target| &target.fields).any(|field| names_currency(&field.source)) {
        lists.insert(CURRENCY.to_owned());
    }
    let lists: BTreeMap<&String, toml::Table> = lists.iter().map(|name| (name, file(format!("lookups/{name}.toml")))).collect();
    // a reference is written by the other entity's key, and in another way where that entity is not carried
    let others: BTreeMap<String, Json> = plan
        .targets
        .iter()
        .flat_map(|target| &target.fields)
        .flat_map(|field| referred(&field.source))
        .map(|name| {
            (name.clone(), json!([definitions.plan(&crate::domain::EntityName::new(&name)).is_some(), entity(&name).remove("root")]))
        })
        .collect();
    let [own, target] = both;
    json!([MAPPER_REVISION, own, target, lists, others])
}

/// Every code list that a file names.
fn lookups(value: &toml::Value, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value {
                    toml::Value::String(name) if key == "lookup" => _ = into.insert(name.clone()),
                    value => lookups(value, into),
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| lookups(value, into)),
        _ => {}
    }
}

/// Whether what is written may hang on the list of currencies.
fn names_currency(source: &FieldSource) -> bool {
    match source {
        FieldSource::Number(_) | FieldSource::CurrencyCode(_) => true,
        FieldSource::First(cases) => cases.iter().any(|case| names_currency(&case.source)),
        source => source.needs_own_currency(),
    }
}

/// The entities that a field refers to.
fn referred(source: &FieldSource) -> Vec<String> {
    match source {
        FieldSource::Reference { entity, .. } => vec![entity.to_string()],
        FieldSource::First(cases) => cases.iter().flat_map(|case| referred(&case.source)).collect(),
        _ => Vec::new(),
    }
}

fn columns(plan: &Plan) -> Vec<String> {
    let children = plan.read.children.iter().flat_map(|child| child.column_names().map(move |column| format!("{}.{column}", child.name)));
    plan.read.columns.iter().cloned().chain(children).collect()
}

fn place(target: &TargetPlan) -> String {
    json!([format!("{:?}", target.write), target.table, target.target_table, target.key_column, target.version_column]).to_string()
}
