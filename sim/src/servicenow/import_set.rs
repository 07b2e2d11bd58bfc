//! The Import Set API: staging rows, transform maps, coalesce and `insertMultiple`.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::options::ServiceNowOptions;
use super::outcome::{NO_HEADER, Outcome};
use super::reply::{Call, Reply, Work};
use super::rows::Table;
use super::schema::{ColumnKind, OnMissing, TransformMap, label};
use super::second_stage;
use super::store::{Due, Field, ImportSet, Store, Writer};
use super::values::mangled;

/// Maximum size of a staged row, in bytes.
const ROW_LIMIT: usize = 8126;

/// `POST /api/now/import/{table}`, `POST …/insertMultiple` and `GET …/{sys_id}`.
pub(super) fn handle(store: &mut Store, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    let rest = call.path.trim_start_matches("/api/now/import/");
    let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
    if !store.tables.get(name).is_some_and(|table| table.schema.staging) {
        return Reply::invalid_table(name);
    }
    if call.method == "POST"
        && let Err(refusal) = store.may(name, |schema| !schema.no_create, "Insert")
    {
        return refusal.into();
    }
    match (call.method.as_str(), tail) {
        ("POST", "") => match serde_json::from_slice::<Map<String, Value>>(&call.body) {
            Ok(fields) => single(store, name, &fields, call, options, work),
            Err(error) => Reply::unreadable(&error.to_string()),
        },
        ("POST", "insertMultiple") => multiple(store, name, call, options, work),
        ("GET" | "HEAD", id) if !id.is_empty() => staged(store, name, id, call),
        _ => Reply::error(405, "Method not supported", None),
    }
}

fn single(store: &mut Store, name: &str, body: &Map<String, Value>, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    let fields: Vec<Field<'_>> = body.iter().map(|(column, value)| (Cow::Borrowed(column.as_str()), mangled(value))).collect();
    let set = daily_set(store, name);
    work.records += 1;
    let (slot, outcomes) = stage(store, name, &fields, &set, (options.import_asynchronous, options.keep_staging), options, work);
    let entries: Vec<Value> = if options.import_asynchronous {
        let row = slot.and_then(|slot| store.tables.get(name)?.row(slot).map(|row| store.tables[name].id_text(row))).unwrap_or_default();
        let link = format!("{}/api/now/table/{name}/{row}", call.base);
        vec![
            json!({"transform_map": "", "table": name, "display_name": "", "display_value": "", "record_link": link, "status": "pending", "sys_id": row}),
        ]
    } else {
        outcomes.iter().map(|outcome| entry(store, outcome, &call.base)).collect()
    };
    Reply::json(201, &json!({"import_set": set.number, "staging_table": name, "result": entries}))
}

fn entry(store: &Store, outcome: &Outcome, base: &str) -> Value {
    let mut entry = json!({"transform_map": outcome.map, "table": outcome.table, "status": outcome.state});
    let target = store.tables.get(&outcome.table);
    if let Some((table, row)) = target.and_then(|table| Some((table, table.row(outcome.target?)?))) {
        let id = table.id_text(row);
        entry["display_name"] = json!(table.schema.display);
        entry["display_value"] = json!(table.text(row, &table.schema.display));
        entry["record_link"] = json!(format!("{base}/api/now/table/{}/{id}", outcome.table));
        entry["sys_id"] = json!(id);
    }
    if !outcome.message.is_empty() {
        entry[if outcome.state == "error" { "error_message" } else { "status_message" }] = json!(outcome.message);
    }
    entry
}

