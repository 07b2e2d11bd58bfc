//! Loads all definitions: the shipped files, overridden by a site's; reports all mistakes of all files at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::setup_object::SetupCall;
use crate::domain::{CompanyId, EntityName};

use super::block::World;
use super::code_lists::CodeLists;
use super::compile_align::{setup_call, write_back_notes};
use super::compile_control::check_others;
use super::compile_read::read_plan;
use super::compile_shows::shows;
use super::compile_target::{Targets, target_plans};
use super::embedded;
use super::known;
use super::mapping::mappings;
use super::parse::{Text, read_file};
use super::plan::{FieldSource, IfMissing, Plan, ReadPlan, Shows};
use super::problem::{Problem, Report, SETTINGS, list};
use super::set::SetText;
use super::shape::{CodeListFile, ControlShape, EntityFile, ProfileFile};

/// What the settings tell of the companies' own currencies.
#[derive(Debug, Clone, Copy)]
pub enum Currencies<'a> {
    /// The companies to read, each with its own currency if set. Empty: not known yet, and not required.
    Of(&'a BTreeMap<CompanyId, Option<String>>),
    /// The companies are not known; the currency of `[syspro]`, which is for all of them, if set.
    Common(Option<&'a str>),
}

/// The definitions as far as they can be compiled, with all mistakes.
#[derive(Debug)]
pub struct Inspected {
    /// The definitions; they have no plans when there are mistakes.
    pub definitions: Definitions,
    /// Every entity with a file in the profile, copied or not.
    pub entities: Vec<EntityName>,
    /// The first copied entity whose records Tieline writes into SYSPRO.
    pub writes_back: Option<EntityName>,
    /// Every mistake in all files, sorted by file and line.
    pub problems: Vec<Problem>,
}

/// What only the compiled plans show, also when some files cannot be compiled.
struct Known {
    /// Entities with a file in the profile.
    entities: Vec<EntityName>,
    /// Copied entities with amounts in the company's own currency.
    needs_currency: Vec<EntityName>,
    /// Copied entities that Tieline writes into SYSPRO.
    writes_back: Vec<EntityName>,
}

impl Known {
    /// The plans may lack those of files with mistakes.
    fn of<'a>(files: &Files, plans: impl Iterator<Item = &'a Plan>) -> Self {
        let mut known =
            Self { entities: files.targets.keys().map(EntityName::new).collect(), needs_currency: Vec::new(), writes_back: Vec::new() };
        known.add(plans);
        known
    }

    fn add<'a>(&mut self, plans: impl Iterator<Item = &'a Plan>) {
        for plan in plans {
            if plan.needs_own_currency() {
                self.needs_currency.push(plan.entity.clone());
            }
            if plan.setup.is_some() && plan.aligned().is_some() {
                self.writes_back.push(plan.entity.clone());
            }
        }
    }

    /// The same in dependency order, which is known once everything is compiled.
    fn in_order(mut self, plans: &[Plan]) -> Self {
        if !plans.is_empty() {
            self.needs_currency.clear();
            self.writes_back.clear();
            self.add(plans.iter());
        }
        let place = |name: &EntityName| plans.iter().position(|plan| plan.entity == *name).unwrap_or(plans.len());
        self.entities.sort_by_key(place);
        self
    }
}

/// All definition files, compiled.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// One plan per copied entity, in dependency order: parents before those that refer to them.
    pub plans: Vec<Plan>,
    /// The code lists.
    pub code_lists: CodeLists,
    /// Notes for people, such as an entity without a file in the profile.
    pub notes: Vec<String>,
    schedules: BTreeMap<EntityName, String>,
    /// The files from which they were compiled, and their hash.
    pub set: SetText,
}

impl Definitions {
    /// Why lines have no cost centre, if cost centres are copied and no line refers to one.
    pub fn without_cost_centres(&self) -> Option<String> {
        let centres = self.plan(&EntityName::new("cost_center"))?;
        let lines = self.plans.iter().flat_map(|plan| &plan.targets).filter(|target| target.child.is_some());
        let refers =
            |field: &super::plan::FieldPlan| matches!(&field.source, FieldSource::Reference { entity, .. } if *entity == centres.entity);
        let none = !lines.flat_map(|target| &target.fields).any(refers);
        none.then(|| {
            format!(
                "lines get no cost centre: `{}` is not part of the GL code, and SYSPRO has no other link between them; see \
                 config/variants/cost_center",
                centres.read.root.table
            )
        })
    }

