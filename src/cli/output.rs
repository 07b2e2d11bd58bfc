//! How things are printed: tables and bars for people, JSON for programs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::failure::{Exit, Failure};
use crate::actors::progress::Progress;
use crate::domain::FlowId;
use crate::domain::run::RunCounts;

/// A table for people. Columns named in `numbers` are aligned to the right.
pub(super) fn table(headers: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(headers.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for &number in numbers {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// One JSON document on standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Exit::Failed, format!("the answer cannot be written as JSON: {error}")))?;
    line(&text)
}

/// One line on standard output. A reader that has gone (`| head`) ends the program quietly.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// The same for what is written as it is.
pub(super) fn bytes(all: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(all).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::unread()),
        Err(error) => Err(Failure::new(Exit::Failed, format!("standard output cannot be written: {error}"))),
    }
}

/// For commands whose exit code says more than that something was printed: a reader that has gone does not change it.
pub(super) fn even_unread(printed: Result<(), Failure>) -> Result<(), Failure> {
    match printed {
        Err(failure) if failure.is_unread() => Ok(()),
        printed => printed,
    }
}

/// One line on standard error. Nobody can be told that it could not be written.
pub(super) fn complaint(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "tieline: {text}");
}

/// Bars per flow while a cycle runs; none where standard error is no terminal.
pub(super) struct Bars {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Bars {
    /// Draws until [`Bars::finish`].
    pub(super) fn start(progress: Arc<Progress>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { stop: None, task: None };
        }
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::task::spawn_local(async move {
            let all = MultiProgress::new();
            let mut bars: BTreeMap<FlowId, ProgressBar> = BTreeMap::new();
            loop {
                let done = tokio::time::timeout(Duration::from_millis(100), &mut stopped).await.is_ok();
                for (flow, counts) in progress.all() {
                    let bar = bars.entry(flow.clone()).or_insert_with(|| all.add(bar(&flow)));
                    bar.set_message(counts_text(&counts));
                    bar.tick();
                }
                if done {
                    bars.values().for_each(|bar| bar.abandon());
                    return;
                }
            }
        });
        Self { stop: Some(stop), task: Some(task) }
    }

    /// Draws the last state and stops.
    pub(super) async fn finish(self) {
        if let (Some(stop), Some(task)) = (self.stop, self.task) {
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}

fn bar(flow: &FlowId) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix:28} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style).with_prefix(flow.to_string())
}

/// The counts in words, short enough for a line of 80 columns: what there is none of is left out.
pub(super) fn counts_text(c: &RunCounts) -> String {
    let some = [("new", c.new), ("changed", c.changed), ("gone", c.deleted), ("unchanged", c.unchanged)];
    let some = some.into_iter().filter(|(_, count)| *count > 0);
    let all = std::iter::once(("read", c.read)).chain(some).chain([("delivered", c.delivered)]);
    all.map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_nothing_are_left_out() {
        let counts = RunCounts { read: 288, new: 288, delivered: 280, ..RunCounts::default() };
        assert_eq!(counts_text(&counts), "read 288 · new 288 · delivered 280");
        assert_eq!(counts_text(&RunCounts::default()), "read 0 · delivered 0");
    }
}
