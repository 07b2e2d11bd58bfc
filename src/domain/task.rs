//! Tasks in ServiceNow for what people must look at: what they stand for, and their texts. Pure.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::DocumentKey;
use super::EntityName;
use super::delivery::words;
use super::tie_out::Cause;

/// What a task stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskKind)]
pub enum TaskKind {
    /// One record that failed.
    Record,
    /// All records that failed for one cause.
    Cause,
    /// One difference of a tie-out.
    Difference,
    /// All differences of one cause.
    Differences,
}

words!(TaskKind { Record = "record", Cause = "cause", Difference = "difference", Differences = "differences" });

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskState)]
pub enum TaskState {
    /// ServiceNow does not have it yet.
    Due,
    /// ServiceNow has it.
    Open,
    /// Somebody closed it in ServiceNow, and what it stands for is not resolved. Tieline does not open it again.
    ClosedThere,
    /// Its row was deleted in ServiceNow or is hidden, and what it stands for is not resolved. Tieline does not create it again.
    Missing,
    /// What it stands for is resolved, and it is not closed in ServiceNow yet.
    Resolving,
    /// What it stands for is resolved, and nothing is left to do.
    Closed,
}

words!(TaskState {
    Due = "due",
    Open = "open",
    ClosedThere = "closed_there",
    Missing = "missing",
    Resolving = "resolving",
    Closed = "closed",
});

/// What needs a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What it stands for.
    pub kind: TaskKind,
    /// The same by its name.
    pub subject: String,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The record, if it is one.
    pub key: Option<String>,
    /// The cause: of failures its name, of differences its word.
    pub cause: Option<String>,
    /// How many records or differences.
    pub records: i64,
    /// The message of one of them.
    pub message: Option<String>,
    /// What to do.
    pub next_step: Option<String>,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// Some of the keys.
    pub keys: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The texts of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskText {
    /// The short description.
    pub title: String,
    /// The description.
    pub description: String,
    /// A hash of both.
    pub content: String,
}

/// The longest short description that ServiceNow's table takes.
const TITLE: usize = 160;
/// The longest message in a description.
const MESSAGE: usize = 1000;

impl Need {
    /// The texts of its task. `console`: the address of the console, with a slash at its end.
    pub fn text(&self, console: Option<&str>) -> TaskText {
        let (entity, company) = (EntityName::new(&self.entity).spoken(), &self.company);
        let key = self.key.as_deref().map(DocumentKey::shown).unwrap_or_default();
        let reason = self.reason.as_deref().unwrap_or("failed");
        let cause = self.cause.as_deref().unwrap_or("no known cause").replace('_', " ");
        let title = match self.kind {
            TaskKind::Record => format!("Tieline: {entity} {key} of company {company} failed ({reason})"),
            TaskKind::Cause => format!("Tieline: {} records of {entity} (company {company}) failed for one cause ({reason})", self.records),
            TaskKind::Difference => format!("Tieline: {entity} {key} of company {company} differs between both systems ({cause})"),
            TaskKind::Differences => {
                format!("Tieline: {} differences of {entity} (company {company}) between both systems ({cause})", self.records)
            }
        };
        let next_step = match self.kind {
            TaskKind::Record | TaskKind::Cause => self.next_step.clone(),
            TaskKind::Difference | TaskKind::Differences => {
                self.cause.as_deref().and_then(|cause| cause.parse::<Cause>().ok()).map(|cause| cause.next_step().text().into_owned())
            }
        };
        let page = match (self.kind, &self.key) {
            (TaskKind::Record, Some(key)) => format!("records/{}/{}/{}", in_path(company), in_path(&self.entity), in_path(key)),
            (TaskKind::Record | TaskKind::Cause, _) => format!("failures/{}", self.cause.as_deref().unwrap_or_default()),
            (TaskKind::Difference | TaskKind::Differences, _) => "tie-out".to_owned(),
        };
        let message = self.message.as_deref().map(|message| cut(message, MESSAGE));
        let named: Vec<String> = self.keys.iter().map(|key| DocumentKey::shown(key)).collect();
        let keys = (self.key.is_none() && !named.is_empty()).then(|| {
            let more = self.records - named.len() as i64;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("Records: {}{more}", named.join(", "))
        });
        let lines = [
            message,
            keys,
            Some(format!("Since: {}", self.since.format("%Y-%m-%d %H:%M:%SZ"))),
            next_step.map(|step| format!("What to do: {step}")),
            console.map(|console| format!("In Tieline: {console}{page}")),
            Some("Tieline closes this task when it is resolved.".to_owned()),
        ];
        let description = lines.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let title = cut(&title, TITLE);
        let mut hasher = Sha256::new();
        hasher.update(title.as_bytes());
        hasher.update([0]);
        hasher.update(description.as_bytes());
        TaskText { title, description, content: hex::encode(hasher.finalize()) }
    }

    /// The name of the task in ServiceNow: of this need, since it began at this time.
    pub fn correlation(&self, began: DateTime<Utc>) -> String {
        let hash = hex::encode(Sha256::digest(self.subject.as_bytes()));
        format!("tieline-{}-{}", &hash[..24], began.timestamp_micros())
    }
}

/// At most this number of characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// A part of a path of the console.
fn in_path(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    text.bytes().map(|byte| if kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(kind: TaskKind) -> Need {
        Need {
            kind,
            subject: "record EDU1/invoice/0042/INV7".into(),
            company: "EDU1".into(),
            entity: "invoice".into(),
            key: (kind == TaskKind::Record).then(|| "0042/INV7".into()),
            cause: Some("0123456789abcdef".into()),
            records: 12,
            message: Some("period is closed".into()),
            next_step: Some("ask the administrator".into()),
            reason: Some("rejected".into()),
            keys: vec!["0042/INV7".into()],
            since: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_task_says_what_failed_why_what_to_do_and_where() {
        let text = need(TaskKind::Record).text(Some("https://tieline.example/"));
        assert_eq!(text.title, "Tieline: invoice 0042/INV7 of company EDU1 failed (rejected)");
        for part in ["period is closed", "What to do: ask the administrator", "https://tieline.example/records/EDU1/invoice/0042%2FINV7"] {
            assert!(text.description.contains(part), "{part}: {}", text.description);
        }
        let many = need(TaskKind::Cause).text(None);
        assert_eq!(many.title, "Tieline: 12 records of invoice (company EDU1) failed for one cause (rejected)");
        assert!(many.description.contains("Records: 0042/INV7 and 11 more"), "{}", many.description);
        assert_ne!(text.content, many.content);
    }

    #[test]
    fn a_name_in_service_now_is_of_one_beginning() {
        let (first, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1));
        let need = need(TaskKind::Record);
        assert_ne!(need.correlation(first), need.correlation(later));
        assert!(need.correlation(first).len() <= 100, "`correlation_id` has 100 characters");
        assert_eq!(cut(&"ä".repeat(200), TITLE).chars().count(), TITLE);
    }
}