    /// The plan of an entity.
    pub fn plan(&self, entity: &EntityName) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.entity == *entity)
    }

    /// The default schedule of the entity's flow: cron, in the SYSPRO server's zone.
    pub fn schedule(&self, entity: &EntityName) -> Option<&str> {
        self.schedules.get(entity).map(String::as_str)
    }

    /// Every entity that must be delivered before this one, in dependency order.
    pub fn parents(&self, entity: &EntityName) -> Vec<EntityName> {
        let mut wanted: BTreeSet<&EntityName> = self.plan(entity).iter().flat_map(|plan| &plan.after).collect();
        let mut found = Vec::new();
        for plan in self.plans.iter().rev() {
            if wanted.contains(&plan.entity) {
                wanted.extend(&plan.after);
                found.push(plan.entity.clone());
            }
        }
        found.reverse();
        found
    }
}

/// Loads the shipped files and those of a site's directory, which replace shipped files with the same name or add to them.
///
/// `entities` are the entities to copy; empty: every one with a file in the profile. All entity files, all code lists and all files of the
/// profile are checked, used or not.
///
/// `companies` are the companies to read, each with its own currency if set. Empty: not known yet, and not required.
///
/// # Errors
/// Every mistake in all files, sorted by file and line.
pub fn load(
    site: Option<&Path>,
    profile: &str,
    entities: &[EntityName],
    companies: &BTreeMap<CompanyId, Option<String>>,
) -> Result<Definitions, Vec<Problem>> {
    let Inspected { definitions, problems, .. } = inspect(site, profile, entities, Currencies::Of(companies));
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(definitions)
}

/// Checks the same files, and also answers what is known of them when there are mistakes.
pub fn inspect(site: Option<&Path>, profile: &str, entities: &[EntityName], currencies: Currencies<'_>) -> Inspected {
    let mut problems = Vec::new();
    let files = Files::collect(site, profile, &mut problems);
    let (mut definitions, known) = compile(&files, profile, entities, &mut problems);
    match currencies {
        Currencies::Of(companies) => set_currencies(&mut definitions, &known, companies, &mut problems),
        Currencies::Common(code) => check_common_currency(&mut definitions, &known, code, &mut problems),
    }
    if let (true, Currencies::Of(companies)) = (problems.is_empty(), currencies) {
        let carried = definitions.plans.iter().map(|plan| plan.entity.to_string()).collect();
        let currencies = companies.iter().filter_map(|(company, code)| {
            let key = format!("company.{}.currency", toml::Value::String(company.to_string()));
            Some((key, toml::Value::String(code.clone()?).to_string()))
        });
        definitions.set = SetText::of(profile, carried, files.texts(profile)).with_settings(currencies);
        definitions.set.mappings = mappings(&definitions, profile, &files.texts(profile), companies.iter());
    }
    problems.sort();
    problems.dedup();
    Inspected { definitions, entities: known.entities, writes_back: known.writes_back.into_iter().next(), problems }
}

/// Sets the companies' own currencies, and reports those that are needed and missing.
fn set_currencies(
    definitions: &mut Definitions,
    known: &Known,
    companies: &BTreeMap<CompanyId, Option<String>>,
    problems: &mut Vec<Problem>,
) {
    definitions.notes.extend(definitions.code_lists.notes(companies.keys()));
    let needed: Vec<&str> = known.needs_currency.iter().map(EntityName::as_str).collect();
    for (company, code) in companies {
        let key = format!("company.{company}.currency");
        let Some(code) = code else {
            if !needed.is_empty() {
                let text = format!(
                    "is missing: {} of this profile hold amounts in the company's own currency; set `currency` under `[company.{company}]`, \
                     or under `[syspro]` for all companies, to its ISO 4217 code such as `ZAR`",
                    list(&needed)
                );
                problems.push(setting(&key, text));
            }
            continue;
        };
        definitions.code_lists.set_currency(company, code);
        if let Err(problem) = definitions.code_lists.own_currency(company) {
            problems.push(setting(&key, problem));
        }
    }
}

