//! Some records of a flow: mapped by the code of a run, and compared with ServiceNow's rows. The number of statements and of requests does
//! not depend on the number of records, except that lists of keys are asked for in parts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::sent::written_currencies;
use super::compare::{compare, overall, texts};
use super::servicenow::{Rows, ServiceNowSide};
use super::view::{
    MissingCode, MissingParent, PartAction, PreviewOutcome, PreviewPart, PreviewProblem, PreviewRecord, PreviewReference, PreviewRow,
};
use crate::actors::mapper::{Presence, map_document, poisoned};
use crate::definition::Definitions;
use crate::definition::code_lists::MissingCodes;
use crate::definition::plan::{Plan, TargetPlan};
use crate::definition::record::source_key;
use crate::doctor::one_record::Seen;
use crate::domain::history::{ChildKeys, Flat, flatten};
use crate::domain::next_step::NextStep;
use crate::domain::{Document, DocumentKey, EntityName, FlowId, LateReference};
use crate::process::Process;
use crate::servicenow::StoredRow;
use crate::store::{IntakeDocument, IntakeRecord, KnownRecord, MapFailure, ParentRef, StoreError};

/// Previews records of one flow.
pub(super) struct PageWork<'a> {
    process: &'a Process,
    definitions: &'a Definitions,
    plan: &'a Plan,
    flow: &'a FlowId,
    servicenow: &'a ServiceNowSide,
    /// The same definitions, with code lists that note what is missing.
    noting: Definitions,
    missing: MissingCodes,
}

/// A mapped record.
struct MappedRecord {
    key: DocumentKey,
    intake: IntakeDocument,
    /// Its parts. If a code is missing, they have SYSPRO's code instead.
    parts: Vec<IntakeRecord>,
    problem: Option<MapFailure>,
    missing_codes: BTreeSet<(String, String)>,
}

/// What is known of all records of the page.
struct Around {
    known: HashMap<String, KnownRecord>,
    /// Parents that are not delivered, and whether they were delivered to another table.
    waits_for: HashMap<ParentRef, bool>,
    /// The rows of each target, in the order of the plan's targets.
    rows: Vec<Result<Rows, String>>,
    /// The rows of other records, by entity.
    others: BTreeMap<EntityName, Result<Rows, String>>,
}

impl<'a> PageWork<'a> {
    pub(super) fn new(
        process: &'a Process,
        definitions: &'a Definitions,
        plan: &'a Plan,
        flow: &'a FlowId,
        servicenow: &'a ServiceNowSide,
    ) -> Self {
        let (code_lists, missing) = definitions.code_lists.noting_missing();
        let mut noting = definitions.clone();
        noting.code_lists = code_lists;
        Self { process, definitions, plan, flow, servicenow, noting, missing }
    }

