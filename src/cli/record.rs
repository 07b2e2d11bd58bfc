//! `tieline record`: the life of one record, and where it stands now and why.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::store::RecordView;

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

/// One field that differs between two versions.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    field: String,
    before: String,
    after: String,
}

/// Runs the command.
pub(super) fn record(global: &Global, args: &RecordArgs) -> Result<Exit, Failure> {
    super::ledger::with_ledger(global, async |context| {
        let view = context.store.record_view(args.company.clone(), args.entity.clone(), args.key.clone()).await?;
        if !view.known {
            return Err(Failure::new(
                Exit::Failed,
                format!(
                    "{}/{} `{}` was never read from SYSPRO: it is not there, the definition's filter leaves it out, its flow has not run yet (`tieline status`), \
                     or the key is written otherwise (parts joined by `/`, leading zeros and capitals kept)",
                    args.company, args.entity, args.key
                ),
            ));
        }
        if global.output == OutputForm::Json {
            json(&view)?
        } else {
            print(&view)?
        }
        Ok(Exit::Done)
    })
}

fn json(view: &RecordView) -> Result<(), Failure> {
    let changes: Vec<Vec<Change>> = changes(view);
    output::json(&serde_json::json!({ "record": view, "changes": changes }))
}

/// Per version, the newest first, what differs from the one before.
fn changes(view: &RecordView) -> Vec<Vec<Change>> {
    let flat: Vec<BTreeMap<String, String>> = view.versions.iter().map(|version| flatten(&version.content)).collect();
    let empty = BTreeMap::new();
    (0..flat.len()).map(|at| differences(flat.get(at + 1).unwrap_or(&empty), &flat[at])).collect()
}

fn print(view: &RecordView) -> Result<(), Failure> {
    output::line(&format!("{}/{} {}", view.company, view.entity, view.key))?;
    for (version, changes) in view.versions.iter().zip(changes(view)) {
        let gone = if version.deleted { ", gone from SYSPRO" } else { "" };
        output::line(&format!("\nversion {} read {}{gone}", version.version, version.read_at.format("%Y-%m-%d %H:%M:%SZ")))?;
        if version.version == 1 {
            continue;
        }
        for change in changes {
            output::line(&format!("  {}: `{}` is now `{}`", change.field, change.before, change.after))?;
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
            s.block.clone().unwrap_or_default(),
            s.actor.clone(),
            s.detail.clone().unwrap_or_default(),
        ]
    });
    output::line(&output::table(&["at", "step", "part", "who", "detail"], &[], rows).to_string())
}

/// A document's content as `column` and `lines[0].column` with their texts.
fn flatten(content: &str) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    if let Ok(json) = serde_json::from_str::<Json>(content) {
        walk("", &json, &mut flat);
    }
    flat
}

fn walk(path: &str, json: &Json, flat: &mut BTreeMap<String, String>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, value, flat);
            }
        }
        Json::Array(rows) => rows.iter().enumerate().for_each(|(at, row)| walk(&format!("{path}[{at}]"), row, flat)),
        Json::String(text) => {
            flat.insert(path.to_owned(), text.clone());
        }
        Json::Null => {}
        other => {
            flat.insert(path.to_owned(), other.to_string());
        }
    }
}

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let text = |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| Change { field: name.clone(), before: text(before, name), after: text(after, name) })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_field_by_field() {
        let before = flatten(r#"{"root":{"Name":"A","Due":"2026-01-31"},"lines":[{"Value":"1.50"}]}"#);
        let after = flatten(r#"{"root":{"Name":"B","Due":"2026-01-31"},"lines":[{"Value":"1.50"},{"Value":"2"}]}"#);
        let found = differences(&before, &after);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], Change { field: "root.Name".into(), before: "A".into(), after: "B".into() });
        assert_eq!(found[0].field, "lines[1].Value");
    }
}