/// The document of a staged row.
fn staged(store: &Store, name: &str, id: &str, call: &Call) -> Reply {
    let Some(table) = store.tables.get(name) else { return Reply::invalid_table(name) };
    let Some(row) = table.find_id(id).and_then(|slot| table.row(slot)) else { return Reply::no_record() };
    let target = table.text(row, "sys_target_table").into_owned();
    let mut entry =
        json!({"transform_map": table.text(row, "sys_transform_map"), "table": target, "status": table.text(row, "sys_import_state")});
    let found = store.tables.get(&target);
    if let Some((other, hit)) = found.and_then(|other| Some((other, other.row(other.find_id(&table.text(row, "sys_target_sys_id"))?)?))) {
        let id = other.id_text(hit);
        entry["display_name"] = json!(other.schema.display);
        entry["display_value"] = json!(other.text(hit, &other.schema.display));
        entry["record_link"] = json!(format!("{}/api/now/table/{target}/{id}", call.base));
        entry["sys_id"] = json!(id);
    }
    let comment = table.text(row, "sys_import_state_comment");
    if !comment.is_empty() {
        let member = if entry["status"] == "error" { "error_message" } else { "status_message" };
        entry[member] = json!(comment);
    }
    let number = store.sets.get(name).map_or("", |set| set.number.as_str());
    Reply::json(200, &json!({"import_set": number, "staging_table": name, "result": [entry]}))
}

fn multiple(store: &mut Store, name: &str, call: &Call, options: &ServiceNowOptions, work: &mut Work) -> Reply {
    let body: Value = match serde_json::from_slice(&call.body) {
        Ok(body) => body,
        Err(error) => return Reply::unreadable(&error.to_string()),
    };
    let Some(records) = body["records"].as_array() else { return Reply::unreadable("`records` is missing") };
    let set = new_set(store);
    let synchronous = options.insert_multiple_synchronous;
    let mut totals = Totals::default();
    let run = [("set", set.id.as_str()), ("state", if synchronous { "complete" } else { "running" })];
    let run: Vec<Field<'_>> = run.into_iter().map(|(column, value)| (Cow::Borrowed(column), Cow::Borrowed(value))).collect();
    let run = store.insert("sys_import_set_run", &run, Writer::Hand, options).ok();
    for record in records.iter().filter_map(Value::as_object) {
        let fields: Vec<Field<'_>> = record
            .iter()
            .filter_map(|(key, value)| Some((Cow::Owned(column_of(store.tables.get(name)?, key, options)?), mangled(value))))
            .collect();
        work.records += 1;
        let (slot, outcomes) = stage(store, name, &fields, &set, (!synchronous, options.keep_staging), options, work);
        outcomes.iter().for_each(|outcome| totals.add(outcome.state));
        if let (false, Some(slot)) = (synchronous, slot) {
            let at = store.now() + options.import_delay.as_millis() as i64;
            store.later(at, Due::Transform { staging: name.to_owned(), slot, run });
        }
    }
    if let (true, Some(run)) = (synchronous, run) {
        totals.save(store, run, options);
    }
    let group = call.parameter("multi_import_set_id").map(str::to_owned);
    let group = group.unwrap_or_else(|| format!("{:032x}", store.new_id()));
    Reply::json(201, &json!({"import_set_id": set.id, "multi_import_set_id": group}))
}

/// The column that a key of `insertMultiple` names. Keys are labels, unless the options say column names.
fn column_of(table: &Table, key: &str, options: &ServiceNowOptions) -> Option<String> {
    if options.insert_multiple_names {
        return table.knows(key).then(|| key.to_owned());
    }
    if let Some(column) = table.schema.columns.iter().find(|column| label(&column.name).eq_ignore_ascii_case(key)) {
        return Some(column.name.clone());
    }
    // a column name is not accepted as a label; in an open table every other key is
    let name = format!("u_{}", key.trim().to_lowercase().replace(' ', "_"));
    (!key.starts_with("u_") && !key.contains('_') && table.knows(&name)).then_some(name)
}

