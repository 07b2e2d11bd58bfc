//! All that decides how the records of one flow are mapped and where they go, under one hash. Records that were mapped under another hash
//! may have another content than they would have now.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::code_lists::CURRENCY;
use super::load::Definitions;
use super::plan::{FieldSource, Plan, TargetPlan};
use super::set::{MAPPER_REVISION, table};
use crate::domain::{CompanyId, FlowId};

/// Sections of an entity's file that only decide when it is read, in which order, and what lists show: they change no record.
const NO_MAPPING: [&str; 8] = ["after", "schedule", "change", "sweep", "setup", "shows", "control", "type_change"];

/// The mapping of one flow's records, as the ledger stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingText {
    /// SHA-256, in hexadecimal, of all that decides what is written of a document, and where.
    pub hash: String,
    /// The columns that are read, each with its block, in their order. A content that was read without one of them cannot be mapped again.
    pub columns: Vec<String>,
    /// For each block: the tables of its records, and how records are written and found there. Records that were sent to other tables count
    /// as not delivered here; records that were written differently count as delivered, and are sent again.
    pub places: BTreeMap<String, [String; 2]>,
}

/// The mapping of every flow of these companies. Flows that may change on both sides have none: their lists are compared at every run
/// anyway.
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
            let hash = hex::encode(Sha256::digest(json!([said, own]).to_string().as_bytes()));
            let places = plan.targets.iter().map(|target| (target.block.clone(), place(target))).collect();
            all.insert(FlowId::new(company.as_str(), plan.entity.as_str()), MappingText { hash, columns: columns(plan), places });
        }
    }
    all
}

/// The parts of the files that decide the mapping of one entity.
fn said(definitions: &Definitions, plan: &Plan, profile: &str, files: &BTreeMap<String, String>) -> Json {
    let file = |path: String| files.get(&path).and_then(|text| table(text)).unwrap_or_default();
    let entity = |name: &str| file(format!("entities/{name}.toml"));
    let (mut own, mut target) = (entity(plan.entity.as_str()), file(format!("profiles/{profile}/{}.toml", plan.entity)));
    NO_MAPPING.iter().for_each(|section| drop(own.remove(*section)));
    for (_, block) in &mut target {
        if let toml::Value::Table(block) = block {
            block.remove("watch");
            block.remove("tie_out");
        }
    }
    let mut lists = BTreeSet::new();
    let both = [toml::Value::Table(own.clone()), toml::Value::Table(target.clone())];
    both.iter().for_each(|value| lists_named(value, &mut lists));
    if plan.targets.iter().flat_map(|target| &target.fields).any(|field| names_currency(&field.source)) {
        lists.insert(CURRENCY.to_owned());
    }
    let lists: BTreeMap<&String, toml::Table> = lists.iter().map(|name| (name, file(format!("lookups/{name}.toml")))).collect();
    // a reference is written with the other entity's key, and differently if that entity is not copied
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

/// All code lists named in a file.
fn lists_named(value: &toml::Value, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value {
                    toml::Value::String(name) if key == "lookup" => _ = into.insert(name.clone()),
                    value => lists_named(value, into),
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| lists_named(value, into)),
        _ => {}
    }
}

/// Whether the written value may depend on the list of currencies.
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

