//! The instance's memory: its tables, and the rules every write passes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::jobs::{Jobs, SecondStageRow};
use super::options::{CallerSysId, ServiceNowOptions};
use super::reply::Refusal;
use super::rows::{Table, parse_id};
use super::schema::{ColumnKind, TableSchema};
use super::values::{Stored, store};

/// A field of a write.
pub(super) type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A caller of the Table API: access control and data policies apply.
    Caller {
        /// Values are display values.
        display: bool,
    },
    /// A transform map, which runs as the system.
    Transform,
    /// A test, or the system itself: no rule applies.
    Hand,
}

/// Work for a later time.
#[derive(Debug)]
pub(super) enum Due {
    /// Transform this staging row.
    Transform { staging: String, slot: u32, run: Option<u32> },
    /// Move this row to the next state of its second stage.
    Advance(SecondStageRow),
}

/// An import set.
#[derive(Debug, Clone)]
pub(super) struct ImportSet {
    pub(super) number: String,
    pub(super) id: String,
    pub(super) rows: u32,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) tables: HashMap<String, Table>,
    pub(super) random: fastrand::Rng,
    /// The daily set of each staging table.
    pub(super) sets: BTreeMap<String, ImportSet>,
    pub(super) set_count: u32,
    /// Work for later, in order of time (milliseconds since 1970).
    pub(super) due: VecDeque<(i64, Due)>,
    /// Background jobs.
    pub(super) jobs: Jobs,
    /// How far the instance's clock is ahead, in milliseconds.
    pub(super) ahead: i64,
}