    /// The preview of these documents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn records(&self, documents: &[Document]) -> Result<Vec<PreviewRecord>, StoreError> {
        let mapped: Vec<MappedRecord> = documents.iter().map(|document| self.mapped(document)).collect();
        let around = self.around(&mapped).await?;
        Ok(mapped.into_iter().map(|record| self.record(record, &around)).collect())
    }

    /// The preview of a record that SYSPRO does not have, or that the definition excludes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn absent(&self, key: &DocumentKey, seen: &Seen) -> Result<PreviewRecord, StoreError> {
        let around = self.around_keys(&[key], &[]).await?;
        let known = around.known.get(key.as_str());
        let parts = self.rows_left(key, &HashSet::new(), &around);
        let next_run = match known {
            Some(known) if known.deleted => {
                format!("A run sends nothing: SYSPRO had it no longer when version {} was read.", known.version)
            }
            Some(_) => "The next whole read (a sweep, if the flow does not read everything) marks its rows as gone.".to_owned(),
            None => "A run sends nothing: Tieline has never read it.".to_owned(),
        };
        Ok(PreviewRecord {
            key: key.as_str().to_owned(),
            outcome: PreviewOutcome::NotInSyspro,
            next_run,
            version: known.map(|known| known.version),
            source: None,
            problem: Some(PreviewProblem {
                block: self.first_block(),
                field: None,
                text: seen.to_string(),
                next_step: seen.next_step().text().into_owned(),
            }),
            missing_codes: Vec::new(),
            missing_parents: Vec::new(),
            warnings: Vec::new(),
            parts,
        })
    }

    fn first_block(&self) -> String {
        self.plan.targets.first().map_or_else(|| "header".to_owned(), |target| target.block.clone())
    }

    /// Maps a document as a run does; if that fails, a second time to find every missing code.
    fn mapped(&self, document: &Document) -> MappedRecord {
        // no actor isolates a panic here, and the other records must be shown
        let map = |definitions: &Definitions| {
            let mapped = AssertUnwindSafe(|| map_document(self.plan, definitions, &self.flow.company, document, Presence::There));
            catch_unwind(mapped).unwrap_or_else(|_| poisoned(self.plan, document))
        };
        let mut intake = map(self.definitions);
        let key = document.key.clone();
        match std::mem::replace(&mut intake.mapped, Ok(Vec::new())) {
            Ok(parts) => MappedRecord { key, intake, parts, problem: None, missing_codes: BTreeSet::new() },
            Err(problem) => {
                self.missing.take();
                let again = map(&self.noting);
                let missing_codes = self.missing.take();
                let parts = again.mapped.ok().filter(|_| !missing_codes.is_empty()).unwrap_or_default();
                MappedRecord { key, intake, parts, problem: Some(problem), missing_codes }
            }
        }
    }

    async fn around(&self, mapped: &[MappedRecord]) -> Result<Around, StoreError> {
        let keys: Vec<&DocumentKey> = mapped.iter().map(|record| &record.intake.key).collect();
        let parts: Vec<(&DocumentKey, &IntakeRecord)> =
            mapped.iter().flat_map(|record| record.parts.iter().map(move |part| (&record.key, part))).collect();
        self.around_keys(&keys, &parts).await
    }

    async fn around_keys(&self, keys: &[&DocumentKey], parts: &[(&DocumentKey, &IntakeRecord)]) -> Result<Around, StoreError> {
        let (store, company) = (&self.process.store, &self.flow.company);
        let known = store.preview_known(self.flow.clone(), keys.iter().map(|key| key.as_str().to_owned()).collect()).await?;
        let parents: HashSet<ParentRef> = parts.iter().flat_map(|(_, part)| part.parents.iter().cloned()).collect();
        let waits_for = store.preview_parents(company.clone(), parents.clone()).await?;
        let mut rows = Vec::with_capacity(self.plan.targets.len());
        for target in &self.plan.targets {
            let mapped = parts.iter().filter(|(_, part)| part.block == target.block);
            let mut wanted: BTreeSet<String> = mapped.map(|(key, part)| self.key_of(key, &part.record_key)).collect();
            // what is there of a record that has no such part any more
            for one in &known {
                let of_block = one.blocks.iter().zip(&one.record_keys).filter(|(block, _)| **block == target.block);
                wanted.extend(of_block.map(|(_, record_key)| self.key_of(&DocumentKey::from_text(&one.key), record_key)));
            }
            if target.child.is_none() {
                wanted.extend(keys.iter().map(|key| self.key_of(key, "")));
            }
            rows.push(self.servicenow.rows(self.process, self.flow, target, &wanted).await?);
        }
        let late = parts.iter().flat_map(|(_, part)| late_references(part)).map(|late| ParentRef { entity: late.entity, key: late.key });
        let others = self.others(parents.into_iter().chain(late)).await?;
        Ok(Around { known: known.into_iter().map(|known| (known.key.clone(), known)).collect(), waits_for, rows, others })
    }

    /// The header rows of other records.
    async fn others(&self, wanted: impl Iterator<Item = ParentRef>) -> Result<BTreeMap<EntityName, Result<Rows, String>>, StoreError> {
        let mut keys: BTreeMap<EntityName, BTreeSet<String>> = BTreeMap::new();
        for one in wanted.filter(|one| one.entity != self.flow.entity) {
            keys.entry(one.entity.clone()).or_default().insert(source_key(&self.flow.company, &one.entity, &one.key, ""));
        }
        let mut others = BTreeMap::new();
        for (entity, keys) in keys {
            let header = self.definitions.plan(&entity).and_then(|plan| plan.targets.iter().find(|target| target.child.is_none()));
            let Some(header) = header else { continue };
            let flow = FlowId { company: self.flow.company.clone(), entity: entity.clone() };
            others.insert(entity, self.servicenow.rows(self.process, &flow, header, &keys).await?);
        }
        Ok(others)
    }

    fn key_of(&self, key: &DocumentKey, record_key: &str) -> String {
        source_key(&self.flow.company, &self.flow.entity, key, record_key)
    }

    fn record(&self, mapped: MappedRecord, around: &Around) -> PreviewRecord {
        let MappedRecord { key, intake, parts, problem, missing_codes } = mapped;
        let known = around.known.get(intake.key.as_str());
        let missing_parents = self.missing_parents(&parts, around);
        let flat = flatten(&intake.content, &ChildKeys::new());
        let own: HashSet<(String, String)> = parts.iter().map(|part| (part.block.clone(), part.record_key.clone())).collect();
        let mut shown: Vec<PreviewPart> = parts.iter().map(|part| self.part(&key, part, &flat, around)).collect();
        shown.extend(self.rows_left(&key, &own, around).into_iter().filter(|_| problem.is_none()));
        let outcome = if problem.is_some() {
            PreviewOutcome::Fails
        } else if intake.marks.is_some() {
            PreviewOutcome::Excluded
        } else if missing_parents.iter().any(|parent| parent.waits) {
            PreviewOutcome::Waits
        } else {
            overall(&shown)
        };
        PreviewRecord {
            next_run: next_run(known, &intake.hash, outcome),
            key: intake.key.as_str().to_owned(),
            outcome,
            version: known.map(|known| known.version),
            source: Some(intake.content),
            problem: problem.map(|problem| PreviewProblem {
                block: problem.block,
                field: Some(problem.field).filter(|field| !field.is_empty()),
                text: problem.message.into(),
                next_step: problem.next_step.text().into_owned(),
            }),
            missing_codes: missing_codes.into_iter().map(missing_code).collect(),
            missing_parents,
            warnings: intake.warnings.into_iter().map(|(_, text)| text.into()).collect(),
            parts: shown,
        }
    }

    /// Parents that a part waits for, or to which it refers and which ServiceNow does not have.
    fn missing_parents(&self, parts: &[IntakeRecord], around: &Around) -> Vec<MissingParent> {
        let awaited = parts.iter().flat_map(|part| part.parents.iter().cloned());
        let named: BTreeSet<ParentRef> = awaited.collect();
        let missing = |parent: ParentRef| {
            let waits = around.waits_for.get(&parent).copied();
            let in_servicenow = self.is_there(&parent, around);
            if waits.is_none() && in_servicenow != Some(false) {
                return None;
            }
            let next_step = match waits {
                Some(true) => NextStep::ParentElsewhere.text().into_owned(),
                Some(false) => NextStep::ParentToCome.text().into_owned(),
                None => "find out who deleted its row in ServiceNow; `tieline replay` sends it again".to_owned(),
            };
            let (entity, key) = (parent.entity.to_string(), parent.key.as_str().to_owned());
            Some(MissingParent { entity, key, waits: waits.is_some(), in_servicenow, next_step })
        };
        named.into_iter().filter_map(missing).collect()
    }

    /// Whether ServiceNow shows a row of another record; `None`: not compared.
    fn is_there(&self, of: &ParentRef, around: &Around) -> Option<bool> {
        let rows = around.others.get(&of.entity)?.as_ref().ok()?;
        let key = source_key(&self.flow.company, &of.entity, &of.key, "");
        Some(!rows.with_key(&key).is_empty() || rows.hides(&key))
    }

    /// The row of another record, or of the header of this one.
    fn sys_id(&self, late: &LateReference, key: &DocumentKey, around: &Around) -> Option<String> {
        let rows = if late.entity == self.flow.entity && late.key == *key {
            let header = self.plan.targets.iter().position(|target| target.child.is_none())?;
            around.rows.get(header)?.as_ref().ok()?
        } else {
            around.others.get(&late.entity)?.as_ref().ok()?
        };
        let (_, row) = rows.with_key(&source_key(&self.flow.company, &late.entity, &late.key, "")).first()?;
        Some(row.sys_id.as_str().to_owned())
    }

    fn part(&self, key: &DocumentKey, part: &IntakeRecord, flat: &Flat, around: &Around) -> PreviewPart {
        let at = self.plan.targets.iter().position(|target| target.block == part.block);
        let fields: BTreeMap<String, String> = serde_json::from_str(&part.payload).unwrap_or_default();
        let mut references = Vec::new();
        for late in late_references(part) {
            let sys_id = self.sys_id(&late, key, around);
            references.push(PreviewReference { field: late.field, entity: late.entity.to_string(), key: late.key.into(), sys_id });
        }
        let currencies = written_currencies(self.plan, &part.block, self.definitions, &self.flow.company, &fields, Some(flat));
        let mut shown = PreviewPart {
            part: name_of(&part.block, &part.record_key),
            table: at.map(|at| self.plan.targets[at].table.clone()).unwrap_or_default(),
            action: PartAction::NotCompared,
            not_compared: None,
            fields,
            currencies,
            references,
            row: None,
            differences: Vec::new(),
            fields_not_compared: Vec::new(),
            notes: Vec::new(),
        };
        match at.map(|at| (&self.plan.targets[at], around.rows.get(at))) {
            Some((target, Some(Ok(rows)))) => against(target, rows, &self.key_of(key, &part.record_key), &mut shown),
            Some((_, Some(Err(why)))) => shown.not_compared = Some(why.clone()),
            _ => {}
        }
        shown
    }

    /// Rows of a record in ServiceNow that belong to none of its parts.
    fn rows_left(&self, key: &DocumentKey, parts: &HashSet<(String, String)>, around: &Around) -> Vec<PreviewPart> {
        let stored = key.shortened().unwrap_or_else(|| key.clone());
        let mut places: BTreeSet<(String, String)> = BTreeSet::new();
        if let Some(known) = around.known.get(stored.as_str()) {
            places.extend(known.blocks.iter().cloned().zip(known.record_keys.iter().cloned()));
        }
        places.extend(self.plan.targets.iter().filter(|target| target.child.is_none()).map(|target| (target.block.clone(), String::new())));
        let mut left = Vec::new();
        for (block, record_key) in places.into_iter().filter(|place| !parts.contains(place)) {
            let Some(at) = self.plan.targets.iter().position(|target| target.block == block) else { continue };
            let Some(Ok(rows)) = around.rows.get(at) else { continue };
            let Some((table, row)) = rows.with_key(&self.key_of(key, &record_key)).first() else { continue };
            left.push(PreviewPart {
                part: name_of(&block, &record_key),
                table: self.plan.targets[at].table.clone(),
                action: PartAction::Gone,
                not_compared: None,
                fields: BTreeMap::new(),
                currencies: BTreeMap::new(),
                references: Vec::new(),
                row: Some(row_of(table, row)),
                differences: Vec::new(),
                fields_not_compared: Vec::new(),
                notes: Vec::new(),
            });
        }
        left
    }
}

