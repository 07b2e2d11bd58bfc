//! How things are printed: tables and bars for people, JSON for programs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::failure::{Exit, Failure};
use crate::domain::FlowId;
use crate::domain::run::RunCounts;
use crate::domain::visible::{visible, visible_json};
use crate::telemetry::progress::Progress;

/// The width of text that is not written to a terminal, in characters.
const PAGE_WIDTH: usize = 100;

/// A table for people. Columns named in `numbers` are aligned to the right.
///
/// On a terminal that is too narrow, the columns of numbers with only zeros are left out; if that is not enough, each row becomes a block
/// of lines. No cell is wrapped within a word.
pub(super) fn table(headers: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    fitting(headers, numbers, rows.into_iter().map(seen).collect(), terminal_width())
}

/// A table whose cells are sentences. In a file or a pipe it would be hundreds of characters wide, because nothing limits it there: each
/// row becomes a block of lines that fit a page.
pub(super) fn sentences(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    match terminal_width() {
        Some(_) => table(headers, &[], rows),
        None => blocks(headers, &rows.into_iter().map(seen).collect::<Vec<_>>(), PAGE_WIDTH),
    }
}

/// Names and values as a vertical table of this width in characters: a name and its value on a line, longer values below it.
pub(super) fn vertical(rows: &[(String, String)], width: usize) -> String {
    let headers: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    blocks(&headers, &[seen(rows.iter().map(|(_, value)| value.clone()).collect())], width)
}

/// The width of the terminal of standard output; `None`: it is none.
fn terminal_width() -> Option<usize> {
    Table::new().width().map(usize::from)
}

fn seen(row: Vec<String>) -> Vec<String> {
    row.iter().map(|cell| visible(cell).into_owned()).collect()
}

/// The same for a width in characters; `None`: no limit.
fn fitting(headers: &[&str], numbers: &[usize], rows: Vec<Vec<String>>, width: Option<usize>) -> String {
    let all: Vec<usize> = (0..headers.len()).collect();
    let Some(width) = width.filter(|_| !rows.is_empty()) else {
        return drawn(headers, numbers, &rows, &all, None);
    };
    let fits = |columns: &[usize]| least(headers, &rows, columns) <= width;
    if fits(&all) {
        return drawn(headers, numbers, &rows, &all, Some(width));
    }
    let nothing =
        |at: usize| numbers.contains(&at) && rows.iter().all(|row| matches!(row.get(at).map(String::as_str), None | Some("" | "0")));
    let (empty, filled): (Vec<usize>, Vec<usize>) = all.iter().partition(|at| nothing(**at));
    if !empty.is_empty() && fits(&filled) {
        let names = empty.iter().map(|at| headers[*at]).collect::<Vec<_>>().join(", ");
        return format!("{}\nAll zero: {names}", drawn(headers, numbers, &rows, &filled, Some(width)));
    }
    blocks(headers, &rows, width)
}

/// Each row as a block of lines, one for each cell that is not empty. Longer cells go on below their first line.
fn blocks(headers: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let name = headers.iter().map(|header| header.chars().count()).max().unwrap_or_default();
    let further = format!("\n{:name$}  ", "");
    let block = |row: &Vec<String>| {
        let lines = headers.iter().zip(row).filter(|(_, value)| !value.is_empty());
        let value = |text: &str| wrapped(text, width.saturating_sub(name + 2)).join(&further);
        lines.map(|(header, text)| format!("{header:<name$}  {}\n", value(text))).collect::<String>()
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The lines of a text, broken between words. A word that is longer than a line has one to itself.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let mut words = line.split(' ');
        let mut current = words.next().unwrap_or_default().to_owned();
        for word in words {
            if current.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut current, word.to_owned()));
            } else {
                current.push(' ');
                current.push_str(word);
            }
        }
        lines.push(current);
    }
    lines
}

/// The smallest width of a table in which no word is broken.
fn least(headers: &[&str], rows: &[Vec<String>], columns: &[usize]) -> usize {
    let longest = |text: &str| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or_default();
    let column = |at: &usize| rows.iter().filter_map(|row| row.get(*at)).map(|cell| longest(cell)).chain([longest(headers[*at])]).max();
    columns.iter().map(|at| column(at).unwrap_or_default() + 3).sum::<usize>() + 1
}

fn drawn(headers: &[&str], numbers: &[usize], rows: &[Vec<String>], columns: &[usize], width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|at| headers[*at]).collect::<Vec<_>>());
    if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
        table.set_width(width);
    }
    for row in rows {
        table.add_row(columns.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect::<Vec<_>>());
    }
    for (shown, at) in columns.iter().enumerate() {
        if numbers.contains(at)
            && let Some(column) = table.column_mut(shown)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// One JSON document on standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Exit::Failed, format!("the answer cannot be written as JSON: {error}")))?;
    bytes(format!("{}\n", visible_json(&text)).as_bytes())
}

