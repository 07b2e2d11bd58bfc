//! `tieline record … --sent`: what was sent of one record.

use super::failure::Failure;
use super::output::{self, at};
use super::{Global, OutputForm};
use crate::domain::DocumentKey;
use crate::domain::ids::DeliveryId;
use crate::operations::sent::{RecordSent, SentAttempt, SentPart, action_words, sent};
use crate::process::Process;
use crate::store::SentFilter;

/// The width of the table, in characters.
const WIDTH: usize = 80;
/// The most deliveries that are read at once.
const PAGE: i64 = 1000;

/// Prints up to `limit` deliveries, the newest first.
pub(super) async fn print(global: &Global, process: &Process, asked: SentFilter) -> Result<(), Failure> {
    let limit = asked.limit;
    let mut found = sent(process, SentFilter { limit: limit.min(PAGE), ..asked.clone() }).await?;
    loop {
        let left = limit - i64::try_from(found.items.len()).unwrap_or(i64::MAX);
        let Some(before) = found.next.as_deref().filter(|_| left > 0).and_then(|next| next.parse().ok()) else { break };
        let more = sent(process, SentFilter { before: DeliveryId(before), limit: left.min(PAGE), ..asked.clone() }).await?;
        found.items.extend(more.items);
        found.notes.extend(more.notes);
        found.notes.dedup();
        found.next = more.next;
    }
    if global.output == OutputForm::Json { output::json(&found) } else { text(&found) }
}

fn text(found: &RecordSent) -> Result<(), Failure> {
    output::line(&format!("{}/{} {}: what was sent, the newest first", found.company, found.entity, DocumentKey::shown(&found.key)))?;
    for note in &found.notes {
        output::line(note)?;
    }
    for part in &found.items {
        output::line(&format!("\n{}", output::vertical(&rows(part), WIDTH)))?;
    }
    if found.next.is_some() {
        output::line(&format!("\nThese are the newest {} deliveries; raise --limit, or name a version or a part.", found.items.len()))?;
    }
    Ok(())
}

/// A delivery as names and values.
fn rows(part: &SentPart) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    let unknown = || "not known any more".to_owned();
    row("version", part.version.map_or_else(unknown, |version| version.to_string()));
    row("part", part.part.clone().unwrap_or_else(unknown));
    row("state", part.state.clone().map_or_else(|| "not known".to_owned(), |state| state.replace('_', " ")));
    row("does", action_words(part.action).to_owned());
    row("queued", part.queued_at.map_or_else(unknown, |time| at(Some(time))));
    row("run", part.run_id.map(|run| run.to_string()).unwrap_or_default());
    row("delivery", part.delivery_id.to_string());
    row("definition", part.definition.words());
    if part.maps_the_same == Some(true) {
        row("mapped again", "the stored version gives the same fields".to_owned());
    }
    part.notes.iter().for_each(|note| row("note", note.clone()));
    for (field, value) in part.fields.iter().flatten() {
        let currency = part.currencies.get(field).map(|code| format!("  ({code})")).unwrap_or_default();
        // an empty text is sent, too
        row(field, if value.is_empty() { "\"\"".to_owned() } else { format!("{value}{currency}") });
    }
    for one in &part.references {
        let sys_id = one.sys_id.clone().unwrap_or_else(|| "not known".to_owned());
        row(&one.field, format!("{sys_id} (the row of {} {}, as it is known now)", one.entity, one.key));
    }
    part.attempts.iter().for_each(|attempt| row("attempt", attempt_text(attempt)));
    rows
}

fn attempt_text(attempt: &SentAttempt) -> String {
    let mut text = format!("{} {}: {}", at(Some(attempt.began_at.unwrap_or(attempt.at))), attempt.how_words(), attempt.words());
    if let (Some(table), Some(sys_id)) = (&attempt.table, &attempt.sys_id) {
        text.push_str(&format!(", {table} {sys_id}"));
    }
    if let Some(message) = &attempt.message {
        text.push_str(&format!("\n{message}"));
    }
    for one in &attempt.not_as_sent {
        text.push_str(&format!("\n{}: sent `{}`, kept `{}`", one.field, one.sent, one.returned));
    }
    if let Some(batch) = attempt.batch_id {
        text.push_str(&format!("\nbatch {batch}"));
    }
    text
}
