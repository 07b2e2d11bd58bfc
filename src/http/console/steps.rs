//! Audit rows as sentences. The original row is also available.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::view::{CodeText, Time};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::{Confirmation, DownstreamState, FailureReason};
use crate::domain::run::RunEvent;
use crate::store::AuditRow;

/// One step as a sentence.
pub(super) struct Step {
    pub(super) words: CodeText,
    pub(super) tone: &'static str,
    pub(super) next_step: Option<CodeText>,
    /// Nothing more happens automatically before this time.
    pub(super) until: Option<Time>,
    /// The row's original detail.
    pub(super) raw: Option<String>,
}

/// A row's detail, by name.
type Detail = BTreeMap<String, Value>;

/// A row as a sentence. An unknown detail is shown unchanged.
pub(super) fn step(row: &AuditRow) -> Step {
    let detail: Detail = row.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let said = |name: &str| detail.get(name).map(plain).filter(|text| !text.is_empty());
    let at = |name: &str| said(name).and_then(|text| text.parse::<DateTime<Utc>>().ok()).map(Time);
    let version = row.version.map_or_else(String::new, |version| format!(" {version}"));
    let message = || said("message").or_else(|| said("why")).map(|text| sentence(&text)).unwrap_or_default();
    let mut until = None;
    let kind = row.kind.parse().ok();
    let (words, tone) = match kind {
        Some(AuditKind::VersionRead) => {
            let kept = said("kept").map(|text| format!(" {}", capital(&text))).unwrap_or_default();
            (format!("Version{version} was read from SYSPRO.{kept}{}", warnings(&detail)), if kept.is_empty() { "" } else { "warn" })
        }
        Some(AuditKind::DeletionSeen) => ("SYSPRO no longer has it.".to_owned(), "warn"),
        Some(AuditKind::Replayed) => match said("measured") {
            Some(text) => (format!("Version{version} was mapped again. {}", sentence(&capital(&text))), ""),
            None => (format!("The stored content of version{version} was mapped again and queued.{}", warnings(&detail)), ""),
        },
        Some(AuditKind::Attempted) => {
            let look_up = detail.get("look_up").and_then(Value::as_bool) == Some(true);
            let what = if look_up { "are about to be looked up" } else { "are about to be sent" };
            (format!("Records of the block {} {what}: {}.", said("block").unwrap_or_default(), said("records").unwrap_or_default()), "")
        }
        Some(AuditKind::Confirmed) => (format!("ServiceNow has it: {}.", confirmed(&detail)), "good"),
        Some(AuditKind::LookedUp) if detail.contains_key("sys_id") => {
            (format!("Tieline looked it up, and ServiceNow has it: {}.", confirmed(&detail)), "good")
        }
        Some(AuditKind::LookedUp) => {
            until = at("not_before");
            (format!("Tieline looked it up. {} Tieline sends it again.", capital(&message())), "warn")
        }
        Some(AuditKind::PartialWrite) => {
            (format!("ServiceNow has it: {}, but stored other values than sent: {}.", confirmed(&detail), fields(&detail)), "warn")
        }
        Some(AuditKind::Deferred) => {
            until = at("not_before");
            // a next step for a person means that the error does not pass by itself
            let passes = said("next_step").is_none_or(|step| step.starts_with("nothing"));
            let what = if passes { "Temporary error" } else { "Error that needs a correction" };
            (format!("{what}: {} Tieline retries.", message()), "warn")
        }
        Some(AuditKind::Unknown) => {
            until = at("next_look_up");
            (
                format!("Tieline does not know whether it arrived: {} It looks the record up before it sends anything again.", message()),
                "warn",
            )
        }
        Some(AuditKind::Failed | AuditKind::Waiting | AuditKind::OnHold) => {
            let why = match said("reason").and_then(|reason| FailureReason::of_audit(&reason)) {
                Some(FailureReason::Rejected) => "it was refused",
                Some(FailureReason::Unmapped) => "it could not be mapped",
                Some(FailureReason::MissingParent) => "a record that it refers to has not been delivered",
                Some(FailureReason::Unreadable) => "it could not be read",
                Some(FailureReason::Poison) => "it crashed the mapping twice",
                Some(FailureReason::Exhausted) => "all attempts failed",
                Some(FailureReason::Downstream) => "it failed in ServiceNow after delivery",
                Some(FailureReason::Conflict) => "its row in ServiceNow belongs to another record, or it has two rows",
                Some(FailureReason::OnHold) => "a person holds it",
                None => "it needs a person",
            };
            let field = said("field").map(|field| format!(" Field: {field}.")).unwrap_or_default();
            let (result, tone) = match kind {
                Some(AuditKind::Waiting) => ("Waiting", "warn"),
                Some(AuditKind::OnHold) => ("On hold", "warn"),
                _ => ("Failed", "bad"),
            };
            (format!("{result}: {why}. {}{field}", capital(&message())).trim_end().to_owned(), tone)
        }
        Some(AuditKind::Released) => (format!("Queued again: {}", message()), ""),
        Some(AuditKind::Superseded) if detail.contains_key("message") => {
            (format!("Nothing was written: {} The next run decides again.", message()), "warn")
        }
        Some(AuditKind::Superseded) => ("A later delivery of the record replaced it before it was sent.".to_owned(), ""),
        Some(AuditKind::Downstream) => {
            let words = said("said").map(|text| format!(" {}", capital(&text))).unwrap_or_default();
            let again = said("again_in_seconds").map(|seconds| format!(" It is sent again in {seconds} s.")).unwrap_or_default();
            match said("state").and_then(|state| state.parse().ok()) {
                Some(DownstreamState::Done) => (format!("ServiceNow has finished with it.{words}"), "good"),
                Some(DownstreamState::Failed) => (format!("It failed in ServiceNow after delivery.{words}{again}"), "bad"),
                // rows of earlier releases have another word for an unknown state
                Some(DownstreamState::Open | DownstreamState::Unknown) | None => {
                    (format!("Its later state in ServiceNow is unknown.{words}"), "warn")
                }
            }
        }
        Some(AuditKind::Drifted) => (said("what").map(|text| capital(&text)).unwrap_or_default(), "warn"),
        Some(AuditKind::Conflict) if detail.contains_key("message") => {
            (format!("{} The row also belongs to another record.", capital(&message())), "bad")
        }
        Some(AuditKind::Conflict) => (conflict(&said), "warn"),
        Some(AuditKind::Run) => {
            let failed = said("event").and_then(|event| event.parse().ok()) == Some(RunEvent::Failed);
            (run(&said), if failed { "bad" } else { "" })
        }
        Some(AuditKind::Action | AuditKind::Approval | AuditKind::Task) => (action(&said), ""),
        Some(AuditKind::Close) => {
            let message = said("message").map(|text| format!(" {}", capital(&text))).unwrap_or_default();
            let tone = if message.is_empty() { "" } else { "warn" };
            (format!("{}{message}", action(&said)), tone)
        }
        Some(AuditKind::Notice | AuditKind::Definition | AuditKind::Retention | AuditKind::Restored) | None => (String::new(), ""),
    };
    Step { words: CodeText(words), tone, next_step: said("next_step").map(CodeText), until, raw: row.detail.clone() }
}