/// One line on standard output. If the reader has closed it (`| head`), the program ends quietly.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{}\n", visible(text)).as_bytes())
}

/// The same for bytes that are written unchanged.
pub(super) fn bytes(all: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(all).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::unread()),
        Err(error) => Err(Failure::new(Exit::Failed, format!("standard output cannot be written: {error}"))),
    }
}

/// For commands whose exit code means more than printing: a closed output does not change it.
pub(super) fn even_unread(printed: Result<(), Failure>) -> Result<(), Failure> {
    match printed {
        Err(failure) if failure.is_unread() => Ok(()),
        printed => printed,
    }
}

/// One line on standard error. A write error cannot be reported.
pub(super) fn complaint(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "tieline: {}", visible(text));
}

/// Progress bars per flow while a run set runs; none if standard error is not a terminal.
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

/// The counts as text, short enough for a line of 80 columns: zeros are left out.
pub(super) fn counts_text(c: &RunCounts) -> String {
    let some = [("new", c.new), ("changed", c.changed), ("gone", c.deleted), ("unchanged", c.unchanged)];
    let some = some.into_iter().filter(|(_, count)| *count > 0);
    let all = std::iter::once(("read", c.read)).chain(some).chain([("delivered", c.delivered)]);
    all.map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(" · ")
}

/// A time to the second, in UTC; `-` for none.
pub(super) fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two flows with one large count and one zero each.
    fn counts(width: usize) -> String {
        let headers = ["company", "entity", "delivered", "waiting", "failed"];
        let row = |entity: &str, failed: &str| ["EDU1", entity, "1,941", "0", failed].map(ToOwned::to_owned).to_vec();
        fitting(&headers, &[2, 3, 4], vec![row("purchase_order", "12"), row("supplier", "0")], Some(width))
    }

    #[test]
    fn a_table_leaves_out_what_is_nothing_and_becomes_blocks_before_a_word_is_broken() {
        let (wide, narrow, blocks) = (counts(60), counts(55), counts(30));
        for (text, width) in [(&wide, 60), (&narrow, 55), (&blocks, 30)] {
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(["purchase_order", "1,941", "delivered", "failed"].iter().all(|word| text.contains(word)), "{text}");
        }
        assert!(wide.contains("waiting") && !wide.contains("All zero"), "{wide}");
        assert!(narrow.ends_with("All zero: waiting"), "{narrow}");
        assert!(
            blocks.starts_with("company    EDU1\nentity     purchase_order\ndelivered  1,941\nwaiting    0\nfailed     12\n\ncompany"),
            "{blocks}"
        );
        let cell = vec!["purchase_order".to_owned(), "every 5 minutes\nsweep at 02:00".to_owned()];
        let lines = fitting(&["entity", "schedule"], &[], vec![cell], Some(25));
        assert!(lines.ends_with("schedule  every 5 minutes\n          sweep at 02:00"), "{lines}");
        // nothing is left out without a limit, or without a row
        assert!(!fitting(&["a", "b"], &[1], vec![vec!["x".into(), "0".into()]], None).contains("All zero"));
        assert!(fitting(&["company", "delivered"], &[1], Vec::new(), Some(5)).contains("company"));
    }

    #[test]
    fn a_sentence_is_broken_between_words_and_nothing_of_it_is_lost() {
        let found = "reads 12 of 14 tables; `ApInvoicePay` is refused: https://erp.example/SYSPRO8Odata/SYSPROOData";
        let text = blocks(&["what", "found"], &[vec!["tables".into(), found.into()], vec!["clock".into(), String::new()]], 40);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "what   tables");
        assert_eq!(lines[1], "found  reads 12 of 14 tables;");
        assert_eq!(lines[2], "       `ApInvoicePay` is refused:");
        assert_eq!(lines[3], "       https://erp.example/SYSPRO8Odata/SYSPROOData", "no word is broken");
        assert_eq!(lines[4..], ["", "what   clock"]);
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(found), "{text}");
        assert_eq!(wrapped("a  b\n\nc", 3), ["a ", "b", "", "c"]);
    }

    #[test]
    fn counts_of_nothing_are_left_out() {
        let counts = RunCounts { read: 288, new: 288, delivered: 280, ..RunCounts::default() };
        assert_eq!(counts_text(&counts), "read 288 · new 288 · delivered 280");
        assert_eq!(counts_text(&RunCounts::default()), "read 0 · delivered 0");
    }
}