/// Compares a part with its row.
fn against(target: &TargetPlan, rows: &Rows, key: &str, part: &mut PreviewPart) {
    let found = rows.with_key(key);
    if rows.hides(key) {
        part.not_compared = Some("ServiceNow counts a row of it and does not show it to the user of the OAuth application".to_owned());
    }
    let Some((table, row)) = found.first() else {
        if part.not_compared.is_none() {
            part.action = PartAction::Create;
        }
        return;
    };
    if found.len() > 1 {
        let rows: Vec<&str> = found.iter().map(|(_, row)| row.sys_id.as_str()).collect();
        part.notes.push(format!("{} rows of `{table}` have this record's key: {}. The first is compared.", found.len(), rows.join(", ")));
    }
    let late = part.references.iter().filter_map(|one| Some((one.field.as_str(), one.sys_id.as_deref()?)));
    let compared = compare(target, texts(&part.fields).chain(late), row);
    part.action = if compared.differences.is_empty() { PartAction::Nothing } else { PartAction::Update };
    (part.differences, part.fields_not_compared) = (compared.differences, compared.not_compared);
    part.row = Some(row_of(table, row));
}

fn row_of(table: &str, row: &StoredRow) -> PreviewRow {
    PreviewRow {
        table: table.to_owned(),
        sys_id: row.sys_id.as_str().to_owned(),
        updated_by: row.updated_by.clone(),
        updated_at: row.updated_at.clone(),
    }
}

