//! Compiles `[watch]` of a target block: how records are polled after their delivery.

use super::parse::{Whole, Words};
use super::plan::{WatchPlan, WatchRow};
use super::problem::Report;
use super::shape::{BlockShape, WatchShape, WatchWord, WriteWord};

/// The job that validates invoices runs every 30 minutes, a transform within seconds: a first poll after five minutes finds the result of
/// either soon.
const FIRST_MINUTES: u32 = 5;
/// An instance keeps staging rows for seven days.
const GIVE_UP_DAYS: u32 = 7;

/// Compiles it; `table` is the table written to.
pub(super) fn watch_plan(block: &BlockShape, shape: &WatchShape, table: &str, name: &str, report: &mut Report<'_>) -> WatchPlan {
    let key = |rest: &str| format!("{name}.watch{rest}");
    let row = match shape.row {
        Some(WatchWord::Staging) => WatchRow::Staging,
        Some(WatchWord::Target | WatchWord::Unread) | None => WatchRow::Target,
    };
    let texts =
        |words: &Option<Words>| -> Vec<String> { words.iter().flat_map(|words| words.iter()).map(|one| one.value.clone()).collect() };
    let (done, failed) = (texts(&shape.done), texts(&shape.failed));
    if row == WatchRow::Staging && (block.write != WriteWord::ImportSet || block.key_column.is_none()) {
        report.add(
            shape.line,
            key(".row"),
            "`staging` needs `write = \"import_set\"` and a `key_column`, by which the staging row is found",
        );
    }
    let elsewhere = block.target_table.as_ref().is_some_and(|target| target.value != table);
    if row == WatchRow::Target && block.write == WriteWord::ImportSet && !elsewhere {
        report.add(
            shape.line,
            key(".row"),
            "`target` needs `target_table`, where the transform map puts the record; or set `row = \"staging\"`",
        );
    }
    if row == WatchRow::Target && shape.column.is_none() {
        report.add(shape.line, key(".column"), "is missing: the column with the state in ServiceNow");
    }
    if shape.column.is_some() == (done.is_empty() && failed.is_empty()) {
        report.add(shape.line, key(""), "`column` needs its values in `done` or `failed`, and they need it");
    }
    if let Some(both) = done.iter().find(|text| failed.contains(text)) {
        report.add(shape.line, key(".failed"), format!("`{both}` is among `done` too"));
    }
    let whole = |value: &Option<Whole>, name: &str, default: u32, (least, most): (u32, u32), report: &mut Report<'_>| {
        let number = value.as_ref().map_or(default, |whole| whole.value);
        if let Some(value) = value.as_ref().filter(|value| value.value > most || value.value < least) {
            report.add(value.line, key(name), format!("must be {least} to {most}, got `{}`", value.value));
        }
        number
    };
    WatchPlan {
        row,
        column: shape.column.as_ref().map(|name| name.value.clone()),
        done,
        failed,
        message: shape.message.as_ref().map(|name| name.value.clone()),
        first_minutes: whole(&shape.first_minutes, ".first_minutes", FIRST_MINUTES, (0, 1440), report),
        give_up_days: whole(&shape.give_up_days, ".give_up_days", GIVE_UP_DAYS, (1, 365), report),
        replay_failed: whole(&shape.replay_failed, ".replay_failed", 0, (0, 20), report),
    }
}