fn place(target: &TargetPlan) -> [String; 2] {
    let tables = json!([target.table, target.target_table]).to_string();
    let way = json!([format!("{:?}", target.write), target.key_column, target.version_column]).to_string();
    [tables, way]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::load;
    use crate::domain::EntityName;

    const INVOICE: &str = include_str!("../../config/entities/invoice.toml");
    const PROFILE: &str = include_str!("../../config/profiles/apo/invoice.toml");

    /// The mappings with these site files, for a company with this currency.
    fn of(files: &[(&str, &str)], profile: &str, entities: &[&str], currency: &str) -> BTreeMap<FlowId, MappingText> {
        let site = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = site.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let entities: Vec<EntityName> = entities.iter().map(|entity| EntityName::new(*entity)).collect();
        let companies = [(CompanyId::new("EDU1"), Some(currency.to_owned()))].into();
        load(Some(site.path()), profile, &entities, &companies).expect("definitions").set.mappings
    }

    fn invoice(files: &[(&str, &str)]) -> MappingText {
        of(files, "apo", &[], "ZAR")[&FlowId::new("EDU1", "invoice")].clone()
    }

    #[test]
    fn what_is_written_decides_and_when_it_is_read_does_not() {
        let shipped = invoice(&[]);
        let swept = INVOICE.replace("[sweep]", "# ours\n[sweep]");
        assert_ne!(swept, INVOICE);
        let later = format!("schedule = \"7 7 * * *\"\n{}", INVOICE.replacen("schedule = ", "# schedule = ", 1));
        for same in [swept, later, INVOICE.replacen("overlap_days = ", "overlap_days = 1", 1)] {
            assert_eq!(invoice(&[("entities/invoice.toml", &same)]), shipped);
        }
        for (from, to) in [
            ("u_branch = \"Branch\"", "u_branch = { constant = \"HQ\" }"),
            ("table = \"sn_apo_invoice\"", "table = \"sn_apo_invoice2\""),
            ("u_source_state = \"purged\"", "u_source_state = \"paid\""),
        ] {
            let changed = PROFILE.replacen(from, to, 1);
            assert_ne!(changed, PROFILE, "{from}");
            assert_ne!(invoice(&[("profiles/apo/invoice.toml", &changed)]).hash, shipped.hash, "{from}");
        }
    }

    #[test]
    fn only_the_code_lists_the_keys_and_the_currency_that_an_entity_uses_decide() {
        let (shipped, flow) = (of(&[], "apo", &[], "ZAR"), |entity: &str| FlowId::new("EDU1", entity));
        let terms = "otherwise = \"same\"\n[codes]\nA = \"standard\"\n";
        let listed = of(&[("lookups/payment_terms.toml", terms)], "apo", &[], "ZAR");
        let changed = |other: &BTreeMap<FlowId, MappingText>| -> Vec<String> {
            shipped.iter().filter(|(flow, mapping)| other.get(*flow) != Some(*mapping)).map(|(flow, _)| flow.entity.to_string()).collect()
        };
        assert_eq!(changed(&listed), ["supplier"]);
        let by_currency = changed(&of(&[], "apo", &[], "EUR"));
        assert!(by_currency.contains(&"invoice".to_owned()) && !by_currency.contains(&"supplier".to_owned()), "{by_currency:?}");
        // a reference to an entity that is not copied is written differently
        let alone = of(&[], "apo", &["invoice"], "ZAR");
        assert_ne!(alone[&flow("invoice")].hash, shipped[&flow("invoice")].hash);
        // lists that may change on both sides are compared anyway
        let aligned = concat!(include_str!("../../config/profiles/apo/cost_center.toml"), "\n[header.align]\n");
        let both_ways = of(&[("profiles/apo/cost_center.toml", aligned)], "apo", &[], "ZAR");
        assert_eq!([&shipped, &both_ways].map(|all| all.contains_key(&flow("cost_center"))), [true, false]);
    }

    #[test]
    fn places_and_columns_are_told_apart_from_what_is_written() {
        let shipped = invoice(&[]);
        let field = invoice(&[("profiles/apo/invoice.toml", &PROFILE.replace("u_branch = \"Branch\"", "u_branch = \"Journal\""))]);
        assert_eq!((&field.places, &field.columns), (&shipped.places, &shipped.columns));
        let table = invoice(&[("profiles/apo/invoice.toml", &PROFILE.replace("table = \"sn_apo_invoice\"", "table = \"u_own\""))]);
        assert_ne!(table.places["header"], shipped.places["header"]);
        assert_eq!(table.places["lines"], shipped.places["lines"]);
        let wider = invoice(&[("entities/invoice.toml", &INVOICE.replacen("columns = [", "columns = [\"EntryNumber\", ", 1))]);
        assert!(wider.columns.contains(&"EntryNumber".to_owned()) && !shipped.columns.contains(&"EntryNumber".to_owned()));
        assert!(shipped.columns.iter().any(|column| column.starts_with("lines.")), "{:?}", shipped.columns);
    }
}