fn name_of(block: &str, record_key: &str) -> String {
    if record_key.is_empty() { block.to_owned() } else { format!("{block} {record_key}") }
}

/// References that are filled in when the part is sent.
fn late_references(part: &IntakeRecord) -> Vec<LateReference> {
    part.refs.as_deref().and_then(|refs| serde_json::from_str(refs).ok()).unwrap_or_default()
}

fn missing_code((list, code): (String, String)) -> MissingCode {
    let next_step = format!("add `{code}` under `[codes]` of `lookups/{list}.toml`, or correct it in SYSPRO");
    MissingCode { list, code, next_step }
}

/// What the next run does with a record, and why.
fn next_run(known: Option<&KnownRecord>, hash: &[u8], outcome: PreviewOutcome) -> String {
    let sends = match outcome {
        PreviewOutcome::Fails => "does not send it",
        PreviewOutcome::Excluded => "does not send it and marks rows that were delivered as gone",
        PreviewOutcome::Waits => "sends it once what it waits for is delivered",
        _ => "sends it",
    };
    match known {
        Some(known) if known.held => {
            format!("A person holds it: nothing of it is sent before `tieline release`. Version {} is the newest.", known.version)
        }
        None => format!("The next run that reads it {sends}: Tieline has never read it."),
        Some(known) if known.deleted => format!("The next run that reads it {sends}: SYSPRO did not have it at version {}.", known.version),
        Some(known) if known.hash == hash => {
            format!("A run sends nothing new: SYSPRO's content is that of version {}. `tieline replay` sends it again.", known.version)
        }
        Some(known) => format!("The next run that reads it {sends}: SYSPRO's content has changed since version {}.", known.version),
    }
}
