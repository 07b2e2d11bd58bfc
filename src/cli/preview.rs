//! `tieline preview`: what would be sent of records now. Nothing is written, in no system and not in the ledger.

use std::path::PathBuf;

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::domain::history::{ChildKeys, flatten};
use crate::domain::{DocumentKey, FlowId};
use crate::operations::preview::{Preview, PreviewAsked, PreviewOutcome, PreviewPart, PreviewRecord, preview as preview_of};

/// The width of the text, in characters.
const WIDTH: usize = 100;

/// Which records.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// The key as SYSPRO stores it, its parts joined by `/`: 0000104/INV-7. Without it: the first records in the order of SYSPRO's keys
    key: Option<String>,
    /// Without a key: at most this number of records
    #[arg(long, default_value_t = 10, value_name = "N", conflicts_with = "key", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Map with the definitions of this directory instead of those of the configuration; they need not be in force
    #[arg(long, value_name = "DIR")]
    definitions: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn preview(global: &Global, args: &PreviewArgs) -> Result<Exit, Failure> {
    let checked = match &args.definitions {
        Some(directory) => Checked::load_with_definitions(global, directory)?,
        None => Checked::load(global)?,
    };
    super::start_logging(global, &checked, super::Logs::Command)?;
    let asked = PreviewAsked { flow: FlowId::new(args.company.as_str(), args.entity.as_str()), key: args.key.clone(), limit: args.limit };
    super::block_on(async {
        let context = Context::open_to_read(checked).await?;
        let found = preview_of(&context.process(), None, &asked).await.map_err(|refused| context.checked.refused(refused));
        context.close().await;
        let found = found?;
        match global.output {
            OutputForm::Json => output::json(&found)?,
            _ => text(&found)?,
        }
        Ok(exit(&found))
    })
}

/// 3 where a record would not be sent, or SYSPRO does not have it; 8 where ServiceNow was not compared.
fn exit(found: &Preview) -> Exit {
    let any = |wanted: &[PreviewOutcome]| found.records.iter().any(|record| wanted.contains(&record.outcome));
    if any(&[PreviewOutcome::Fails, PreviewOutcome::Waits, PreviewOutcome::NotInSyspro]) {
        Exit::Partly
    } else if found.not_compared.is_some() || any(&[PreviewOutcome::NotCompared]) {
        Exit::Unverified
    } else {
        Exit::Done
    }
}

fn text(found: &Preview) -> Result<(), Failure> {
    output::line(&format!(
        "{}/{}, read from SYSPRO at {}, with the definitions {}. Nothing was written.",
        found.company,
        found.entity,
        output::at(Some(found.read_at)),
        found.definition_words()
    ))?;
    if let Some(why) = &found.not_compared {
        output::line(&format!("Not compared with ServiceNow: {why}."))?;
    }
    for note in &found.notes {
        output::line(note)?;
    }
    if found.records.is_empty() {
        output::line("SYSPRO has no record of this flow that the definition reads.")?;
    }
    for record in &found.records {
        record_text(record)?;
    }
    if found.more {
        output::line(&format!("\nThese are the first {}; SYSPRO has more. Name a key, or raise --limit.", found.records.len()))?;
    }
    Ok(())
}

fn record_text(record: &PreviewRecord) -> Result<(), Failure> {
    output::line(&format!("\n=== {}: {} ===", DocumentKey::shown(&record.key), record.outcome.words()))?;
    output::line(&record.next_run)?;
    if let Some(problem) = &record.problem {
        output::line(&format!("problem: {}", problem.text))?;
        output::line(&format!("what to do: {}", problem.next_step))?;
    }
    for code in &record.missing_codes {
        output::line(&format!("missing code: the code list `{}` has no `{}`; {}", code.list, code.code, code.next_step))?;
    }
    for parent in &record.missing_parents {
        output::line(&format!("missing parent: {}; {}", parent.words(), parent.next_step))?;
    }
    for warning in &record.warnings {
        output::line(&format!("warning: {warning}"))?;
    }
    if let Some(source) = &record.source {
        let flat = flatten(source, &ChildKeys::new()).into_iter().collect::<Vec<_>>();
        output::line(&format!("\nSYSPRO\n{}", output::vertical(&flat, WIDTH)))?;
    }
    for part in &record.parts {
        output::line(&format!("\n{}", output::vertical(&rows(part), WIDTH)))?;
    }
    Ok(())
}

/// A part as names and values. A field that differs has ServiceNow's value below its own.
fn rows(part: &PreviewPart) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("part", part.part.clone());
    row("table", part.table.clone());
    row("does", part.action.words().to_owned());
    if let Some(there) = &part.row {
        let changed =
            [there.updated_by.as_ref().map(|by| format!(" by {by}")), there.updated_at.as_ref().map(|at| format!(" at {at} UTC"))];
        let changed: String = changed.into_iter().flatten().collect();
        let changed = if changed.is_empty() { changed } else { format!(", changed{changed}") };
        row("row", format!("{} {}{changed}", there.table, there.sys_id));
    }
    if let Some(why) = &part.not_compared {
        row("not compared", why.clone());
    }
    part.notes.iter().for_each(|note| row("note", note.clone()));
    let there = |field: &str| {
        let different = part.differences.iter().find(|one| one.field == field)?;
        Some(format!("\nServiceNow has: {}", quoted(&different.servicenow)))
    };
    for (field, value) in &part.fields {
        let currency = part.currencies.get(field).map(|code| format!("  ({code})")).unwrap_or_default();
        row(field, format!("{}{currency}{}", quoted(value), there(field).unwrap_or_default()));
    }
    for one in &part.references {
        let sys_id = one.sys_id.clone().unwrap_or_else(|| "not known".to_owned());
        row(&one.field, format!("{sys_id} (the row of {} {}){}", one.entity, one.key, there(&one.field).unwrap_or_default()));
    }
    if !part.fields_not_compared.is_empty() {
        row("fields not compared", part.fields_not_compared.join(", "));
    }
    rows
}

/// An empty text is a value, too.
fn quoted(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() }
}