/// Stages one row and, unless it stays pending, transforms it. `keep`: whether the staged row is kept.
fn stage(
    store: &mut Store,
    name: &str,
    fields: &[Field<'_>],
    set: &ImportSet,
    (pending, keep): (bool, bool),
    options: &ServiceNowOptions,
    work: &mut Work,
) -> (Option<u32>, Vec<Outcome>) {
    // a staging table truncates and drops values like any other table; it refuses nothing
    let Ok(values) = store.prepare(name, fields, Writer::Transform, options) else { return (None, Vec::new()) };
    let Some(table) = store.tables.get(name) else { return (None, Vec::new()) };
    let named: Vec<(String, &str)> = values.iter().map(|(number, text)| (table.name_of(*number).to_owned(), &**text)).collect();
    let outcomes = if pending { Vec::new() } else { transform(store, name, &named, options, work) };
    let id = store.new_id();
    let number = store.sets.get_mut(name).map_or(0, |set| {
        set.rows += 1;
        set.rows
    });
    let marks = if keep || pending { marks(store, name, outcomes.first()) } else { Vec::new() };
    let mut slot = None;
    if keep || pending {
        let mut values = values.clone();
        values.extend(marks);
        let now = store.now();
        if let Some(table) = store.tables.get_mut(name) {
            values.push((table.number("sys_import_set"), Cow::Borrowed(&*set.id)));
            values.push((table.number("sys_import_row"), Cow::Owned(number.to_string())));
            slot = Some(table.insert(id, now, &values));
        }
    }
    for outcome in &outcomes {
        second_stage::start(store, name, slot, outcome, options);
    }
    (slot, outcomes)
}

/// The columns of a staged row that hold its outcome; without an outcome the row is pending.
fn marks(store: &mut Store, name: &str, outcome: Option<&Outcome>) -> Vec<(u16, Cow<'static, str>)> {
    let id = outcome.and_then(|outcome| {
        let table = store.tables.get(&outcome.table)?;
        table.row(outcome.target?).map(|row| table.id_text(row))
    });
    let text = |pick: fn(&Outcome) -> &String| outcome.map(|outcome| pick(outcome).clone()).unwrap_or_default();
    let values = [
        ("sys_import_state", outcome.map_or("pending", |outcome| outcome.state).to_owned()),
        ("sys_import_state_comment", text(|outcome| &outcome.message)),
        ("sys_target_table", text(|outcome| &outcome.table)),
        ("sys_target_sys_id", id.unwrap_or_default()),
        ("sys_transform_map", text(|outcome| &outcome.map)),
    ];
    let Some(table) = store.tables.get_mut(name) else { return Vec::new() };
    values.into_iter().map(|(column, text)| (table.number(column), Cow::Owned(text))).collect()
}

/// Runs every map over one row.
fn transform(store: &mut Store, name: &str, fields: &[(String, &str)], options: &ServiceNowOptions, work: &mut Work) -> Vec<Outcome> {
    let Some(schema) = store.tables.get(name).map(|table| table.schema.clone()) else { return Vec::new() };
    schema
        .maps
        .iter()
        .map(|map| {
            let mut outcome =
                Outcome { map: map.name.clone(), table: map.target.clone(), state: "error", message: String::new(), target: None };
            match apply(store, map, fields, options) {
                Ok((state, target)) => {
                    (outcome.state, outcome.target) = (state, target);
                    match state {
                        "ignored" if target.is_none() => outcome.message = "Row transform ignored by onBefore script".to_owned(),
                        "skipped" => outcome.message = "Unable to resolve target record, coalesce values not present".to_owned(),
                        "ignored" => outcome.message = "No field values changed".to_owned(),
                        _ => work.commits += 1,
                    }
                }
                Err(message) => outcome.message = message,
            }
            outcome
        })
        .collect()
}

fn apply(
    store: &mut Store,
    map: &TransformMap,
    fields: &[(String, &str)],
    options: &ServiceNowOptions,
) -> Result<(&'static str, Option<u32>), String> {
    if !store.tables.contains_key(&map.target) {
        return Err(format!("Invalid table {}", map.target));
    }
    if fields.iter().map(|(_, text)| text.len()).sum::<usize>() > ROW_LIMIT {
        return Ok(("skipped", None));
    }
    if let Some((column, when)) = &map.ignore {
        let text = fields.iter().find(|(name, _)| name == column).map_or("", |(_, text)| text);
        if when.applies(text) {
            return Ok(("ignored", None));
        }
    }
    let renamed = |column: &'_ str| map.fields.iter().find(|(from, _)| from == column).map(|(_, to)| to.clone());
    let mut mapped: Vec<Field<'_>> = fields
        .iter()
        .filter(|(column, _)| !map.named_only || map.fields.iter().any(|(from, _)| from == column))
        // an empty value is not copied, unless the map says so; the column keeps what it held
        .filter(|(_, text)| map.copy_empty || !text.is_empty())
        // the literal text `NULL` clears a column
        .map(|(column, text)| {
            let text = if *text == "NULL" { "" } else { text };
            (renamed(column).map_or(Cow::Borrowed(column.as_str()), Cow::Owned), Cow::Borrowed(text))
        })
        .collect();
    if let Some(parent) = map.parent.as_ref().filter(|_| options.lines_need_header) {
        let value = parent.columns.iter().find_map(|column| fields.iter().find(|(name, text)| name == column && !text.is_empty()));
        let Some((_, value)) = value else {
            return Err(format!("{NO_HEADER}: none of {} names a record of {}", parent.columns.join(", "), parent.table));
        };
        let header = store.tables.get(&parent.table);
        let found = header.is_some_and(|table| {
            table.find_id(value).is_some()
                || parent.matches.iter().any(|column| table.find(&[column], &[value]).is_some_and(|slots| !slots.is_empty()))
        });
        if !found {
            return Err(format!("{NO_HEADER}: {} {value}", parent.table));
        }
    }
    resolve(store, map, &mut mapped, options)?;
    let values = store.prepare(&map.target, &mapped, Writer::Transform, options).map_err(|refusal| refusal.0)?;
    let found = if map.coalesce.is_empty() {
        None
    } else {
        let Some(table) = store.tables.get(&map.target) else { return Err(format!("Invalid table {}", map.target)) };
        let text = |column: &String| values.iter().find(|(number, _)| table.name_of(*number) == column).map_or("", |(_, text)| &**text);
        let texts: Vec<&str> = map.coalesce.iter().map(text).collect();
        if !options.empty_coalesce && texts.iter().any(|text| text.is_empty()) {
            return Ok(("skipped", None));
        }
        let columns: Vec<&str> = map.coalesce.iter().map(String::as_str).collect();
        // every coalesce key has an index; a key of unknown columns matches nothing
        let found = table.find(&columns, &texts).unwrap_or_default();
        let same_case = |slot: &u32| {
            let row = table.row(*slot);
            row.is_some_and(|row| columns.iter().zip(&texts).all(|(column, text)| table.text(row, column) == *text))
        };
        found.into_iter().find(|slot| !map.case_sensitive || same_case(slot))
    };
    store.check(&map.target, found, &values, Writer::Transform).map_err(|refusal| refusal.0)?;
    if let (Some(slot), true) = (found, store.undone(&map.target, &values)) {
        return Ok(("ignored", Some(slot)));
    }
    let (id, now) = (store.new_id(), store.now());
    let Some(table) = store.tables.get_mut(&map.target) else { return Err(format!("Invalid table {}", map.target)) };
    Ok(match found {
        None => ("inserted", Some(table.insert(id, now, &values))),
        Some(slot) => (if table.update(slot, now, &values) { "updated" } else { "ignored" }, Some(slot)),
    })
}

/// References of the target: found by `sys_id` or display value; otherwise created, left empty, or refused.
fn resolve(store: &mut Store, map: &TransformMap, mapped: &mut [Field<'_>], options: &ServiceNowOptions) -> Result<(), String> {
    let Some(schema) = store.tables.get(&map.target).map(|table| table.schema.clone()) else { return Ok(()) };
    for (column, value) in mapped.iter_mut().filter(|(_, value)| !value.is_empty()) {
        let Some(ColumnKind::Reference(target)) = schema.column(column).map(|column| &column.kind) else { continue };
        let Some(table) = store.tables.get(target) else { continue };
        if table.find_id(value).is_some() {
            continue;
        }
        if let Some(id) = store.find_display(target, value) {
            *value = Cow::Owned(id);
            continue;
        }
        match map.references.get(&**column).copied().unwrap_or_default() {
            OnMissing::Ignore => *value = Cow::Borrowed(""),
            OnMissing::Reject => return Err(format!("Unable to resolve reference {column} {value}; row rejected")),
            OnMissing::Create => {
                let display = table.schema.display.clone();
                let made: Vec<Field<'_>> = vec![(Cow::Owned(display), value.clone())];
                let slot = store.insert(target, &made, Writer::Hand, options).map_err(|refusal| refusal.0)?;
                let id = store.tables.get(target).and_then(|table| table.row(slot).map(|row| table.id_text(row)));
                *value = Cow::Owned(id.unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// A POST to a staging table through the Table API triggers the same transform; the slot of the staged row.
pub(super) fn stage_by_table(
    store: &mut Store,
    name: &str,
    fields: &[Field<'_>],
    options: &ServiceNowOptions,
    work: &mut Work,
) -> Option<u32> {
    let set = daily_set(store, name);
    stage(store, name, fields, &set, (options.import_asynchronous, true), options, work).0
}

fn daily_set(store: &mut Store, name: &str) -> ImportSet {
    if let Some(set) = store.sets.get(name) {
        return set.clone();
    }
    let set = new_set(store);
    store.sets.insert(name.to_owned(), set.clone());
    set
}

fn new_set(store: &mut Store) -> ImportSet {
    store.set_count += 1;
    ImportSet { number: format!("ISET{:07}", 10_000 + store.set_count), id: format!("{:032x}", store.new_id()), rows: 0 }
}

/// Transforms a row that is staged already, and notes the outcomes in it.
pub(super) fn transform_staged(store: &mut Store, staging: &str, slot: u32, options: &ServiceNowOptions, work: &mut Work) -> Vec<Outcome> {
    let Some(table) = store.tables.get(staging) else { return Vec::new() };
    let Some(row) = table.row(slot) else { return Vec::new() };
    let fields = table.fields(row).filter(|(column, _)| !column.starts_with("sys_"));
    let owned: Vec<(String, String)> = fields.map(|(column, text)| (column.to_owned(), text.to_owned())).collect();
    let fields: Vec<(String, &str)> = owned.iter().map(|(column, text)| (column.clone(), text.as_str())).collect();
    let outcomes = transform(store, staging, &fields, options, work);
    let (marks, now) = (marks(store, staging, outcomes.first()), store.now());
    if let Some(table) = store.tables.get_mut(staging) {
        table.update(slot, now, &marks);
    }
    for outcome in &outcomes {
        second_stage::start(store, staging, Some(slot), outcome, options);
    }
    outcomes
}

/// The totals of an import set run.
#[derive(Debug, Default)]
pub(super) struct Totals([u32; 6]);

const TOTALS: [(&str, &str); 6] =
    [("total", ""), ("inserts", "inserted"), ("updates", "updated"), ("ignored", "ignored"), ("skipped", "skipped"), ("errors", "error")];

impl Totals {
    pub(super) fn add(&mut self, state: &str) {
        self.0[0] += 1;
        if let Some(at) = TOTALS.iter().position(|(_, name)| *name == state) {
            self.0[at] += 1;
        }
    }

    pub(super) fn load(store: &Store, run: u32) -> Self {
        let mut totals = Self::default();
        if let Some((table, row)) = store.tables.get("sys_import_set_run").and_then(|table| Some((table, table.row(run)?))) {
            for (total, (column, _)) in totals.0.iter_mut().zip(TOTALS) {
                *total = table.text(row, column).parse().unwrap_or_default();
            }
        }
        totals
    }

    pub(super) fn save(&self, store: &mut Store, run: u32, options: &ServiceNowOptions) {
        let totals = self.0.iter().zip(TOTALS).map(|(total, (column, _))| (Cow::Borrowed(column), Cow::Owned(total.to_string())));
        let fields: Vec<Field<'_>> = totals.chain([(Cow::Borrowed("state"), Cow::Borrowed("complete"))]).collect();
        // the table of runs has no rules
        let _ = store.update("sys_import_set_run", run, &fields, Writer::Hand, options);
    }
}
