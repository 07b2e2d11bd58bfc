//! `tieline record`: the life of one record, and where it stands now and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::definition::plan::Plan;
use crate::domain::EntityName;
use crate::store::{RecordAttempt, RecordView, VersionView};

/// Which record.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// The key as SYSPRO stores it, its parts joined by `/`: 0000104/INV-7
    key: String,
}

/// One field that differs between two versions. `None`: the version has no such value.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    /// `Column`, or `lines[key of the line].Column`.
    field: String,
    before: Option<String>,
    after: Option<String>,
}

/// The key columns of each child, by which its rows are matched between versions.
type ChildKeys = BTreeMap<String, Vec<String>>;

/// A document's values by `Column` and `lines[key of the line].Column`.
type Flat = BTreeMap<String, String>;

/// Runs the command.
pub(super) fn record(global: &Global, args: &RecordArgs) -> Result<Exit, Failure> {
    super::ledger::with_ledger(global, async |context| {
        let view = context.store.record_view(args.company.clone(), args.entity.clone(), args.key.clone()).await?;
        if !view.known {
            return Err(never_read(&args.company, &args.entity, &args.key));
        }
        let keys = context.checked.definitions.plan(&EntityName::new(&args.entity)).map(child_keys).unwrap_or_default();
        let changes = changes(&view.versions, &keys);
        if global.output == OutputForm::Json {
            json(&view, &changes)?
        } else {
            print(&view, &changes)?
        }
        Ok(Exit::Done)
    })
}

/// What it can mean that a record is not in the ledger.
pub(super) fn never_read(company: &str, entity: &str, key: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "{company}/{entity} `{key}` was never read from SYSPRO: it is not there, the definition's filter leaves it out, its flow has not run yet \
             (`tieline status`), or the key is written otherwise (parts joined by `/`, leading zeros and capitals kept)"
        ),
    )
}

fn child_keys(plan: &Plan) -> ChildKeys {
    plan.read.children.iter().map(|child| (child.name.clone(), child.table.key.clone())).collect()
}

/// The view for programs. Structs instead of `json!`, whose numbers would be binary floats: content and payload stay digit by digit.
#[derive(Serialize)]
struct JsonRecord<'a> {
    company: &'a str,
    entity: &'a str,
    key: &'a str,
    versions: Vec<JsonVersion<'a>>,
    deliveries: Vec<JsonDelivery<'a>>,
    steps: &'a [RecordAttempt],
}

#[derive(Serialize)]
struct JsonVersion<'a> {
    version: i32,
    read_at: DateTime<Utc>,
    deleted: bool,
    changes: &'a [Change],
    content: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct JsonDelivery<'a> {
    delivery_id: i64,
    version: i32,
    block: &'a str,
    record_key: &'a str,
    state: &'a str,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    next_step: Option<&'a str>,
    sys_id: Option<&'a str>,
    target_table: Option<&'a str>,
    payload: Option<&'a RawValue>,
}

fn json(view: &RecordView, changes: &[Vec<Change>]) -> Result<(), Failure> {
    let versions = view.versions.iter().zip(changes).map(|(version, changes)| JsonVersion {
        version: version.version,
        read_at: version.read_at,
        deleted: version.deleted,
        changes,
        content: raw(&version.content),
    });
    let deliveries = view.deliveries.iter().map(|delivery| JsonDelivery {
        delivery_id: delivery.delivery_id,
        version: delivery.version,
        block: &delivery.block,
        record_key: &delivery.record_key,
        state: &delivery.state,
        reason: delivery.reason.as_deref(),
        message: delivery.message.as_deref(),
        next_step: delivery.next_step.as_deref(),
        sys_id: delivery.sys_id.as_deref(),
        target_table: delivery.target_table.as_deref(),
        payload: raw(&delivery.payload),
    });
    output::json(&JsonRecord {
        company: &view.company,
        entity: &view.entity,
        key: &view.key,
        versions: versions.collect(),
        deliveries: deliveries.collect(),
        steps: &view.steps,
    })
}

fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

fn print(view: &RecordView, changes: &[Vec<Change>]) -> Result<(), Failure> {
    output::line(&format!("{}/{} {}", view.company, view.entity, view.key))?;
    for (version, changes) in view.versions.iter().zip(changes) {
        let gone = if version.deleted { ", gone from SYSPRO" } else { "" };
        output::line(&format!("\nversion {} read {}{gone}", version.version, version.read_at.format("%Y-%m-%d %H:%M:%SZ")))?;
        for change in changes {
            output::line(&format!("  {}: {}", change.field, change.words()))?;
        }
    }
    let rows = view.deliveries.iter().map(|d| {
        let part = if d.record_key.is_empty() { d.block.clone() } else { format!("{} {}", d.block, d.record_key) };
        let state = d.reason.as_ref().map_or_else(|| d.state.clone(), |reason| format!("{}: {reason}", d.state));
        let stands = match (&d.target_table, &d.sys_id) {
            (Some(table), Some(sys_id)) => format!("{table} {sys_id}"),
            _ => String::new(),
        };
        vec![part, d.version.to_string(), state, d.message.clone().unwrap_or_default(), d.next_step.clone().unwrap_or_default(), stands]
    });
    output::line(&output::table(&["part", "version", "stands", "why", "next step", "in ServiceNow"], &[1], rows).to_string())?;
    let rows = view.steps.iter().map(|s| {
        vec![
            s.at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string(),
            s.kind.clone(),
            [s.block.as_deref(), s.record_key.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ").trim_end().to_owned(),
            s.version.map(|version| version.to_string()).unwrap_or_default(),
            s.actor.clone(),
            s.detail.clone().unwrap_or_default(),
        ]
    });
    output::line(&output::table(&["at", "step", "part", "version", "who", "detail"], &[3], rows).to_string())
}

impl Change {
    fn words(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("`{before}` is now `{after}`"),
            (None, Some(after)) => format!("nothing is now `{after}`"),
            (Some(before), None) => format!("`{before}` is gone"),
            (None, None) => String::new(),
        }
    }
}