/// Reports a missing or wrong currency while the companies are not known.
fn check_common_currency(definitions: &mut Definitions, known: &Known, code: Option<&str>, problems: &mut Vec<Problem>) {
    let needed: Vec<&str> = known.needs_currency.iter().map(EntityName::as_str).collect();
    match code {
        None if needed.is_empty() => {}
        None => {
            let text = format!(
                "is missing: {} of this profile hold amounts in the company's own currency; set it to the ISO 4217 code of all companies, \
                 such as `ZAR`, or set `currency` under `[company.ID]` for each company",
                list(&needed)
            );
            problems.push(setting("syspro.currency", text));
        }
        Some(code) => {
            // a code list may translate a code for one company only: for an id that no company has, the general list counts
            let any = CompanyId::new("");
            definitions.code_lists.set_currency(&any, code);
            if let Err(problem) = definitions.code_lists.own_currency(&any) {
                problems.push(setting("syspro.currency", problem));
            }
        }
    }
}

/// A file's name for people, and its text.
struct File {
    shown: String,
    text: String,
}

/// The files in effect, by name without extension.
#[derive(Default)]
struct Files {
    entities: BTreeMap<String, File>,
    targets: BTreeMap<String, File>,
    code_lists: BTreeMap<String, File>,
}

impl Files {
    fn collect(site: Option<&Path>, profile: &str, problems: &mut Vec<Problem>) -> Self {
        let mut files = Self::default();
        let mut profiles = BTreeSet::new();
        for (path, text) in embedded::FILES {
            let Some((folder, name)) = path.rsplit_once('/') else { continue };
            let name = name.trim_end_matches(".toml").to_owned();
            let file = File { shown: format!("config/{path}"), text: (*text).to_owned() };
            match folder.split_once('/') {
                Some((_, of)) => {
                    profiles.insert(of.to_owned());
                    if of == profile {
                        files.targets.insert(name, file);
                    }
                }
                None if folder == "lookups" => _ = files.code_lists.insert(name, file),
                None => _ = files.entities.insert(name, file),
            }
        }
        if let Some(site) = site {
            if !site.is_dir() {
                problems.push(whole_file(site, "there is no such directory; correct `definitions.directory` or leave it out".to_owned()));
            }
            read_directory(&site.join("entities"), &mut files.entities, problems);
            read_directory(&site.join("profiles").join(profile), &mut files.targets, problems);
            read_directory(&site.join("lookups"), &mut files.code_lists, problems);
            let folders = std::fs::read_dir(site.join("profiles")).into_iter().flatten().flatten();
            profiles.extend(folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned()));
        }
        if !profiles.contains(profile) {
            problems.push(setting("servicenow.profile", format!("there is no profile `{profile}`; there are {}", list(&profiles))));
        }
        files
    }
}

impl Files {
    /// Every file in effect, by its path below the definitions' directory.
    fn texts(&self, profile: &str) -> BTreeMap<String, String> {
        let of = |folder: String, files: &BTreeMap<String, File>| -> Vec<(String, String)> {
            files.iter().map(|(name, file)| (format!("{folder}/{name}.toml"), file.text.clone())).collect()
        };
        let all = [
            of("entities".into(), &self.entities),
            of(format!("profiles/{profile}"), &self.targets),
            of("lookups".into(), &self.code_lists),
        ];
        all.into_iter().flatten().collect()
    }
}

fn whole_file(path: &Path, text: String) -> Problem {
    Problem { file: path.display().to_string(), line: None, key: String::new(), text }
}

fn setting(key: &str, text: String) -> Problem {
    Problem { file: SETTINGS.to_owned(), line: None, key: key.to_owned(), text }
}

/// Adds every `*.toml` of a directory; a missing directory adds nothing.
fn read_directory(directory: &Path, into: &mut BTreeMap<String, File>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => return problems.push(whole_file(directory, format!("cannot be read: {error}"))),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let (Some(name), Some("toml")) = (path.file_stem().and_then(|name| name.to_str()), path.extension().and_then(|e| e.to_str()))
        else {
            continue;
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => _ = into.insert(name.to_owned(), File { shown: path.display().to_string(), text }),
            Err(error) => problems.push(whole_file(&path, format!("cannot be read: {error}"))),
        }
    }
}

/// One entity while it is compiled.
struct Draft {
    after: Vec<Text>,
    schedule: Option<String>,
    read: ReadPlan,
    setup: Option<SetupCall>,
    shows: Shows,
    controls: Vec<ControlShape>,
}