/// A plain value as text.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// With a capital letter and a full stop.
fn capital(text: &str) -> String {
    let mut text = sentence(text);
    text.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
    text
}

/// With a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn confirmed(detail: &Detail) -> String {
    let text = |name: &str| detail.get(name).map(plain).unwrap_or_default();
    // a row of the audit stays as it is: a word of another release is shown unchanged
    let word = text("how");
    let how = word.parse().map_or(word.as_str(), |known: Confirmation| known.text());
    let said = detail.get("said").map(|said| format!("; it said: {}", plain(said))).unwrap_or_default();
    format!("{how}, {} {}{said}", text("table"), text("sys_id")).trim_end().to_owned()
}

fn warnings(detail: &Detail) -> String {
    let texts = detail.get("warnings").and_then(Value::as_array).into_iter().flatten();
    texts.map(|text| format!(" {}", sentence(&plain(text)))).collect()
}

fn fields(detail: &Detail) -> String {
    let one = |field: &Value| {
        let text = |name: &str| field.get(name).map(plain).unwrap_or_default();
        format!("{}: sent “{}”, kept “{}”", text("field"), text("sent"), text("returned"))
    };
    detail.get("fields").and_then(Value::as_array).into_iter().flatten().map(one).collect::<Vec<_>>().join("; ")
}

fn conflict(said: &dyn Fn(&str) -> Option<String>) -> String {
    let text = |name: &str| said(name).unwrap_or_default().replace('_', " ");
    let field = said("field").map(|field| if field == "@row" { "the record itself".to_owned() } else { field }).unwrap_or_default();
    let values = match (said("syspro"), said("servicenow")) {
        (None, None) => String::new(),
        (syspro, servicenow) => {
            format!(": SYSPRO has “{}”, ServiceNow “{}”", syspro.unwrap_or_default(), servicenow.unwrap_or_default())
        }
    };
    let so = [text("kind"), text("state"), text("write_back"), text("outcome")]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    let side = said("side").map(|side| format!("; {side} wins")).unwrap_or_default();
    let why = said("why").map(|why| format!(". Why: {}", sentence(&why))).unwrap_or_else(|| ".".to_owned());
    let so = if so.is_empty() { String::new() } else { format!(" ({so})") };
    format!("{field}{values}{so}{side}{why}")
}