/// Per version, the newest first, what differs from the one before; nothing for one without a version before it in the list.
fn changes(versions: &[VersionView], keys: &ChildKeys) -> Vec<Vec<Change>> {
    let flat: Vec<Flat> = versions.iter().map(|version| flatten(&version.content, keys)).collect();
    (0..flat.len()).map(|at| flat.get(at + 1).map(|before| differences(before, &flat[at])).unwrap_or_default()).collect()
}

/// A document's values. The rows of a child are named by their key columns, so that a row that comes or goes is no change of the others;
/// rows of a child that the present definition does not know are named by their place.
fn flatten(content: &str, keys: &ChildKeys) -> Flat {
    let mut flat = Flat::new();
    for (name, value) in fields(content) {
        let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            put(&mut flat, name, value);
            continue;
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (place, row) in rows.into_iter().enumerate() {
            let row = fields(row.get());
            let key = match keys.get(&name) {
                Some(columns) => {
                    columns.iter().map(|column| row.get(column).map(|value| text(value)).unwrap_or_default()).collect::<Vec<_>>().join("/")
                }
                None => place.to_string(),
            };
            let times = seen.entry(key.clone()).or_default();
            *times += 1;
            let again = if *times > 1 { format!("#{times}") } else { String::new() };
            for (column, value) in row {
                put(&mut flat, format!("{name}[{key}]{again}.{column}"), value);
            }
        }
    }
    flat
}

fn fields(object: &str) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(object).unwrap_or_default()
}

/// Null and blank text are the same content, as for the hash that makes a version.
fn put(flat: &mut Flat, name: String, value: &RawValue) {
    let text = text(value);
    if !text.trim().is_empty() {
        flat.insert(name, text);
    }
}

/// A plain value as text, numbers digit by digit.
fn text(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        plain => serde_json::from_str(plain).unwrap_or_else(|_| plain.to_owned()),
    }
}

fn differences(before: &Flat, after: &Flat) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| Change { field: name.clone(), before: before.get(name).cloned(), after: after.get(name).cloned() })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: i32, content: &str) -> VersionView {
        VersionView { version: number, read_at: DateTime::UNIX_EPOCH, deleted: false, content: content.into() }
    }

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { field: field.into(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    #[test]
    fn versions_differ_field_by_field() {
        let old = version(1, r#"{"Name":"A","Due":"2026-01-31","Memo":"","Balance":12345678901234.567891}"#);
        let new = version(2, r#"{"Name":"B","Due":"2026-01-31","Balance":12345678901234.567892}"#);
        let found = changes(&[new, old], &ChildKeys::new());
        let expected =
            [change("Balance", Some("12345678901234.567891"), Some("12345678901234.567892")), change("Name", Some("A"), Some("B"))];
        assert_eq!(found, [expected.into(), Vec::new()], "to the last digit, and a blank text is no change");
    }

    #[test]
    fn lines_are_matched_by_their_keys() {
        let keys = ChildKeys::from([("lines".to_owned(), vec!["Journal".to_owned(), "Entry".to_owned()])]);
        let old = version(1, r#"{"lines":[{"Journal":7,"Entry":2,"Value":1.5},{"Journal":7,"Entry":3,"Value":9}]}"#);
        // one comes before the others, one changes, one goes
        let new = version(2, r#"{"lines":[{"Journal":7,"Entry":1,"Value":4},{"Journal":7,"Entry":2,"Value":2}]}"#);
        let found = changes(&[new, old], &keys).remove(0);
        let fields: Vec<&str> = found.iter().map(|change| change.field.as_str()).collect();
        let come = ["lines[7/1].Entry", "lines[7/1].Journal", "lines[7/1].Value"];
        let gone = ["lines[7/3].Entry", "lines[7/3].Journal", "lines[7/3].Value"];
        assert_eq!(fields, [&come[..], &["lines[7/2].Value"], &gone].concat());
        assert_eq!(found[3], change("lines[7/2].Value", Some("1.5"), Some("2")));
        assert_eq!((found[2].before.as_deref(), found[6].after.as_deref()), (None, None));
    }

    #[test]
    fn rows_of_one_key_or_of_an_unknown_child_are_kept_apart() {
        let keys = ChildKeys::from([("lines".to_owned(), vec!["Entry".to_owned()])]);
        let flat = flatten(r#"{"lines":[{"Entry":"a","V":1},{"Entry":"a","V":2}],"old":[{"V":3},{"V":4}]}"#, &keys);
        let values: Vec<(&str, &str)> =
            flat.iter().filter(|(name, _)| name.ends_with('V')).map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(values, [("lines[a]#2.V", "2"), ("lines[a].V", "1"), ("old[0].V", "3"), ("old[1].V", "4")]);
    }
}