impl Store {
    /// Now by the instance's clock, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        chrono::Utc::now().timestamp_millis() + self.ahead
    }

    pub(super) fn new(options: &ServiceNowOptions) -> Self {
        let mut keys: HashMap<&str, Vec<Vec<String>>> = HashMap::new();
        for table in &options.tables {
            for map in &table.maps {
                keys.entry(&map.target).or_default().push(map.coalesce.clone());
            }
            for map in &table.maps {
                if let Some(parent) = &map.parent {
                    keys.entry(&parent.table).or_default().extend(parent.matches.iter().map(|column| vec![column.clone()]));
                }
            }
        }
        let runs = TableSchema::new(
            "sys_import_set_run",
            "state",
            "set:text(32) state total:int inserts:int updates:int ignored:int skipped:int errors:int",
        );
        let mut tables = HashMap::new();
        for schema in options.tables.iter().chain([&runs]) {
            let keys = keys.get(schema.name.as_str()).map_or(&[][..], Vec::as_slice);
            let mut schema = schema.clone();
            if schema.open && !schema.staging {
                schema.indexed.push("u_source_key".to_owned());
            }
            for stage in &options.second_stages {
                let behind = options.tables.iter().find(|table| table.name == stage.table);
                if stage.table == schema.name {
                    schema.set_column(&stage.error, ColumnKind::Text(1000));
                } else if behind.is_some_and(|table| table.maps.iter().any(|map| map.target == schema.name)) {
                    schema.set_column(&stage.error, ColumnKind::Text(1000));
                    schema.set_column(&stage.column, ColumnKind::Text(40));
                }
            }
            tables.insert(schema.name.clone(), Table::new(Arc::new(schema), options.open_columns, keys));
        }
        if options.dictionary {
            super::dictionary::add(&mut tables, options);
        }
        let jobs = Jobs::new(options, chrono::Utc::now().timestamp_millis());
        let random = fastrand::Rng::with_seed(options.seed);
        Self { tables, random, sets: BTreeMap::new(), set_count: 0, due: VecDeque::new(), jobs, ahead: 0 }
    }

    /// A new random `sys_id`.
    pub(super) fn new_id(&mut self) -> u128 {
        self.random.u128(..)
    }

    /// The values a write would store, by column number; what the table does not know or the writer may not touch is dropped.
    pub(super) fn prepare<'a>(
        &mut self,
        name: &str,
        fields: &'a [Field<'a>],
        writer: Writer,
        options: &ServiceNowOptions,
    ) -> Result<Vec<(u16, Cow<'a, str>)>, Refusal> {
        let mut values = Vec::with_capacity(fields.len());
        let display = writer == Writer::Caller { display: true };
        for (column, value) in fields {
            let Some(table) = self.tables.get(name) else { break };
            let allowed = match writer {
                Writer::Caller { .. } => table.writable(column),
                Writer::Transform => table.knows(column) && !column.starts_with("sys_"),
                Writer::Hand => table.knows(column) && &**column != "sys_id",
            };
            if !allowed {
                continue;
            }
            let value: Cow<'a, str> = Cow::Borrowed(&**value);
            let kind = table.kind(column);
            let value = match kind {
                Some(ColumnKind::Reference(target)) if !value.is_empty() && writer != Writer::Hand => {
                    match self.refer(target, value, display, options) {
                        Some(value) => value,
                        None => continue,
                    }
                }
                _ => value,
            };
            let text = match store(kind, value, options, display) {
                Stored::Text(text) => text,
                Stored::Ignored => continue,
                Stored::TooLong => return Err(insert_refused(name, column)),
            };
            if let Some(table) = self.tables.get_mut(name) {
                let number = table.number(column);
                match values.iter_mut().find(|(known, _)| *known == number) {
                    Some(value) => value.1 = text,
                    None => values.push((number, text)),
                }
            }
        }
        Ok(values)
    }

    /// What is stored for a reference; `None` keeps the old value. Display names without a match leave it empty.
    fn refer<'a>(&self, target: &str, value: Cow<'a, str>, display: bool, options: &ServiceNowOptions) -> Option<Cow<'a, str>> {
        let Some(table) = self.tables.get(target) else {
            return (options.dangling_references || display).then_some(value);
        };
        if table.find_id(&value).is_some() {
            return Some(value);
        }
        if display {
            return Some(Cow::Owned(self.find_display(target, &value).unwrap_or_default()));
        }
        options.dangling_references.then_some(value)
    }

    /// The `sys_id` of the row whose display column holds this text.
    pub(super) fn find_display(&self, target: &str, text: &str) -> Option<String> {
        let table = self.tables.get(target)?;
        let display = table.schema.display.as_str();
        let slot = match table.find(&[display], &[text]) {
            Some(slots) => *slots.first()?,
            None => table.iter().find(|(_, row)| super::rows::same_text(&table.text(row, display), text))?.0,
        };
        table.row(slot).map(|row| table.id_text(row))
    }

    /// What a table ACL lets a caller do.
    pub(super) fn may(&self, name: &str, allows: impl Fn(&TableSchema) -> bool, what: &str) -> Result<(), Refusal> {
        match self.tables.get(name) {
            Some(table) if !allows(&table.schema) => Err(Refusal(format!("ACL Exception {what} Failed due to security constraints"))),
            _ => Ok(()),
        }
    }

    /// Data policies and business rules. `slot` is the current row.
    pub(super) fn check(&self, name: &str, slot: Option<u32>, values: &[(u16, Cow<'_, str>)], writer: Writer) -> Result<(), Refusal> {
        let Some(table) = self.tables.get(name) else { return Ok(()) };
        if table.schema.mandatory.is_empty() && table.schema.rules.is_empty() {
            return Ok(());
        }
        let text = |column: &str| -> String {
            let new = values.iter().rev().find(|(number, _)| table.name_of(*number) == column).map(|(_, text)| text.to_string());
            new.unwrap_or_else(|| slot.and_then(|slot| table.row(slot)).map(|row| table.text(row, column).into_owned()).unwrap_or_default())
        };
        let policy = match writer {
            Writer::Caller { .. } => true,
            Writer::Transform => table.schema.policy_on_import,
            Writer::Hand => return Ok(()),
        };
        let missing: Vec<&str> =
            table.schema.mandatory.iter().filter(|column| policy && text(column).is_empty()).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(Refusal(format!("Data Policy Exception: The following fields are mandatory: {}", missing.join(", "))));
        }
        for rule in table.schema.rules.iter().filter(|rule| !rule.silent) {
            if rule.abort.applies(&text(&rule.column)) {
                let id = rule_id(&rule.name);
                return Err(Refusal(format!(
                    "Operation against file '{name}' was aborted by Business Rule '{rule}^{id}'. Business Rule Stack:{rule}",
                    rule = rule.name
                )));
            }
        }
        Ok(())
    }

    /// Whether a rule silently undoes an update.
    pub(super) fn undone(&self, name: &str, values: &[(u16, Cow<'_, str>)]) -> bool {
        let Some(table) = self.tables.get(name) else { return false };
        let new = |column: &str| values.iter().rev().find(|(number, _)| table.name_of(*number) == column).map(|(_, text)| &**text);
        table.schema.rules.iter().any(|rule| rule.silent && new(&rule.column).is_some_and(|text| rule.abort.applies(text)))
    }

    /// A POST to the Table API, without the answer.
    pub(super) fn insert(&mut self, name: &str, fields: &[Field<'_>], writer: Writer, options: &ServiceNowOptions) -> Result<u32, Refusal> {
        let mut values = self.prepare(name, fields, writer, options)?;
        self.check(name, None, &values, writer)?;
        let wanted = fields.iter().find(|(column, _)| &**column == "sys_id").map(|(_, value)| value.as_ref()).filter(|id| !id.is_empty());
        let (fresh, now) = (self.new_id(), self.now());
        let Some(table) = self.tables.get_mut(name) else { return Err(insert_refused(name, "")) };
        let id = match (wanted.and_then(parse_id), options.caller_sys_id) {
            (None, _) | (_, CallerSysId::Ignored) => fresh,
            (Some(_), CallerSysId::Refused) => return Err(insert_refused(name, wanted.unwrap_or_default())),
            (Some(id), policy) => match table.find_id(wanted.unwrap_or_default()) {
                Some(_) if policy == CallerSysId::KeptOnce => fresh,
                Some(_) => return Err(insert_refused(name, wanted.unwrap_or_default())),
                None => {
                    let as_written = wanted.unwrap_or_default();
                    if as_written.bytes().any(|byte| byte.is_ascii_uppercase()) {
                        let number = table.number("sys_id");
                        values.push((number, Cow::Owned(as_written.to_owned())));
                    }
                    id
                }
            },
        };
        Ok(table.insert(id, now, &values))
    }

    /// A PATCH or PUT, without the answer: whether anything changed.
    pub(super) fn update(
        &mut self,
        name: &str,
        slot: u32,
        fields: &[Field<'_>],
        writer: Writer,
        options: &ServiceNowOptions,
    ) -> Result<bool, Refusal> {
        let values = self.prepare(name, fields, writer, options)?;
        self.check(name, Some(slot), &values, writer)?;
        if writer != Writer::Hand && self.undone(name, &values) {
            return Ok(false);
        }
        let now = self.now();
        Ok(self.tables.get_mut(name).is_some_and(|table| table.update(slot, now, &values)))
    }

    /// Schedules work for a time in milliseconds since 1970.
    pub(super) fn later(&mut self, at: i64, due: Due) {
        let place = self.due.partition_point(|(time, _)| *time <= at);
        self.due.insert(place, (at, due));
    }
}

fn insert_refused(table: &str, display: &str) -> Refusal {
    Refusal(format!("Error during insert of {table} ({display})"))
}

/// A rule's `sys_id`, which is always the same for one name.
fn rule_id(name: &str) -> String {
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{sum:016x}{:016x}", sum.rotate_left(17))
}