fn compile(files: &Files, profile: &str, entities: &[EntityName], problems: &mut Vec<Problem>) -> (Definitions, Known) {
    let mut definitions = Definitions::default();
    let code_list_names: Vec<String> = files.code_lists.keys().cloned().collect();
    for (name, file) in &files.code_lists {
        if let Some(shape) = read_file::<CodeListFile>(&file.shown, &file.text, problems) {
            definitions.code_lists.insert(name, &shape);
        }
    }

    let mut drafts: BTreeMap<&str, Draft> = BTreeMap::new();
    // The key of each entity, or `None` if its file does not tell it.
    let mut keys: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for (name, file) in &files.entities {
        keys.insert(name.clone(), None);
        check_entity_name(name, file, problems);
        let Some(shape) = read_file::<EntityFile>(&file.shown, &file.text, problems) else { continue };
        let read = read_plan(&shape, &mut Report::new(&file.shown, problems));
        if !read.root.key.is_empty() {
            keys.insert(name.clone(), Some(read.root.key.clone()));
        }
        // After a mistake that leaves columns unknown, each field would also be a mistake.
        let columns_known = shape.root.line > 0 && shape.root.columns.as_ref().is_none_or(|columns| columns.line > 0);
        let mut report = Report::new(&file.shown, problems);
        let setup = shape.setup.as_ref().and_then(|setup| setup_call(setup, &read, &mut report));
        let shows = shows(&shape, &read, &mut report);
        if columns_known {
            let after = shape.after.map(|names| names.value).unwrap_or_default();
            let controls = shape.controls.unwrap_or_default();
            drafts.insert(name, Draft { after, schedule: shape.schedule.map(|text| text.value), read, setup, shows, controls });
        }
    }
    let columns: BTreeMap<&str, &[String]> = drafts.iter().map(|(name, draft)| (*name, draft.read.columns.as_slice())).collect();
    for (name, draft) in &drafts {
        let mut report = Report::new(&files.entities[*name].shown, problems);
        check_others(&draft.controls, &keys, &columns, &mut report);
        for parent in draft.after.iter().filter(|parent| !keys.contains_key(&parent.value)) {
            report.add(parent.line, "after", format!("there is no entity `{}`; there are {}", parent.value, list(keys.keys())));
        }
    }

    let parts = drafts.iter().filter_map(|(name, draft)| Some(((*name).to_owned(), draft.read.key_part()?))).collect();
    let world = World { keys: &keys, parts: &parts, code_lists: &code_list_names };
    let mut plans: BTreeMap<&str, Plan> = BTreeMap::new();
    for (name, file) in &files.targets {
        let mut no_entity = || {
            let text = format!("there is no `entities/{name}.toml` for it; there are {}", list(keys.keys()));
            problems.push(Problem { file: file.shown.clone(), line: None, key: String::new(), text });
        };
        if !keys.contains_key(name) {
            no_entity();
        }
        let Some(shape) = read_file::<ProfileFile>(&file.shown, &file.text, problems) else { continue };
        let draft = drafts.get(name.as_str());
        let Targets { targets, gone_cases } =
            target_plans(&shape, draft.map(|draft| &draft.read), &world, &mut Report::new(&file.shown, problems));
        let Some(draft) = draft else { continue };
        let mut after: Vec<EntityName> = draft.after.iter().map(|parent| EntityName::new(&parent.value)).collect();
        // A reference requires its parent whether or not `after` names it.
        for parent in references(&targets) {
            if !after.contains(parent) && parent.as_str() != name {
                after.push(parent.clone());
            }
        }
        let (read, setup, shows) = (draft.read.clone(), draft.setup.clone(), draft.shows.clone());
        let plan = Plan { entity: EntityName::new(name), read, targets, after, rank: 0, gone_cases, setup, shows };
        plans.insert(name, plan);
        if let Some(schedule) = &draft.schedule {
            definitions.schedules.insert(EntityName::new(name), schedule.clone());
        }
    }
    report_circles(&drafts, &plans, files, problems);
    let known = Known::of(files, plans.values().filter(|plan| entities.is_empty() || entities.contains(&plan.entity)));
    choose(&mut definitions, plans, &keys, profile, entities, problems);
    let known = known.in_order(&definitions.plans);
    (definitions, known)
}

fn check_entity_name(name: &str, file: &File, problems: &mut Vec<Problem>) {
    let fits = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !fits {
        let text = format!("`{name}` cannot name an entity: small letters, digits and `_` only");
        problems.push(Problem { file: file.shown.clone(), line: None, key: String::new(), text });
    }
}

/// The entities that the targets refer to.
fn references(targets: &[super::plan::TargetPlan]) -> impl Iterator<Item = &EntityName> {
    targets.iter().flat_map(|target| &target.fields).filter_map(|field| match &field.source {
        FieldSource::Reference { entity, .. } => Some(entity),
        _ => None,
    })
}

