//! The words that SQL compares a state, a reason or a kind with are words of the enums.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::approval::ApprovalState;
use crate::domain::audit::AuditKind;
use crate::domain::close::{CloseState, PeriodChange};
use crate::domain::conflict::{ConflictKind, ConflictState};
use crate::domain::delivery::{DeliveryAction, DeliveryState, DownstreamState, FailureReason, PartState};
use crate::domain::merge::Side;
use crate::domain::run::{BackfillState, RunKind, RunOutcome};
use crate::domain::task::TaskState;
use crate::domain::tie_out::{Difference, TieOutState};
use crate::store::{TieOutSide, WriteBackStep};

/// States that have no enum: of a notice, and of a change that is written into SYSPRO.
const OTHER: &[&str] = &["due", "sent", "called"];

/// By the column's name, the enums whose words it may hold. Tables share these names, so that a column may hold the words of several.
fn words(column: &str) -> Vec<&'static [&'static str]> {
    match column {
        "state" => vec![
            DeliveryState::WORDS,
            PartState::WORDS,
            DownstreamState::WORDS,
            ConflictState::WORDS,
            BackfillState::WORDS,
            WriteBackStep::WORDS,
            TieOutState::WORDS,
            CloseState::WORDS,
            ApprovalState::WORDS,
            TaskState::WORDS,
            // of a block that cannot be compared after a restore
            &["unreadable"],
            OTHER,
        ],
        // ServiceNow asked for time
        "reason" => vec![FailureReason::WORDS, &["throttled"]],
        "kind" => vec![AuditKind::WORDS, RunKind::WORDS, ConflictKind::WORDS, Difference::WORDS, PeriodChange::WORDS],
        "action" => vec![DeliveryAction::WORDS],
        "outcome" => vec![RunOutcome::WORDS, &["flow forgotten"]],
        "side" => vec![Side::WORDS, TieOutSide::WORDS],
        _ => Vec::new(),
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql" || extension == "rs"))
        .collect()
}

/// The quoted words at the beginning of `text`, separated by commas.
fn quoted(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some((word, rest)) = text.strip_prefix('\'').and_then(|text| text.split_once('\'')) {
        found.push(word);
        text = rest.strip_prefix(',').map_or("", str::trim_start);
    }
    found
}

/// The columns that are compared with quoted words, each with those words.
fn compared(sql: &str) -> Vec<(&str, Vec<&str>)> {
    let begins = |at: usize| !sql[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let mut found = Vec::new();
    for column in ["state", "reason", "kind", "action", "outcome", "side"] {
        for (at, _) in sql.match_indices(column).filter(|(at, _)| begins(*at)) {
            let rest = sql[at + column.len()..].trim_start();
            let operators = ["= ", "<> ", "IN (", "NOT IN ("];
            let list = operators.iter().find_map(|operator| rest.strip_prefix(operator)).map(quoted).unwrap_or_default();
            if !list.is_empty() {
                found.push((column, list));
            }
        }
    }
    found
}

#[test]
fn every_word_that_sql_compares_with_is_one_of_an_enum() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")) {
        let text = fs::read_to_string(&path).expect("a text");
        for (column, list) in compared(&text) {
            let allowed = words(column);
            // `{state}` is replaced by the word of an enum
            for word in list.into_iter().filter(|word| !word.starts_with('{')) {
                checked += 1;
                if !allowed.iter().any(|words| words.contains(&word)) {
                    wrong.push(format!("{}: {column} is never `{word}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 100, "{checked} words: the statements are not where they were");
}

#[test]
fn words_are_found_in_comparisons_alone() {
    let sql = "WHERE p.state IN ('queued', 'failed') AND reason <> 'poison' AND my_state = 'x' AND state = $1 -- state";
    assert_eq!(compared(sql), [("state", vec!["queued", "failed"]), ("reason", vec!["poison"])]);
}