fn run(said: &dyn Fn(&str) -> Option<String>) -> String {
    let why = said("why").map(|why| format!(" Why: {}", sentence(&why))).unwrap_or_default();
    let Some(event) = said("event") else { return String::new() };
    match (event.parse(), said("error")) {
        (Ok(RunEvent::Begun), _) => format!("A {} started.{why}", said("kind").unwrap_or_else(|| "run".to_owned())),
        (Ok(RunEvent::Failed), Some(error)) => format!("The run failed: {}", sentence(&error)),
        (Ok(RunEvent::Failed), None) => "The run failed.".to_owned(),
        (Ok(RunEvent::Done), _) => "The run finished.".to_owned(),
        // of another release
        (Err(_), _) => format!("The run: {event}."),
    }
}

/// The action of a person, and its object.
fn action(said: &dyn Fn(&str) -> Option<String>) -> String {
    let Some(action) = said("action") else { return String::new() };
    let about = ["event", "name", "role", "company", "entity", "key", "cause", "reason", "text", "since", "until", "period"];
    let about: Vec<String> = about.iter().filter_map(|name| said(name).map(|text| format!("{name} {text}"))).collect();
    let about = if about.is_empty() { String::new() } else { format!(": {}", about.join(", ")) };
    let why = said("why").map(|why| format!(" Why: {}", sentence(&why))).unwrap_or_default();
    let mut words = format!("{action}{about}.{why}");
    words.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AuditRowId;

    fn said(kind: &str, detail: &str) -> String {
        let detail = (!detail.is_empty()).then(|| detail.to_owned());
        let row = AuditRow {
            id: AuditRowId(1),
            at: DateTime::UNIX_EPOCH,
            kind: kind.into(),
            company: None,
            entity: None,
            key: None,
            version: Some(2),
            block: None,
            record_key: None,
            delivery_id: None,
            batch_id: None,
            run_id: None,
            actor: "tieline".into(),
            detail,
        };
        step(&row).words.0
    }

    #[test]
    fn steps_are_said_in_words() {
        assert_eq!(said("version_read", ""), "Version 2 was read from SYSPRO.");
        assert_eq!(said("version_read", r#"{"warnings":["`Name` was cut"]}"#), "Version 2 was read from SYSPRO. `Name` was cut.");
        let kept = said("version_read", r#"{"kept":"it is not sent"}"#);
        assert_eq!(kept, "Version 2 was read from SYSPRO. It is not sent.");
        let confirmed = r#"{"sys_id":"ab","table":"proc_po","how":"inserted"}"#;
        assert_eq!(said("confirmed", confirmed), "ServiceNow has it: created, proc_po ab.");
        assert_eq!(said("looked_up", confirmed), "Tieline looked it up, and ServiceNow has it: created, proc_po ab.");
        assert_eq!(said("looked_up", r#"{"message":"it is not there"}"#), "Tieline looked it up. It is not there. Tieline sends it again.");
        let failed = r#"{"reason":"rejected","message":"period closed","field":"u_date","next_step":"open it"}"#;
        assert_eq!(said("failed", failed), "Failed: it was refused. Period closed. Field: u_date.");
        let partial = r#"{"sys_id":"ab","table":"t","how":"updated","fields":[{"field":"u_x","sent":"1","returned":""}]}"#;
        assert_eq!(
            said("partial_write", partial),
            "ServiceNow has it: updated, t ab, but stored other values than sent: u_x: sent “1”, kept “”."
        );
        assert_eq!(said("run", r#"{"event":"begun","kind":"poll","why":null}"#), "A poll started.");
        assert_eq!(said("action", r#"{"action":"pause","why":"month end"}"#), "Pause. Why: month end.");
        assert_eq!(said("a kind of a later version", "{}"), "");
        assert_eq!(said("failed", "no JSON"), "Failed: it needs a person.");
    }

    #[test]
    fn a_step_that_waits_says_until_when() {
        let row = r#"{"message":"503","not_before":"2026-01-31T08:00:00Z"}"#;
        assert_eq!(said("deferred", row), "Temporary error: 503. Tieline retries.");
    }
}