/// Reports each cycle of `after` and references once.
fn report_circles(drafts: &BTreeMap<&str, Draft>, plans: &BTreeMap<&str, Plan>, files: &Files, problems: &mut Vec<Problem>) {
    let parents = |name: &str| -> Vec<String> {
        let of_plan = plans.get(name).map(|plan| plan.after.iter().map(|parent| parent.as_str().to_owned()).collect());
        of_plan.or_else(|| drafts.get(name).map(|d| d.after.iter().map(|p| p.value.clone()).collect())).unwrap_or_default()
    };
    let mut reported: BTreeSet<String> = BTreeSet::new();
    for start in drafts.keys().filter(|name| files.entities.contains_key(**name)) {
        if reported.contains(*start) {
            continue;
        }
        let mut path = vec![(*start).to_owned()];
        if find_circle(&parents, &mut path, &mut BTreeSet::new()) {
            let line = drafts[start].after.iter().find(|parent| parent.value == path[1]).map_or(0, |parent| parent.line);
            let text = format!("forms a cycle: {}; remove one of these links", path.join(" after "));
            Report::new(&files.entities[*start].shown, problems).add(line, "after", text);
            reported.extend(path);
        }
    }
}

/// Follows parents until `path[0]` comes again; `path` is then the cycle.
fn find_circle(parents: &impl Fn(&str) -> Vec<String>, path: &mut Vec<String>, seen: &mut BTreeSet<String>) -> bool {
    for parent in parents(&path[path.len() - 1]) {
        if parent == path[0] {
            path.push(parent);
            return true;
        }
        if seen.insert(parent.clone()) {
            path.push(parent);
            if find_circle(parents, path, seen) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// Keeps the plans of the copied entities, in dependency order.
fn choose(
    definitions: &mut Definitions,
    mut plans: BTreeMap<&str, Plan>,
    keys: &BTreeMap<String, Option<Vec<String>>>,
    profile: &str,
    entities: &[EntityName],
    problems: &mut Vec<Problem>,
) {
    for entity in entities {
        if !keys.contains_key(entity.as_str()) {
            problems.push(setting("flows.entities", format!("there is no entity `{entity}`; there are {}", list(keys.keys()))));
        }
    }
    if !problems.is_empty() {
        return;
    }
    let wanted = |name: &str| entities.is_empty() || entities.iter().any(|entity| entity.as_str() == name);
    for name in keys.keys().filter(|name| wanted(name) && !plans.contains_key(name.as_str())) {
        definitions.notes.push(format!("`{name}` is not delivered: the profile `{profile}` has no file for it"));
    }
    plans.retain(|name, _| wanted(name));
    let carried: BTreeSet<EntityName> = plans.values().map(|plan| plan.entity.clone()).collect();
    for plan in plans.values() {
        definitions.notes.extend(write_back_notes(plan));
        definitions.notes.extend(plan.without_gone_rule());
        definitions.notes.extend(known::notes(plan));
    }
    for plan in plans.values_mut() {
        plan.after.retain(|parent| carried.contains(parent));
        // A record of an entity that is not copied never arrives: waiting for it would never end.
        for target in &mut plan.targets {
            for field in &mut target.fields {
                if let FieldSource::Reference { entity, if_missing, .. } = &mut field.source
                    && !carried.contains(entity)
                    && *if_missing == IfMissing::Wait
                {
                    *if_missing = IfMissing::Send;
                    let note = "is sent without waiting, because that entity is not delivered";
                    definitions.notes.push(format!("`{}`: `{}.{}` refers to `{entity}` and {note}", plan.entity, target.block, field.name));
                }
            }
        }
    }
    // No cycle is left, so every round places at least one plan.
    let mut ranks: BTreeMap<EntityName, u16> = BTreeMap::new();
    let mut rest: Vec<Plan> = plans.into_values().collect();
    while !rest.is_empty() {
        let (ready, waiting): (Vec<Plan>, Vec<Plan>) = rest.into_iter().partition(|plan| plan.after.iter().all(|p| ranks.contains_key(p)));
        if ready.is_empty() {
            break;
        }
        let rank = ready.iter().map(|plan| plan.after.iter().map(|p| ranks[p] + 1).max().unwrap_or(0)).max().unwrap_or(0);
        for mut plan in ready {
            plan.rank = rank;
            ranks.insert(plan.entity.clone(), rank);
            definitions.plans.push(plan);
        }
        rest = waiting;
    }
    definitions.schedules.retain(|entity, _| carried.contains(entity));
}
